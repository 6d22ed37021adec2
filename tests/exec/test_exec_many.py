# SPDX-License-Identifier: LGPL-2.1-or-later
"""A view that many want at once, while devices come and go, and while its daemon ends."""

import contextlib
import os
import pathlib
import select
import signal
import subprocess
import uuid

import pytest

from conftest import TIMEOUT
from steps import failing

PATIENCE = 2 * TIMEOUT  # for many processes, all at once


def test_of_fifty_at_once_one_builds(any_view):
    commands = [
        any_view.popen(
            "readlink", "/proc/self/ns/mnt", stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(50)
    ]
    ends = [(*command.communicate(timeout=PATIENCE), command.returncode) for command in commands]
    assert len(set(ends)) == 1, set(ends)
    printed, complaints, status = ends[0]
    assert printed.startswith("mnt:[") and (complaints, status) == ("", 0)
    assert any_view.daemon.log().count("there is a view") == 1


# ---- while devices come and go ----

CHURN = """
    cd {sys}
    say=begun
    while test -e {go}; do
        echo {uuid} > class/mdev_bus/mtty/mdev_supported_types/mtty-1/create &&
        echo 1 > bus/mdev/devices/{uuid}/remove || exit
        test -z "$say" || echo $say
        say=
    done
"""


@contextlib.contextmanager
def devices_that_come_and_go(view, number):
    """Each made and removed all the time, by a process of its own."""
    go = view.daemon.directory / "go"
    go.touch()
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    movers = []
    try:
        for _ in range(number):
            script = CHURN.format(sys=view.daemon.sys, go=go, uuid=uuid.uuid4())
            movers.append(subprocess.Popen(["sh", "-c", script], **pipes, **view.as_user()))
        assert [mover.stdout.readline() for mover in movers] == ["begun\n"] * number
        yield
    finally:
        go.unlink()
        ends = [(mover.communicate(timeout=PATIENCE)[1], mover.returncode) for mover in movers]
    assert ends == [("", 0)] * number


# What is there, and where it leads to.
WALKED = "bus/mdev class/mdev_bus class/vfio class/vfio-dev devices/virtual/mtty"
WALK = ["sh", "-c", f"cd $0 && find {WALKED} -printf '%p %l\\n'"]


def test_a_view_is_built_while_devices_come_and_go(any_view):
    for round in range(5):
        if round:
            any_view.daemon.stop()
            any_view.start("--load", "mtty")
        with devices_that_come_and_go(any_view, 4):
            walk = "ls -R /sys/bus/mdev /sys/class /dev/vfio > /dev/null 2>&1; :"
            walkers = [any_view.popen("sh", "-c", walk) for _ in range(4)]
            assert [walker.wait(PATIENCE) for walker in walkers] == [0] * 4
        kept = str(uuid.uuid4())
        any_view.sh(f"echo {kept} > /sys/class/mdev_bus/mtty/mdev_supported_types/mtty-2/create")
        seen = any_view.run(*WALK, "/sys").stdout.splitlines()
        plain = subprocess.check_output(
            [*WALK, any_view.daemon.sys], text=True, **any_view.as_user()
        ).splitlines()
        assert sorted(seen) == sorted(plain), "the same, whichever way one looks at it"
        assert [line for line in seen if line.startswith(f"bus/mdev/devices/{kept} ")]
        group = os.path.basename(
            any_view.sh(f"readlink /sys/bus/mdev/devices/{kept}/iommu_group").strip()
        )
        assert any_view.sh("ls /dev/vfio").split() == sorted([group, "vfio"])


# ---- while the daemon ends ----


def assert_told_in_a_line(status, complaints):
    """Either it did not need the daemon any more, or it says in one line what is wrong."""
    if status == 0:
        assert complaints == ""
    else:
        assert status == 125, complaints
        assert complaints.startswith("umdev: ") and complaints.count("\n") == 1, complaints


def held_at(view, step, options):
    """A command that waits at this step of building the view, its other end, or (None, None)."""
    fifo = view.daemon.directory / f"hold-{step}"
    os.mkfifo(fifo)
    os.chmod(fifo, 0o666)
    end = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    mark = view.daemon.directory / f"mark-{step}"
    command = view.popen(
        "true",
        options=options,
        env=failing(view, mark, step=step, hold=fifo),
        stderr=subprocess.PIPE,
    )
    process = os.pidfd_open(command.pid)
    ready, _, _ = select.select([end, process], [], [], PATIENCE)
    os.close(process)
    assert ready, "it neither comes to this step nor ends"
    if end in ready:
        return command, end
    os.close(end)
    status, complaints = command.wait(), command.communicate()[1]
    assert (status, complaints) == (0, "")
    return None, None


def commands_of(view):
    """Descriptors of all processes that were given the way to this instance."""
    given = f"UMDEV_RUNTIME_DIR={view.daemon.runtime}".encode()
    found = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if given in pathlib.Path(f"/proc/{process}/environ").read_bytes().split(b"\0"):
                found.append(os.pidfd_open(int(process)))
    return found


def assert_none_left(processes):
    """All of them end, if they have not ended yet."""
    for process in processes:
        ended, _, _ = select.select([process], [], [], PATIENCE)
        assert ended, pathlib.Path(f"/proc/self/fdinfo/{process}").read_text()
        os.close(process)


@pytest.mark.parametrize("options", [[], ["--udev"]], ids=["plain", "udevd"])
def test_a_daemon_that_is_killed_at_any_step_of_building_a_view(any_view, options):
    """Helpers and a udevd, if it comes so far, end with it."""
    steps = 0
    most = 0
    while True:
        steps += 1
        command, end = held_at(any_view, steps, options)
        if not command:
            break
        waiting = any_view.popen("true", stderr=subprocess.PIPE)
        running = commands_of(any_view)
        most = max(most, len(running))
        any_view.daemon.kill()
        assert_told_in_a_line(waiting.wait(PATIENCE), waiting.communicate()[1])
        os.close(end)
        assert_told_in_a_line(command.wait(PATIENCE), command.communicate()[1])
        assert_none_left(running + commands_of(any_view))
        any_view.start("--load", "mtty")
    assert steps > 30
    assert most >= (5 if options else 2), "the command, the one that waits, a keeper and its udevd"
    assert "mtty" in any_view.sh("ls /sys/class/mdev_bus")
    assert "Sanitizer" not in any_view.daemon.log()


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_daemon_that_ends_while_fifty_want_a_view(any_view, end):
    """Those that came in time are in it; all others say in a line why not."""
    commands = [any_view.popen("true", stderr=subprocess.PIPE) for _ in range(50)]
    commands[0].wait(PATIENCE)
    if end == signal.SIGKILL:
        any_view.daemon.kill()
    else:
        any_view.daemon.stop()
    for command in commands:
        assert_told_in_a_line(command.wait(PATIENCE), command.communicate()[1])
    any_view.start("--load", "mtty")
    assert "mtty" in any_view.sh("ls /sys/class/mdev_bus")
    assert "Sanitizer" not in any_view.daemon.log()
