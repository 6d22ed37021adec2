# SPDX-License-Identifier: LGPL-2.1-or-later
"""Servers that say what makes no sense, or nothing: the call fails, the connection ends, and nothing is left over."""

import os
import socket
import struct

import pytest

import other_server as vu
from conftest import VERSION_REPLY


def caps(**capabilities):
    return vu.json.dumps({"capabilities": capabilities}).encode() + b"\0"


TWIN = caps(twin_socket={"supported": True, "fd_index": 0})


def fd_of(kind):
    if kind == "memory":
        return os.memfd_create("x")
    return socket.socket(socket.AF_UNIX, kind).detach()


def send_with(peer, data, fds):
    peer.send(data, fds)
    for fd in fds:
        os.close(fd)


# ---- VERSION ----


@pytest.mark.parametrize("payload", [
    b"", b"\0", b"\0\0\0",
    b"\1\0\0\0" + VERSION_REPLY, b"\0\0\1\0" + VERSION_REPLY, b"\xff" * 4,
    *[bytes(4) + text for text in [
        VERSION_REPLY[:-1], VERSION_REPLY + b"\0", b"\0" + VERSION_REPLY, b"\0", b"{\0", b"[]\0", b"null\0", b"{}x\0",
        b'{"capabilities":1}\0', b'{"capabilities":{},"capabilities":{}}\0', b'{"capabilities":{"max_msg_fds":01}}\0',
        b'{"capabilities":{"max_msg_fds":1,}}\0', b'{"capabilities" {}}\0', b"{'capabilities':{}}\0",
        b'{"capabilities":{"x":' + b"[" * 15 + b"]" * 15 + b"}}\0", b'{"capabilities":{"\x01":1}}\0',
        b'{"capabilities":{"\\x":1}}\0', b'{"capabilities":{"\\u12g4":1}}\0', b'{"capabilities":{"x":-}}\0',
        b'{"capabilities":{"x":1.}}\0', b'{"capabilities":{"x":1e}}\0', b'{"capabilities":{"x":tru}}\0',
        b"[" * 2000 + b"]" * 2000 + b"\0", b"\xff" * 100 + b"\0", b" " * 4092, b" " * 100000,
        *[caps(**{name: value}) for name in ("max_msg_fds", "max_data_xfer_size", "max_dma_maps", "pgsizes")
          for value in (-1, 1.5, "16", None, True, [], {}, 1 << 64, 10**400)],
        caps(max_data_xfer_size=0), caps(pgsizes=0), caps(pgsizes=2048), caps(pgsizes=4097),
        caps(twin_socket=True), caps(twin_socket=[]), caps(twin_socket={"supported": 1}), TWIN,
    ]],
])
def test_an_answer_that_makes_no_sense_is_refused(pair, payload):
    driver, peer = pair
    before = driver.descriptors()
    driver.send("create")
    try:
        peer.reply(peer.expect(vu.VERSION), payload)
    except vu.Closed:
        pass
    assert driver.answer() == "EPROTO"
    assert driver.descriptors() == before - 1
    assert peer.at_end()


@pytest.mark.parametrize("text, kinds", [
    (TWIN, ["memory"]), (TWIN, [socket.SOCK_DGRAM]), (TWIN, [socket.SOCK_SEQPACKET]),
    (TWIN, [socket.SOCK_STREAM] * 2), (TWIN, [socket.SOCK_STREAM] * 16), (TWIN, [socket.SOCK_STREAM] * 30),
    (caps(twin_socket={"supported": True, "fd_index": 1}), [socket.SOCK_STREAM]),
    (caps(twin_socket={"supported": True, "fd_index": -1}), [socket.SOCK_STREAM]),
    (caps(twin_socket={"supported": True, "fd_index": 1 << 32}), [socket.SOCK_STREAM]),
    (caps(twin_socket={"supported": True, "fd_index": "0"}), [socket.SOCK_STREAM]),
    (caps(twin_socket={"supported": True}), [socket.SOCK_STREAM]),
    (caps(twin_socket={"supported": False, "fd_index": 0}), [socket.SOCK_STREAM]),
    (caps(twin_socket={"fd_index": 0}), [socket.SOCK_STREAM]),
    (VERSION_REPLY, [socket.SOCK_STREAM]), (b"{}\0", ["memory"]), (b"", ["memory"]), (b"{}", ["memory"]),
])
def test_descriptors_that_were_not_agreed_on_are_refused(pair, text, kinds):
    driver, peer = pair
    before = driver.descriptors()
    driver.send("create")
    message = peer.expect(vu.VERSION)
    send_with(peer, vu.pack(message.id, vu.VERSION, bytes(4) + text, vu.REPLY), [fd_of(kind) for kind in kinds])
    assert driver.answer() == "EPROTO"
    assert driver.descriptors() == before - 1


