# SPDX-License-Identifier: LGPL-2.1-or-later
"""libvirt's node devices, unmodified, as on a kernel with mediated devices."""

import json
import os
import time
import uuid
from xml.etree import ElementTree

import pytest

from libvirt import TIMEOUT, Events, Libvirt

UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"


@pytest.fixture
def libvirt(view):
    with Libvirt(view) as instance:
        yield instance


@pytest.fixture
def any_libvirt(any_view):
    """The same in root's instance and in an ordinary user's."""
    with Libvirt(any_view) as instance:
        yield instance


@pytest.fixture
def events(libvirt):
    """events(): those from now on."""
    opened = []

    def listen():
        listener = Events(libvirt)
        opened.append(listener)
        # It does not say when it has begun to listen. Nothing is removed until then: for each device that is
        # gone when libvirt comes to it, it waits for a second, and may never be in time.
        devices, heard = [], False
        while not heard:
            assert len(devices) < 20, "no event is heard"
            devices.append(str(uuid.uuid4()))
            create(libvirt, devices[-1])
            listener.wait_for((name_of(devices[-1]), "Created"), timeout=TIMEOUT / 20)
            heard = any((name_of(device), "Created") in listener.list() for device in devices)
        wait_until(libvirt.mdevs, sorted(map(name_of, devices)))
        for device in devices:
            remove(libvirt, device)
        assert listener.wait_for(*((name_of(device), "Deleted") for device in devices))
        return listener

    yield listen
    for listener in opened:
        listener.close()


def begin(libvirt, *modules):
    """With @modules loaded before the daemons come."""
    libvirt.view.start(*(f"--load={module}" for module in modules))
    libvirt.view.start_udevd()
    libvirt.start()


def name_of(device, parent="mtty"):
    return f"mdev_{device.replace('-', '_')}_{parent}"


NAME = name_of(UUID)


def create(libvirt, device=UUID, parent="mtty", type="mtty-1"):
    """As others do it, behind libvirt's back."""
    libvirt.view.write(f"class/mdev_bus/{parent}/mdev_supported_types/{type}/create", device)


def remove(libvirt, device=UUID):
    libvirt.view.write(f"bus/mdev/devices/{device}/remove", "1")


def in_tree(libvirt):
    return sorted(map(os.path.basename, libvirt.view.find(["bus/mdev/devices"], "-type", "l")))


def link(libvirt, path):
    return os.path.basename(libvirt.view.outside("readlink", libvirt.view.daemon.sys / path).strip())


def xml(parent="mtty_mtty", type="mtty-2", device=UUID, attributes=()):
    attrs = "".join(f"<attr name='{name}' value='{value}'/>" for name, value in attributes)
    return (
        f"<device><parent>{parent}</parent><capability type='mdev'>"
        f"<type id='{type}'/><uuid>{device}</uuid>{attrs}</capability></device>"
    )


def dumpxml(libvirt, name):
    return ElementTree.fromstring(libvirt.virsh("nodedev-dumpxml", name).stdout)


def available(libvirt):
    types = dumpxml(libvirt, "mtty_mtty").iter("type")
    return {entry.get("id"): int(entry.findtext("availableInstances")) for entry in types}


def wait_until(said, expected):
    """Until what libvirt says is what is expected. It learns of things when udevd has told it."""
    end = time.monotonic() + TIMEOUT
    while (now := said()) != expected:
        assert time.monotonic() < end, f"{now}, not {expected}"


# ---- what is there ----


def test_a_parent_of_each_kind_is_listed(libvirt):
    begin(libvirt, "mtty", "parents")
    parents = ["ap_matrix", "css_0_0_0010", "mtty_mtty", "pci_1234_00_01_0"]
    assert libvirt.names("--cap", "mdev_types") == parents


def test_a_parent_is_described(libvirt):
    begin(libvirt, "mtty")
    device = dumpxml(libvirt, "mtty_mtty")
    assert device.findtext("path") == "/sys/devices/virtual/mtty/mtty"
    assert [
        [entry.get("id"), *(entry.findtext(key) for key in ("name", "deviceAPI", "availableInstances"))]
        for entry in device.iter("type")
    ] == [
        ["mtty-1", "Single port serial", "vfio-pci", "24"],
        ["mtty-2", "Dual port serial", "vfio-pci", "12"],
    ]


