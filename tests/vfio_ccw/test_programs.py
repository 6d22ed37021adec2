# SPDX-License-Identifier: LGPL-2.1-or-later
"""How a guest's channel programs are read and executed, each rule through VFIO."""

import errno
import os
import shutil
import tempfile

import pytest

import channels
from channels import (
    C64, CC, CHN_END, DC, DEV_END, ENDED, FMT0, FMT1, FMT, I2K, IDA, INCORR_LEN, LPM_SHIFT, MIDA, MIDAW, NOOP, OTHER,
    PFCH, PROG_CHECK, READ, SENSE_ID, SKIP, SLI, START, TIC, TM, UUID, WRITE, Machine, idal, program,
)
from conftest import BUILD, Daemon, view_module

MEMORY = 0x100000
CPA, FAR, LIST, DATA = 0x2000, 0x8000, 0x4000, 0x10000
GOOD = CHN_END | DEV_END
NULL_ID = bytes.fromhex("ff000001000001")
NOTHING = 0xEE  # what is in memory before a program runs


@pytest.fixture(scope="module")
def machine(private_mounts):
    """Two null devices; what a test changes it changes in its user."""
    directory = tempfile.mkdtemp(prefix="umdev-test-")
    os.chmod(directory, 0o755)
    daemon = Daemon(directory)
    try:
        machine = Machine(view_module.View(daemon, BUILD), "0.0.1000:null", "0.0.1001:null,length=100")
        machine.mdev("0.0.0000", UUID)
        machine.mdev("0.0.0001", OTHER)
        yield machine
    finally:
        daemon.stop()
        shutil.rmtree(directory)


@pytest.fixture(params=["socket", "vfio"])
def user(machine, request):
    with machine.user(request.param, memory=MEMORY) as user:
        yield user
        user.close()


def refused(user, word1=FMT1, cpa=CPA):
    """With which error?"""
    with pytest.raises(OSError) as raised:
        user.ssch(cpa, word1)
    return raised.value.errno


def ends_well(user, word1=FMT1, cpa=CPA):
    irb = user.run(cpa, word1)
    assert (irb.dstat, irb.cstat, irb.ctrl & 0x701F) == (GOOD, 0, START | ENDED), irb
    return irb


def check_of(user, word1=FMT1, cpa=CPA):
    """The channel's, of a program that is started and does not end well."""
    irb = user.run(cpa, word1)
    assert irb.cstat, irb
    return irb.cstat


# ---- formats ----


@pytest.mark.parametrize("fmt1", [False, True])
def test_ccws_of_both_formats(user, fmt1):
    user.put(CPA, program((NOOP, CC | SLI, 1), (SENSE_ID, SLI, 40, DATA), fmt1=fmt1))
    irb = ends_well(user, FMT1 if fmt1 else FMT0)
    assert user.get(DATA, 7) == NULL_ID
    assert (irb.cpa, irb.count) == (CPA + 16, 33)


def test_any_code_that_ends_with_8_is_a_tic_in_format_0(user):
    user.put(CPA, program((NOOP, CC | SLI, 1), (0xF8, 0xFF, 0xFFFF, FAR), fmt1=False))
    user.put(FAR, program((SENSE_ID, SLI, 40, DATA), fmt1=False))
    assert ends_well(user, FMT0).cpa == FAR + 8
    assert user.get(DATA, 7) == NULL_ID


def test_in_format_1_only_08_is(user):
    user.put(CPA, program((NOOP, CC | SLI, 1), (0xF8, 0, 1, FAR)))
    assert check_of(user) == PROG_CHECK


def test_addresses_of_format_0_have_24_bits(user):
    user.put(CPA, program((NOOP, CC | SLI, 1), (SENSE_ID, SLI, 7, DATA), fmt1=False))
    assert ends_well(user, FMT0).cpa == CPA + 16
    user.put(CPA, program((SENSE_ID, SLI, 7, 0xFFFFF0), fmt1=False))
    assert check_of(user, FMT0) == PROG_CHECK


# ---- pieces ----


def test_commands_are_chained(user):
    user.put(CPA, program(*[(WRITE, CC, 16, DATA)] * 99, (READ, 0, 16, DATA)))
    assert ends_well(user).cpa == CPA + 800


def test_a_row_has_256_ccws(user):
    user.put(CPA, program(*[(NOOP, CC | SLI, 1)] * 255, (NOOP, SLI, 1)))
    assert ends_well(user).cpa == CPA + 256 * 8


@pytest.mark.parametrize("chain", [CC, DC])
def test_a_row_of_257_is_refused(user, chain):
    user.put(CPA, program(*[(NOOP, chain | SLI, 1)] * 256, (NOOP, SLI, 1)))
    assert refused(user) == errno.EINVAL


