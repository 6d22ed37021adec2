# SPDX-License-Identifier: LGPL-2.1-or-later
"""A callback that does not return: the server answers in its place, and the device lives on."""

import errno
import itertools
import os
import struct
import threading
import time

import pytest

import client as vu
from conftest import Server

INFO = vu.INFO_S.pack(16, 0, 0, 0)
PAGE = 4096


@pytest.fixture
def hung(hasty):
    """A client with a device whose callback hangs, behind a posted write."""
    with hasty.open() as c:
        c.write(0, 0, b"mine")
        c.post_reg(vu.REG_HANG, 0)
        hasty.command("wait_hung", "dev0")
        yield c
        hasty.command("release", "dev0")


def test_a_read_that_hangs_is_answered_with_ones_in_time(hasty):
    with hasty.open() as c:
        begun = time.monotonic()
        assert c.read(0, vu.REG_HANG, 4) == b"\xff" * 4
        # After its deadline, and before a VMM gives the device up.
        assert 0.15 < time.monotonic() - begun < 5
        hasty.command("release", "dev0")


def test_a_write_that_hangs_is_answered_as_if_it_had_worked(hasty):
    with hasty.open() as c:
        c.write(0, vu.REG_HANG, bytes(8))
        hasty.command("release", "dev0")


def test_the_device_works_again_when_the_callback_has_returned(hasty):
    with hasty.open() as c:
        c.write(0, 0, b"kept")
        assert c.read(0, vu.REG_HANG, 8) == b"\xff" * 8
        hasty.command("release", "dev0")
        while c.read(0, 0, 4) != b"kept":
            pass
        c.write(0, 0, b"more")
        assert c.read(0, 0, 4) == b"more"


def test_each_request_is_answered_exactly_once(hasty):
    with hasty.open() as c:
        ids = [c.send(vu.REGION_READ, vu.ACCESS_S.pack(vu.REG_HANG, 0, 8))]
        ids += [c.send(vu.REGION_READ, vu.ACCESS_S.pack(0, 0, 4)) for _ in range(100)]
        hasty.command("wait_hung", "dev0")
        first = [c.receive().id for _ in range(50)]
        hasty.command("release", "dev0")
        assert first + [c.receive().id for _ in range(51)] == ids
        last = c.send(vu.GET_INFO, INFO)
        assert c.receive().id == last


def test_what_follows_a_hung_callback_is_answered_without_the_driver(hung):
    assert hung.read(0, 0, 4) == b"\xff" * 4
    hung.write(0, 0, b"lost")
    payload = struct.pack("<Q", 1) + vu.SMALL_WRITE_S.pack(0, 0, 4, b"lost")
    assert hung.call(vu.WRITE_MULTI, payload).payload == struct.pack("<Q", 1)
    assert hung.read(4, 0, 1 << 16) == b"\xff" * (1 << 16)


def test_what_is_wrong_is_refused_meanwhile_too(hung):
    assert hung.read(0, 0, 1) == b"\xff"
    assert hung.error(99) == errno.ENOSYS
    assert hung.error(vu.REGION_READ, b"") == errno.EINVAL
    assert hung.error(vu.REGION_READ, vu.ACCESS_S.pack(0, 0, 0)) == errno.EINVAL
    assert hung.error(vu.REGION_READ, vu.ACCESS_S.pack(0, 0, (1 << 20) + 1)) == errno.EINVAL
    assert hung.error(vu.VERSION, vu.version_payload()) == errno.EINVAL


def test_questions_that_only_the_driver_can_answer_fail_meanwhile(hung):
    assert hung.read(0, 0, 1) == b"\xff"
    assert hung.error(vu.GET_IRQ_INFO, vu.IRQ_INFO_S.pack(16, 0, 0, 0)) == errno.ETIMEDOUT


def test_a_guest_that_polls_a_hung_device_is_answered_at_once(hung):
    assert hung.read(0, 0, 1) == b"\xff"
    begun = time.monotonic()
    for _ in range(2000):
        assert hung.read(0, 0, 4) == b"\xff" * 4
    # A deadline for each would be 400 seconds.
    assert time.monotonic() - begun < 60


