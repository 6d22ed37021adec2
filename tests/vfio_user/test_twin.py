# SPDX-License-Identifier: LGPL-2.1-or-later
"""The twin socket: the device's requests for the client's memory on a socket of their own."""

import contextlib
import errno
import json
import os
import resource
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
from conftest import running

HERE = os.path.dirname(os.path.abspath(__file__))
PAGE = 4096
TWIN = {"twin_socket": {"supported": True}}
QEMU_AND_TWIN = {"capabilities": {**vu.QEMU["capabilities"], **TWIN}}
HOWS = pytest.mark.parametrize("how", [0, vu.DMA_IN_THREAD | vu.DMA_WAIT], ids=["callback", "thread"])


@pytest.fixture
def own():
    """A server for this test alone."""
    yield from running()


class TwinClient(vu.Client):
    """A client with a second socket, which is served by a thread after serve_twin()."""

    def __init__(self, path, capabilities=QEMU_AND_TWIN):
        super().__init__(path)
        reply = self.call(vu.VERSION, vu.version_payload(capabilities))
        self.said = json.loads(reply.payload[4:-1])["capabilities"]
        assert self.said["twin_socket"] == {"supported": True, "fd_index": 0}
        (fd,) = reply.fds
        self.twin = vu.Client(socket.socket(fileno=fd))
        self.thread = None

    def serve_twin(self, memory, iova=0):
        def run():
            with contextlib.suppress(vu.Closed, OSError):
                while True:
                    self.twin.serve(self.twin.receive())

        self.twin.serve_from(memory, iova)
        self.thread = threading.Thread(target=run)
        self.thread.start()

    def begin_dma(self, command, iova, size):
        """Nothing is waited for."""
        self.post_reg(vu.REG_DMA_ADDR, iova)
        self.post_reg(vu.REG_DMA_LEN, size)
        return self.send(vu.REGION_WRITE, vu.ACCESS_S.pack(vu.REG_DMA_COMMAND, 0, 8) + struct.pack("<Q", command))

    def dma(self, command, iova, size):
        """Return the device's errno."""
        self.wait(self.begin_dma(command, iova, size))
        return self.read_reg(vu.REG_DMA_STATUS)

    def close(self):
        with contextlib.suppress(OSError):
            self.twin.sock.shutdown(socket.SHUT_RDWR)
        if self.thread:
            self.thread.join()
        self.twin.close()
        super().close()


def connect(server, name="dev0", capabilities=QEMU_AND_TWIN):
    return TwinClient(server.path(name), capabilities)


def status_after(server, name="dev1"):
    """What the device got, seen by the next client."""
    with server.open(name) as c:
        return c.read_reg(vu.REG_DMA_STATUS)


# ---- agreeing on it ----


def test_it_comes_with_the_reply_to_who_proposes_it(server):
    with connect(server) as c:
        assert c.said == {
            "max_msg_fds": 16, "max_data_xfer_size": 1048576, "max_dma_maps": 65535, "pgsizes": 4096,
            "write_multiple": True, "twin_socket": {"supported": True, "fd_index": 0},
        }
        assert len(vu.version_payload({"capabilities": c.said})) < 250
    with connect(server, capabilities={"capabilities": TWIN}) as c:
        assert c.info()[2] == 9


@pytest.mark.parametrize("capabilities", [
    vu.QEMU, {"capabilities": {"twin_socket": {"supported": False}}},
    {"capabilities": {"twin_socket": {"fd_index": 0}}}, {"capabilities": {**TWIN, "max_msg_fds": 0}},
], ids=["qemu", "false", "nothing", "no descriptors"])
def test_who_does_not_propose_it_or_can_not_take_it_has_one_socket(server, capabilities):
    with server.connect() as c:
        reply = c.call(vu.VERSION, vu.version_payload(capabilities))
        assert "twin" not in reply.payload.decode() and not reply.fds
        c.dma_map(0, PAGE)
        c.serve_from(bytearray(b"as ever".ljust(PAGE)))
        c.write_reg(vu.REG_DMA_ADDR, 0)
        c.write_reg(vu.REG_DMA_LEN, 7)
        c.write_reg(vu.REG_DMA_COMMAND, vu.DMA_READ_GUEST)
        assert c.read(4, 0, 7) == b"as ever"


