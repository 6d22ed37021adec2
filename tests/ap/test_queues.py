# SPDX-License-Identifier: LGPL-2.1-or-later
"""The attributes of a queue, as whoever has it, and the machine, change what they say."""

import errno
import os
import stat

import pytest

from ap_machine import ApMachine, ap, bound, bus, eventually, refused  # noqa: F401
from conftest import BUILD, TEST_MODULES

QUEUE = "04.0004"
ATTRS = {
    "request_count": 0o644,
    "requestq_count": 0o444,
    "pendingq_count": 0o444,
    "reset": 0o644,
    "interrupt": 0o444,
    "config": 0o444,
    "chkstop": 0o444,
    "ap_functions": 0o444,
    "driver_override": 0o644,
}
IN_RESET = "Reset in progress.\n"
NO_TIMER = "No Reset Timer set.\n"
ENABLED = "Interrupts enabled.\n"
DISABLED = "Interrupts disabled.\n"
FOR_EVER = 60000  # milliseconds


@pytest.fixture
def slow(ap):
    """Resets are not over before the test is."""
    return ap.load("ap_host", cards="04:CEX8P", domains="4", announce=0, reset_ms=FOR_EVER)


def changes(events, name):
    """What was told of a device, but for the usual keys."""
    usual = {"ACTION", "DEVPATH", "SUBSYSTEM", "SEQNUM", "DEVTYPE", "DRIVER", "MODALIAS"}
    usual |= {"DEV_TYPE", "MODE"}
    return [
        {key: value for key, value in env.items() if key not in usual}
        for env in events
        if env["DEVPATH"].endswith("/" + name) and env["ACTION"] == "change"
    ]


def ready(bus, queue=QUEUE):
    interrupts = ENABLED if bus.read("ap_interrupts") == "1\n" else DISABLED
    eventually(lambda: bus.device(queue, "reset") == NO_TIMER)
    eventually(lambda: bus.device(queue, "interrupt") == interrupts)


def test_a_queue_has_the_kernels_attributes(bus):
    directory = bus.root / "devices" / QUEUE
    usual = {"uevent", "subsystem", "explicit_bind_only", "rebind"}
    assert set(os.listdir(directory)) == set(ATTRS) | usual
    for name, mode in ATTRS.items():
        assert stat.S_IMODE((directory / name).stat().st_mode) == mode, name
    assert "DEVTYPE=ap_queue\n" in bus.device(QUEUE, "uevent")


@pytest.mark.parametrize("name", [name for name, mode in ATTRS.items() if mode == 0o444])
def test_what_is_read_only_is_not_written(bus, name):
    with refused(errno.EACCES):
        bus.write(f"devices/{QUEUE}/{name}", "1")


# ---- a queue that nobody has ----


def test_a_queue_without_a_driver_has_done_nothing(bus):
    assert {name: bus.device(QUEUE, name) for name in ATTRS if name != "ap_functions"} == {
        "request_count": "-\n",
        "requestq_count": "0\n",
        "pendingq_count": "0\n",
        "reset": IN_RESET,
        "interrupt": DISABLED,
        "config": "1\n",
        "chkstop": "0\n",
        "driver_override": "\n",
    }


def test_a_queue_without_a_driver_is_not_reset(bus):
    bus.write(f"devices/{QUEUE}/reset", "1")
    assert bus.device(QUEUE, "reset") == IN_RESET
    bus.write(f"devices/{QUEUE}/request_count", "0")
    assert bus.device(QUEUE, "request_count") == "-\n"


def test_a_driver_of_guests_leaves_it_alone(bound):
    bound.write("apmask", "-4")
    assert bound.driver(QUEUE) == "guest_queue"
    assert bound.device(QUEUE, "request_count") == "-\n"
    eventually(lambda: bound.device(QUEUE, "interrupt") == DISABLED)


# ---- a queue that a driver of the host's has ----