def test_mappings_and_interrupts_of_meanwhile_hold_afterwards(hasty):
    guest = vu.GuestMemory(PAGE)
    guest.map[0:4] = b"mapd"
    events = [os.eventfd(0) for _ in range(3)]
    with hasty.open() as c:
        c.dma_map(8 * PAGE, PAGE)
        c.post_reg(vu.REG_HANG, 0)
        hasty.command("wait_hung", "dev0")
        assert c.read(0, 0, 1) == b"\xff"
        c.dma_map(0, PAGE, guest.fd)
        c.set_irqs(vu.DATA_EVENTFD | vu.TRIGGER, vu.MSIX, 3, 3, events)
        # It can't be said yet that nobody uses the memory any more.
        assert c.error(vu.DMA_UNMAP, vu.DMA_UNMAP_S.pack(24, 0, 8 * PAGE, PAGE)) == errno.ETIMEDOUT
        c.reset()
        hasty.command("release", "dev0")
        while c.read(0, vu.REG_MSIX_ARMED, 8) == b"\xff" * 8:
            pass
        assert c.read_reg(vu.REG_MSIX_ARMED) == 0b111000
        c.write_reg(vu.REG_DMA_ADDR, 0)
        c.write_reg(vu.REG_DMA_LEN, 4)
        c.write_reg(vu.REG_DMA_COMMAND, vu.DMA_READ_GUEST)
        assert c.read(4, 0, 4) == b"mapd"
        assert c.error(vu.DMA_UNMAP, vu.DMA_UNMAP_S.pack(24, 0, 8 * PAGE, PAGE)) == errno.ENOENT
    for fd in events:
        os.close(fd)
    guest.close()


@pytest.mark.parametrize("what", ["reset", "unmap"])
def test_a_hung_reset_or_unmap_is_answered(hasty, what):
    guest = vu.GuestMemory(PAGE)
    with hasty.open() as c:
        c.dma_map(0, PAGE, guest.fd)
        c.write_reg(vu.REG_PIN, 0)
        hasty.command("hang", "dev0", what)
        if what == "reset":
            c.reset()
        else:
            assert c.error(vu.DMA_UNMAP, vu.DMA_UNMAP_S.pack(24, 0, 0, PAGE)) == errno.ETIMEDOUT
        hasty.command("release", "dev0")
        c.write(0, 0, b"live")
        while c.read(0, 0, 4) == b"\xff" * 4:
            c.write(0, 0, b"live")
    guest.close()


def test_a_hung_open_is_an_error_and_the_next_client_gets_the_device(hasty):
    hasty.command("hang", "dev1", "open")
    with hasty.connect("dev1") as c:
        assert c.error(vu.VERSION, vu.version_payload()) == errno.ETIMEDOUT
        assert c.at_end()
    with hasty.connect("dev1") as c:
        assert c.error(vu.VERSION, vu.version_payload()) == errno.EBUSY
    hasty.command("release", "dev1")
    with hasty.open("dev1") as c:
        c.info()


def test_other_devices_do_not_wait(hasty, hung):
    with hasty.open("dev2") as other:
        begun = time.monotonic()
        for _ in range(100):
            other.read(0, 0, 4)
        # A deadline for each would be 20 seconds.
        assert time.monotonic() - begun < 10
        assert other.read(3, 0, 4) == b"3333"


def test_replies_before_a_slow_callback_do_not_wait_for_it(hasty):
    with hasty.open() as c:
        c.send_raw(vu.message(1, vu.GET_INFO, INFO)
                   + vu.message(2, vu.REGION_READ, vu.ACCESS_S.pack(vu.REG_HANG, 0, 4)))
        assert c.receive().id == 1
        hasty.command("release", "dev0") if c.receive().id == 2 else pytest.fail("not answered")


def test_hanging_up_meanwhile_waits_on_the_servers_side_only(hasty):
    with hasty.open("dev3") as c:
        closes = c.read_reg(vu.REG_CLOSES)
        assert c.read(0, vu.REG_HANG, 4) == b"\xff" * 4
    with hasty.connect("dev3") as c:
        assert c.error(vu.VERSION, vu.version_payload()) == errno.EBUSY
    hasty.command("release", "dev3")
    with hasty.open("dev3") as c:
        assert c.read_reg(vu.REG_CLOSES) == closes + 1


def test_hanging_up_before_the_deadline_does_too(hasty):
    with hasty.open("dev3") as c:
        closes = c.read_reg(vu.REG_CLOSES)
        c.post_reg(vu.REG_HANG, 0)
        hasty.command("wait_hung", "dev3")
    hasty.command("release", "dev3")
    with hasty.open("dev3") as c:
        assert c.read_reg(vu.REG_CLOSES) == closes + 1


def test_the_log_says_which_callback_of_which_device(hasty):
    with hasty.open("dev2") as c:
        c.read(0, vu.REG_HANG, 4)
        hasty.command("release", "dev2")
        while c.read(3, 0, 1) != b"3":
            pass
    log = hasty.read_log()
    assert "dev2: the driver's read of 4 bytes at 0x800 of region 0 does not return" in log
    assert "dev2: the driver's callback has returned" in log


