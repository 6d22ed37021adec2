# SPDX-License-Identifier: LGPL-2.1-or-later
"""Taking a device from a user who does not let go: who waits, who may leave, what goes on."""

import contextlib
import os
import pathlib
import select
import signal
import subprocess
import sys
import threading
import time

import pytest

from conftest import TIMEOUT, UMDEV

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "vfio_user"))
import client as vfio_user  # noqa: E402
import door  # noqa: E402

TYPE = "class/mdev_bus/mtty/mdev_supported_types/mtty-1"
UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa10%02x"
DEVICE = UUID % 1
DIRECTORY = f"bus/mdev/devices/{DEVICE}"
REMOVE = (f"{DIRECTORY}/remove", "1")
UNBIND = ("bus/mdev/drivers/mtty/unbind", DEVICE)
BIND = ("bus/mdev/drivers/mtty/bind", DEVICE)

# One write(2), which no library tries again; what it answers is printed.
WRITER = """
import ctypes, errno, os, signal, sys
libc = ctypes.CDLL(None, use_errno=True)
for number in signal.SIGINT, signal.SIGUSR1:
    signal.signal(number, lambda *args: None)
fd = os.open(sys.argv[1], os.O_WRONLY)
data = sys.argv[2].encode()
for _ in range(int(sys.argv[3])):
    print("writing", flush=True)
    done = libc.write(fd, data, len(data))
    print("done" if done == len(data) else errno.errorcode[ctypes.get_errno()], flush=True)
"""


class Writer:
    """A process that writes to a file of the tree, some times to the same open one."""

    def __init__(self, daemon, path, text, times=1):
        self.process = subprocess.Popen(
            [sys.executable, "-c", WRITER, daemon.sys / path, text, str(times)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.line() == "writing"

    def line(self):
        return self.process.stdout.readline().strip()

    def interrupt(self, number=signal.SIGUSR1):
        """Until the signal has come when it was in the system call."""
        self.process.send_signal(number)
        return self.line()

    def wait(self):
        self.process.stdout.close()
        return self.process.wait(TIMEOUT)


@contextlib.contextmanager
def writer(*args):
    it = Writer(*args)
    try:
        yield it
    finally:
        it.process.kill()
        it.wait()


def connect(daemon, device=DEVICE):
    client = vfio_user.Client(str(daemon.runtime / "vfio-user" / device))
    client.version()
    return client


def until(condition, what):
    end = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.002)


def waits(daemon, times=1):
    until(lambda: daemon.log().count("waiting for pid") >= times, "somebody is asked")


def is_in_system_call(pid):
    with open(f"/proc/{pid}/wchan") as wchan:
        return wchan.read() not in ("0", "")


@pytest.fixture
def mtty(daemon):
    daemon.start("--load", "mtty,ports=64")
    daemon.write(f"{TYPE}/create", DEVICE)
    return daemon


def gone(daemon, device=DEVICE):
    return not os.path.lexists(daemon.sys / "bus/mdev/devices" / device)


def unbound(daemon):
    return not os.path.lexists(daemon.sys / DIRECTORY / "vfio-dev")


# The writer may leave.


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGUSR1])
@pytest.mark.parametrize("what, over", [(REMOVE, gone), (UNBIND, unbound)], ids=["remove", "unbind"])
def test_a_signal_ends_the_wait_and_the_removal_goes_on(mtty, what, over, number):
    with connect(mtty) as user:
        with writer(mtty, *what) as waiting:
            waits(mtty)
            assert waiting.interrupt(number) == "EINTR"
            assert waiting.wait() == 0
        # Nothing has changed for the user, and it is still the one who is waited for.
        user.info()
        assert str(os.getpid()) in mtty.umdev_json("list")[0]["user"]
        assert not over(mtty)
    until(lambda: over(mtty), "it goes on")


def test_a_signal_that_comes_before_the_wait_ends_it_too(mtty):
    """It is sent at once, whenever that is: before the write, in it, or while it waits."""
    with connect(mtty):
        with writer(mtty, *REMOVE) as waiting:
            waiting.process.send_signal(signal.SIGUSR1)
            waits(mtty)
            # Before the system call began it interrupted nothing.
            assert waiting.interrupt() == "EINTR"
    until(lambda: gone(mtty), "it goes on")


