# SPDX-License-Identifier: LGPL-2.1-or-later
"""Devices that another vfio-user server serves: attached, used through the door, detached."""

import contextlib
import errno
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from conftest import SOURCE, TIMEOUT, UMDEV

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "vfio_user"))
import client as vfio_user  # noqa: E402
import door  # noqa: E402

NAME = "other:1.a_b-c"
DIRECTORY = f"bus/vfio-user/devices/{NAME}"


class Other:
    """A server that shares nothing with umdev's, in a process of its own."""

    def __init__(self, path):
        self.path = str(path)
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            [sys.executable, SOURCE / "tests/preload/other_server.py", "--socket-path", self.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout.readline() == b"ready\n"
        return self

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.communicate()
            self.process = None
            os.unlink(self.path)


@pytest.fixture
def other(daemon):
    """One that does not run yet."""
    instance = Other(daemon.directory / "other.sock")
    yield instance
    instance.kill()


@pytest.fixture
def attached(daemon, other):
    """A daemon to which a server that runs is attached."""
    daemon.start()
    daemon.umdev("attach", NAME, other.start().path)
    return daemon


def group_of(daemon):
    return int(os.readlink(daemon.sys / DIRECTORY / "iommu_group").rsplit("/", 1)[1])


def open_group(daemon):
    group = group_of(daemon)
    program = door.DoorClient(daemon.read(f"class/vfio/{group}/socket").strip())
    program.open(group)
    return program


def there(daemon):
    return os.path.lexists(daemon.sys / DIRECTORY)


def user_of(daemon):
    return daemon.read(f"{DIRECTORY}/vfio-dev/vfio{group_of(daemon)}/user").strip()


def until(condition, what):
    end = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.002)


@contextlib.contextmanager
def umdev(daemon, *args):
    """A umdev(1) that runs; its errors come line by line."""
    it = subprocess.Popen(
        [UMDEV, "--runtime-dir", daemon.runtime, *args], stderr=subprocess.PIPE, text=True
    )
    try:
        yield it
    finally:
        it.kill()
        it.wait(TIMEOUT)
        it.stderr.close()


# What is shown.


def test_it_is_a_vfio_device_of_a_bus_of_its_own(attached, other):
    group = group_of(attached)
    directory = attached.sys / DIRECTORY
    assert directory.resolve() == attached.sys / "devices/vfio-user" / NAME
    assert os.readlink(directory / "subsystem").endswith("/bus/vfio-user")
    assert os.readlink(directory / "driver").endswith("/bus/vfio-user/drivers/vfio-user")
    assert os.listdir(attached.sys / f"kernel/iommu_groups/{group}/devices") == [NAME]
    assert attached.read(f"class/vfio/{group}/dev").endswith(f":{group}\n")
    assert attached.read(f"{DIRECTORY}/vfio-dev/vfio{group}/socket") == other.path + "\n"
    assert user_of(attached) == ""
    assert list((attached.runtime / "vfio-user").glob(NAME)) == []


def test_umdev_lists_it(attached, other):
    (device,) = attached.umdev_json("list")
    assert device == {
        "name": NAME,
        "bus": "vfio-user",
        "uuid": None,
        "parent": None,
        "type": None,
        "driver": "vfio-user",
        "iommu_group": str(group_of(attached)),
        "socket": other.path,
        "user": None,
    }
    assert attached.umdev("list").stdout.splitlines()[1].split() == [
        NAME,
        "vfio-user",
        "-",
        "-",
        "vfio-user",
        "-",
    ]
    assert other.path in attached.umdev("qemu-args", NAME).stdout


def test_its_events_are_those_of_a_device(daemon, other):
    daemon.start()
    with daemon.control() as monitor:
        assert monitor.ask(command="monitor")["ok"]
        daemon.umdev("attach", NAME, other.start().path)
        daemon.umdev("detach", NAME)
        events = []
        while ("remove", f"/devices/vfio-user/{NAME}") not in events:
            env = monitor.receive()["env"]
            events.append((env["ACTION"], env["DEVPATH"]))
    top = f"/devices/vfio-user/{NAME}"
    seen = [action for action, path in events if path == top]
    assert seen == ["add", "bind", "unbind", "remove"]
    assert any(path.startswith(f"{top}/vfio-dev/vfio") for _, path in events)


