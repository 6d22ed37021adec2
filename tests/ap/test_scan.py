# SPDX-License-Identifier: LGPL-2.1-or-later
"""The scan: devices come and go as the machine's adapters do; who is told of it."""

import contextlib
import os
import threading

import pytest

from ap_machine import ap, bound, bus, eventually, mask, of_root  # noqa: F401

GUEST = "drivers/guest_queue"
FIRST = ["04.0004", "04.0047", "05.0004", "05.0047", "card04", "card05"]


def test_devices_have_the_kernels_names_and_places(bus):
    assert bus.names() == FIRST
    for name in FIRST:
        place = f"card{name[:2]}/{name}" if "." in name else name
        path = os.path.realpath(bus.root / "devices" / name)
        assert os.path.relpath(path, bus.daemon.sys) == f"devices/ap/{place}"


def test_the_devices_are_there_when_the_module_is(ap):
    ap.load(cards=",".join(f"{card:02x}:CEX8P" for card in range(20)), domains="0-19")
    assert len(ap.names()) == 20 + 20 * 20
    assert ap.read("bindings") == "0/400\n"
    assert ap.read("scans") == "1\n"


def test_what_a_load_tells(ap):
    with ap.daemon.control() as monitor:
        monitor.ask(command="monitor")
        ap.load(cards="04:CEX8P,05:CEX8A,06:CEX7C", domains="4")
        ap.daemon.umdev("rmmod", "ap")
        events = []
        while not events or events[-1].get("DEVPATH") != "/module/ap" or len(events) < 4:
            events.append(monitor.receive()["env"])
            if events[-1]["ACTION"] == "remove" and events[-1]["DEVPATH"] == "/module/ap":
                break
    added = [env for env in events if env["ACTION"] == "add" and "/devices/ap/" in env["DEVPATH"]]
    assert [env["DEVPATH"][12:] for env in added] == [
        "card04",
        "card04/04.0004",
        "card05",
        "card05/05.0004",
        "card06",
        "card06/06.0004",
    ]
    keys = [
        {key: env.get(key) for key in ("DEVTYPE", "DEV_TYPE", "MODALIAS", "MODE")} for env in added
    ]
    card, queue = {"DEVTYPE": "ap_card"}, {"DEVTYPE": "ap_queue", "DEV_TYPE": None, "MODALIAS": None}
    assert keys == [
        {**card, "DEV_TYPE": "000E", "MODALIAS": "ap:t0E", "MODE": "ep11"},
        {**queue, "MODE": "ep11"},
        {**card, "DEV_TYPE": "000E", "MODALIAS": "ap:t0E", "MODE": "accel"},
        {**queue, "MODE": "accel"},
        {**card, "DEV_TYPE": "000D", "MODALIAS": "ap:t0D", "MODE": "cca"},
        {**queue, "MODE": "cca"},
    ]
    assert of_root(events) == [{"INITSCAN": "done"}]
    assert all(env["SUBSYSTEM"] == "ap" for env in added)


def test_a_machine_without_cards_is_complete(ap):
    with ap.daemon.control() as monitor:
        monitor.ask(command="monitor")
        ap.load()
        heard = []
        while not heard or "BINDINGS" not in heard[-1]:
            env = monitor.receive()["env"]
            heard += of_root([env])
    assert heard == [{"INITSCAN": "done"}, {"BINDINGS": "complete", "COMPLETECOUNT": "1"}]
    assert ap.read("bindings") == "0/0 (complete)\n"
    assert ap.read("bindings_complete_count") == "1\n"


def test_cards_come_and_go(bus):
    bus.machine("plug", "ff:CEX7C")
    bus.machine("unplug", "04")
    assert bus.names() == FIRST
    assert bus.read("ap_adapter_mask") == mask(4, 5) + "\n"
    with bus.events() as events:
        bus.scan()
    assert bus.names() == ["05.0004", "05.0047", "card05", "cardff", "ff.0004", "ff.0047"]
    assert bus.read("ap_adapter_mask") == mask(5, 255) + "\n"
    heard = [(env["ACTION"], env["DEVPATH"].rsplit("/", 1)[1]) for env in events]
    assert heard == [
        ("remove", "04.0004"),
        ("remove", "04.0047"),
        ("remove", "card04"),
        ("add", "cardff"),
        ("add", "ff.0004"),
        ("add", "ff.0047"),
    ]
    assert bus.read("scans") == "2\n"


