# SPDX-License-Identifier: LGPL-2.1-or-later
"""DMA_MAP, DMA_UNMAP, and the device's access to the client's memory by mapping and by message."""

import errno
import os
import select
import struct

import pytest

import client as vu

PAGE = 4096
IN_CALLBACK = 0
IN_THREAD = vu.DMA_IN_THREAD | vu.DMA_WAIT


@pytest.fixture
def memory():
    guest = vu.GuestMemory(4 << 20)
    yield guest
    guest.close()


def dma(client, command, iova, size):
    """Let the device do it. Return its errno."""
    client.write_reg(vu.REG_DMA_ADDR, iova)
    client.write_reg(vu.REG_DMA_LEN, size)
    client.write_reg(vu.REG_DMA_COMMAND, command)
    return client.read_reg(vu.REG_DMA_STATUS)


# ---- mapping ----


def test_mapped_memory_is_read_and_written_without_messages(client, memory):
    client.dma_map(0x100000, 1 << 20, memory.fd, offset=PAGE)
    memory.map[PAGE + 5 : PAGE + 10] = b"hello"
    assert dma(client, vu.DMA_READ_GUEST, 0x100005, 5) == 0
    assert client.read(4, 0, 5) == b"hello"
    client.write(4, 0, b"world")
    assert dma(client, vu.DMA_WRITE_GUEST, 0x100105, 5) == 0
    assert memory.map[PAGE + 0x105 : PAGE + 0x10A] == b"world"
    assert not client.served


def test_read_only_memory_is_not_written(client, memory):
    client.dma_map(0, PAGE, memory.fd, flags=vu.READ)
    assert dma(client, vu.DMA_READ_GUEST, 0, 8) == 0
    assert dma(client, vu.DMA_WRITE_GUEST, 0, 8) == errno.EFAULT


@pytest.mark.parametrize("how", [IN_CALLBACK, IN_THREAD], ids=["in a callback", "in a thread"])
@pytest.mark.parametrize("command", [vu.DMA_READ_GUEST, vu.DMA_WRITE_GUEST], ids=["read", "write"])
def test_memory_that_is_cut_off_is_an_error_and_no_end(client, memory, how, command):
    client.dma_map(0, PAGE, memory.fd)
    os.ftruncate(memory.fd, 0)
    assert dma(client, command | how, 0, 8) == errno.EFAULT
    assert dma(client, command | how, 0, 8) == errno.EFAULT


def test_what_is_not_mapped_is_not_reached(client, memory):
    client.dma_map(0x10000, PAGE, memory.fd)
    assert dma(client, vu.DMA_READ_GUEST, 0x11000, 8) == errno.EFAULT
    assert dma(client, vu.DMA_READ_GUEST, 0x10FFC, 8) == errno.EFAULT
    client.dma_unmap(0x10000, PAGE)
    assert dma(client, vu.DMA_READ_GUEST, 0x10000, 8) == errno.EFAULT


def test_an_unmap_is_answered_with_itself(client, memory):
    client.dma_map(0x10000, 2 * PAGE, memory.fd)
    assert client.dma_unmap(0x10000, 2 * PAGE) == (24, 0, 0x10000, 2 * PAGE)


def test_all_is_unmapped_at_once(client, memory):
    client.dma_map(0, PAGE, memory.fd)
    client.dma_map(4 * PAGE, PAGE)
    assert client.dma_unmap(0, 0, flags=2) == (24, 2, 0, 2 * PAGE)
    assert dma(client, vu.DMA_READ_GUEST, 0, 8) == errno.EFAULT


@pytest.mark.parametrize("fields, expected", [
    ((31, 3, 0, 0, PAGE), errno.EINVAL), ((0, 3, 0, 0, PAGE), errno.EINVAL),
    ((32, 0, 0, 0, PAGE), errno.EINVAL), ((32, 7, 0, 0, PAGE), errno.EINVAL),
    ((32, 0xB, 0, 0, PAGE), errno.EINVAL), ((32, 0xF, 0, 0, PAGE), errno.EINVAL),
    ((32, 0x13, 0, 0, PAGE), errno.EINVAL), ((32, 0x80000003, 0, 0, PAGE), errno.EINVAL),
    ((32, 3, 0, 0, 0), errno.EINVAL), ((32, 3, 0, 1, PAGE), errno.EINVAL),
    ((32, 3, 0, 0, PAGE + 1), errno.EINVAL), ((32, 3, 0, 0, 1), errno.EINVAL),
    ((32, 3, 0, (1 << 64) - PAGE, 2 * PAGE), errno.EINVAL),
    ((32, 3, 0, 2 * PAGE, (1 << 64) - PAGE), errno.EINVAL),
])
def test_a_map_with_a_wrong_field_is_refused(client, fields, expected):
    assert client.error(vu.DMA_MAP, vu.DMA_MAP_S.pack(*fields)) == expected