def rows(user, count):
    """Rows of two, each with a TIC to the next one."""
    for i in range(count):
        user.put(CPA + i * 0x100, program((NOOP, CC | SLI, 1), (TIC, 0, 0, CPA + (i + 1) * 0x100)))
    user.put(CPA + (count - 1) * 0x100, program((NOOP, SLI, 1)))


def test_there_are_16_pieces(user):
    rows(user, 16)
    assert ends_well(user).cpa == CPA + 15 * 0x100 + 8


def test_a_program_of_17_is_refused(user):
    rows(user, 17)
    assert refused(user) == errno.EINVAL


def test_a_tic_may_lead_back_into_an_earlier_piece(user):
    user.put(CPA, program((NOOP, CC | SLI, 1), (TIC, 0, 0, FAR)))
    user.put(FAR, program((NOOP, CC | SLI, 1), (TIC, 0, 0, CPA)))
    # ... and this one ends only because no program is endless.
    assert check_of(user) == PROG_CHECK


def test_a_loop_in_one_piece_ends(user):
    user.put(CPA, program((NOOP, CC | SLI, 1), (TIC, 0, 0, CPA), (NOOP, 0, 1)))
    assert check_of(user) == PROG_CHECK


def test_a_loop_can_be_halted_and_cleared(user):
    user.put(CPA, program((READ, CC | SLI, 0xFFFF, DATA), (TIC, 0, 0, CPA), (NOOP, 0, 1)))
    for end in (user.hsch, user.csch):
        user.ssch(CPA)
        end()
        assert user.interrupt().ctrl & (channels.HALT | channels.CLEAR | START)
        user.csch()
        while not user.interrupt().ctrl & channels.CLEAR:
            pass
    assert ends_well_after(user)


def ends_well_after(user):
    """The device is as good as new."""
    user.put(CPA, program((SENSE_ID, SLI, 7, DATA)))
    return ends_well(user)


def test_data_is_chained(user):
    user.fill(DATA, 64, NOTHING)
    user.put(CPA, program((SENSE_ID, DC, 2, DATA), (0, DC, 3, DATA + 16), (0, SLI, 10, DATA + 32)))
    irb = ends_well(user)
    assert (irb.count, irb.cpa) == (8, CPA + 24)
    assert [user.get(DATA + at, 4) for at in (0, 16, 32)] == [
        NULL_ID[:2] + bytes([NOTHING] * 2), NULL_ID[2:5] + bytes([NOTHING]), NULL_ID[5:] + bytes([NOTHING] * 2)]


# ---- what is not there ----


def test_a_program_where_nothing_is(user):
    assert refused(user, cpa=MEMORY) == errno.EFAULT
    assert refused(user, cpa=0xFFFFFFF8) == errno.EFAULT
    ends_well_after(user)


def test_a_tic_to_where_nothing_is(user):
    user.put(CPA, program((NOOP, CC | SLI, 1), (TIC, 0, 0, MEMORY)))
    assert refused(user) == errno.EFAULT


def test_a_program_may_end_where_memory_does(user):
    user.put(MEMORY - 8, program((NOOP, SLI, 1)))
    assert ends_well(user, cpa=MEMORY - 8).cpa == MEMORY
    user.put(MEMORY - 8, program((NOOP, CC | SLI, 1)))
    assert refused(user, cpa=MEMORY - 8) == errno.EFAULT


def test_a_program_may_end_before_a_hole(user):
    user.unmap(0, MEMORY)
    user.map(0, CPA + 0x1000, 0)
    user.put(CPA + 0xFF8, program((NOOP, SLI, 1)))
    ends_well(user, cpa=CPA + 0xFF8)


def test_a_list_where_nothing_is(user):
    for ccw in ((READ, IDA, 1, MEMORY), (NOOP, IDA | SLI, 1, MEMORY), (READ, IDA | SKIP, 1, MEMORY),
                (READ, IDA | SLI, 0, MEMORY), (READ, IDA, 4097, MEMORY - 8)):
        user.put(CPA, program(ccw))
        user.put(MEMORY - 8, idal(DATA))
        assert refused(user, FMT1 | C64) == errno.EFAULT, ccw
    ends_well_after(user)


@pytest.mark.parametrize("ccw", [(NOOP, SLI, 1, MEMORY), (READ, SKIP, 100, MEMORY), (READ, SLI, 0, MEMORY)])
def test_data_that_is_not_transferred_need_not_be_there(user, ccw):
    user.put(CPA, program(ccw))
    ends_well(user)


@pytest.mark.parametrize("command", [READ, WRITE])
def test_data_where_nothing_is_is_a_program_check(user, command):
    user.put(CPA, program((command, 0, 100, MEMORY - 50)))
    assert check_of(user) == PROG_CHECK
    user.put(CPA, program((command, IDA, 100, LIST)))
    user.put(LIST, idal(MEMORY))
    assert check_of(user, FMT1 | C64) == PROG_CHECK
    ends_well_after(user)


