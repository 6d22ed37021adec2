# SPDX-License-Identifier: LGPL-2.1-or-later
"""A 9336's guest, or the daemon, is killed in the middle of writes: what had ended is in the image, and nothing else
has changed but the blocks of the one write that had not."""

import os
import shutil
import struct
import subprocess
import tempfile

import pytest

from channels import CC, CHN_END, DEV_END, HANG_LIMIT, Machine, program
from conftest import BUILD, Daemon, view_module

BLOCK, BLOCKS, RUN = 512, 256, 32  # guest_disk.h
PARAMS, CPA, DATA = 0x2000, 0x1000, 0x10000
WRITES = 40  # before a kill, at least


def place(number):
    """As writes_disk.c has it: first block, how many."""
    x = number * 2654435761 & 0xFFFFFFFF
    return (x >> 4) % (BLOCKS - RUN + 1), 1 + (x >> 24) % RUN


class Disk:
    """What is in an image, by whom each block was written."""

    def __init__(self, path):
        self.path = path
        self.written = [0] * BLOCKS
        self.next = 1

    def words(self, block, number):
        return struct.pack(">Q", block << 32 | number if number else 0)

    def acknowledged(self, number):
        first, count = place(number)
        self.written[first : first + count] = [number] * count
        self.next = number + 1

    def check(self, data):
        """@data has all that ended, and of the next write any part."""
        first, count = place(self.next)
        for block in range(BLOCKS):
            right = {self.words(block, self.written[block])}
            if first <= block < first + count:
                right.add(self.words(block, self.next))
            found = data[block * BLOCK : (block + 1) * BLOCK]
            found = {found[i : i + 8] for i in range(0, BLOCK, 8)}
            assert found <= right, f"block {block}: {found}, not {right}; write {self.next} was under way"


class Writer:
    def __init__(self, machine, way, uuid, disk):
        view = machine.view
        where = uuid if way == "vfio" else machine.socket(uuid)
        command = [view.build / "tests/vfio_ccw/writes_disk", way, where, disk.next]
        if way == "vfio":
            command[0] = shutil.copy(command[0], machine.daemon.directory)
            command = view.command(*command)
        self.disk = disk
        self.process = subprocess.Popen(
            [str(word) for word in command],
            env=view.environment(UMDEV_CCW_BYTE_ORDER="big"),
            stdout=subprocess.PIPE,
            **view.as_user(),
        )

    def acknowledge(self, count):
        """Wait for so many more writes; -1: for all until its end."""
        while count:
            word = self.process.stdout.read(4)
            if len(word) < 4:
                assert count < 0, f"it has ended: {self.process.wait(HANG_LIMIT)}"
                return
            (number,) = struct.unpack("=I", word)
            assert number == self.disk.next
            self.disk.acknowledged(number)
            count -= 1

    def end(self):
        self.process.kill()
        self.acknowledge(-1)
        self.process.wait(HANG_LIMIT)
        self.process.stdout.close()


def read_by_device(machine, uuid):
    data = b""
    with machine.user("socket", uuid, memory=1 << 20) as user:
        for first in range(0, BLOCKS, RUN):
            user.put(PARAMS, struct.pack(">BBHIII", 0x40, 0, BLOCK, first, 0, RUN - 1))
            user.put(PARAMS + 16, struct.pack(">BBHI", 6, 0, RUN, 0))
            user.put(CPA, program((0x63, CC, 16, PARAMS), (0x43, CC, 8, PARAMS + 16), (0x42, 0, RUN * BLOCK, DATA)))
            irb = user.run(CPA)
            assert (irb.dstat, irb.cstat) == (CHN_END | DEV_END, 0), irb
            data += user.get(DATA, RUN * BLOCK)
        user.close()
    return data


@pytest.fixture
def directory(private_mounts):
    path = tempfile.mkdtemp(prefix="umdev-test-")
    os.chmod(path, 0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def disk():
    """In memory, where there is a place for it: the machine goes on, so what its page cache has is not lost."""
    path = tempfile.mkdtemp(prefix="umdev-test-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    yield Disk(os.path.join(path, "disk"))
    shutil.rmtree(path)


def started(directory, disk):
    machine = Machine(view_module.View(Daemon(directory), BUILD), f"0.0.1000:9336,file={disk.path},blocks={BLOCKS}")
    return machine, machine.mdev()


def file_bytes(disk):
    with open(disk.path, "rb") as file:
        return file.read()


@pytest.mark.parametrize("way", ["socket", "vfio"])
def test_a_killed_guest_leaves_what_it_was_told_was_written(directory, disk, way):
    machine, uuid = started(directory, disk)
    for turn in range(8):
        writer = Writer(machine, way, uuid, disk)
        writer.acknowledge(WRITES + turn)
        writer.end()
        # When the next one has the device, the last one's write is over.
        data = read_by_device(machine, uuid)
        disk.check(data)
        assert file_bytes(disk) == data
    machine.daemon.stop()
    disk.check(file_bytes(disk))


def test_a_killed_daemon_leaves_what_was_written(directory, disk):
    for turn in range(4):
        machine, uuid = started(directory, disk)
        writer = Writer(machine, "socket", uuid, disk)
        writer.acknowledge(WRITES + turn)
        machine.daemon.kill()
        # It waits for an interrupt that does not come.
        writer.end()
        disk.check(file_bytes(disk))
        # Nobody has to mend the image, or its lock.
        machine, uuid = started(directory, disk)
        data = read_by_device(machine, uuid)
        disk.check(data)
        assert data == file_bytes(disk)
        machine.daemon.stop()