@pytest.mark.parametrize("offset, size", [((1 << 64) - PAGE, 2 * PAGE), (1, PAGE)])
def test_a_map_whose_offset_makes_no_sense_is_refused(client, memory, offset, size):
    payload = vu.DMA_MAP_S.pack(32, 3, offset, 0, size)
    assert client.error(vu.DMA_MAP, payload, [memory.fd]) == errno.EINVAL


@pytest.mark.parametrize("size", [0, 1, 31, 33, 64])
def test_a_map_of_a_wrong_size_is_refused(client, size):
    payload = (vu.DMA_MAP_S.pack(32, 3, 0, 0, PAGE) + bytes(32))[:size]
    assert client.error(vu.DMA_MAP, payload) == errno.EINVAL


@pytest.mark.parametrize("flags", [vu.READ | 4, vu.READ | vu.WRITE | 4])
def test_an_access_mode_is_fine_with_a_descriptor(client, memory, flags):
    client.dma_map(0, PAGE, memory.fd, flags=flags)
    assert dma(client, vu.DMA_READ_GUEST, 0, 8) == 0


def test_a_map_over_another_is_refused(client, memory):
    client.dma_map(4 * PAGE, 4 * PAGE, memory.fd)
    for iova, size in [(4, 4), (0, 5), (7, 1), (5, 1), (0, 100)]:
        payload = vu.DMA_MAP_S.pack(32, 3, 0, iova * PAGE, size * PAGE)
        assert client.error(vu.DMA_MAP, payload, [memory.fd]) == errno.EEXIST
    client.dma_map(0, 4 * PAGE, memory.fd)
    client.dma_map(8 * PAGE, PAGE, memory.fd)


@pytest.mark.parametrize("fields, expected", [
    ((23, 0, PAGE, PAGE), errno.EINVAL), ((24, 1, PAGE, PAGE), errno.EINVAL),
    ((24, 4, PAGE, PAGE), errno.EINVAL), ((24, 2, PAGE, 0), errno.EINVAL),
    ((24, 2, 0, PAGE), errno.EINVAL), ((24, 0, PAGE, 0), errno.EINVAL),
    ((24, 0, PAGE + 1, PAGE), errno.EINVAL), ((24, 0, PAGE, 1), errno.EINVAL),
    ((24, 0, (1 << 64) - PAGE, 2 * PAGE), errno.EINVAL),
    ((24, 0, 64 * PAGE, PAGE), errno.ENOENT),
    ((24, 0, PAGE, PAGE), errno.EINVAL), ((24, 0, 0, PAGE), errno.EINVAL),
])
def test_an_unmap_with_a_wrong_field_is_refused(client, memory, fields, expected):
    client.dma_map(0, 4 * PAGE, memory.fd)
    assert client.error(vu.DMA_UNMAP, vu.DMA_UNMAP_S.pack(*fields)) == expected
    assert dma(client, vu.DMA_READ_GUEST, 0, 4 * PAGE) == 0


@pytest.mark.parametrize("size", [0, 23, 25, 40])
def test_an_unmap_of_a_wrong_size_is_refused(client, size):
    payload = (vu.DMA_UNMAP_S.pack(24, 0, 0, PAGE) + bytes(16))[:size]
    assert client.error(vu.DMA_UNMAP, payload) == errno.EINVAL


def test_the_devices_own_bar_may_be_mapped(client):
    client.dma_map(0xFEBF0000, 65536)
    client.dma_unmap(0xFEBF0000, 65536)


def test_thousands_of_remaps_leave_nothing(server, client, memory):
    client.dma_map(0, 1 << 20, memory.fd)
    before = server.settled_fds()
    for _ in range(2000):
        client.dma_unmap(0, 1 << 20)
        first = client.send(vu.DMA_MAP, vu.DMA_MAP_S.pack(32, 3, 0, 0, 0xC0000), [memory.fd])
        second = client.send(vu.DMA_MAP, vu.DMA_MAP_S.pack(32, 1, 0xC0000, 0xC0000, 0x40000), [memory.fd])
        assert client.wait(first).flags == client.wait(second).flags == vu.REPLY
        client.dma_unmap(0, 0xC0000)
        client.dma_unmap(0xC0000, 0x40000)
        client.dma_map(0, 1 << 20, memory.fd)
    assert server.open_fds() == before


