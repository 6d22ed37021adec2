# SPDX-License-Identifier: LGPL-2.1-or-later
"""`umdev ap`: the machine's console, as people and programs use it."""

import json
import os
import subprocess

import pytest

from conftest import NOBODY, TIMEOUT

UUID = "62177883-f1bb-47f0-914d-32a22e3a8804"
BUS = 'ap,cards="04:CEX8P,05:CEX8A:off",domains="4,0x47"'
CARD = "a number, 00 to ff, and a type, CEX4 to CEX8 with A, C or P: 06:CEX8P"
LIST = "a list of domains up to the machine's highest, as 4,0x47,10-12"
FOUR = ["card04", "04.0004", "04.0047"]
FIVE = ["card05", "05.0004", "05.0047"]


class Console:
    def __init__(self, daemon):
        self.daemon = daemon

    def __call__(self, *args):
        return self.daemon.umdev("ap", *args).stdout

    def refused(self, *args, status=1, **run):
        """What is said, without "umdev: "."""
        done = self.daemon.umdev("ap", *args, check=False, **run)
        assert (done.returncode, done.stdout) == (status, "")
        return [line.removeprefix("umdev: ") for line in done.stderr.splitlines()]

    def list(self):
        return {entry["device"]: entry for entry in json.loads(self("list", "--json"))}

    def names(self):
        return list(self.list())

    def state(self, name):
        return self.list()[name]["state"]

    def read(self, path):
        return self.daemon.read(path)


@pytest.fixture
def ap(daemon):
    # Not only when the cards ask for it, which nobody waits for.
    return Console(daemon.start("--load", BUS, "--load", "zcrypt_cex4"))


# ---- what is there ----


def test_the_list_is_of_cards_with_their_queues(ap):
    lines = [line.split() for line in ap().splitlines()]
    assert lines[0] == "DEVICE TYPE STATE DRIVER ONLINE REQUESTS PENDING STATUS MDEV".split()
    assert [line[0] for line in lines[1:]] == FOUR + FIVE
    assert lines[1] == ["card04", "CEX8P", "configured", "cex4card", "1", "0", "0", "-", "-"]
    assert lines[2] == ["04.0004", "-", "configured", "cex4queue", "1", "0", "0", "-", "-"]
    assert lines[4][:5] == ["card05", "CEX8A", "deconfigured", "cex4card", "0"]
    assert ap("list") == ap()


def test_the_list_for_programs(ap):
    assert json.loads(ap("list", "--json")) == json.loads(ap("-j")) == ap.daemon.umdev_json("ap")
    assert ap.list()["card04"] == {
        "device": "card04", "type": "CEX8P", "hwtype": "14", "state": "configured", "driver": "cex4card",
        "online": "1", "requests": "0", "pending": "0", "mdev": None,
    }
    assert ap.list()["04.0047"] == {
        "device": "04.0047", "state": "configured", "driver": "cex4queue", "online": "1", "requests": "0",
        "pending": "0", "status": None, "mdev": None,
    }


def test_the_list_says_whose_a_queue_is(ap):
    ap.daemon.umdev("modprobe", "vfio_ap")
    ap.daemon.write("bus/ap/apmask", "-4")
    ap.daemon.umdev("create", "matrix", "vfio_ap-passthrough", UUID)
    for name, number in (("adapter", "4"), ("domain", "0x47")):
        ap.daemon.write(f"bus/mdev/devices/{UUID}/assign_{name}", number)
    shown = ap.list()
    assert {key: shown["04.0047"][key] for key in ("driver", "online", "status", "mdev")} == {
        "driver": "vfio_ap", "online": None, "status": "assigned", "mdev": UUID}
    assert (shown["04.0004"]["status"], shown["04.0004"]["mdev"]) == ("unassigned", None)
    assert (shown["05.0047"]["driver"], shown["05.0047"]["mdev"]) == ("cex4queue", None)


def test_qemu_takes_no_matrix(ap):
    ap.daemon.umdev("modprobe", "vfio_ap")
    ap.daemon.umdev("create", "matrix", "vfio_ap-passthrough", UUID)
    said = ap.daemon.umdev("qemu-args", UUID, check=False)
    assert (said.returncode, said.stdout) == (1, "")
    assert f"umdev ap guest {UUID}" in said.stderr


# ---- changes ----


