# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tools of Debian 12 and 13 with subchannels, ccw devices and vfio_ccw, as on a mainframe."""

import json

import pytest

from libvirt import Libvirt
from test_libvirt import dumpxml, in_tree, name_of, wait_until, xml
from test_mdevctl import (
    OTHER, UUID, active, define, mdevctl, refusal, started_by_udev,
)
from udev import client, devices_of, export

MACHINE = 'css,devices="0.0.1000:null,chpids=10;0.0.1001:null,chpids=10.11"'
SCH, BUSID, TYPE = "0.0.0000", "0.0.1000", "vfio_ccw-io"
NAME = name_of(UUID, "0_0_0000")


@pytest.fixture
def libvirt(view):
    with Libvirt(view) as instance:
        yield instance


def start(view, *modules):
    """Without the modules of tests, some of which are for subchannels, too."""
    path = ":".join(str(view.build / "drivers" / name) for name in ("css", "vfio_ccw"))
    return view.start("--module-path", path, *(f"--load={module}" for module in modules))


def begin(view):
    return start(view, MACHINE, "vfio_ccw")


def hand_over(view, sch=SCH):
    """As an administrator does it."""
    view.write("bus/css/drivers/io_subchannel/unbind", sch)
    view.write("bus/css/drivers/vfio_ccw/bind", sch)
    return view


def driver_of(view, sch=SCH):
    return view.outside("readlink", view.daemon.sys / f"bus/css/devices/{sch}/driver").strip().rpartition("/")[2]


# ---- libudev ----


def test_the_enumeration_finds_all(any_view):
    begin(any_view)
    expected = devices_of(any_view)
    names = {path.rpartition("/")[2] for path in expected}
    assert {"0.0.0000", "0.0.0001", "0.0.1000", "0.0.1001"} <= names
    assert expected - set(export(any_view)) == set()
    found = {entry["properties"]["DEVPATH"]: entry["properties"] for entry in client(any_view, "devices")}
    assert expected - set(found) == set()
    sch = found[f"/devices/css0/{SCH}"]
    assert (sch["SUBSYSTEM"], sch["DRIVER"], sch["MODALIAS"]) == ("css", "io_subchannel", "css:t0")
    ccw = found[f"/devices/css0/{SCH}/{BUSID}"]
    assert ccw["SUBSYSTEM"] == "ccw" and ccw["MODALIAS"].startswith(f"ccw:t{ccw['CU_TYPE']}m")


# ---- driverctl ----


def driverctl(view, *args, **run):
    return view.run("driverctl", "--bus", "css", *args, **run)


def listed(view):
    return driverctl(view, "list-devices").stdout.splitlines()


def test_driverctl_moves_a_subchannel_to_vfio_ccw_and_back(view):
    begin(view)
    assert listed(view) == [f"{SCH} io_subchannel", "0.0.0001 io_subchannel"]
    driverctl(view, "set-override", SCH, "vfio_ccw")
    assert listed(view) == [f"{SCH} vfio_ccw [*]", "0.0.0001 io_subchannel"]
    assert driverctl(view, "list-overrides").stdout == f"{SCH} vfio_ccw\n"
    assert view.find(["bus/ccw/devices"], "-type", "l") == ["/bus/ccw/devices/0.0.1001"]
    mdevctl(view, "start", "--uuid", UUID, "--parent", SCH, "--type", TYPE)
    mdevctl(view, "stop", "--uuid", UUID)
    driverctl(view, "unset-override", SCH)
    assert listed(view) == [f"{SCH} io_subchannel", "0.0.0001 io_subchannel"]
    assert driver_of(view) == "io_subchannel"


# ---- mdevctl ----


def test_types(any_view):
    hand_over(begin(any_view))
    (types,) = json.loads(mdevctl(any_view, "types", "--dumpjson").stdout)
    assert types == {SCH: [{TYPE: {
        "available_instances": 1,
        "device_api": "vfio-ccw",
        "name": "I/O subchannel (Non-QDIO)",
    }}]}


