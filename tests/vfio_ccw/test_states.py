# SPDX-License-Identifier: LGPL-2.1-or-later
"""
What a user's requests come to in each state of its device, and what the channel's do: the cells of the table
of states and events that can be reached from outside, each with the answer that the kernel's has for it.
"""

import contextlib
import errno
import os
import pathlib
import select
import struct
import sys

import pytest

import channels as ch
from channels import Machine

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "vfio_user"))
import client as vu  # noqa: E402

QUICK, HELD = "0.0.0000", "0.0.0001"
PROGRAM, DATA, MARK = 0x1000, 0x2000, 0xEE
HOLDS = ch.program((ch.READ, ch.SLI, 16, DATA))


@contextlib.contextmanager
def refused(error):
    with pytest.raises(OSError) as raised:
        yield
    assert errno.errorcode[raised.value.errno] == errno.errorcode[error]


@pytest.fixture
def machine(idle_view):
    """With a device that is done at once, and one whose programs end when they are ended."""
    machine = Machine(idle_view, "0.0.1000:null,chpids=10.11", "0.0.1001:null,hold,chpids=10.11")
    machine.mdev(QUICK, ch.UUID)
    machine.mdev(HELD, ch.OTHER)
    return machine


@pytest.fixture(params=["socket", "vfio"])
def way(request):
    return request.param


@contextlib.contextmanager
def running(machine, way="socket"):
    """A user whose program runs until it is ended."""
    with machine.user(way, ch.OTHER) as user:
        user.put(PROGRAM, HOLDS)
        user.ssch(PROGRAM)
        yield user


def works(user):
    """Is a program carried out, from its CCWs to its data?"""
    user.put(PROGRAM, HOLDS)
    user.fill(DATA, 16, MARK)
    irb = user.run(PROGRAM)
    assert (irb.ctrl & ch.STATUS, irb.dstat, irb.cstat) == (ch.STATUS, ch.CHN_END | ch.DEV_END, 0)
    assert user.get(DATA, 16) == bytes(16)


def gone(machine, busid="0.0.1001"):
    machine.write("firmware/css/unplug", busid)


# ---- idle ----


def test_idle_starts_a_program(machine, way):
    with machine.user(way) as user:
        works(user)
        works(user)
        user.close()


def test_idle_halts_and_clears_what_is_not_there(machine, way):
    with machine.user(way) as user:
        user.hsch()
        irb = user.interrupt()
        assert irb.ctrl & (ch.HALT | ch.STATUS) == ch.HALT | ch.STATUS
        user.csch()
        irb = user.interrupt()
        assert irb.ctrl == ch.CLEAR | ch.STATUS
        works(user)


def test_idle_hears_of_what_nobody_asked_for(machine):
    with machine.user() as user:
        works(user)
        machine.write("firmware/css/attention", "0.0.1000")
        irb = user.interrupt()
        assert (irb.ctrl, irb.dstat) == (ch.ALERT | ch.STATUS, ch.ATTENTION)
        works(user)


def test_idle_is_reset(machine, way):
    with machine.user(way) as user:
        works(user)
        user.reset()
        works(user)


@pytest.mark.parametrize(
    "what, ctrl, word1, error",
    [
        ("halt", ch.HALT, 0, errno.EOPNOTSUPP),
        ("clear", ch.CLEAR, 0, errno.EOPNOTSUPP),
        ("transport mode", ch.START, ch.TM, errno.EOPNOTSUPP),
        ("nowhere", ch.START, 0, errno.EFAULT),
    ],
)
def test_idle_refuses(machine, way, what, ctrl, word1, error):
    request = struct.pack(">III", 0, ch.FMT1 | 0xFF00 | word1, 0x7F000000) + struct.pack(">HHIBBH", 0, ctrl, 0, 0, 0, 0)
    with machine.user(way) as user:
        with refused(error):
            user.write(ch.IO_REGION, 0, request)
        works(user)


