# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Guests whose platform device copies their memory: the DMA engine of umdev's, by QEMU's vfio-calxeda-xgmac, which asks no
device what it is.
"""
import pytest

import lab
from board import CARDS, ENGINE, RAM, Board, device, numbers

DMAC = numbers("include/umdev/dmac.h", "DMAC_")
RING = 16
BACK = RAM + 0x400000  # where things are copied to
MUCH = 0x300000


class Engine:
    """The DMA engine, as the firmware of a board drives it, with a ring at the beginning of its memory."""

    def __init__(self, board):
        self.board = board
        node = board.devices()[ENGINE]
        (self.base, _), (self.memory, _) = node.regions
        self.done, self.error = (number for number, _ in node.interrupts)
        self.tail = 0
        assert self.read(DMAC.ID) == DMAC.ID_VALUE
        self.write(DMAC.CONTROL, DMAC.CONTROL_RESET)
        self.write(DMAC.RING_BASE, 0)
        self.write(DMAC.RING_SIZE, RING)
        self.write(DMAC.IRQ_ENABLE, DMAC.IRQ_DONE | DMAC.IRQ_ERROR)
        self.write(DMAC.CONTROL, DMAC.CONTROL_ENABLE)
        board.run("on", self.done, "level", self.base + DMAC.IRQ_ACK, DMAC.IRQ_DONE)
        board.run("on", self.error, "edge", self.base + DMAC.IRQ_ACK, DMAC.IRQ_ERROR)

    def read(self, offset):
        return self.board.read(self.base + offset)

    def write(self, offset, value):
        self.board.write(self.base + offset, value)

    def begin(self, source, target, length, flags, *interrupts):
        """Have this copied, and wait for @interrupts. Returns where its descriptor is."""
        at = self.memory + 32 * self.tail
        for offset, value, size in ((0, source, 8), (8, target, 8), (16, length, 4), (20, flags, 4), (24, 0, 4)):
            self.board.write(at + offset, value, size)
        self.tail = (self.tail + 1) % RING
        self.board.run("raise", self.base + DMAC.TAIL, self.tail, 1, *interrupts)
        return at

    def finish(self, source, target, length, interrupt):
        """Have this copied. Returns how it went when @interrupt has come."""
        status = self.board.read(self.begin(source, target, length, DMAC.DESC_IRQ, interrupt) + 24)
        assert status & DMAC.DESC_FINISHED
        return status & DMAC.DESC_ERROR_MASK

    def copy(self, source, target, length):
        assert self.finish(source, target, length, self.done) == 0


@pytest.mark.parametrize("properties", [{}, {"mmap-timeout-ms": 1}, {"x-no-mmap": True}],
                         ids=["slow_back", "quick_back", "trapped"])
@pytest.mark.parametrize("private_memory", [False, True], ids=["shared", "private"])
def test_memory_is_copied(board_host, private_memory, properties):
    with Board(board_host, [device(ENGINE, **properties)], private_memory) as board:
        engine = Engine(board)
        board.run("fill", RAM, 0x40000, 7)
        lengths = [1, 2, 7, 64, 4095, 4096, 4097, 0x10000, 0x10001, 0x3ff00] * 3
        for number, length in enumerate(lengths):
            source, target = RAM + number, BACK + 3 * number
            board.write(target + length, 0x5a, 1)
            engine.copy(source, target, length)
            board.run("same", source, target, length)
            # Not a byte more.
            assert board.read(target + length, 1) == 0x5a
        assert engine.read(DMAC.COMPLETED) == len(lengths)
        assert [board.count(engine.done), board.count(engine.error)] == [len(lengths), 0]
        assert board.strays() == [0, 0]
        board.power_off()


def test_what_is_no_memory_is_an_error(board_host):
    with Board(board_host, [device(ENGINE)]) as board:
        for source, target, error in ((0x1000, RAM, DMAC.ERROR_READ), (RAM, 0x08000000, DMAC.ERROR_WRITE),
                                      (RAM, 1 << 40, DMAC.ERROR_WRITE), (RAM, RAM, 0)):
            engine = Engine(board)
            interrupt = engine.error if error else engine.done
            assert engine.finish(source, target, 16, interrupt) == error
        board.power_off()


@pytest.mark.parametrize("private_memory", [False, True], ids=["shared", "private"])
def test_a_device_copies_into_another_one(board_host, private_memory):
    """QEMU maps the registers that it may map for devices, too."""
    with Board(board_host, [device(ENGINE), device(CARDS[1])], private_memory) as board:
        engine = Engine(board)
        memory = board.devices()[CARDS[1]].regions[1][0]
        board.run("fill", RAM, 4096, 3)
        engine.copy(RAM, memory, 4096)
        board.run("same", RAM, memory, 4096)
        engine.copy(memory, BACK, 4096)
        board.run("same", RAM, BACK, 4096)
        board.power_off()


def test_a_guest_that_is_killed_while_its_memory_is_copied(board_host):
    for private_memory in (False, True, False):
        with Board(board_host, [device(ENGINE)], private_memory) as board:
            engine = Engine(board)
            board.run("fill", RAM, 0x1000, 1)
            engine.copy(RAM, BACK, 0x1000)
            board.run("same", RAM, BACK, 0x1000)
            engine.begin(RAM, BACK, MUCH, 0)
            board.process.kill()
            board.process.wait()


def test_a_machine_that_is_reset_while_its_memory_is_copied(board_host):
    """QEMU resets no platform device: whoever drives it next has to."""
    with Board(board_host, [device(ENGINE)]) as board:
        for _ in range(5):
            engine = Engine(board)
            board.run("fill", RAM, 0x1000, 1)
            engine.copy(RAM, BACK, 0x1000)
            engine.begin(RAM, BACK, MUCH, 0)
            board.reset()
        board.power_off()
