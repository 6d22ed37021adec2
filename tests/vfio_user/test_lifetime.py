# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sockets that come and go with their devices; clients that come, go, and are refused."""

import errno
import os
import socket
import stat
import struct
import subprocess
import tempfile
import time

import pytest

import client as vu
from conftest import Server, running

INFO = vu.INFO_S.pack(16, 0, 0, 0)
KEPT_MB = 4


@pytest.fixture
def own():
    """A server for this test alone."""
    yield from running()


def test_every_device_has_a_socket_with_its_name_and_rights(server):
    assert sorted(os.listdir(server.directory.name)) == [".door", "dev0", "dev1", "dev2", "dev3"]
    for name in os.listdir(server.directory.name):
        mode = os.lstat(server.path(name)).st_mode
        assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == (0o666 if name == ".door" else 0o600)


def test_the_mode_can_be_set():
    for own in running("4000", "660"):
        assert stat.S_IMODE(os.lstat(own.path()).st_mode) == 0o660


def test_no_socket_is_left_when_the_server_ends():
    with tempfile.TemporaryDirectory() as directory:
        process = subprocess.Popen([os.environ["DEVICE_SERVER"], directory], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert process.stdout.readline() == b"ready\n"
        assert os.listdir(directory)
        process.stdin.close()
        assert process.wait(60) == 0
        process.stdout.close()
        assert not os.listdir(directory)


def start_in(directory):
    return subprocess.run([os.environ["DEVICE_SERVER"], directory], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=60, text=True)


def test_a_socket_of_a_server_that_died_is_replaced():
    with tempfile.TemporaryDirectory() as directory:
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(os.path.join(directory, "dev0"))
        assert start_in(directory).stdout == "ready\n"


def test_a_socket_of_a_server_that_lives_is_left_alone(server):
    before = os.lstat(server.path()).st_ino
    second = start_in(server.directory.name)
    assert second.returncode == 1
    assert "Address already in use" in second.stderr
    assert os.lstat(server.path()).st_ino == before
    with server.open():
        pass


def test_what_is_no_socket_is_left_alone():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "dev0")
        with open(path, "w", encoding="ascii") as file:
            file.write("precious")
        assert start_in(directory).returncode == 1
        with open(path, encoding="ascii") as file:
            assert file.read() == "precious"


def test_a_directory_whose_name_is_too_long_is_refused():
    with tempfile.TemporaryDirectory() as directory:
        deep = os.path.join(directory, "x" * 100)
        os.mkdir(deep)
        assert "File name too long" in start_in(deep).stderr
        os.rmdir(deep)


def test_a_socket_goes_with_its_device_and_comes_back_with_it(own):
    own.command("unbind", "dev1")
    own.command("wait_unbound", "dev1")
    assert not os.path.exists(own.path("dev1"))
    own.command("bind", "dev1")
    with own.open("dev1") as c:
        c.info()


def test_a_device_that_goes_waits_for_its_user_and_lets_nobody_else_in(own):
    with own.open("dev1") as c:
        waiting = own.connect("dev1")
        waiting.send_raw(b"half a message")
        own.command("unbind", "dev1")
        while os.path.exists(own.path("dev1")):
            time.sleep(0.001)
        assert waiting.at_end()
        waiting.close()
        c.write(0, 0, b"mine")
        assert c.read(0, 0, 4) == b"mine"
        while "can't be asked to release the device" not in own.read_log():
            time.sleep(0.001)
    own.command("wait_unbound", "dev1")
    assert f"pid {os.getpid()} (" in own.read_log()


def test_the_server_disconnects_its_clients_when_it_ends():
    for own in running():
        clients = [own.open(f"dev{i}") for i in range(4)]
        own.process.stdin.close()
        for c in clients:
            assert c.at_end()
            c.close()


def test_a_second_client_is_refused_at_once_and_the_first_one_goes_on(server):
    with server.open() as first, server.connect() as second:
        begun = time.monotonic()
        assert second.error(vu.VERSION, vu.version_payload()) == errno.EBUSY
        assert second.at_end()
        assert time.monotonic() - begun < 2
        first.write(0, 0, b"mine")
        assert first.read(0, 0, 4) == b"mine"


def test_a_client_that_says_nothing_does_not_keep_others_out(server):
    with server.connect(), server.open() as c:
        c.info()


def test_clients_that_say_nothing_are_not_piled_up(server):
    idle = [server.connect("dev2") for _ in range(8)]
    for c in idle:
        c.send(vu.GET_INFO, INFO)
        c.receive()
    with server.connect("dev2") as ninth:
        assert ninth.at_end()
    for c in idle:
        c.close()
    open_when_heard(server, "dev2").close()


def test_a_device_is_free_at_once_when_its_client_has_gone(server):
    for _ in range(200):
        with server.open() as c:
            c.info()


def test_open_and_close_reach_the_driver_once_each(server):
    with server.open("dev3") as c:
        opens, closes = c.read_reg(vu.REG_OPENS), c.read_reg(vu.REG_CLOSES)
        assert opens == closes + 1
    with server.open("dev3") as c:
        assert (c.read_reg(vu.REG_OPENS), c.read_reg(vu.REG_CLOSES)) == (opens + 1, closes + 1)


def test_device_state_outlives_its_client_but_mappings_and_interrupts_do_not(server):
    guest = vu.GuestMemory(4096)
    event = os.eventfd(0)
    with server.open("dev3") as c:
        c.write(0, 0, b"kept")
        c.dma_map(0, 4096, guest.fd)
        c.set_irqs(vu.DATA_EVENTFD | vu.TRIGGER, vu.MSIX, 0, 1, [event])
    with server.open("dev3") as c:
        assert c.read(0, 0, 4) == b"kept"
        assert c.read_reg(vu.REG_MSIX_ARMED) == 0
        c.write_reg(vu.REG_DMA_LEN, 1)
        c.write_reg(vu.REG_DMA_COMMAND, vu.DMA_READ_GUEST)
        assert c.read_reg(vu.REG_DMA_STATUS) == errno.EFAULT
        server.settled_fds()
    os.close(event)
    guest.close()


