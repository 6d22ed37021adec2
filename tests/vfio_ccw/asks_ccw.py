# SPDX-License-Identifier: LGPL-2.1-or-later
"""
A program of VFIO's API that asks a vfio_ccw device everything that the kernel's has an answer to:
asks_ccw.py GROUP UUID. It says what it was answered, a line each.
"""

import ctypes
import errno
import fcntl
import mmap
import os
import struct
import sys

NONE, BOOL, EVENTFD, MASK, UNMASK, TRIGGER = (1 << bit for bit in range(6))
PAGE = mmap.PAGESIZE

libc = ctypes.CDLL(None, use_errno=True)


def vfio(fd, number, arg=0):
    """One of VFIO's ioctls; a bytearray is written to."""
    return fcntl.ioctl(fd, ord(";") << 8 | 100 + number, arg)


def ask(what, call, *args):
    try:
        result = call(*args)
    except OSError as error:
        result = errno.errorcode[error.errno]
    else:
        result = "ok" if isinstance(result, bytes) or result == 0 else result
    print(f"{what}: {result}")


def open_all(group_id, name):
    container = os.open("/dev/vfio/vfio", os.O_RDWR)
    group = os.open(f"/dev/vfio/{group_id}", os.O_RDWR)
    vfio(group, 4, struct.pack("i", container))
    vfio(container, 2, 3)
    return vfio(group, 6, bytearray(name.encode() + b"\0"))


# ---- information ----


def info(device):
    data = bytearray(struct.pack("IIIII", 20, 0, 0, 0, 0))
    vfio(device, 7, data)
    flags, regions, irqs = struct.unpack("IIIII", data)[1:4]
    print(f"info: flags {flags:#x}, {regions} regions, {irqs} interrupts")
    ask("info, too short", vfio, device, 7, bytearray(struct.pack("IIIII", 12, 0, 0, 0, 0)))


def region(device, index, argsz=32):
    """Return: where it is."""
    data = bytearray(struct.pack("IIIIQQ", argsz, 0, index, 0, 0, 0) + bytes(64))
    try:
        vfio(device, 8, data)
    except OSError as error:
        print(f"region {index}: {errno.errorcode[error.errno]}")
        return None
    argsz_now, flags, _, cap, size, offset = struct.unpack("IIIIQQ", data[:32])
    print(f"region {index} with {argsz}: {size} bytes, flags {flags:#x}, {argsz_now}, capability at {cap}")
    if cap:
        print("  capability %d version %d, next %d, type %d.%d" % struct.unpack("HHIII", data[cap : cap + 16]))
    return offset


def irq(device, index):
    data = bytearray(struct.pack("IIII", 16, 0, index, 0))
    try:
        vfio(device, 9, data)
    except OSError as error:
        print(f"interrupt {index}: {errno.errorcode[error.errno]}")
        return
    _, flags, _, count = struct.unpack("IIII", data)
    print(f"interrupt {index}: {count}, flags {flags:#x}")


# ---- interrupts ----


def set_irq(device, what, flags, data=b"", index=0, start=0, count=1, size=None):
    size = len(data) if size is None else size
    ask(f"set, {what}", vfio, device, 10, struct.pack("IIIII", 20 + size, flags, index, start, count) + data)


def signals(event):
    try:
        return os.eventfd_read(event)
    except BlockingIOError:
        return 0


def eventfds(device, event):
    def fd(number):
        return struct.pack("i", number)

    file = os.open("/dev/null", os.O_RDWR)
    for index in range(3):
        set_irq(device, f"an eventfd for {index}", EVENTFD | TRIGGER, fd(event), index=index)
    set_irq(device, "once more", EVENTFD | TRIGGER, fd(event))
    set_irq(device, "-1", EVENTFD | TRIGGER, fd(-1))
    set_irq(device, "-1 once more", EVENTFD | TRIGGER, fd(-1))
    set_irq(device, "-2", EVENTFD | TRIGGER, fd(-2))
    set_irq(device, "closed", EVENTFD | TRIGGER, fd(12345))
    set_irq(device, "no eventfd", EVENTFD | TRIGGER, fd(file))
    set_irq(device, "count 0", EVENTFD | TRIGGER, fd(event), count=0, size=0)
    set_irq(device, "count 2", EVENTFD | TRIGGER, fd(event), count=2)
    set_irq(device, "start 1", EVENTFD | TRIGGER, fd(event), start=1)
    set_irq(device, "no data", EVENTFD | TRIGGER, fd(event), size=0)
    set_irq(device, "index 3", EVENTFD | TRIGGER, fd(event), index=3)