def test_what_is_available_is_what_it_is_now(libvirt):
    begin(libvirt, "mtty")
    create(libvirt)
    assert available(libvirt) == {"mtty-1": 23, "mtty-2": 11}
    remove(libvirt)
    assert available(libvirt) == {"mtty-1": 24, "mtty-2": 12}


def test_a_device_is_described(libvirt):
    begin(libvirt, "mtty")
    create(libvirt)
    wait_until(libvirt.mdevs, [NAME])
    device = dumpxml(libvirt, NAME)
    assert device.findtext("parent") == "mtty_mtty"
    assert device.findtext("path") == f"/sys/devices/virtual/mtty/mtty/{UUID}"
    assert device.findtext("driver/name") == "mtty"
    assert device.find("capability/type").get("id") == "mtty-1"
    assert device.findtext("capability/uuid") == UUID
    assert device.findtext("capability/parent_addr") == "mtty"
    group = link(libvirt, f"bus/mdev/devices/{UUID}/iommu_group")
    assert device.find("capability/iommuGroup").get("number") == group


def test_what_was_there_before_libvirtd_is_listed(libvirt):
    libvirt.view.start("--load=mtty")
    libvirt.view.start_udevd()
    create(libvirt)
    libvirt.start()
    assert libvirt.mdevs() == [NAME]
    assert libvirt.info(NAME)["Active"] == "yes"


def test_a_parent_that_leaves_takes_its_devices_along(libvirt):
    begin(libvirt, "mtty", "parents")
    create(libvirt)
    wait_until(libvirt.mdevs, [NAME])
    libvirt.view.daemon.umdev("rmmod", "mtty")
    wait_until(libvirt.mdevs, [])
    wait_until(lambda: "mtty_mtty" in libvirt.names("--cap", "mdev_types"), False)


# ---- what is asked for ----


def test_create_and_destroy(any_libvirt):
    begin(any_libvirt, "mtty")
    any_libvirt.virsh("nodedev-create", any_libvirt.file(xml()))
    assert in_tree(any_libvirt) == [UUID]
    assert link(any_libvirt, f"bus/mdev/devices/{UUID}/mdev_type") == "mtty-2"
    assert any_libvirt.mdevs() == [NAME]
    assert any_libvirt.info(NAME)["Persistent"] == "no"
    any_libvirt.virsh("nodedev-destroy", NAME)
    assert in_tree(any_libvirt) == []
    wait_until(any_libvirt.mdevs, [])


@pytest.mark.parametrize(
    ("parent", "type", "address"),
    [
        ("ap_matrix", "vfio_ap-passthrough", "matrix"),
        ("css_0_0_0010", "vfio_ccw-io", "0_0_0010"),
        ("pci_1234_00_01_0", "parents-pci-small", "1234_00_01_0"),
    ],
)
def test_create_on_a_parent_of_each_kind(libvirt, parent, type, address):
    begin(libvirt, "parents")
    libvirt.virsh("nodedev-create", libvirt.file(xml(parent, type)))
    assert libvirt.mdevs() == [name_of(UUID, address)]
    assert dumpxml(libvirt, name_of(UUID, address)).findtext("parent") == parent


def test_attributes_are_set_when_it_is_created(libvirt):
    begin(libvirt, "parents")
    wanted = [("assign_adapter", 5), ("assign_adapter", 6), ("assign_domain", 4)]
    libvirt.virsh("nodedev-create", libvirt.file(xml("ap_matrix", "vfio_ap-passthrough", attributes=wanted)))
    assert libvirt.view.daemon.read(f"bus/mdev/devices/{UUID}/matrix") == "05.0004\n06.0004\n"


def test_what_is_defined_is_started_and_stopped(libvirt):
    begin(libvirt, "mtty")
    libvirt.virsh("nodedev-define", libvirt.file(xml()))
    assert (libvirt.mdevs("--inactive"), in_tree(libvirt)) == ([NAME], [])
    libvirt.virsh("nodedev-start", NAME)
    # Unlike with a device that is created, virsh does not wait until libvirt has heard of it.
    wait_until(libvirt.mdevs, [NAME])
    assert in_tree(libvirt) == [UUID]
    libvirt.virsh("nodedev-destroy", NAME)
    wait_until(lambda: libvirt.mdevs("--inactive"), [NAME])
    assert in_tree(libvirt) == []
    libvirt.virsh("nodedev-undefine", NAME)
    wait_until(lambda: libvirt.mdevs("--all"), [])


