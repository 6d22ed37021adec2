# SPDX-License-Identifier: LGPL-2.1-or-later
"""The DMA engine with its usual driver, as one sees it in sysfs."""

import contextlib
import os
import random
import signal
import subprocess

import pytest

import dmac_user
from dmac_user import vu
from dmac_board import FIRST, SECOND, USUAL, VFIO, start_board  # noqa: F401

NOTHING = ""
WRONG = "Invalid argument"
CHANNEL = f"bus/platform/devices/{FIRST}/dma"


@pytest.fixture
def board(start_board):  # noqa: F811
    return start_board("umdev_dmac")


def test_it_is_a_channel_of_the_class_dma(board):
    names = board.outside("ls", board.sys / CHANNEL).stdout.split()
    assert len(names) == 1
    directory = f"{CHANNEL}/{names[0]}"
    listed = board.outside("ls", board.sys / directory).stdout.split()
    assert listed == ["bytes_transferred", "device", "in_use", "memcpy_count", "subsystem", "uevent"]
    assert board.read(f"class/dma/{names[0]}/memcpy_count") == "0\n"
    assert board.read(f"{directory}/bytes_transferred") == "0\n"
    assert board.read(f"{directory}/in_use") == "0\n"
    channels = board.outside("ls", board.sys / "class/dma").stdout.split()
    machines = board.outside("sh", "-c", "ls /sys/class/dma 2>/dev/null || :").stdout.split()
    assert len(channels) == 2 and not set(channels) & set(machines)


def test_it_copies(board):
    sizes = [1, 7, 4096, 65536, 65537, 1000000, 16 << 20]
    for count, size in enumerate(sizes, 1):
        assert board.test(FIRST, size) == NOTHING
        assert board.channel(FIRST, "bytes_transferred") == sum(sizes[:count])
        assert board.channel(FIRST, "memcpy_count") == count
    assert board.channel(SECOND, "memcpy_count") == 0


def test_absurd_sizes_are_refused(board):
    for size in ("0", "-1", "x", "1x", (16 << 20) + 1):
        assert board.test(FIRST, size) == WRONG
    assert board.test(FIRST, 1 << 64) == "Numerical result out of range"
    assert board.channel(FIRST, "memcpy_count") == 0


def test_an_engine_that_copies_wrongly_is_found_out(start_board):  # noqa: F811
    board = start_board("umdev_dmac", tree="dmac_broken")
    assert board.owners(FIRST, SECOND) == (None, USUAL)
    assert board.write(f"bus/platform/drivers/{USUAL}/new_id", "test,broken-dmac") == NOTHING
    assert board.owners(FIRST, SECOND) == (USUAL, USUAL)
    assert board.test(FIRST, 1000) == "Input/output error"
    assert "1000 bytes were copied wrongly" in board.view.daemon.log()
    assert board.test(SECOND, 1000) == NOTHING


def spawn_tests(board, rounds, size):
    script = f'for i in $(seq {rounds}); do printf {size} > "$1" || exit 1; done'
    command = ["bash", "-c", script, "bash", str(board.sys / board.device(FIRST, "dmatest"))]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **board.view.as_user())


def test_several_writers_share_the_engine(board):
    writers = [spawn_tests(board, 25, 100000 + n) for n in range(6)]
    for writer in writers:
        assert writer.wait(60) == 0, writer.stderr.read()
    assert board.channel(FIRST, "memcpy_count") == 6 * 25
    assert board.channel(FIRST, "bytes_transferred") == sum(25 * (100000 + n) for n in range(6))
    assert board.channel(FIRST, "in_use") == 0


def test_a_killed_writer_leaves_nothing_behind(board):
    writer = spawn_tests(board, 1000000, 16 << 20)
    while board.channel(FIRST, "memcpy_count") < 2:
        assert writer.poll() is None
    writer.send_signal(signal.SIGKILL)
    writer.wait(30)
    while board.channel(FIRST, "in_use"):
        pass
    assert board.test(FIRST, 1000) == NOTHING


def test_unbinding_waits_for_a_test_and_frees_the_number(board):
    writer = spawn_tests(board, 1000000, 16 << 20)
    while not board.channel(FIRST, "in_use"):
        assert writer.poll() is None
    assert board.unbind(FIRST, USUAL) == NOTHING
    # Its file is gone.
    assert writer.wait(30) == 1
    assert not board.exists(CHANNEL) and not board.exists(board.device(FIRST, "dmatest"))
    before = board.outside("ls", board.sys / "class/dma").stdout.split()
    assert board.bind(FIRST, USUAL) == NOTHING
    assert len(board.outside("ls", board.sys / "class/dma").stdout.split()) == len(before) + 1 == 2
    assert board.test(FIRST) == NOTHING


def test_many_bindings_while_others_test(board):
    writers = [spawn_tests(board, 1000000, 300000) for n in range(2)]
    for _ in range(30):
        assert board.unbind(FIRST, USUAL) == NOTHING
        assert board.bind(FIRST, USUAL) == NOTHING
    for writer in writers:
        writer.kill()
        writer.wait()
    assert board.test(FIRST) == NOTHING


# ---- users of VFIO who leave, or mean ill ----


