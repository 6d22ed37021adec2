# SPDX-License-Identifier: LGPL-2.1-or-later
"""Commands in the view of an instance, with the tools of one Debian."""

import shlex
import subprocess

from view import View

TIMEOUT = 60


class ToolView(View):
    """As a View; what is run in it is run with the tools of @release."""

    def __init__(self, daemon, release, user=None):
        super().__init__(daemon, release.build, user)
        self.release = release

    def command(self, *command, **how):
        return super().command(*self.release.command(*command), **how)

    def run(self, *command, **run):
        return super().run(*command, **{"timeout": TIMEOUT, "cwd": "/", **run})

    def start_udevd(self, *rules):
        """A udevd of this release, which all commands in the view share from now on; @rules: files or directories."""
        options = ["--udev", *(f"--rules={path}" for path in rules)]
        if not self.release.is_own:
            program = self.release.directory / "udevd"
            udevd = self.release.command("/usr/lib/systemd/systemd-udevd", pids="same-pids")
            program.write_text(f"#!/bin/sh\nexec {shlex.join(udevd)}\n")
            program.chmod(0o755)
            options.append(f"--udevd={program}")
        self.run("true", options=options)

    # ---- the instance's own tree, from outside ----

    def write(self, path, text):
        """One write(2) into it."""
        if self.user is None:
            self.daemon.write(path, text)
        else:
            self.outside("sh", "-c", 'printf %s "$1" > "$2"', "sh", text, self.daemon.sys / path)

    def read(self, path):
        return self.outside("cat", self.daemon.sys / path)

    def find(self, below, *expression):
        """What find(1) finds in it, as paths that begin with "/"."""
        top = f"{self.daemon.sys}/"
        shown = self.outside("find", *(top + path for path in below), *expression)
        return ["/" + line.removeprefix(top) for line in shown.splitlines()]

    def outside(self, *argv):
        done = subprocess.run([str(word) for word in argv], capture_output=True, text=True,
                              timeout=TIMEOUT, **{"cwd": "/", **self.as_user()})
        assert done.returncode == 0, f"{argv}: {done}"
        return done.stdout
