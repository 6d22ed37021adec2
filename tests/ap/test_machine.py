# SPDX-License-Identifier: LGPL-2.1-or-later
"""The machine behind the AP bus: how it is described at load, and its console while it runs."""

import errno
import subprocess
import sys
import time

import pytest

from conftest import SOURCE

TIMEOUT = 30


class Machine:
    def __init__(self, daemon):
        self.daemon = daemon
        self.firmware = daemon.sys / "firmware/ap"
        self.devices = daemon.sys / "bus/ap/devices"

    def load(self, *params):
        self.daemon.umdev("modprobe", "ap", *params)
        (self.daemon.sys / "bus/ap/scans").write_text("1")
        return self

    def refused(self, *params):
        """What a person is told whose parameters cannot be."""
        result = self.daemon.umdev("modprobe", "ap", *params, check=False)
        assert result.returncode == 1
        assert not self.firmware.exists()
        assert not (self.daemon.sys / "module/ap").exists()
        return result.stderr

    def tell(self, name, text):
        """Return: 0, or the error number."""
        try:
            (self.firmware / name).write_text(text)
        except OSError as error:
            return error.errno
        return 0

    def read(self, name):
        return (self.firmware / name).read_text()

    def names(self):
        return sorted(path.name for path in self.devices.iterdir())

    def scan(self):
        (self.daemon.sys / "bus/ap/scans").write_text("1")


@pytest.fixture
def machine(daemon):
    return Machine(daemon.start())


def eventually(expected, get):
    deadline = time.monotonic() + TIMEOUT
    while get() != expected and time.monotonic() < deadline:
        time.sleep(0.01)
    assert get() == expected


def test_machine_is_as_it_is_described(machine):
    machine.load("cards=04:CEX8P,05:CEX8A:off,1f:cex3c:checkstop", "domains=4,0x47")
    assert machine.read("cards") == "04 CEX8P configured\n05 CEX8A deconfigured\n1f CEX3C checkstopped\n"
    assert machine.read("domains") == machine.read("control_domains") == "4,71\n"
    # What is older than a CEX4 is not the bus's, as in the newest kernel.
    assert machine.names() == ["04.0004", "04.0047", "05.0004", "05.0047", "card04", "card05"]
    parameters = machine.daemon.sys / "module/ap/parameters"
    assert (parameters / "cards").read_text() == "04:CEX8P,05:CEX8A:off,1f:cex3c:checkstop\n"
    assert (parameters / "reset_ms").read_text() == "5\n"


@pytest.mark.parametrize(
    "params, why",
    [
        (["cards=04:CEX9P"], 'cards: "CEX9P" at character 4: expected a type'),
        (["cards=04:CEX8P,4:CEX8A"], 'cards: "4" at character 10: expected each adapter once'),
        (["cards=100:CEX8P"], 'cards: "100" at character 1: expected the number of an adapter in hexadecimal, 00 to ff'),
        (["cards=40:CEX8P", "apxa=0"], "00 to 3f"),
        (["cards=40:CEX8P", "qci=0"], "00 to 3f"),
        (["cards=0a:CEX8P", "max_adapter=9"], "00 to 09"),
        (["domains=4,256"], 'domains: "256" at character 3: expected a domain, 0 to 255'),
        (["domains=16", "apxa=0"], "0 to 15"),
        (["control_domains=x"], 'control_domains: "x" at character 1'),
        (["max_domain=256"], "max_domain: 256 is too large: expected 0 to 255"),
        (["reset_ms=60001"], "reset_ms: 60001 is too large: expected 0 to 60000"),
    ],
)
def test_mistake_is_pointed_at(machine, params, why):
    message = machine.refused(*params)
    assert why in message
    assert len(message.splitlines()) == 1


def test_changes_of_the_configuration_are_found_by_themselves(machine):
    machine.load("cards=04:CEX8P", "domains=4")
    assert machine.tell("plug", "06:CEX7C\n") == 0
    eventually(["04.0004", "06.0004", "card04", "card06"], machine.names)
    assert machine.tell("domains", "4-5") == 0
    eventually(["04.0004", "04.0005", "06.0004", "06.0005", "card04", "card06"], machine.names)
    assert machine.tell("unplug", "04") == 0
    assert machine.tell("domains", "5") == 0
    eventually(["06.0005", "card06"], machine.names)


