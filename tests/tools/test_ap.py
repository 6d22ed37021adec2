# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tools of Debian 12 and 13 with crypto adapters and the matrix device, as on a mainframe."""

import json

import pytest

from libvirt import Libvirt
from test_libvirt import dumpxml, in_tree, name_of, wait_until, xml
from test_mdevctl import (
    OTHER, UUID, active, add_attribute, define, mdev_attribute, mdevctl, refusal, started_by_udev,
)
from udev import client, devices_of, export

MACHINE = 'ap,cards="04:CEX8P,05:CEX8A",domains="4,0x47"'
CARDS = ["card04", "card05"]
QUEUES = ["04.0004", "04.0047", "05.0004", "05.0047"]
PARENT, TYPE = "matrix", "vfio_ap-passthrough"
MATRIX = "04.0004\n04.0047\n"
NAME = name_of(UUID, PARENT)
CONFIG = "0x08" + "0" * 62 + ",0x08" + "0" * 14 + "01" + "0" * 46 + ",0x0" + "0" * 63


@pytest.fixture
def libvirt(view):
    with Libvirt(view) as instance:
        yield instance


def begin(view):
    """The machine; its adapter 4 is for guests."""
    view.start("--load", MACHINE, "--load", "vfio_ap")
    view.write("bus/ap/apmask", "-4")
    return view


def define_matrix(view, *args, uuid=UUID):
    define(view, *args, uuid=uuid, parent=PARENT, type=TYPE)


# ---- libudev ----


def test_the_enumeration_ends_and_finds_all(any_view):
    """Without a bus, the matrix device made libudev's scan fail, and libvirt tried again for ever."""
    begin(any_view)
    mdevctl(any_view, "start", "--uuid", UUID, "--parent", PARENT, "--type", TYPE)
    expected = devices_of(any_view)
    names = {path.rpartition("/")[2] for path in expected}
    assert {*CARDS, *QUEUES, "matrix", UUID} <= names
    assert expected - set(export(any_view)) == set()
    found = {entry["properties"]["DEVPATH"]: entry["properties"] for entry in client(any_view, "devices")}
    assert expected - set(found) == set()
    assert found["/devices/ap/card04"]["DEVTYPE"] == "ap_card"
    assert found["/devices/ap/card04/04.0047"]["DEVTYPE"] == "ap_queue"
    assert found["/devices/vfio_ap/matrix"]["SUBSYSTEM"] == "matrix"


# ---- mdevctl ----


def test_types(any_view):
    begin(any_view)
    (types,) = json.loads(mdevctl(any_view, "types", "--dumpjson").stdout)
    ((name, said),) = types[PARENT][0].items()
    assert (name, said["device_api"], said["name"]) == (TYPE, "vfio-ap", "VFIO AP Passthrough Device")
    assert "description" not in said


def test_a_matrix_is_defined_and_started_with_its_attributes(any_view):
    begin(any_view)
    define_matrix(any_view)
    for name, value in (("assign_adapter", "4"), ("assign_domain", "0x4"), ("assign_domain", "0x47"),
                        ("assign_control_domain", "0x47")):
        add_attribute(any_view, name, value)
    (defined,) = json.loads(mdevctl(any_view, "list", "--defined", "--dumpjson").stdout)
    assert defined[PARENT][0][UUID] == {
        "mdev_type": TYPE,
        "start": "manual",
        "attrs": [{"assign_adapter": "4"}, {"assign_domain": "0x4"}, {"assign_domain": "0x47"},
                  {"assign_control_domain": "0x47"}],
    }
    mdevctl(any_view, "start", "--uuid", UUID)
    assert mdev_attribute(any_view, "matrix") == MATRIX
    assert mdev_attribute(any_view, "guest_matrix") == MATRIX
    assert mdev_attribute(any_view, "control_domains") == "0047\n"
    (running,) = json.loads(mdevctl(any_view, "list", "--dumpjson").stdout)
    assert running[PARENT][0][UUID]["mdev_type"] == TYPE
    mdevctl(any_view, "stop", "--uuid", UUID)
    assert active(any_view) == []


def test_a_matrix_as_one_attribute(view):
    begin(view)
    define_matrix(view)
    add_attribute(view, "ap_config", CONFIG)
    mdevctl(view, "start", "--uuid", UUID)
    assert mdev_attribute(view, "matrix") == MATRIX
    assert mdev_attribute(view, "ap_config") == CONFIG + "\n"


