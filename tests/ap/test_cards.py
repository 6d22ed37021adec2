# SPDX-License-Identifier: LGPL-2.1-or-later
"""The attributes of a card."""

import errno
import os
import stat

import pytest

from ap_machine import ap, bus, eventually, refused  # noqa: F401

ATTRS = {
    "hwtype": 0o444,
    "raw_hwtype": 0o444,
    "depth": 0o444,
    "ap_functions": 0o444,
    "request_count": 0o644,
    "requestq_count": 0o444,
    "pendingq_count": 0o444,
    "modalias": 0o444,
    "config": 0o644,
    "chkstop": 0o444,
    "max_msg_size": 0o444,
}


def test_a_card_has_the_kernels_attributes(bus):
    directory = bus.root / "devices/card04"
    usual = {"uevent", "subsystem", "explicit_bind_only", "rebind"}
    files = {name for name in os.listdir(directory) if not name.startswith("04.")}
    assert files == set(ATTRS) | usual
    for name, mode in ATTRS.items():
        assert stat.S_IMODE((directory / name).stat().st_mode) == mode, name


@pytest.mark.parametrize(
    "kind, number, functions, size",
    [
        ("CEX8P", 14, 0x04000000, 36864),
        ("CEX8A", 14, 0x08000000, 12288),
        ("CEX7C", 13, 0x10000000, 12288),
        ("CEX4A", 10, 0x08000000, 12288),
    ],
)
def test_what_a_card_says_of_itself(ap, kind, number, functions, size):
    ap.load(cards=f"0a:{kind}", domains="4")
    card = {name: ap.device("card0a", name).strip() for name in ATTRS}
    assert card["hwtype"] == card["raw_hwtype"] == str(number)
    assert card["modalias"] == f"ap:t{number:02X}"
    assert card["depth"] == "8"
    assert card["ap_functions"] == f"0x{int(card['ap_functions'], 16):08X}"
    # One mode, the one that it was plugged as.
    assert int(card["ap_functions"], 16) & 0x1C000000 == functions
    assert card["ap_functions"] == ap.device("0a.0004", "ap_functions").strip()
    assert int(card["max_msg_size"]) >= 12288 and int(card["max_msg_size"]) % 4096 == 0
    assert card["request_count"] == card["requestq_count"] == card["pendingq_count"] == "0"
    assert (card["config"], card["chkstop"]) == ("1", "0")


def test_whatever_is_written_clears_the_count(bus):
    for text in ["0", "junk", "\n"]:
        bus.write("devices/card04/request_count", text)
    assert bus.device("card04", "request_count") == "0\n"


def state(bus, card):
    return [line.split()[2] for line in bus.machine("cards").splitlines() if line[:2] == card]


def test_config_asks_the_machine(bus):
    attr = "devices/card04/config"
    with bus.events() as events:
        bus.write(attr, "0")
    assert [(env["ACTION"], env["DEVPATH"], env["CONFIG"]) for env in events] == [
        ("change", "/devices/ap/card04", "0")
    ]
    assert bus.read(attr) == "0\n"
    assert state(bus, "04") == ["deconfigured"]
    assert state(bus, "05") == ["configured"]
    # The queues hear of it from the scan.
    assert bus.device("04.0004", "config") == "1\n"
    bus.scan()
    assert bus.device("04.0004", "config") == "0\n"
    # What is so already is told again, as the kernel does.
    with bus.events() as events:
        bus.write(attr, "0\n")
        bus.write(attr, " 1 and more")
    assert [env["CONFIG"] for env in events] == ["0", "1"]
    assert state(bus, "04") == ["configured"]


@pytest.mark.parametrize("text", ["2", "-1", "x", "+1", "\n", "off", "10"])
def test_what_config_refuses(bus, text):
    with bus.events() as events, refused(errno.EINVAL):
        bus.write("devices/card04/config", text)
    assert events == []
    assert bus.device("card04", "config") == "1\n"


def test_a_card_that_was_pulled_cannot_be_configured(bus):
    bus.machine("unplug", "04")
    with bus.events() as events, refused(errno.EIO):
        bus.write("devices/card04/config", "0")
    assert events == []
    assert bus.device("card04", "config") == "1\n"


def counts(bus, name):
    return [int(bus.device(name, f"{what}_count")) for what in ("request", "requestq", "pendingq")]


@pytest.fixture
def held(bus):
    """With a driver that receives no reply before it is told."""
    bus.load_more("ap_host")
    bus.write("drivers/host_queue/hold", "1")
    yield bus
    bus.write("drivers/host_queue/hold", "0")


def test_a_card_counts_what_its_queues_do(held):
    driver = "drivers/host_queue"
    # The first reply is received, and all others wait behind it.
    held.write(f"{driver}/send", "04.0004 1")
    eventually(lambda: counts(held, "card04") == [1, 0, 0])
    for queue, number in [("04.0004", 10), ("04.0047", 3), ("05.0004", 2)]:
        eventually(lambda q=queue: held.device(q, "reset") != "Reset in progress.\n")
        held.write(f"{driver}/send", f"{queue} {number}")
    # The hardware holds eight of a queue's.
    assert counts(held, "04.0004") == [11, 2, 8]
    assert counts(held, "04.0047") == [3, 0, 3]
    assert counts(held, "card04") == [14, 2, 11]
    assert counts(held, "card05") == [2, 0, 2]

    held.write("devices/card04/request_count", "whatever")
    assert counts(held, "card04") == [0, 2, 11]
    assert counts(held, "04.0004") == [0, 2, 8]
    assert counts(held, "card05") == [2, 0, 2]
    # A queue's own count is not the card's.
    held.write(f"{driver}/send", "04.0047 1")
    held.write("devices/04.0047/request_count", "0")
    assert counts(held, "card04") == [1, 2, 12]

    held.write(f"{driver}/hold", "0")
    eventually(lambda: held.read(f"{driver}/received") == "17\n")
    assert counts(held, "card04") == [1, 0, 0]
