# SPDX-License-Identifier: LGPL-2.1-or-later
"""The platform bus of umdevd: devices of a tree, drivers and hardware in whatever order."""

import errno
import json
import os
import pathlib

import pytest

from boards import BOARD, bus, eventually, overlay  # noqa: F401

WIDGET = "9001000.widget"
SMALL = 'widget@1000 { compatible = "test,widget"; reg = <0x1000 8>; };'
BOARD_DEVICES = ["8000000.interrupt-controller", WIDGET, "soc", "timer"]


def test_devices_have_linuxs_names_and_places(bus):
    bus.load()
    assert bus.names() == BOARD_DEVICES
    places = {
        name: os.path.relpath(os.path.realpath(bus.root / "devices" / name), bus.daemon.sys)
        for name in bus.names()
    }
    assert places == {
        "8000000.interrupt-controller": "devices/platform/8000000.interrupt-controller",
        WIDGET: f"devices/platform/soc/{WIDGET}",
        "soc": "devices/platform/soc",
        "timer": "devices/platform/timer",
    }


def test_a_device_says_what_linuxs_says(bus):
    bus.load()
    # As Linux 6.1's of_device_uevent() and of_device_get_modalias().
    assert bus.device(WIDGET, "uevent").splitlines()[-8:] == [
        "OF_NAME=widget",
        "OF_FULLNAME=/soc/widget@1000",
        "OF_TYPE=thing",
        "OF_COMPATIBLE_0=test,widget one",
        "OF_COMPATIBLE_1=test,widget",
        "OF_COMPATIBLE_N=2",
        "OF_ALIAS_0=widget7",
        "MODALIAS=of:NwidgetTthingCtest,widget_oneCtest,widget",
    ]
    assert bus.device(WIDGET, "modalias") == "of:NwidgetTthingCtest,widget_oneCtest,widget\n"
    assert bus.device("timer", "modalias") == "of:NtimerT(null)Ctest,timer\n"
    assert bus.device(WIDGET, "driver_override") == "(null)\n"


def test_a_device_leads_to_its_node(bus):
    bus.load()
    node = bus.root / "devices" / WIDGET / "of_node"
    base = bus.daemon.sys / "firmware/devicetree/base"
    assert os.path.realpath(node) == os.path.realpath(base / "soc/widget@1000")
    assert (node / "compatible").read_bytes() == b"test,widget one\0test,widget\0"


def test_hardware_and_driver_are_loaded_by_their_aliases(bus):
    bus.load()
    eventually(lambda: bus.taken(WIDGET, "widget"))
    modules = {module["name"] for module in bus.daemon.umdev_json("lsmod")}
    assert {"widget", "widget_hw"} <= modules


def test_registers_and_interrupts_reach_the_driver(bus):
    bus.load()
    eventually(lambda: bus.taken(WIDGET, "widget"))
    assert bus.device(WIDGET, "handled") == "0\n"
    (bus.root / "devices" / WIDGET / "value").write_text("5")
    eventually(lambda: bus.device(WIDGET, "handled") == "1\n")
    eventually(lambda: bus.device(WIDGET, "value") == "0\n")


@pytest.mark.parametrize("order", [("widget", "widget_hw"), ("widget_hw", "widget")])
def test_a_device_that_comes_last_is_complete(bus, order):
    """Without a tree of its own the bus takes all from overlays."""
    for module in order:
        bus.daemon.umdev("modprobe", module)
    assert bus.names() == []
    with bus.daemon.control() as monitor:
        assert monitor.ask(command="monitor") == {"ok": True}
        bus.add("one", overlay("/", f"#address-cells = <1>; #size-cells = <1>; {SMALL}"))
        event = monitor.receive()["env"]
        # What is heard of first can be seen by then, with all of it.
        assert event["ACTION"] == "add"
        assert event["DEVPATH"] == "/devices/platform/1000.widget"
        assert event["MODALIAS"] == "of:NwidgetT(null)Ctest,widget"
        assert bus.driver("1000.widget") == "widget"
        assert bus.device("1000.widget", "value") == "0\n"
        assert monitor.receive()["env"]["ACTION"] == "bind"


def test_modules_in_use_stay(bus):
    bus.load()
    eventually(lambda: bus.taken(WIDGET, "widget"))
    for module, why in [
        ("widget_hw", "is in use"),
        ("platform", "is used by: "),
    ]:
        refused = bus.daemon.umdev("rmmod", module, check=False)
        assert refused.returncode == 1
        assert why in refused.stderr
    bus.daemon.umdev("rmmod", "widget")
    # A free device gives its hardware back, and waits for another.
    bus.daemon.umdev("rmmod", "widget_hw")
    assert not (bus.root / "devices" / WIDGET / "value").exists()
    bus.daemon.umdev("modprobe", "widget_hw")
    assert bus.device(WIDGET, "value") == "0\n"
    bus.daemon.umdev("rmmod", "widget_hw", "platform")
    assert not bus.root.exists()
    assert not (bus.daemon.sys / "firmware").exists()
    assert not (bus.daemon.sys / "devices/platform").exists()


def test_no_driver_gets_registers_without_hardware(bus):
    bus.load(BOARD.replace('"test,widget one", "test,widget"', '"test,none"'))
    bus.daemon.umdev("modprobe", "widget")
    (bus.root / "devices" / WIDGET / "driver_override").write_text("widget")
    with pytest.raises(OSError) as refused:
        bus.daemon.write("bus/platform/drivers/widget/bind", WIDGET)
    assert refused.value.errno == errno.ENXIO
    assert "no hardware is behind it" in bus.daemon.log()


