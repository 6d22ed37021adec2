# SPDX-License-Identifier: LGPL-2.1-or-later
"""The door: groups that are opened, their devices, and who is kept out meanwhile."""

import contextlib
import errno
import os
import signal
import socket
import struct
import subprocess
import sys
import textwrap
import threading
import time

import pytest

import client as vu
import door
from conftest import running

HERE = os.path.dirname(os.path.abspath(__file__))
NOWHERE = 0xFFFFFFF0


@pytest.fixture
def own():
    """A server for this test alone."""
    yield from running()


def version_error(c):
    """The errno with which the device is refused to a client."""
    return c.error(vu.VERSION, vu.version_payload())


# ---- open and use ----


def test_every_group_says_where_the_door_is(server):
    assert server.ask("door", "dev0") == server.path(".door")
    assert server.ask("door", "dev3") == server.path(".door")


def test_a_group_is_opened_and_its_device_used(server):
    with server.open_group() as group, group.device("dev0") as c:
        c.version()
        c.write(0, 0, b"door")
        assert c.read(0, 0, 4) == b"door"
        assert c.info()[2] == 9


def test_who_has_a_group_hears_what_the_driver_says(server):
    """As the kernel says it, where other clients see ones instead."""
    with server.open_group() as group, group.device("dev0") as c:
        c.version()
        for reg, error in [(vu.REG_FAIL_IO, errno.EIO), (vu.REG_FAIL_INVAL, errno.EINVAL)]:
            assert c.error(vu.REGION_READ, vu.ACCESS_S.pack(reg, 0, 4)) == error
            assert c.error(vu.REGION_WRITE, vu.ACCESS_S.pack(reg, 0, 4) + bytes(4)) == error
        # The driver gives four bytes, and takes four.
        half = vu.ACCESS_S.pack(vu.REG_FIRST - 4, 0, 4)
        asked = vu.ACCESS_S.pack(vu.REG_FIRST - 4, 0, 8)
        assert c.call(vu.REGION_WRITE, asked + b"abcdefgh").payload == half
        assert c.call(vu.REGION_READ, asked).payload == half + b"abcd"


def test_the_device_can_be_asked_for_again_and_again(server):
    with server.open_group() as group:
        for _ in range(100):
            with group.device("dev0") as c:
                c.version()
                c.info()


def test_a_group_is_free_when_its_holder_has_gone(server):
    for _ in range(100):
        with server.open_group() as group, group.device("dev0") as c:
            c.version()


def test_every_group_has_its_own_holder(server):
    with contextlib.ExitStack() as stack:
        for name in ("dev0", "dev1", "dev2", "dev3"):
            group = stack.enter_context(server.open_group(name))
            stack.enter_context(group.device(name)).version()


def test_the_user_is_whoever_came_to_the_door(own):
    me = f"pid {os.getpid()} ("
    assert own.ask("user", "dev0") == ""
    with own.open_group() as group:
        assert own.ask("user", "dev0").startswith(me)
        with group.device("dev0") as c:
            c.version()
            assert own.ask("user", "dev0").startswith(me)
    with own.open() as c:  # waits for the one before
        c.info()


def test_a_copy_of_the_socket_keeps_the_group(server):
    group = server.open_group()
    copy = group.sock.dup()
    group.close()
    with server.knock() as second:
        assert second.error(door.OPEN, server.group()) == errno.EBUSY
        copy.close()
        second.open(server.group())


# ---- what is refused ----


def test_a_group_that_is_not_there(server):
    with server.knock() as c:
        assert c.error(door.OPEN, NOWHERE) == errno.ENODEV
        c.open(server.group())


@pytest.mark.parametrize("access", [3, 4, 0x80000000])
def test_an_access_that_open_does_not_have(server, access):
    with server.knock() as c:
        assert c.error(door.OPEN, server.group(), access) == errno.EINVAL


def test_a_second_group_on_one_connection(server):
    with server.open_group("dev0") as c:
        assert c.error(door.OPEN, server.group("dev1")) == errno.EINVAL
        with server.open_group("dev1"):
            pass


def test_a_device_before_its_group(server):
    with server.knock() as c:
        assert c.error(door.DEVICE, server.group(), name=b"dev0") == errno.EINVAL