def test_a_version_without_a_reply_has_one_socket(server):
    with server.connect() as c:
        c.send(vu.VERSION, vu.version_payload(QEMU_AND_TWIN), flags=vu.NO_REPLY)
        c.dma_map(0, PAGE)
        c.serve_from(bytearray(b"as ever".ljust(PAGE)))
        c.write_reg(vu.REG_DMA_ADDR, 0)
        c.write_reg(vu.REG_DMA_LEN, 7)
        c.write_reg(vu.REG_DMA_COMMAND, vu.DMA_READ_GUEST)
        assert c.read(4, 0, 7) == b"as ever"


def test_a_server_without_descriptors_for_it_has_one_socket(own):
    with own.connect() as c:
        while own.open_fds() != own.idle_fds + 1:
            pass
        pid = own.process.pid
        free = 1 + max(int(fd) for fd in os.listdir(f"/proc/{pid}/fd"))
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (free, before[1]))
        reply = c.call(vu.VERSION, vu.version_payload(QEMU_AND_TWIN))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        assert "twin" not in reply.payload.decode() and not reply.fds
        assert c.info()[2] == 9


def test_a_second_client_that_is_refused_gets_none(server):
    with connect(server), server.connect() as second:
        assert second.error(vu.VERSION, vu.version_payload(QEMU_AND_TWIN)) == errno.EBUSY
        assert second.at_end()
    server.open().close()
    server.settled_fds(clients=0)


def test_it_works_through_the_door(server):
    with server.open_group() as group:
        fd = group.device("dev0").sock.detach()
        with TwinClient(socket.socket(fileno=fd)) as c:
            c.dma_map(0, PAGE)
            c.serve_twin(bytearray(b"door".ljust(PAGE)))
            assert c.dma(vu.DMA_READ_GUEST, 0, 4) == 0
            assert c.read(4, 0, 4) == b"door"


# ---- using it ----


@HOWS
def test_memory_is_read_and_written_there_and_nowhere_else(server, how):
    with connect(server) as c:
        guest = bytearray(b"x" * 100 + b"by message" + b"y" * 4000)
        c.dma_map(0x10000, PAGE)
        c.serve_twin(guest, 0x10000)
        assert c.dma(vu.DMA_READ_GUEST | how, 0x10000 + 100, 10) == 0
        assert c.read(4, 0, 10) == b"by message"
        c.write(4, 0, b"to the guest")
        assert c.dma(vu.DMA_WRITE_GUEST | how, 0x10000 + 200, 12) == 0
        assert guest[200:212] == b"to the guest"
        assert c.twin.served == [(vu.DMA_READ, 0x10064, 10), (vu.DMA_WRITE, 0x100C8, 12)]
        assert not c.served


def test_large_requests_are_cut_to_what_the_client_takes(server):
    with connect(server, capabilities={"capabilities": {**TWIN, "max_data_xfer_size": 5000}}) as c:
        guest = bytearray(os.urandom(1 << 16))
        c.dma_map(0, 1 << 16)
        c.serve_twin(guest)
        assert c.dma(vu.DMA_READ_GUEST, 0, 1 << 16) == 0
        assert b"".join(c.read(4, at, 4096) for at in range(0, 1 << 16, 4096)) == guest
        assert sum(count for _, _, count in c.twin.served) == 1 << 16
        assert all(count <= 5000 for _, _, count in c.twin.served)


def test_a_megabyte_goes_in_one_message_each_way(server):
    with connect(server) as c:
        guest = bytearray(os.urandom(1 << 20))
        before = bytes(guest)
        c.dma_map(0, 2 << 20)
        c.serve_twin(guest)
        assert c.dma(vu.DMA_READ_GUEST, 0, 1 << 20) == 0
        guest[:] = bytes(1 << 20)
        assert c.dma(vu.DMA_WRITE_GUEST, 0, 1 << 20) == 0
        assert guest == before
        assert len(c.twin.served) == 2


def test_an_answer_may_come_in_pieces(server):
    with connect(server) as c:
        c.dma_map(0, PAGE)
        for _ in range(3):
            command = c.begin_dma(vu.DMA_READ_GUEST, 0, 8)
            asked = c.twin.receive()
            answer = vu.message(asked.id, vu.DMA_READ, asked.payload + b"in parts", vu.REPLY)
            for i in range(len(answer)):
                c.twin.send_raw(answer[i : i + 1])
            c.wait(command)
            assert c.read_reg(vu.REG_DMA_STATUS) == 0
            assert c.read(4, 0, 8) == b"in parts"


