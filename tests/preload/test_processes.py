# SPDX-License-Identifier: LGPL-2.1-or-later
"""Processes that share a connection, and that die with it in their hands."""

import pytest

import other_server as vu
from test_hostile import ask, begin_read, good


@pytest.mark.parametrize("replies", [0, 1])
def test_who_dies_waiting_for_a_reply_is_forgotten(connected, replies):
    driver, peer = connected
    assert driver.do("doomed", "read", 2, 0, 8) == "ok"
    lost = peer.expect(vu.REGION_READ)
    if replies:
        peer.send(good(lost, b"\xee" * 8))
    message = begin_read(driver, peer)
    if not replies:
        peer.send(good(lost, b"\xee" * 8))
    peer.send(good(message, b"\x11" * 8))
    assert driver.answer() == "11" * 8
    peer.send(good(begin_read(driver, peer)))
    assert driver.answer() == "00" * 8


def test_many_die_one_after_the_other(connected):
    driver, peer = connected
    lost = []
    for _ in range(5):
        assert driver.do("doomed", "read", 2, 0, 8) == "ok"
        lost.append(peer.expect(vu.REGION_READ))
    message = begin_read(driver, peer)
    for each in lost:
        peer.send(good(each, b"\xee" * 8))
    peer.send(good(message))
    assert driver.answer() == "00" * 8


def test_the_reply_to_the_dead_comes_once(connected):
    driver, peer = connected
    assert driver.do("doomed", "read", 2, 0, 8) == "ok"
    lost = peer.expect(vu.REGION_READ)
    peer.send(good(begin_read(driver, peer)))
    assert driver.answer() == "00" * 8
    message = begin_read(driver, peer)
    peer.send(good(lost) + good(message))
    assert driver.answer() == "EPROTO"


def test_descriptors_for_the_dead_are_closed(connected):
    driver, peer = connected
    before = driver.descriptors()
    assert driver.do("doomed", "call", vu.GET_INFO, "-", 8, 0, 1) == "ok"
    lost = peer.expect(vu.GET_INFO)
    message = begin_read(driver, peer)
    with open("/dev/null", "rb") as null:
        peer.send(vu.pack(lost.id, lost.command, bytes(8), vu.REPLY), [null.fileno()])
    peer.send(good(message))
    assert driver.answer() == "00" * 8
    assert driver.descriptors() == before


def test_who_dies_within_a_large_request_takes_the_connection_along(connected):
    driver, peer = connected
    assert driver.do("doomed", "write", 2, 0, "1000000*11") == "ok"
    assert driver.do("read", 2, 0, 8) == "ENODEV"


def test_who_dies_within_a_reply_takes_the_connection_along(haste, connected):
    driver, peer = connected
    driver.send("doomed", "read", 2, 0, 8)
    # Whether it has read that when it is killed nobody knows; without a twin it may go on.
    message = peer.expect(vu.REGION_READ)
    peer.send(good(message)[:20])
    assert driver.answer() == "ok"
    assert driver.do("read", 2, 0, 8) in ("ENODEV", "ETIMEDOUT", "EPROTO")
    assert driver.do("read", 2, 0, 8) == "ENODEV"


def test_a_child_takes_over_serving_when_its_parent_ends(connected):
    driver, peer = connected
    driver.do("poke", 0, "42")
    assert ask(peer, vu.DMA_READ, 0, 1).payload[16:] == b"\x42"
    # The answer has come; its thread is done with it, too, when it does something else.
    assert driver.do("watch") == driver.do("unwatch") == "ok"
    assert driver.do("orphan") == "ok"
    peer.send(good(begin_read(driver, peer)))
    assert driver.answer() == "00" * 8
    driver.do("poke", 0, "43")
    assert ask(peer, vu.DMA_READ, 0, 1).payload[16:] == b"\x43"
    assert driver.do("serving") == "2"


def test_a_child_takes_over_serving_when_its_parent_lets_go(connected):
    driver, peer = connected
    driver.send("part")
    peer.send(good(peer.expect(vu.REGION_READ)))
    assert driver.answer() == "00" * 8
    # The parent has destroyed its side when it has answered; the child answers for both.
    assert ask(peer, vu.DMA_READ, 0, 1).flags == vu.REPLY


def test_a_child_that_ends_takes_nothing_along(connected):
    driver, peer = connected
    for _ in range(3):
        driver.send("child", "read", 2, 0, 8)
        peer.send(good(peer.expect(vu.REGION_READ)))
        assert driver.answer() == "00" * 8
        assert ask(peer, vu.DMA_READ, 0, 1).flags == vu.REPLY
    peer.send(good(begin_read(driver, peer)))
    assert driver.answer() == "00" * 8


def test_a_child_may_let_go(connected):
    driver, peer = connected
    assert driver.do("child", "destroy") == "ok"
    peer.send(good(begin_read(driver, peer)))
    assert driver.answer() == "00" * 8
    assert ask(peer, vu.DMA_READ, 0, 1).flags == vu.REPLY


def test_a_shutdown_in_a_child_is_for_all(connected):
    driver, peer = connected
    assert driver.do("child", "shutdown") == "ok"
    assert driver.do("read", 2, 0, 8) == "ENODEV"
    assert peer.at_end()