def test_the_device_of_another_group(server):
    with server.open_group("dev0") as c:
        assert c.error(door.DEVICE, server.group("dev0"), name=b"dev1") == errno.ENODEV
        assert c.error(door.DEVICE, server.group("dev1"), name=b"dev1") == errno.EINVAL


@pytest.mark.parametrize("name", [b"", b"dev", b"dev00", b"x" * 255], ids=len)
def test_a_device_that_is_not_there(server, name):
    with server.open_group() as c:
        assert c.error(door.DEVICE, server.group(), name=name) == errno.ENODEV


def test_a_name_without_an_end(server):
    with server.open_group() as c:
        assert c.error(door.DEVICE, server.group(), name=b"dev0" * 64) == errno.EINVAL


def test_what_is_no_request(server):
    with server.knock() as c:
        assert c.error(7) == errno.EINVAL
        assert c.error(door.OPEN, server.group(), version=2) == errno.EINVAL
        c.open(server.group())
        assert c.error(7) == errno.EINVAL
        assert c.error(door.DEVICE, server.group(), name=b"dev0", version=0) == errno.EINVAL


@pytest.mark.parametrize("size", [0, 1, 271, 273, 60000])
def test_a_message_of_another_size_is_the_end(server, size):
    for client in (server.knock(), server.open_group()):
        client.sock.send(bytes(size))
        assert client.at_end()
        client.close()
    server.open_group().close()


def test_a_message_with_descriptors_is_the_end(server):
    for client in (server.knock(), server.open_group()):
        client.send(door.OPEN, server.group(), fds=[0, 1, 2])
        assert client.at_end()
        client.close()
    server.settled_fds(clients=0)


# ---- EBUSY ----


def test_a_group_has_one_holder(server):
    with server.open_group(), server.knock() as second:
        assert second.error(door.OPEN, server.group()) == errno.EBUSY


def test_who_has_the_group_keeps_plain_clients_out(server):
    with server.open_group(), server.connect() as plain:
        assert version_error(plain) == errno.EBUSY
        assert plain.at_end()
    server.open().close()


def test_who_has_the_device_keeps_the_door_shut(server):
    with server.open(), server.knock() as c:
        assert c.error(door.OPEN, server.group()) == errno.EBUSY
    server.open_group().close()


def test_a_plain_client_that_waits_is_in_nobodys_way(server):
    with server.connect() as plain, server.open_group() as group, group.device("dev0") as c:
        c.version()
        assert version_error(plain) == errno.EBUSY


def test_the_device_has_one_user_of_those_with_the_group(server):
    with server.open_group() as group, group.device("dev0") as first, group.device("dev0") as second:
        first.version()
        assert version_error(second) == errno.EBUSY
        first.info()


def test_the_device_stays_its_users_when_the_group_is_closed(server):
    group = server.open_group()
    with group.device("dev0") as c:
        c.version()
        group.close()
        with server.knock() as second, server.connect() as plain:
            assert second.error(door.OPEN, server.group()) == errno.EBUSY
            assert version_error(plain) == errno.EBUSY
        c.write(0, 0, b"mine")
        assert c.read(0, 0, 4) == b"mine"


def test_who_has_not_opened_the_device_loses_it_with_the_group(server):
    group = server.open_group()
    with group.device("dev0") as late:
        group.close()
        assert late.at_end()


def test_a_connection_of_a_holder_before_does_not_open_the_device(server):
    """It was handed out, but is spoken on when the group is somebody else's."""
    group = server.open_group()
    late = group.device("dev0")
    group.close()
    with server.open_group() as now, now.device("dev0") as c:
        c.version()
        with contextlib.suppress(ConnectionError):
            late.send(vu.VERSION, vu.version_payload())
        assert late.at_end()
        c.info()
    late.close()


# ---- who comes right after somebody ----


def hang_in_close(server, name="dev1"):
    """Let the user of a device go in a way that takes long."""
    server.command("hang", name, "close")


