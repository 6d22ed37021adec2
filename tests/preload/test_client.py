# SPDX-License-Identifier: LGPL-2.1-or-later
"""A whole device behind the connection: accesses, descriptors, DMA both ways, many threads, processes."""

import struct

import pytest

import other_server as vu

BUFFER = vu.BAR2_SIZE


def test_a_region_is_read_and_written(served):
    assert served.do("write", 2, 0x10, "0102030405") == "ok"
    assert served.do("read", 2, 0x0F, 7) == "00010203040500"
    assert served.do("read", 7, 0, 4) == struct.pack("<HH", vu.VENDOR, vu.DEVICE).hex()


def test_the_servers_error_is_the_callers(served):
    assert served.do("read", 2, BUFFER, 1) == "EINVAL"
    assert served.do("read", 2, 0, 1) == "00"


def test_a_whole_buffer_goes_and_comes(served):
    assert served.do("write", 2, 0, f"{BUFFER}*5a") == "ok"
    assert served.do("read", 2, 0, BUFFER) == "5a" * BUFFER


def test_descriptors_go_and_come(served):
    eventfds = vu.IRQ_SET_S.pack(20, 0x24, 1, 0, 4)
    assert served.do("call", vu.SET_IRQS, eventfds.hex(), 0, 4, 0) == "- 0"
    info = vu.REGION_INFO_S.pack(64, 0, 2, 0, 0, 0)
    assert served.do("call", vu.GET_REGION_INFO, info.hex(), 64, 0, 1).endswith(" 1")


@pytest.mark.parametrize("size", [1, 4096, 16384, 16385, 65536])
@pytest.mark.parametrize("kind", ["bad", "half"])
def test_memory_that_is_not_there_is_efault_and_no_harm(served, size, kind):
    kind = "bad" if size == 1 else kind
    assert served.do("write", 2, 0, f"{size}*77", kind) == "EFAULT"
    assert served.do("read", 2, 0, size, kind) == "EFAULT"
    assert served.do("write", 2, 0, f"{size}*33") == "ok"
    assert served.do("read", 2, 0, size) == "33" * size


def start_dma(driver, command, address, count):
    assert driver.do("write", 0, vu.REG_ADDRESS, struct.pack("<QQ", address, count).hex()) == "ok"
    assert driver.do("write", 0, vu.REG_DMA, struct.pack("<I", command).hex()) == "ok"


def read_reg(driver, reg):
    return struct.unpack("<I", bytes.fromhex(driver.do("read", 0, reg, 4)))[0]


def dma(driver, command, address, count):
    """Return: its status."""
    start_dma(driver, command, address, count)
    while (status := read_reg(driver, vu.REG_STATUS)) == vu.BUSY:
        pass
    return status


def map_by_message(driver, iova=0, size=4 << 20):
    request = vu.DMA_MAP_S.pack(32, 3, 0, iova, size)
    assert driver.do("call", vu.DMA_MAP, request.hex(), 0, 0, 0) == "- 0"


@pytest.mark.parametrize("when", [vu.AT_ONCE, vu.AFTER_REPLY, vu.BESIDE], ids=["within", "after", "beside"])
def test_the_device_reads_and_writes_the_programs_memory(served, when):
    map_by_message(served)
    served.do("poke", 0x1000, f"{BUFFER}*a5")
    assert dma(served, vu.FROM_PROGRAM | when, 0x1000, BUFFER) == 0
    assert served.do("read", 2, 0, BUFFER) == "a5" * BUFFER
    assert served.do("write", 2, 0, "00112233") == "ok"
    assert dma(served, vu.TO_PROGRAM | when, 0x80000, BUFFER) == 0
    assert served.do("peek", 0x80000, 6) == "00112233a5a5"
    assert int(served.do("serving")) == 2


def test_what_is_not_there_is_an_error_for_the_device(served):
    map_by_message(served, 0, 1 << 40)
    assert dma(served, vu.FROM_PROGRAM, 0x1000000, 8) == 14
    assert dma(served, vu.TO_PROGRAM, 0x1000000, 8) == 14
    assert dma(served, vu.TO_PROGRAM, 0, 8) == 0


def test_dma_is_answered_while_nobody_calls(served):
    map_by_message(served)
    for i in range(1, 50):
        start_dma(served, vu.FROM_PROGRAM | vu.AFTER_REPLY, 0, 4096)
        while int(served.do("serving")) < i:
            pass


def test_many_threads_at_once_with_dma_beside(served):
    map_by_message(served)
    served.do("poke", 0, "1000000*11")
    served.do("start", "storm", 8, 100)
    for _ in range(30):
        assert dma(served, vu.TO_PROGRAM | vu.BESIDE, 0x20000, BUFFER) == 0
    assert served.do("join") == "ok"
    assert int(served.do("serving")) == 30


def test_a_child_goes_on_with_the_connection(served):
    assert served.do("write", 2, 0, "01") == "ok"
    assert served.do("child", "read", 2, 0, 1) == "01"
    assert served.do("child", "write", 2, 0, "02") == "ok"
    assert served.do("read", 2, 0, 1) == "02"


def test_parent_and_child_call_at_once(served):
    served.do("start", "storm", 4, 100)
    for _ in range(5):
        assert served.do("child", "read", 7, 0, 2) == struct.pack("<H", vu.VENDOR).hex()
    assert served.do("join") == "ok"


def test_an_orphan_serves_the_device(served):
    map_by_message(served)
    assert served.do("orphan") == "ok"
    served.do("poke", 0, "1234")
    assert dma(served, vu.FROM_PROGRAM | vu.AFTER_REPLY, 0, 2) == 0
    assert served.do("read", 2, 0, 2) == "1234"


def test_the_service_watches_for_others(served):
    assert served.do("watch") == "ok"
    for _ in range(3):
        assert served.do("ring") == "ok"
    assert served.do("unwatch") == "ok"