def actions(device, event):
    fd = struct.pack("i", event)
    set_irq(device, "mask", EVENTFD | MASK, fd)
    set_irq(device, "unmask", NONE | UNMASK)
    set_irq(device, "no action", EVENTFD, fd)
    set_irq(device, "no type of data", TRIGGER)
    set_irq(device, "two types of data", NONE | BOOL | TRIGGER, b"\1")
    set_irq(device, "an unknown flag", EVENTFD | TRIGGER | 0x40, fd)
    set_irq(device, "trigger and mask", EVENTFD | TRIGGER | MASK, fd)


def triggers(device, event):
    """What signals the eventfd, which interrupt 0 has, and 2 has not."""
    set_irq(device, "nobody, nothing", NONE | TRIGGER, index=2)
    set_irq(device, "nobody, true", BOOL | TRIGGER, b"\1", index=2)
    for what, flags, data, count in (
        ("nothing", NONE, b"", 1),
        ("nothing, count 0", NONE, b"", 0),
        ("false", BOOL, b"\0", 1),
        ("true", BOOL, b"\1", 1),
        ("42", BOOL, b"\x2a", 1),
    ):
        signals(event)
        set_irq(device, what, flags | TRIGGER, data, count=count)
        print(f"  signalled {signals(event)}")


# ---- regions ----


def access(device, offsets):
    for index, size in enumerate((124, 8, 52, 8)):
        at = offsets[index]
        for where, count in ((0, size), (0, size + 1), (size - 1, 1), (size - 1, 2), (size, 1), (1 << 39, 1)):
            ask(f"read {index}, {count} at {where}", lambda a=at + where, n=count: len(os.pread(device, n, a)))
    for index, size in ((0, 124), (1, 8), (2, 52), (3, 8)):
        for where, count in ((0, size + 1), (size, 1), (size - 1, 2)):
            ask(f"write {index}, {count} at {where}", os.pwrite, device, bytes(count), offsets[index] + where)
    ask("write 2", os.pwrite, device, bytes(52), offsets[2])
    ask("write 3", os.pwrite, device, bytes(8), offsets[3])
    ask("read behind them", os.pread, device, 1, offsets[3] + (offsets[3] - offsets[2]))
    ask("read on", lambda: (len(os.read(device, 100)), len(os.read(device, 100))))


def others(device):
    try:
        mmap.mmap(device, PAGE, mmap.MAP_SHARED, mmap.PROT_READ)
    except OSError as error:
        print(f"mmap: {errno.errorcode[error.errno]}")
    ask("feature", vfio, device, 17, bytearray(struct.pack("II", 8, 1 << 16)))
    ask("hot reset", vfio, device, 13, bytearray(64))
    ask("none of VFIO's", fcntl.ioctl, device, 0x1234, bytearray(64))
    ask("reset", vfio, device, 11)


def main():
    device = open_all(*sys.argv[1:3])
    event = os.eventfd(0, os.EFD_NONBLOCK)
    info(device)
    offsets = [region(device, index) for index in range(4)]
    region(device, 4)
    for index in range(1, 4):
        region(device, index, 48)
    for index in range(4):
        irq(device, index)
    eventfds(device, event)
    actions(device, event)
    set_irq(device, "none for 2", EVENTFD | TRIGGER, struct.pack("i", -1), index=2)
    triggers(device, event)
    access(device, offsets)
    others(device)


main()