def test_autostart_brings_it_with_its_parent(libvirt):
    begin(libvirt, "mtty")
    libvirt.virsh("nodedev-define", libvirt.file(xml()))
    libvirt.virsh("nodedev-autostart", NAME)
    assert libvirt.info(NAME)["Autostart"] == "yes"
    defined = json.loads(libvirt.view.release.file(f"/etc/mdevctl.d/mtty/{UUID}").read_text())
    assert defined["start"] == "auto"
    libvirt.view.daemon.umdev("rmmod", "mtty")
    libvirt.view.daemon.umdev("modprobe", "mtty")
    wait_until(libvirt.mdevs, [NAME])
    assert in_tree(libvirt) == [UUID]


def test_what_others_define_is_listed(libvirt):
    begin(libvirt, "mtty")
    libvirt.view.run("mdevctl", "define", "--uuid", UUID, "--parent", "mtty", "--type", "mtty-1")
    wait_until(lambda: libvirt.mdevs("--inactive"), [NAME])
    libvirt.view.run("mdevctl", "undefine", "--uuid", UUID)
    wait_until(lambda: libvirt.mdevs("--inactive"), [])


def test_an_unknown_type_is_an_error(libvirt):
    begin(libvirt, "mtty")
    said = libvirt.refusal("nodedev-create", libvirt.file(xml(type="mtty-9")))
    assert "Unable to start mediated device: Error: Parent mtty does not support mdev type mtty-9" in said


def test_a_full_type_is_an_error(libvirt):
    begin(libvirt, "parents")
    libvirt.virsh("nodedev-create", libvirt.file(xml("css_0_0_0010", "vfio_ccw-io")))
    again = xml("css_0_0_0010", "vfio_ccw-io", device=str(uuid.uuid4()))
    said = libvirt.refusal("nodedev-create", libvirt.file(again))
    assert "Error: No available instances of vfio_ccw-io on 0.0.0010" in said


def test_a_used_uuid_is_an_error(libvirt):
    begin(libvirt, "mtty")
    libvirt.virsh("nodedev-create", libvirt.file(xml()))
    assert "Error: Device already exists" in libvirt.refusal("nodedev-create", libvirt.file(xml()))


# ---- what others do ----


def test_events_tell_of_devices_that_others_create_and_remove(libvirt, events):
    begin(libvirt, "mtty")
    heard = events()
    create(libvirt)
    assert heard.wait_for((NAME, "Created"))
    remove(libvirt)
    assert heard.wait_for((NAME, "Deleted"))
    assert [what for name, what in heard.list() if name == NAME] == ["Created", "Deleted"]


def test_five_hundred_devices_come_and_go(libvirt, events):
    """None stays behind, none is missing, and each is announced once."""
    begin(libvirt, "mtty")
    heard = events()
    before = len(heard.list())
    for turn in range(25):
        devices = [str(uuid.uuid4()) for _ in range(20)]
        for device in devices:
            create(libvirt, device)
        assert heard.wait_for(*((name_of(device), "Created") for device in devices))
        if turn % 6 == 0:
            assert libvirt.mdevs() == sorted(map(name_of, in_tree(libvirt))) == sorted(map(name_of, devices))
        for device in devices:
            remove(libvirt, device)
        assert heard.wait_for(*((name_of(device), "Deleted") for device in devices))
    assert libvirt.mdevs() == in_tree(libvirt) == []
    assert len(heard.list()) - before == 2 * 500


def test_devices_that_leave_at_once_leave_nothing_behind(libvirt, events):
    """libvirt waits for each of them for a second, as it does on a kernel; what comes behind is not lost."""
    begin(libvirt, "mtty")
    heard = events()
    for _ in range(5):
        device = str(uuid.uuid4())
        create(libvirt, device)
        remove(libvirt, device)
    create(libvirt)
    assert heard.wait_for((NAME, "Created"))
    # udevd keeps the order for each of them, not among them.
    wait_until(libvirt.mdevs, [NAME])
    # The same one again, too fast to be seen
    remove(libvirt)
    create(libvirt)
    remove(libvirt)
    create(libvirt)
    last = str(uuid.uuid4())
    create(libvirt, last)
    wait_until(libvirt.mdevs, sorted([NAME, name_of(last)]))
    remove(libvirt)
    remove(libvirt, last)
    wait_until(libvirt.mdevs, [])
