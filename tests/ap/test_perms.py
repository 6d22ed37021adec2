# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may have which queue: apmask, aqmask, driver_override."""

import errno

import pytest

from ap_machine import ALL, ap, bound, bus, mask, of_root, refused, without  # noqa: F401

HOST = {"04.0004": "host_queue", "04.0047": "host_queue"}
QUEUES = ["04.0004", "04.0047", "05.0004", "05.0047"]


def owners(bus, **exceptions):
    """Each queue's driver, the host's where nothing else is said of "QUEUE"."""
    return {name: exceptions.get(name, "host_queue") for name in QUEUES}


# ---- what is written ----


@pytest.mark.parametrize("name", ["apmask", "aqmask"])
@pytest.mark.parametrize(
    "text, then",
    [
        ("0x" + "0" * 64, mask()),
        ("0xfff0", "0xfff0" + "0" * 60),
        ("8", "0x8" + "0" * 63),
        ("x08\n", "0x08" + "0" * 62),
        ("F" * 64, ALL),
        ("-0", without(0)),
        ("-0-255,+1-16,+0x80", mask(*range(1, 17), 0x80)),
        ("-010,-10,-0x10\n", without(8, 10, 16)),
        ("-5,+5,-6", without(6)),
        ("-0-255,+0-255,-128", without(128)),
        ("-3,\n,-4,", without(3, 4)),
        ("-255", without(255)),
        # As the kernel has it: no digits are no bits.
        ("\n", mask()),
        ("0x", mask()),
    ],
)
def test_what_a_mask_takes(bus, name, text, then):
    bus.write(name, text)
    assert bus.read(name) == then + "\n"


@pytest.mark.parametrize("name", ["apmask", "aqmask"])
@pytest.mark.parametrize(
    "text",
    [
        "0x" + "f" * 65,
        "0xg",
        "0x0 ",
        " 0x0",
        "0x0\n\n",
        "+",
        "-",
        "+256",
        "-0x100",
        "+5-4",
        "+1-256",
        "+1-",
        "+1 ",
        "-1,2",
        "-1 -2",
        "+1,+x",
        "1-2",
        "+99999999999999999999",
    ],
)
def test_what_a_mask_refuses(bus, name, text):
    bus.write(name, "-7")
    with bus.events() as events, refused(errno.EINVAL):
        bus.write(name, text)
    assert bus.read(name) == without(7) + "\n"
    assert events == []


def test_a_change_is_told_once(bus):
    with bus.events() as events:
        bus.write("apmask", "-4")
        bus.write("apmask", without(4))
        bus.write("aqmask", "-4,+4")
        bus.write("aqmask", "0xff")
    # The newline is the kernel's.
    assert of_root(events) == [
        {"APMASK": without(4) + "\n"},
        {"AQMASK": "0xff" + "0" * 62 + "\n"},
    ]


# ---- whose the queues are ----


def test_the_masks_say_who_gets_what(bound):
    assert bound.drivers() == owners(bound)
    bound.write("apmask", "-5")
    assert bound.drivers() == {**HOST, "05.0004": "guest_queue", "05.0047": "guest_queue"}
    bound.write("aqmask", "-0x47")
    assert bound.drivers() == {name: "guest_queue" for name in QUEUES} | {"04.0004": "host_queue"}
    bound.write("apmask", "+5")
    assert bound.drivers() == owners(
        bound, **{"04.0047": "guest_queue", "05.0047": "guest_queue"}
    )
    bound.write("aqmask", ALL)
    assert bound.drivers() == owners(bound)
    # Cards are nobody's but their driver's.
    assert bound.driver("card04") == bound.driver("card05") == "host_card"


def test_a_queue_moves_with_its_events(bound):
    with bound.events() as events:
        bound.write("aqmask", "-4")
    heard = [(env["ACTION"], env["DEVPATH"].rsplit("/", 1)[1], env.get("DRIVER")) for env in events]
    assert heard == [
        ("unbind", "04.0004", None),
        ("bind", "04.0004", "guest_queue"),
        ("unbind", "05.0004", None),
        ("bind", "05.0004", "guest_queue"),
        ("change", "ap", None),
    ]


def test_without_a_driver_for_guests_queues_are_free(bus):
    bus.load_more("ap_host")
    bus.write("apmask", "-4")
    assert bus.drivers() == owners(bus, **{"04.0004": None, "04.0047": None})
    assert bus.driver("card04") == "host_card"
    # One that comes finds them.
    bus.load_more("ap_guest")
    assert bus.driver("04.0004") == bus.driver("04.0047") == "guest_queue"
    bus.daemon.umdev("rmmod", "ap_guest")
    bus.write("apmask", "+4")
    assert bus.drivers() == owners(bus)