def test_who_tries_again_is_told_that_the_file_is_gone(mtty):
    with connect(mtty):
        with writer(mtty, *REMOVE, 2) as waiting:
            waits(mtty)
            assert waiting.interrupt() == "EINTR"
            assert waiting.line() == "writing"
            assert waiting.line() == "ENODEV"
            with pytest.raises(FileNotFoundError):
                mtty.write(*REMOVE)
    until(lambda: gone(mtty), "it goes on")


def test_who_has_it_open_is_told_at_once_while_another_one_waits(mtty):
    fd = os.open(mtty.sys / REMOVE[0], os.O_WRONLY)
    with connect(mtty):
        with writer(mtty, *REMOVE) as waiting:
            waits(mtty)
            with pytest.raises(OSError, match="No such device"):
                os.write(fd, b"1")
            assert waiting.process.poll() is None
    os.close(fd)
    until(lambda: gone(mtty), "it goes on")


@pytest.mark.parametrize("what, over", [(REMOVE, gone), (UNBIND, unbound)], ids=["remove", "unbind"])
def test_the_writer_is_killed_and_the_removal_goes_on(mtty, what, over):
    with connect(mtty) as user:
        with writer(mtty, *what) as waiting:
            waits(mtty)
            waiting.process.kill()
            assert waiting.wait() == -signal.SIGKILL
        user.info()
        assert not over(mtty)
    until(lambda: over(mtty), "it goes on")


def test_who_waits_for_the_one_who_waits_may_leave_too(mtty):
    """The second "unbind", a "bind" and a "remove" wait for the same device's lock."""
    with connect(mtty):
        with contextlib.ExitStack() as stack:
            first = stack.enter_context(writer(mtty, *UNBIND))
            waits(mtty)
            others = [stack.enter_context(writer(mtty, *what)) for what in (UNBIND, BIND, REMOVE)]
            for other in others:
                until(lambda: is_in_system_call(other.process.pid), "it waits")
                assert other.interrupt() == "EINTR"
            assert first.process.poll() is None
            assert first.interrupt() == "EINTR"
    # The first and the last had begun something. What the others wanted was not done.
    until(lambda: gone(mtty), "it goes on")
    assert "bound" not in mtty.log()


def test_the_same_open_file_again_may_leave_as_well(mtty):
    with connect(mtty):
        with writer(mtty, *UNBIND, 3) as waiting:
            waits(mtty)
            for _ in range(2):
                assert waiting.interrupt() == "EINTR"
                assert waiting.line() == "writing"
                until(lambda: is_in_system_call(waiting.process.pid), "it waits again")
            # The third write waits for the first, and finds nothing to be done.
            assert mtty.log().count("waiting for pid") == 1
            user = mtty.umdev_json("list")[0]["user"]
            assert str(os.getpid()) in user


def test_signals_do_not_end_what_waits_for_nobody(mtty):
    """Only the wait for a user is left early: here there is none, and the write is done."""
    for number in range(2, 30):
        mtty.write(f"{TYPE}/create", UUID % number)
        with writer(mtty, f"bus/mdev/devices/{UUID % number}/remove", "1") as quick:
            assert quick.interrupt() == "done"
        assert gone(mtty, UUID % number)


# Many, and the end.


def test_many_who_wait_or_have_left_hold_up_nobody(mtty):
    users, writers = [], []
    with contextlib.ExitStack() as stack:
        for number in range(2, 50):
            mtty.write(f"{TYPE}/create", UUID % number)
            users.append(stack.enter_context(connect(mtty, UUID % number)))
            writers.append(
                stack.enter_context(
                    writer(mtty, f"bus/mdev/devices/{UUID % number}/remove", "1")
                )
            )
        waits(mtty, len(writers))
        for leaving in writers[::2]:
            assert leaving.interrupt() == "EINTR"
        assert mtty.read("bus/mdev/drivers_autoprobe") == "1\n"
        mtty.write(f"{TYPE}/create", UUID % 60)
        mtty.write(f"bus/mdev/devices/{UUID % 60}/remove", "1")
        for user in users:
            user.close()
        for staying in writers[1::2]:
            assert staying.line() == "done"
    until(lambda: os.listdir(mtty.sys / "bus/mdev/devices") == [DEVICE], "all are gone")


