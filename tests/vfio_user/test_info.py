# SPDX-License-Identifier: LGPL-2.1-or-later
"""GET_INFO, GET_REGION_INFO, GET_REGION_IO_FDS, DEVICE_FEATURE, and commands that are none."""

import errno
import mmap
import os
import struct

import pytest

import client as vu

CAPS_OF_BAR1 = 16 + 2 * 16
FLAG_READ, FLAG_WRITE, FLAG_MMAP, FLAG_CAPS = 1, 2, 4, 8


def close_all(fds):
    for fd in fds:
        os.close(fd)


def test_info_says_pci_reset_and_how_many(client):
    assert client.info() == (16, 3, 9, 5)


@pytest.mark.parametrize("argsz", [0, 1, 15])
def test_info_needs_room_for_its_reply(client, argsz):
    assert client.error(vu.GET_INFO, vu.INFO_S.pack(argsz, 0, 0, 0)) == errno.EINVAL


@pytest.mark.parametrize("argsz", [16, 17, 20, 0xFFFFFFFF])
def test_info_with_more_room_is_the_same(client, argsz):
    assert client.info(argsz) == (16, 3, 9, 5)


@pytest.mark.parametrize("size", [0, 1, 15, 25, 4096])
def test_info_of_a_wrong_size_is_refused(client, size):
    assert client.error(vu.GET_INFO, b"\x10\0\0\0".ljust(size, b"\0")[:size]) == errno.EINVAL


@pytest.mark.parametrize("index", range(9))
def test_every_region_can_be_asked_for(client, index):
    fields, caps, fds = client.region_info(index)
    assert fields[2] == index
    assert fields[4] == vu.BAR_SIZES[index]
    assert not caps and not fds


@pytest.mark.parametrize("index", [9, 100, 0xFFFFFFFF])
def test_a_region_that_is_not_there_is_refused(client, index):
    payload = vu.REGION_INFO_S.pack(32, 0, index, 0, 0, 0)
    assert client.error(vu.GET_REGION_INFO, payload) == errno.EINVAL


@pytest.mark.parametrize("argsz", [0, 31])
def test_region_info_needs_room_for_its_fixed_part(client, argsz):
    payload = vu.REGION_INFO_S.pack(argsz, 0, 0, 0, 0, 0)
    assert client.error(vu.GET_REGION_INFO, payload) == errno.EINVAL


@pytest.mark.parametrize("size", [0, 4, 31])
def test_region_info_that_is_short_is_refused(client, size):
    payload = vu.REGION_INFO_S.pack(32, 0, 0, 0, 0, 0)[:size]
    assert client.error(vu.GET_REGION_INFO, payload) == errno.EINVAL


@pytest.mark.parametrize("argsz", [32, 32 + CAPS_OF_BAR1 - 1])
def test_capabilities_without_room_are_announced_by_argsz_alone(client, argsz):
    fields, caps, fds = client.region_info(1, argsz)
    assert fields == (32 + CAPS_OF_BAR1, FLAG_READ | FLAG_WRITE | FLAG_MMAP, 1, 0, 65536, 0)
    assert not caps and not fds


@pytest.mark.parametrize("argsz", [32 + CAPS_OF_BAR1, 4096, 0xFFFFFFFF])
def test_a_mappable_region_comes_with_its_areas_and_one_descriptor(client, argsz):
    fields, caps, fds = client.region_info(1, argsz)
    assert fields == (32 + CAPS_OF_BAR1, FLAG_READ | FLAG_WRITE | FLAG_MMAP | FLAG_CAPS, 1, 32, 65536, 0)
    assert caps == struct.pack("<HHIIIQQQQ", 1, 1, 0, 2, 0, 4096, 4096, 32768, 16384)
    assert len(fds) == 1
    with mmap.mmap(fds[0], 16384, offset=fields[5] + 32768) as area:
        area[5:9] = b"seen"
        assert client.read(1, 32768 + 5, 4) == b"seen"
        client.write(1, 32768 + 5, b"also")
        assert area[5:9] == b"also"
    close_all(fds)