def test_pinned_memory_is_asked_back_before_the_unmap_is_answered(client, memory):
    client.dma_map(0, 4 * PAGE, memory.fd)
    before = client.read_reg(vu.REG_UNMAPS)
    client.write_reg(vu.REG_PIN, PAGE)
    assert client.read_reg(vu.REG_PIN) == 0
    client.dma_unmap(0, 4 * PAGE)
    assert client.read_reg(vu.REG_UNMAPS) == before + 1


# ---- by message ----


@pytest.mark.parametrize("how", [IN_CALLBACK, IN_THREAD], ids=["callback", "thread"])
def test_memory_without_a_descriptor_is_read_by_message(client, how):
    client.dma_map(0x10000, 1 << 20)
    client.serve_from(bytearray(b"x" * 100 + b"by message" + b"y" * 100), 0x10000)
    assert dma(client, vu.DMA_READ_GUEST | how, 0x10000 + 100, 10) == 0
    assert client.read(4, 0, 10) == b"by message"
    assert client.served == [(vu.DMA_READ, 0x10000 + 100, 10)]


@pytest.mark.parametrize("how", [IN_CALLBACK, IN_THREAD], ids=["callback", "thread"])
def test_memory_without_a_descriptor_is_written_by_message(client, how):
    guest = bytearray(1 << 20)
    client.dma_map(0, 1 << 20)
    client.serve_from(guest)
    client.write(4, 0, b"to the guest")
    assert dma(client, vu.DMA_WRITE_GUEST | how, 50, 12) == 0
    assert guest[50:62] == b"to the guest"


def test_large_dma_is_cut_to_what_the_client_takes(server):
    with server.open(capabilities={"capabilities": {"max_data_xfer_size": 5000}}) as c:
        guest = bytearray(os.urandom(1 << 16))
        c.dma_map(0, 1 << 16)
        c.serve_from(guest)
        assert dma(c, vu.DMA_READ_GUEST, 0, 1 << 16) == 0
        assert b"".join(c.read(4, at, 4096) for at in range(0, 1 << 16, 4096)) == guest
        assert all(count <= 5000 for _, _, count in c.served)


def test_a_megabyte_goes_in_one_message_each_way(client):
    guest = bytearray(os.urandom(1 << 20))
    client.dma_map(0, 2 << 20)
    client.serve_from(guest)
    assert dma(client, vu.DMA_READ_GUEST, 0, 1 << 20) == 0
    assert client.read(4, 0, 1 << 20) == guest
    before = bytes(guest)
    guest[:] = bytes(1 << 20)
    assert dma(client, vu.DMA_WRITE_GUEST, 0, 1 << 20) == 0
    assert guest == before


def test_mapped_and_unmapped_memory_may_be_mixed_in_one_access(client, memory):
    client.dma_map(0, PAGE, memory.fd)
    client.dma_map(PAGE, PAGE)
    memory.map[PAGE - 4 : PAGE] = b"left"
    client.serve_from(bytearray(b"right".ljust(PAGE)), PAGE)
    assert dma(client, vu.DMA_READ_GUEST, PAGE - 4, 9) == 0
    assert client.read(4, 0, 9) == b"leftright"


def test_an_error_of_the_clients_reaches_the_driver(client):
    client.dma_map(0, PAGE)
    assert dma(client, vu.DMA_READ_GUEST, 0, 8) == errno.EFAULT
    assert dma(client, vu.DMA_WRITE_GUEST, 0, 8) == errno.EFAULT
    client.info()


@pytest.mark.parametrize("how", [IN_CALLBACK, IN_THREAD], ids=["callback", "thread"])
def test_requests_that_come_while_the_device_waits_for_its_dma_are_done_after_it(client, how):
    client.dma_map(0, PAGE)
    client.write_reg(vu.REG_SEQ_COUNT, 0)
    client.write_reg(vu.REG_DMA_ADDR, 0)
    client.write_reg(vu.REG_DMA_LEN, 8)
    command = client.send(vu.REGION_WRITE, vu.ACCESS_S.pack(vu.REG_DMA_COMMAND, 0, 8)
                          + struct.pack("<Q", vu.DMA_READ_GUEST | how))
    asked = client.receive()
    assert asked.command == vu.DMA_READ
    for i in range(1, 3001):
        client.post_reg(vu.REG_SEQ, i)
    read = client.send(vu.REGION_READ, vu.ACCESS_S.pack(0, 4, 8))
    client.send_raw(vu.message(asked.id, vu.DMA_READ, asked.payload + b"answered", vu.REPLY))
    assert client.receive().id == command
    reply = client.receive()
    assert (reply.id, reply.payload[16:]) == (read, b"answered")
    assert client.read_reg(vu.REG_SEQ_COUNT) == 3000
    assert client.read_reg(vu.REG_SEQ_ERRORS) == 0


