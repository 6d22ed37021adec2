# SPDX-License-Identifier: LGPL-2.1-or-later
"""How messages and descriptors are cut out of the stream, however it is cut into pieces."""

import errno
import os
import socket
import struct

import pytest

import client as vu

INFO = vu.INFO_S.pack(16, 0, 0, 0)
PAGE = 4096


def memfd(size=PAGE, content=b""):
    fd = os.memfd_create("framing")
    os.ftruncate(fd, size)
    os.pwrite(fd, content, 0)
    return fd


def map_message(ident, iova, size=PAGE):
    return vu.message(ident, vu.DMA_MAP, vu.DMA_MAP_S.pack(32, 3, 0, iova, size))


def guest_reads(client, iova, size=8):
    """What the device reads from the guest's memory."""
    client.write_reg(vu.REG_DMA_ADDR, iova)
    client.write_reg(vu.REG_DMA_LEN, size)
    client.write_reg(vu.REG_DMA_COMMAND, vu.DMA_READ_GUEST)
    assert client.read_reg(vu.REG_DMA_STATUS) == 0
    return client.read(4, 0, size)


@pytest.mark.parametrize("at", range(1, 28))
def test_a_message_may_be_cut_at_any_byte(client, at):
    data = vu.message(7, vu.REGION_WRITE, vu.ACCESS_S.pack(0, 0, 4) + b"tail")
    data += vu.message(8, vu.REGION_READ, vu.ACCESS_S.pack(0, 0, 4))
    client.send_raw(data[:at])
    client.send_raw(data[at:])
    assert client.wait(7).flags == vu.REPLY
    assert client.wait(8).payload[16:] == b"tail"


def test_a_message_may_come_byte_by_byte(client):
    for byte in vu.message(7, vu.GET_INFO, INFO):
        client.send_raw(bytes([byte]))
    assert len(client.wait(7).payload) == 16


def test_pipelined_requests_are_answered_in_their_order(client):
    data = b"".join(vu.message(i, vu.REGION_READ, vu.ACCESS_S.pack(i % 64, 0, 4)) for i in range(2000))
    client.send_raw(data)
    assert [client.receive().id for _ in range(2000)] == list(range(2000))


def test_requests_with_the_same_id_are_answered_each(client):
    client.send_raw(vu.message(5, vu.GET_INFO, INFO) * 3)
    assert [client.receive().id for _ in range(3)] == [5, 5, 5]


def test_large_and_small_messages_may_follow_each_other(client):
    large = os.urandom(1 << 20)
    data = vu.message(1, vu.REGION_WRITE, vu.ACCESS_S.pack(0, 4, 1 << 20) + large)
    data += vu.message(2, vu.REGION_WRITE, vu.ACCESS_S.pack(5, 4, 1) + b"!")
    data += vu.message(3, vu.REGION_READ, vu.ACCESS_S.pack(0, 4, 1 << 20))
    client.send_raw(data)
    assert client.wait(1).flags == client.wait(2).flags == vu.REPLY
    assert client.wait(3).payload[16:] == large[:5] + b"!" + large[6:]


@pytest.mark.parametrize("size", [1 << 17, (1 << 20) + 33, 5 << 20])
@pytest.mark.parametrize("command", [vu.GET_INFO, vu.REGION_WRITE, 77])
def test_a_message_that_is_too_large_is_thrown_away_and_the_next_one_heard(client, size, command):
    if command == vu.REGION_WRITE and size < (1 << 20):
        size = (1 << 20) + (1 << 17)
    client.send(command, ident=1, size=size)
    junk = bytes(size - 16)
    client.send_raw(junk[:1000])
    client.send_raw(junk[1000:] + vu.message(2, vu.GET_INFO, INFO))
    reply = client.receive()
    assert (reply.id, reply.flags, reply.error) == (1, vu.REPLY | vu.ERROR, errno.EMSGSIZE)
    assert client.receive().id == 2


@pytest.mark.parametrize("size", [0, 1, 15])
def test_a_size_smaller_than_the_header_ends_the_connection(server, size):
    with server.open() as c:
        c.send_raw(vu.message(1, vu.GET_INFO, INFO) + vu.message(2, vu.GET_INFO, INFO, size=size))
        assert c.receive().flags == vu.REPLY
        reply = c.receive()
        assert (reply.id, reply.error) == (2, errno.EINVAL)
        assert c.at_end()


@pytest.mark.parametrize("flags", [2, 3, 0xF])
def test_a_message_that_is_neither_command_nor_reply_is_refused(client, flags):
    client.send(vu.GET_INFO, INFO, flags=flags, ident=9)
    reply = client.receive()
    assert (reply.id, reply.flags, reply.error) == (9, vu.REPLY | vu.ERROR, errno.EINVAL)
    client.info()


@pytest.mark.parametrize("command", [vu.GET_INFO, vu.DMA_READ, vu.DMA_WRITE, 99])
def test_a_reply_that_nobody_waits_for_ends_the_connection(server, command):
    with server.open() as c:
        c.send(command, bytes(16), flags=vu.REPLY)
        assert c.at_end()


def test_error_fields_of_a_request_do_not_matter(client):
    client.send_raw(vu.message(3, vu.GET_INFO, INFO, error=0xDEAD))
    assert client.receive().flags == vu.REPLY


# ---- descriptors ----