@HOWS
def test_an_error_of_the_clients_reaches_the_driver_and_all_goes_on(server, how):
    with connect(server) as c:
        c.dma_map(0, PAGE)
        c.serve_twin(bytearray(16))  # the rest is refused
        for _ in range(3):
            assert c.dma(vu.DMA_READ_GUEST | how, 100, 8) == errno.EFAULT
            assert c.dma(vu.DMA_WRITE_GUEST | how, 100, 8) == errno.EFAULT
            assert c.dma(vu.DMA_READ_GUEST | how, 0, 8) == 0


@pytest.mark.parametrize("size", [16, 20, 40], ids=["header", "some", "all"])
def test_an_error_may_bring_what_an_answer_would(server, size):
    with connect(server) as c:
        c.dma_map(0, PAGE)
        command = c.begin_dma(vu.DMA_READ_GUEST, 0, 8)
        asked = c.twin.receive()
        c.twin.send_raw(vu.message(asked.id, vu.DMA_READ, bytes(size - 16), vu.REPLY | vu.ERROR, error=14))
        c.wait(command)
        assert c.read_reg(vu.REG_DMA_STATUS) == errno.EFAULT
        c.serve_twin(bytearray(PAGE))
        assert c.dma(vu.DMA_READ_GUEST, 0, 8) == 0


def test_requests_are_answered_while_a_drivers_thread_waits_for_memory(server):
    with connect(server) as c:
        c.dma_map(0, PAGE)
        c.wait(c.begin_dma(vu.DMA_READ_GUEST | vu.DMA_IN_THREAD, 0, 8))
        asked = c.twin.receive()
        for i in range(100):
            c.write(0, 0, struct.pack("<I", i))
            assert c.read(0, 0, 4) == struct.pack("<I", i)
        done = c.read_reg(vu.REG_DMA_DONE)
        c.twin.send_raw(vu.message(asked.id, vu.DMA_READ, asked.payload + b"answered", vu.REPLY))
        while c.read_reg(vu.REG_DMA_DONE) == done:
            pass
        assert c.read(4, 0, 8) == b"answered"


def test_an_unmap_waits_for_what_is_being_read(server):
    with connect(server) as c:
        c.dma_map(0, PAGE)
        c.wait(c.begin_dma(vu.DMA_READ_GUEST | vu.DMA_IN_THREAD, 0, 8))
        asked = c.twin.receive()
        unmap = c.send(vu.DMA_UNMAP, vu.DMA_UNMAP_S.pack(24, 0, 0, PAGE))
        c.sock.settimeout(0.1)
        with pytest.raises(TimeoutError):
            c.receive()
        c.sock.settimeout(30)
        c.twin.send_raw(vu.message(asked.id, vu.DMA_READ, asked.payload + b"answered", vu.REPLY))
        assert vu.DMA_UNMAP_S.unpack(c.wait(unmap).payload) == (24, 0, 0, PAGE)
        assert c.read_reg(vu.REG_DMA_STATUS) == 0


def test_callbacks_and_a_drivers_thread_use_it_at_once(server):
    with connect(server) as c:
        c.dma_map(0, 1 << 20)
        c.serve_twin(bytearray(1 << 20))
        begun = c.read_reg(vu.REG_DMA_DONE)
        c.write_reg(vu.REG_DMA_ADDR, 0)
        c.write_reg(vu.REG_DMA_LEN, 100000)
        for _ in range(100):
            c.write_reg(vu.REG_DMA_COMMAND, vu.DMA_WRITE_GUEST | vu.DMA_IN_THREAD)
            c.write_reg(vu.REG_DMA_COMMAND, vu.DMA_WRITE_GUEST)
        while c.read_reg(vu.REG_DMA_DONE) != begun + 200:
            pass
        assert c.read_reg(vu.REG_DMA_STATUS) == 0
        assert len(c.twin.served) == 200


# ---- clients that do not play by the rules ----

