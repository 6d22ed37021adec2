# SPDX-License-Identifier: LGPL-2.1-or-later
"""What libudev, mdevctl, driverctl and libvirt take for granted of each thing in the tree."""

import os
import re
import stat

import pytest

MODULES = ["mtty", "parents", "overridable", "native", "substitute"]
UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa10%02x"
I32_MAX = (1 << 31) - 1


@pytest.fixture
def tree(daemon):
    """The tree of a daemon with parents, drivers, and a mediated device of each type."""
    daemon.start(*[arg for name in MODULES for arg in ("--load", name)])
    for number, kind in enumerate(types(daemon.sys)):
        (kind / "create").write_text(UUID % number)
    return daemon.sys


def types(sys):
    return sorted(sys.glob("class/mdev_bus/*/mdev_supported_types/*"))


def mode(path):
    return oct(stat.S_IMODE(os.lstat(path).st_mode))


def device_directories(sys):
    """Each directory that libudev takes for a device, by walking as it does: no links."""
    for path, _, files in os.walk(sys / "devices"):
        if "uevent" in files:
            yield sys / os.path.relpath(path, sys)


def keys_of(device):
    text = (device / "uevent").read_text()
    assert text == "" or text.endswith("\n")
    lines = text.splitlines()
    assert all(re.fullmatch(r"[A-Z_]+=.*", line) for line in lines), lines
    keys = dict(line.split("=", 1) for line in lines)
    assert len(keys) == len(lines), "no key twice"
    assert not keys.keys() & {"ACTION", "DEVPATH", "SUBSYSTEM", "SEQNUM"}
    return keys


def test_every_device_but_a_root_has_a_subsystem_that_knows_it(tree):
    devices = list(device_directories(tree))
    assert len(devices) > 10
    for device in devices:
        if device.parent == tree / "devices":
            assert not (device / "subsystem").exists()
            continue
        subsystem = (device / "subsystem").resolve(strict=True)
        kind = subsystem.parent.name
        assert kind in ("bus", "class"), device
        members = subsystem / "devices" if kind == "bus" else subsystem
        assert (members / device.name).resolve(strict=True) == device.resolve()


def test_what_buses_and_classes_list_are_devices(tree):
    listed = [*tree.glob("bus/*/devices/*"), *tree.glob("class/*/*")]
    assert listed
    for link in listed:
        assert link.is_symlink()
        device = link.resolve(strict=True)
        assert device.name == link.name
        assert mode(device / "uevent") == "0o644"


def test_events_can_be_asked_for_everywhere(tree):
    for device in device_directories(tree):
        (device / "uevent").write_text("change\n")
        keys_of(device)
    objects = [*tree.glob("bus/*"), *tree.glob("bus/*/drivers/*"), *tree.glob("module/*")]
    for path in objects:
        assert mode(path / "uevent") == "0o200", path
        (path / "uevent").write_text("add")


def test_each_device_number_is_told_everywhere_in_the_same_way(tree):
    numbered = 0
    for device in device_directories(tree):
        keys = keys_of(device)
        if "MAJOR" not in keys:
            assert not (device / "dev").exists()
            assert "DEVNAME" not in keys
            continue
        numbered += 1
        number = f"{keys['MAJOR']}:{keys['MINOR']}"
        assert (device / "dev").read_text() == number + "\n"
        assert mode(device / "dev") == "0o444"
        assert (tree / "dev/char" / number).resolve(strict=True) == device.resolve()
        assert keys["DEVNAME"] and not keys["DEVNAME"].startswith("/")
    assert numbered == len(os.listdir(tree / "dev/char"))
    assert os.listdir(tree / "dev/block") == []
    assert (tree / "dev/char/10:196").resolve() == (tree / "class/misc/vfio").resolve()


def taken_majors():
    text = open("/proc/devices").read().partition("Block devices:")[0]
    return {int(line.split()[0]) for line in text.splitlines() if line[:3].strip().isdigit()}