@pytest.mark.parametrize("payload, terms", [
    (bytes(4), "1048576 1 0"), (bytes(4) + b"{}\0", "1048576 1 0"),
    (bytes(4) + b' {"capabilities" : {"other":[1,"\\u00e4",{"x":-1e9}]} }\n\0', "1048576 1 0"),
    (bytes(4) + b'{"capabilities":{"x":' + b"[" * 14 + b"]" * 14 + b"}}\0", "1048576 1 0"),
    (bytes(4) + caps(max_msg_fds=99, max_data_xfer_size=1 << 40), "1048576 16 0"),
    (bytes(4) + caps(max_msg_fds=0, max_data_xfer_size=1), "1 0 0"),
    (bytes(4) + caps(twin_socket={"supported": False}), "1048576 1 0"),
])
def test_an_answer_that_makes_sense_is_taken(pair, payload, terms):
    driver, peer = pair
    driver.send("create")
    message = peer.expect(vu.VERSION)
    assert message.payload[:4] == bytes(4) and message.payload[-1:] == b"\0"
    assert vu.json.loads(message.payload[4:-1])["capabilities"]["twin_socket"] == {"supported": True}
    peer.reply(message, payload)
    assert driver.answer() == terms


def test_a_server_that_has_a_client_is_busy(pair):
    driver, peer = pair
    driver.send("create")
    peer.expect(vu.VERSION)
    peer.close()
    assert driver.answer() == "EBUSY"


def test_a_server_that_says_why_is_believed(pair):
    driver, peer = pair
    driver.send("create")
    peer.reply(peer.expect(vu.VERSION), flags=vu.REPLY | vu.ERROR, error=16)
    assert driver.answer() == "EBUSY"


@pytest.mark.parametrize("data", [b"", b"\0", bytes(15)])
def test_a_server_that_says_nothing_is_given_up(haste, pair, data):
    driver, peer = pair
    driver.send("create")
    peer.expect(vu.VERSION)
    peer.send(data)
    assert driver.answer() == "ETIMEDOUT"
    assert peer.at_end()


def test_a_server_that_breaks_off_is_none(pair):
    driver, peer = pair
    driver.send("create")
    message = peer.expect(vu.VERSION)
    peer.send(vu.pack(message.id, vu.VERSION, bytes(4) + VERSION_REPLY, vu.REPLY)[:30])
    peer.close()
    assert driver.answer() == "EPROTO"


def test_memory_is_not_given_before_the_agreement(pair):
    driver, peer = pair
    driver.send("create")
    message = peer.expect(vu.VERSION)
    peer.send(vu.pack(7, vu.DMA_READ, vu.DMA_S.pack(0, 8)))
    answer = peer.receive()
    assert (answer.id, answer.flags, answer.error) == (7, vu.REPLY | vu.ERROR, vu.EINVAL)
    peer.reply(message, bytes(4) + VERSION_REPLY)
    assert driver.answer() == "1048576 8 0"
    assert driver.do("serving") == "0"


# ---- replies ----


def begin_read(driver, peer, count=8):
    driver.send("read", 2, 0, count)
    return peer.expect(vu.REGION_READ)


def assert_ended(driver, peer):
    assert driver.do("read", 2, 0, 8) == "ENODEV"
    assert peer.at_end()
    if peer.twin:
        assert peer.twin.at_end()


def good(message, data=bytes(8)):
    return vu.pack(message.id, message.command, message.payload[:16] + data, vu.REPLY)


