# SPDX-License-Identifier: LGPL-2.1-or-later
"""What udev's tools print, and what they should find."""

import contextlib
import json
import os
import select
import subprocess
import uuid

TIMEOUT = 60
TYPES = {
    "mtty": ["mtty-1", "mtty-2"],
    "1234:00:01.0": ["parents-pci-small", "parents-pci-large"],
    "0.0.0010": ["vfio_ccw-io"],
    "matrix": ["vfio_ap-passthrough"],
}
MODULES = "mtty,parents,overridable,native,substitute".split(",")


def load(*modules):
    """Arguments of umdevd."""
    return [word for name in modules for word in ("--load", name)]


def create(view, parent="mtty", kind="mtty-1"):
    """Make a device. Return: its UUID."""
    name = str(uuid.uuid4())
    view.write(f"class/mdev_bus/{parent}/mdev_supported_types/{kind}/create", name)
    return name


def remove(view, name):
    view.write(f"bus/mdev/devices/{name}/remove", "1")


def one_of_each(view, parents=TYPES):
    return [create(view, parent, kind) for parent in parents for kind in TYPES[parent]]


def devices_of(view):
    """The devices in the instance's own tree that tools have to find, as paths in sysfs."""
    with_uevent = set(view.find(["devices"], "-name", "uevent", "-printf", "%h\n"))
    with_subsystem = set(view.find(["devices"], "-name", "subsystem", "-printf", "%h\n"))
    return with_uevent & with_subsystem


def subsystems_of(view):
    """The buses, drivers and modules there."""
    one_below = ("-mindepth", "1", "-maxdepth", "1")
    found = view.find(["module", "bus"], *one_below)
    return {*found, *view.find(["bus"], "-mindepth", "3", "-maxdepth", "3", "-path", "*/drivers/*")}


def exported(text):
    """What `udevadm info --export-db` printed: {path: {property: value}}"""
    found = {}
    for record in text.split("\n\n"):
        lines = [line.partition(": ")[::2] for line in record.splitlines()]
        paths = [value for key, value in lines if key == "P"]
        if paths:
            found[paths[0]] = dict(value.partition("=")[::2] for key, value in lines if key == "E")
    return found


def export(view):
    return exported(view.run("udevadm", "info", "--export-db").stdout)


def client(view, *arguments):
    """What tests/tools/udev_client finds: a list of objects."""
    shown = view.run(*client_command(view, *arguments))
    return [json.loads(line) for line in shown.stdout.splitlines()]


def client_command(view, *arguments):
    return [str(view.release.build / "tests/tools/udev_client"), *arguments]


class Lines:
    """A program in the view that goes on until its standard input ends, and what it prints, line by line."""

    def __init__(self, view, *command, **popen):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        self.command = command
        self.process = view.popen(*command, **pipes, **popen)
        self.buffer = b""

    def read(self):
        """The next line; None at the end."""
        fd = self.process.stdout.fileno()
        while b"\n" not in self.buffer:
            ready, _, _ = select.select([fd], [], [], TIMEOUT)
            assert ready, f"{self.command[0]} says nothing for {TIMEOUT} s; last: {self.buffer!r}"
            more = os.read(fd, 65536)
            if not more:
                return None
            self.buffer += more
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.decode()

    def has_said_something(self):
        """Would read() return at once?"""
        return b"\n" in self.buffer or bool(select.select([self.process.stdout], [], [], 0)[0])

    def wait_for(self, text):
        """Read up to a line that contains @text. Return: the lines, that one included."""
        lines = []
        while not lines or text not in lines[-1]:
            line = self.read()
            assert line is not None, f"{self.command[0]} has ended after {lines}"
            lines.append(line)
        return lines

    def finish(self):
        """Tell it to end. Return: exit status, and the lines that it still printed."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        lines = []
        while (line := self.read()) is not None:
            lines.append(line)
        return self.process.wait(timeout=TIMEOUT), lines

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(timeout=TIMEOUT)
        self.process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
