# SPDX-License-Identifier: LGPL-2.1-or-later
"""What QEMU 11.1 and Cloud Hypervisor say to a device from connecting to a running machine."""

import os
import struct

import pytest

import client as vu

MIB = 1 << 20


@pytest.fixture
def ram():
    guest = vu.GuestMemory(64 * MIB)
    yield guest
    guest.close()


def close_all(fds):
    for fd in fds:
        os.close(fd)


def qemu_region(c, index):
    """Ask with room for the fixed part, and again if there is more."""
    fields, _, fds = c.region_info(index)
    if fields[0] > 32:
        assert not fds
        fields, _, fds = c.region_info(index, fields[0])
    return fields, fds


def test_qemu_starts_a_machine(server, ram):
    with server.connect() as c:
        c.version(vu.QEMU)
        # RAM, then the BIOS without a descriptor, both before any reply.
        maps = [c.send(vu.DMA_MAP, vu.DMA_MAP_S.pack(32, 3, 0, 0, 64 * MIB), [ram.fd]),
                c.send(vu.DMA_MAP, vu.DMA_MAP_S.pack(32, 1, 0, 0xFFFC0000, 0x40000))]
        for ident in maps:
            assert c.wait(ident).flags == vu.REPLY
        _, flags, regions, irqs = c.info()
        assert flags & 2 and 8 <= regions <= 100 and 3 <= irqs <= 50
        for index in [0, 1, 2, 3, 4, 5, 7]:
            fields, fds = qemu_region(c, index)
            assert fields[4] == vu.BAR_SIZES[index]
            assert len(fds) == (1 if fields[1] & 4 else 0)
            close_all(fds)
        assert c.irq_info(vu.ERR)[3] == 1
        assert len(c.read(7, 0, 256)) == 256
        c.read(7, 0x30, 4)
        c.write(7, 0x30, struct.pack("<I", 0xFFFFF800))
        c.read(7, 0x30, 4)
        c.write(7, 0x30, bytes(4))
        assert not c.irq_info(vu.MSIX)[1] & 8
        intx, err, resample = (os.eventfd(0) for _ in range(3))
        c.set_irqs(0x24, vu.INTX, 0, 1, [intx])
        c.set_irqs(0x24, vu.ERR, 0, 1, [err])
        # The reset of the machine.
        c.set_irqs(0x21, vu.INTX, 0, 0)
        c.read(7, 4, 2)
        c.write(7, 4, bytes(2))
        c.reset()
        c.set_irqs(0x24, vu.INTX, 0, 1, [intx])
        c.set_irqs(0x09, vu.INTX, 0, 1)
        c.set_irqs(0x14, vu.INTX, 0, 1, [resample])
        c.set_irqs(0x11, vu.INTX, 0, 1)
        for bar in range(0x10, 0x28, 4):
            c.write(7, bar, bytes(4))
        # The firmware opens and closes its windows.
        for _ in range(10):
            assert c.dma_unmap(0, 64 * MIB)[3] == 64 * MIB
            parts = [(0, 0xC0000, 3), (0xC0000, 0x20000, 1), (0xE0000, 0x20000, 1),
                     (0x100000, 64 * MIB - 0x100000, 3)]
            for start, size, flags in parts:
                c.send(vu.DMA_MAP, vu.DMA_MAP_S.pack(32, flags, start, start, size), [ram.fd])
            for start, size, _ in parts:
                assert c.dma_unmap(start, size) == (24, 0, start, size)
            c.dma_map(0, 64 * MIB, ram.fd)
        # Its own BAR, when memory decoding goes on.
        c.dma_map(0xFEBF0000, 65536)
        # The guest's driver turns MSI-X on, vector by vector.
        c.set_irqs(0x21, vu.INTX, 0, 0)
        c.set_irqs(0x24, vu.MSIX, 0, 1)
        vectors = [os.eventfd(0) for _ in range(4)]
        for i, fd in enumerate(vectors):
            c.set_irqs(0x24, vu.MSIX, i, 1, [fd])
        c.write_reg(vu.REG_TRIGGER, vu.MSIX << 16 | 2)
        assert os.eventfd_read(vectors[2]) == 1
        # Unplugged.
        c.set_irqs(0x24, vu.ERR, 0, 1)
        c.set_irqs(0x21, vu.MSIX, 0, 0)
        c.dma_unmap(0xFEBF0000, 65536)
        c.dma_unmap(0, 64 * MIB)
        close_all([intx, err, resample, *vectors])


def read_exactly(c, ident, size):
    """Cloud Hypervisor reads so many bytes and never looks at the header."""
    c._fill(size)
    data = bytes(c.buffer[:size])
    del c.buffer[:size]
    assert vu.HEADER.unpack_from(data)[:3] == (ident[0], ident[1], size)
    return data[16:]


def test_cloud_hypervisor_starts_a_machine(server, ram):
    with server.connect() as c:
        major, minor, said = c.version(vu.CLOUD_HYPERVISOR, minor=1)
        assert (major, minor) == (0, 0) and "capabilities" in said

        def ask(command, payload, size, fds=()):
            return read_exactly(c, (c.send(command, payload, fds), command), size)

        ask(vu.DMA_MAP, vu.DMA_MAP_S.pack(32, 3, 0, 0, 64 * MIB), 16, [ram.fd])
        _, _, regions, irqs = vu.INFO_S.unpack(ask(vu.GET_INFO, vu.INFO_S.pack(16, 0, 0, 0), 32))
        for index in range(regions):
            fields = vu.REGION_INFO_S.unpack_from(
                ask(vu.GET_REGION_INFO, vu.REGION_INFO_S.pack(32, 0, index, 0, 0, 0), 48))
            if fields[0] > 32:
                ask(vu.GET_REGION_INFO, vu.REGION_INFO_S.pack(fields[0], 0, index, 0, 0, 0), 16 + fields[0])
                assert len(c.fds) == 1
                close_all(c.fds)
                c.fds = []
            else:
                assert not fields[1] & 4, "mappable without a descriptor"
        for index in range(irqs):
            ask(vu.GET_IRQ_INFO, vu.IRQ_INFO_S.pack(16, 0, index, 0), 32)
        vectors = [os.eventfd(0) for _ in range(48)]
        for start in range(0, 48, 16):
            ask(vu.SET_IRQS, vu.IRQ_SET_S.pack(20, 0x24, vu.MSIX, start, 16), 16, vectors[start : start + 16])
        ask(vu.REGION_WRITE, vu.ACCESS_S.pack(0, 0, 4) + b"data", 32)
        assert ask(vu.REGION_READ, vu.ACCESS_S.pack(0, 0, 4), 36)[16:] == b"data"
        assert ask(vu.REGION_READ, vu.ACCESS_S.pack(vu.REG_FAIL_INVAL, 0, 4), 36)[16:] == b"\xff" * 4
        ask(vu.REGION_WRITE, vu.ACCESS_S.pack(vu.REG_FAIL_INVAL, 0, 4) + b"data", 32)
        ask(vu.SET_IRQS, vu.IRQ_SET_S.pack(20, 0x21, vu.MSIX, 0, 0), 16)
        ask(vu.DMA_UNMAP, vu.DMA_UNMAP_S.pack(24, 0, 0, 64 * MIB), 40)
        close_all(vectors)