def test_a_driver_gets_it_reset_and_with_interrupts(bound):
    assert bound.device(QUEUE, "request_count") == "0\n"
    ready(bound)
    assert bound.device(QUEUE, "interrupt") == ENABLED


def test_without_interrupts_there_are_none(ap):
    ap.load("ap_host", cards="04:CEX8P", domains="4", useirq=0)
    ready(ap)
    assert ap.read("ap_interrupts") == "0\n"
    assert ap.device(QUEUE, "interrupt") == DISABLED


def test_what_an_unbind_leaves(bound):
    ready(bound)
    bound.write("drivers/host_queue/unbind", QUEUE)
    assert bound.device(QUEUE, "request_count") == "-\n"
    # The state that its driver has left it in.
    assert bound.device(QUEUE, "reset") == NO_TIMER
    eventually(lambda: bound.device(QUEUE, "interrupt") == DISABLED)
    bound.write("drivers/host_queue/bind", QUEUE)
    assert bound.device(QUEUE, "request_count") == "0\n"
    ready(bound)


def test_a_reset_that_takes_its_time_is_seen(slow):
    assert slow.device(QUEUE, "reset") == IN_RESET
    assert slow.device(QUEUE, "interrupt") == DISABLED
    assert slow.device(QUEUE, "request_count") == "0\n"


@pytest.mark.parametrize("text", ["1", "0", "junk", "\n"])
def test_whatever_is_written_resets(bound, text):
    ready(bound)
    bound.write(f"devices/{QUEUE}/reset", text)
    ready(bound)
    assert bound.device(QUEUE, "interrupt") == ENABLED


# ---- requests ----


@pytest.fixture
def used(daemon):
    """With the usual drivers, through which requests come."""
    machine = ApMachine(daemon, module_path=[BUILD / "drivers/zcrypt_cex4"])
    return machine.load("zcrypt_cex4", cards="04:CEX8P,05:CEX8A", domains="4,0x47", announce=0)


def request(machine, queue, count=1):
    for _ in range(count):
        machine.daemon.umdev("ap", "request", queue, "random", "32")


def test_requests_are_counted(used):
    request(used, QUEUE, 3)
    request(used, "04.0047")
    assert used.device(QUEUE, "request_count") == "3\n"
    assert used.device("04.0047", "request_count") == "1\n"
    assert used.device("05.0004", "request_count") == "0\n"
    assert used.device("card04", "request_count") == "4\n"
    assert used.device(QUEUE, "requestq_count") == "0\n"
    assert used.device(QUEUE, "pendingq_count") == "0\n"


@pytest.mark.parametrize("text", ["0", "17", "junk", "\n"])
def test_whatever_is_written_clears_the_count(used, text):
    request(used, QUEUE, 2)
    request(used, "04.0047")
    used.write(f"devices/{QUEUE}/request_count", text)
    assert used.device(QUEUE, "request_count") == "0\n"
    # The others' and the card's are their own.
    assert used.device("04.0047", "request_count") == "1\n"
    assert used.device("card04", "request_count") == "3\n"


def test_counts_outlive_a_reset_but_not_the_driver_that_can_show_them(used):
    request(used, QUEUE, 2)
    used.write(f"devices/{QUEUE}/reset", "1")
    assert used.device(QUEUE, "request_count") == "2\n"
    request(used, QUEUE)
    assert used.device(QUEUE, "request_count") == "3\n"
    used.write("drivers/cex4queue/unbind", QUEUE)
    assert used.device(QUEUE, "request_count") == "-\n"
    used.write("drivers/cex4queue/bind", QUEUE)
    assert used.device(QUEUE, "request_count") == "3\n"


def test_requests_without_interrupts(daemon):
    machine = ApMachine(daemon, module_path=[BUILD / "drivers/zcrypt_cex4"])
    machine.load("zcrypt_cex4", cards="04:CEX8P", domains="4", useirq=0)
    for polling in "01":
        machine.write("poll_thread", polling)
        assert machine.read("poll_thread") == polling + "\n"
        request(machine, QUEUE, 2)
    assert machine.device(QUEUE, "request_count") == "4\n"