def test_a_device_is_started_and_stopped(any_view):
    hand_over(begin(any_view))
    define(any_view, parent=SCH, type=TYPE)
    mdevctl(any_view, "start", "--uuid", UUID)
    assert active(any_view) == [UUID]
    said = refusal(any_view, "start", "--uuid", OTHER, "--parent", SCH, "--type", TYPE)
    assert said == f"Error: No available instances of {TYPE} on {SCH}"
    mdevctl(any_view, "stop", "--uuid", UUID)
    assert active(any_view) == []


def test_a_subchannel_gets_its_device_by_the_udev_rule(view):
    """Whenever it is given to vfio_ccw."""
    start(view, MACHINE)
    view.start_udevd()
    view.daemon.umdev("modprobe", "vfio_ccw")
    define(view, "--auto", parent=SCH, type=TYPE)
    for _ in range(2):
        hand_over(view)
        assert started_by_udev(view) == [UUID]
        view.write("bus/css/drivers/vfio_ccw/unbind", SCH)
        assert active(view) == []
        view.write("bus/css/drivers/io_subchannel/bind", SCH)


# ---- libvirt ----


def test_libvirt_lists_subchannels_and_what_is_behind_them(libvirt):
    begin(libvirt.view)
    libvirt.view.start_udevd()
    libvirt.start()
    assert libvirt.names("--cap", "css") == ["css_0_0_0000", "css_0_0_0001"]
    # Of ccw devices older ones list those that are online, and these have no driver.
    assert libvirt.names("--cap", "ccw") in ([], ["ccw_0_0_1000", "ccw_0_0_1001"])
    assert libvirt.names("--cap", "mdev_types") == []
    sch = dumpxml(libvirt, "css_0_0_0001")
    assert sch.findtext("driver/name") == "io_subchannel"
    assert [int(sch.findtext(f"capability/{key}"), 16) for key in ("cssid", "ssid", "devno")] == [0, 0, 1]
    behind = sch.find("capability/channel_dev_addr")
    assert [int(behind.findtext(key), 16) for key in ("cssid", "ssid", "devno")] == [0, 0, 0x1001]
    # What comes it hears of before it has a driver, and looks again when it is told to.
    libvirt.view.write("firmware/css/plug", "0.0.1002:null")
    libvirt.view.write("bus/css/devices/0.0.0002/uevent", "add")
    wait_until(lambda: libvirt.names("--cap", "css"), ["css_0_0_0000", "css_0_0_0001", "css_0_0_0002"])
    libvirt.view.write("firmware/css/unplug", "0.0.1001")
    wait_until(lambda: libvirt.names("--cap", "css"), ["css_0_0_0000", "css_0_0_0002"])


def test_libvirt_lists_a_device_that_is_online(libvirt):
    modules = libvirt.view.build / "tests/modules"
    start(libvirt.view, "css", modules / "cu_test.so", modules / "ccw_user.so")
    libvirt.view.write("firmware/css/plug", f"{BUSID}:test")
    libvirt.view.write(f"bus/ccw/devices/{BUSID}/online", "1")
    libvirt.view.start_udevd()
    libvirt.start()
    assert libvirt.names("--cap", "ccw") == ["ccw_0_0_1000"]
    assert dumpxml(libvirt, "ccw_0_0_1000").findtext("parent") == "css_0_0_0000"
    assert dumpxml(libvirt, "ccw_0_0_1000").findtext("driver/name") == "ccw_user"


def test_libvirt_creates_a_device_on_a_subchannel(libvirt):
    hand_over(begin(libvirt.view))
    libvirt.view.start_udevd()
    libvirt.start()
    assert libvirt.names("--cap", "mdev_types") == ["css_0_0_0000"]
    (offered,) = dumpxml(libvirt, "css_0_0_0000").iter("type")
    assert (offered.get("id"), offered.findtext("deviceAPI")) == (TYPE, "vfio-ccw")
    libvirt.virsh("nodedev-create", libvirt.file(xml("css_0_0_0000", TYPE)))
    assert in_tree(libvirt) == [UUID]
    wait_until(libvirt.mdevs, [NAME])
    assert dumpxml(libvirt, NAME).findtext("parent") == "css_0_0_0000"
    libvirt.virsh("nodedev-destroy", NAME)
    assert in_tree(libvirt) == []
