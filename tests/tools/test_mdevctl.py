# SPDX-License-Identifier: LGPL-2.1-or-later
"""mdevctl, unmodified, as on a kernel with mediated devices."""

import difflib
import json
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent
UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"
OTHER = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1002"
# Else it shows its stack with each error.
ENVIRONMENT = {"RUST_BACKTRACE": "0", "LC_ALL": "C"}


def start(view, *modules):
    return view.start(*(f"--load={module}" for module in modules))


def mdevctl(view, *args, **run):
    return view.run("mdevctl", *args, env=ENVIRONMENT, **run)


def refusal(view, *args):
    """What it says when it fails."""
    result = mdevctl(view, *args, check=False)
    assert result.returncode == 1, result
    return result.stderr.strip()


def define(view, *args, uuid=UUID, parent="mtty", type="mtty-2"):
    mdevctl(view, "define", "--uuid", uuid, "--parent", parent, "--type", type, *args)


def create(view, uuid=UUID, parent="mtty", type="mtty-2"):
    mdevctl(view, "start", "--uuid", uuid, "--parent", parent, "--type", type)


def add_attribute(view, name, value, uuid=UUID):
    mdevctl(view, "modify", "--uuid", uuid, "--addattr", name, "--value", value)


def active(view):
    return [line.split()[0] for line in mdevctl(view, "list").stdout.splitlines() if line]


def mdev_attribute(view, name, uuid=UUID):
    return view.read(f"bus/mdev/devices/{uuid}/{name}")


def test_a_session_reads_as_on_a_kernel(any_view):
    """types, list, define, start, modify, stop, undefine, start-parent-mdevs, --dumpjson, and all errors."""
    version = re.search(r"\d+\.\d+", mdevctl(start(any_view, "mtty"), "--version").stdout).group()
    recorded = HERE / f"mdevctl-{version}.linux-6.1.txt"
    assert recorded.exists(), f"what mdevctl {version} says on a kernel is not recorded"
    said = any_view.run("sh", "-c", (HERE / "mdevctl.sh").read_text(), env=ENVIRONMENT).stdout
    expected = recorded.read_text()
    lines = (text.splitlines() for text in (expected, said))
    assert said == expected, "\n".join(difflib.unified_diff(*lines, "kernel", "umdev", lineterm=""))


def test_types_as_json_have_the_drivers_description(view):
    start(view, "parents")
    types = json.loads(mdevctl(view, "types", "--dumpjson").stdout)
    by_name = {name: said for parent in types[0].values() for entry in parent for name, said in entry.items()}
    assert by_name["parents-pci-small"] == {
        "available_instances": 8,
        "device_api": "vfio-pci",
        "name": "A small slice",
        "description": "one register, of four bytes",
    }
    assert by_name["vfio_ap-passthrough"]["device_api"] == "vfio-ap"
    assert by_name["vfio_ccw-io"]["device_api"] == "vfio-ccw"


def test_a_full_type_is_named_in_the_error(view):
    start(view, "parents")
    create(view, parent="0.0.0010", type="vfio_ccw-io")
    args = ["start", "--uuid", OTHER, "--parent", "0.0.0010", "--type", "vfio_ccw-io"]
    assert refusal(view, *args) == "Error: No available instances of vfio_ccw-io on 0.0.0010"
    assert active(view) == [UUID]


def test_an_unknown_type_is_named_in_the_error(view):
    start(view, "mtty")
    args = ["start", "--uuid", UUID, "--parent", "mtty", "--type", "mtty-9"]
    assert refusal(view, *args) == "Error: Parent mtty does not support mdev type mtty-9"
    assert active(view) == []


def test_a_used_uuid_is_an_error(view):
    start(view, "mtty")
    create(view)
    args = ["start", "--uuid", UUID, "--parent", "mtty", "--type", "mtty-2"]
    assert refusal(view, *args) == "Error: Device already exists"
    assert active(view) == [UUID]


def test_attributes_are_set_in_their_order_at_each_start(view):
    start(view, "parents")
    define(view, parent="matrix", type="vfio_ap-passthrough")
    for name, value in [("adapter", "5"), ("adapter", "6"), ("domain", "0xab"), ("adapter", "7")]:
        add_attribute(view, f"assign_{name}", value)
    add_attribute(view, "unassign_adapter", "6")
    for _ in range(2):
        mdevctl(view, "start", "--uuid", UUID)
        assert mdev_attribute(view, "matrix") == "05.00ab\n07.00ab\n"
        mdevctl(view, "stop", "--uuid", UUID)
        assert active(view) == []


def test_a_device_whose_attribute_is_refused_does_not_stay(view):
    start(view, "mtty")
    define(view)
    add_attribute(view, "port0/backend", "nonsense")
    said = refusal(view, "start", "--uuid", UUID)
    assert said.startswith("Error: Failed to write nonsense to attribute port0/backend"), said
    assert "Invalid argument (os error 22)" in said
    assert active(view) == []


def test_an_attribute_of_mtty_is_set(view):
    start(view, "mtty")
    define(view)
    add_attribute(view, "port0/backend", "loop")
    mdevctl(view, "start", "--uuid", UUID)
    assert mdev_attribute(view, "port0/backend") == "loop\n"


def test_what_is_stopped_is_gone_when_stop_returns(view):
    start(view, "mtty")
    for _ in range(20):
        create(view)
        mdevctl(view, "stop", "--uuid", UUID)
        assert not (view.daemon.sys / "bus/mdev/devices" / UUID).exists()


def started_by_udev(view):
    """What runs when udevd has done all that it was told."""
    view.run("udevadm", "settle")
    return active(view)


def test_a_parent_that_appears_gets_its_devices_by_the_udev_rule(view):
    start(view)
    view.start_udevd()
    define(view, "--auto")
    define(view, uuid=OTHER, type="mtty-1")
    view.daemon.umdev("modprobe", "mtty")
    assert started_by_udev(view) == [UUID]
    # And each time that it does
    mdevctl(view, "stop", "--uuid", UUID)
    view.daemon.umdev("rmmod", "mtty")
    view.daemon.umdev("modprobe", "mtty")
    assert started_by_udev(view) == [UUID]


def test_a_parent_that_was_there_gets_its_devices_when_udevd_comes(any_view):
    start(any_view, "mtty")
    define(any_view, "--auto")
    any_view.start_udevd()
    assert started_by_udev(any_view) == [UUID]
