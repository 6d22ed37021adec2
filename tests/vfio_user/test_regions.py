# SPDX-License-Identifier: LGPL-2.1-or-later
"""REGION_READ, REGION_WRITE, REGION_WRITE_MULTI, DEVICE_RESET."""

import errno
import os
import struct

import pytest

import client as vu


def small_writes(writes, count=None):
    payload = b"".join(vu.SMALL_WRITE_S.pack(offset, region, size, data)
                       for offset, region, size, data in writes)
    return struct.pack("<Q", len(writes) if count is None else count) + payload


@pytest.mark.parametrize("size", [1, 2, 3, 4, 8, 16, 256, 4096, 65536, 1 << 20])
def test_what_was_written_is_read(client, size):
    data = os.urandom(size)
    client.write(4, 8, data)
    assert client.read(4, 8, size) == data


def test_the_whole_configuration_space_is_read_at_once(client):
    client.write(7, 0, bytes(range(256)))
    assert client.read(7, 0, 256) == bytes(range(256))


@pytest.mark.parametrize("region, offset, count", [
    (0, 4096, 1), (0, 4095, 2), (0, 0, 4097), (0, 1 << 63, 4), (0, (1 << 64) - 1, 1),
    (0, (1 << 64) - 4, 8), (5, 0, 1), (6, 0, 4), (8, 0, 1), (9, 0, 1), (0xFFFFFFFF, 0, 1),
    (7, 255, 2), (0, 0, 0), (4, 0, (1 << 20) + 1), (4, 0, 0xFFFFFFFF),
])
def test_access_to_what_is_not_there_is_refused(client, region, offset, count):
    assert client.error(vu.REGION_READ, vu.ACCESS_S.pack(offset, region, count)) == errno.EINVAL
    data = bytes(min(count, 5000))
    assert client.error(vu.REGION_WRITE, vu.ACCESS_S.pack(offset, region, count) + data) == errno.EINVAL


@pytest.mark.parametrize("size", [0, 1, 15, 17, 32])
def test_a_read_of_a_wrong_size_is_refused(client, size):
    payload = (vu.ACCESS_S.pack(0, 0, 4) + bytes(16))[:size]
    assert client.error(vu.REGION_READ, payload) == errno.EINVAL


@pytest.mark.parametrize("count, data", [(4, 0), (4, 3), (4, 5), (1, 4), (0, 4), (1 << 20, 4)])
def test_a_write_with_more_or_less_data_than_it_says_is_refused(client, count, data):
    client.write(0, 0, b"same")
    assert client.error(vu.REGION_WRITE, vu.ACCESS_S.pack(0, 0, count) + bytes(data)) == errno.EINVAL
    assert client.read(0, 0, 4) == b"same"


@pytest.mark.parametrize("size", range(16))
def test_a_write_without_all_its_fields_is_refused(client, size):
    assert client.error(vu.REGION_WRITE, bytes(size)) == errno.EINVAL


@pytest.mark.parametrize("reg", [vu.REG_FAIL_IO, vu.REG_FAIL_INVAL])
def test_a_driver_that_fails_is_seen_as_ones_never_as_an_error(client, reg):
    """Cloud Hypervisor would wait for ever behind an error reply."""
    assert client.read(0, reg, 4) == b"\xff" * 4
    client.write(0, reg, bytes(4))


def test_a_driver_that_reads_less_is_filled_up_with_ones(client):
    client.write(0, 0x7FC, b"abcd")
    assert client.read(0, 0x7FC, 8) == b"abcd" + b"\xff" * 4


def test_a_region_that_can_only_be_read_ignores_writes(client):
    client.write(3, 0, b"1234")
    assert client.read(3, 0, 4) == b"3333"


def test_posted_writes_are_done_in_order_before_what_follows(client):
    client.write_reg(vu.REG_SEQ_COUNT, 0)
    for i in range(1, 5001):
        client.post_reg(vu.REG_SEQ, i)
    assert client.read_reg(vu.REG_SEQ_COUNT) == 5000
    assert client.read_reg(vu.REG_SEQ_ERRORS) == 0


def test_a_posted_write_is_never_answered_even_if_it_is_wrong(client):
    client.post(9, 0, b"1234")
    client.post(0, 4096, b"1234")
    client.send(vu.REGION_WRITE, b"", flags=vu.NO_REPLY)
    client.send(99, b"", flags=vu.NO_REPLY)
    client.send(vu.GET_INFO, vu.INFO_S.pack(16, 0, 0, 0), flags=vu.NO_REPLY)
    ident = client.send(vu.GET_INFO, vu.INFO_S.pack(16, 0, 0, 0))
    assert client.receive().id == ident


def test_many_writes_in_one_message_are_done_in_order(client):
    client.write_reg(vu.REG_SEQ_COUNT, 0)
    writes = [(vu.REG_SEQ, 0, 8, struct.pack("<Q", i)) for i in range(1, 201)]
    reply = client.call(vu.WRITE_MULTI, small_writes(writes))
    assert reply.payload == struct.pack("<Q", 200)
    client.send(vu.WRITE_MULTI, small_writes([(vu.REG_SEQ, 0, 8, struct.pack("<Q", 201))]),
                flags=vu.NO_REPLY)
    assert client.read_reg(vu.REG_SEQ_COUNT) == 201
    assert client.read_reg(vu.REG_SEQ_ERRORS) == 0


@pytest.mark.parametrize("payload", [
    b"", bytes(7), bytes(8), struct.pack("<Q", 1), struct.pack("<Q", 1) + bytes(23),
    small_writes([(0, 0, 4, b"")], 2), small_writes([(0, 0, 4, b"")] * 2, 1),
    small_writes([(0, 0, 4, b"")], (1 << 64) // 24 + 1), small_writes([(0, 0, 4, b"")], 1 << 61),
    small_writes([(0, 0, 4, b"")], (1 << 64) - 1),
])
def test_many_writes_with_a_wrong_count_are_refused(client, payload):
    assert client.error(vu.WRITE_MULTI, payload) == errno.EINVAL


@pytest.mark.parametrize("bad", [(0, 0, 9, b""), (0, 0, 0, b""), (4096, 0, 1, b""), (4093, 0, 4, b""),
                                 ((1 << 64) - 1, 0, 8, b""), (0, 9, 4, b""), (0, 5, 4, b"")])
def test_of_many_writes_none_is_done_if_one_is_wrong(client, bad):
    client.write(0, 0, b"same")
    payload = small_writes([(0, 0, 4, b"diff"), bad])
    assert client.error(vu.WRITE_MULTI, payload) == errno.EINVAL
    assert client.read(0, 0, 4) == b"same"


def test_many_writes_in_one_message_have_to_be_agreed_on(server):
    with server.open(capabilities=vu.CLOUD_HYPERVISOR) as c:
        assert c.error(vu.WRITE_MULTI, small_writes([(0, 0, 4, b"")])) == errno.EINVAL


def test_reset_reaches_the_driver(client):
    before = client.read_reg(vu.REG_RESETS)
    client.reset()
    assert client.read_reg(vu.REG_RESETS) == before + 1


def test_reset_takes_no_payload(client):
    before = client.read_reg(vu.REG_RESETS)
    assert client.error(vu.RESET, b"\0") == errno.EINVAL
    assert client.read_reg(vu.REG_RESETS) == before
