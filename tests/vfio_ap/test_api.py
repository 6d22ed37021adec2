# SPDX-License-Identifier: LGPL-2.1-or-later
"""A vfio_ap device as VFIO's own API and vfio-user show it: what §5 of the kernel's has an answer to."""

import errno
import os
import select
import shutil
import struct
import time

import pytest

from guests import HANG_LIMIT, UUID, Machine, vu

# What Linux 7.3's vfio_ap_ops.c answers.
KERNEL = """\
info: ok, flags 0x21, 0 regions, 2 interrupts
info, too short: EINVAL
info, nowhere: EFAULT
interrupt 0: ok, 1, flags 0x1
interrupt 1: ok, 1, flags 0x1
interrupt 2: EINVAL, 0, flags 0
interrupt 3: EINVAL, 0, flags 0
interrupt, too short: EINVAL
set, an eventfd: ok
set, the other's: ok
set, once more: ok
set, -1: ok
set, -1 once more: ok
set, -2: EINVAL
set, closed: EBADF
set, no eventfd: EINVAL
set, trigger and mask: ok
set, count 0: ok
set, count 0, -2: EINVAL
set, count 2: EINVAL
set, start 1: EINVAL
set, no data: EINVAL
set, index 9: EINVAL
set, data nowhere: EFAULT
set, mask: EINVAL
set, unmask: EINVAL
set, no action: EINVAL
set, nothing, count 0: EINVAL
set, nothing: EINVAL
set, a boolean: EINVAL
set, no type of data: EINVAL
set, an unknown flag: EINVAL
region: EINVAL, 0, flags 0
read: EINVAL
read nothing: EINVAL
write: EINVAL
mmap: EINVAL
feature: ENOTTY
hot reset: EOPNOTSUPP
none of VFIO's: EOPNOTSUPP
reset: ok
"""
# What the window changes of it.
WINDOW = {
    "info: ok, flags 0x21, 0 regions, 2 interrupts": "info: ok, flags 0x21, 1 regions, 3 interrupts",
    "interrupt 2: EINVAL, 0, flags 0": "interrupt 2: ok, 1, flags 0x1",
    "region: EINVAL, 0, flags 0": "region: ok, 0x10000, flags 0xb",
    "read: EINVAL": "read: ok",
    "read nothing: EINVAL": "read nothing: ok",
    "write: EINVAL": "write: ok",
}
VERSION, EXECUTE, CC, INTERRUPTION, GR0, GR1, GR2, PSMID, LENGTH = 0, 4, 8, 12, 16, 24, 32, 40, 48
MESSAGE, SIZE = 0x40, 0x10000
REGISTERS = struct.Struct("<IIIIQQQQQQ")
NQAP, DQAP, PQAP = 0xB2AD, 0xB2AE, 0xB2AF
TAPQ, RAPQ, ZAPQ, AQIC, QCI = (number << 24 for number in range(5))
LAST, IR = 0x40000000, 1 << 47
NOT_AVAIL, NO_REPLY, OTHERWISE_CHANGED, INVALID_ADDRESS = 1, 0x10, 7, 6
QUEUE, OTHERS = 0x0404, 0x0504
IOVA = 0x10000
EVENTFD = vu.DATA_EVENTFD | vu.TRIGGER
REQ, CFG_CHG, REPLIES = range(3)
RANDOM_4 = bytes.fromhex("00 55 0001 00000010 00000000 00000004")


@pytest.fixture
def machine(idle_view):
    return Machine(idle_view, reset_ms=0)


class Window:
    """A guest over vfio-user."""

    def __init__(self, machine):
        self.client = vu.Client(machine.socket())
        self.client.version()
        self.memory = vu.GuestMemory(0x10000)
        self.client.dma_map(IOVA, 0x10000, self.memory.fd)
        self.events = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()
        self.memory.close()
        for event in self.events:
            os.close(event)

    def arm(self, index):
        event = os.eventfd(0, os.EFD_NONBLOCK)
        self.events.append(event)
        self.client.set_irqs(EVENTFD, index, 0, 1, [event])
        return event

    def execute(self, opcode, gr0, gr1=0, gr2=0, psmid=0, length=0, message=b""):
        """One write, one read. Return: gr1, gr2, psmid, what is in the message."""
        self.client.write(0, 0, REGISTERS.pack(0, opcode, 0, 0, gr0, gr1, gr2, psmid, length, 0) + message)
        got = self.client.read(0, 0, MESSAGE + 256)
        version, _, _, interruption, _, gr1, gr2, psmid, length, _ = REGISTERS.unpack_from(got)
        assert (version, interruption) == (1, 0)
        return gr1, gr2, psmid, got[MESSAGE : MESSAGE + length]

    def response(self, opcode, gr0, **more):
        return self.execute(opcode, gr0, **more)[0] >> 16 & 0xFF

    def take_reply(self):
        """Look for one until it is there."""
        end = time.monotonic() + HANG_LIMIT
        while self.response(DQAP, QUEUE, length=200) == NO_REPLY:
            assert time.monotonic() < end, "there is no reply"

    def adapters(self):
        """Of the guest, by QCI."""
        self.execute(PQAP, QCI)
        mask = int.from_bytes(self.client.read(0, MESSAGE + 16, 32), "big")
        return [n for n in range(256) if mask >> 255 - n & 1]

    def ask(self, queue=QUEUE, message=RANDOM_4, psmid=7):
        return self.response(NQAP, LAST | queue, psmid=psmid, length=len(message), message=message)


