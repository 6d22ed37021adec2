# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a guest gets of what is assigned, when queues and adapters come and go."""

import pytest

from matrices import A, B, Machine, machine, mdev  # noqa: F401

FOUR = ["04.0004", "04.0047", "04.00ab"]
FIVE = ["05.0004", "05.0047", "05.00ab"]


@pytest.fixture
def full(mdev):
    """Adapters 4 and 5 with all domains."""
    return mdev.assign([4, 5], [4, 0x47, 0xAB], [4])


# ---- filtering ----


def test_an_adapter_with_a_queue_that_is_not_there_is_left_out(mdev):
    mdev.assign([4, 5], [4])
    assert mdev.guest == ["04.0004", "05.0004"]
    mdev.machine.unbind("05.0047")
    mdev.assign([], [0x47])
    assert mdev.matrix == ["04.0004", "04.0047", "05.0004", "05.0047"]
    assert mdev.guest == ["04.0004", "04.0047"]


def test_domains_that_the_machine_does_not_have_do_not_count(mdev):
    mdev.assign([4, 9], [4, 9], [4, 9])
    assert mdev.guest == ["04.0004"]
    assert mdev.read("control_domains") == "0004\n0009\n"


def test_what_is_unassigned_is_not_filtered_again(mdev):
    """Adapter 5 could have come back; it does at the next change that adds something, as in the kernel."""
    mdev.machine.unbind("05.0047")
    mdev.assign([4, 5], [4, 0x47])
    assert mdev.guest == ["04.0004", "04.0047"]
    mdev.write("unassign_domain", 0x47)
    assert mdev.guest == ["04.0004"]
    mdev.assign([], [0xAB])
    assert mdev.guest == ["04.0004", "04.00ab", "05.0004", "05.00ab"]


@pytest.mark.parametrize("old", ["CEX3A", "CEX3C"])
def test_adapters_that_are_too_old_are_no_guests(daemon, old):
    machine = Machine(daemon, cards=f"04:CEX4A,05:{old}", domains="4,5", announce=0)
    machine.write("apmask", "0")
    mdev = machine.create(A).assign([4, 5, 6], [4, 5, 6])
    assert mdev.guest == ["04.0004", "04.0005"]
    machine.daemon.write("firmware/ap/domains", "4-6")
    machine.daemon.write("firmware/ap/plug", f"06:{old}")
    machine.write("scans", "1")
    assert mdev.guest == ["04.0004", "04.0005", "04.0006"]


def test_without_qci_no_guest_gets_anything(daemon):
    machine = Machine(daemon, cards="04:CEX8P", domains="4", qci=0, announce=0)
    machine.write("apmask", "0")
    mdev = machine.create(A).assign([4], [4])
    assert (mdev.matrix, mdev.guest) == (["04.0004"], [])


# ---- queues are bound and unbound ----


@pytest.mark.parametrize("opened", [False, True], ids=["idle", "with a guest"])
def test_a_queue_that_goes_takes_its_adapter_with_it(full, opened):
    machine = full.machine
    assert full.guest == FOUR + FIVE
    if opened:
        with full.opened() as guest:
            machine.unbind("04.0047")
            assert (full.guest, guest.changed()) == (FIVE, 1)
            assert machine.status("04.0004") == "assigned"
            machine.bind("04.0047")
            assert (full.guest, guest.changed()) == (FOUR + FIVE, 1)
            assert machine.status("04.0047") == "in use"
    else:
        machine.unbind("04.0047")
        assert full.guest == FIVE
        machine.bind("04.0047")
        assert full.guest == FOUR + FIVE


def test_an_adapter_comes_with_the_last_of_its_queues(full):
    machine = full.machine
    for queue in FOUR:
        machine.unbind(queue)
    assert full.guest == FIVE
    for queue in FOUR[:-1]:
        machine.bind(queue)
        assert full.guest == FIVE
    machine.bind(FOUR[-1])
    assert full.guest == FOUR + FIVE