def test_who_was_unbound_stays_so_until_the_masks_move_it(bound):
    bound.write("drivers/host_queue/unbind", "04.0004")
    bound.write("apmask", "-5")
    assert bound.driver("04.0004") is None
    bound.write("apmask", "-4")
    assert bound.driver("04.0004") == "guest_queue"


def test_masks_ask_whatever_autoprobe_says(bound):
    bound.write("drivers_autoprobe", "0")
    bound.write("apmask", "-5")
    assert bound.driver("05.0004") == "guest_queue"


def test_bind_asks_the_masks(bound):
    bound.write("drivers/host_queue/unbind", "04.0004")
    with refused(errno.ENODEV):
        bound.write("drivers/guest_queue/bind", "04.0004")
    with refused(errno.ENODEV):
        bound.write("drivers/host_card/bind", "04.0004")
    with refused(errno.ENODEV):
        bound.write("drivers/host_queue/bind", "card04")
    bound.write("drivers/host_queue/bind", "04.0004")
    with refused(errno.EBUSY):
        bound.write("drivers/host_queue/bind", "04.0004")
    bound.write("apmask", "-4")
    bound.write("drivers/guest_queue/unbind", "04.0004")
    with refused(errno.ENODEV):
        bound.write("drivers/host_queue/bind", "04.0004")
    bound.write("drivers_probe", "04.0004")
    assert bound.driver("04.0004") == "guest_queue"


def test_rebind_goes_back_where_the_masks_forbid(bound):
    with refused(errno.ENODEV):
        bound.write("devices/04.0004/rebind", "guest_queue")
    assert bound.driver("04.0004") == "host_queue"
    assert "rebind to guest_queue failed: it is back" in bound.daemon.log()
    bound.write("apmask", "-4")
    bound.write("devices/04.0004/rebind", "guest_other")
    assert bound.driver("04.0004") == "guest_other"
    with refused(errno.ENODEV):
        bound.write("devices/04.0004/rebind", "host_queue")
    assert bound.driver("04.0004") == "guest_other"


def test_an_explicit_device_is_taken_away_and_given_to_nobody(bound):
    bound.write("devices/04.0004/explicit_bind_only", "1")
    bound.write("apmask", "-4")
    assert bound.driver("04.0004") is None
    assert bound.driver("04.0047") == "guest_queue"
    bound.write("drivers/guest_queue/bind", "04.0004")
    assert bound.driver("04.0004") == "guest_queue"
    bound.write("apmask", "+4")
    assert bound.driver("04.0004") is None


def test_an_explicit_driver_gets_nothing_from_the_masks(bound):
    bound.write("drivers/guest_queue/explicit_bind_only", "1")
    bound.write("apmask", "-4")
    assert bound.driver("04.0004") is None
    bound.write("drivers/guest_queue/bind", "04.0004")
    assert bound.driver("04.0004") == "guest_queue"


# ---- in use ----


def test_what_is_in_use_is_not_given_back(bound):
    bound.write("apmask", "-4-5")
    bound.write("drivers/guest_queue/used", "05.0047")
    before = bound.read("apmask")
    with bound.events() as events, refused(errno.EBUSY):
        bound.write("apmask", "+5,-200")
    assert bound.read("apmask") == before
    assert bound.drivers() == {name: "guest_queue" for name in QUEUES}
    assert events == []
    # To take more from the host, or to give back another one, is no matter.
    bound.write("apmask", "+4,-7")
    assert bound.driver("04.0047") == "host_queue"
    bound.write("drivers/guest_queue/used", "-")
    bound.write("apmask", "+5")
    assert bound.drivers() == owners(bound)


def test_a_bit_is_refused_whatever_is_in_the_other_mask(bound):
    """It would come to the host when the other mask changes."""
    bound.write("apmask", "-5")
    bound.write("aqmask", "-0x47")
    bound.write("drivers/guest_queue/used", "05.0047")
    for name, text in [("apmask", "+5"), ("aqmask", "+0x47")]:
        with refused(errno.EBUSY):
            bound.write(name, text)
    # Also one that is given to somebody and not there yet.
    bound.write("drivers/guest_queue/used", "fe.00fd")
    bound.write("apmask", "-0xfe")
    with refused(errno.EBUSY):
        bound.write("apmask", "+254")


def test_a_mistake_is_told_before_who_is_in_use(bound):
    bound.write("apmask", "-5")
    bound.write("drivers/guest_queue/used", "05.0047")
    with refused(errno.EINVAL):
        bound.write("apmask", "+5,+x")


# ---- driver_override ----