@pytest.mark.parametrize("change", [
    {"ident": 0x7777}, {"command": vu.REGION_WRITE}, {"command": 0}, {"flags": 2}, {"flags": 0xF},
    {"size": 0}, {"size": 15}, {"size": 41}, {"size": 0x7FFFFFFF}, {"size": 0xFFFFFFFF},
    {"size": 16}, {"size": 39},
])
def test_a_header_that_is_not_the_replys_ends_the_connection(haste, connected, change):
    driver, peer = connected
    peer.reply(begin_read(driver, peer), bytes(24), **change)
    # With a twin it shows that more has come; else what is behind a short reply is the next message.
    if change.get("size") in (16, 39) and not peer.twin:
        assert driver.answer() == "strange"
        assert driver.do("read", 2, 0, 8) in ("EPROTO", "ENODEV", "ETIMEDOUT")
    else:
        assert driver.answer() == "EPROTO"
    assert_ended(driver, peer)


def test_a_command_in_place_of_the_reply_ends_the_connection(haste, connected):
    driver, peer = connected
    peer.reply(begin_read(driver, peer), bytes(24), flags=vu.COMMAND)
    # Without a twin it is a request, if one that nobody knows, and the reply is still to come.
    assert driver.answer() == ("EPROTO" if peer.twin else "ETIMEDOUT")
    if not peer.twin:
        assert peer.receive().error == vu.ENOSYS
    assert_ended(driver, peer)


def test_more_than_fits_ends_the_connection(connected):
    driver, peer = connected
    message = begin_read(driver, peer)
    peer.send(good(message, bytes(9)))
    assert driver.answer() == "EPROTO"
    assert_ended(driver, peer)


def test_a_short_reply_is_for_the_caller_to_judge(connected):
    driver, peer = connected
    peer.send(good(begin_read(driver, peer), bytes(7)))
    assert driver.answer() == "strange"
    peer.send(good(begin_read(driver, peer)))
    assert driver.answer() == "00" * 8


@pytest.mark.parametrize("error, name", [
    (1, "EPERM"), (22, "EINVAL"), (0, "EIO"), (4096, "EIO"), (1 << 31, "EIO"), (0xFFFFFFFF, "EIO"),
])
@pytest.mark.parametrize("body", [0, 16, 24, 100, 70000])
def test_an_error_reply_may_have_a_body(connected, error, name, body):
    driver, peer = connected
    peer.reply(begin_read(driver, peer), bytes(body), flags=vu.REPLY | vu.ERROR, error=error)
    assert driver.answer() == name
    peer.send(good(begin_read(driver, peer)))
    assert driver.answer() == "00" * 8


def test_an_error_reply_without_end_ends_the_connection(connected):
    driver, peer = connected
    peer.reply(begin_read(driver, peer), size=1 << 30, flags=vu.REPLY | vu.ERROR, error=5)
    assert driver.answer() == "EPROTO"
    assert_ended(driver, peer)


@pytest.mark.parametrize("number", [1, 16, 17, 100])
@pytest.mark.parametrize("flags", [vu.REPLY, vu.REPLY | vu.ERROR])
def test_descriptors_that_nobody_wants_end_the_connection(connected, number, flags):
    driver, peer = connected
    before = driver.descriptors()
    message = begin_read(driver, peer)
    reply = vu.pack(message.id, message.command, bytes(24), flags, error=5)
    send_with(peer, reply, [os.memfd_create("x") for _ in range(number)])
    assert driver.answer() == "EPROTO"
    assert driver.descriptors() == before
    assert_ended(driver, peer)


@pytest.mark.parametrize("number, answer", [(0, "0102 0"), (1, "0102 1"), (16, "0102 16"), (17, "EPROTO"), (99, "EPROTO")])
def test_only_so_many_descriptors_are_taken(connected, number, answer):
    driver, peer = connected
    before = driver.descriptors()
    driver.send("call", vu.GET_INFO, "-", 8, 0, 1)
    message = peer.expect(vu.GET_INFO)
    send_with(peer, vu.pack(message.id, message.command, b"\1\2", vu.REPLY), [os.memfd_create("x") for _ in range(number)])
    assert driver.answer() == answer
    assert driver.descriptors() == before


def test_descriptors_may_come_with_a_later_piece(connected):
    driver, peer = connected
    driver.send("call", vu.GET_INFO, "-", 8, 0, 1)
    reply = vu.pack(peer.expect(vu.GET_INFO).id, vu.GET_INFO, bytes(8), vu.REPLY)
    for start in range(0, 24, 3):
        send_with(peer, reply[start : start + 3], [os.memfd_create("x")])
    assert driver.answer() == "00" * 8 + " 8"