def comes(event):
    if not select.select([event], [], [], HANG_LIMIT)[0]:
        return False
    os.eventfd_read(event)
    return True


# ---- VFIO's own API ----


def answers(machine):
    machine.matrix()
    program = shutil.copy(machine.view.build / "tests/vfio_ap/uses_ap", machine.daemon.directory)
    return machine.view.run(program, UUID).stdout


@pytest.mark.parametrize("user", ["idle_view", "idle_user_view"], ids=["root", "user"])
def test_without_a_window_the_corners_are_the_kernels(request, user):
    assert answers(Machine(request.getfixturevalue(user), window=0)) == KERNEL


def test_the_window_is_all_that_is_different(machine):
    expected = [WINDOW.get(line, line) for line in KERNEL.splitlines()]
    assert answers(machine).splitlines() == expected


# ---- vfio-user ----


def test_the_device_over_vfio_user(machine):
    machine.matrix()
    with Window(machine) as window:
        assert window.client.info()[1:] == (0x21, 1, 3)
        for index in range(3):
            assert window.client.irq_info(index)[1:] == (1, index, 1)
        fields, caps, fds = window.client.region_info(0, 256)
        assert fields[1] == 0xB and fields[4] == SIZE and not fds
        assert struct.unpack_from("<HHIII", caps)[3:5] == (0x554D4456, 1)


@pytest.mark.parametrize("flags, count", [
    (vu.DATA_NONE | vu.TRIGGER, 0),
    (vu.DATA_NONE | vu.TRIGGER, 1),
    (vu.DATA_BOOL | vu.TRIGGER, 1),
    (vu.DATA_NONE | vu.MASK, 1),
    (vu.DATA_NONE | vu.UNMASK, 1),
    (vu.DATA_EVENTFD | vu.UNMASK, 1),
    (vu.DATA_EVENTFD | vu.TRIGGER, 2),
])
def test_only_eventfds_are_taken(machine, flags, count):
    machine.matrix()
    with Window(machine) as window:
        data = b"\1" * count if flags & vu.DATA_BOOL else b""
        with pytest.raises(vu.VfioUserError) as refused:
            window.client.set_irqs(flags, REQ, 0, count, data=data)
        assert refused.value.errno == errno.EINVAL


def test_a_message_goes_to_a_queue_and_comes_back(machine):
    machine.matrix()
    with Window(machine) as window:
        gr1, gr2, _, _ = window.execute(PQAP, TAPQ | QUEUE)
        assert gr1 == 0x80000000 and gr2 >> 24 & 0xFF == 14
        replies = window.arm(REPLIES)
        assert window.response(PQAP, AQIC | QUEUE, gr1=IR, gr2=IOVA + 5) == 0
        assert window.ask() == 0
        assert comes(replies)
        assert window.memory.map[5] == 0x80
        gr1, _, psmid, reply = window.execute(DQAP, 0x80000000 | QUEUE, length=200)
        assert (gr1 >> 16, psmid, reply[1], len(reply)) == (0x8100, 7, 0xD5, 24)
        assert window.response(DQAP, QUEUE, length=200) == NO_REPLY


def test_queues_of_others_are_not_there(machine):
    machine.matrix()
    with Window(machine) as window:
        for gr0 in (TAPQ, RAPQ, ZAPQ, AQIC):
            assert window.execute(PQAP, gr0 | OTHERS, gr1=IR, gr2=IOVA)[0] == NOT_AVAIL << 16
        assert window.ask(OTHERS) == NOT_AVAIL
        assert window.response(DQAP, OTHERS, length=10) == NOT_AVAIL
        assert window.adapters() == [4, 6]
        changed = window.arm(CFG_CHG)
        machine.unassign("adapter", 4)
        assert comes(changed)
        assert window.adapters() == [6]
        assert window.ask() == NOT_AVAIL


