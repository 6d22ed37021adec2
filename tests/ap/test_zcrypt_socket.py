# SPDX-License-Identifier: LGPL-2.1-or-later
"""The socket for requests: many clients, and such as mean no good."""

import contextlib
import errno
import os
import random
import socket
import stat
import struct

import pytest

from conftest import NOBODY
from zcrypt import (
    ANY,
    Busy,
    Connection,
    DATA,
    HEADER,
    MESSAGE_MAX,
    Machine,
    Modexp,
    VERSION,
    answer,
    eventually,
    random_bytes,
)

CLIENTS_OF_USER = 256


@pytest.fixture
def machine(daemon):
    return Machine(daemon, "04:CEX8P,05:CEX8P", "4")


def descriptors(machine):
    return len(os.listdir(f"/proc/{machine.daemon.process.pid}/fd"))


def threads(machine):
    names = []
    for task in os.listdir(f"/proc/{machine.daemon.process.pid}/task"):
        with contextlib.suppress(OSError):
            with open(f"/proc/{machine.daemon.process.pid}/task/{task}/comm") as comm:
                names.append(comm.read().strip())
    return names


def is_served(machine):
    with machine.connect() as connection:
        return len(answer(connection.ask(random_bytes(9)).body)[DATA]) == 9


# ---- many ----


def test_clients_have_one_thread_for_all_of_them(machine):
    with machine.connections(100) as connections:
        for connection in connections:
            assert connection.ask(random_bytes(1)).error == 0
        assert threads(machine).count("zcrypt") == 1
        assert len([name for name in threads(machine) if "zcrypt" in name]) == 1


def test_many_clients_at_once_get_their_own_answers(machine):
    with Busy(machine, 64) as busy:
        eventually(lambda: busy.answered() > 500)
    assert set(busy.errors) == {0}


def test_replies_come_in_the_order_of_the_requests(machine):
    with machine.connect() as connection:
        tags = [connection.send(random_bytes(size + 1)) for size in range(30)]
        replies = [connection.receive() for _ in tags]
    assert [reply.tag for reply in replies] == tags
    assert [len(answer(reply.body)[DATA]) for reply in replies] == [tag for tag in tags]


def test_who_sends_no_more_still_gets_the_answer(machine):
    with machine.connect() as connection:
        request = Modexp(1024)
        connection.send(request.message())
        connection.socket.shutdown(socket.SHUT_WR)
        assert request.is_answer(connection.receive().body)
        assert connection.receive() is None


# ---- rights ----


def test_the_socket_is_the_owners(machine):
    assert stat.S_IMODE(os.stat(machine.socket).st_mode) == 0o600
    assert machine.read("module/zcrypt_cex4/parameters/socket") == f"{machine.socket}\n"


def test_an_ordinary_users_daemon_has_its_own(idle_user_view, daemon):
    idle_user_view.start("--load", "ap,cards=04:CEX8P,domains=4")
    as_user = idle_user_view.as_user()

    def is_served():
        result = daemon.umdev("ap", "request", "any", "rsa", check=False, **as_user)
        return result.returncode == 0

    eventually(is_served)
    of_socket = os.stat(daemon.runtime / "zcrypt")
    assert (of_socket.st_uid, stat.S_IMODE(of_socket.st_mode)) == (NOBODY, 0o600)


def reload(daemon, *params):
    daemon.umdev("rmmod", "zcrypt_cex4")
    daemon.umdev("modprobe", "zcrypt_cex4", *params)


def test_others_may_be_let_in(daemon):
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    machine = Machine(daemon)
    reload(daemon, "socket_mode=0666")
    path = machine.socket
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o666
    pid = os.fork()
    if not pid:
        status = 1
        with contextlib.suppress(Exception):
            os.setuid(NOBODY)
            with Connection(path) as connection:
                status = connection.ask(random_bytes(1)).error
        os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.mark.parametrize("mode", ["", "8", "rw", "01000", "-1"])
def test_a_mode_that_is_none_is_refused(daemon, mode):
    daemon.start()
    result = daemon.umdev("modprobe", "zcrypt_cex4", f"socket_mode={mode}", check=False)
    assert result.returncode and "socket_mode" in result.stderr
    assert not (daemon.runtime / "zcrypt").exists()


def test_the_socket_can_be_elsewhere_or_nowhere(daemon):
    Machine(daemon)
    reload(daemon, "socket=")
    assert not (daemon.runtime / "zcrypt").exists()
    assert "without a socket" in daemon.umdev("ap", "request", "any", "rsa", check=False).stderr
    path = daemon.directory / "elsewhere"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as left:
        left.bind(str(path))
    reload(daemon, f"socket={path}")
    daemon.umdev("ap", "request", "any", "rsa")
    daemon.umdev("rmmod", "zcrypt_cex4")
    assert not path.exists()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as other:
        other.bind(str(path))
        other.listen()
        result = daemon.umdev("modprobe", "zcrypt_cex4", f"socket={path}", check=False)
        assert result.returncode and os.strerror(errno.EADDRINUSE) in result.stderr
        assert path.is_socket()
    path.unlink()


# ---- hostile ----

GOOD = (VERSION, ANY, ANY, 0, 7)