def test_numbers_are_not_those_of_the_machine(tree):
    majors = {int(dev.read_text().split(":")[0]) for dev in tree.glob("class/vfio/*/dev")}
    assert len(majors) == 1
    assert not majors & taken_majors()
    groups = set(os.listdir(tree / "kernel/iommu_groups"))
    assert groups == set(os.listdir(tree / "class/vfio"))
    try:
        own = os.listdir("/sys/kernel/iommu_groups")
    except FileNotFoundError:
        own = []
    assert min(map(int, groups)) > max(map(int, own), default=-1)


def test_each_driver_and_its_module_know_each_other(tree):
    drivers = list(tree.glob("bus/*/drivers/*"))
    assert len(drivers) >= 6
    for driver in drivers:
        bus = driver.parent.parent.name
        module = (driver / "module").resolve(strict=True)
        assert module.parent == (tree / "module").resolve()
        back = module / "drivers" / f"{bus}:{driver.name}"
        assert back.resolve(strict=True) == driver.resolve()
        binds = [name for name in ("bind", "unbind") if (driver / name).exists()]
        assert binds == ([] if driver.name == "vfio_ap" else ["bind", "unbind"])  # as in the kernel
        assert all(mode(driver / name) == "0o200" for name in binds)


def test_each_bus_has_what_udev_and_driverctl_use(tree):
    for bus in tree.glob("bus/*"):
        assert (bus / "devices").is_dir() and (bus / "drivers").is_dir()
        assert mode(bus / "drivers_probe") == "0o200"
        assert mode(bus / "drivers_autoprobe") == "0o644"
        assert (bus / "drivers_autoprobe").read_text() == "1\n"
    for device in tree.glob("bus/overridable/devices/*"):
        assert mode(device / "driver_override") == "0o644"
        assert (device / "driver_override").read_text() == "(null)\n"
    assert not list(tree.glob("bus/mdev/devices/*/driver_override"))


def test_each_parent_offers_types_that_mdevctl_and_libvirt_can_read(tree):
    for parent in tree.glob("class/mdev_bus/*"):
        assert parent.is_symlink() and parent.resolve().name == parent.name
        assert list((parent / "mdev_supported_types").iterdir()), "a parent without is an error"
    assert mode(tree / "class/mdev_bus") == "0o755"
    assert not (tree / "class/mdev_bus/uevent").exists()
    for kind in types(tree):
        modes = {"create": "0o200", "available_instances": "0o444", "device_api": "0o444"}
        for name, expected in modes.items():
            assert mode(kind / name) == expected
        assert re.fullmatch(r"\d+\n", (kind / "available_instances").read_text())
        assert int((kind / "available_instances").read_text()) <= I32_MAX
        assert re.fullmatch(r"vfio-[a-z]+\n", (kind / "device_api").read_text())
        assert re.fullmatch(r".+\n", (kind / "name").read_text())


def test_each_mediated_device_is_whole(tree):
    devices = sorted(tree.glob("bus/mdev/devices/*"))
    assert len(devices) == len(types(tree))
    for link in devices:
        device = link.resolve(strict=True)
        kind = (device / "mdev_type").resolve(strict=True)
        assert os.readlink(device / "mdev_type") == f"../mdev_supported_types/{kind.name}"
        assert (kind / "devices" / device.name).resolve(strict=True) == device
        assert kind.parent.parent == device.parent
        group = (device / "iommu_group").resolve(strict=True)
        assert group.parent == (tree / "kernel/iommu_groups").resolve()
        assert (group / "devices" / device.name).resolve(strict=True) == device
        driver = (device / "driver").resolve(strict=True)
        assert (driver / device.name).resolve(strict=True) == device
        assert keys_of(device)["DRIVER"] == driver.name
        assert mode(device / "remove") == "0o200"
        assert os.listdir(device / "vfio-dev") == ["vfio" + group.name]
