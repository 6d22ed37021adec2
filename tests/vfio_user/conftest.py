# SPDX-License-Identifier: LGPL-2.1-or-later
"""A device_server for each test module, and clients of its devices."""

import contextlib
import os
import signal
import subprocess
import tempfile
import time

import pytest

import client as vu
import door


class Server:
    """A running device_server; command() is answered before it returns."""

    def __init__(self, *args):
        program = os.environ.get("DEVICE_SERVER")
        if not program:
            pytest.fail("DEVICE_SERVER does not name the program (meson test sets it)")
        self.directory = tempfile.TemporaryDirectory(prefix="vfio-user-")
        self.log = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen(
            [program, self.directory.name, *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        ready = self.process.stdout.readline().strip()
        assert ready == "ready", self.read_log()
        self.idle_fds = self.open_fds()

    def read_log(self):
        self.log.seek(0)
        return self.log.read()

    def path(self, name="dev0"):
        return os.path.join(self.directory.name, name)

    def ask(self, *words):
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        assert answer == "ok" or answer.startswith("ok "), f"{words}: {answer!r}: {self.read_log()}"
        return answer[3:]

    def command(self, *words):
        assert not self.ask(*words)

    def connect(self, name="dev0"):
        """A client that has not said VERSION."""
        return vu.Client(self.path(name))

    def open(self, name="dev0", capabilities=vu.QEMU):
        """A client that has the device."""
        client = self.connect(name)
        client.version(capabilities)
        return client

    def group(self, name="dev0"):
        return int(self.ask("group", name))

    def knock(self):
        """A client of the door that has asked for nothing."""
        return door.DoorClient(self.path(".door"))

    def open_group(self, name="dev0"):
        """A client of the door that has the group of a device."""
        client = self.knock()
        client.open(self.group(name))
        return client

    @contextlib.contextmanager
    def stopped(self):
        """It does nothing meanwhile, and finds all that has happened at once."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitpid(self.process.pid, os.WUNTRACED)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def open_fds(self):
        """How many, but for /dev/null, which is opened when first needed and kept."""
        directory = f"/proc/{self.process.pid}/fd"
        fds = 0
        for fd in os.listdir(directory):
            with contextlib.suppress(FileNotFoundError):  # closed just now
                fds += os.readlink(f"{directory}/{fd}") != "/dev/null"
        return fds

    def settled_fds(self, clients=1):
        """open_fds(), once those who have hung up before are forgotten and @clients are there."""
        deadline = time.monotonic() + 30
        while (fds := self.open_fds()) != self.idle_fds + clients:
            assert time.monotonic() < deadline, f"{fds} descriptors, {self.idle_fds} when idle"
        return fds

    def resident(self):
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def finish(self):
        """End it in order. Return its exit status and its log."""
        if self.process.poll() is None:
            self.process.stdin.close()
        status = self.process.wait(timeout=60)
        self.process.stdout.close()
        log = self.read_log()
        self.log.close()
        self.directory.cleanup()
        return status, log


def running(*args):
    server = Server(*args)
    try:
        yield server
    finally:
        status, log = server.finish()
    assert status == 0, f"device_server ended with {status}: {log}"


@pytest.fixture(scope="module")
def server():
    yield from running()


@pytest.fixture(scope="module")
def hasty():
    """A server that answers in the driver's place after 200 ms."""
    yield from running("200")


@pytest.fixture
def client(server):
    with server.open() as opened:
        yield opened
