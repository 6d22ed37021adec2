# SPDX-License-Identifier: LGPL-2.1-or-later
"""io_subchannel: the ccw device behind a subchannel, how it comes and goes, its attributes."""

import errno
import os
import subprocess
import sys

import pytest

from conftest import SOURCE
from ccw_machine import BUSID, SCH, css, device, online  # noqa: F401
from css_machine import USUAL, eventually, refused

ATTRIBUTES = {
    "availability": 0o444, "cmb_enable": 0o644, "cutype": 0o444, "devtype": 0o444, "modalias": 0o444,
    "online": 0o644,
}


def files(directory):
    return {path.name: path.stat().st_mode & 0o777 for path in directory.iterdir() if path.is_file()}


# ---- coming ----


def test_plugging_returns_with_the_device_there(css):
    for number in range(8):
        css.console("plug", f"0.0.100{number}:test")
        assert css.ccw_devices() == [f"0.0.100{i}" for i in range(number + 1)]
    assert css.driver(SCH) == "io_subchannel"
    assert os.readlink(css.daemon.sys / f"bus/ccw/devices/{BUSID}") == f"../../../devices/css0/{SCH}/{BUSID}"


def test_devices_of_the_beginning_are_there_when_the_module_is(css):
    css.daemon.umdev("rmmod", "cu_test")
    css.unload()
    css.load("0.0.1000:null", "0.0.1001:null")
    assert css.ccw_devices() == ["0.0.1000", "0.0.1001"]


def test_attributes(css):
    css.console("plug", f"{BUSID}:test,chpids=10.11")
    values = {name: css.get(name) for name in ATTRIBUTES}
    assert values == {
        "availability": "good\n", "cmb_enable": "0\n", "cutype": "abcd/01\n", "devtype": "1234/02\n",
        "modalias": "ccw:tABCDm01dt1234dm02\n", "online": "0\n",
    }
    shown = files(css.daemon.sys / f"bus/ccw/devices/{BUSID}")
    assert ATTRIBUTES.items() <= shown.items()
    assert {"logging": 0o200, "vpm": 0o444}.items() <= files(css.bus / "devices" / SCH).items()
    assert css.read(SCH, "vpm") == "00\n"


def test_a_control_unit_without_device(css):
    css.params("cu_test", dev_type=0)
    css.console("plug", f"{BUSID}:test")
    assert css.get("devtype") == "n/a\n"
    assert css.get("modalias") == "ccw:tABCDm01dtdm\n"


def test_disks(css):
    """What Linux's own drivers of them look for."""
    files = {name: css.daemon.directory / name for name in ("fba", "eckd")}
    css.console("plug", f"0.0.2000:9336,file={files['fba']},blocks=1024")
    css.console("plug", f"0.0.2001:3390,file={files['eckd']},cyls=1")
    said = {busid: [css.get(attr, busid) for attr in ("cutype", "devtype", "modalias")] for busid in css.ccw_devices()}
    assert said == {
        "0.0.2000": ["6310/80\n", "9336/10\n", "ccw:t6310m80dt9336dm10\n"],
        "0.0.2001": ["3990/e9\n", "3390/02\n", "ccw:t3990mE9dt3390dm02\n"],
    }
    css.daemon.umdev("modprobe", "ccw_user")
    for busid, info in (("0.0.2000", 2), ("0.0.2001", 3)):
        css.set("online", 1, busid)
        assert css.get("online", busid) == "1\n"
        assert f"probe {busid} info {info}" in css.told()


def test_events(css):
    with css.events() as heard:
        css.console("plug", f"{BUSID}:test")
    (added,) = [env for env in heard if env["SUBSYSTEM"] == "ccw"]
    assert (added["ACTION"], added["DEVPATH"]) == ("add", f"/devices/css0/{SCH}/{BUSID}")
    assert {key: added[key] for key in added if key not in USUAL} == {
        "CU_TYPE": "ABCD", "CU_MODEL": "01", "DEV_TYPE": "1234", "DEV_MODEL": "02",
        "MODALIAS": "ccw:tABCDm01dt1234dm02",
    }


def test_a_device_that_does_not_say_what_it_is_is_not_shown(css):
    css.params("cu_test", sense=0x80, hang=0xE4)
    css.params("css", request_timeout=50)
    css.console("plug", f"{BUSID}:test,chpids=10.11")
    assert css.ccw_devices() == []
    assert css.driver(SCH) == "io_subchannel"
    # It is looked at again when somebody asks for it.
    css.params("cu_test", sense=0, hang=0)
    css.write("drivers/io_subchannel/unbind", SCH)
    css.write("drivers/io_subchannel/bind", SCH)
    eventually(lambda: css.ccw_devices() == [BUSID])


# ---- going ----


def test_unplugging_takes_it_away(device):
    device.unplug(BUSID)
    assert device.ccw_devices() == device.names() == []


def test_unbinding_the_subchannel_takes_it_away(device):
    device.write("drivers/io_subchannel/unbind", SCH)
    assert device.ccw_devices() == []
    assert {"logging", "vpm"} & set(files(device.bus / "devices" / SCH)) == set()
    device.write("drivers/io_subchannel/bind", SCH)
    eventually(lambda: device.ccw_devices() == [BUSID])