WRONG = [
    {"version": 0},
    {"version": 2},
    {"card": 256},
    {"card": 0xFFFE},
    {"domain": 256},
    {"domain": 0xFFFE},
    {"reserved": 1},
]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_a_wrong_header_is_refused_and_costs_nothing(machine, wrong):
    fields = {"version": VERSION, "card": ANY, "domain": ANY, "reserved": 0, "tag": 7, **wrong}
    with machine.connect() as connection:
        connection.send_raw(HEADER.pack(*fields.values()) + random_bytes(1))
        reply = connection.receive()
        assert (reply.error, reply.tag, reply.queue) == (errno.EINVAL, 7, None)
        assert connection.ask(random_bytes(1)).error == 0


def test_a_message_that_is_cut_or_too_long_is_refused(machine):
    with machine.connect() as connection:
        for size in range(1, HEADER.size):
            connection.send_raw(HEADER.pack(*GOOD)[:size])
            reply = connection.receive()
            assert (reply.error, reply.tag) == (errno.EINVAL, 0), size
        connection.send_raw(HEADER.pack(*GOOD) + bytes(MESSAGE_MAX + 1))
        assert connection.receive().error == errno.EMSGSIZE
        assert connection.ask(random_bytes(1)).error == 0


def test_whatever_is_sent_is_answered(machine):
    numbers = random.Random(6)
    good = HEADER.pack(*GOOD) + Modexp(512, 1).message()
    with machine.connect() as connection:
        for i in range(2000):
            data = bytearray(good)
            for _ in range(numbers.randrange(4)):
                data[numbers.randrange(len(data))] = numbers.randrange(256)
            if i % 3 == 0:
                del data[numbers.randrange(1, len(data)) :]
            elif i % 3 == 1:
                data += numbers.randbytes(numbers.randrange(40))
            connection.send_raw(bytes(data))
            reply = connection.receive()
            assert reply.error in (0, errno.EINVAL, errno.ENODEV), data.hex()
            assert reply.error or len(reply.body) >= 8, data.hex()
    assert is_served(machine)


def test_an_empty_message_is_one(machine):
    with machine.connect() as connection:
        connection.send_raw(b"")
        assert connection.receive().error == errno.EINVAL
        assert connection.ask(random_bytes(1)).error == 0


def test_who_does_not_read_waits_alone(machine):
    with machine.connect() as connection:
        connection.socket.setblocking(False)
        with pytest.raises(BlockingIOError):
            while True:
                connection.send(random_bytes(8000))
        assert all(is_served(machine) for _ in range(20))
        # And gets everything when it does.
        connection.socket.settimeout(10)
        assert [connection.receive().tag for _ in range(50)] == list(range(1, 51))


def test_who_hangs_up_leaves_nothing(machine):
    before = descriptors(machine)
    for _ in range(50):
        connection = machine.connect()
        for _ in range(3):
            connection.send(Modexp(1024).message())
        connection.close()
    assert is_served(machine)
    eventually(lambda: descriptors(machine) <= before + 2)
    for queue in ["04.0004", "05.0004"]:
        eventually(lambda: machine.get(queue, "load") == "0\n")


def test_a_request_whose_client_has_gone_is_taken_back(daemon):
    machine = Machine(daemon, "04:CEX8P", "4", reset_ms=60000)
    with machine.connections(5) as connections:
        for connection in connections:
            connection.send(random_bytes(1))
        eventually(lambda: machine.count("04.0004", "requestq_count") == 5)
        connections[2].close()
        eventually(lambda: machine.count("04.0004", "requestq_count") == 4)
    eventually(lambda: machine.count("04.0004", "requestq_count") == 0)
    eventually(lambda: machine.get("04.0004", "load") == "0\n")


def lingering():
    """One end of a TCP connection that takes a minute to close: the other end does not read."""
    listener = socket.create_server(("127.0.0.1", 0))
    sender = socket.create_connection(listener.getsockname())
    receiver = listener.accept()[0]
    listener.close()
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 60))
    sender.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            sender.send(bytes(1 << 16))
    sender.setblocking(True)
    return sender, receiver


@pytest.mark.parametrize("number", [1, 253])
@pytest.mark.parametrize("hangs_up", [False, True])
def test_descriptors_are_not_taken_and_hold_up_nobody(daemon, number, hangs_up):
    machine = Machine(daemon, "04:CEX8P", "4", reset_ms=300)
    before = descriptors(machine)
    for body in [HEADER.pack(*GOOD) + random_bytes(1), b"x", b""]:
        sender, receiver = lingering()
        with receiver, machine.connect() as connection, machine.connect() as other:
            # Until the first request is answered the message waits, and has the last reference.
            machine.set("04.0004", "reset", 1)
            connection.send(random_bytes(1))
            socket.send_fds(connection.socket, [body], [sender.fileno()] * number)
            sender.close()
            other.send(random_bytes(1))
            if hangs_up:
                connection.close()
            else:
                assert connection.receive().error == 0
                assert connection.receive() is None
            assert other.receive().error == 0
            assert is_served(machine)
    eventually(lambda: descriptors(machine) <= before + 2)


def test_nobody_takes_all_the_room(machine):
    with contextlib.ExitStack() as stack:
        many = [stack.enter_context(machine.connect()) for _ in range(CLIENTS_OF_USER)]
        assert all(connection.ask(random_bytes(1)).error == 0 for connection in many)
        with machine.connect() as more:
            assert more.receive() is None
        many[0].close()
        eventually(lambda: served_or_refused(machine))


def served_or_refused(machine):
    with machine.connect() as connection:
        with contextlib.suppress(BrokenPipeError):
            connection.send(random_bytes(1))
        reply = connection.receive()
        return reply and reply.error == 0