WRONG = {
    "address": {"address": 8},
    "count": {"count": 4},
    "short": {"data": b"1234"},
    "long": {"data": b"123456789"},
    "nothing": {"payload": b""},
    "no data": {"data": b""},
    "another id": {"ident": 0x5555},
    "another command": {"command": vu.DMA_WRITE},
    "a request": {"flags": vu.COMMAND},
    "a size of 0": {"size": 0},
    "a size of 15": {"size": 15},
    "a huge size": {"size": 0xFFFFFFFF},
    "an error that is too large": {"flags": vu.REPLY | vu.ERROR, "data": b"123456789"},
    "an error of size 0": {"flags": vu.REPLY | vu.ERROR, "payload": b"", "size": 0},
    "more behind an error": {"flags": vu.REPLY | vu.ERROR, "payload": b"", "behind": b"x"},
    "descriptors": {"fds": 1},
    "many descriptors": {"fds": 253},
    "descriptors with an error": {"flags": vu.REPLY | vu.ERROR, "payload": b"", "fds": 3},
}


def answer_wrongly(twin, asked, address=0, count=8, data=b"12345678", payload=None, ident=None,
                   command=vu.DMA_READ, flags=vu.REPLY, size=None, behind=b"", fds=0):
    if payload is None:
        payload = vu.DMA_ACCESS_S.pack(address, count) + data
    ident = asked.id if ident is None else ident
    twin.send_raw(vu.message(ident, command, payload, flags, size) + behind, [0] * fds)


@HOWS
@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_answer_ends_the_connection_and_the_driver_gets_an_error(server, wrong, how):
    with connect(server, "dev1") as c:
        c.dma_map(0, PAGE)
        c.begin_dma(vu.DMA_READ_GUEST | how, 0, 8)
        answer_wrongly(c.twin, c.twin.receive(), **WRONG[wrong])
        while not c.at_end():
            pass
        assert c.twin.at_end()
    assert status_after(server) == errno.EIO
    server.settled_fds(clients=0)


@pytest.mark.parametrize("behind", [
    b"x", vu.message(1, vu.DMA_READ, vu.DMA_ACCESS_S.pack(0, 8) + bytes(9), vu.REPLY),
    vu.message(7, vu.DMA_READ, vu.DMA_ACCESS_S.pack(0, 8) + bytes(8), vu.REPLY),
], ids=["a byte", "a wrong answer to the next one", "an answer to another"])
def test_an_answer_that_nobody_has_asked_for_ends_it(server, behind):
    with connect(server, "dev1") as c:
        c.dma_map(0, PAGE)
        c.begin_dma(vu.DMA_READ_GUEST, 0, 8)
        answer_wrongly(c.twin, c.twin.receive(), behind=behind)
        assert c.read(4, 0, 8) == b"12345678"
        c.begin_dma(vu.DMA_READ_GUEST, 0, 8)
        with contextlib.suppress(vu.Closed, ConnectionError):
            answer_wrongly(c.twin, c.twin.receive())  # rightly, if it were alone
        while not c.at_end():
            pass
    assert status_after(server) == errno.EIO


def test_an_answer_on_the_other_socket_ends_it(server):
    with connect(server, "dev1") as c:
        c.dma_map(0, PAGE)
        c.wait(c.begin_dma(vu.DMA_READ_GUEST | vu.DMA_IN_THREAD, 0, 8))
        asked = c.twin.receive()
        c.send_raw(vu.message(asked.id, vu.DMA_READ, asked.payload + bytes(8), vu.REPLY))
        assert c.at_end() and c.twin.at_end()
    assert status_after(server) == errno.EIO


@HOWS
def test_who_closes_it_loses_the_device(server, how):
    with connect(server, "dev1") as c:
        c.dma_map(0, PAGE)
        c.begin_dma(vu.DMA_READ_GUEST | how, 0, 8)
        c.twin.receive()
        c.twin.sock.shutdown(socket.SHUT_RDWR)
        while not c.at_end():
            pass
    assert status_after(server) == errno.EIO


@pytest.mark.parametrize("how", [0, vu.DMA_IN_THREAD | vu.DMA_WAIT, vu.DMA_IN_THREAD],
                         ids=["callback", "waiting", "thread"])
@pytest.mark.parametrize("command", [vu.DMA_READ_GUEST, vu.DMA_WRITE_GUEST])
def test_silence_has_an_end(hasty, command, how):
    """Also while the other side takes nothing: the megabyte does not fit into the socket."""
    with connect(hasty, "dev1") as c:
        c.dma_map(0, 1 << 20)
        c.begin_dma(command | how, 0, 1 << 20)
        while not c.at_end():
            pass
    assert status_after(hasty) == errno.EIO
    assert "no answer to DMA_" in hasty.read_log()