def test_nothing_asked_for_is_nothing_done(machine):
    with machine.user() as user:
        user.write(ch.IO_REGION, 0, bytes(124))
        assert not user.interrupted()
        # What is written in parts is one request with each of them.
        user.put(PROGRAM, HOLDS)
        user.write(ch.IO_REGION, 0, struct.pack(">III", 0, ch.FMT1 | 0xFF00, PROGRAM))
        assert not user.interrupted()
        user.write(ch.IO_REGION, 14, struct.pack(">H", ch.START))
        assert user.interrupt().dstat == ch.CHN_END | ch.DEV_END


@pytest.mark.parametrize("number", [0, 3, 4, 0xFFFFFFFF])
def test_command_that_is_none(machine, number):
    with machine.user() as user:
        with refused(errno.EINVAL):
            user.ask("command", number)
        data = user.read(ch.CMD_REGION, 0, 8)
        assert struct.unpack(">Ii", data) == (number, -errno.EINVAL)
        works(user)


def test_answers_are_in_the_regions(machine):
    with machine.user() as user:
        with refused(errno.EFAULT):
            user.ssch(0x7F000000)
        assert struct.unpack(">i", user.read(ch.IO_REGION, 120, 4)) == (-errno.EFAULT,)
        works(user)
        assert struct.unpack(">i", user.read(ch.IO_REGION, 120, 4)) == (0,)
        user.csch()
        assert struct.unpack(">Ii", user.read(ch.CMD_REGION, 0, 8)) == (2, 0)


# ---- a path that does not work ----


def test_paths_that_do_not_work(machine, way):
    with machine.user(way) as user:
        machine.write("firmware/css/path", "10 off")
        user.put(PROGRAM, HOLDS)
        with refused(errno.EACCES):
            user.ssch(PROGRAM, ch.FMT1 | 0x80 << ch.LPM_SHIFT)
        works(user)
        machine.write("firmware/css/path", "11 off")
        with refused(errno.ENODEV):
            user.ssch(PROGRAM)
        machine.write("firmware/css/path", "10 on")
        works(user)


# ---- a program that is being read ----


class Slow(vu.Client):
    """A user whose memory has to be asked for, and who does something before answering."""

    def __init__(self, path, meanwhile):
        super().__init__(path)
        self.meanwhile = meanwhile
        self.version()
        self.call(vu.DMA_MAP, vu.DMA_MAP_S.pack(vu.DMA_MAP_S.size, 3, 0, 0, 1 << 20))
        self.event = os.eventfd(0, os.EFD_NONBLOCK)
        self.set_irqs(vu.DATA_EVENTFD | vu.TRIGGER, 0, 0, 1, [self.event])
        self.memory = bytearray(1 << 16)
        self.memory[PROGRAM : PROGRAM + 8] = ch.program((ch.NOOP, ch.SLI, 1))
        self.dma_handler = self.dma

    def dma(self, command, address, count, data):
        if self.meanwhile:
            self.meanwhile.pop(0)()
        if command == vu.DMA_WRITE:
            self.memory[address : address + count] = data
            return None
        return bytes(self.memory[address : address + count])

    def start(self):
        request = struct.pack(">IIIHHIBBH", 0, ch.FMT1 | 0xFF00, PROGRAM, 0, ch.START, 0, 0, 0, 0)
        self.call(vu.REGION_WRITE, vu.ACCESS_S.pack(0, 0, len(request)) + request)


def test_processing_hears_of_what_nobody_asked_for(machine):
    def attention():
        machine.write("firmware/css/attention", "0.0.1000")
        assert signalled(slow.event)

    with Slow(machine.socket(), [attention]) as slow:
        slow.start()
        assert signalled(slow.event)


def signalled(event):
    assert select.select([event], [], [], ch.HANG_LIMIT)[0]
    return os.eventfd_read(event)


def test_processing_when_it_goes_stays_away(machine):
    with Slow(machine.socket(), [lambda: gone(machine, "0.0.1000")]) as slow:
        with refused(errno.ENODEV):
            slow.start()
        with refused(errno.EIO):
            slow.start()
    machine.wait_for(f"bus/css/devices/{QUICK}", there=False)


# ---- a program that runs ----


