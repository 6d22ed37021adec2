# SPDX-License-Identifier: LGPL-2.1-or-later
"""A disk's data by every way in which a channel program can say where it is."""

import os
import random
import shutil
import struct
import tempfile

import pytest

from channels import (
    C64, CC, CHN_END, DC, DEV_END, FMT0, FMT1, I2K, IDA, INCORR_LEN, SKIP, SLI, TIC, UNIT_CHECK, Machine, idal, program,
)
from conftest import BUILD, Daemon, view_module

MEMORY = 0x100000
CPA, FAR, PARAMS, LIST, DATA = 0x2000, 0x3000, 0x4000, 0x5000, 0x10000
DEFINE_EXTENT, LOCATE, READ, WRITE = 0x63, 0x43, 0x42, 0x41
BLOCK, BLOCKS = 512, 256
GOOD = CHN_END | DEV_END
ECTL, CONS, COMMAND_REJECT = 0x02, 0x01000000, 0x80


@pytest.fixture(scope="module")
def machine(private_mounts):
    directory = tempfile.mkdtemp(prefix="umdev-test-")
    os.chmod(directory, 0o755)
    daemon = Daemon(directory)
    try:
        machine = Machine(view_module.View(daemon, BUILD), f"0.0.2000:9336,file={directory}/image,blocks={BLOCKS}")
        machine.image = f"{directory}/image"
        machine.mdev()
        yield machine
    finally:
        daemon.stop()
        shutil.rmtree(directory)


@pytest.fixture(params=["socket", "vfio"])
def user(machine, request):
    with machine.user(request.param, memory=MEMORY) as user:
        yield user
        user.close()


def stored(machine, first, count):
    with open(machine.image, "rb") as image:
        image.seek(first * BLOCK)
        return image.read(count * BLOCK)


class Direct:
    """Data where CCWs say; @split: how much in each that chains data."""

    def __init__(self, *split, word1=FMT1):
        self.split = split
        self.word1 = word1

    def areas(self, user, size):
        """(flags, count, address in a CCW, [(address, count) of the data])"""
        at = DATA
        for part in [*self.split, size - sum(self.split)]:
            yield 0, part, at, [(at, part)]
            at += part + 99


class Lists(Direct):
    """The same by lists of IDAWs that begin at @offset of a block, whose blocks are in no order."""

    def __init__(self, word1, offset, *split):
        super().__init__(*split, word1=word1)
        self.offset = offset
        self.c64 = bool(word1 & C64)
        self.block = 4096 if self.c64 and not word1 & I2K else 2048

    def areas(self, user, size):
        at, blocks = LIST, list(range(DATA, DATA + 0x40000, self.block))
        random.Random(size).shuffle(blocks)
        for part in [*self.split, size - sum(self.split)]:
            pieces, left, offset = [], part, self.offset
            while left:
                count = min(left, self.block - offset)
                pieces.append((blocks.pop() + offset, count))
                left -= count
                offset = 0
            user.put(at, idal(*[piece[0] for piece in pieces], c64=self.c64))
            yield IDA, part, at, pieces
            at += 8 * len(pieces) + 8


WAYS = {
    "direct": Direct(),
    "format 0": Direct(word1=FMT0),
    "chained": Direct(1, 1000, 24),
    "format 0, chained": Direct(100, 1000, word1=FMT0),
    "list 1": Lists(FMT1, 0),
    "list 1, in the middle": Lists(FMT1, 1111),
    "list 1 of format 0, chained": Lists(FMT0, 2047, 5, 2000),
    "list 2": Lists(FMT1 | C64, 0),
    "list 2, in the middle, chained": Lists(FMT1 | C64, 4095, 3, 4097),
    "list 2 of 2K": Lists(FMT1 | C64 | I2K, 2),
    "list 2 of 2K, chained": Lists(FMT0 | C64 | I2K, 1024, 2048),
}


