# SPDX-License-Identifier: LGPL-2.1-or-later
"""The bus of subchannels: its devices, their attributes and events, and channel paths."""

import errno
import os
import stat

import pytest

from conftest import TEST_MODULES
from css_machine import USUAL, Css, Tester, css, eventually, refused, tester, two  # noqa: F401

BOTH = ["0.0.0000", "0.0.0001"]


def modes(directory):
    """Files with their bits, as a kernel's are listed."""
    return {
        path.name: stat.S_IMODE(path.stat().st_mode)
        for path in directory.iterdir()
        if path.is_file() and not path.is_symlink()
    }


# ---- what is there ----


def test_devices_are_there_when_the_module_is(two):
    assert two.devices() == {"0.0.0000": "0.0.1000", "0.0.0001": "0.0.1001"}
    for name in BOTH:
        link = two.bus / "devices" / name
        assert os.readlink(link) == f"../../../devices/css0/{name}"
    assert two.paths() == ["chp0.10", "chp0.11", "chp0.12"]


def test_attributes_of_a_subchannel(two):
    assert two.read("0.0.0000", "type") == "0\n"
    assert two.read("0.0.0000", "modalias") == "css:t0\n"
    assert two.read("0.0.0000", "chpids") == "10 11 00 00 00 00 00 00 \n"
    assert two.read("0.0.0000", "pimpampom") == "c0 c0 ff\n"
    assert two.read("0.0.0000", "dev_busid") == "0.0.1000\n"
    assert two.read("0.0.0000", "driver_override") == "(null)\n"
    assert {"ST=0", "MODALIAS=css:t0"} <= set(two.read("0.0.0000", "uevent").splitlines())
    kernels = {
        "chpids": 0o444, "dev_busid": 0o444, "driver_override": 0o644, "modalias": 0o444,
        "pimpampom": 0o444, "type": 0o444, "uevent": 0o644,
    }
    assert kernels.items() <= modes(two.bus / "devices/0.0.0000").items()


def test_attributes_of_a_channel_path(two):
    directory = two.daemon.sys / "devices/css0/chp0.10"
    assert modes(directory) == {
        "chid": 0o444, "chid_external": 0o444, "cmg": 0o444, "configure": 0o644, "esc": 0o444,
        "shared": 0o444, "status": 0o644, "type": 0o444, "uevent": 0o644, "util_string": 0o444,
    }
    assert two.path("10", "status") == "online\n"
    assert two.path("10", "configure") == "1\n"
    assert two.path("10", "type") == "1b\n"
    assert two.path("10", "cmg") == two.path("10", "shared") == "unknown\n"
    assert two.path("10", "chid") == two.path("10", "chid_external") == two.path("10", "uevent") == ""
    assert two.path("10", "esc") == "0\n"
    assert (directory / "util_string").read_bytes() == bytes(64)
    two.path("10", "uevent", "change")
    with refused(errno.EINVAL):
        two.path("10", "uevent", "nonsense")


def test_root_has_what_the_kernels_has(two):
    root = two.daemon.sys / "devices/css0"
    assert modes(root) == {"real_cssid": 0o444, "rescan": 0o200, "uevent": 0o644}
    assert two.daemon.read("devices/css0/real_cssid") == "0\n"
    two.daemon.write("devices/css0/rescan", "1")
    assert two.names() == BOTH


def test_subchannels_of_other_sets_and_numbers(css):
    css.load("0.1.1000:null", "0.3.fffe:null,sch=3.00ff", "0.0.0001:null,sch=0.abcd")
    assert css.devices() == {"0.0.abcd": "0.0.0001", "0.1.0000": "0.1.1000", "0.3.00ff": "0.3.fffe"}
    css.unplug("0.3.fffe")
    assert css.names() == ["0.0.abcd", "0.1.0000"]


# ---- coming and going ----


def test_device_is_there_when_plugging_returns(two):
    for number in range(2, 20):
        two.console("plug", f"0.0.10{number:02x}:null,chpids=20")
        assert two.devices()[f"0.0.{number:04x}"] == f"0.0.10{number:02x}"
    assert "chp0.20" in two.paths()


def test_device_is_away_when_unplugging_has_settled(two):
    two.unplug("0.0.1000")
    assert two.devices() == {"0.0.0001": "0.0.1001"}
    two.console("plug", "0.0.2000:null")
    assert two.devices() == {"0.0.0000": "0.0.2000", "0.0.0001": "0.0.1001"}
    # As in the kernel, paths stay.
    two.unplug("0.0.2000")
    two.unplug("0.0.1001")
    assert two.names() == []
    assert two.paths() == ["chp0.10", "chp0.11", "chp0.12"]


