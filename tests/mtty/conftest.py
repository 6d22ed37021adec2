# SPDX-License-Identifier: LGPL-2.1-or-later
import pathlib
import sys
import time

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "guest"), str(TESTS / "vfio_user")]

import client as vfio_user  # noqa: E402
import lab  # noqa: E402

# No guest boots here.
lab.DEADLINE = 30


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """umdevd with mtty, for all tests of a file. At the end it has ended well and left nothing."""
    sockets = tmp_path_factory.mktemp("sockets")
    with lab.Host(load=f"mtty,socket_dir={sockets}") as running:
        running.socket_dir = sockets
        running.start()
        yield running
        running.stop()
        assert running.leftovers() == []
    assert not list(sockets.iterdir())


@pytest.fixture
def card(host):
    """A card with one port."""
    device = host.create("mtty-1")
    yield device
    device.remove()


@pytest.fixture
def dual(host):
    """A card with two ports."""
    device = host.create("mtty-2")
    yield device
    device.remove()


class Guest(vfio_user.Client):
    """What a guest does with a card, played over the socket."""

    RX = TX = 0
    IER, FCR, LCR, MCR, LSR, MSR = 1, 2, 3, 4, 5, 6
    DR, THRE = 0x01, 0x20
    CONFIG = 7

    def __init__(self, device):
        super().__init__(device.socket())
        self.version()

    def reg(self, reg, port=0):
        return self.read(port, reg, 1)[0]

    def set_reg(self, reg, value, port=0):
        self.write(port, reg, bytes([value]))

    def open_port(self, port=0):
        """FIFOs on, DTR and RTS high."""
        self.set_reg(self.FCR, 0x01, port)
        self.set_reg(self.MCR, 0x03, port)

    def wait_for(self, status, port):
        """Until a bit of the line status register is set, as a driver without interrupts does it."""
        deadline = time.monotonic() + lab.DEADLINE
        while not self.reg(self.LSR, port) & status:
            assert time.monotonic() < deadline, f"bit {status:#x} of LSR stays clear"

    def send_text(self, text, port=0):
        for byte in text:
            self.wait_for(self.THRE, port)
            self.set_reg(self.TX, byte, port)

    def receive_text(self, count, port=0):
        data = bytearray()
        while len(data) < count:
            self.wait_for(self.DR, port)
            data.append(self.reg(self.RX, port))
        return bytes(data)


@pytest.fixture
def guest(card):
    with Guest(card) as playing:
        yield playing


@pytest.fixture
def play():
    """Guest(device), for tests that choose their card or need several guests."""
    return Guest