def test_a_region_that_can_be_mapped_as_a_whole_has_an_area_too(client):
    """Cloud Hypervisor takes a descriptor only where there are capabilities."""
    fields, caps, fds = client.region_info(2)
    assert fields[0] == 64 and not caps and not fds
    fields, caps, fds = client.region_info(2, fields[0])
    assert fields == (64, FLAG_READ | FLAG_WRITE | FLAG_MMAP | FLAG_CAPS, 2, 32, 8192, 65536)
    assert caps == struct.pack("<HHIIIQQ", 1, 1, 0, 1, 0, 0, 8192)
    with mmap.mmap(fds[0], 8192, offset=fields[5]) as area:
        area[0:4] = b"whol"
        assert client.read(2, 0, 4) == b"whol"
    close_all(fds)


def test_a_region_can_not_be_cut_off_by_its_client(client):
    fields, _, fds = client.region_info(2, 64)
    for size in (0, fields[5]):
        with pytest.raises(PermissionError):
            os.ftruncate(fds[0], size)
    client.write(2, 0, b"here")
    assert client.read(2, 0, 4) == b"here"
    close_all(fds)


def test_a_client_that_takes_no_descriptors_is_offered_no_mapping(server):
    with server.open(capabilities={"capabilities": {"max_msg_fds": 0}}) as c:
        fields, _, fds = c.region_info(1, 4096)
        assert not fields[1] & FLAG_MMAP and not fds


def test_there_are_no_io_fds(client):
    reply = client.call(vu.GET_REGION_IO_FDS, vu.INFO_S.pack(4096, 0, 0, 0))
    assert vu.INFO_S.unpack(reply.payload) == (16, 0, 0, 0)
    assert not reply.fds


@pytest.mark.parametrize("fields", [(15, 0, 0, 0), (16, 1, 0, 0), (16, 0, 9, 0), (16, 0, 0, 1)])
def test_io_fds_with_a_wrong_field_are_refused(client, fields):
    assert client.error(vu.GET_REGION_IO_FDS, vu.INFO_S.pack(*fields)) == errno.EINVAL


@pytest.mark.parametrize("feature", [0, 1, 2, 6, 7, 8, 0xFFFF])
@pytest.mark.parametrize("action", [0x10000, 0x20000, 0x40000, 0x60000])
def test_no_feature_is_there(client, feature, action):
    payload = struct.pack("<II", 4096, feature | action) + bytes(24)
    assert client.error(vu.DEVICE_FEATURE, payload) == errno.ENOTTY


@pytest.mark.parametrize("payload", [b"", bytes(7), struct.pack("<II", 7, 0x10001),
                                     struct.pack("<II", 8, 1), struct.pack("<II", 8, 0x80000000)])
def test_a_feature_request_that_makes_no_sense_is_refused(client, payload):
    assert client.error(vu.DEVICE_FEATURE, payload) == errno.EINVAL


@pytest.mark.parametrize("command", [0, vu.DMA_READ, vu.DMA_WRITE, 14, vu.MIG_DATA_READ,
                                     vu.MIG_DATA_WRITE, 19, 100, 0xFFFF])
@pytest.mark.parametrize("size", [0, 16, 5000])
def test_an_unknown_command_is_refused_and_the_next_one_heard(client, command, size):
    assert client.error(command, bytes(size)) == errno.ENOSYS
    assert client.info()[2] == 9


@pytest.mark.parametrize("command", [vu.GET_INFO, vu.GET_REGION_INFO, vu.GET_IRQ_INFO,
                                     vu.REGION_READ, vu.RESET, vu.DMA_UNMAP, vu.DEVICE_FEATURE])
def test_a_descriptor_where_none_belongs_is_refused_and_closed(server, client, command):
    before = server.settled_fds()
    payload = {vu.GET_INFO: vu.INFO_S.pack(16, 0, 0, 0),
               vu.GET_REGION_INFO: vu.REGION_INFO_S.pack(32, 0, 0, 0, 0, 0),
               vu.GET_IRQ_INFO: vu.IRQ_INFO_S.pack(16, 0, 0, 0),
               vu.REGION_READ: vu.ACCESS_S.pack(0, 0, 4),
               vu.RESET: b"",
               vu.DMA_UNMAP: vu.DMA_UNMAP_S.pack(24, 0, 0, 4096),
               vu.DEVICE_FEATURE: struct.pack("<II", 8, 0x10001)}[command]
    assert client.error(command, payload, [0]) == errno.EINVAL
    assert server.open_fds() == before
