# SPDX-License-Identifier: LGPL-2.1-or-later
"""
A program of VFIO's own API: vfio_program.py GROUP DEVICE

Uses the device of tests/preload/other_server.py and prints what it gets. With "wait" behind that, it
says "ready" at the end and waits for a line.
"""

import ctypes
import fcntl
import mmap
import os
import struct
import sys

TYPE1 = 1
BAR0, BAR2, CONFIG = (index << 40 for index in (0, 2, 7))
IOVA = 0x100000
EVENTFD_TRIGGER = 0x24
# Registers of the device.
ADDRESS, COUNT, DMA, STATUS, TRIGGER, PLAIN = 0x00, 0x08, 0x10, 0x14, 0x18, 0x100
FROM_PROGRAM = 1


def vfio(fd, number, arg=0):
    """One of VFIO's ioctls; a bytearray is written to."""
    return fcntl.ioctl(fd, ord(";") << 8 | 100 + number, arg)


def main():
    group_id, name = sys.argv[1:3]
    container = os.open("/dev/vfio/vfio", os.O_RDWR)
    group = os.open(f"/dev/vfio/{group_id}", os.O_RDWR)
    vfio(group, 4, struct.pack("i", container))
    vfio(container, 2, TYPE1)
    device = vfio(group, 6, bytearray(name.encode() + b"\0"))

    info = bytearray(struct.pack("IIIII", 20, 0, 0, 0, 0))
    vfio(device, 7, info)
    print("info", *struct.unpack("IIIII", info)[1:4])
    print("config", os.pread(device, 4, CONFIG).hex())
    os.pwrite(device, b"to the other server", BAR0 + PLAIN)
    print("bar0", os.pread(device, 19, BAR0 + PLAIN).decode())

    # Memory that nobody but this program has, read by the device into what this program maps.
    memory = mmap.mmap(-1, 65536, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory[:6] = b"memory"
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    vfio(container, 13, struct.pack("IIQQQ", 32, 3, address, IOVA, 65536))
    os.pwrite(device, struct.pack("<QQ", IOVA, 6), BAR0 + ADDRESS)
    os.pwrite(device, struct.pack("<I", FROM_PROGRAM), BAR0 + DMA)
    print("dma", *struct.unpack("<I", os.pread(device, 4, BAR0 + STATUS)))
    with mmap.mmap(device, 65536, offset=BAR2) as bar2:
        print("bar2", bar2[:6].decode())

    event = os.eventfd(0)
    vfio(device, 10, struct.pack("IIIIIi", 24, EVENTFD_TRIGGER, 0, 0, 1, event))
    os.pwrite(device, struct.pack("<I", 0), BAR0 + TRIGGER)
    print("irq", os.eventfd_read(event), flush=True)

    if sys.argv[3:] == ["wait"]:
        print("ready", flush=True)
        sys.stdin.readline()


main()