@pytest.mark.parametrize("left", [True, False], ids=["left", "waiting"])
def test_the_daemon_ends_while_a_removal_waits(mtty, left):
    with connect(mtty) as user, writer(mtty, *REMOVE) as waiting:
        waits(mtty)
        if left:
            assert waiting.interrupt() == "EINTR"
        mtty.stop()
        with pytest.raises((vfio_user.Closed, ConnectionError)):
            user.info()
        if not left:
            assert waiting.line() in ("done", "ENOTCONN", "ECONNABORTED")


# Closing the user's connection.


def disconnect(daemon, text="1", device=DEVICE):
    [name] = os.listdir(daemon.sys / "bus/mdev/devices" / device / "vfio-dev")
    daemon.write(f"bus/mdev/devices/{device}/vfio-dev/{name}/disconnect", text)


def test_a_user_is_disconnected_and_the_device_is_free_for_the_next(mtty):
    mtty.write(f"{TYPE}/create", UUID % 2)
    with connect(mtty) as user, connect(mtty, UUID % 2) as other:
        disconnect(mtty)
        assert user.at_end()
        # Who connects waits for the one who has just been thrown out.
        with connect(mtty) as heir:
            heir.info()
        other.info()
    assert f"disconnecting pid {os.getpid()} (" in mtty.log()


def test_disconnecting_wants_a_yes_and_needs_no_user(mtty):
    disconnect(mtty)
    with connect(mtty) as user:
        disconnect(mtty, "0")
        with pytest.raises(OSError, match="Invalid argument"):
            disconnect(mtty, "please")
        user.info()
    [name] = os.listdir(mtty.sys / DIRECTORY / "vfio-dev")
    file = mtty.sys / DIRECTORY / "vfio-dev" / name / "disconnect"
    assert file.stat().st_mode & 0o7777 == 0o200


def open_group(daemon, device=DEVICE):
    """A program that has opened the device's group, at the door."""
    group = int(os.readlink(daemon.sys / "bus/mdev/devices" / device / "iommu_group").split("/")[-1])
    program = door.DoorClient(daemon.read(f"class/vfio/{group}/socket").strip())
    program.open(group)
    return program


def test_a_program_that_came_by_the_door_loses_device_and_group(mtty):
    with open_group(mtty) as program, program.device(DEVICE) as device:
        device.version()
        disconnect(mtty)
        assert device.at_end() and program.at_end()
        # Both are free for the next.
        with open_group(mtty) as heir, heir.device(DEVICE) as inherited:
            inherited.version()


def test_a_group_that_is_open_without_its_device_is_lost_too(mtty):
    with open_group(mtty) as program:
        disconnect(mtty)
        assert program.at_end()
        with connect(mtty) as user:
            user.info()


def test_a_removal_that_waits_ends_when_its_user_is_disconnected(mtty):
    with connect(mtty) as user, writer(mtty, *REMOVE) as waiting:
        waits(mtty)
        disconnect(mtty)
        assert waiting.line() == "done"
        assert user.at_end()
    assert gone(mtty)


def test_users_come_and_go_and_are_disconnected_at_once(mtty):
    """No order of these is the wrong one."""
    end = time.monotonic() + 2
    lost, stop = [], threading.Event()

    def throw_out():
        while not stop.is_set():
            disconnect(mtty)

    thread = threading.Thread(target=throw_out)
    thread.start()
    while time.monotonic() < end:
        try:
            with connect(mtty) as user:
                user.info()
        except (vfio_user.Closed, ConnectionError) as error:
            lost.append(error)
    stop.set()
    thread.join(TIMEOUT)
    assert lost
    with connect(mtty) as user:
        user.info()


# The driver asks: REQ.


def ask_me(client):
    """Arm REQ as a VMM does. Return: its eventfd."""
    event = os.eventfd(0, os.EFD_NONBLOCK)
    client.set_irqs(vfio_user.DATA_EVENTFD | vfio_user.TRIGGER, vfio_user.REQ, 0, 1, [event])
    return event


