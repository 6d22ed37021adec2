# SPDX-License-Identifier: LGPL-2.1-or-later
"""A udevd of one Debian, in the view of an instance, started by hand."""

import subprocess

from notify import Notifications

TIMEOUT = 60


class Udevd:
    """Runs in a `with`. Rules are files in release.file("/etc/udev/rules.d"), written before."""

    def __init__(self, view):
        self.view = view
        self.notify = None
        self.process = None
        self.log_file = view.daemon.directory / "udevd.log"

    def __enter__(self):
        self.notify = Notifications(self.view.daemon.directory / "udevd-notify")
        with open(self.log_file, "w") as log:
            # Rules ask for kernel modules by alias, and some of the aliases here are those of real devices.
            self.process = self.view.popen(
                "setpriv", "--bounding-set", "-sys_module", "/lib/systemd/systemd-udevd",
                env=self.notify.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            ready = self.notify.wait_for("READY=1", self.process.pid, TIMEOUT)
        except BaseException:
            self.process.kill()
            raise
        assert ready, f"udevd has ended: {self.log()}"
        return self

    def __exit__(self, *exc):
        self.process.terminate()
        try:
            status = self.process.wait(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self.notify.close()
        assert exc[0] or status == 0, f"udevd ended with {status}: {self.log()}"

    def log(self):
        return self.log_file.read_text()
