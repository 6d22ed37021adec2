# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tree and the events of mtty against what a real Linux 6.1 said."""

import difflib
import os
import pathlib
import re
import shutil
import subprocess

import pytest

HERE = pathlib.Path(__file__).parent
DEVICE = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"


# In Linux 6.1 nothing on the bus mdev matches, so an unbound device stays so; here "bind" brings it
# back, and says EBUSY where there is nothing to bring back. Removed and added lines, in order.
REBIND = f"""\
-write error: No such device
+write error: Device or resource busy
-write error: No such device
+driver
+iommu_group
-
-/sys/bus/mdev/drivers/mtty:
+vendor
+vfio-dev
+
+/sys/bus/mdev/drivers/mtty:
+{DEVICE}
-write error: No such device
"""


def is_more(line):
    """Is it of the attributes that only umdev has?"""
    path = line.split(" ")[-1]
    return re.fullmatch(r"(\S*/)?(port[01]|port[01]/(backend|path)|vfio\d+/(socket|user))", path)


@pytest.mark.skipif(os.geteuid() != 0, reason="the script looks at /sys: needs a mount")
@pytest.mark.skipif(not shutil.which("busybox"), reason="needs busybox, whose error texts are known")
def test_the_tree_is_the_kernels(daemon):
    daemon.start("--load", "mtty")
    shown = subprocess.run(
        ["unshare", "-m", "sh", "-c", f"mount --bind {daemon.sys} /sys && exec busybox sh $0"]
        + [HERE / "mdev-mtty.sh"],
        capture_output=True,
        text=True,
        check=True,
    )
    kernel = (HERE / "mdev-mtty.linux-6.1.txt").read_text().splitlines()
    ours = [line for line in shown.stdout.splitlines() if not is_more(line)]
    kernel = [line for line in kernel if line != "power"]
    differences = [
        line
        for line in difflib.unified_diff(kernel, ours, lineterm="", n=0)
        if not line.startswith(("---", "+++", "@@"))
    ]
    assert differences == REBIND.splitlines(), "\n".join(differences)


def recorded():
    """The commands, and the lines of their events."""
    runs = []
    for line in (HERE / "uevents-mtty.linux-6.1.txt").read_text().splitlines():
        if line.startswith("$ "):
            runs.append((line[2:], []))
        else:
            runs[-1][1].append(line)
    return runs


def run(daemon, command):
    if command.startswith("insmod"):
        assert daemon.ask(command="modprobe", name="mtty")["ok"]
    elif command.startswith("rmmod"):
        assert daemon.ask(command="rmmod", name="mtty")["ok"]
    else:
        text, path = re.fullmatch(r"echo '?(.*?)'? > /sys/(\S+)", command).groups()
        daemon.write(path, text + "\n")


def events_of(daemon, monitor, command):
    run(daemon, command)
    daemon.write("bus/mdev/uevent", "offline")  # the last one of this command
    events = []
    while True:
        env = monitor.receive()["env"]
        action, path = env.pop("ACTION"), env.pop("DEVPATH")
        if action == "offline":
            return events
        events += [f"{action} {path}", *(f"    {key}={env[key]}" for key in sorted(env))]


def test_the_events_are_the_kernels(daemon):
    daemon.start("--load", "mtty")
    with daemon.control() as monitor:
        assert monitor.ask(command="monitor") == {"ok": True}
        for command, expected in recorded():
            got = events_of(daemon, monitor, command)
            difference = "\n".join(difflib.unified_diff(expected, got, "kernel", "umdev"))
            assert got == expected, f"{command}:\n{difference}"