def test_a_byte_goes_with_its_memory(machine):
    machine.matrix()
    with Window(machine) as window:
        replies = window.arm(REPLIES)
        assert window.response(PQAP, AQIC | QUEUE, gr1=IR, gr2=0) == INVALID_ADDRESS
        assert window.response(PQAP, AQIC | QUEUE, gr1=IR, gr2=IOVA - 1) == INVALID_ADDRESS
        assert window.response(PQAP, AQIC | QUEUE, gr1=IR, gr2=IOVA) == 0
        window.client.dma_unmap(IOVA, 0x10000)
        assert window.ask() == 0
        window.take_reply()
        assert window.memory.map[0] == 0 and not select.select([replies], [], [], 0)[0]


def test_memory_that_is_cut_off_behind_a_byte_hits_nobody(machine):
    """Who shares memory may truncate it. The adapter's thread is the one that then meets the hole."""
    machine.matrix()
    with Window(machine) as window:
        replies = window.arm(REPLIES)
        assert window.response(PQAP, AQIC | QUEUE, gr1=IR, gr2=IOVA) == 0
        os.ftruncate(window.memory.fd, 0)
        assert window.ask() == 0
        assert comes(replies)
        assert window.execute(DQAP, 0x80000000 | QUEUE, length=200)[2] == 7


@pytest.mark.parametrize("how", ["reset", "unplug", "unassign", "close"])
def test_a_byte_is_forgotten_with_its_queue(machine, how):
    machine.matrix()
    with Window(machine) as window:
        assert window.response(PQAP, AQIC | QUEUE, gr1=IR, gr2=IOVA) == 0
        if how == "reset":
            window.client.reset()
        elif how == "unplug":
            machine.umdev("ap", "unplug", "04")
            machine.umdev("ap", "plug", "04:CEX8P")
        elif how == "unassign":
            machine.unassign("adapter", 4)
            machine.assign("adapter", 4)
        else:
            window.client.close()
            window.client = vu.Client(machine.socket())
            window.client.version()
        assert window.adapters() == [4, 6]
        assert window.ask() == 0
        window.take_reply()
        assert window.memory.map[0] == 0


def test_who_removes_the_device_takes_the_queues(machine):
    machine.matrix()
    with Window(machine) as window:
        asked, changed = window.arm(REQ), window.arm(CFG_CHG)
        remove = machine.view.popen("sh", "-c", f"echo 1 > /sys/bus/mdev/devices/{UUID}/remove")
        assert comes(asked) and comes(changed)
        assert window.adapters() == []
        assert window.ask() == NOT_AVAIL
        window.client.close()
        assert remove.wait(HANG_LIMIT) == 0


def test_a_module_that_waits_for_its_user_still_protects_it(machine):
    """rmmod --wait: the module takes nobody any more, but who is there is told, and keeps what it has."""
    machine.matrix()
    with Window(machine) as window:
        asked, changed = window.arm(REQ), window.arm(CFG_CHG)
        rmmod = machine.view.popen(machine.view.umdev, "rmmod", "--wait", "vfio_ap")
        assert comes(asked) and comes(changed)
        for mask in ("apmask", "aqmask"):
            refused = machine.view.run("sh", "-c", f"/bin/echo +4 > /sys/bus/ap/{mask}", check=False)
            assert "Device or resource busy" in refused.stderr
        assert machine.queue_status("04.0004") == "in use"
        machine.umdev("ap", "control-domains", "0x47")
        assert comes(changed)
        window.client.close()
        assert rmmod.wait(HANG_LIMIT) == 0


def test_hostile_accesses_are_refused_or_harmless(machine):
    machine.matrix()
    with Window(machine) as window:
        for offset, count in ((SIZE, 1), (SIZE - 1, 2), (2**63, 8), (0, SIZE + 1), (0, 0)):
            with pytest.raises(vu.VfioUserError):
                window.client.read(0, offset, count)
        for opcode, gr0, length, interruption in (
            (0, QUEUE, 0, 1), (PQAP, 5 << 24 | QUEUE, 0, 6), (PQAP, 0xFF << 24, 0, 6), (NQAP, QUEUE, 0, 6),
            (NQAP, LAST | QUEUE, SIZE, 5), (DQAP, QUEUE, 2**64 - 1, 5), (DQAP, QUEUE, SIZE - MESSAGE + 1, 5),
        ):
            window.client.write(0, 0, REGISTERS.pack(0, opcode, 0, 0, gr0, 0, 0, 0, length, 0))
            assert struct.unpack("<I", window.client.read(0, INTERRUPTION, 4))[0] == interruption
        # All that the window holds: more than any queue takes.
        window.client.write(0, 0, REGISTERS.pack(0, NQAP, 0, 0, LAST | QUEUE, 0, 0, 0, SIZE - MESSAGE, 0))
        assert struct.unpack("<Q", window.client.read(0, GR1, 8))[0] >> 16 & 0xFF == 0x15
        # A message that is none is answered by the adapter.
        assert window.ask(message=b"\xff" * 100) == 0