def test_the_group_is_waited_for_when_its_last_user_has_gone(own):
    c = own.open("dev1")
    hang_in_close(own)
    c.close()
    own.command("wait_hung", "dev1")
    with own.knock() as next_one:
        next_one.send(door.OPEN, own.group("dev1"))
        # It hears nothing yet, and others are served meanwhile.
        with own.open_group("dev0"):
            pass
        next_one.sock.settimeout(0.1)
        with pytest.raises(TimeoutError):
            next_one.receive()
        next_one.sock.settimeout(30)
        own.command("release", "dev1")
        assert next_one.receive() == (0, [])


def test_nobody_waits_for_ever():
    for own in running("400"):
        c = own.open("dev1")
        hang_in_close(own)
        c.close()
        own.command("wait_hung", "dev1")
        with own.knock() as next_one:
            assert next_one.error(door.OPEN, own.group("dev1")) == errno.EBUSY
            own.command("release", "dev1")
            next_one.open(own.group("dev1"))


def test_who_waits_may_leave_or_be_outlived(own):
    c = own.open("dev1")
    hang_in_close(own)
    c.close()
    own.command("wait_hung", "dev1")
    waiting = [own.knock() for _ in range(4)]
    for w in waiting:
        w.send(door.OPEN, own.group("dev1"))
    waiting.pop(1).close()
    own.command("release", "dev1")
    answers = sorted(w.receive()[0] for w in waiting)
    assert answers == [0, errno.EBUSY, errno.EBUSY]
    for w in waiting:
        w.close()


def test_what_is_waited_for_may_go(own):
    c = own.open("dev1")
    group = own.group("dev1")
    hang_in_close(own)
    c.close()
    own.command("wait_hung", "dev1")
    with own.knock() as waiting:
        waiting.send(door.OPEN, group)
        own.command("unbind", "dev1")
        assert waiting.receive() == (errno.ENODEV, [])
    own.command("release", "dev1")
    own.command("wait_unbound", "dev1")


# ---- removal ----


def test_a_group_alone_does_not_hold_up_the_removal(own):
    with own.open_group("dev1") as group:
        own.command("unbind", "dev1")
        own.command("wait_unbound", "dev1")
        assert group.at_end()
    with own.knock() as c:
        assert c.error(door.OPEN, own.group("dev0") + 1) == errno.ENODEV
    own.command("bind", "dev1")
    own.open_group("dev1").close()


def test_the_removal_waits_for_the_device_and_its_group_is_there_until_then(own):
    with own.open_group("dev1") as group, group.device("dev1") as c:
        late = group.device("dev1")
        c.version()
        own.command("unbind", "dev1")
        while os.path.exists(own.path("dev1")):
            time.sleep(0.001)
        assert late.at_end()
        late.close()
        assert group.error(door.DEVICE, group.group, name=b"dev1") == errno.ENODEV
        with own.knock() as second:
            assert second.error(door.OPEN, group.group) == errno.ENODEV
        c.write(0, 0, b"mine")
        assert c.read(0, 0, 4) == b"mine"
        while f"waiting for pid {os.getpid()} (" not in own.read_log():
            time.sleep(0.001)
        c.close()
        own.command("wait_unbound", "dev1")
        assert group.at_end()


def test_the_server_ends_with_groups_and_devices_in_use():
    for own in running():
        groups = [own.open_group(f"dev{i}") for i in range(4)]
        devices = [group.device(f"dev{i}") for i, group in enumerate(groups)]
        for c in devices[:2]:
            c.version()
        silent = own.knock()
        own.process.stdin.close()
        for c in [*devices, *groups, silent]:
            assert c.at_end()
            c.close()


# ---- limits ----


def test_a_user_has_few_connections_without_a_group_and_the_newest(server):
    with server.open_group() as group:
        silent = [server.knock() for _ in range(16)]
        for c in silent:
            assert c.error(7) == errno.EINVAL
        more = [server.knock() for _ in range(4)]
        for c in more:
            assert c.error(7) == errno.EINVAL
        for c in silent[:4]:
            assert c.at_end()
        for c in silent[4:]:
            assert c.error(7) == errno.EINVAL
        # Who has a group is none of them.
        assert group.error(7) == errno.EINVAL
        for c in silent + more:
            c.close()
    server.settled_fds(clients=0)