def test_answers_that_only_trickle_have_an_end(hasty):
    with connect(hasty, "dev1") as c:
        c.dma_map(0, 1 << 20)
        c.begin_dma(vu.DMA_READ_GUEST | vu.DMA_IN_THREAD, 0, 1 << 20)
        asked = c.twin.receive()
        c.twin.send_raw(vu.HEADER.pack(asked.id, vu.DMA_READ, 32 + (1 << 20), vu.REPLY, 0) + asked.payload)
        with contextlib.suppress(ConnectionError):
            while True:
                c.twin.send_raw(b"x")
                time.sleep(0.01)
    assert status_after(hasty) == errno.EIO


def test_one_who_takes_it_drop_by_drop_has_an_end(hasty):
    with connect(hasty, "dev1") as c:
        c.dma_map(0, 1 << 20)
        c.begin_dma(vu.DMA_WRITE_GUEST | vu.DMA_IN_THREAD, 0, 1 << 20)
        taken = 0
        while data := c.twin.sock.recv(1000):
            taken += len(data)
            time.sleep(0.01)
        assert taken < 1 << 20
    assert status_after(hasty) == errno.EIO


@pytest.mark.parametrize("how", [0, vu.DMA_IN_THREAD | vu.DMA_WAIT, vu.DMA_IN_THREAD],
                         ids=["callback", "waiting", "thread"])
def test_hanging_up_in_the_middle_is_an_end(server, how):
    with connect(server, "dev1") as c:
        c.dma_map(0, PAGE)
        c.begin_dma(vu.DMA_READ_GUEST | how, 0, 8)
        c.twin.receive()
    assert status_after(server) == errno.EIO


KILLED = """
    import sys
    sys.path.insert(0, {here!r})
    import client as vu
    import test_twin as tt
    c = tt.TwinClient(sys.argv[1])
    c.dma_map(0, 1 << 20)
    c.begin_dma(int(sys.argv[2]), 0, 1 << 20)
    if sys.argv[3] == "asked":
        c.twin._fill(1000)
    print("there", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("when", ["sent", "asked"])
@pytest.mark.parametrize("command", [
    vu.DMA_READ_GUEST, vu.DMA_WRITE_GUEST, vu.DMA_WRITE_GUEST | vu.DMA_IN_THREAD | vu.DMA_WAIT,
    vu.DMA_WRITE_GUEST | vu.DMA_IN_THREAD], ids=["read", "write", "waiting", "thread"])
def test_the_client_may_be_killed_in_the_middle(server, command, when):
    if command == vu.DMA_READ_GUEST and when == "asked":
        pytest.skip("a request for reading has no thousand bytes")
    killed = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KILLED).format(here=HERE), server.path("dev1"), str(command), when],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert killed.stdout.readline() == "there\n"
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    killed.stdin.close()
    killed.stdout.close()
    assert status_after(server) == errno.EIO
    server.settled_fds(clients=0)


def test_the_device_may_be_taken_away_in_the_middle(own):
    with connect(own, "dev1") as c:
        c.dma_map(0, PAGE)
        c.begin_dma(vu.DMA_READ_GUEST | vu.DMA_IN_THREAD, 0, 8)
        c.twin.receive()
        own.command("unbind", "dev1")
        while os.path.exists(own.path("dev1")):
            time.sleep(0.001)
    own.command("wait_unbound", "dev1")


def test_the_server_may_end_in_the_middle():
    for own in running():
        clients = [connect(own, "dev0"), connect(own, "dev1")]
        for how, c in zip([0, vu.DMA_IN_THREAD], clients):
            c.dma_map(0, PAGE)
            c.begin_dma(vu.DMA_READ_GUEST | how, 0, 8)
            c.twin.receive()
        own.process.stdin.close()
        for c in clients:
            while not c.at_end():
                pass
            assert c.twin.at_end()
            c.close()


def test_a_thousand_clients_leave_no_descriptors(server):
    for i in range(1000):
        with connect(server, f"dev{i % 4}") as c:
            if i % 3 == 0:
                c.info()
    for i in range(4):
        server.open(f"dev{i}").close()
    server.settled_fds(clients=0)
