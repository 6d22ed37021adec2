# SPDX-License-Identifier: LGPL-2.1-or-later
"""PL011 UARTs and PL031 clocks of a board in umdevd, with their ordinary drivers."""

import os
import random
import threading

import pytest

from boards import bus, eventually  # noqa: F401
from serial_board import CLOCK, SECOND, SECOND_UART, UART, board, lab, terminal, wire  # noqa: F401


# ---- UARTs ----


def test_what_is_typed_goes_to_the_wire_and_back(board):
    with terminal(board, "tty") as tty, wire(board) as end:
        tty.write(b"typed")
        assert end.read(5) == b"typed"
        end.write(b"answered")
        assert tty.read(8) == b"answered"


def test_a_megabyte_each_way_arrives(board):
    there, back = random.Random(1).randbytes(1 << 20), random.Random(2).randbytes(1 << 20)
    with terminal(board, "tty") as tty, wire(board) as end:
        writers = [
            threading.Thread(target=tty.write, args=(there,)),
            threading.Thread(target=end.write, args=(back,)),
        ]
        got = []
        readers = [
            threading.Thread(target=lambda: got.append(end.read(1 << 20) == there)),
            threading.Thread(target=lambda: got.append(tty.read(1 << 20) == back)),
        ]
        for thread in writers + readers:
            thread.start()
        for thread in writers + readers:
            thread.join()
    assert got == [True, True]


def test_the_module_comes_back_and_nothing_was_lost(board):
    with wire(board) as end:
        board.daemon.umdev("rmmod", "amba_pl011")
        assert board.driver(UART) is None
        assert not (board.root / "devices" / UART / "tty").exists()
        end.write(b"while nobody listened")
        board.daemon.umdev("modprobe", "amba_pl011")
        with terminal(board, "tty") as tty:
            assert tty.read(21) == b"while nobody listened"


def test_the_wire_can_be_put_somewhere_else(board, tmp_path):
    (board.root / "devices" / UART / "port0/backend").write_text("loop")
    assert board.device(UART, "port0/path") == "\n"
    with terminal(board, "tty") as tty:
        tty.write(b"echo")
        assert tty.read(4) == b"echo"


@pytest.mark.parametrize("value", ["", "\n", "tty", "pty\n\n", "pty\0", "p" * 4096, "PTY"])
def test_what_is_no_backend_is_refused(board, value):
    before = board.device(UART, "port0/path")
    if value:
        with pytest.raises(OSError, match="Invalid argument"):
            (board.root / "devices" / UART / "port0/backend").write_text(value)
    assert board.device(UART, "port0/path") == before


def test_uarts_come_and_go_during_traffic(board):
    with terminal(board, "tty") as tty, wire(board) as end:
        done = threading.Event()

        def talk():
            while not done.is_set():
                tty.write(b"on and on")
                assert end.read(9) == b"on and on"

        talker = threading.Thread(target=talk)
        talker.start()
        try:
            for _ in range(5):
                board.add("second", SECOND)
                eventually(lambda: board.taken(SECOND_UART, "sbsa-uart"))
                with terminal(board, "tty", SECOND_UART) as other, \
                        wire(board, SECOND_UART) as other_end:
                    other.write(b"hello")
                    assert other_end.read(5) == b"hello"
                    # Much is under way when it goes.
                    os.set_blocking(other_end.fd, False)
                    os.write(other_end.fd, bytes(2000))
                    board.remove("second")
                assert SECOND_UART not in board.names()
        finally:
            done.set()
            talker.join()


# ---- clocks ----


def clock(board):
    path, = (board.root / "devices" / CLOCK / "rtc").iterdir()
    return path


def test_a_clock_is_an_rtc(board):
    path = clock(board)
    assert os.path.realpath(board.daemon.sys / "class/rtc" / path.name) == os.path.realpath(path)
    assert not os.path.exists(f"/sys/class/rtc/{path.name}")
    assert (path / "name").read_text() == f"rtc-pl031 {CLOCK}\n"
    assert sorted(os.listdir(path)) == sorted(
        ["date", "device", "hctosys", "name", "range", "since_epoch", "subsystem", "time", "uevent",
         "wakealarm"])


def test_an_alarm_is_cleared_when_it_comes(board):
    alarm = clock(board) / "wakealarm"
    alarm.write_text("+1")
    eventually(lambda: alarm.read_text() == "")
    # By the interrupt, which is quiet again.
    alarm.write_text("+1000")
    assert alarm.read_text() != ""
    alarm.write_text("0")
    assert alarm.read_text() == ""


def test_the_clock_s_module_can_be_replaced(board):
    name = clock(board).name
    board.daemon.umdev("rmmod", "rtc_pl031")
    assert not (board.daemon.sys / "class/rtc").exists()
    board.daemon.umdev("modprobe", "rtc_pl031")
    assert clock(board).name == name