def test_a_descriptor_may_come_with_any_piece_of_its_message(server, client):
    before = server.settled_fds()
    data = map_message(7000, 0x10000)
    for at in range(0, len(data)):
        fd = memfd(content=b"piece%03d" % at)
        client.send_raw(data[:at])
        client.send_raw(data[at:], [fd])
        assert client.wait(7000).flags == vu.REPLY
        assert guest_reads(client, 0x10000) == b"piece%03d" % at
        client.dma_unmap(0x10000, PAGE)
        os.close(fd)
    for at in range(1, len(data)):
        fd = memfd(content=b"first%03d" % at)
        client.send_raw(data[:at], [fd])
        client.send_raw(data[at:])
        assert client.wait(7000).flags == vu.REPLY
        assert guest_reads(client, 0x10000) == b"first%03d" % at
        client.dma_unmap(0x10000, PAGE)
        os.close(fd)
    assert server.open_fds() == before


def test_pipelined_maps_get_each_its_own_descriptor(server, client):
    """As QEMU does: some with a descriptor, some without."""
    before = server.settled_fds()
    fds = {}
    # The device is kept busy, so that all of it is there at once.
    client.send(vu.REGION_READ, vu.ACCESS_S.pack(vu.REG_HANG, 0, 4), ident=5000)
    server.command("wait_hung", "dev0")
    for i in range(40):
        if i % 3 == 0:
            client.send_raw(map_message(6000 + i, i * PAGE))
        else:
            fds[i] = memfd(content=b"memory%02d" % i)
            client.send_raw(map_message(6000 + i, i * PAGE), [fds[i]])
    server.command("release", "dev0")
    client.wait(5000)
    for i in range(40):
        assert client.wait(6000 + i).flags == vu.REPLY
    for i, fd in fds.items():
        assert guest_reads(client, i * PAGE) == b"memory%02d" % i
        os.close(fd)
    assert not client.served
    client.serve_from(bytearray(b"nowhere!" * 512 * 40))
    for i in range(0, 40, 3):
        assert guest_reads(client, i * PAGE) == b"nowhere!"
    for i in range(40):
        client.dma_unmap(i * PAGE, PAGE)
    assert server.open_fds() == before


def test_messages_sent_together_share_the_descriptors_in_their_order(server, client):
    fds = [memfd(content=b"shared%02d" % i) for i in range(3)]
    client.send_raw(b"".join(map_message(1000 + i, i * PAGE) for i in range(3)), fds)
    for i in range(3):
        assert client.wait(1000 + i).flags == vu.REPLY
        assert guest_reads(client, i * PAGE) == b"shared%02d" % i
        client.dma_unmap(i * PAGE, PAGE)
        os.close(fds[i])


def test_a_descriptor_before_messages_that_take_none_stays_with_its_own(client):
    fd = memfd(content=b"itsown00")
    read = vu.message(8001, vu.REGION_READ, vu.ACCESS_S.pack(0, 0, 4))
    client.send_raw(map_message(8000, 0) + read, [fd])
    assert client.wait(8000).flags == client.wait(8001).flags == vu.REPLY
    assert guest_reads(client, 0) == b"itsown00"
    client.dma_unmap(0, PAGE)
    os.close(fd)


def test_two_descriptors_for_one_mapping_are_refused_and_closed(server, client):
    before = server.settled_fds()
    fds = [memfd(), memfd()]
    payload = vu.DMA_MAP_S.pack(32, 3, 0, 0, PAGE)
    assert client.error(vu.DMA_MAP, payload, fds) == errno.EINVAL
    assert server.open_fds() == before
    for fd in fds:
        os.close(fd)


def test_more_descriptors_than_a_message_can_have_are_refused_and_closed(server, client):
    before = server.settled_fds()
    fds = [memfd() for _ in range(100)]
    payload = vu.DMA_MAP_S.pack(32, 3, 0, 0, PAGE)
    assert client.error(vu.DMA_MAP, payload, fds) == errno.EINVAL
    assert server.open_fds() == before
    for fd in fds:
        os.close(fd)


def test_descriptors_with_what_is_thrown_away_are_closed(server, client):
    before = server.settled_fds()
    fd = memfd()
    client.send(vu.GET_INFO, ident=1, size=16 + (1 << 18))
    for _ in range(8):
        client.send_raw(bytes(1 << 15), [fd])
    assert client.receive().error == errno.EMSGSIZE
    client.info()
    assert server.open_fds() == before
    os.close(fd)


def test_descriptors_without_end_end_the_connection(server):
    with server.connect("dev1") as c:
        fd = memfd()
        try:
            c.send_raw(vu.message(1, vu.GET_INFO, size=5000))
            for _ in range(1000):
                c.send_raw(b"x", [fd] * 16)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert c.at_end()
        os.close(fd)
    with server.open("dev1") as c:
        c.info()
        server.settled_fds()


@pytest.mark.parametrize("at", range(0, 48))
def test_hanging_up_at_any_byte_leaves_nothing(server, at):
    """Half a message with its descriptor, then the end."""
    with server.open("dev1") as c:
        fd = memfd()
        if at:
            c.send_raw(map_message(1, 0)[:at], [fd])
        os.close(fd)
    with server.open("dev1") as c:
        c.info()
        server.settled_fds()


def test_half_a_close_is_the_end_after_all_requests_are_answered(server):
    with server.open("dev1") as c:
        c.send_raw(vu.message(1, vu.GET_INFO, INFO) * 10 + b"half")
        c.sock.shutdown(socket.SHUT_WR)
        assert [c.receive().id for _ in range(10)] == [1] * 10
        assert c.at_end()