def test_pending_is_busy(machine, way):
    with running(machine, way) as user:
        with refused(errno.EBUSY):
            user.ssch(PROGRAM)
        assert not user.interrupted()


def test_pending_is_halted(machine, way):
    with running(machine, way) as user:
        user.hsch()
        irb = user.interrupt()
        assert irb.ctrl & (ch.START | ch.HALT | ch.STATUS) == ch.START | ch.HALT | ch.STATUS
        # It is over: another one can be started, and ends in the same way.
        user.ssch(PROGRAM)
        user.hsch()
        assert user.interrupt().ctrl & ch.HALT


def test_pending_is_cleared(machine, way):
    with running(machine, way) as user:
        user.csch()
        assert user.interrupt().ctrl == ch.CLEAR | ch.STATUS
        user.ssch(PROGRAM)
        user.csch()
        assert user.interrupt().ctrl == ch.CLEAR | ch.STATUS


def test_pending_is_reset(machine, way):
    with running(machine, way) as user:
        user.reset()
        user.ssch(PROGRAM)
        user.reset()
        user.ssch(PROGRAM)


def test_pending_is_closed(machine, way):
    with running(machine, way) as user:
        user.close()
    with running(machine, way) as user:
        user.kill()
    with running(machine, way):
        pass


def test_pending_goes_on_after_an_intermediate_interrupt(machine):
    with machine.user(uuid=ch.UUID) as user:
        user.put(PROGRAM, ch.program((ch.NOOP, ch.CC | ch.SLI | ch.PCI, 1), (ch.READ, ch.SLI, 16, DATA)))
        assert user.run(PROGRAM).dstat == ch.CHN_END | ch.DEV_END


def test_pending_hides_nothing(machine):
    """What comes unasked while it runs is told of when it is over."""
    with running(machine) as user:
        machine.write("firmware/css/attention", "0.0.1001")
        assert not user.interrupted()
        user.csch()
        assert user.interrupt().ctrl & ch.CLEAR
        assert user.interrupt().dstat == ch.ATTENTION


# ---- not operational ----


def test_not_operational_refuses_all(machine, way):
    with running(machine, way) as user:
        gone(machine)
        assert user.wait(ch.REQ)
        for request in (lambda: user.ssch(PROGRAM), user.hsch, user.csch):
            with refused(errno.EIO):
                request()
        with refused(errno.ENODEV):
            user.schib()
        with refused(errno.EINVAL):
            user.reset()
        # What it has been told before is still there.
        assert len(user.read(ch.IO_REGION, 0, 124)) == 124
        assert user.crw() == (0, 0)
        user.close()
    machine.wait_for(f"bus/css/devices/{HELD}", there=False)
    machine.wait_for(f"bus/mdev/devices/{ch.OTHER}", there=False)


def test_not_operational_without_program(machine):
    with machine.user() as user:
        works(user)
        gone(machine, "0.0.1000")
        assert user.wait(ch.REQ)
        with refused(errno.EIO):
            user.ssch(PROGRAM)
        user.kill()
    machine.wait_for(f"bus/css/devices/{QUICK}", there=False)


# ---- standby ----


def test_standby_becomes_idle_with_each_user(machine):
    with machine.user() as user:
        assert user.schib()[5] & 0x80  # enabled
        user.close()
    with machine.user() as user:
        works(user)
        user.kill()
    with machine.user() as user:
        works(user)


def test_standby_goes_quietly(machine):
    gone(machine)
    machine.wait_for(f"bus/css/devices/{HELD}", there=False)
    machine.wait_for(f"bus/mdev/devices/{ch.OTHER}", there=False)
    with machine.user() as user:
        works(user)


def test_user_finds_nothing_of_the_one_before(machine):
    with machine.user() as user:
        works(user)
        user.csch()
        machine.write("firmware/css/path", "11 off")
        assert user.wait(ch.CRW)
        user.close()
    with machine.user() as user:
        assert user.read(ch.IO_REGION, 0, 124) == bytes(124)
        assert user.read(ch.CMD_REGION, 0, 8) == bytes(8)
        assert user.crw() == (0, 0)
        assert not user.interrupted(ch.CRW)