def test_a_client_that_does_not_answer_dma_is_given_up(hasty):
    with hasty.open("dev2") as c:
        c.dma_map(0, PAGE)
        c.write_reg(vu.REG_DMA_ADDR, 0)
        c.write_reg(vu.REG_DMA_LEN, 8)
        c.post_reg(vu.REG_DMA_COMMAND, vu.DMA_READ_GUEST)
        assert c.receive().command == vu.DMA_READ
        assert c.at_end()
    with hasty.open("dev2") as c:
        assert c.read_reg(vu.REG_DMA_STATUS) == errno.EIO
    assert "it does not answer to DMA_READ of 8 bytes at 0x0" in hasty.read_log()


def test_dma_that_waits_for_a_reply_goes_on_after_the_deadline(hasty):
    """A client may hold a lock while it waits for its read, and need it for the device's DMA."""
    with hasty.open("dev2") as c:
        c.dma_map(0, PAGE)
        c.write_reg(vu.REG_DMA_ADDR, 0)
        c.write_reg(vu.REG_DMA_LEN, 8)
        write = c.send(vu.REGION_WRITE, vu.ACCESS_S.pack(vu.REG_DMA_COMMAND, 0, 8)
                       + struct.pack("<Q", vu.DMA_READ_GUEST))
        asked = c.receive()
        assert asked.command == vu.DMA_READ
        assert c.receive().id == write
        c.send_raw(vu.message(asked.id, vu.DMA_READ, asked.payload + b"fromlate", vu.REPLY))
        while c.read(3, 0, 1) != b"3":
            pass
        assert c.read(4, 0, 8) == b"fromlate"
        assert c.read_reg(vu.REG_DMA_STATUS) == 0


def test_slow_callbacks_one_after_another_do_not_add_up_to_a_late_answer(hasty):
    """Thirty writes nobody waits for, each just in time, and a read behind them."""
    with hasty.open("dev2") as c:
        stop = threading.Event()
        released = itertools.count()

        def let_go_slowly():
            while not stop.wait(0.15):
                hasty.command("release", "dev2")
                next(released)

        helper = threading.Thread(target=let_go_slowly)
        helper.start()
        for _ in range(30):
            c.post_reg(vu.REG_HANG, 0)
        c.read(0, 0, 4)
        before_the_answer = next(released)
        stop.set()
        helper.join()
        hasty.command("release", "dev2")
        while c.read(3, 0, 1) != b"3":
            hasty.command("release", "dev2")
        assert before_the_answer < 30


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_client_that_takes_no_answers_does_not_keep_the_watchdog_busy():
    own = Server("500")
    read = vu.message(1, vu.REGION_READ, vu.ACCESS_S.pack(0, 4, 4096))
    hang = vu.message(2, vu.REGION_READ, vu.ACCESS_S.pack(vu.REG_HANG, 0, 8))
    with own.open() as deaf, own.open("dev1") as other:
        # More than the socket takes, so that replies wait in front of the callback that hangs.
        deaf.send_raw(read * 60 + hang)
        own.command("wait_hung", "dev0")
        deaf.send_raw(read)
        before = cpu_seconds(own.process.pid)
        for _ in range(4):
            # Half a second each.
            assert other.read(0, vu.REG_HANG, 1) == b"\xff"
            own.command("release", "dev1")
            while other.read(3, 0, 1) != b"3":
                pass
        assert cpu_seconds(own.process.pid) - before < 0.4
    own.command("release", "dev0")
    assert own.finish()[0] == 0


def test_descriptors_are_not_piled_up_while_a_callback_hangs(hasty, hung):
    event = os.eventfd(0)
    assert hung.read(0, 0, 1) == b"\xff"
    before = hasty.open_fds()
    with pytest.raises((vu.Closed, OSError)):
        for _ in range(200):
            hung.set_irqs(vu.DATA_EVENTFD | vu.TRIGGER, vu.MSIX, 0, 16, [event] * 16)
            assert hasty.open_fds() < before + 600
    os.close(event)


def test_descriptors_that_nobody_wants_are_not_piled_up_either(hasty, hung):
    event = os.eventfd(0)
    assert hung.read(0, 0, 1) == b"\xff"
    before = hasty.open_fds()
    with pytest.raises((vu.Closed, OSError)):
        for _ in range(200):
            assert hung.error(vu.GET_INFO, INFO, [event] * 16) == errno.EINVAL
            assert hasty.open_fds() < before + 600
    os.close(event)
