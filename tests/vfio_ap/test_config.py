# SPDX-License-Identifier: LGPL-2.1-or-later
"""ap_config: all of a matrix in one write."""

import errno

import pytest

from matrices import A, B, Machine, mask, refused, machine, mdev  # noqa: F401

NONE = "0x" + "0" * 64


def config(adapters=(), domains=(), control=()):
    return ",".join([mask(*adapters), mask(*domains), mask(*control)]) + "\n"


def test_it_shows_three_masks(mdev):
    assert mdev.read("ap_config") == f"{NONE},{NONE},{NONE}\n"
    mdev.assign([4, 5], [0xAB], [0, 255])
    assert mdev.read("ap_config") == config([4, 5], [0xAB], [0, 255])


def test_what_it_shows_it_takes(machine):
    a, b = machine.create(A), machine.create(B)
    a.assign([4, 5], [0xAB, 4], [4])
    shown, guest = a.read("ap_config"), a.guest
    a.write("ap_config", config())
    b.write("ap_config", shown)
    assert b.read("ap_config") == shown
    assert (a.guest, b.guest) == ([], guest)


@pytest.mark.parametrize("text", [
    "0x08,0x08,0x08", "08,08,08\n", "0x08\n0x08\n0x08\n", "0x08,0x080,0x08,", "0x08,0x08,0x08,more", "x08,08,08\n\nmore",
    f"0x08,0x08,{mask(4)}\nmore", "0x08,0x08,0x08\0,",
])  # fmt: skip
def test_short_masks_begin_at_the_left(mdev, text):
    mdev.write("ap_config", text)
    assert mdev.read("ap_config") == config([4], [4], [4])


@pytest.mark.parametrize("text", [
    "\n", "0x08", "0x08,0x08", "0x08\n", "0x08, 0x08,0x08", "0x08,0x08,8g", "-08,08,08", "4 4 4", "0x08;0x08;0x08",
    f"{NONE}0,0x08,0x08", "+4,+4,+4", "0xx8,0x08,0x08", "0X08,0x08,0x08", f"{NONE}{NONE}{NONE}", "\0",
])  # fmt: skip
def test_what_is_no_masks_is_refused(mdev, text):
    mdev.assign([5], [4], [1])
    before = mdev.state
    with refused(errno.EINVAL):
        mdev.write("ap_config", text)
    assert mdev.state == before


def test_what_is_behind_three_masks_is_not_looked_at(mdev):
    mdev.write("ap_config", config([4], [4], [4]) + "g" * 3000)
    assert mdev.read("ap_config") == config([4], [4], [4])


def test_a_mask_without_digits_is_empty(mdev):
    mdev.write("ap_config", "0x08,0x08,0x08")
    mdev.write("ap_config", "0x08,0x,\n")
    assert mdev.read("ap_config") == config([4])


# ---- errors, in their order ----


@pytest.fixture
def small(daemon):
    """Up to adapter 100 and domain 84; 6 is the host's."""
    machine = Machine(daemon, cards="04:CEX8P,05:CEX8P,06:CEX8P", domains="4,5", max_adapter=100, max_domain=84)
    machine.write("apmask", mask(6))
    return machine


@pytest.mark.parametrize("kind", range(3))
def test_numbers_are_up_to_the_highest(small, kind):
    mdev = small.create(A)
    numbers = [[], [], []]
    highest = (100, 84, 84)[kind]
    numbers[kind] = [4, highest]
    mdev.write("ap_config", config(*numbers))
    before = mdev.state
    assert before[2] == config(*numbers)
    for beyond in (highest + 1, 255):
        numbers[kind] = [4, beyond]
        with refused(errno.ENODEV):
            mdev.write("ap_config", config(*numbers))
        assert mdev.state == before


def test_owners_come_before_numbers_that_are_too_high(small):
    a, b = small.create(A), small.create(B)
    a.write("ap_config", config([4], [4]))
    b.write("ap_config", config([5], [4], [3]))
    before = a.state, b.state
    for error, text in [
        (errno.EADDRNOTAVAIL, config([4, 6, 101], [4, 85], [85])),
        (errno.EADDRINUSE, config([4, 5, 101], [4, 85], [85])),
        (errno.ENODEV, config([5, 101], [4, 85], [85])),
        (errno.ENODEV, config([5], [4], [85])),
    ]:
        with refused(error):
            b.write("ap_config", text)
        assert (a.state, b.state) == before
    with refused(errno.EINVAL):
        b.write("ap_config", config([4, 6, 101], [4, 85]).replace("\n", "x"))


def test_it_takes_and_gives_at_once(small):
    """What was assigned and is not in it is free when the write returns."""
    a, b = small.create(A), small.create(B)
    a.write("ap_config", config([4, 5], [4, 5], [4]))
    assert a.guest == ["04.0004", "04.0005", "05.0004", "05.0005"]
    a.write("ap_config", config([5, 9], [5, 9], [5]))
    assert a.matrix == ["05.0005", "05.0009", "09.0005", "09.0009"]
    assert a.guest == ["05.0005"]
    assert a.read("control_domains") == "0005\n"
    b.write("ap_config", config([4], [4, 5]))
    assert b.guest == ["04.0004", "04.0005"]
    assert small.status("05.0004") == "unassigned"


def test_a_guest_is_told_once(small):
    mdev = small.create(A)
    mdev.write("ap_config", config([4, 5], [4, 5], [4]))
    with mdev.opened() as guest:
        mdev.write("ap_config", config([5], [5], [5]))
        assert guest.changed() == 1
        mdev.write("ap_config", config([5], [5], [5]))
        assert guest.changed() == 0
        mdev.write("ap_config", config([5], [5], [5, 9]))
        assert guest.changed() == 0, "9 is none of the machine's control domains"