def test_descriptors_with_an_error_are_closed(connected):
    driver, peer = connected
    before = driver.descriptors()
    driver.send("call", vu.GET_INFO, "-", 8, 0, 1)
    message = peer.expect(vu.GET_INFO)
    send_with(peer, vu.pack(message.id, message.command, b"", vu.REPLY | vu.ERROR, error=5), [os.memfd_create("x")])
    assert driver.answer() == "EPROTO"
    assert driver.descriptors() == before


@pytest.mark.parametrize("count", [8, 20000])
def test_a_reply_may_come_in_crumbs(connected, count):
    driver, peer = connected
    message = begin_read(driver, peer, count)
    reply = good(message, b"\x42" * count)
    for start in range(0, 60):
        peer.send(reply[start : start + 1])
    peer.send(reply[60:])
    assert driver.answer() == "42" * count


@pytest.mark.parametrize("size", [*range(0, 17), 24, 32, 39])
def test_a_reply_that_breaks_off_ends_the_connection(connected, size):
    driver, peer = connected
    peer.send(good(begin_read(driver, peer))[:size])
    peer.close()
    assert driver.answer() == "ENODEV"
    assert driver.do("read", 2, 0, 8) == "ENODEV"


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 32, 39])
def test_a_reply_that_does_not_go_on_ends_the_connection(haste, connected, size):
    driver, peer = connected
    peer.send(good(begin_read(driver, peer))[:size])
    assert driver.answer() == "ETIMEDOUT"
    assert_ended(driver, peer)


@pytest.mark.parametrize("data", [b"\0", bytes(16), b"\xff" * 16, b"\xff" * 100000, vu.pack(1, vu.VERSION, b"", vu.REPLY)],
                         ids=["byte", "zeros", "ones", "flood", "reply"])
def test_what_nobody_asked_for_ends_the_connection(haste, connected, data):
    driver, peer = connected
    try:
        peer.send(data)
    except vu.Closed:
        pass
    driver.send("read", 2, 0, 8)
    assert driver.answer() in ("EPROTO", "ENODEV", "ETIMEDOUT")
    assert driver.do("read", 2, 0, 8) == "ENODEV"


def test_two_replies_end_the_connection(connected):
    driver, peer = connected
    message = begin_read(driver, peer)
    peer.send(good(message) * 2)
    assert driver.answer() in ("00" * 8, "EPROTO")
    assert driver.do("read", 2, 0, 8) in ("EPROTO", "ENODEV")
    assert_ended(driver, peer)


def test_a_server_that_takes_nothing_is_given_up(haste, pair):
    driver, peer = pair
    peer.agree(driver)
    assert driver.do("write", 2, 0, "1000000*11") == "ETIMEDOUT"
    assert driver.do("read", 2, 0, 8) == "ENODEV"


def test_a_server_that_is_gone_is_noticed_at_once(connected):
    driver, peer = connected
    begin_read(driver, peer)
    peer.close()
    assert driver.answer() == "ENODEV"


def test_a_shutdown_ends_a_call(connected):
    driver, peer = connected
    driver.do("start", "read", 2, 0, 8)
    peer.expect(vu.REGION_READ)
    assert driver.do("waiting") == "ok"
    assert driver.do("shutdown") == "ok"
    assert driver.do("join") == "ENODEV"
    assert_ended(driver, peer)


def test_signals_do_not_disturb_a_call(connected):
    driver, peer = connected
    driver.do("start", "read", 2, 0, 8)
    message = peer.expect(vu.REGION_READ)
    for _ in range(20):
        assert driver.do("waiting") == "ok"
        assert driver.do("signal") == "ok"
    peer.send(good(message)[:20])
    assert driver.do("signal") == "ok"
    peer.send(good(message)[20:])
    assert driver.do("join") == "00" * 8


