# SPDX-License-Identifier: LGPL-2.1-or-later
"""PL011 UARTs and PL031 clocks of a board in the hands of users."""

import os
import random
import struct

import pytest

from boards import bus, eventually  # noqa: F401
from serial_board import CLOCK, SECOND, SECOND_UART, UART, bind, board, terminal, unbind, wire  # noqa: F401

import client as vfio_user

DR, FR, IBRD, FBRD, LCR_H, CR, IMSC, RIS = 0x0, 0x18, 0x24, 0x28, 0x2C, 0x30, 0x38, 0x3C
RXFE, RXFF, RT = 0x10, 0x40, 0x40


class User(vfio_user.Client):
    """A user of a device that vfio-platform has."""

    def __init__(self, board, device):
        node, = (board.root / "devices" / device / "vfio-dev").glob("vfio*")
        super().__init__((node / "socket").read_text().strip())
        self.version()

    def reg(self, offset):
        return struct.unpack("<I", self.read(0, offset, 4))[0]

    def set_reg(self, offset, value):
        self.write(0, offset, struct.pack("<I", value))


@pytest.fixture
def give(board):
    """give(device): hands it to VFIO; returns a user of it."""
    board.daemon.umdev("modprobe", "vfio_platform")
    users = []

    def hand_over(device):
        (board.root / "devices" / device / "driver_override").write_text("vfio-platform")
        unbind(board, device)
        bind(board, device, "vfio-platform")
        users.append(User(board, device))
        return users[-1]

    yield hand_over
    for user in users:
        user.close()


def test_a_user_drives_the_uart_itself(board, give):
    with wire(board) as end:
        user = give(UART)
        irq = os.eventfd(0)
        user.set_irqs(vfio_user.DATA_EVENTFD | vfio_user.TRIGGER, 0, 0, 1, [irq])
        # After a reset it is as after power-on.
        assert user.reg(CR) == 0x300 and user.reg(IBRD) == 0
        user.set_reg(LCR_H, 0x70)
        user.set_reg(CR, 0x301)
        user.set_reg(IMSC, RT)
        for c in b"out":
            user.set_reg(DR, c)
        assert end.read(3) == b"out"
        end.write(b"in")
        os.eventfd_read(irq)
        assert user.reg(RIS) & RT
        got = bytearray()
        while len(got) < 2:
            if not user.reg(FR) & RXFE:
                got.append(user.reg(DR))
        assert got == b"in"
        os.close(irq)


@pytest.mark.parametrize("fifos, count", [(0x10, 32), (0, 1)])
def test_a_reset_leaves_no_character_that_has_come(board, give, fifos, count):
    user = give(UART)
    with wire(board) as end:
        user.set_reg(LCR_H, 0x60 | fifos)
        user.set_reg(CR, 0x301)
        end.write(b"x" * count)
        eventually(lambda: user.reg(FR) & RXFF)
        user.reset()
        assert user.reg(FR) & RXFE and not user.reg(RIS)
        user.set_reg(LCR_H, 0x70)
        user.set_reg(CR, 0x301)
        end.write(b"y")
        eventually(lambda: not user.reg(FR) & RXFE)
        assert user.reg(DR) == ord("y")


def test_a_generic_uart_is_reset_by_the_few_registers_it_has(board, give):
    board.add("second", SECOND)
    eventually(lambda: board.taken(SECOND_UART, "sbsa-uart"))
    user = give(SECOND_UART)
    with wire(board, SECOND_UART) as end:
        user.set_reg(IMSC, 0x7FF)
        end.write(b"x" * 32)
        eventually(lambda: user.reg(FR) & RXFF)
        assert user.reg(RIS)
        user.reset()
        assert user.reg(FR) & RXFE and not user.reg(RIS) and not user.reg(IMSC)
        end.write(b"y")
        eventually(lambda: not user.reg(FR) & RXFE)
        assert user.reg(DR) == ord("y")


def test_it_goes_back_to_its_driver(board, give):
    with wire(board) as end:
        user = give(UART)
        user.set_reg(LCR_H, 0x70)
        user.set_reg(CR, 0xFFFF)
        user.set_reg(IMSC, 0x7FF)
        user.close()
        (board.root / "devices" / UART / "driver_override").write_text("\n")
        unbind(board, UART)
        bind(board, UART, "uart-pl011")
        with terminal(board, "tty") as tty:
            tty.write(b"as before")
            assert end.read(9) == b"as before"


@pytest.mark.parametrize("device", [UART, CLOCK])
def test_no_access_of_a_user_s_breaks_it(board, give, device):
    chance = random.Random(7)
    user = give(device)
    with wire(board) as end:
        os.set_blocking(end.fd, False)
        for _ in range(4000):
            offset = chance.choice([chance.randrange(0x50), chance.randrange(0x1010)])
            size = chance.choice([1, 2, 4, 8, 3, 16, chance.randrange(1, 64)])
            try:
                if chance.random() < 0.5:
                    user.write(0, offset, chance.randbytes(size))
                else:
                    user.read(0, offset, size)
                os.write(end.fd, b"x")
            except OSError:
                pass
    user.reset()
    parts = [user.reg(0xFE0 + 4 * i) for i in range(8)]
    assert parts[4:] == [0x0D, 0xF0, 0x05, 0xB1]


def test_a_user_s_alarm_is_an_interrupt(board, give):
    user = give(CLOCK)
    irq = os.eventfd(0)
    user.set_irqs(vfio_user.DATA_EVENTFD | vfio_user.TRIGGER, 0, 0, 1, [irq])
    user.set_reg(0x10, 1)
    user.set_reg(0x08, 1000)
    user.set_reg(0x04, 1001)
    os.eventfd_read(irq)
    assert user.reg(0x18) == 1
    os.close(irq)