def test_domains_come_and_go(bus):
    bus.machine("domains", "4,5")
    bus.scan()
    assert bus.names() == ["04.0004", "04.0005", "05.0004", "05.0005", "card04", "card05"]
    assert bus.read("ap_usage_domain_mask") == mask(4, 5) + "\n"
    bus.machine("domains", "\n")
    bus.scan()
    # Without a queue nothing says what a card is.
    assert bus.names() == []
    bus.machine("domains", "0x47")
    bus.scan()
    assert bus.names() == ["04.0047", "05.0047", "card04", "card05"]


def test_another_card_in_the_same_place(bus):
    bus.machine("unplug", "04")
    bus.machine("plug", "04:CEX7P")
    with bus.events() as events:
        bus.scan()
    assert [env["ACTION"] for env in events] == ["remove"] * 3 + ["add"] * 3
    assert bus.device("card04", "hwtype") == "13\n"
    # Of the same type with other functions.
    bus.machine("unplug", "04")
    bus.machine("plug", "04:CEX7C")
    before = bus.device("card04", "ap_functions")
    bus.scan()
    assert bus.device("card04", "ap_functions") != before
    # Of a type that no driver knows.
    bus.machine("unplug", "04")
    bus.machine("plug", "04:CEX3C")
    bus.scan()
    assert bus.names() == ["05.0004", "05.0047", "card05"]
    with bus.events() as events:
        bus.scan()
    assert events == []


def test_a_card_that_nobody_knows_has_no_device(ap):
    ap.load(cards="02:CEX3A,03:CEX3C,04:CEX4C", domains="4")
    assert ap.names() == ["04.0004", "card04"]
    assert ap.read("ap_adapter_mask") == mask(2, 3, 4) + "\n"


def configured(events):
    return [
        (env["DEVPATH"].rsplit("/", 1)[1], env["CONFIG"]) for env in events if "CONFIG" in env
    ]


def states(bus, attr, *names):
    return [bus.device(name, attr) for name in names]


def test_a_card_is_deconfigured_and_back(bound):
    names = ["card04", "04.0004", "04.0047"]
    bound.machine("config", "04 off")
    assert states(bound, "config", *names) == ["1\n"] * 3
    with bound.events() as events:
        bound.scan()
        bound.scan()
    assert configured(events) == [(name, "0") for name in names]
    assert states(bound, "config", *names) == ["0\n"] * 3
    assert states(bound, "config", "card05", "05.0004") == ["1\n"] * 2
    # It stays with its driver, and on the bus.
    assert bound.driver("04.0004") == "host_queue"
    bound.machine("config", "04 on")
    with bound.events() as events:
        bound.scan()
    assert configured(events) == [(name, "1") for name in names]
    assert states(bound, "config", *names) == ["1\n"] * 3


def test_a_card_is_checkstopped_and_back(bound):
    names = ["card04", "04.0004", "04.0047"]
    bound.machine("checkstop", "04 on")
    with bound.events() as events:
        bound.scan()
        bound.machine("checkstop", "04 off")
        assert states(bound, "chkstop", *names) == ["1\n"] * 3
        bound.scan()
    assert states(bound, "chkstop", *names) == ["0\n"] * 3
    assert events == []


def test_what_comes_off_or_checkstopped(ap):
    ap.load(cards="04:CEX8P:off,05:CEX8A:checkstop", domains="4")
    assert states(ap, "config", "card04", "04.0004", "card05", "05.0004") == [
        "0\n",
        "0\n",
        "1\n",
        "1\n",
    ]
    assert states(ap, "chkstop", "card04", "04.0004", "card05", "05.0004") == [
        "0\n",
        "0\n",
        "1\n",
        "1\n",
    ]


# ---- when ----


