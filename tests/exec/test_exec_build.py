# SPDX-License-Identifier: LGPL-2.1-or-later
"""How a view is built: by one command at a time, wholly or not at all."""

import array
import contextlib
import os
import pathlib
import signal
import socket
import subprocess

import pytest

from conftest import TIMEOUT
from steps import failing


def held(daemon):
    """What the daemon holds for views: namespaces and mounts."""
    links = []
    for fd in pathlib.Path(f"/proc/{daemon.process.pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            links.append(os.readlink(fd))
    return sorted(
        link for link in links if link == "/dev/fuse" or link.split(":")[0] in ("mnt", "net", "user")
    )


def open_files(daemon):
    """How many descriptors it has that are not connections."""
    links = []
    for fd in pathlib.Path(f"/proc/{daemon.process.pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            links.append(os.readlink(fd))
    return len([link for link in links if not link.startswith("socket:")])


def is_there(view):
    """Is there a view, when nobody is building one any more?"""
    with view.control() as control:
        return not control.ask(command="view", net="own")["build"]


@pytest.mark.parametrize("how", ["error", "kill"])
def test_a_build_that_fails_at_any_step_leaves_nothing(any_view, how):
    directory = any_view.daemon.directory
    bare = held(any_view.daemon)
    failures = 0
    for step in range(1, 1000):
        mark = directory / f"failed-{step}"
        kill = {"kill": 1} if how == "kill" else {}
        result = any_view.run(
            "true", env=failing(any_view, mark, step=step, **kill), check=False
        )
        if not mark.exists():
            assert result.returncode == 0, result.stderr
            break
        failures += result.returncode != 0
        if result.returncode == 0:
            pass  # there is another way
        elif result.returncode != -signal.SIGKILL:
            # In the helper process a step cannot kill the command.
            assert result.returncode == 125, result.stderr
            assert result.stderr.startswith("umdev: ") and result.stderr.count("\n") == 1
        if is_there(any_view):
            # It was ready when it happened, or there was another way.
            any_view.daemon.stop()
            any_view.start("--load", "mtty")
        else:
            assert held(any_view.daemon) == bare
    else:
        pytest.fail("there is no end of steps")
    assert failures > 30
    assert "mtty" in any_view.sh("ls /sys/class/mdev_bus")


def test_two_at_once_build_one_view(any_view):
    commands = [
        any_view.popen("readlink", "/proc/self/ns/mnt", stdout=subprocess.PIPE) for _ in range(8)
    ]
    seen = {command.communicate(timeout=TIMEOUT)[0] for command in commands}
    assert len(seen) == 1 and seen != {""}
    assert all(command.returncode == 0 for command in commands)
    assert any_view.daemon.log().count("there is a view") == 1


def test_others_wait_for_who_builds(view):
    with view.control() as builder:
        assert builder.ask(command="view", net="own")["build"]
        with view.popen("true", stderr=subprocess.PIPE) as waiting:
            with pytest.raises(subprocess.TimeoutExpired):
                waiting.wait(0.2)
            builder.close()
            assert waiting.wait(TIMEOUT) == 0, waiting.stderr.read()


def test_the_daemon_ends_while_somebody_builds_and_others_wait(view):
    with view.control() as builder, view.control() as waiting:
        assert builder.ask(command="view", net="own")["build"]
        waiting.send(command="view", net="own")
        view.daemon.stop()


def test_both_networks_are_built_apart(any_view):
    with any_view.control() as builder:
        assert builder.ask(command="view", net="own")["build"]
        any_view.sh("true", net="host")


# ---- builders that do not keep to the rules ----


def send(control, fds, message):
    control.socket.sendmsg(
        [message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    )


def open_all(stack, **paths):
    fds = {}
    for name, path in paths.items():
        fds[name] = os.open(path, os.O_RDWR if path == "/dev/fuse" else os.O_RDONLY)
        stack.callback(os.close, fds[name])
    return fds


def names(*words):
    return ('{"descriptors": [' + ", ".join(f'"{word}"' for word in words) + "]}").encode()


GOOD = {
    "sys": "/dev/fuse",
    "vfio": "/dev/fuse",
    "lower": "/sys",
    "net": "/proc/self/ns/net",
    "mnt": "/proc/self/ns/mnt",
}


@pytest.mark.parametrize(
    "fds, message",
    [
        ({}, b"{}"),
        ({}, b"no object"),
        ({}, b"[" * 100),
        ({}, b"{" + b" " * 5000 + b"}"),
        ({}, b'{"descriptors": {}}'),
        ({}, names("sys", "vfio")),
        ({"sys": "/dev/fuse"}, b'{"descriptors": [null]}'),
        ({"sys": "/dev/fuse"}, names("sys", "sys")),
        ({"sys": "/dev/fuse", "vfio": "/dev/fuse"}, names("sys", "sys")),
        ({"sys": "/dev/fuse"}, names("what")),
        ({"sys": "/dev/fuse"}, names()),
        ({**GOOD}, names(*GOOD)),  # without netlink
        ({**GOOD, "netlink": "/dev/null"}, names(*GOOD, "netlink")),
        ({**GOOD, "netlink": "/dev/null", "sys": "/dev/null"}, names(*GOOD, "netlink")),
        ({**GOOD, "netlink": "/dev/null", "mnt": "/proc/self/ns/net"}, names(*GOOD, "netlink")),
        ({**GOOD, "netlink": "/dev/null", "lower": "/dev/null"}, names(*GOOD, "netlink")),
        ({str(i): "/dev/null" for i in range(7)}, names(*"abcdefg")),
        ({str(i): "/dev/null" for i in range(8)}, names(*"abcdefgh")),
        ({str(i): "/dev/null" for i in range(60)}, names(*"abcdefgh")),
    ],
)
def test_what_is_no_view_is_refused(view, fds, message):
    bare = held(view.daemon)
    count = open_files(view.daemon)
    with contextlib.ExitStack() as stack, view.control() as control:
        assert control.ask(command="view", net="own")["build"]
        send(control, list(open_all(stack, **fds).values()), message)
        answer = control.receive()
        assert answer is None or not answer["ok"]
        assert held(view.daemon) == bare
        assert open_files(view.daemon) == count
    assert "mtty" in view.sh("ls /sys/class/mdev_bus")


def test_a_channel_that_is_not_mounted_is_refused(view):
    with contextlib.ExitStack() as stack, view.control() as control:
        assert control.ask(command="view", net="host")["build"]
        fds = open_all(stack, **{name: GOOD[name] for name in ("sys", "vfio", "lower", "mnt")})
        send(control, list(fds.values()), names(*fds))
        assert control.receive()["error"] == "these are not the descriptors of a view"
    assert "mtty" in view.sh("ls /sys/class/mdev_bus", net="host")


@pytest.mark.parametrize("net", [None, "", "both", 5, ["own"]])
def test_a_view_that_there_is_not(view, net):
    answer = view.daemon.ask(command="view", net=net)
    assert answer["errno"] == "EINVAL"
    assert answer["error"] == 'a view has "net": "own" or "host"'


def test_descriptors_that_nobody_asked_for_are_dropped(view):
    count = open_files(view.daemon)
    with view.control() as control:
        for _ in range(20):
            with contextlib.ExitStack() as stack:
                fds = open_all(stack, a="/dev/null", b="/dev/null")
                send(control, list(fds.values()), b'{"command": "status"}')
                assert control.receive()["ok"]
        assert open_files(view.daemon) == count