def test_what_one_message_cannot_carry_is_not_sent(pair):
    driver, peer = pair
    driver.send("create")
    peer.reply(peer.expect(vu.VERSION), bytes(4) + caps(max_msg_fds=3, max_data_xfer_size=4096))
    assert driver.answer() == "4096 3 0"
    assert driver.do("write", 2, 0, "4097*00") == "EMSGSIZE"
    assert driver.do("call", vu.SET_IRQS, "00", 0, 4, 0) == "EMSGSIZE"
    assert driver.do("call", vu.SET_IRQS, "100000*00", 0, 0, 0) == "EMSGSIZE"
    driver.send("write", 2, 0, "4096*00")
    message = peer.expect(vu.REGION_WRITE)
    assert len(message.payload) == 16 + 4096
    peer.reply(message, message.payload[:16])
    assert driver.answer() == "ok"


# ---- the server's requests ----


def ask(peer, command, address, count, data=b"", ident=5, **changes):
    """Return: the answer."""
    channel = peer.twin or peer
    channel.send(vu.pack(ident, command, vu.DMA_S.pack(address, count) + data, **changes))
    answer = channel.receive()
    assert (answer.id, answer.command) == (ident, command)
    return answer


def test_memory_is_read_and_written(connected):
    driver, peer = connected
    driver.do("poke", 0x100, "0102030405")
    answer = ask(peer, vu.DMA_READ, 0x101, 3)
    assert (answer.flags, answer.error, answer.payload) == (vu.REPLY, 0, vu.DMA_S.pack(0x101, 3) + b"\2\3\4")
    answer = ask(peer, vu.DMA_WRITE, 0x102, 2, b"\xaa\xbb")
    assert (answer.flags, answer.error, answer.payload) == (vu.REPLY, 0, vu.DMA_S.pack(0x102, 2))
    assert driver.do("peek", 0x100, 5) == "0102aabb05"


@pytest.mark.parametrize("command, address, count, data, error", [
    (vu.DMA_READ, 0, 0, b"", vu.EINVAL), (vu.DMA_WRITE, 0, 0, b"", vu.EINVAL),
    (vu.DMA_READ, 0, (1 << 20) + 1, b"", vu.EINVAL), (vu.DMA_READ, 0, 1 << 63, b"", vu.EINVAL),
    (vu.DMA_READ, 0, (1 << 64) - 1, b"", vu.EINVAL), (vu.DMA_READ, (1 << 64) - 4, 5, b"", vu.EINVAL),
    (vu.DMA_READ, 0, 1, b"x", vu.EINVAL), (vu.DMA_WRITE, 0, 1, b"", vu.EINVAL), (vu.DMA_WRITE, 0, 1, b"xx", vu.EINVAL),
    (vu.DMA_WRITE, 0, 1 << 40, b"xx", vu.EINVAL), (vu.DMA_WRITE, (1 << 64) - 1, 2, b"xx", vu.EINVAL),
    (vu.DMA_READ, 1 << 40, 8, b"", 14), (vu.DMA_WRITE, 1 << 40, 2, b"xx", 14), (vu.DMA_READ, (1 << 64) - 5, 5, b"", 14),
    (vu.REGION_READ, 0, 8, b"", vu.ENOSYS), (0, 0, 0, b"", vu.ENOSYS), (0xFFFF, 0, 0, b"x" * 10000, vu.ENOSYS),
])
def test_a_request_that_makes_no_sense_is_an_error(connected, command, address, count, data, error):
    driver, peer = connected
    answer = ask(peer, command, address, count, data)
    assert (answer.flags, answer.error, answer.payload) == (vu.REPLY | vu.ERROR, error, b"")
    assert len(ask(peer, vu.DMA_READ, 0, 1 << 20).payload) == 16 + (1 << 20)
    peer.send(good(begin_read(driver, peer)))
    assert driver.answer() == "00" * 8


@pytest.mark.parametrize("message", [
    vu.pack(1, vu.DMA_READ, bytes(15)), vu.pack(1, vu.DMA_READ), vu.pack(1, vu.DMA_READ, bytes(16), size=0),
    vu.pack(1, vu.DMA_WRITE, bytes(16), size=33 + (1 << 20)), vu.pack(1, vu.DMA_WRITE, bytes(16), size=0xFFFFFFFF),
    vu.pack(1, vu.DMA_READ, bytes(16), vu.REPLY), vu.pack(1, vu.DMA_READ, bytes(16), 2), b"\xff" * 32,
])
def test_a_request_without_an_end_ends_the_connection(connected, message):
    driver, peer = connected
    (peer.twin or peer).send(message)
    assert peer.at_end()
    assert_ended(driver, peer)