def test_many_are_independent_of_each_other(daemon, other):
    daemon.start()
    names = [f"d{number}" for number in range(50)]
    threads = [
        threading.Thread(target=daemon.umdev, args=("attach", name, other.path)) for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(os.listdir(daemon.sys / "bus/vfio-user/devices")) == sorted(names)
    daemon.umdev("detach", *names)
    assert os.listdir(daemon.sys / "bus/vfio-user/devices") == []


def test_it_can_be_unbound_and_bound_again(attached):
    before = os.stat(attached.sys / DIRECTORY).st_ino
    for _ in range(3):
        attached.umdev("unbind", NAME)
        assert not os.path.exists(attached.sys / DIRECTORY / "vfio-dev")
        attached.umdev("bind", NAME)
        assert os.path.exists(attached.sys / DIRECTORY / "vfio-dev")
    assert os.stat(attached.sys / DIRECTORY).st_ino == before
    attached.umdev("unbind", NAME)
    attached.umdev("detach", NAME)
    assert not there(attached)


# What is used.


def test_a_program_speaks_with_the_other_server_itself(attached, other):
    with open_group(attached) as program, program.device(NAME) as device:
        device.version()
        device.write(0, 0x100, b"directly")
        assert device.read(0, 0x100, 8) == b"directly"
        me = f"pid {os.getpid()} ("
        assert user_of(attached).startswith(me)
        assert attached.umdev_json("list")[0]["user"].startswith(me)
        # It is the other process that is at the other end.
        with open("/proc/net/unix") as sockets:
            assert any(other.path in line for line in sockets)
        cred = device.sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 4)
        assert int.from_bytes(cred, sys.byteorder) == other.process.pid
    until(lambda: user_of(attached) == "", "it has let go")


def test_one_program_at_a_time(attached):
    with open_group(attached):
        with pytest.raises(door.DoorError) as second:
            open_group(attached)
        assert second.value.errno == errno.EBUSY


def test_a_server_that_comes_later_is_found_and_one_that_died_is_waited_for(daemon, other):
    daemon.start()
    done = daemon.umdev("attach", NAME, other.path)
    assert done.stderr == (
        f"umdev: nothing is at {other.path} yet: until a server is, opening the device fails\n"
    )
    for _ in range(2):
        with open_group(daemon) as program:
            assert program.error(door.DEVICE, program.group, name=NAME.encode()) == errno.ECONNREFUSED
            other.start()
            with program.device(NAME) as device:
                device.version()
                other.kill()
                assert device.at_end()
    assert there(daemon)


def test_a_path_that_cannot_be_followed_any_more_is_refused(daemon, other):
    daemon.start()
    daemon.umdev("attach", NAME, other.path)
    os.symlink(other.path, other.path)
    with open_group(daemon) as program:
        assert program.error(door.DEVICE, program.group, name=NAME.encode()) == errno.ELOOP
    os.unlink(other.path)


def test_tools_in_the_view_find_it(any_view, other):
    daemon = any_view.daemon
    os.chmod(other.start().path, 0o666)
    daemon.umdev("attach", NAME, other.path, **any_view.as_user())
    path = f"/sys/bus/vfio-user/devices/{NAME}"
    said = any_view.sh(f"udevadm info {path}")
    assert "E: SUBSYSTEM=vfio-user\n" in said and "E: DRIVER=vfio-user\n" in said
    group = any_view.sh(f"basename $(readlink {path}/iommu_group)").strip()
    assert any_view.sh(f"stat -c %F /dev/vfio/{group}") == "character special file\n"
    with door.DoorClient(any_view.sh(f"cat /sys/class/vfio/{group}/socket").strip()) as program:
        program.open(int(group))
        with program.device(NAME) as device:
            device.version()
    daemon.umdev("detach", NAME, **any_view.as_user())
    assert any_view.run("ls", path, check=False).returncode != 0


USED = """\
info 3 9 5
config 57730100
bar0 to the other server
dma 0
bar2 memory
irq 1
"""
PROGRAM = SOURCE / "tests/support/vfio_program.py"


def attach_in(view, other):
    """Return: the number of the group."""
    os.chmod(other.start().path, 0o666)
    view.daemon.umdev("attach", NAME, other.path, **view.as_user())
    return view.sh(f"basename $(readlink /sys/bus/vfio-user/devices/{NAME}/iommu_group)").strip()


def test_an_unmodified_program_of_vfios_own_api_uses_it(any_view, other):
    group = attach_in(any_view, other)
    program = PROGRAM.read_text()
    for _ in range(2):
        assert any_view.run(sys.executable, "-c", program, group, NAME).stdout == USED