def test_a_change_announces_itself(ap):
    ap.load(cards="04:CEX8P", domains="4")
    ap.machine("plug", "05:CEX8A")
    eventually(lambda: "05.0004" in ap.names())
    ap.machine("unplug", "05")
    eventually(lambda: "card05" not in ap.names())
    ap.machine("domains", "4,6")
    eventually(lambda: "04.0006" in ap.names())


def test_a_scan_happens_by_itself(bus):
    bus.machine("plug", "06:CEX7C")
    bus.write("config_time", "5")
    eventually(lambda: "card06" in bus.names())


def test_every_scan_sees_what_was_there_before_it_was_asked_for(bus):
    """Many at once share what they can, and nobody gets the result of one that was too early."""
    missing = []

    def plug(card):
        for _ in range(10):
            bus.machine("plug", f"{card:02x}:CEX8P")
            bus.scan()
            if f"card{card:02x}" not in bus.names():
                missing.append(card)
            bus.machine("unplug", f"{card:02x}")
            bus.scan()
            if f"card{card:02x}" in bus.names():
                missing.append(-card)

    threads = [threading.Thread(target=plug, args=(0x10 + n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert missing == []
    assert bus.names() == FIRST


@pytest.fixture
def slow(ap):
    """A scan that has asked what there is, and waits."""
    ap.load("ap_guest", cards="04:CEX8P,05:CEX8A", domains="4,0x47")
    # None comes by itself.
    ap.write("config_time", "120")
    ap.write(f"{GUEST}/pause", "1")
    ap.machine("plug", "06:CEX8P")
    eventually(lambda: ap.read(f"{GUEST}/pause") == "waits\n")
    yield ap
    with contextlib.suppress(OSError):
        ap.write(f"{GUEST}/pause", "0")


def test_a_scan_holds_nobody_up(slow):
    """Neither drivers that come and go nor who gives them queues."""
    slow.load_more("ap_host")
    assert slow.driver("04.0004") == "host_queue"
    slow.write("apmask", "-4")
    assert slow.driver("04.0004") == "guest_queue"
    slow.write("drivers/guest_queue/unbind", "04.0004")
    slow.write("drivers_probe", "04.0004")
    slow.write("config_time", "60")
    slow.daemon.umdev("rmmod", "ap_host")
    assert slow.driver("05.0004") is None
    for name in ["ap_adapter_mask", "bindings", "scans", "ap_domain"]:
        slow.read(name)
    assert "card06" not in slow.names()
    slow.write(f"{GUEST}/pause", "0")
    eventually(lambda: "06.0047" in slow.names())


def test_a_change_during_a_scan_is_seen_by_another(slow):
    slow.machine("plug", "07:CEX8P")
    slow.write(f"{GUEST}/pause", "0")
    eventually(lambda: "07.0047" in slow.names())
    assert slow.read("config_time") == "120\n"


def test_who_asks_during_a_scan_gets_another(ap):
    ap.load("ap_guest", cards="04:CEX8P", domains="4", announce=0)
    ap.write(f"{GUEST}/pause", "1")
    ap.machine("plug", "06:CEX8P")
    first = threading.Thread(target=ap.scan)
    first.start()
    eventually(lambda: ap.read(f"{GUEST}/pause") == "waits\n")
    ap.machine("plug", "07:CEX8P")
    second = threading.Thread(target=ap.scan)
    second.start()
    ap.write(f"{GUEST}/pause", "0")
    first.join()
    assert "card06" in ap.names()
    second.join()
    assert "card07" in ap.names()


# ---- who is told ----


def test_drivers_hear_of_changes_in_pairs(bound):
    heard = "drivers/guest_queue/heard"
    bound.scan()
    assert bound.read(heard) == ""
    bound.machine("unplug", "04")
    bound.scan()
    # A scan that a driver asks for from inside of one is none.
    assert bound.read(heard) == "changed 0c->04 0\ncomplete 0c->04 0\n"
    bound.machine("config", "05 off")
    bound.scan()
    assert bound.read(heard).count("\n") == 2
    assert bound.read("scans") == "4\n"


def test_a_driver_that_comes_later_hears_of_the_next_change(bus):
    bus.machine("unplug", "04")
    bus.scan()
    bus.load_more("ap_guest")
    bus.scan()
    assert bus.read("drivers/guest_queue/heard") == ""
    bus.machine("plug", "04:CEX8P")
    bus.scan()
    assert bus.read("drivers/guest_queue/heard") == "changed 04->0c 0\ncomplete 04->0c 0\n"


def test_bindings(bus):
    assert bus.read("bindings") == "0/4\n"
    with bus.events() as events:
        bus.load_more("ap_host")
    assert of_root(events) == [{"BINDINGS": "complete", "COMPLETECOUNT": "1"}]
    assert bus.read("bindings") == "4/4 (complete)\n"
    with bus.events() as events:
        bus.scan()
    assert of_root(events) == []
    bus.write("drivers/host_queue/unbind", "04.0004")
    assert bus.read("bindings") == "3/4\n"
    # It is told when all are bound again, which a scan finds.
    with bus.events() as events:
        bus.scan()
        bus.write("drivers/host_queue/bind", "04.0004")
        assert bus.read("bindings") == "4/4 (complete)\n"
        assert bus.read("bindings_complete_count") == "1\n"
        bus.scan()
    assert of_root(events) == [{"BINDINGS": "complete", "COMPLETECOUNT": "2"}]
    bus.machine("plug", "06:CEX8C")
    with bus.events() as events:
        bus.scan()
    assert of_root(events) == [{"BINDINGS": "complete", "COMPLETECOUNT": "3"}]
    assert bus.read("bindings") == "6/6 (complete)\n"
    # One that goes makes nothing more complete than it was.
    bus.machine("unplug", "06")
    with bus.events() as events:
        bus.scan()
    assert of_root(events) == []


def test_what_no_driver_takes_is_not_complete(bus):
    bus.load_more("ap_host")
    bus.machine("plug", "06:CEX5C")
    with bus.events() as events:
        bus.scan()
    assert of_root(events) == []
    assert bus.read("bindings") == "4/6\n"
    bus.machine("unplug", "06")
    with bus.events() as events:
        bus.scan()
    assert of_root(events) == [{"BINDINGS": "complete", "COMPLETECOUNT": "2"}]


# ---- coming and going ----


def test_the_module_goes_with_all_it_had(bus):
    bus.daemon.umdev("rmmod", "ap")
    for path in ["bus/ap", "devices/ap", "firmware", "module/ap"]:
        assert not (bus.daemon.sys / path).exists()
    bus.load(cards="06:CEX7C", domains="1")
    assert bus.names() == ["06.0001", "card06"]
    assert bus.read("scans") == "1\n"
    assert bus.read("bindings_complete_count") == "0\n"


def test_the_module_stays_while_drivers_need_it(bound):
    refused = bound.daemon.umdev("rmmod", "ap", check=False)
    assert refused.returncode == 1
    assert "is used by: " in refused.stderr
    bound.daemon.umdev("rmmod", "ap_guest")
    bound.daemon.umdev("rmmod", "ap_host", "ap")
    assert not bound.root.exists()


def test_the_module_goes_while_it_is_used(ap):
    """Scans, masks and the console, from many threads, and the module comes and goes."""
    stop = threading.Event()

    def keep(attr, *texts):
        while not stop.is_set():
            for text in texts:
                with contextlib.suppress(OSError):
                    ap.daemon.write(attr, text)

    threads = [
        threading.Thread(target=keep, args=args)
        for args in [
            ("bus/ap/scans", "1"),
            ("bus/ap/apmask", "-4", "+4"),
            ("bus/ap/config_time", "5", "6"),
            ("bus/ap/devices/04.0004/driver_override", "host_queue", "\n"),
            ("firmware/ap/plug", "06:CEX8P"),
            ("firmware/ap/unplug", "06"),
            ("bus/ap/devices/card04/config", "0", "1"),
        ]
    ]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            ap.load("ap_host", cards="04:CEX8P,05:CEX8A", domains="4,0x47")
            ap.daemon.umdev("rmmod", "ap_host", "ap")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not ap.root.exists()