def test_few_connections_to_the_device_are_handed_out_at_once(server):
    with server.open_group() as group:
        handed = [group.device("dev0") for _ in range(8)]
        assert group.error(door.DEVICE, group.group, name=b"dev0") == errno.EBUSY
        handed.pop().close()
        while True:
            try:
                handed.append(group.device("dev0"))
                break
            except door.DoorError as error:
                assert error.errno == errno.EBUSY
        handed[-1].version()
        for c in handed:
            c.close()
    # Plain clients have a number of their own.
    server.open().close()


def test_who_takes_no_answers_is_left(server):
    with server.open_group("dev2") as deaf:
        deaf.sock.setblocking(False)
        with contextlib.suppress(ConnectionError):
            while True:
                with contextlib.suppress(BlockingIOError):
                    deaf.send(door.DEVICE, deaf.group, name=b"dev2")
    server.open_group("dev2").close()
    server.settled_fds(clients=0)


class LingeringSocket:
    """A TCP socket whose last close() waits for an hour: nobody reads what was sent on it."""

    def __init__(self):
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            listening.listen()
            self.sock = socket.create_connection(listening.getsockname())
            self.peer, _ = listening.accept()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 3600))
        self.sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                self.sock.send(bytes(1 << 20))

    def leave_to(self, sock, data):
        """Send it, and have it no more. For a server that is stopped, and so closes it last."""
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", self.sock.fileno()))]
        sock.sendmsg([data], rights)
        self.sock.close()


@pytest.mark.parametrize("size", [0, 1, 272, 60000])
@pytest.mark.parametrize("first", [[], [0], [0, 0, 272]])
def test_descriptors_that_are_slow_to_close_hold_up_nobody(server, size, first):
    lingering = LingeringSocket()
    with server.open_group() as c, server.stopped():
        for other in first:
            c.sock.send(bytes(other))
        lingering.leave_to(c.sock, bytes(size))
    for _ in range(20):
        server.open_group().close()
    lingering.peer.close()
    server.settled_fds(clients=0)


def test_such_descriptors_of_one_who_waits_hold_up_nobody(own):
    c = own.open("dev1")
    hang_in_close(own)
    c.close()
    own.command("wait_hung", "dev1")
    lingering = LingeringSocket()
    with own.knock() as waiting:
        waiting.send(door.OPEN, own.group("dev1"))
        with own.stopped():
            lingering.leave_to(waiting.sock, bytes(1))
    own.open_group("dev0").close()
    own.command("release", "dev1")
    own.open_group("dev1").close()
    lingering.peer.close()


def test_such_descriptors_of_one_who_has_to_go_hold_up_nobody(own):
    group = own.group("dev1")
    lingering = LingeringSocket()
    with own.open_group("dev1") as c, own.stopped():
        lingering.leave_to(c.sock, bytes(272))
    with own.knock() as c, own.stopped():
        for _ in range(3):
            c.send(door.OPEN, group)
        lingering = LingeringSocket()
        lingering.leave_to(c.sock, bytes(272))
    own.command("unbind", "dev1")
    own.command("wait_unbound", "dev1")
    own.open_group("dev0").close()
    lingering.peer.close()


def test_a_refused_client_with_such_descriptors_holds_up_nobody(server):
    idle = [server.connect("dev2") for _ in range(8)]
    for c in idle:
        c.send(vu.GET_INFO, vu.INFO_S.pack(16, 0, 0, 0))
        c.receive()
    lingering = LingeringSocket()
    with server.stopped(), server.connect("dev2") as ninth:
        ninth.send_raw(bytes(10000))
        lingering.leave_to(ninth.sock, bytes(100))
    server.open_group().close()
    lingering.peer.close()
    for c in idle:
        c.close()


@pytest.mark.parametrize("which", ["main", "twin"])
def test_such_descriptors_in_the_socket_of_a_device_hold_up_nobody(own, which):
    """Unread, as that is the end already. What was read is closed by this connection's own thread."""
    lingering = LingeringSocket()
    with own.connect("dev1") as c:
        fds = c.call(vu.VERSION, vu.version_payload({"capabilities": {"twin_socket": {"supported": True}}})).fds
        with own.stopped(), socket.socket(fileno=fds[0]) as twin:
            c.send_raw(vu.message(1, 0, size=3), [0])
            lingering.leave_to(c.sock if which == "main" else twin, bytes(1))
    own.open_group("dev0").close()
    with own.open_group("dev1") as group, group.device("dev1") as d:
        d.version()
    lingering.peer.close()