def test_a_queue_outside_of_the_matrix_means_nothing_to_it(mdev):
    mdev.assign([4], [4])
    with mdev.opened() as guest:
        mdev.machine.unbind("04.0047")
        mdev.machine.bind("04.0047")
        mdev.machine.unbind("05.0004")
        assert (mdev.guest, guest.changed()) == (["04.0004"], 0)


# ---- adapters and domains come and go ----


@pytest.mark.parametrize("opened", [False, True], ids=["idle", "with a guest"])
def test_an_unplugged_adapter_leaves_and_comes_back(full, opened):
    def cycle(changed=lambda: 1):
        full.machine.console("unplug", "04")
        assert (full.guest, changed()) == (FIVE, 1)
        full.machine.console("plug", "04:CEX7C")
        assert (full.guest, changed()) == (FOUR + FIVE, 1)

    if opened:
        with full.opened() as guest:
            cycle(guest.changed)
            assert full.machine.status("04.0004") == "in use"
    else:
        cycle()
    assert full.matrix == FOUR + FIVE


def test_domains_come_and_go(full):
    with full.opened() as guest:
        full.machine.console("domains", "4,0xab")
        assert full.guest == [q for q in FOUR + FIVE if "47" not in q]
        assert guest.changed() == 1
        full.machine.console("domains", "4,0x47,0xab")
        assert (full.guest, guest.changed()) == (FOUR + FIVE, 1)
        assert full.machine.status("05.0047") == "in use"


def test_all_at_once_is_one_change(full):
    machine = full.machine
    with full.opened() as guest:
        machine.daemon.write("firmware/ap/unplug", "04")
        machine.daemon.write("firmware/ap/unplug", "05")
        machine.console("domains", "4")
        assert (full.guest, guest.changed()) == ([".0004"], 1)
        machine.daemon.write("firmware/ap/plug", "04:CEX8P")
        machine.daemon.write("firmware/ap/plug", "05:CEX8P")
        machine.console("domains", "4,0x47,0xab")
        assert (full.guest, guest.changed()) == (FOUR + FIVE, 1)


def test_control_domains_come_and_go(mdev):
    """guest_matrix does not show them; the guest is told."""
    mdev.assign([], [], [4, 9])
    with mdev.opened() as guest:
        mdev.machine.console("control_domains", "9")
        assert guest.changed() == 2, "9 is there, 4 is gone"
        mdev.machine.console("control_domains", "9,10")
        assert guest.changed() == 0
    assert mdev.read("control_domains") == "0004\n0009\n"


@pytest.mark.parametrize("file", ["config", "checkstop"])
def test_an_adapter_that_does_not_work_stays(full, file):
    """It is still the guest's, who is told by its instructions."""
    with full.opened() as guest:
        full.machine.console(file, "04 off" if file == "config" else "04 on")
        assert (full.guest, guest.changed()) == (FOUR + FIVE, 0)
        full.machine.console(file, "04 on" if file == "config" else "04 off")
        assert (full.guest, guest.changed()) == (FOUR + FIVE, 0)


def test_what_was_assigned_before_it_came_is_there_when_it_comes(machine):
    a, b = machine.create(A), machine.create(B)
    a.assign([9], [4])
    b.assign([9], [0x47, 0xAB])
    assert (a.guest, b.guest) == ([".0004"], [".0047", ".00ab"])
    machine.console("plug", "09:CEX8P")
    assert (a.guest, b.guest) == (["09.0004"], ["09.0047", "09.00ab"])


def test_the_host_gets_what_comes_and_is_the_hosts(machine):
    machine.write("apmask", "+7")
    mdev = machine.create(A).assign([4], [4])
    machine.console("plug", "07:CEX8P")
    assert machine.driver("07.0004") == "cex4queue"
    assert mdev.guest == ["04.0004"]


def test_a_change_is_found_without_being_asked_for(daemon):
    machine = Machine(daemon, cards="04:CEX8P", domains="4")
    machine.write("apmask", "0")
    mdev = machine.create(A).assign([4, 5], [4])
    daemon.write("firmware/ap/plug", "05:CEX8P")
    machine.eventually(lambda: mdev.guest == ["04.0004", "05.0004"])
    daemon.write("firmware/ap/unplug", "04")
    machine.eventually(lambda: mdev.guest == ["05.0004"])