# ---- what the scan sees ----


def test_a_queue_follows_its_cards_configuration(bound):
    ready(bound)
    bound.machine("config", "04 off")
    assert bound.device(QUEUE, "config") == "1\n"
    with bound.events() as events:
        bound.scan()
    assert changes(events, QUEUE) == [{"CONFIG": "0"}]
    assert changes(events, "05.0004") == []
    assert bound.device(QUEUE, "config") == "0\n"
    assert bound.device(QUEUE, "chkstop") == "0\n"
    assert bound.device(QUEUE, "interrupt") == DISABLED
    assert bound.driver(QUEUE) == "host_queue"
    bound.machine("config", "04 on")
    with bound.events() as events:
        bound.scan()
    assert changes(events, QUEUE) == [{"CONFIG": "1"}]
    assert bound.device(QUEUE, "config") == "1\n"
    ready(bound)
    assert bound.device(QUEUE, "interrupt") == ENABLED


def test_a_queue_is_checkstopped_alone(bound):
    ready(bound, "04.0047")
    bound.machine("checkstop", f"{QUEUE} on")
    with bound.events() as events:
        bound.scan()
    assert changes(events, QUEUE) == []
    assert bound.device(QUEUE, "chkstop") == "1\n"
    assert bound.device(QUEUE, "config") == "1\n"
    assert bound.device("04.0047", "chkstop") == "0\n"
    bound.machine("checkstop", f"{QUEUE} off")
    bound.scan()
    assert bound.device(QUEUE, "chkstop") == "0\n"
    ready(bound)


def test_a_queue_that_was_found_broken_works_when_it_is_mended(ap):
    ap.load("ap_host", cards="04:CEX8P:off,05:CEX8P:checkstop", domains="4", announce=0)
    assert ap.device(QUEUE, "config") == "0\n"
    assert ap.device("05.0004", "chkstop") == "1\n"
    assert ap.device(QUEUE, "reset") == ap.device("05.0004", "reset") == IN_RESET
    ap.machine("config", "04 on")
    ap.machine("checkstop", "05 off")
    ap.scan()
    ready(ap)
    ready(ap, "05.0004")


def test_requests_are_taken_where_they_can_be_done(used):
    used.machine("checkstop", f"{QUEUE} on")
    # Nobody has seen it yet: the first request does, and the queue is left alone.
    result = used.daemon.umdev("ap", "request", QUEUE, "random", "32", check=False)
    assert result.returncode == 1
    assert used.device(QUEUE, "pendingq_count") == used.device(QUEUE, "requestq_count") == "0\n"
    request(used, "04.0047")
    used.machine("checkstop", f"{QUEUE} off")
    used.scan()
    request(used, QUEUE)


def test_the_functions_are_those_of_the_hardware(bound):
    assert bound.device(QUEUE, "ap_functions") == bound.device("card04", "ap_functions")
    assert int(bound.device(QUEUE, "ap_functions"), 16) & 0x1C000000 == 0x04000000
    assert int(bound.device("05.0004", "ap_functions"), 16) & 0x1C000000 == 0x08000000
    # The queue asks anew each time; the card has what was found.
    before = bound.device("card04", "ap_functions")
    bound.machine("unplug", "04")
    assert bound.device(QUEUE, "ap_functions") == "0x00000000\n"
    assert bound.device("card04", "ap_functions") == before


def test_a_queue_that_is_gone_answers_enodev(bound):
    with open(bound.root / "devices" / QUEUE / "request_count") as file:
        bound.machine("unplug", "04")
        bound.scan()
        with refused(errno.ENODEV):
            file.read()
    assert not (bound.root / "devices" / QUEUE).exists()
