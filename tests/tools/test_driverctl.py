# SPDX-License-Identifier: LGPL-2.1-or-later
"""driverctl, unmodified, on a bus of umdev's that has driver_override."""

import pathlib

import pytest

BUS = "overridable"
NONE_FOUND = "driverctl: No overridable devices found. Kernel too old?\n"


@pytest.fixture
def driverctl(view):
    """Three devices, all with the driver "native"; the driver "substitute" takes only what it is told to."""
    view.start(*(f"--load={module}" for module in (BUS, "native", "substitute")))

    def run(*args, bus=("--bus", BUS), **run):
        return view.run("driverctl", *bus, *args, **run)

    return run


def devices(driverctl):
    return driverctl("list-devices").stdout.splitlines()


def overrides(driverctl):
    """Without any, it fails: so does it on a kernel."""
    result = driverctl("list-overrides", check=False)
    if result.stderr == NONE_FOUND:
        assert result.returncode == 1 and result.stdout == ""
        return []
    assert result.returncode == 0, result
    return result.stdout.splitlines()


def refusal(driverctl, *args):
    result = driverctl(*args, check=False)
    assert result.returncode == 1, result
    return result.stderr


def saved(view):
    return {path.name: path.read_text() for path in view.release.file("/etc/driverctl.d").iterdir()}


def test_list_devices_has_each_with_its_driver(driverctl):
    assert devices(driverctl) == ["ovr0 native", "ovr1 native", "ovr2 native"]
    assert overrides(driverctl) == []


def test_set_override_gives_the_device_to_the_driver(driverctl, view):
    driverctl("set-override", "ovr1", "substitute")
    assert devices(driverctl) == ["ovr0 native", "ovr1 substitute [*]", "ovr2 native"]
    assert overrides(driverctl) == ["ovr1 substitute"]
    assert view.daemon.read(f"bus/{BUS}/devices/ovr1/driver_override") == "substitute\n"
    assert saved(view) == {f"{BUS}-ovr1": "substitute\n"}


def test_unset_override_gives_it_back(driverctl, view):
    driverctl("set-override", "ovr1", "substitute")
    driverctl("unset-override", "ovr1")
    assert devices(driverctl) == ["ovr0 native", "ovr1 native", "ovr2 native"]
    assert overrides(driverctl) == []
    assert view.daemon.read(f"bus/{BUS}/devices/ovr1/driver_override") == "(null)\n"
    assert saved(view) == {}


def test_the_bus_can_be_said_with_the_device(driverctl):
    driverctl("set-override", f"{BUS}/ovr2", "substitute", bus=())
    assert overrides(driverctl) == ["ovr2 substitute"]


def test_none_leaves_the_device_without_a_driver(driverctl):
    driverctl("set-override", "ovr0", "none")
    assert overrides(driverctl) == ["ovr0 (none)"]
    driverctl("unset-override", "ovr0")
    assert devices(driverctl)[0] == "ovr0 native"


def test_noprobe_leaves_the_driver_to_whoever_probes(driverctl, view):
    driverctl("--noprobe", "set-override", "ovr0", "substitute")
    assert overrides(driverctl) == ["ovr0 (none)"]
    view.daemon.write(f"bus/{BUS}/drivers_probe", "ovr0\n")
    assert overrides(driverctl) == ["ovr0 substitute"]


def test_nosave_keeps_nothing(driverctl, view):
    driverctl("--nosave", "set-override", "ovr0", "substitute")
    assert saved(view) == {}


def test_what_was_saved_is_loaded_again(driverctl, view):
    """As the rule of driverctl's does after a boot."""
    driverctl("set-override", "ovr0", "substitute")
    view.daemon.umdev("rmmod", "native", "substitute", BUS)
    view.daemon.umdev("modprobe", "native")
    view.daemon.umdev("modprobe", "substitute")
    assert devices(driverctl)[0] == "ovr0 native"
    driverctl("load-override", "ovr0")
    assert devices(driverctl)[0] == "ovr0 substitute [*]"


def test_a_driver_that_does_not_match_leaves_an_error(driverctl):
    """The module is there, but no driver of its name is on this bus."""
    text = "driverctl: failed to bind device ovr0 to driver overridable\n"
    assert refusal(driverctl, "set-override", "ovr0", BUS) == text
    assert devices(driverctl)[0] == "ovr0 (none) [*]"


def test_a_driver_that_is_not_loaded_is_loaded(view):
    """By the modprobe that driverctl calls."""
    view.start(f"--load={BUS}", "--load=native")
    view.release.need("modprobe", "kmod")
    view.run("driverctl", "--bus", BUS, "set-override", "ovr1", "substitute")
    listed = view.run("driverctl", "--bus", BUS, "list-devices").stdout
    assert listed.splitlines() == ["ovr0 native", "ovr1 substitute [*]", "ovr2 native"]


def test_an_unknown_driver_changes_nothing(driverctl):
    assert refusal(driverctl, "set-override", "ovr0", "umdev-nosuch").endswith("no such module: umdev-nosuch\n")
    assert devices(driverctl)[0] == "ovr0 native"


def test_an_unknown_device_is_named(driverctl):
    assert refusal(driverctl, "set-override", "ovr9", "native") == "driverctl: no such device: ovr9\n"


def test_pci_devices_stand_among_the_machines_own(view):
    """Without --bus, it is the bus pci."""
    view.start("--load=parents")
    machines = {path.parent.name for path in pathlib.Path("/sys/bus/pci/devices").glob("*/driver_override")}
    listed = dict(line.split(maxsplit=1) for line in view.run("driverctl", "list-devices").stdout.splitlines())
    assert set(listed) == machines | {"1234:00:01.0"}
    assert listed["1234:00:01.0"] == "parents-pci"