def test_an_id_offers_a_driver(bus):
    bus.load()
    bus.daemon.umdev("modprobe", "pcspkr")
    new_id = bus.root / "drivers/pcspkr/new_id"
    remove_id = bus.root / "drivers/pcspkr/remove_id"
    new_id.write_text("test,TIMER\n")
    assert bus.driver("timer") == "pcspkr"
    for path, text, error in [
        (new_id, "test,TIMER", errno.EEXIST),
        (new_id, "pcspkr", errno.EEXIST),
        (new_id, "two words", errno.EINVAL),
        (new_id, "x" * 128, errno.EINVAL),
        (remove_id, "test,none", errno.ENODEV),
    ]:
        with pytest.raises(OSError) as refused:
            path.write_text(text)
        assert refused.value.errno == error
    remove_id.write_text("test,TIMER")
    bus.daemon.write("bus/platform/drivers/pcspkr/unbind", "timer")
    with pytest.raises(OSError) as refused:
        bus.daemon.write("bus/platform/drivers/pcspkr/bind", "timer")
    assert refused.value.errno == errno.ENODEV


@pytest.mark.parametrize(
    "right, wrong, reason",
    [
        ("reg = <0x1000 0x100>", "reg = <0x1000>", "/soc/widget@1000: reg"),
        ("reg = <0x1000 0x100>", "reg = <0x1000 0>", "/soc/widget@1000: reg"),
        ("interrupts = <0 1 4>,", "interrupts = <0 1>,", "/soc/widget@1000: interrupts"),
    ],
)
def test_a_tree_that_is_wrong_brings_nothing(bus, right, wrong, reason):
    before = sorted(os.listdir(bus.daemon.sys))
    blob = bus.blob(BOARD.replace(right, wrong))
    with bus.daemon.control() as monitor:
        assert monitor.ask(command="monitor") == {"ok": True}
        refused = bus.daemon.umdev("modprobe", "platform", f"dtb={blob}", check=False)
        assert refused.returncode == 1
        assert reason in refused.stderr
        assert refused.stderr.count("\n") == 1
        assert refused.stderr.split(": ", 1)[1] in bus.daemon.log()
        assert not bus.root.exists()
        assert sorted(os.listdir(bus.daemon.sys)) == before
        # What is heard next is something else.
        bus.daemon.write("bus/mdev/uevent", "change")
        assert monitor.receive()["env"]["DEVPATH"] == "/bus/mdev"


@pytest.mark.parametrize("path", ["/none.dtb", "/dev/null", "/dev/zero", "/"])
def test_a_file_that_is_no_tree_brings_nothing(bus, path):
    refused = bus.daemon.umdev("modprobe", "platform", f"dtb={path}", check=False)
    assert refused.returncode == 1
    assert f"{path}: " in refused.stderr
    assert not bus.root.exists()


def test_what_vfio_has_is_listed_with_its_bus(bus):
    bus.load()
    eventually(lambda: bus.taken(WIDGET, "widget"))
    heading = ["DEVICE", "PARENT", "TYPE", "DRIVER", "USER"]
    assert [line.split() for line in bus.daemon.umdev("list").stdout.splitlines()] == [heading]
    bus.daemon.umdev("modprobe", "vfio_platform", "reset_required=0")
    (bus.root / "devices" / WIDGET / "rebind").write_text("vfio-platform")
    assert [line.split() for line in bus.daemon.umdev("list").stdout.splitlines()] == [
        [heading[0], "BUS", *heading[1:]],
        [WIDGET, "platform", "-", "-", "vfio-platform", "-"],
    ]
    assert bus.daemon.umdev_json("list")[0]["socket"].endswith(f"/{WIDGET}")


def test_what_is_for_no_user_is_refused(bus):
    """Buses have nothing to hand over, nor has what is not there."""
    bus.load(BOARD.replace('"test,widget one", "test,widget"', '"test,none"'))
    bus.daemon.umdev("modprobe", "vfio_platform", "reset_required=0")
    for device in ["soc", WIDGET]:
        with pytest.raises(OSError) as refused:
            bus.daemon.write("bus/platform/drivers/vfio-platform/bind", device)
        assert refused.value.errno == errno.EINVAL


@pytest.mark.skipif(os.geteuid() != 0, reason="the view of root")
def test_the_events_are_heard_on_netlink(bus):
    bus.load()
    eventually(lambda: bus.taken(WIDGET, "widget"))
    blob = bus.blob(overlay("/", SMALL.replace("0x1000 8", "0 0x1000 0 8")))
    command = ["sh", "-c", f"echo one {blob} > /sys/bus/platform/add_overlay"]
    listen = pathlib.Path(__file__).resolve().parents[1] / "conformance/listen.py"
    heard = json.loads(
        bus.daemon.umdev("exec", "python3", listen, input=json.dumps(command) + "\n").stdout
    )
    assert heard["status"] == 0, heard
    assert [event["words"][0] for event in heard["events"]] == [
        "add@/devices/platform/1000.widget",
        "bind@/devices/platform/1000.widget",
    ]
    assert "OF_FULLNAME=/widget@1000" in heard["events"][0]["words"]