def test_what_memory_is_mapped_for_holds(user):
    user.unmap(0, MEMORY)
    user.map(0, DATA, 0)
    user.map(DATA, 0x1000, DATA, prot=1)
    user.map(DATA + 0x1000, 0x1000, DATA + 0x1000, prot=2)
    user.put(CPA, program((WRITE, CC, 16, DATA), (READ, 0, 16, DATA + 0x1000)))
    ends_well(user)
    user.put(CPA, program((READ, 0, 16, DATA)))
    assert check_of(user) == PROG_CHECK
    user.put(CPA, program((WRITE, 0, 16, DATA + 0x1000)))
    assert check_of(user) == PROG_CHECK
    assert refused(user, cpa=DATA + 0x1000) == errno.EFAULT


def test_memory_that_goes_while_a_program_uses_it(user):
    user.put(CPA, program((READ, CC | SLI, 0xFFFF, DATA), (TIC, 0, 0, CPA), (NOOP, 0, 1)))
    user.ssch(CPA)
    user.unmap(0, MEMORY)
    assert user.interrupt().cstat == PROG_CHECK
    user.map(0, MEMORY, 0)
    ends_well_after(user)


# ---- lists of IDAWs ----

LISTS = [(0, 2048, False), (C64, 4096, True), (C64 | I2K, 2048, True), (I2K, 2048, False)]


@pytest.mark.parametrize("word1, block, c64", LISTS, ids=["1", "2-4K", "2-2K", "1-I2K"])
@pytest.mark.parametrize("offset", [0, 1, 1234, 2047])
def test_lists(user, word1, block, c64, offset):
    """Blocks that are not in a row, the first one from its middle, the last one not full."""
    blocks = [DATA + 0x8000, DATA, DATA + 0x4000]
    count = (block - offset) + block + 77
    user.put(LIST, idal(blocks[0] + offset, *blocks[1:], c64=c64))
    user.fill(DATA, 0x10000, NOTHING)
    user.put(CPA, program((READ, IDA, count, LIST)))
    ends_well(user, FMT1 | word1)
    expected = bytearray([NOTHING] * 0x10000)
    for start, size in ((0x8000 + offset, block - offset), (0, block), (0x4000, 77)):
        expected[start : start + size] = bytes(size)
    assert user.get(DATA, 0x10000) == expected


@pytest.mark.parametrize("word1, block, c64", LISTS[:3], ids=["1", "2-4K", "2-2K"])
def test_a_second_word_that_is_not_aligned_is_a_program_check(user, word1, block, c64):
    user.put(LIST, idal(DATA, DATA + block + 1, c64=c64))
    user.put(CPA, program((READ, IDA, block + 1, LIST)))
    assert check_of(user, FMT1 | word1) == PROG_CHECK
    user.put(CPA, program((READ, IDA, block, LIST)))
    ends_well(user, FMT1 | word1)


def test_the_largest_list(user):
    blocks = [0x20000 + i * 2048 for i in range(33)]
    user.put(LIST, idal(blocks[0] + 2047, *blocks[1:]))
    user.fill(0x20000, 33 * 2048, NOTHING)
    user.put(CPA, program((READ, IDA, 0xFFFF, LIST)))
    ends_well(user, FMT1 | C64 | I2K)
    assert user.get(0x20000, 33 * 2048) == bytes([NOTHING] * 2047) + bytes(0xFFFF) + bytes([NOTHING] * 2)


def test_lists_reach_above_4_gib(user):
    user.map(1 << 32, 0x10000, DATA)
    user.fill(DATA, 16, NOTHING)
    user.put(LIST, idal(1 << 32))
    user.put(CPA, program((SENSE_ID, IDA, 7, LIST)))
    ends_well(user, FMT1 | C64)
    assert user.get(DATA, 8) == NULL_ID + bytes([NOTHING])


# ---- flags ----


def test_an_incorrect_length_is_told_unless_it_is_suppressed(user):
    user.put(CPA, program((SENSE_ID, 0, 20, DATA)))
    irb = user.run(CPA)
    assert (irb.cstat, irb.count) == (INCORR_LEN, 13)
    user.put(CPA, program((SENSE_ID, SLI, 20, DATA)))
    assert ends_well(user).count == 13


def test_skip_touches_nothing(user):
    user.fill(DATA, 0x1000, NOTHING)
    user.put(CPA, program((READ, SKIP, 0x1000, DATA)))
    assert ends_well(user).count == 0
    assert user.get(DATA, 0x1000) == bytes([NOTHING] * 0x1000)