def test_events_of_subchannels_are_the_kernels(two):
    with two.events() as events:
        two.console("plug", "0.0.2000:null")
        two.unplug("0.0.2000")
    keys = {"ST": "0", "MODALIAS": "css:t0"}
    path = "/devices/css0/0.0.0002"
    ours = [env for env in events if env["DEVPATH"] == path and env["ACTION"] in ("add", "remove")]
    assert [env["ACTION"] for env in ours] == ["add", "remove"]
    for env in ours:
        assert env["SUBSYSTEM"] == "css"
        assert {key: env[key] for key in env.keys() - USUAL if key != "DRIVER"} == keys


def test_module_that_claims_subchannels_is_loaded_for_them(daemon):
    css = Css(daemon, TEST_MODULES)
    css.load()
    assert not (daemon.sys / "module/css_tester").exists()
    css.console("plug", "0.0.1000:null")
    eventually((daemon.sys / "bus/css/drivers/css_tester").exists)


# ---- channel paths ----


def test_path_that_is_varied_off_is_said_to_drivers(tester):
    css = tester.css
    tester.forget()
    css.path("11", "status", "off")
    assert css.path("11", "status") == "offline\n"
    assert tester.calls("0.0.0000") == ["chp_event 0.11 mask=40 opm=bf VARY_OFF"]
    assert tester.calls("0.0.0001") == ["chp_event 0.11 mask=80 opm=7f VARY_OFF"]
    # The second time there is nothing to say; varying on always does, as in the kernel.
    css.path("11", "status", "0")
    assert len(tester.lines()) == 2
    tester.forget()
    css.path("11", "status", "on\n")
    assert css.path("11", "status") == "online\n"
    assert tester.calls("0.0.0000") == ["chp_event 0.11 mask=40 opm=ff VARY_ON"]
    css.path("11", "status", "1")
    assert tester.calls("0.0.0000") == ["chp_event 0.11 mask=40 opm=ff VARY_ON"] * 2


def test_path_of_another_device_is_said_too(tester):
    tester.forget()
    tester.css.path("12", "status", "off")
    assert tester.calls("0.0.0000") == ["chp_event 0.12 mask=00 opm=ff VARY_OFF"]


def test_path_that_a_subchannel_does_not_have_is_none_of_its(tester):
    """Not even the one whose number stands where there is none."""
    tester.css.console("plug", "0.0.3000:null,chpids=00")
    tester.take("0.0.0002")
    tester.forget()
    tester.css.path("00", "status", "off")
    assert tester.calls("0.0.0000") == ["chp_event 0.00 mask=00 opm=ff VARY_OFF"]
    assert tester.calls("0.0.0002") == ["chp_event 0.00 mask=80 opm=7f VARY_OFF"]


def test_driver_that_comes_later_finds_what_was_varied(two):
    two.path("11", "status", "off")
    tester = Tester(two).take("0.0.0000")
    assert tester.calls("0.0.0000")[-1] == "probe lpm=80 opm=bf"
    two.console("plug", "0.0.3000:null,chpids=11")
    tester.take("0.0.0002")
    assert tester.calls("0.0.0002")[-1] == "probe lpm=00 opm=7f"


@pytest.mark.parametrize("text", ["offline", "OFF", "off 1", "0", "\toff\n"])
def test_status_takes_what_the_kernels_takes(two, text):
    two.path("10", "status", text)
    assert two.path("10", "status") == "offline\n"
    two.path("10", "status", "Onion")
    assert two.path("10", "status") == "online\n"


@pytest.mark.parametrize("text", ["of", "o", "2", "10", "-1", "x" * 4000])
def test_status_refuses_what_the_kernels_refuses(two, text):
    with refused(errno.EINVAL):
        two.path("10", "status", text)
    assert two.path("10", "status") == "online\n"


def test_cable_that_is_pulled(tester):
    css = tester.css
    tester.forget()
    css.console("path", "10 off")
    assert tester.calls("0.0.0000") == ["chp_event 0.10 mask=80 opm=ff OFFLINE"]
    assert css.read("0.0.0000", "pimpampom") == "c0 40 7f\n"
    tester.forget()
    css.console("path", "0.10 on")
    assert tester.calls("0.0.0000")[0] == "chp_event 0.10 mask=80 opm=ff ONLINE"
    assert css.read("0.0.0000", "pimpampom") == "c0 c0 ff\n"


def test_driver_that_says_it_is_gone_is_asked_again(tester):
    tester.write("gone", 1)
    tester.forget()
    tester.css.console("path", "10 off")
    assert tester.calls("0.0.0000") == ["chp_event 0.10 mask=80 opm=ff OFFLINE", "sch_event there"]


