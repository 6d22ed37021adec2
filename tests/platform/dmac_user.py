# SPDX-License-Identifier: LGPL-2.1-or-later
"""A user of the DMA engine over vfio-user, as a VMM would be one: the registers are those of <umdev/dmac.h>."""

import mmap
import os
import pathlib
import select
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "vfio_user"))
import client as vu  # noqa: E402

ID, VERSION, CONTROL, STATUS, IRQ_STATUS, IRQ_ENABLE, IRQ_ACK = range(0, 0x1C, 4)
RING_BASE, RING_SIZE, HEAD, TAIL, ERROR_INDEX, ERROR_CODE, COMPLETED = range(0x20, 0x3C, 4)
ENABLE = 1
DONE_LINE, ERROR_LINE = 0, 1
REGISTERS, MEMORY = 0, 1
DESCRIPTOR = struct.Struct("<QQIIII")
WANT_IRQ, FINISHED, ERROR_READ = 1, 0x80000000, 7
RING = 4
IOVA, FAR_IOVA, SIZE = 0x100000, 0x40000000, 0x40000
FLAG_RESET, FLAG_PLATFORM, FLAG_MMAP = 1, 4, 4
EVENTFD, MASKABLE, AUTOMASKED = 1, 2, 4
HANG_LIMIT = 30


class Engine:
    """One connection to a device's socket that is nobody else's."""

    def __init__(self, path):
        self.client = vu.Client(path)
        self.client.version()
        self.tail = 0
        self.events = []

    def close(self):
        self.client.close()
        for event in self.events:
            os.close(event)

    def get(self, reg):
        return struct.unpack("<I", self.client.read(REGISTERS, reg, 4))[0]

    def set(self, reg, value):
        self.client.write(REGISTERS, reg, struct.pack("<I", value))

    def arm(self, line):
        event = os.eventfd(0, os.EFD_NONBLOCK)
        self.events.append(event)
        self.client.set_irqs(vu.DATA_EVENTFD | vu.TRIGGER, line, 0, 1, [event])
        return event

    def unmask(self, line):
        self.client.set_irqs(vu.DATA_NONE | vu.UNMASK, line, 0, 1)

    def enable(self):
        self.tail = 0
        self.set(RING_SIZE, RING)
        self.set(IRQ_ENABLE, 3)
        self.set(CONTROL, ENABLE)

    def submit(self, memory, src, dst, length):
        """@memory: the descriptor memory, mapped. Return: which descriptor it is."""
        index = self.tail
        DESCRIPTOR.pack_into(memory, index * DESCRIPTOR.size, src, dst, length, WANT_IRQ, 0, 0)
        self.tail = (self.tail + 1) % RING
        self.set(TAIL, self.tail)
        return index


def status(memory, index):
    return DESCRIPTOR.unpack_from(memory, index * DESCRIPTOR.size)[4]


def has_come(event, limit=0):
    if not select.select([event], [], [], limit)[0]:
        return False
    os.eventfd_read(event)
    return True


def describe(client):
    flags, regions, irqs = client.info()[1:]
    assert flags & (FLAG_PLATFORM | FLAG_RESET) == FLAG_PLATFORM | FLAG_RESET and (regions, irqs) == (2, 2)
    assert client.region_info(REGISTERS)[0][1] & FLAG_MMAP == 0
    assert client.irq_info(DONE_LINE)[1:] == (EVENTFD | MASKABLE | AUTOMASKED, DONE_LINE, 1)
    assert client.irq_info(ERROR_LINE)[1:] == (EVENTFD, ERROR_LINE, 1)


def map_memory(client):
    """The descriptor memory: written here, read there."""
    fields, _, fds = client.region_info(MEMORY, 4096)
    assert fields[1] & FLAG_MMAP and len(fds) == 1
    memory = mmap.mmap(fds[0], fields[4], offset=fields[5])
    os.close(fds[0])
    memory[100:108] = b"is there"
    assert client.read(MEMORY, 100, 8) == b"is there"
    return memory


def copy_mapped(engine, memory, done):
    """Both ends are the client's memory, by descriptor. The interrupt is a level, masked by being told."""
    guest = vu.GuestMemory(SIZE)
    guest.map[: SIZE // 2] = os.urandom(SIZE // 2)
    engine.client.dma_map(IOVA, SIZE, guest.fd)
    index = engine.submit(memory, IOVA, IOVA + SIZE // 2, SIZE // 2)
    assert has_come(done, HANG_LIMIT)
    assert status(memory, index) == FINISHED
    assert guest.map[SIZE // 2 :] == guest.map[: SIZE // 2]
    engine.unmask(DONE_LINE)
    assert has_come(done), "it is high and was unmasked"
    engine.set(IRQ_ACK, 1)
    engine.unmask(DONE_LINE)
    assert not has_come(done)
    engine.client.dma_unmap(IOVA, SIZE)
    guest.close()


def copy_by_messages(engine, memory, done):
    """The same with memory that is asked for."""
    far = bytearray(os.urandom(SIZE // 2) + bytes(SIZE // 2))
    engine.client.dma_map(FAR_IOVA, SIZE)
    engine.client.serve_from(far, FAR_IOVA)
    before = engine.get(COMPLETED)
    end = time.monotonic() + HANG_LIMIT
    index = engine.submit(memory, FAR_IOVA, FAR_IOVA + SIZE // 2, SIZE // 2)
    while engine.get(COMPLETED) == before:
        assert time.monotonic() < end
    assert status(memory, index) == FINISHED and has_come(done, HANG_LIMIT)
    assert far[SIZE // 2 :] == far[: SIZE // 2]
    engine.set(IRQ_ACK, 1)
    engine.unmask(DONE_LINE)
    engine.client.dma_unmap(FAR_IOVA, SIZE)


def fail_and_reset(engine, memory, error):
    index = engine.submit(memory, IOVA, IOVA, 8)
    assert has_come(error, HANG_LIMIT)
    assert status(memory, index) == FINISHED | ERROR_READ
    assert (engine.get(ERROR_CODE), engine.get(ERROR_INDEX)) == (ERROR_READ, index)
    engine.client.reset()
    assert (engine.get(CONTROL), engine.get(STATUS), engine.get(RING_SIZE)) == (0, 0, 0)


def use(path):
    """All that the engine can, over the socket at @path."""
    engine = Engine(path)
    try:
        describe(engine.client)
        assert (engine.get(ID), engine.get(VERSION)) == (0x43414D44, 0x10000)
        memory = map_memory(engine.client)
        done, error = engine.arm(DONE_LINE), engine.arm(ERROR_LINE)
        for _ in range(2):
            engine.enable()
            copy_mapped(engine, memory, done)
            copy_by_messages(engine, memory, done)
            fail_and_reset(engine, memory, error)
        memory.close()
    finally:
        engine.close()
