# SPDX-License-Identifier: LGPL-2.1-or-later
"""`umdev css`: the machine's console, as people and programs use it."""

import json
import os
import signal
import subprocess

import pytest

from conftest import NOBODY, TIMEOUT, UMDEV
from css_machine import Css, Tester, css, eventually, two  # noqa: F401


class Console:
    def __init__(self, css):
        self.css = css
        self.daemon = css.daemon

    def __call__(self, *args):
        return self.daemon.umdev("css", *args).stdout

    def refused(self, *args, status=1, **run):
        """What is said, without "umdev: "."""
        done = self.daemon.umdev("css", *args, check=False, **run)
        assert (done.returncode, done.stdout) == (status, "")
        return [line.removeprefix("umdev: ") for line in done.stderr.splitlines()]

    def list(self):
        return {entry["device"]: entry for entry in json.loads(self("list", "--json"))}


@pytest.fixture
def console(two):
    return Console(two)


def test_the_list_for_people(console):
    lines = [line.split() for line in console().splitlines()]
    assert lines[0] == "DEVICE SUBCHANNEL TYPE STATE DRIVER PATHS MASKS MDEV".split()
    assert lines[1][:4] == ["0.0.1000", "0.0.0000", "null", "disabled"]
    assert lines[1][5:] == ["10.11", "c0", "c0", "ff", "-"]
    assert lines[2][:3] == ["0.0.1001", "0.0.0001", "null"]
    assert console("list") == console()


def test_the_list_for_programs(console):
    assert json.loads(console("list", "--json")) == json.loads(console("-j"))
    entry = console.list()["0.0.1000"]
    del entry["driver"]
    assert entry == {
        "device": "0.0.1000", "subchannel": "0.0.0000", "type": "null",
        "options": "sch=0.0000,chpids=10.11", "state": "disabled", "chpids": "10.11", "pimpampom": "c0 c0 ff", "mdev": None,
    }


def test_types_are_told_with_their_options(console):
    assert "null" in console("types")


def test_devices_come_and_go(console):
    assert console("plug", "0.0.2000:null", "0.0.2001:null,chpids=33") == ""
    assert console.list()["0.0.2001"]["chpids"] == "33"
    assert console("unplug", "0.0.2000", "0.0.1000") == ""
    assert sorted(console.list()) == ["0.0.1001", "0.0.2001"]


def test_one_that_is_refused_keeps_none_of_the_others_from_being_done(console):
    said = console.refused("plug", "0.0.1000:null", "0.0.2000:null", "0.0.2001:what")
    assert len(said) == 2
    assert all(line.startswith("css plug: ") for line in said)
    assert "0.0.1000" in said[0] and "what" in said[1]
    assert "0.0.2000" in console.list()
    assert "0.0.4000" in console.refused("unplug", "0.0.4000", "0.0.2000")[0]
    assert "0.0.2000" not in console.list()


def test_unplugging_waits_for_who_uses_it(console):
    tester = Tester(console.css).take("0.0.0000")
    with tester.holds("quiesce"):
        waiting = subprocess.Popen([UMDEV, "--runtime-dir", console.daemon.runtime, "css", "unplug", "0.0.1000"])
        tester.wait_for("0.0.0000", "quiesce")
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(0.3)
        # One that does not wait is done at once.
        console("unplug", "--no-wait", "0.0.1001")
    assert waiting.wait(TIMEOUT) == 0
    assert console.list() == {}


def test_who_does_not_want_to_wait_any_longer_leaves(console):
    tester = Tester(console.css).take("0.0.0000")
    with tester.holds("quiesce"):
        waiting = subprocess.Popen(
            [UMDEV, "--runtime-dir", console.daemon.runtime, "css", "unplug", "0.0.1000"],
            stderr=subprocess.PIPE,
            text=True,
        )
        tester.wait_for("0.0.0000", "quiesce")
        waiting.send_signal(signal.SIGINT)
        said = waiting.communicate(timeout=TIMEOUT)[1]
    assert waiting.returncode == -signal.SIGINT
    assert "the unplugging of 0.0.1000 goes on" in said
    eventually(lambda: list(console.list()) == ["0.0.1001"])


def test_paths(console):
    for how, attr, value in [
        ("vary-off", "status", "offline\n"),
        ("vary-on", "status", "online\n"),
        ("deconfigure", "configure", "0\n"),
        ("configure", "configure", "1\n"),
    ]:
        assert console("chp", how, "10", "0.11") == ""
        assert console.css.path("10", attr) == console.css.path("11", attr) == value
    console("chp", "off", "10")
    assert console.list()["0.0.1000"]["pimpampom"] == "c0 40 7f"
    console("chp", "on", "10")
    assert console.list()["0.0.1000"]["pimpampom"] == "c0 c0 ff"


def test_mistakes_are_pointed_at(console):
    assert console.refused("chp", "of", "10", status=2) == [
        'css chp: "of": expected on, off, configure, deconfigure, vary-on or vary-off'
    ]
    assert "usage: umdev css chp HOW PATH..." in console.refused("chp", "on", status=2)[0]
    assert console.refused("chp", "vary-off", "99") == ["css chp: there is no channel path 99"]
    assert "99" in console.refused("chp", "off", "99")[0]
    assert "xx" in console.refused("chp", "vary-on", "xx")[0]
    assert "100" in console.refused("chp", "on", "100")[0]
    assert "usage: umdev css plug" in console.refused("plug", status=2)[0]
    assert "usage: umdev css unplug" in console.refused("unplug", status=2)[0]
    assert "usage: umdev css attention" in console.refused("attention", status=2)[0]
    assert console.refused("plugg", status=2) == ['no command "css plugg" (did you mean "css plug"?)']
    assert console.refused("--what", status=2) == ['css: no option "--what" (see: umdev css --help)']
    assert "0.0.9999" in console.refused("attention", "0.0.9999")[0]
    assert console("attention", "0.0.1000", "84") == ""


def test_help_names_every_command(console):
    text = console("--help")
    for command in "list", "types", "plug", "unplug", "attention", "chp":
        assert f"\n  {command} " in text
    assert console("plug", "--help") == text


def test_without_the_module_it_says_what_to_do(css):
    console = Console(css)
    for args in (), ("plug", "0.0.1000:null"), ("chp", "on", "10"), ("types",):
        assert console.refused(*args) == ["there is no channel subsystem (first: umdev modprobe css)"]


@pytest.mark.parametrize("args", [
    ["plug", "0.0.2000:null", "0.0.2001:null"], ["unplug", "0.0.1000"], ["attention", "0.0.1000"],
    ["chp", "off", "10"], ["chp", "vary-off", "10"],
])
def test_others_may_look_and_not_change_the_machine(private_mounts, build_for_all, daemon, args):
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    console = Console(Css(daemon))
    console.css.load("0.0.1000:null,chpids=10")

    def others(*args):
        return subprocess.run(
            [build_for_all / "src/umdev/umdev", "css", *args], capture_output=True, text=True, timeout=TIMEOUT,
            env={**os.environ, "UMDEV_RUNTIME_DIR": str(daemon.runtime)},
            cwd="/", user=NOBODY, group=NOBODY, extra_groups=[])

    before = console.css.console("devices")
    done = others(*args)
    assert (done.returncode, done.stderr) == (1, "umdev: not allowed to change the machine (run this as root)\n")
    assert console.css.console("devices") == before
    assert others("list").stdout == console("list")
