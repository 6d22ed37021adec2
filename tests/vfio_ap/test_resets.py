# SPDX-License-Identifier: LGPL-2.1-or-later
"""A queue that leaves a guest is reset, and is nobody's until that is over; nobody else waits for it."""

import contextlib
import errno
import threading

import pytest

from matrices import A, B, TIMEOUT, Machine, machine, mask, vu  # noqa: F401

LONG, ENDLESS = 2000, 60000  # milliseconds that a reset takes


def machine_with(daemon, reset_ms):
    """All is vfio_ap's but adapter 6, and never was the host's."""
    cards = "04:CEX8P,05:CEX8P,06:CEX8P"
    params = {"cards": cards, "domains": "4,5", "apmask": mask(6), "announce": 0, "reset_ms": reset_ms}
    return Machine(daemon, drivers=["vfio_ap"], **params)


@pytest.fixture
def slow(daemon):
    """Resets take longer than all that a test does meanwhile."""
    machine = machine_with(daemon, LONG)
    yield machine
    stop(machine)


@pytest.fixture
def endless(daemon):
    """Who waits for a reset waits longer than a test may."""
    machine = machine_with(daemon, ENDLESS)
    yield machine
    stop(machine)


def stop(machine):
    """Nobody waits for resets at the end."""
    for card in machine.daemon.read("firmware/ap/cards").split("\n")[:-1]:
        machine.daemon.write("firmware/ap/checkstop", f"{card.split()[0]} on")


@contextlib.contextmanager
def in_thread(function, *args):
    """@function runs meanwhile; is it over, or what has it failed with? Its end is waited for."""
    errors = []

    def run():
        try:
            function(*args)
        except OSError as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield thread
    finally:
        thread.join(TIMEOUT)
        assert not thread.is_alive(), "it hangs"
    assert not errors


def at_once(function, *args):
    with in_thread(function, *args):
        pass


def test_who_takes_a_queue_away_waits_and_nobody_else(slow):
    a, b = slow.create(A).assign([4], [4]), slow.create(B).assign([5], [5])
    with in_thread(a.write, "unassign_adapter", 4) as thread:
        slow.eventually(lambda: a.matrix == [".0004"])
        # All of this is done while the reset is under way.
        assert a.guest == [".0004"]
        assert slow.status("04.0004") == "unassigned"
        b.assign([], [4])
        b.write("unassign_control_domain", 4)
        slow.create("83b8f4f2-509f-382f-3c1e-e6bfe0fa1001").assign([], [9]).remove()
        assert b.guest == ["05.0004", "05.0005"]
        assert thread.is_alive(), "all of it took longer than one reset"
    assert a.guest == [".0004"]


def test_a_queue_is_nobodys_until_its_reset_is_over(slow):
    a, b = slow.create(A).assign([4], [4]), slow.create(B).assign([5], [4])
    with b.opened() as guest:
        with in_thread(a.write, "unassign_adapter", 4) as leaving:
            slow.eventually(lambda: a.matrix == [".0004"])
            with in_thread(b.write, "assign_adapter", 4) as coming:
                slow.eventually(lambda: len(b.matrix) == 2)
                assert b.guest == ["05.0004"]
                assert slow.status("04.0004") == "assigned"
                assert leaving.is_alive() and coming.is_alive()
        assert b.guest == ["04.0004", "05.0004"]
        assert guest.changed() == 1


def test_a_matrix_that_has_to_wait_gets_it_all_the_same(slow):
    """Somebody else's reset ends, though who has assigned the queue is not asked any more."""
    a, b = slow.create(A).assign([4], [4, 5]), slow.create(B)
    with in_thread(a.remove):
        slow.eventually(lambda: slow.status("04.0004") == "unassigned")
        b.write("ap_config", f"{mask(4)},{mask(4, 5)},{mask()}")
        assert b.guest == ["04.0004", "04.0005"]


def test_the_host_gets_a_queue_when_its_reset_is_over(slow):
    a = slow.create(A).assign([4], [4])
    with in_thread(a.write, "unassign_adapter", 4):
        slow.eventually(lambda: a.matrix == [".0004"])
        with in_thread(slow.write, "apmask", "+4") as giving:
            assert slow.driver("04.0004") in ("vfio_ap", None)
            assert giving.is_alive()
        assert slow.driver("04.0004") == "cex4queue"


@pytest.mark.parametrize(
    "file, text", [("config", "04 off"), ("checkstop", "04 on"), ("checkstop", "04.0004 on"), ("unplug", "04"), ("domains", "5")]
)
def test_what_stops_working_keeps_nobody_waiting(endless, file, text):
    """It stops while its reset is waited for."""
    mdev = endless.create(A).assign([4], [4])
    with in_thread(mdev.write, "unassign_adapter", 4) as thread:
        endless.eventually(lambda: mdev.matrix == [".0004"])
        assert thread.is_alive()
        endless.daemon.write(f"firmware/ap/{file}", text)
    at_once(mdev.remove)


@pytest.mark.parametrize("file, text", [("config", "04 off"), ("checkstop", "04 on"), ("unplug", "04"), ("domains", "5")])
def test_what_does_not_work_keeps_nobody_waiting(endless, file, text):
    mdev = endless.create(A).assign([4], [4])
    endless.daemon.write(f"firmware/ap/{file}", text)
    with mdev.opened() as guest:
        endless.eventually(lambda: endless.status("04.0004") == "in use")
        assert guest.error(vu.RESET) == errno.EIO
        at_once(mdev.write, "unassign_adapter", 4)
    at_once(endless.unbind, "04.0004")


def test_a_module_resets_all_of_its_queues_at_once(slow):
    """One after the other they would take longer than a test may."""
    slow.console("domains", "0-15")
    assert slow.driver("05.000f") == "vfio_ap"
    at_once(slow.daemon.umdev, "rmmod", "vfio_ap")


def test_a_guest_resets_its_own_queues_and_keeps_them(slow):
    mdev = slow.create(A).assign([4], [4])
    with mdev.opened() as guest, in_thread(guest.reset) as thread:
        while not thread.is_alive():
            pass
        mdev.assign([], [5])
        assert mdev.guest == ["04.0004", "04.0005"]


def test_a_reset_that_did_not_work_is_said(machine):
    mdev = machine.create(A).assign([4, 5], [4])
    with mdev.opened() as guest:
        guest.reset()
        machine.console("checkstop", "05.0004 on")
        assert guest.error(vu.RESET) == errno.EIO
        machine.console("checkstop", "05.0004 off")
        guest.reset()
        assert mdev.guest == ["04.0004", "05.0004"]