def test_posted_writes_before_the_end_are_done(server):
    with server.open("dev3") as c:
        c.write_reg(vu.REG_SEQ_COUNT, 0)
        for i in range(1, 101):
            c.post_reg(vu.REG_SEQ, i)
    with server.open("dev3") as c:
        assert c.read_reg(vu.REG_SEQ_COUNT) == 100
        assert c.read_reg(vu.REG_SEQ_ERRORS) == 0


SESSION = [
    vu.message(1, vu.VERSION, vu.version_payload()),
    vu.message(2, vu.DMA_MAP, vu.DMA_MAP_S.pack(32, 3, 0, 0, 4096)),
    vu.message(3, vu.GET_INFO, INFO),
    vu.message(4, vu.GET_REGION_INFO, vu.REGION_INFO_S.pack(96, 0, 1, 0, 0, 0)),
    vu.message(5, vu.REGION_WRITE, vu.ACCESS_S.pack(0, 0, 8) + b"12345678"),
    vu.message(6, vu.REGION_READ, vu.ACCESS_S.pack(0, 0, 8)),
    vu.message(7, vu.SET_IRQS, vu.IRQ_SET_S.pack(20, 0x24, 2, 0, 1)),
    vu.message(8, vu.DMA_UNMAP, vu.DMA_UNMAP_S.pack(24, 0, 0, 4096)),
    vu.message(9, vu.RESET),
]


def open_when_heard(server, name):
    """A client of a device that has many to hear who have gone already; it refuses more meanwhile."""
    while True:
        try:
            return server.open(name)
        except (vu.Closed, ConnectionError):
            pass


def test_hanging_up_at_any_byte_of_a_session_is_a_close(server):
    session = b"".join(SESSION)
    for at in range(len(session)):
        while True:
            with server.connect("dev3") as c:
                try:
                    c.send_raw(session[:at])
                    break
                except ConnectionError:
                    pass
    with open_when_heard(server, "dev3") as c:
        assert c.read_reg(vu.REG_OPENS) == c.read_reg(vu.REG_CLOSES) + 1
        server.settled_fds()


@pytest.fixture
def frugal(monkeypatch):
    """A server of its own; address sanitizer keeps as much freed memory for a while as it is told here."""
    options = [os.environ.get("ASAN_OPTIONS"), f"quarantine_size_mb={KEPT_MB}", "thread_local_quarantine_size_kb=64"]
    monkeypatch.setenv("ASAN_OPTIONS", ":".join(filter(None, options)))
    yield from running()


def test_a_thousand_clients_leave_neither_descriptors_nor_memory(frugal):
    server = frugal
    guest = vu.GuestMemory(1 << 20)
    event = os.eventfd(0)

    def visit():
        with server.open("dev3") as c:
            c.dma_map(0, 1 << 20, guest.fd)
            c.set_irqs(vu.DATA_EVENTFD | vu.TRIGGER, vu.MSIX, 0, 1, [event])
            c.write(0, 0, b"1234")

    def growth(clients):
        resident = server.resident()
        for _ in range(clients):
            visit()
        server.settled_fds(clients=0)
        return server.resident() - resident

    growth(100)
    # A leak goes on. What a sanitizer keeps (memory that was freed, what each thread did last) has a limit, which a
    # thousand may not reach; but address sanitizer forgets no thread, and needs some 400 bytes of the KiB of each.
    grown = []
    while not grown or grown[-1] >= 1000 * 768:
        assert len(grown) < 5, grown
        grown.append(growth(1000))
    os.close(event)
    guest.close()


def test_a_server_without_descriptors_refuses_instead_of_spinning():
    """Sixty-four are all it may have."""
    import resource

    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, limit[1]))
    try:
        own = Server()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)
    clients = []
    try:
        with own.open("dev0") as c:
            fds = []
            for i in range(40):
                fd = os.eventfd(0)
                fds.append(fd)
                try:
                    c.set_irqs(vu.DATA_EVENTFD | vu.TRIGGER, vu.MSIX, i, 1, [fd])
                except vu.VfioUserError as error:
                    assert error.errno in (errno.EINVAL, errno.EMFILE)
                    break
            for i in range(40):
                clients.append(own.connect(f"dev{1 + i % 3}"))
            assert clients[-1].at_end()
            assert c.info()[2] == 9
            assert "no more file descriptors" in own.read_log() or "others wait already" in own.read_log()
            for fd in fds:
                os.close(fd)
    finally:
        for c in clients:
            c.close()
        status, log = own.finish()
    assert status == 0, log


def test_the_clients_process_may_vanish(server):
    """As when it is killed: its end of the socket is closed with messages unread."""
    with server.open("dev3") as c:
        c.send_raw(vu.message(1, vu.REGION_READ, vu.ACCESS_S.pack(0, 4, 1 << 16)) * 100)
    with server.open("dev3") as c:
        c.info()


def test_a_client_that_reads_nothing_hurts_nobody_else(server):
    with server.open("dev3") as deaf, server.open("dev2") as other:
        deaf.sock.setblocking(False)
        try:
            while True:
                deaf.sock.send(vu.message(1, vu.REGION_READ, vu.ACCESS_S.pack(0, 4, 1 << 16)))
        except BlockingIOError:
            pass
        for _ in range(100):
            other.read(0, 0, 4)
        deaf.sock.setblocking(True)
