# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs that close what is the library's, by system calls that it does not see, and use the numbers again."""

import pytest

import other_server as vu
from test_hostile import ask, begin_read, good

HOWS = ["gone", "kept", "taken", "epoll"]
WHERES = ["here", "service"]


@pytest.fixture
def lost(connected):
    """What was lost and found leaves the program as it was, as far as it could see."""
    driver, peer = connected
    yield driver, peer
    assert driver.do("spins") == "no"
    assert driver.do("destroy") == "ok"
    assert driver.do("watch") == driver.do("ring") == driver.do("unwatch") == "ok"
    assert driver.do("found") == "untouched"
    driver.finish()


@pytest.mark.parametrize("where", WHERES)
@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("what", ["all", "sockets"])
def test_a_lost_connection_has_ended(lost, what, how, where):
    driver, peer = lost
    assert driver.do("lose", what, how, where) == "ok"
    assert driver.do("spins") == "no"
    assert driver.do("read", 2, 0, 8) == "ENODEV"
    assert driver.do("write", 2, 0, "00") == "ENODEV"
    assert driver.do("shutdown") == "ok"


@pytest.mark.parametrize("where", WHERES)
@pytest.mark.parametrize("how", HOWS)
def test_a_lost_service_is_started_again(lost, how, where):
    driver, peer = lost
    driver.do("poke", 0, "42")
    assert driver.do("lose", "service", how, where) == "ok"
    channel = peer.twin or peer
    channel.send(vu.pack(5, vu.DMA_READ, vu.DMA_S.pack(0, 1)))
    assert driver.do("spins") == "no"
    driver.send("read", 2, 0, 8)
    said = {message.command: message for message in (peer.receive(), channel.receive())}
    assert said[vu.DMA_READ].payload[16:] == b"\x42"
    peer.send(good(said[vu.REGION_READ], b"\x11" * 8))
    assert driver.answer() == "11" * 8
    # And without a call of the program's, too.
    driver.do("poke", 0, "43")
    assert ask(peer, vu.DMA_READ, 0, 1).payload[16:] == b"\x43"


def test_others_go_on_with_what_one_has_lost(connected):
    """A child of fork() and its parent have descriptors of their own."""
    driver, peer = connected
    driver.do("poke", 0, "42")
    assert driver.do("child", "lose", "all", "gone", "here") == "ok"
    assert ask(peer, vu.DMA_READ, 0, 1).payload[16:] == b"\x42"
    peer.send(good(begin_read(driver, peer)))
    assert driver.answer() == "00" * 8


def test_a_child_takes_over_what_its_parent_has_lost(connected):
    driver, peer = connected
    driver.do("poke", 0, "42")
    driver.send("part", "lose", "all", "gone", "here")
    peer.send(good(peer.expect(vu.REGION_READ)))
    assert driver.answer() == "00" * 8
    assert ask(peer, vu.DMA_READ, 0, 1).payload[16:] == b"\x42"
    assert driver.do("serving") == "1"
