# SPDX-License-Identifier: LGPL-2.1-or-later
"""The machine and the firmware that platform devices are tried with, by themselves: its own clock is the device."""
import pytest

import lab
from board import RAM, Board

CLOCK = 0x09010000  # a PL031
NOW, MATCH, MASK, CLEAR = (CLOCK + offset for offset in (0x00, 0x04, 0x10, 0x1c))
CLOCK_INTERRUPT = 32 + 2


@pytest.fixture
def board(board_is_here):
    with lab.Host() as host, Board(host.start(), []) as found:
        yield found


def test_interrupts_are_taken_and_counted(board):
    board.write(MASK, 1)
    board.run("on", CLOCK_INTERRUPT, "level", CLEAR, 1)
    for times in (1, 2):
        board.run("raise", MATCH, board.read(NOW) + 1, 1, CLOCK_INTERRUPT)
        assert board.count(CLOCK_INTERRUPT) == times
    board.run("off", CLOCK_INTERRUPT)
    assert board.strays() == [0, 0]


def test_memory_is_compared(board):
    board.run("fill", RAM, 0x1000, 1)
    board.run("fill", RAM + 0x1000, 0x1000, 1)
    board.run("same", RAM, RAM + 0x1000, 0x1000)
    board.write(RAM + 0x1fff, board.read(RAM + 0x1fff, 1) ^ 1, 1)
    with pytest.raises(lab.Failure, match="differ"):
        board.run("same", RAM, RAM + 0x1000, 0x1000)


def test_a_reset_begins_anew(board):
    board.run("on", CLOCK_INTERRUPT, "level", CLEAR, 1)
    board.write(RAM, 0x12345678)
    board.reset()
    assert board.read(RAM) == 0x12345678
    assert board.devices() == {}
    board.power_off()


def test_what_is_not_there_is_a_fault(board):
    with pytest.raises(lab.Failure, match="fault: .* far c000000"):
        board.read(0x0c000000)