def test_an_override_as_it_is_shown(bus):
    attr = "devices/04.0004/driver_override"
    assert bus.read(attr) == "\n"
    for text, then in [
        ("vfio_ap", "vfio_ap"),
        ("cex4queue\n", "cex4queue"),
        ("one\ntwo", "one"),
        ("a\0b", "a"),
        (" b ", " b "),
        ("\n", ""),
        ("x", "x"),
        ("\0", ""),
        ("y" * 4094, "y" * 4094),
    ]:
        bus.write(attr, text)
        assert bus.read(attr) == then + "\n"
    with refused(errno.EINVAL):
        bus.write(attr, "z" * 4095)
    assert bus.read(attr) == "y" * 4094 + "\n"
    assert not (bus.root / "devices/card04/driver_override").exists()


def test_either_masks_or_overrides(bus):
    one, two = "devices/04.0004/driver_override", "devices/05.0047/driver_override"
    bus.write("apmask", "-9")
    for text in ["x", "\n", "y" * 4096]:
        with refused(errno.EINVAL):
            bus.write(one, text)
    bus.write("apmask", "+9")
    bus.write(one, "x")
    bus.write(one, "y")
    bus.write(two, "x")
    for name in ["apmask", "aqmask"]:
        for text in ["-9", ALL, "junk"]:
            with refused(errno.EINVAL):
                bus.write(name, text)
    bus.write(one, "\n")
    bus.write(one, "\n")
    with refused(errno.EINVAL):
        bus.write("aqmask", "-9")
    bus.write(two, "\n")
    bus.write("aqmask", "-9")
    with refused(errno.EINVAL):
        bus.write(one, "x")
    assert bus.read(one) == "\n"


def test_an_override_goes_with_its_queue(bus):
    bus.write("devices/04.0004/driver_override", "x")
    bus.machine("unplug", "04")
    bus.scan()
    bus.write("apmask", "-9,+9")
    bus.write("apmask", "-9")
    bus.write("apmask", "+9")
    bus.machine("plug", "04:CEX8P")
    bus.scan()
    assert bus.device("04.0004", "driver_override") == "\n"


def test_an_override_names_who_may_have_it(bound):
    attr = "devices/04.0004/driver_override"
    bound.write(attr, "guest_queue")
    # It is no order: who has it, keeps it.
    assert bound.driver("04.0004") == "host_queue"
    bound.write("drivers/host_queue/unbind", "04.0004")
    with refused(errno.ENODEV):
        bound.write("drivers/host_queue/bind", "04.0004")
    bound.write("drivers_probe", "04.0004")
    assert bound.driver("04.0004") == "guest_queue"
    # Now the masks would give it to another; nobody asks until somebody does.
    bound.write(attr, "\n")
    assert bound.driver("04.0004") == "guest_queue"
    bound.write("drivers/guest_queue/unbind", "04.0004")
    bound.write("drivers_probe", "04.0004")
    assert bound.driver("04.0004") == "host_queue"


def test_the_next_mask_takes_what_an_override_has_left(bound):
    attr = "devices/04.0004/driver_override"
    bound.write(attr, "guest_queue")
    bound.write("devices/04.0004/rebind", "guest_queue")
    bound.write(attr, "\n")
    bound.write("apmask", "-9")
    assert bound.driver("04.0004") == "host_queue"


def test_who_is_named_has_to_match(bound):
    bound.write("drivers/host_queue/unbind", "04.0004")
    bound.write("devices/04.0004/driver_override", "host_card")
    with refused(errno.ENODEV):
        bound.write("drivers/host_card/bind", "04.0004")
    bound.write("drivers_probe", "04.0004")
    assert bound.driver("04.0004") is None


def test_an_explicit_driver_that_is_named_gets_it(bound):
    bound.write("drivers/host_queue/unbind", "04.0004")
    bound.write("devices/04.0004/driver_override", "guest_other")
    bound.write("drivers_probe", "04.0004")
    assert bound.driver("04.0004") == "guest_other"


def owned(bus, queue):
    bus.write("drivers/guest_queue/owned", queue)
    return int(bus.read("drivers/guest_queue/owned"))


def test_whose_a_queue_counts_as(bound):
    attr = "devices/04.0004/driver_override"
    assert owned(bound, "04.0004") == 1
    assert owned(bound, "fe.00fe") == 1
    assert owned(bound, "100.0") == owned(bound, "0.100") == -errno.EINVAL
    bound.write("apmask", "-4")
    assert owned(bound, "04.0004") == owned(bound, "04.00ff") == 0
    assert owned(bound, "05.0004") == 1
    bound.write("apmask", "+4")
    # With an override: his who has it.
    bound.write(attr, "guest_queue")
    assert owned(bound, "04.0004") == 1
    bound.write("devices/04.0004/rebind", "guest_queue")
    assert owned(bound, "04.0004") == 0
    bound.write(attr, "host_queue")
    assert owned(bound, "04.0004") == 0
    # Nobody has it: the masks.
    bound.write("drivers/guest_queue/unbind", "04.0004")
    assert owned(bound, "04.0004") == 1