def test_changes_that_are_not_announced_wait_for_a_scan(machine):
    machine.load("cards=04:CEX8P", "domains=4", "announce=0")
    before = machine.names()
    assert machine.tell("plug", "06:CEX7C\n") == 0
    # What would be seen if it were announced: something later that is found by a scan.
    assert machine.names() == before
    machine.scan()
    assert machine.names() == ["04.0004", "06.0004", "card04", "card06"]


def test_card_that_was_replaced_is_another_one(machine):
    machine.load("cards=04:CEX8P", "domains=4", "announce=0")
    assert (machine.devices / "card04/hwtype").read_text() == "14\n"
    assert machine.tell("unplug", "04") == 0
    assert machine.tell("plug", "04:CEX6A") == 0
    machine.scan()
    assert (machine.devices / "card04/hwtype").read_text() == "12\n"


def test_state_of_cards_is_seen(machine):
    machine.load("cards=04:CEX8P", "domains=4,5")
    assert machine.tell("config", "04 off") == 0
    machine.scan()
    assert (machine.devices / "card04/config").read_text() == "0\n"
    assert machine.tell("config", "04 on") == 0
    assert machine.tell("checkstop", "04.0005 on") == 0
    machine.scan()
    assert (machine.devices / "card04/config").read_text() == "1\n"
    assert (machine.devices / "04.0005/chkstop").read_text() == "1\n"
    assert (machine.devices / "04.0004/chkstop").read_text() == "0\n"
    assert machine.tell("checkstop", "04.0005 off") == 0
    machine.scan()
    assert (machine.devices / "04.0005/chkstop").read_text() == "0\n"


def test_console_refuses_what_cannot_be(machine):
    machine.load("cards=04:CEX8P", "domains=4")
    assert machine.tell("plug", "04:CEX8P") == errno.EEXIST
    assert machine.tell("plug", "04") == errno.EINVAL
    assert machine.tell("unplug", "05") == errno.ENODEV
    assert machine.tell("config", "05 on") == errno.ENODEV
    assert machine.tell("config", "04 maybe") == errno.EINVAL
    assert machine.tell("checkstop", "04.0005 on") == errno.ENODEV
    assert machine.tell("domains", "4;5") == errno.EINVAL
    assert machine.read("cards") == "04 CEX8P configured\n"


def test_machine_without_qci_is_found_by_looking(machine):
    machine.load("cards=04:CEX8P,3f:CEX8A", "domains=4,15", "qci=0")
    assert machine.names() == ["04.0004", "04.000f", "3f.0004", "3f.000f", "card04", "card3f"]
    assert (machine.daemon.sys / "bus/ap/ap_max_domain_id").read_text() == "15\n"


def test_nonsense_at_the_console_breaks_nothing(machine):
    machine.load("cards=04:CEX8P,05:CEX8A", "domains=4")
    # A number alone may be that of a card.
    options = ["--seconds", "3", "--no-numbers", "*/unplug"]
    fuzzed = subprocess.run(
        [sys.executable, SOURCE / "fuzz/attr_fuzz.py", machine.firmware, *options],
        capture_output=True,
        text=True,
    )
    assert fuzzed.returncode == 0, fuzzed.stderr
    assert machine.read("cards") == "04 CEX8P configured\n05 CEX8A configured\n"
    assert machine.tell("domains", "4") == 0
    assert machine.tell("plug", "06:CEX7C") == 0
    eventually(["04.0004", "05.0004", "06.0004", "card04", "card05", "card06"], machine.names)


@pytest.mark.parametrize("order", [["ap", "platform"], ["platform", "ap"]])
def test_firmware_directory_is_shared(machine, order):
    firmware = machine.daemon.sys / "firmware"
    for first, second in [order, order[::-1]]:
        machine.daemon.umdev("modprobe", first)
        machine.daemon.umdev("modprobe", second)
        assert sorted(path.name for path in firmware.iterdir()) == ["ap", "devicetree"]
        machine.daemon.umdev("rmmod", order[0])
        assert len(list(firmware.iterdir())) == 1
        machine.daemon.umdev("rmmod", order[1])
        assert not firmware.exists()