def test_a_program_controlled_interrupt_comes(user):
    user.put(CPA, program((NOOP, CC | SLI | channels.PCI, 1), (NOOP, SLI, 1)))
    irb = user.run(CPA)
    assert irb.dstat == GOOD and irb.cstat & ~channels.PCI_STAT == 0


def test_count_0(user):
    user.put(CPA, program((NOOP, 0, 0), fmt1=False))
    assert check_of(user, FMT0) == PROG_CHECK
    user.put(CPA, program((NOOP, 0, 0)))
    ends_well(user)


def test_suspending_is_not_offered(user):
    user.put(CPA, program((NOOP, SLI | channels.SUSPEND, 1)))
    assert check_of(user) == PROG_CHECK


# ---- what is refused as such, and what is not ----


def test_transport_mode_is_refused(user):
    user.put(CPA, program((NOOP, SLI, 1)))
    assert refused(user, FMT1 | TM) == errno.EOPNOTSUPP


def test_midaws_are_refused(user):
    user.put(CPA, program((NOOP, CC | SLI, 1), (READ, MIDA, 1, LIST)))
    assert refused(user, FMT1 | MIDAW) == errno.EINVAL
    assert refused(user) == errno.EINVAL
    ends_well_after(user)


def test_a_program_begins_at_a_ccw(user):
    user.put(CPA + 4, program((NOOP, SLI, 1)))
    assert check_of(user, cpa=CPA + 4) == PROG_CHECK


def test_a_program_does_not_begin_with_a_tic(user):
    user.put(CPA, program((TIC, 0, 0, FAR)))
    user.put(FAR, program((NOOP, SLI, 1)))
    assert check_of(user) == PROG_CHECK


def test_paths(user):
    user.put(CPA, program((NOOP, SLI, 1)))
    for mask in (0, 0x80, 0xFF):
        ends_well(user, FMT1 | mask << LPM_SHIFT)
    assert refused(user, FMT1 | 0x40 << LPM_SHIFT) in (errno.EACCES, errno.ENODEV)


def test_prefetching_need_not_be_allowed(machine, user):
    """The log says so, but not each time."""
    user.put(CPA, program((NOOP, SLI, 1)))
    before = machine.daemon.log().count("Prefetching channel program")
    for _ in range(50):
        ends_well(user, FMT)
    told = machine.daemon.log().count("Prefetching channel program")
    assert 1 <= told and told - before < 50


# ---- the other device has blocks of 100 bytes ----


def test_residual_counts(machine):
    with machine.user(uuid=OTHER, memory=MEMORY) as user:
        user.put(CPA, program((READ, SLI, 130, DATA)))
        assert ends_well(user).count == 30
        user.put(CPA, program((READ, SLI, 60, DATA)))
        assert ends_well(user).count == 0
        for count, residual in ((130, 30), (60, 0)):
            user.put(CPA, program((READ, 0, count, DATA)))
            irb = user.run(CPA)
            assert (irb.cstat, irb.count) == (INCORR_LEN, residual)
        user.put(CPA, program((READ, CC, 100, DATA), (WRITE, 0, 100, DATA)))
        assert ends_well(user).count == 0
        user.close()


# ---- no double fetch ----


class Changing:
    """Memory without a descriptor whose bytes are others as soon as they have been read."""

    def __init__(self, size):
        self.bytes = bytearray(size)
        self.reads = [0] * size

    def __call__(self, command, address, count, data):
        if command == channels.vu.DMA_WRITE:
            self.bytes[address : address + count] = data
            return b""
        data = bytes(self.bytes[address : address + count])
        for at in range(address, address + count):
            self.reads[at] += 1
            self.bytes[at] ^= 0xFF
        return data


def test_what_a_program_is_made_of_is_read_once(machine):
    memory = Changing(0x20000)
    with channels.vu.Client(machine.socket()) as client:
        client.version()
        client.dma_handler = memory
        client.dma_map(0, len(memory.bytes))
        memory.bytes[CPA : CPA + 16] = program((SENSE_ID, IDA | SLI | CC, 0x1001, LIST), (TIC, 0, 0, FAR))
        memory.bytes[FAR : FAR + 16] = program((SENSE_ID, IDA | SLI | CC, 7, LIST + 8), (NOOP, SLI, 1))
        memory.bytes[LIST : LIST + 16] = idal(DATA + 0xFFE, DATA + 0x4000)
        irb = channels.run_by(client, CPA, FMT | PFCH | C64)
        assert (irb.dstat, irb.cstat) == (GOOD, 0), irb
        assert memory.bytes[DATA + 0xFFE : DATA + 0x1000] == NULL_ID[:2]
        assert memory.bytes[DATA + 0x4000 : DATA + 0x4007] == NULL_ID
        assert max(memory.reads) == 1