def test_a_definition_that_was_dumped_is_taken_again(view):
    begin(view)
    define_matrix(view, "--auto")
    add_attribute(view, "ap_config", CONFIG)
    (defined,) = json.loads(mdevctl(view, "list", "--defined", "--dumpjson").stdout)
    mdevctl(view, "undefine", "--uuid", UUID)
    assert mdevctl(view, "list", "--defined").stdout.strip() == ""
    view.release.file("/etc/libvirt/matrix.json").write_text(json.dumps(defined[PARENT][0][UUID]))
    named = ["--uuid", UUID, "--parent", PARENT, "--jsonfile", "/etc/libvirt/matrix.json"]
    mdevctl(view, "define", *named)
    assert json.loads(mdevctl(view, "list", "--defined", "--dumpjson").stdout) == [defined]
    mdevctl(view, "start", "--uuid", UUID)
    assert mdev_attribute(view, "matrix") == MATRIX


def test_what_the_kernel_refuses_starts_nothing(view):
    """Queues of the host's, of another matrix, of no machine; mdevctl removes what it had begun."""
    begin(view)
    define_matrix(view)
    define_matrix(view, uuid=OTHER)
    for uuid in (UUID, OTHER):
        add_attribute(view, "assign_adapter", "4", uuid=uuid)
        add_attribute(view, "assign_domain", "4", uuid=uuid)
    mdevctl(view, "start", "--uuid", UUID)
    assert "os error 98" in refusal(view, "start", "--uuid", OTHER)
    mdevctl(view, "stop", "--uuid", UUID)
    add_attribute(view, "assign_adapter", "5")
    assert "os error 99" in refusal(view, "start", "--uuid", UUID)
    assert active(view) == []
    assert (view.daemon.sys / "class/mdev_bus/matrix/mdev_supported_types" / TYPE / "devices").is_dir()


def test_the_matrix_gets_its_devices_by_the_udev_rule(view):
    view.start("--load", MACHINE)
    view.start_udevd()
    view.write("bus/ap/apmask", "-4")
    define_matrix(view, "--auto")
    add_attribute(view, "assign_adapter", "4")
    add_attribute(view, "assign_domain", "4")
    define_matrix(view, uuid=OTHER)
    for _ in range(2):
        view.daemon.umdev("modprobe", "vfio_ap")
        assert started_by_udev(view) == [UUID]
        assert mdev_attribute(view, "matrix") == "04.0004\n"
        mdevctl(view, "stop", "--uuid", UUID)
        view.daemon.umdev("rmmod", "vfio_ap")


# ---- libvirt ----


def test_libvirt_that_comes_after_the_module_lists_all(libvirt):
    begin(libvirt.view)
    libvirt.view.start_udevd()
    libvirt.start()
    # With the matrix device there, the scan of older ones failed and was begun again, for ever.
    assert "udev scan devices failed" not in libvirt.log()
    assert libvirt.names("--cap", "ap_card") == ["ap_card04", "ap_card05"]
    assert libvirt.names("--cap", "ap_queue") == [f"ap_{name.replace('.', '_')}" for name in QUEUES]
    assert libvirt.names("--cap", "ap_matrix") == ["ap_matrix"]
    assert libvirt.names("--cap", "mdev_types") == ["ap_matrix"]
    (offered,) = dumpxml(libvirt, "ap_matrix").iter("type")
    assert (offered.get("id"), offered.findtext("deviceAPI")) == (TYPE, "vfio-ap")
    queue = dumpxml(libvirt, "ap_04_0047")
    assert queue.findtext("parent") == "ap_card04"
    assert queue.findtext("driver/name") == "vfio_ap"
    assert [int(queue.findtext(f"capability/{key}"), 16) for key in ("ap-adapter", "ap-domain")] == [4, 0x47]
    # What comes and goes
    libvirt.view.daemon.umdev("ap", "unplug", "05")
    wait_until(lambda: libvirt.names("--cap", "ap_card"), ["ap_card04"])
    libvirt.view.daemon.umdev("ap", "plug", "06:CEX7C")
    wait_until(lambda: libvirt.names("--cap", "ap_card"), ["ap_card04", "ap_card06"])


def test_libvirt_creates_a_matrix(libvirt):
    begin(libvirt.view)
    libvirt.view.start_udevd()
    libvirt.start()
    wanted = [("assign_adapter", "0x04"), ("assign_domain", "0x4"), ("assign_domain", "0x47")]
    libvirt.virsh("nodedev-create", libvirt.file(xml("ap_matrix", TYPE, attributes=wanted)))
    assert in_tree(libvirt) == [UUID]
    assert libvirt.mdevs() == [NAME]
    assert dumpxml(libvirt, NAME).findtext("parent") == "ap_matrix"
    assert mdev_attribute(libvirt.view, "matrix") == MATRIX
    taken = xml("ap_matrix", TYPE, device=OTHER, attributes=wanted)
    assert "os error 98" in libvirt.refusal("nodedev-create", libvirt.file(taken))
    libvirt.virsh("nodedev-destroy", NAME)
    assert in_tree(libvirt) == []