def test_paths_are_configured_and_deconfigured(tester):
    css = tester.css
    tester.forget()
    css.path("10", "configure", "0")
    assert css.path("10", "configure") == "0\n"
    assert tester.calls("0.0.0000") == ["chp_event 0.10 mask=80 opm=ff OFFLINE"]
    assert css.read("0.0.0000", "pimpampom") == "c0 40 ff\n"
    tester.forget()
    css.path("10", "configure", "1\n")
    assert css.path("10", "configure") == "1\n"
    assert tester.calls("0.0.0000")[0] == "chp_event 0.10 mask=80 opm=ff ONLINE"
    for text in "2", "-1", "x", "1 x", "":
        if text:
            with refused(errno.EINVAL):
                css.path("10", "configure", text)


def test_path_that_is_varied_off_neither_comes_nor_goes(tester):
    css = tester.css
    css.path("10", "status", "off")
    tester.forget()
    css.console("path", "10 off")
    css.console("path", "10 on")
    assert not [line for line in tester.lines() if "chp_event" in line]


def test_subchannel_without_path_is_looked_at_when_one_comes(tester):
    css = tester.css
    css.console("path", "10 off")
    css.console("path", "11 off")
    tester.forget()
    css.console("path", "11 on")
    assert tester.calls("0.0.0000") == ["chp_event 0.11 mask=40 opm=ff ONLINE"]
    css.console("path", "11 off")
    tester.forget()
    # None of its own: so it still has none, and may be gone for other reasons.
    css.path("12", "status", "on")
    css.settle()
    assert tester.calls("0.0.0000") == ["chp_event 0.12 mask=00 opm=ff VARY_ON", "sch_event there"]


# ---- drivers ----


def test_driver_override_names_who_may_have_it(two):
    tester = Tester(two)
    usual = two.driver("0.0.0000")
    two.write("devices/0.0.0000/driver_override", "css_tester")
    assert two.read("0.0.0000", "driver_override") == "css_tester\n"
    if usual:
        two.write(f"drivers/{usual}/unbind", "0.0.0000")
    two.write("drivers_probe", "0.0.0000")
    assert two.driver("0.0.0000") == "css_tester"
    tester.release("0.0.0000")
    two.write("devices/0.0.0000/driver_override", "another")
    two.write("drivers_probe", "0.0.0000")
    assert two.driver("0.0.0000") is None
    with refused(errno.ENODEV):
        tester.write("bind", "0.0.0000")
    assert two.driver("0.0.0000") is None
    two.write("devices/0.0.0000/driver_override", "\n")
    assert two.read("0.0.0000", "driver_override") == "(null)\n"
    tester.write("bind", "0.0.0000")
    assert two.driver("0.0.0000") == "css_tester"


def test_driver_of_another_type_is_never_bound(two):
    tester = Tester(two).take("0.0.0000")
    tester.release("0.0.0000")
    with refused(errno.ENODEV):
        two.write("drivers/css_other/bind", "0.0.0000")
    two.write("devices/0.0.0000/driver_override", "css_other")
    with refused(errno.ENODEV):
        two.write("drivers/css_other/bind", "0.0.0000")
    assert two.driver("0.0.0000") is None


def test_explicit_driver_gets_nothing_by_itself(two):
    usual = two.driver("0.0.0000")
    tester = Tester(two)
    assert two.driver("0.0.0000") == usual
    two.console("plug", "0.0.2000:null")
    assert two.driver("0.0.0002") == usual
    tester.take("0.0.0002")
    tester.release("0.0.0002")
    two.write("drivers_probe", "0.0.0002")
    assert two.driver("0.0.0002") == usual


def test_module_with_users_stays(tester):
    css = tester.css
    done = css.unload(check=False)
    assert done.returncode == 1 and "css_tester" in done.stderr
    assert css.driver("0.0.0000") == "css_tester"
    css.daemon.umdev("rmmod", "css_tester")
    css.unload()
    assert not (css.daemon.sys / "bus/css").exists()
    assert not (css.daemon.sys / "devices/css0").exists()
    assert not (css.daemon.sys / "firmware").exists()


def test_module_comes_again(css):
    for number in range(3):
        css.load(f"0.0.100{number}:null,chpids=1{number}")
        assert css.devices() == {"0.0.0000": f"0.0.100{number}"}
        css.path(f"1{number}", "status", "off")
        assert css.paths() == [f"chp0.1{number}"]
        css.unload()


def test_module_that_leaves_with_devices_tells_their_driver(tester):
    css = tester.css
    tester.forget()
    tester.release("0.0.0001")
    assert tester.calls("0.0.0001") == ["quiesce", "remove"]
    css.daemon.umdev("rmmod", "css_tester")
    css.unload()