def test_large_requests_that_come_while_the_device_waits_are_kept(client):
    client.dma_map(0, PAGE)
    client.write_reg(vu.REG_DMA_ADDR, 0)
    client.write_reg(vu.REG_DMA_LEN, 8)
    client.post_reg(vu.REG_DMA_COMMAND, vu.DMA_READ_GUEST)
    asked = client.receive()
    large = os.urandom(1 << 20)
    first = client.send(vu.REGION_WRITE, vu.ACCESS_S.pack(8, 4, 1 << 20) + large)
    second = client.send(vu.REGION_WRITE, vu.ACCESS_S.pack(1 << 20, 4, 1 << 20) + large)
    client.send_raw(vu.message(asked.id, vu.DMA_READ, asked.payload + b"answered", vu.REPLY))
    assert client.wait(first).flags == client.wait(second).flags == vu.REPLY
    assert client.read(4, 0, 8) == b"answered"
    assert client.read(4, 1 << 20, 1 << 20) == large


def test_a_drivers_thread_reaches_memory_while_the_client_says_nothing(client):
    client.dma_map(0, PAGE)
    client.serve_from(bytearray(b"by a thread".ljust(PAGE)))
    client.write_reg(vu.REG_DMA_ADDR, 0)
    client.write_reg(vu.REG_DMA_LEN, 11)
    event = os.eventfd(0)
    client.set_irqs(vu.DATA_EVENTFD | vu.TRIGGER, vu.MSIX, 0, 1, [event])
    client.write_reg(vu.REG_DMA_COMMAND, vu.DMA_READ_GUEST | vu.DMA_IN_THREAD)
    while not client.served:
        client.serve(client.receive())
    assert select.select([event], [], [], 30)[0]
    os.close(event)
    assert client.read(4, 0, 11) == b"by a thread"


def test_a_drivers_thread_and_the_client_use_the_socket_at_once(client):
    client.dma_map(0, 1 << 20)
    client.serve_from(bytearray(1 << 20))
    client.write_reg(vu.REG_DMA_ADDR, 0)
    client.write_reg(vu.REG_DMA_LEN, 1 << 20)
    begun = client.read_reg(vu.REG_DMA_DONE)
    for i in range(100):
        client.write_reg(vu.REG_DMA_COMMAND, vu.DMA_WRITE_GUEST | vu.DMA_IN_THREAD)
        client.write(0, 0, struct.pack("<I", i))
        assert client.read(0, 0, 4) == struct.pack("<I", i)
    while client.read_reg(vu.REG_DMA_DONE) != begun + 100:
        pass
    assert client.read_reg(vu.REG_DMA_STATUS) == 0


@pytest.mark.parametrize("wrong", ["address", "count", "short", "long", "id", "command"])
def test_a_wrong_reply_ends_the_connection_and_the_driver_gets_an_error(server, wrong):
    with server.open("dev1") as c:
        c.dma_map(0, PAGE)
        c.write_reg(vu.REG_DMA_ADDR, 0)
        c.write_reg(vu.REG_DMA_LEN, 8)
        c.post_reg(vu.REG_DMA_COMMAND, vu.DMA_READ_GUEST)
        asked = c.receive()
        address, count, data, ident, command = 0, 8, b"12345678", asked.id, vu.DMA_READ
        if wrong == "address":
            address = 8
        elif wrong == "count":
            count = 4
        elif wrong == "short":
            data = b"1234"
        elif wrong == "long":
            data = b"123456789"
        elif wrong == "id":
            ident ^= 0x55
        else:
            command = vu.DMA_WRITE
        payload = vu.DMA_ACCESS_S.pack(address, count) + data
        c.send_raw(vu.message(ident, command, payload, vu.REPLY))
        assert c.at_end()
    with server.open("dev1") as c:
        assert c.read_reg(vu.REG_DMA_STATUS) == errno.EIO


@pytest.mark.parametrize("how", [IN_CALLBACK, IN_THREAD, vu.DMA_IN_THREAD], ids=["callback", "waiting", "thread"])
def test_hanging_up_while_the_device_waits_for_its_dma_is_an_end(server, how):
    with server.open("dev1") as c:
        c.dma_map(0, PAGE)
        c.write_reg(vu.REG_DMA_ADDR, 0)
        c.write_reg(vu.REG_DMA_LEN, 8)
        c.post_reg(vu.REG_DMA_COMMAND, vu.DMA_READ_GUEST | how)
        assert c.receive().command == vu.DMA_READ
    with server.open("dev1") as c:
        assert c.read_reg(vu.REG_DMA_STATUS) == errno.EIO