def build(user, way, command, first, count, data=None):
    """The program, and where its data is. Its pieces are in two rows with a TIC between them."""
    user.put(PARAMS, struct.pack(">BxHIII", 0, BLOCK, first, 0, count - 1))
    user.put(PARAMS + 16, struct.pack(">BxHI", 5 if command == WRITE else 6, count, 0))
    areas = list(way.areas(user, count * BLOCK))
    where = [piece for area in areas for piece in area[3]]
    ccws = [
        (command if not i else 0, flags | (DC if i + 1 < len(areas) else 0), size, address)
        for i, (flags, size, address, _) in enumerate(areas)
    ]
    fmt1 = bool(way.word1 & FMT1 & ~FMT0)
    user.put(CPA, program((DEFINE_EXTENT, CC, 16, PARAMS), (LOCATE, CC, 8, PARAMS + 16), (TIC, 0, 0, FAR), fmt1=fmt1))
    user.put(FAR, program(*ccws, fmt1=fmt1))
    for address, size in where:
        user.put(address, data[:size] if data else b"\xee" * size)
        data = data[size:] if data else None
    return where


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_what_is_written_is_in_the_image_and_read_again(machine, user, way):
    data = random.randbytes(20 * BLOCK)
    build(user, way, WRITE, 30, 20, data)
    irb = user.run(CPA, way.word1)
    assert (irb.dstat, irb.cstat, irb.count) == (GOOD, 0, 0), irb
    assert stored(machine, 30, 20) == data
    where = build(user, way, READ, 30, 20)
    irb = user.run(CPA, way.word1)
    assert (irb.dstat, irb.cstat, irb.count) == (GOOD, 0, 0), irb
    assert b"".join(user.get(address, size) for address, size in where) == data


def test_skipped_data_stays_where_it_is(machine, user):
    data = random.randbytes(2 * BLOCK)
    build(user, Direct(), WRITE, 0, 2, data)
    assert user.run(CPA).dstat == GOOD
    build(user, Direct(BLOCK), READ, 0, 2)
    user.put(FAR, program((READ, DC | SKIP, BLOCK, DATA), (0, 0, BLOCK, DATA)))
    assert user.run(CPA).dstat == GOOD
    assert user.get(DATA, 2 * BLOCK) == data[BLOCK:] + user.get(DATA + BLOCK, BLOCK)


def test_a_unit_check_ends_the_program_and_brings_its_sense(machine, user):
    before = stored(machine, 0, BLOCKS)
    build(user, Direct(), WRITE, BLOCKS - 1, 2, random.randbytes(2 * BLOCK))
    irb = user.run(CPA)
    assert irb.dstat == GOOD | UNIT_CHECK and irb.flags & ECTL and irb.esw[1] & CONS, irb
    assert irb.ecw[0] == COMMAND_REJECT
    assert irb.cpa == CPA + 8
    assert stored(machine, 0, BLOCKS) == before


@pytest.mark.parametrize("flags, cstat", [(0, INCORR_LEN), (SLI, 0)])
def test_a_write_whose_data_ends_early_is_filled_up(machine, user, flags, cstat):
    data = random.randbytes(2 * BLOCK)
    build(user, Direct(), WRITE, 10, 2, data)
    user.put(FAR, program((WRITE, flags, BLOCK + 100, DATA)))
    irb = user.run(CPA)
    assert (irb.dstat, irb.cstat, irb.count) == (GOOD, cstat, 0), irb
    assert stored(machine, 10, 2) == data[: BLOCK + 100] + bytes(BLOCK - 100)


def test_data_that_is_not_there_leaves_other_blocks_alone(machine, user):
    before = stored(machine, 0, BLOCKS)
    build(user, Direct(BLOCK), WRITE, 100, 2, random.randbytes(2 * BLOCK))
    user.put(FAR, program((WRITE, DC, BLOCK, DATA), (0, 0, BLOCK, MEMORY)))
    assert user.run(CPA).cstat == 0x20
    after = stored(machine, 0, BLOCKS)
    assert after[: 100 * BLOCK] == before[: 100 * BLOCK] and after[102 * BLOCK :] == before[102 * BLOCK :]