def test_unbinding_while_it_does_not_answer_does_not_wait_for_it(css):
    """Ten seconds are what it would have otherwise, on each path twice."""
    css.params("cu_test", hang=0xE4)
    css.params("css", request_timeout=3600000)
    css.write("drivers_autoprobe", "0")
    css.console("plug", f"{BUSID}:test")
    css.write("drivers/io_subchannel/bind", SCH)
    css.write("drivers/io_subchannel/unbind", SCH)
    assert css.ccw_devices() == []


def test_a_device_without_path_is_not_there(css):
    css.console("plug", f"{BUSID}:test,chpids=10")
    css.path("10", "status", "off")
    eventually(lambda: css.ccw_devices() == [])
    assert css.names() == [SCH]
    css.path("10", "status", "on")
    eventually(lambda: css.ccw_devices() == [BUSID])
    css.console("path", "10 off")
    eventually(lambda: css.ccw_devices() == [])
    css.console("path", "10 on")
    eventually(lambda: css.ccw_devices() == [BUSID])


# ---- online ----


def test_without_driver_it_can_not_be_online(css):
    css.console("plug", f"{BUSID}:test")
    for text in ("1", "0"):
        with refused(errno.EINVAL):
            css.set("online", text)
    assert css.get("online") == "0\n"


@pytest.mark.parametrize("text", ["x", "2", "-1", "1 1", "forced"])
def test_what_online_does_not_understand(device, text):
    with refused(errno.EINVAL):
        device.set("online", text)
    assert device.told() == [f"probe {BUSID} info 1"]


def test_online_and_offline(device):
    assert device.ccw_driver() == "ccw_user"
    device.set("online", "1\n")
    assert device.get("online") == "1\n"
    assert device.read(SCH, "vpm") == "c0\n"
    assert device.get("state") == "paths c0 group 0 multipath 0\n"
    with refused(errno.EINVAL):
        device.set("online", "1")
    device.set("online", "0\n")
    assert device.get("online") == "0\n"
    with refused(errno.EINVAL):
        device.set("online", "0")
    assert device.told() == [f"probe {BUSID} info 1", "set_online", "set_offline"]


def test_a_driver_that_refuses_it_online(device):
    device.params("ccw_user", fail_online=errno.EIO)
    with refused(errno.EIO):
        device.set("online", 1)
    assert device.get("online") == "0\n"
    device.params("ccw_user", fail_online=0)
    device.set("online", 1)
    assert device.get("online") == "1\n"


def test_a_driver_that_refuses_it_offline(online):
    online.params("ccw_user", fail_offline=errno.EBUSY)
    with refused(errno.EBUSY):
        online.set("online", 0)
    assert online.get("online") == "1\n"
    online.set("start", "3")
    online.wait_for("irq 3 cc 0 ctrl 4007 dstat 0c cstat 00 count 1")
    online.params("ccw_user", fail_offline=0)


def test_a_device_that_does_not_answer_on_the_way_online_goes(device):
    device.params("cu_test", hang=3)
    device.params("css", request_timeout=50)
    with refused(errno.ENODEV):
        device.set("online", 1)
    eventually(lambda: device.ccw_devices() == [])
    assert device.names() == [SCH]


def test_unbinding_the_driver_takes_it_offline(online):
    online.daemon.write("bus/ccw/drivers/ccw_user/unbind", BUSID)
    assert online.told() == [f"remove {BUSID}"]
    assert online.get("online") == "0\n"
    assert online.ccw_driver() is None
    online.daemon.write("bus/ccw/drivers/ccw_user/bind", BUSID)
    online.set("online", 1)


def test_unloading_the_driver_takes_it_offline(online):
    online.set("start", "3")
    online.daemon.umdev("rmmod", "ccw_user")
    assert online.get("online") == "0\n"


def test_what_is_not_there(online):
    with refused(errno.EOPNOTSUPP):
        online.set("cmb_enable", 1)
    online.set("cmb_enable", 0)
    with refused(errno.EINVAL):
        online.set("cmb_enable", 2)
    with refused(errno.EOPNOTSUPP):
        online.write(f"devices/{SCH}/logging", "1")


def test_everything_goes_with_the_module(online):
    """Also while a device is online, and one that does not answer is looked at."""
    online.daemon.umdev("rmmod", "ccw_user")
    online.daemon.umdev("rmmod", "cu_test")
    online.unload()
    assert not (online.daemon.sys / "bus/ccw").exists()
    assert not (online.daemon.sys / "bus/css").exists()


def test_nonsense_breaks_nothing(device):
    fuzzed = subprocess.run(
        [sys.executable, SOURCE / "fuzz/attr_fuzz.py", device.daemon.sys / f"devices/css0/{SCH}", "--seconds", "3"],
        capture_output=True,
        text=True,
    )
    assert fuzzed.returncode == 0, fuzzed.stderr
    device.unplug(BUSID)
    device.console("plug", f"{BUSID}:test")
    device.set("online", 1)