# ---- killed ----

HOLDER = """
    import os, sys
    sys.path.insert(0, {here!r})
    import client as vu, door
    step, path, group, name = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    c = door.DoorClient(path)
    if step != "connected":
        if step == "half":
            c.send(door.OPEN, group)
        else:
            c.open(group)
    if step == "asked":
        c.send(door.DEVICE, group, name=os.fsencode(name))
    if step in ("handed", "opened", "busy"):
        d = c.device(name)
    if step in ("opened", "busy"):
        d.version()
    if step == "busy":
        d.send(vu.REGION_READ, vu.ACCESS_S.pack(0, 4, 1 << 20))
    print("there", flush=True)
    sys.stdin.read()
"""
STEPS = ["connected", "half", "claimed", "asked", "handed", "opened", "busy"]


@pytest.mark.parametrize("step", STEPS)
def test_the_holder_may_be_killed_at_any_step(server, step):
    for _ in range(5):
        holder = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(HOLDER).format(here=HERE), step, server.path(".door"),
             str(server.group("dev3")), "dev3"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert holder.stdout.readline() == "there\n"
        if step not in ("connected", "half", "asked"):
            assert server.ask("user", "dev3").startswith(f"pid {holder.pid} (python")
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        holder.stdin.close()
        holder.stdout.close()
        with server.open_group("dev3") as group, group.device("dev3") as c:
            c.version()
            assert c.read_reg(vu.REG_OPENS) == c.read_reg(vu.REG_CLOSES) + 1
    server.settled_fds(clients=0)


# ---- everybody at once ----


def test_many_at_once_have_it_one_after_the_other(server):
    inside, most, errors = [0], [0], []
    lock = threading.Lock()

    def enter():
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])

    def leave():
        with lock:
            inside[0] -= 1

    def by_the_door():
        with server.knock() as c:
            c.open(group)
            with c.device("dev0") as d:
                d.version()
                enter()
                d.write(0, 0, b"mine")
                leave()

    def plain():
        with server.open() as d:
            enter()
            d.read(0, 0, 4)
            leave()

    def visit(how):
        for _ in range(100):
            try:
                how()
            except OSError as error:
                if error.errno != errno.EBUSY:
                    errors.append(error)
            except vu.Closed:
                pass

    group = server.group()
    threads = [threading.Thread(target=visit, args=[how]) for how in (by_the_door, plain) * 3]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors and most[0] == 1
    with server.open_group() as c, c.device("dev0") as d:
        d.version()
        assert d.read_reg(vu.REG_OPENS) == d.read_reg(vu.REG_CLOSES) + 1


def test_a_device_comes_and_goes_under_many_who_want_it(own):
    over, errors, used = threading.Event(), [], [0]
    group = own.group("dev1")

    def by_the_door():
        with own.knock() as c:
            c.open(group)
            with c.device("dev1") as d:
                d.version()
                d.write(0, 0, b"mine")
                used[0] += 1

    def only_the_group():
        with own.knock() as c:
            c.open(group)

    def plain():
        with own.open("dev1") as d:
            d.read(0, 0, 4)

    def visit(how):
        while not over.is_set():
            try:
                how()
            except OSError as error:
                if error.errno not in (errno.EBUSY, errno.ENODEV, errno.ENOENT, errno.ECONNREFUSED,
                                       errno.EPIPE, errno.ECONNRESET):
                    errors.append(error)
            except vu.Closed:
                pass

    threads = [threading.Thread(target=visit, args=[how]) for how in (by_the_door, only_the_group, plain) * 2]
    for t in threads:
        t.start()
    for _ in range(300):
        own.command("unbind", "dev1")
        own.command("wait_unbound", "dev1")
        own.command("bind", "dev1")
    while not used[0]:
        time.sleep(0.001)
    over.set()
    for t in threads:
        t.join()
    assert not errors
    own.open_group("dev1").close()
    own.settled_fds(clients=0)