def test_a_user_may_leave_in_the_middle_of_a_copy(start_board):  # noqa: F811
    board = start_board("umdev_dmac", "vfio_platform")
    assert board.write(board.device(FIRST, "rebind"), VFIO) == NOTHING
    with contextlib.closing(dmac_user.Engine(board.socket(FIRST))) as engine:
        engine.client.dma_map(dmac_user.FAR_IOVA, dmac_user.SIZE)
        engine.enable()
        whole = (dmac_user.FAR_IOVA, dmac_user.FAR_IOVA, dmac_user.SIZE, 0, 0, 0)
        engine.client.write(dmac_user.MEMORY, 0, dmac_user.DESCRIPTOR.pack(*whole))
        engine.client.post(dmac_user.REGISTERS, dmac_user.TAIL, bytes([1, 0, 0, 0]))
        asked = engine.client.receive()
        assert asked.command == vu.DMA_READ
    # Not answered; nobody waits for that, and what comes next finds the engine as new.
    dmac_user.use(board.socket(FIRST))
    assert board.write(board.device(FIRST, "rebind"), USUAL) == NOTHING
    assert board.test(FIRST) == NOTHING


def number(chance):
    """Often one that gets farther than another."""
    return chance.choice([0, 1, 2, 3, 4, 32, 64, 0x1000, 0x4000, dmac_user.IOVA, 0xFFFFFFFF, chance.getrandbits(32)])


def descriptor(chance):
    near = dmac_user.IOVA + chance.randrange(1000)
    addresses = [near, near, near, chance.getrandbits(64), (1 << 64) - 1]
    return dmac_user.DESCRIPTOR.pack(chance.choice(addresses), chance.choice(addresses), number(chance),
                                     chance.choice([0, 1, 1, 2, 5, chance.getrandbits(32)]), 0, number(chance))


def start_a_ring(engine, chance):
    engine.set(dmac_user.CONTROL, 2)
    engine.set(dmac_user.RING_BASE, chance.choice([0, 0, 32, number(chance)]))
    engine.set(dmac_user.RING_SIZE, chance.choice([8, 8, 128, number(chance)]))
    engine.set(dmac_user.IRQ_ENABLE, 3)
    engine.set(dmac_user.CONTROL, 1)


def do_anything(engine, chance):
    client = engine.client
    what = chance.randrange(10)
    if what == 0:
        start_a_ring(engine, chance)
    elif what == 1:
        engine.set(chance.randrange(0, 0x48, 4), number(chance))
    elif what == 2:
        size = chance.choice([1, 2, 3, 4, 8, 100])
        client.read(chance.randrange(2), chance.randrange(0x1000 - size), size)
    elif what == 3:
        size = chance.choice([1, 2, 3, 4, 8, 100])
        client.write(chance.randrange(2), chance.randrange(0x1000 - size), chance.randbytes(size))
    elif what == 4:
        client.reset()
    elif what == 5:
        line = chance.randrange(2)
        client.set_irqs(vu.DATA_NONE | chance.choice([vu.MASK, vu.UNMASK, vu.TRIGGER]), line, 0, 1)
    elif what < 8:
        client.write(dmac_user.MEMORY, 32 * chance.randrange(10), descriptor(chance))
    else:
        engine.set(dmac_user.TAIL, chance.choice([1, 2, 3, 5, 7, number(chance)]))


def test_memory_that_is_cut_off_is_an_error_of_the_engine(start_board):  # noqa: F811
    board = start_board("umdev_dmac", "vfio_platform")
    assert board.write(board.device(FIRST, "rebind"), VFIO) == NOTHING
    with contextlib.closing(dmac_user.Engine(board.socket(FIRST))) as engine:
        memory = dmac_user.map_memory(engine.client)
        failed = engine.arm(dmac_user.ERROR_LINE)
        engine.enable()
        guest = vu.GuestMemory(dmac_user.SIZE)
        engine.client.dma_map(dmac_user.IOVA, dmac_user.SIZE, guest.fd)
        os.ftruncate(guest.fd, 0)
        engine.submit(memory, dmac_user.IOVA, dmac_user.IOVA + 4096, 4096)
        assert dmac_user.has_come(failed, dmac_user.HANG_LIMIT)
        guest.close()
    dmac_user.use(board.socket(FIRST))


def test_a_hostile_user_does_no_harm(start_board):  # noqa: F811
    board = start_board("umdev_dmac", "vfio_platform")
    assert board.write(board.device(FIRST, "rebind"), VFIO) == NOTHING
    chance = random.Random(1)
    with contextlib.closing(dmac_user.Engine(board.socket(FIRST))) as engine:
        guest = vu.GuestMemory(dmac_user.SIZE)
        engine.client.dma_map(dmac_user.IOVA, dmac_user.SIZE, guest.fd)
        # Nobody answers for this memory; that is an error reply.
        engine.client.dma_map(dmac_user.FAR_IOVA, dmac_user.SIZE)
        for line in (dmac_user.DONE_LINE, dmac_user.ERROR_LINE):
            engine.arm(line)
        for _ in range(2000):
            # Some of it is refused; what is answered says which.
            with contextlib.suppress(vu.VfioUserError):
                do_anything(engine, chance)
        guest.close()
    dmac_user.use(board.socket(FIRST))
    assert board.write(board.device(FIRST, "rebind"), USUAL) == NOTHING
    assert board.test(FIRST) == NOTHING
