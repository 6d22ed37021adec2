# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tree and the events of mtty against what a real Linux 6.1 said."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

import transcript

HERE = pathlib.Path(__file__).parent


@pytest.mark.skipif(os.geteuid() != 0, reason="the script looks at /sys: needs a mount")
@pytest.mark.skipif(not shutil.which("busybox"), reason="needs busybox, whose error texts are known")
def test_the_tree_is_the_kernels(no_groups, daemon):
    daemon.start("--load", "mtty")
    shown = subprocess.run(
        ["unshare", "-m", "sh", "-c", f"mount --bind {daemon.sys} /sys && exec busybox sh $0"]
        + [HERE / "mdev-mtty.sh"],
        capture_output=True,
        text=True,
        check=True,
    )
    transcript.check("mdev-mtty", shown.stdout.splitlines())


# Before a script: commands for the kernel's modules, and a cat without sendfile(), which since Linux
# 6.5 believes the length that a file of FUSE had before.
MODULES = """
cat() { /bin/cat "$@"; }
insmod() { "$UMDEV" modprobe "$(basename "$1" .ko)"; }
rmmod() { "$UMDEV" rmmod "$1"; }
. "$0"
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="the script looks at /sys: needs a mount")
@pytest.mark.skipif(not shutil.which("busybox"), reason="needs busybox, whose error texts are known")
def test_binding_on_the_platform_bus_is_the_kernels(daemon):
    daemon.start("--load", "pc_devices", "--load", "reg_dummy")
    umdev = daemon.program.parents[1] / "umdev/umdev"
    shown = subprocess.run(
        ["unshare", "-m", "sh", "-c", f'mount --bind {daemon.sys} /sys && exec busybox sh -c "$@"']
        + ["sh", MODULES, HERE / "binding-platform.sh"],
        env={**os.environ, "UMDEV": str(umdev), "UMDEV_RUNTIME_DIR": str(daemon.runtime)},
        capture_output=True,
        text=True,
        check=True,
    )
    transcript.check("binding-platform", shown.stdout.splitlines())


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


def test_the_events_are_the_kernels(no_groups, daemon):
    daemon.start("--load", "mtty")
    with daemon.control() as monitor:
        assert monitor.ask(command="monitor") == {"ok": True}
        heard = []
        for command in transcript.commands("uevents-mtty"):
            heard += ["$ " + command, *events_of(daemon, monitor, command)]
    transcript.check_events(heard)


@pytest.mark.parametrize("uid", [0, 65534])
def test_on_netlink_the_events_are_the_kernels(no_groups, build_for_all, uid):
    """As root, and as an ordinary user; each in a network namespace of its own."""
    command = [build_for_all / "tests/conformance/heard", build_for_all / "drivers/mtty"]
    if os.geteuid() == 0:
        command = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *command]
    elif uid == 0:
        pytest.skip("needs root")
    result = subprocess.run(
        command,
        input="".join(line + "\n" for line in transcript.commands("uevents-mtty")),
        capture_output=True,
        text=True,
    )
    if result.returncode == 77:
        pytest.skip(result.stderr)
    assert result.returncode == 0, result.stderr
    transcript.check_events(result.stdout.splitlines())