def wait_until_asked(event):
    ready, _, _ = select.select([event], [], [], TIMEOUT)
    assert ready, "nobody has asked"
    return os.eventfd_read(event)


def test_who_has_armed_req_is_asked_again_and_again(mtty):
    with connect(mtty) as user:
        event = ask_me(user)
        with writer(mtty, *REMOVE) as waiting:
            assert wait_until_asked(event) == 1
            waits(mtty)
            # Ten seconds later:
            assert wait_until_asked(event) == 1
            waits(mtty, 2)
            assert waiting.process.poll() is None
        assert "can't be asked" not in mtty.log()
        os.close(event)
    until(lambda: gone(mtty), "it goes on")


# umdev(1).


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


def me():
    with open("/proc/self/comm") as comm:
        return f"pid {os.getpid()} ({comm.read().strip()})"


@pytest.mark.parametrize("command", ["remove", "unbind"])
def test_force_closes_the_connection_of_who_does_not_let_go(mtty, command):
    with connect(mtty) as user:
        done = mtty.umdev(command, "--force=0", DEVICE)
        assert user.at_end()
    assert f"umdev: closing the connection of {me()} to {DEVICE}\n" in done.stderr
    assert gone(mtty) == (command == "remove")
    assert gone(mtty) or unbound(mtty)


def test_force_helps_a_removal_that_waits_to_its_end(mtty):
    with connect(mtty) as user, writer(mtty, *REMOVE) as waiting:
        waits(mtty)
        done = mtty.umdev("remove", DEVICE, check=False)
        assert (done.returncode, done.stderr.splitlines()[-1]) == (
            1,
            f"umdev: {DEVICE} is being removed already",
        )
        mtty.umdev("remove", "--force=0", DEVICE)
        assert gone(mtty)
        assert user.at_end()
        assert waiting.line() == "done"


def test_force_takes_several_devices_at_once(mtty):
    names = [UUID % number for number in range(1, 5)]
    with contextlib.ExitStack() as stack:
        for name in names[1:]:
            mtty.write(f"{TYPE}/create", name)
        users = [stack.enter_context(connect(mtty, name)) for name in names[:3]]
        mtty.umdev("remove", "--force=2", *names)
        assert all(user.at_end() for user in users)
    asked, closed = mtty.log().split(": disconnecting ", 1)
    assert asked.count("waiting for pid") == len(users)
    assert closed.count(": disconnecting ") == len(users) - 1
    assert os.listdir(mtty.sys / "bus/mdev/devices") == []


def test_many_that_nobody_uses_are_removed_at_once(mtty):
    names = [UUID % number for number in range(2, 40)]
    for _ in range(5):
        for name in names:
            mtty.write(f"{TYPE}/create", name)
        assert mtty.umdev("remove", *names).stderr == ""
        assert os.listdir(mtty.sys / "bus/mdev/devices") == [DEVICE]


def test_who_lets_go_in_time_is_not_forced(mtty):
    with connect(mtty) as user, umdev(mtty, "remove", "--force=60", DEVICE) as removing:
        event = ask_me(user)
        assert removing.stderr.readline() == (
            f"umdev: waiting for {me()} to let go of {DEVICE}, for 60 s; "
            "then its connection is closed\n"
        )
        waits(mtty)
        user.info()
        user.close()
        os.close(event)
        assert removing.wait(TIMEOUT) == 0
        assert removing.stderr.read() == ""
    assert gone(mtty)


@pytest.mark.parametrize(
    "command, what, over",
    [("remove", "removal", gone), ("unbind", "unbinding", unbound)],
    ids=["remove", "unbind"],
)
def test_ctrl_c_ends_the_wait_and_says_that_the_removal_goes_on(mtty, command, what, over):
    with connect(mtty) as user:
        with umdev(mtty, command, DEVICE) as removing:
            assert removing.stderr.readline().startswith("umdev: waiting for ")
            waits(mtty)
            removing.send_signal(signal.SIGINT)
            assert removing.wait(TIMEOUT) == -signal.SIGINT
            assert removing.stderr.read() == (
                f"umdev: not waiting any longer: the {what} of {DEVICE} goes on in umdevd\n"
            )
        user.info()
        assert not over(mtty)
    until(lambda: over(mtty), "it goes on")


