# SPDX-License-Identifier: LGPL-2.1-or-later
"""A libvirtd with its node device driver alone, as there is no systemd, and virsh, in a view."""

import os
import re
import selectors
import subprocess
import time

TIMEOUT = 60
URI = "nodedev:///system"
DRIVERS = "/usr/lib/x86_64-linux-gnu/libvirt/connection-driver"
CONFIG = """\
unix_sock_group = "root"
auth_unix_ro = "none"
auth_unix_rw = "none"
host_uuid = "8510f1f3-80a3-4bb1-90e1-3b4b07bd5a4d"
log_outputs = "2:file:/var/log/libvirt/libvirtd.log"
"""


class Libvirt:
    """Runs from start() to the end of a `with`. Needs a udevd in the view."""

    def __init__(self, view):
        self.view = view
        self.process = None
        # Else mdevctl shows its stack with each error, which libvirt passes on.
        self.environment = {"RUST_BACKTRACE": "0", "LC_ALL": "C", "LIBVIRT_DRIVER_DIR": "/var/lib/libvirt/drivers"}

    def start(self):
        release = self.view.release
        release.need("libvirtd", "libvirt-daemon")
        release.need("virsh", "libvirt-clients")
        drivers = release.file("/var/lib/libvirt/drivers")
        drivers.mkdir()
        (drivers / "libvirt_driver_nodedev.so").symlink_to(f"{DRIVERS}/libvirt_driver_nodedev.so")
        release.file("/etc/libvirt/libvirtd.conf").write_text(CONFIG)
        command = ["libvirtd", "--config", "/etc/libvirt/libvirtd.conf"]
        self.process = self.view.popen(*command, env=self.environment, stdin=subprocess.DEVNULL)
        end = time.monotonic() + TIMEOUT
        # This waits until it has found what was there. Who comes before, and has a parent, may be listed without it.
        while (answer := self.virsh("nodedev-list", check=False)).returncode:
            assert self.process.poll() is None and time.monotonic() < end, answer.stderr + self.log()
        return self

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        """At once: asked to end, libvirt 11.3 sometimes waits for a thread of its own that has missed it."""
        if self.process:
            self.process.kill()
            self.process.wait()

    def log(self):
        path = self.view.release.file("/var/log/libvirt/libvirtd.log")
        return path.read_text() if path.exists() else "it has written no log"

    def virsh(self, *args, **run):
        return self.view.run("virsh", "--quiet", "--connect", URI, *args, env=self.environment, **run)

    def file(self, xml):
        """By what name virsh finds @xml."""
        path = "/etc/libvirt/device.xml"
        self.view.release.file(path).write_text(xml)
        return path

    def names(self, *args):
        """What nodedev-list says."""
        return sorted(self.virsh("nodedev-list", *args).stdout.split())

    def mdevs(self, *args):
        return self.names("--cap", "mdev", *args)

    def refusal(self, *args, **run):
        result = self.virsh(*args, check=False, **run)
        assert result.returncode == 1, result
        return result.stderr

    def info(self, name):
        return dict(re.findall(r"^(\w+): +(.*)$", self.virsh("nodedev-info", name).stdout, re.M))


class Events:
    """What `virsh nodedev-event` says, from the first event on that it says."""

    def __init__(self, libvirt):
        command = ["stdbuf", "-oL", "virsh", "--connect", URI, "nodedev-event", "--event", "lifecycle", "--loop"]
        self.process = libvirt.view.popen(
            *command, env=libvirt.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
        )
        self.fd = self.process.stdout.fileno()
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.fd, selectors.EVENT_READ)
        self.text = ""

    def read(self, timeout):
        """More of it. Return: False if there was none in time."""
        if not self.selector.select(timeout):
            return False
        more = os.read(self.fd, 1 << 16).decode()
        assert more, "virsh has ended"
        self.text += more
        return True

    def list(self):
        """All so far, in their order: (name, what)."""
        return re.findall(r"^event 'lifecycle' for node device (\S+): (\w+)\n", self.text, re.M)

    def wait_for(self, *wanted, timeout=TIMEOUT):
        """Wait until it has said all of @wanted, pairs as those of list(). Return: False if it does not in time."""
        end = time.monotonic() + timeout
        while not set(wanted) <= set(self.list()):
            if not self.read(max(0, end - time.monotonic())):
                return False
        return True

    def close(self):
        self.process.terminate()
        self.process.communicate()
        self.selector.close()
