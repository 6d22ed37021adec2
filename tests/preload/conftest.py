# SPDX-License-Identifier: LGPL-2.1-or-later
"""A program with a connection (client_driver), and servers for it: a good one, and one that does what a test says."""

import os
import socket
import subprocess
import threading

import pytest

import other_server as vu

DRIVER = os.environ.get("CLIENT_DRIVER")
TIMEOUT = 60
VERSION_REPLY = b'{"capabilities":{"max_msg_fds":8,"max_data_xfer_size":1048576}}\0'


class Driver:
    """The program; do() is one command and its answer."""

    program = DRIVER

    def __init__(self, sock):
        if not self.program:
            pytest.fail("nothing names the program (meson test sets CLIENT_DRIVER and DEVICE_DRIVER)")
        self.process = subprocess.Popen(
            [self.program, str(sock.fileno())], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            pass_fds=[sock.fileno()], text=True,
        )
        sock.close()

    def send(self, *words):
        self.process.stdin.write(" ".join(str(word) for word in words) + "\n")
        self.process.stdin.flush()

    def answer(self):
        line = self.process.stdout.readline()
        assert line, f"the program has ended: {self.process.communicate(timeout=TIMEOUT)[1]}"
        return line.strip()

    def do(self, *words):
        self.send(*words)
        return self.answer()

    def descriptors(self):
        return int(self.do("descriptors"))

    def finish(self):
        """End it in order; a sanitizer's report is a failure."""
        if self.process.stdin.closed:
            return
        errors = self.process.communicate(timeout=TIMEOUT)[1]
        # What LeakSanitizer says of a child of fork(); leaks are a report of their own.
        errors = "".join(line for line in errors.splitlines(True) if "False leaks are possible" not in line)
        assert self.process.returncode == 0 and not errors, f"{self.process.returncode}: {errors}"

    def kill(self):
        self.process.kill()
        self.process.wait()


class Peer(vu.Channel):
    """The other end of a connection, for a test that is the server itself."""

    def __init__(self, sock):
        super().__init__(sock)
        sock.settimeout(TIMEOUT)
        self.twin = None

    def close(self):
        if self.twin:
            self.twin.sock.close()
        self.sock.close()

    def expect(self, command):
        message = self.receive()
        assert (message.command, message.flags) == (command, vu.COMMAND)
        return message

    def reply(self, message, payload=b"", fds=(), **changes):
        """Answer @message, with what of the header @changes says."""
        fields = {"ident": message.id, "command": message.command, "flags": vu.REPLY, **changes}
        self.send(vu.pack(payload=payload, **fields), fds)

    def agree(self, driver, twin=False):
        """Let the driver create its connection; with a twin socket or without."""
        driver.send("create")
        message = self.expect(vu.VERSION)
        if twin:
            mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
            text = b'{"capabilities":{"max_msg_fds":8,"twin_socket":{"supported":true,"fd_index":0}}}\0'
            self.reply(message, bytes(4) + text, [theirs.fileno()])
            theirs.close()
            self.twin = Peer(mine)
        else:
            self.reply(message, bytes(4) + VERSION_REPLY)
        assert driver.answer() == f"1048576 8 {int(twin)}"

    def at_end(self):
        """Wait for the client to hang up; what it said before does not matter."""
        try:
            while self.sock.recv(1 << 20):
                pass
        except ConnectionResetError:
            pass
        return True


@pytest.fixture
def pair():
    """A driver and its peer; neither has said anything."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    driver, peer = Driver(theirs), Peer(ours)
    yield driver, peer
    try:
        driver.finish()
    finally:
        driver.kill()
        peer.close()


@pytest.fixture
def haste(pair):
    """The server gets a moment only; asked for before `connected`."""
    pair[0].do("timeout", 300)


@pytest.fixture(params=[False, True], ids=["one-socket", "twin"])
def connected(request, pair):
    """A driver and its peer that have agreed on the protocol; after the test nothing is left over."""
    driver, peer = pair
    before = driver.descriptors()
    peer.agree(driver, request.param)
    yield driver, peer
    if not driver.process.stdin.closed:
        if driver.do("destroy") == "ok":
            # The socket, and what the service thread keeps for good: two.
            assert driver.descriptors() == before - 1 + 2


@pytest.fixture(params=[False, True], ids=["one-socket", "twin"])
def served(request):
    """A driver that is connected to a whole device."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    session = vu.Session(ours, twin=request.param)
    thread = threading.Thread(target=session.run)
    thread.start()
    driver = Driver(theirs)
    assert driver.do("create") == f"1048576 8 {int(request.param)}"
    yield driver
    try:
        driver.finish()
    finally:
        driver.kill()
        thread.join()