def test_descriptors_with_a_request_end_the_connection(connected):
    driver, peer = connected
    before = driver.descriptors()
    send_with(peer.twin or peer, vu.pack(1, vu.DMA_READ, vu.DMA_S.pack(0, 8)), [os.memfd_create("x")])
    assert peer.at_end()
    assert driver.descriptors() == before


def test_descriptors_with_a_request_within_a_call_end_the_connection(pair):
    driver, peer = pair
    peer.agree(driver)
    before = driver.descriptors()
    driver.send("call", vu.GET_INFO, "-", 8, 0, 1)
    peer.expect(vu.GET_INFO)
    send_with(peer, vu.pack(1, vu.DMA_READ, vu.DMA_S.pack(0, 8)), [os.memfd_create("x")])
    assert driver.answer() == "EPROTO"
    assert driver.descriptors() == before


def test_requests_may_come_in_crumbs_and_together(connected):
    driver, peer = connected
    channel = peer.twin or peer
    requests = b"".join(
        vu.pack(i, vu.DMA_WRITE, vu.DMA_S.pack(i * 4, 4) + struct.pack("<I", i)) for i in range(300))
    for start in range(100):
        channel.send(requests[start : start + 1])
    channel.send(requests[100:])
    for i in range(300):
        answer = channel.receive()
        assert (answer.id, answer.flags, answer.payload) == (i, vu.REPLY, vu.DMA_S.pack(i * 4, 4))
    assert driver.do("peek", 0, 1200) == b"".join(struct.pack("<I", i) for i in range(300)).hex()


def test_a_posted_request_is_not_answered(connected):
    driver, peer = connected
    channel = peer.twin or peer
    channel.send(vu.pack(1, vu.DMA_WRITE, vu.DMA_S.pack(0, 1) + b"\x99", vu.NO_REPLY))
    assert ask(peer, vu.DMA_READ, 0, 1, ident=2).payload[16:] == b"\x99"


def test_requests_are_answered_before_the_reply(connected):
    driver, peer = connected
    message = begin_read(driver, peer)
    for i in range(100):
        assert ask(peer, vu.DMA_READ, 0, 4096, ident=i).flags == vu.REPLY
    peer.send(good(message))
    assert driver.answer() == "00" * 8


def test_half_a_request_does_not_hold_up_a_call(connected):
    driver, peer = connected
    channel = peer.twin or peer
    request = vu.pack(9, vu.DMA_WRITE, vu.DMA_S.pack(0, 4) + b"abcd")
    message = begin_read(driver, peer)
    channel.send(request[:34])
    if peer.twin:
        peer.send(good(message))
        assert driver.answer() == "00" * 8
    channel.send(request[34:])
    assert channel.receive().id == 9
    if not peer.twin:
        peer.send(good(message))
        assert driver.answer() == "00" * 8
    assert driver.do("peek", 0, 4) == b"abcd".hex()


def test_answers_that_are_not_taken_wait(connected):
    driver, peer = connected
    channel = peer.twin or peer
    for i in range(8):
        channel.send(vu.pack(i, vu.DMA_READ, vu.DMA_S.pack(0, 1 << 20)))
    if not peer.twin:
        # A call has to wait for the answer that is half out.
        driver.send("read", 2, 0, 8)
    for i in range(8):
        answer = channel.receive()
        while answer.command == vu.REGION_READ:
            peer.send(good(answer))
            answer = channel.receive()
        assert (answer.id, len(answer.payload)) == (i, 16 + (1 << 20))
    if peer.twin:
        driver.send("read", 2, 0, 8)
    if driver.process.poll() is None and not peer.twin:
        peer.sock.settimeout(1)
        try:
            peer.send(good(peer.expect(vu.REGION_READ)))
        except TimeoutError:
            pass
    else:
        peer.send(good(peer.expect(vu.REGION_READ)))
    assert driver.answer() == "00" * 8


def test_half_a_request_and_the_end(connected):
    driver, peer = connected
    channel = peer.twin or peer
    channel.send(vu.pack(9, vu.DMA_WRITE, vu.DMA_S.pack(0, 4) + b"abcd")[:33])
    channel.sock.close()
    assert driver.do("read", 2, 0, 8) in ("ENODEV", "ETIMEDOUT")
    assert driver.do("peek", 0, 4) == "00000000"