def test_such_a_program_is_waited_for_and_can_be_forced(view, other):
    group = attach_in(view, other)
    program = view.popen(
        sys.executable, PROGRAM, group, NAME, "wait", stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert "".join(program.stdout.readline() for _ in range(7)) == USED + "ready\n"
    assert user_of(view.daemon).startswith(f"pid {program.pid} (")
    with umdev(view.daemon, "detach", "--force=60", NAME) as detaching:
        assert f"waiting for pid {program.pid} (" in detaching.stderr.readline()
        until(lambda: "can't be asked to release" in view.daemon.log(), "it waits")
        detaching.send_signal(signal.SIGINT)
        detaching.wait(TIMEOUT)
    view.daemon.write(f"{DIRECTORY}/vfio-dev/vfio{group}/disconnect", "1")
    until(lambda: not there(view.daemon), "it goes on")
    program.communicate("\n", timeout=TIMEOUT)
    assert program.returncode == 0


# What is taken away.


def test_detaching_waits_for_the_program_that_has_it(attached):
    with open_group(attached) as program, program.device(NAME) as device:
        device.version()
        with umdev(attached, "detach", NAME) as detaching:
            assert detaching.stderr.readline().startswith(f"umdev: waiting for pid {os.getpid()} (")
            until(lambda: "waiting for pid" in attached.log(), "it waits")
            # It is whole, and nobody else takes it away.
            device.info()
            assert user_of(attached) != ""
            again = attached.umdev("detach", NAME, check=False)
            assert "is being detached already" in again.stderr
            program.close()
            assert detaching.wait(TIMEOUT) == 0
        # What it has of the other server is between the two.
        device.info()
    assert not there(attached)


def test_ctrl_c_ends_the_wait_and_the_detaching_goes_on(attached):
    with open_group(attached) as program, program.device(NAME) as device:
        device.version()
        with umdev(attached, "detach", NAME) as detaching:
            until(lambda: "waiting for pid" in attached.log(), "it waits")
            detaching.send_signal(signal.SIGINT)
            assert detaching.wait(TIMEOUT) == -signal.SIGINT
        assert there(attached)
    until(lambda: not there(attached), "it goes on")


def test_detaching_by_force_closes_the_door(attached):
    with open_group(attached) as program, program.device(NAME) as device:
        device.version()
        done = attached.umdev("detach", "--force=0", NAME)
        assert program.at_end()
    assert "umdev: closing the connection of pid" in done.stderr
    assert not there(attached)


def test_a_group_without_its_device_is_not_waited_for(attached):
    with open_group(attached) as program:
        attached.umdev("detach", NAME)
        assert program.at_end()


def test_the_name_is_free_again(attached, other):
    for _ in range(3):
        attached.umdev("detach", NAME)
        attached.umdev("attach", NAME, other.path)


def test_the_daemon_ends_while_one_is_used_and_another_is_being_detached(attached, other):
    attached.umdev("attach", "second", other.path)
    with open_group(attached) as program, program.device(NAME) as device:
        device.version()
        with umdev(attached, "detach", NAME) as detaching:
            until(lambda: "waiting for pid" in attached.log(), "it waits")
            attached.stop()
            assert program.at_end()
            detaching.wait(TIMEOUT)


# What is refused.


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".hidden", "-x", "a/b", "a b", "a\nb", "ä", "x" * 64, "x" * 300]
)
def test_names_that_are_none_are_refused(daemon, name):
    daemon.start()
    answer = daemon.ask(command="attach", name=name, socket="/tmp/x")
    assert answer["errno"] == ("ENAMETOOLONG" if len(name) > 60 else "EINVAL")
    assert os.listdir(daemon.sys / "bus/vfio-user/devices") == []


@pytest.mark.parametrize(
    "path, error",
    [
        ("", "EINVAL"),
        ("relative", "EINVAL"),
        ("/tmp/line\nbreak", "EINVAL"),
        ("/" + "x" * 108, "ENAMETOOLONG"),
        ("/etc/passwd", "ENOTSOCK"),
        ("/tmp", "ENOTSOCK"),
    ],
)
def test_paths_that_are_none_are_refused(daemon, path, error):
    daemon.start()
    assert daemon.ask(command="attach", name="x", socket=path)["errno"] == error
    assert os.listdir(daemon.sys / "bus/vfio-user/devices") == []


def test_what_is_asked_for_wrongly_is_refused(attached, other):
    assert attached.ask(command="attach", name="x")["errno"] == "EINVAL"
    assert attached.ask(command="attach", socket=other.path)["errno"] == "EINVAL"
    assert attached.ask(command="attach", name=1, socket=other.path)["errno"] == "EINVAL"
    assert attached.ask(command="attach", name=NAME, socket=other.path)["errno"] == "EEXIST"
    assert attached.ask(command="detach")["errno"] == "EINVAL"
    assert attached.ask(command="detach", name="nobody")["errno"] == "ENODEV"
    twice = attached.umdev("attach", NAME, other.path, check=False)
    assert twice.stderr == f"umdev: {NAME} is attached already\n"


def test_a_path_is_taken_from_where_one_is(daemon, other):
    daemon.start()
    daemon.umdev("attach", NAME, "other.sock", cwd=daemon.directory)
    assert daemon.umdev_json("list")[0]["socket"] == other.path


def test_a_longest_path_is_whole(daemon):
    daemon.start()
    path = "/tmp/" + "x" * 102
    daemon.umdev("attach", NAME, path)
    assert daemon.umdev_json("list")[0]["socket"] == path
    with open_group(daemon) as program:
        assert program.error(door.DEVICE, program.group, name=NAME.encode()) == errno.ECONNREFUSED
