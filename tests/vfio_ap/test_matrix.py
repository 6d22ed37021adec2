# SPDX-License-Identifier: LGPL-2.1-or-later
"""The device tree of vfio_ap, its types, and what comes and goes with the module."""

import errno
import os

import pytest

from matrices import A, B, TYPE, Machine, refused, machine  # noqa: F401

ROOT = "devices/vfio_ap/matrix"


def where(machine, path):
    return os.path.relpath((machine.daemon.sys / path).resolve(), machine.daemon.sys)


def test_the_matrix_has_its_places(machine):
    for path in ("bus/matrix/devices/matrix", "bus/matrix/drivers/vfio_ap/matrix", "class/mdev_bus/matrix"):
        assert where(machine, path) == ROOT
    assert where(machine, f"{ROOT}/subsystem") == "bus/matrix"
    assert where(machine, f"{ROOT}/driver") == "bus/matrix/drivers/vfio_ap"
    assert machine.daemon.read(f"{ROOT}/features") == "guest_matrix hotplug ap_config\n"


def test_its_driver_can_not_be_taken_away(machine):
    driver = os.listdir(machine.daemon.sys / "bus/matrix/drivers/vfio_ap")
    assert "bind" not in driver and "unbind" not in driver


def test_the_type_is_the_kernels(machine):
    assert sorted(os.listdir(machine.daemon.sys / TYPE)) == [
        "available_instances", "create", "device_api", "devices", "name",
    ]  # fmt: skip
    assert machine.daemon.read(f"{TYPE}/name") == "VFIO AP Passthrough Device\n"
    assert machine.daemon.read(f"{TYPE}/device_api") == "vfio-ap\n"
    assert machine.daemon.read(f"{TYPE}/available_instances") == "65536\n"
    machine.create(A)
    assert machine.daemon.read(f"{TYPE}/available_instances") == "65535\n"


def test_a_mediated_matrix_has_its_places(machine):
    mdev = machine.create(A)
    assert where(machine, mdev.path) == f"{ROOT}/{A}"
    assert where(machine, f"{mdev.path}/driver") == "bus/mdev/drivers/vfio_ap_mdev"
    assert where(machine, f"{mdev.path}/mdev_type") == TYPE
    mdev.remove()
    assert not (machine.daemon.sys / mdev.path).exists()


# ---- the one device of its bus ----


def test_a_second_matrix_is_refused(machine):
    machine.create(A)
    machine.daemon.umdev("modprobe", "second_matrix", f"uuid={A}")
    assert os.listdir(machine.daemon.sys / "bus/matrix/devices") == ["matrix"]
    assert f"second_matrix: {-errno.EEXIST}" in machine.daemon.log()
    machine.daemon.umdev("rmmod", "second_matrix")


# ---- queues ----


def test_a_queue_says_what_becomes_of_it(machine):
    mdev = machine.create(A)
    assert machine.status("04.0004") == "unassigned"
    mdev.assign([4])
    assert machine.status("04.0004") == "unassigned"
    mdev.assign([], [4])
    assert machine.status("04.0004") == "assigned"
    with mdev.opened():
        assert machine.status("04.0004") == "in use"
        assert machine.status("04.0047") == "unassigned"
        mdev.assign([7])
        assert machine.status("04.0004") == "in use"
        machine.unbind("04.0047")
        mdev.assign([], [0x47])
        assert machine.status("04.0004") == "assigned", "it is filtered"
    machine.eventually(lambda: machine.daemon.read("module/vfio_ap/refcnt") == "0\n")
    machine.bind("04.0047")
    assert mdev.guest == ["04.0004", "04.0047"]
    assert machine.status("04.0004") == "assigned"
    mdev.remove()
    assert machine.status("04.0004") == "unassigned"


def test_only_a_bound_queue_has_a_status(machine):
    assert not (machine.daemon.sys / "bus/ap/devices/06.0004/status").exists()
    machine.unbind("04.0004")
    assert not (machine.daemon.sys / "bus/ap/devices/04.0004/status").exists()


def test_cards_are_nothing_for_it(machine):
    with refused(errno.ENODEV):
        machine.bind("card04")
    machine.unbind("06.0004")
    with refused(errno.ENODEV):
        machine.bind("06.0004")


# ---- what is unbound, and unloaded ----


def test_a_matrix_that_is_bound_again_is_empty(machine):
    """What is assigned lives with the binding."""
    mdev, other = machine.create(A), machine.create(B)
    mdev.assign([4], [4], [4])
    machine.daemon.write("bus/mdev/drivers/vfio_ap_mdev/unbind", A)
    assert machine.status("04.0004") == "unassigned"
    other.assign([4], [4])
    machine.daemon.write("bus/mdev/drivers/vfio_ap_mdev/bind", A)
    assert (mdev.matrix, other.guest) == ([], ["04.0004"])


def test_the_module_takes_its_matrices_with_it(machine):
    a, b = machine.create(A), machine.create(B)
    a.assign([4], [4], [4])
    b.assign([5], [4])
    machine.daemon.umdev("rmmod", "vfio_ap")
    for path in ("devices/vfio_ap", "bus/matrix", "bus/ap/drivers/vfio_ap", "bus/mdev/drivers/vfio_ap_mdev", a.path):
        assert not (machine.daemon.sys / path).exists(), path
    assert machine.driver("04.0004") is None
    machine.write("apmask", "+4")
    assert machine.driver("04.0004") == "cex4queue"
    machine.write("apmask", "-4")
    machine.daemon.umdev("modprobe", "vfio_ap")
    assert machine.driver("04.0004") == "vfio_ap"
    assert machine.create(A).assign([4], [4]).guest == ["04.0004"]


def test_the_module_stays_while_a_guest_has_a_device(machine):
    mdev = machine.create(A).assign([4], [4])
    with mdev.opened():
        assert machine.daemon.umdev("rmmod", "vfio_ap", check=False).returncode == 1
        assert mdev.guest == ["04.0004"]
    machine.eventually(lambda: machine.status("04.0004") == "assigned")
    machine.eventually(lambda: machine.daemon.umdev("rmmod", "vfio_ap", check=False).returncode == 0)


def test_the_bus_goes_after_it(machine):
    assert "is used by" in machine.daemon.umdev("rmmod", "ap", check=False).stderr
    for module in ("vfio_ap", "zcrypt_cex4", "ap"):
        machine.daemon.umdev("rmmod", module)


@pytest.mark.parametrize("order", [("vfio_ap", "zcrypt_cex4"), ("zcrypt_cex4", "vfio_ap")])
def test_the_order_in_which_drivers_come_means_nothing(daemon, order):
    machine = Machine(daemon, drivers=(), cards="04:CEX8P,05:CEX8P", domains="4", announce=0)
    machine.write("apmask", "-4")
    for module in order:
        daemon.umdev("modprobe", module)
    assert (machine.driver("04.0004"), machine.driver("05.0004")) == ("vfio_ap", "cex4queue")