def test_adapters_come_and_go_before_it_returns(ap):
    ap("plug", "06:CEX7C", "07:CEX4A:off")
    assert ap.names() == [*FOUR, *FIVE, "card06", "06.0004", "06.0047", "card07", "07.0004", "07.0047"]
    assert [ap.list()[card]["type"] for card in ("card06", "card07")] == ["CEX7C", "CEX4A"]
    assert ap.state("card07") == "deconfigured"
    ap("unplug", "04", "07")
    assert ap.names() == [*FIVE, "card06", "06.0004", "06.0047"]


def test_states_change_before_it_returns(ap):
    ap("config", "05", "on")
    assert [ap.state(name) for name in FIVE] == ["configured"] * 3
    ap("config", "04", "off")
    assert [ap.state(name) for name in FOUR] == ["deconfigured"] * 3
    ap("config", "04", "on")
    ap("checkstop", "04", "on")
    assert [ap.state(name) for name in FOUR] == ["checkstopped"] * 3
    ap("checkstop", "04", "off")
    ap("checkstop", "04.0047", "on")
    assert [ap.state(name) for name in FOUR] == ["configured", "configured", "checkstopped"]
    ap("checkstop", "04.0047", "off")
    assert [ap.state(name) for name in FOUR] == ["configured"] * 3


def test_domains_are_shown_and_set(ap):
    assert (ap("domains"), ap("control-domains")) == ("4,71\n", "4,71\n")
    ap("domains", "0x47,10-12")
    assert ap("domains") == "10-12,71\n"
    assert ap.names()[:5] == ["card04", "04.000a", "04.000b", "04.000c", "04.0047"]
    ap("control-domains", "7")
    assert (ap("domains"), ap("control-domains")) == ("10-12,71\n", "7\n")
    assert json.loads(ap("domains", "--json")) == ap.daemon.umdev_json("ap", "domains") == "10-12,71"
    ap("domains", "")
    assert ap("domains") == "\n"
    assert ap.read("bus/ap/ap_usage_domain_mask") == f"0x{'0' * 64}\n"
    assert [name for name in ap.names() if not name.startswith("card")] == []


def test_the_bus_can_be_left_to_find_it(daemon):
    ap = Console(daemon.start("--load", f"{BUS},announce=0"))
    ap.daemon.write("bus/ap/config_time", "120")
    ap("plug", "--no-scan", "06:CEX7C")
    ap("config", "--no-scan", "04", "off")
    ap("domains", "--no-scan", "4")
    assert "06 CEX7C" in ap.read("firmware/ap/cards")
    assert ap.names() == FOUR + FIVE
    assert ap.state("card04") == "configured"
    ap.daemon.write("bus/ap/scans", "1")
    assert ap.names() == ["card04", "04.0004", "card05", "05.0004", "card06", "06.0004"]
    assert ap.state("card04") == "deconfigured"


# ---- what is refused ----


@pytest.mark.parametrize("args, reason", [
    (["plug", "04:CEX8P"], 'ap plug: "04:CEX8P": there is an adapter in this place'),
    (["plug", "06"], f'ap plug: "06": expected {CARD}'),
    (["plug", "06:CEX9P"], f'ap plug: "06:CEX9P": expected {CARD}'),
    (["plug", "100:CEX8P"], f'ap plug: "100:CEX8P": expected {CARD}'),
    (["plug", ""], f'ap plug: "": expected {CARD}'),
    (["unplug", "06"], 'ap unplug: "06": the machine has none (see: umdev ap)'),
    (["unplug", "x"], "ap unplug: \"x\": expected an adapter's number, as 06"),
    (["config", "06", "on"], 'ap config: "06 on": the machine has none (see: umdev ap)'),
    (["config", "04", "x"], "ap config: \"04 x\": expected an adapter's number, and on or off, as 06 off"),
    (["config", "04.0004", "off"],
     "ap config: \"04.0004 off\": expected an adapter's number, and on or off, as 06 off"),
    (["checkstop", "04.0005", "on"], 'ap checkstop: "04.0005 on": the machine has none (see: umdev ap)'),
    (["checkstop", "04.", "on"],
     "ap checkstop: \"04. on\": expected an adapter's or a queue's number, and on or off, as 06.0004 on"),
    (["domains", "4,256"], f'ap domains: "4,256": expected {LIST}'),
    (["domains", "5-3"], f'ap domains: "5-3": expected {LIST}'),
    (["control-domains", "x"], f'ap control-domains: "x": expected {LIST}'),
])
def test_what_cannot_be_is_said(ap, args, reason):
    before = ap.read("firmware/ap/cards"), ap("domains"), ap("control-domains")
    assert ap.refused(*args) == [reason]
    assert (ap.read("firmware/ap/cards"), ap("domains"), ap("control-domains")) == before