def test_who_was_stopped_and_continued_goes_on_waiting(mtty):
    """Its write is interrupted by that, which is no answer to whoever has typed the command."""
    with connect(mtty), umdev(mtty, "remove", DEVICE) as removing:
        waits(mtty)
        removing.send_signal(signal.SIGSTOP)
        assert os.waitpid(removing.pid, os.WUNTRACED)[1] == 0x137F
        removing.send_signal(signal.SIGCONT)
        assert os.waitpid(removing.pid, os.WCONTINUED)[1] == 0xFFFF
        assert removing.poll() is None
        disconnect(mtty)
        assert removing.wait(TIMEOUT) == 0
    assert gone(mtty)


def test_a_module_in_use_stays_and_its_users_are_named(mtty):
    with connect(mtty) as user:
        refused = mtty.umdev("rmmod", "mtty", check=False)
        assert refused.returncode == 1
        assert refused.stderr.splitlines() == [
            'umdev: module "mtty" is in use (1 reference)',
            f"umdev: {DEVICE} is used by {me()}",
            "umdev: --wait asks them to let go and waits, --force closes their connections",
        ]
        user.info()
    until(lambda: mtty.read("module/mtty/refcnt") == "0\n", "the user has gone")
    mtty.umdev("rmmod", "mtty")


def test_a_module_can_wait_for_its_users(mtty):
    with connect(mtty) as user:
        event = ask_me(user)
        with umdev(mtty, "rmmod", "--wait", "mtty") as unloading:
            line = unloading.stderr.readline()
            assert line == f"umdev: waiting for {me()} to let go of {DEVICE}\n"
            assert wait_until_asked(event) == 1
            os.close(event)
            # It is as it was for its user, and nobody else comes.
            assert mtty.read("module/mtty/initstate") == "going\n"
            user.info()
            mtty.write(f"{TYPE}/create", UUID % 2)
            with pytest.raises(OSError, match="No such device"):
                connect(mtty, UUID % 2)
            assert mtty.umdev("rmmod", "mtty", check=False).returncode == 1
            user.close()
            assert unloading.wait(TIMEOUT) == 0
    assert gone(mtty) and not os.path.exists(mtty.sys / "module/mtty")


def test_ctrl_c_while_a_module_waits_leaves_it_going(mtty):
    with connect(mtty) as user:
        with umdev(mtty, "rmmod", "--wait", "mtty") as unloading:
            waits(mtty)
            unloading.send_signal(signal.SIGINT)
            assert unloading.wait(TIMEOUT) == -signal.SIGINT
            assert "the unloading of mtty goes on" in unloading.stderr.read()
        assert mtty.read("module/mtty/initstate") == "going\n"
        user.info()
    until(lambda: not os.path.exists(mtty.sys / "module/mtty"), "it goes on")


def test_a_module_can_be_forced(mtty):
    mtty.write(f"{TYPE}/create", UUID % 2)
    with connect(mtty) as user, connect(mtty, UUID % 2) as other:
        done = mtty.umdev("rmmod", "--force=0", "mtty")
        assert user.at_end() and other.at_end()
    assert done.stderr.count("umdev: closing the connection of ") == 2
    assert not os.path.exists(mtty.sys / "module/mtty")


def test_the_daemon_ends_while_a_module_waits(mtty):
    with connect(mtty), umdev(mtty, "rmmod", "--wait", "mtty") as unloading:
        waits(mtty)
        mtty.stop()
        unloading.wait(TIMEOUT)


@pytest.mark.parametrize(
    "args",
    [
        ("list", "--force"),
        ("--force", "remove", DEVICE),
        ("remove", "--wait", DEVICE),
        ("remove", "--force=", DEVICE),
        ("remove", "--force=soon", DEVICE),
        ("remove", "--force=-1", DEVICE),
        ("remove", "--force=1000000", DEVICE),
    ],
)
def test_options_that_make_no_sense_are_refused(mtty, args):
    refused = mtty.umdev(*args, check=False)
    assert refused.returncode == 2
    assert refused.stderr.startswith("umdev: ")
    assert not gone(mtty)
