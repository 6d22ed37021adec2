# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Runs in a guest: random reads and writes whose every sector tells what it is.

    scribble.py churn PATH SEED MIB [THREADS]   move so much, verify all that is read, and all of it at the end
    scribble.py write PATH SEED COUNT           so many writes, one after the other; each is told when it is over
    scribble.py check PATH SEED DONE            of these, DONE were told: they are there, and what came after is whole

PATH is a disk or a file, all of which is used. Past the page cache: what is read comes from the disk, and a write
that is over is on it. A block is 4 KiB; its content comes of SEED, its number, and which write it was, and each sector
begins with these.
"""
import array
import hashlib
import os
import random
import struct
import sys
import threading

BLOCK, SECTOR = 4096, 512
MOST = 16  # blocks at once
STAMP = struct.Struct(">IIII")  # seed, block, generation, sector
PAD = 1 << 16
UNTOLD = 10000  # more writes cannot have ended while their telling was on its way


class Wrong(Exception):
    """A block is not as it has to be."""


class Blocks:
    """What is in them."""

    def __init__(self, seed):
        self.seed = seed
        self.pad = hashlib.shake_128(STAMP.pack(seed, 0, 0, 0)).digest(PAD + BLOCK)

    def sector(self, block, generation, number):
        at = (block * 40503 + generation * 9973) % PAD + number * SECTOR
        return STAMP.pack(self.seed, block, generation, number) + self.pad[at + STAMP.size : at + SECTOR]

    def block(self, block, generation):
        return b"".join(self.sector(block, generation, number) for number in range(BLOCK // SECTOR))

    def generations(self, block, data):
        """Of each sector; Wrong if one is not of this block or not as it was made."""
        found = []
        for number in range(BLOCK // SECTOR):
            sector = data[number * SECTOR : (number + 1) * SECTOR]
            generation = STAMP.unpack_from(sector)[2]
            if sector != self.sector(block, generation, number):
                raise Wrong(f"block {block}, sector {number}: this is none of it: {sector[:32].hex()}")
            found.append(generation)
        return found


class Disk:
    """Reads and writes of whole blocks, past the page cache."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR | os.O_DIRECT | os.O_DSYNC)
        self.blocks = os.lseek(self.fd, 0, os.SEEK_END) // BLOCK
        memory = array.array("B", bytes((MOST + 1) * BLOCK))
        self.buffer = memoryview(memory)[-memory.buffer_info()[0] % BLOCK :]

    def read(self, block, count):
        view = self.buffer[: count * BLOCK]
        got = os.preadv(self.fd, [view], block * BLOCK)
        if got != len(view):
            raise Wrong(f"block {block}: {got} bytes were read of {len(view)}")
        return bytes(view)

    def write(self, block, data):
        view = self.buffer[: len(data)]
        view[:] = data
        done = os.pwritev(self.fd, [view], block * BLOCK)
        if done != len(data):
            raise Wrong(f"block {block}: {done} bytes were written of {len(data)}")


class Churn:
    """One thread, which has a part of the blocks for itself."""

    def __init__(self, path, seed, number, threads, amount):
        self.disk = Disk(path)
        self.content = Blocks(seed)
        self.choice = random.Random(seed * threads + number)
        size = self.disk.blocks // threads
        self.first, self.last = number * size, (number + 1) * size
        self.generations = {}
        self.amount = amount
        self.moved = [0, 0]
        self.error = None

    def verify(self, first, count):
        data = self.disk.read(first, count)
        for number in range(count):
            block = first + number
            expected = self.generations.get(block)
            piece = data[number * BLOCK : (number + 1) * BLOCK]
            if expected is not None and piece != self.content.block(block, expected):
                raise Wrong(f"block {block} is not write {expected} but {self.content.generations(block, piece)}")

    def step(self):
        count = self.choice.randint(1, min(MOST, self.last - self.first))
        first = self.choice.randint(self.first, self.last - count)
        writes = self.choice.random() < 0.5
        if writes:
            for block in range(first, first + count):
                self.generations[block] = self.generations.get(block, 0) + 1
            self.disk.write(first, b"".join(self.content.block(block, self.generations[block])
                                            for block in range(first, first + count)))
        else:
            self.verify(first, count)
        self.moved[writes] += count * BLOCK

    def run(self):
        try:
            while sum(self.moved) < self.amount:
                self.step()
            for first in range(self.first, self.last, MOST):
                self.verify(first, min(MOST, self.last - first))
        except (Wrong, OSError) as error:
            self.error = error


def churn(path, seed, mib, threads=4):
    churns = [Churn(path, int(seed), number, int(threads), (int(mib) << 20) // int(threads))
              for number in range(int(threads))]
    running = [threading.Thread(target=each.run) for each in churns]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    for each in churns:
        if each.error:
            raise each.error
    read, written = (sum(each.moved[i] for each in churns) >> 20 for i in (0, 1))
    print(f"read {read} MiB, wrote {written} MiB", flush=True)


def writes(seed, blocks):
    """Which blocks the first write takes, and the second one …"""
    choice = random.Random(seed)
    while True:
        count = choice.randint(1, MOST)
        first = choice.randint(0, blocks - count)
        yield range(first, first + count)


def write(path, seed, count):
    disk, content = Disk(path), Blocks(int(seed))
    for number, blocks in zip(range(1, int(count) + 1), writes(int(seed), disk.blocks)):
        disk.write(blocks[0], b"".join(content.block(block, number) for block in blocks))
        print(f"{path} {number}", flush=True)


def check(path, seed, done):
    """The last write that has left a trace may be there in part; all before it are there, as those that were told."""
    disk, content = Disk(path), Blocks(int(seed))
    done = int(done)
    found = {}
    for first in range(0, disk.blocks, MOST):
        count = min(MOST, disk.blocks - first)
        data = disk.read(first, count)
        for number in range(count):
            piece = data[number * BLOCK : (number + 1) * BLOCK]
            # What was never written is still as it was made: empty
            if piece != bytes(BLOCK):
                found[first + number] = piece
    stamped = {block: [STAMP.unpack_from(piece, at)[2] if any(piece[at : at + SECTOR]) else 0
                       for at in range(0, BLOCK, SECTOR)] for block, piece in found.items()}
    last = max([done] + [max(each) for each in stamped.values()])
    if last > done + UNTOLD:
        raise Wrong(f"there is a trace of write {last}, and {done} were told")
    expected, beginning = {}, ()
    for number, blocks in zip(range(1, last + 1), writes(int(seed), disk.blocks)):
        beginning = blocks if number > done and number == last else ()
        if not beginning:
            expected.update(dict.fromkeys(blocks, number))
    for block in set(found) | set(expected):
        verify_after_crash(content, block, found.get(block, bytes(BLOCK)), expected.get(block, 0),
                           last if block in beginning else None)
    print(f"{done} writes were told, {last} have left traces", flush=True)


def verify_after_crash(content, block, data, expected, in_flight):
    """Each sector is of write @expected (0: empty), or of @in_flight if there is one."""
    for number in range(BLOCK // SECTOR):
        sector = data[number * SECTOR : (number + 1) * SECTOR]
        right = [content.sector(block, each, number) if each else bytes(SECTOR)
                 for each in (expected, in_flight) if each is not None]
        if sector not in right:
            raise Wrong(f"block {block}, sector {number} is not of write {expected} but {sector[:32].hex()}")


if __name__ == "__main__":
    try:
        {"churn": churn, "write": write, "check": check}[sys.argv[1]](*sys.argv[2:])
    except (Wrong, OSError) as wrong:
        print(f"scribble: {wrong}", flush=True)
        sys.exit(1)