def test_the_maximum_is_the_machines(daemon):
    ap = Console(daemon.start("--load", "ap,cards=04:CEX8P,domains=4,apxa=0"))
    assert ap.refused("plug", "40:CEX8P") == [f'ap plug: "40:CEX8P": expected {CARD}']
    assert ap.refused("domains", "16") == [f'ap domains: "16": expected {LIST}']
    ap("plug", "3f:CEX8P")
    ap("domains", "15")
    assert ap.names() == ["card04", "04.000f", "card3f", "3f.000f"]


def test_one_that_is_refused_keeps_no_other_from_being_done(ap):
    said = ap.refused("plug", "06:CEX7C", "04:CEX8P", "07:CEX9A", "08:CEX6A")
    assert said == ['ap plug: "04:CEX8P": there is an adapter in this place', f'ap plug: "07:CEX9A": expected {CARD}']
    assert [name for name in ap.names() if name.startswith("card")] == ["card04", "card05", "card06", "card08"]
    assert ap.refused("unplug", "07", "06") == ['ap unplug: "07": the machine has none (see: umdev ap)']
    assert [name for name in ap.names() if name.startswith("card")] == ["card04", "card05", "card08"]


@pytest.mark.parametrize("args, reason", [
    (["plug"], "usage: umdev ap plug ADAPTER:TYPE..."),
    (["unplug"], "usage: umdev ap unplug ADAPTER..."),
    (["config", "04"], "usage: umdev ap config ADAPTER on|off"),
    (["config", "04", "on", "off"], "usage: umdev ap config ADAPTER on|off"),
    (["checkstop"], "usage: umdev ap checkstop ADAPTER|QUEUE on|off"),
    (["domains", "4", "5"], "usage: umdev ap domains [LIST]"),
    (["list", "04"], "usage: umdev ap list)"),
    (["plgu"], 'no command "ap plgu" (did you mean "ap plug"?)'),
    (["frobnicate"], "see: umdev ap --help"),
    (["--nonsense"], 'no option "--nonsense" (see: umdev ap --help)'),
    (["unplug", "--nonsense", "04"], "Try 'umdev ap --help'."),
])
def test_wrong_usage_is_said(ap, args, reason):
    said = ap.refused(*args, status=2)
    assert reason in said[-1]
    assert ap.names() == FOUR + FIVE


@pytest.mark.parametrize("args", [["--help"], ["-h"], ["plug", "--help"], ["list", "-h"]])
def test_help_names_every_command(daemon, args):
    shown = daemon.umdev("ap", *args).stdout
    for command in "list plug unplug config checkstop domains control-domains request guest".split():
        assert f"\n  {command} " in shown


@pytest.mark.parametrize("args", [[], ["list"], ["plug", "04:CEX8P"], ["domains"], ["config", "04", "on"]])
def test_without_the_bus_it_says_what_to_do(daemon, args):
    ap = Console(daemon)
    assert ap.refused(*args) == [
        f"no umdevd is running at {daemon.runtime} (start one with: umdevd --load mtty)"]
    daemon.start()
    assert ap.refused(*args) == ["there is no AP bus (first: umdev modprobe ap cards=04:CEX8P)"]


# ---- somebody else ----


@pytest.fixture
def others_view(private_mounts, build_for_all, daemon):
    """What an ordinary user is told by a daemon of root's."""
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    daemon.start("--load", BUS)

    def run(*args):
        return subprocess.run(
            [build_for_all / "src/umdev/umdev", "ap", *args], capture_output=True, text=True, timeout=TIMEOUT,
            env={**os.environ, "UMDEV_RUNTIME_DIR": str(daemon.runtime)},
            cwd="/", user=NOBODY, group=NOBODY, extra_groups=[])

    return run


@pytest.mark.parametrize("args", [
    ["plug", "06:CEX8P", "07:CEX8P"], ["unplug", "04"], ["config", "04", "off"], ["checkstop", "04", "on"],
    ["domains", "4"], ["control-domains", "4"],
])
def test_others_may_not_change_the_machine(others_view, daemon, args):
    before = daemon.read("firmware/ap/cards"), daemon.read("firmware/ap/domains")
    done = others_view(*args)
    assert (done.returncode, done.stderr) == (1, "umdev: not allowed to change the machine (run this as root)\n")
    assert (daemon.read("firmware/ap/cards"), daemon.read("firmware/ap/domains")) == before


def test_others_may_look(others_view, daemon):
    assert others_view("list").stdout == daemon.umdev("ap", "list").stdout
    assert others_view("domains").stdout == "4,71\n"
