# SPDX-License-Identifier: LGPL-2.1-or-later
"""udevadm, udevd and programs with libudev, unmodified, in the view of an instance."""

import json
import re
import subprocess

import pytest

from udev import (MODULES, Lines, client, client_command, create, devices_of, export, exported, load,
                  one_of_each, remove, subsystems_of)

# In the view's own /run.
RECORD = "/run/udev/umdev-test"
RULE = f"""\
ACTION!="remove", ENV{{UMDEV_SEEN}}="yes"
SUBSYSTEM=="mdev", ACTION!="remove", ENV{{UMDEV_TYPE}}="$attr{{mdev_type/name}}"
SUBSYSTEM=="mdev", RUN+="/bin/sh -c 'echo $env{{ACTION}}:$kernel:$env{{UMDEV_TYPE}} >> {RECORD}'"
"""


@pytest.fixture
def udev_view(any_view):
    """The view of an instance that has all there is."""
    return with_all(any_view)


@pytest.fixture
def roots_view(view):
    """The same, of an instance of root's."""
    return with_all(view)


def with_all(view):
    view.release.need("udevadm", "udev")
    view.start(*load(*MODULES))
    return view


@pytest.fixture
def udevd(udev_view):
    start_udevd(udev_view)


def start_udevd(view):
    """One that marks what it has seen, keeps the name of an mdev's type, and runs a program for each event."""
    rules = view.daemon.directory / "50-umdev-test.rules"
    rules.write_text(RULE)
    view.start_udevd(rules)


def ran(view):
    """What the rule's program has written."""
    shown = view.run("cat", RECORD, check=False).stdout
    return [tuple(line.split(":")) for line in shown.splitlines()]


# ---- what is found ----


def test_the_enumeration_skips_nothing(udev_view):
    one_of_each(udev_view)
    expected = devices_of(udev_view)
    assert len(expected) > 20
    assert expected - set(export(udev_view)) == set()
    found = {entry["properties"]["DEVPATH"] for entry in client(udev_view, "devices")}
    assert expected - found == set()
    found = {entry["properties"]["DEVPATH"] for entry in client(udev_view, "subsystems")}
    assert subsystems_of(udev_view) - found == set()


def machines_own():
    shown = subprocess.run(["udevadm", "info", "--export-db"], text=True, check=True, capture_output=True)
    return exported(shown.stdout)


def test_the_machines_own_devices_are_found_as_before(udev_view):
    """But those of the network, which are of the view's own, and of mounts, which come and go with other programs."""
    others = "net", "queues", "bdi"
    before, there, after = machines_own(), export(udev_view), machines_own()
    stayed = {path for path in before if path in after and before[path]["SUBSYSTEM"] not in others}
    assert stayed - set(there) == set()
    for path in stayed:
        assert there[path]["SUBSYSTEM"] == before[path]["SUBSYSTEM"]
    assert "/devices/virtual/net/lo" in there


def test_nothing_is_found_twice(udev_view):
    shown = udev_view.run("udevadm", "info", "--export-db").stdout
    paths = re.findall(r"^P: (.*)$", shown, re.M)
    assert len(paths) == len(set(paths))


def test_what_udevadm_knows_of_a_device(udev_view):
    name = create(udev_view)
    shown = udev_view.run("udevadm", "info", "--query=property", f"/sys/bus/mdev/devices/{name}").stdout
    assert shown.splitlines() == [f"DEVPATH=/devices/virtual/mtty/mtty/{name}", "DRIVER=mtty",
                                  "SUBSYSTEM=mdev"]
    shown = udev_view.run("udevadm", "info", "--query=path", f"/sys/bus/mdev/devices/{name}").stdout
    assert shown == f"/devices/virtual/mtty/mtty/{name}\n"


def test_a_walk_up_shows_attributes_and_parents(udev_view):
    name = create(udev_view)
    shown = udev_view.run("udevadm", "info", "--attribute-walk", f"--path=/bus/mdev/devices/{name}").stdout
    device, parent = re.findall(r"^  looking at .*?:\n((?:    .*\n)+)", shown, re.M)
    for line in f'KERNEL=="{name}"', 'SUBSYSTEM=="mdev"', 'DRIVER=="mtty"':
        assert line in device
    assert re.search(r'ATTR{remove}=="\((not readable|write-only)\)"', device)
    assert f'ATTR{{vendor/sample_mdev_dev}}=="This is MDEV {name}"' in device
    assert 'ATTR{port0/backend}=="pty"' in device
    assert 'KERNELS=="mtty"' in parent
    assert 'SUBSYSTEMS=="mtty"' in parent
    assert 'ATTRS{mdev_supported_types/mtty-1/available_instances}=="23"' in parent


def test_a_program_asks_for_attributes_parents_numbers_and_names(udev_view):
    name = create(udev_view, "1234:00:01.0", "parents-pci-small")
    path = f"/sys/devices/pci1234:00/1234:00:01.0/{name}"
    [device] = client(udev_view, "device", path, "mdev_type/name", "mdev_type/device_api",
                      "mdev_type/available_instances", "nosuch", "remove", "driver", "subsystem")
    assert device["values"] == {
        "mdev_type/name": "A small slice",
        "mdev_type/device_api": "vfio-pci",
        "mdev_type/available_instances": "7",
        "nosuch": None,
        "remove": None,
        "driver": "parents-pci",
        "subsystem": "mdev",
    }
    assert {"uevent", "remove", "driver", "subsystem"} <= set(device["attributes"])
    assert device["parents"] == ["/sys/devices/pci1234:00/1234:00:01.0", "/sys/devices/pci1234:00"]
    assert client(udev_view, "name", "mdev", name)[0]["syspath"] == path
    assert client(udev_view, "name", "pci", "1234:00:01.0")[0]["properties"]["PCI_CLASS"] == "30000"

    [group] = [entry for entry in client(udev_view, "devices") if entry["subsystem"] == "vfio"]
    assert group["devnode"] == f"/dev/vfio/{group['name']}"
    assert client(udev_view, "number", "c", group["number"]) == [group]


# ---- events ----


def events(lines):
    """[("KERNEL" or "UDEV", action, path)] of what `udevadm monitor` printed."""
    return re.findall(r"^(KERNEL|UDEV) *\[[\d.]+\] (\S+) +(\S+) \(", "\n".join(lines), re.M)


def wait_for_last(monitor, name):
    lines = []
    while not any(event[:2] == ("UDEV", "remove") for event in events(lines)):
        lines += monitor.wait_for(name)
    return lines


def test_monitor_hears_the_kernel_and_udev(udev_view, udevd):
    with Lines(udev_view, "udevadm", "monitor", "--kernel", "--udev", "--subsystem-match=mdev") as monitor:
        monitor.wait_for("KERNEL - ")
        name = create(udev_view)
        remove(udev_view, name)
        heard = events(wait_for_last(monitor, name))
    path = f"/devices/virtual/mtty/mtty/{name}"
    for source in "KERNEL", "UDEV":
        assert [event for event in heard if event[0] == source] == [
            (source, action, path) for action in ("add", "bind", "unbind", "remove")]


@pytest.mark.parametrize("source", ["kernel", "udev"])
def test_a_program_hears_events_with_all_there_already(udev_view, udevd, source):
    with Lines(udev_view, *client_command(udev_view, "monitor", source, "mdev")) as monitor:
        assert monitor.wait_for("ready")
        name = create(udev_view)
        added = json.loads(monitor.read())
        bound = json.loads(monitor.read())
        remove(udev_view, name)
        gone = [json.loads(monitor.read())["action"] for _ in range(2)]
        status, rest = monitor.finish()
    assert (status, rest, gone) == (0, [], ["unbind", "remove"])
    assert (added["action"], added["name"], bound["action"]) == ("add", name, "bind")
    assert added["seqnum"] < bound["seqnum"]
    assert added["properties"].get("UMDEV_TYPE") == ("Single port serial" if source == "udev" else None)


def test_a_rule_reads_attributes_of_the_type(udev_view, udevd):
    """Each time, since the device is complete before it is announced."""
    names = [create(udev_view) for _ in range(20)]
    udev_view.run("udevadm", "settle")
    for name in names:
        shown = udev_view.run("udevadm", "info", "--query=property", "--property=UMDEV_TYPE", "--value",
                              f"/sys/bus/mdev/devices/{name}").stdout
        assert shown == "Single port serial\n"
    [device] = client(udev_view, "device", f"/sys/bus/mdev/devices/{names[0]}")
    assert device["initialized"]
    for name in names:
        remove(udev_view, name)
    udev_view.run("udevadm", "settle")
    record = ran(udev_view)
    for name in names:
        assert [action for action, kernel, _ in record if kernel == name] == [
            "add", "bind", "unbind", "remove"]
    assert {kind for action, _, kind in record if action == "add"} == {"Single port serial"}


def test_trigger_waits_for_all_of_the_machine(udev_view, udevd):
    one_of_each(udev_view)
    expected = devices_of(udev_view)
    shown = udev_view.run("udevadm", "trigger", "--verbose", "--settle", "--action=add")
    assert shown.stderr == ""
    triggered = [line.removeprefix("/sys") for line in shown.stdout.splitlines()]
    assert expected - set(triggered) == set()
    # As many as there are: the machine's own, too, but for what comes with the mounts of other programs.
    there = {path for path, keys in export(udev_view).items() if keys.get("SUBSYSTEM") != "bdi"}
    assert there - set(triggered) - subsystems_in(udev_view) == set()
    known = {entry["properties"]["DEVPATH"]: entry["initialized"] for entry in client(udev_view, "devices")}
    assert [path for path in expected if not known[path]] == []


def subsystems_in(view):
    return {entry["properties"]["DEVPATH"] for entry in client(view, "subsystems")}


def test_trigger_of_subsystems(udev_view, udevd):
    shown = udev_view.run("udevadm", "trigger", "--verbose", "--settle", "--type=subsystems")
    triggered = {line.removeprefix("/sys") for line in shown.stdout.splitlines()}
    assert subsystems_of(udev_view) - triggered == set()


def test_a_trigger_with_a_uuid_is_heard_with_it(udev_view, udevd):
    name = create(udev_view)
    with Lines(udev_view, *client_command(udev_view, "monitor", "udev", "mdev")) as monitor:
        monitor.wait_for("ready")
        udev_view.run("udevadm", "trigger", "--uuid", "--action=change", f"/sys/bus/mdev/devices/{name}")
        lines = [json.loads(monitor.read())]
        while lines[-1]["action"] != "change":
            lines.append(json.loads(monitor.read()))
    assert re.fullmatch(r"[0-9a-f-]{36}", lines[-1]["properties"]["SYNTH_UUID"])


def test_udevadm_test_applies_the_rules(udev_view, udevd):
    name = create(udev_view)
    shown = udev_view.run("udevadm", "test", f"/sys/bus/mdev/devices/{name}")
    assert "UMDEV_TYPE=Single port serial" in shown.stdout + shown.stderr


def test_settle_waits_for_what_was_before(udev_view, udevd):
    for _ in range(5):
        name = create(udev_view)
        udev_view.run("udevadm", "settle", "--timeout=30")
        assert ("bind", name, "Single port serial") in ran(udev_view)
        remove(udev_view, name)


def test_a_running_udevd_is_talked_to(udev_view, udevd):
    udev_view.run("udevadm", "control", "--ping")
    rules = udev_view.daemon.directory / "60-umdev-later.rules"
    rules.write_text('SUBSYSTEM=="mdev", ENV{UMDEV_LATER}="yes"\n')
    udev_view.start_udevd(rules)
    name = create(udev_view)
    udev_view.run("udevadm", "settle")
    [device] = client(udev_view, "device", f"/sys/bus/mdev/devices/{name}")
    assert device["properties"]["UMDEV_LATER"] == "yes"


# ---- as an ordinary user, in an instance of root's ----

NOBODY = 65534


def test_an_ordinary_user_sees_it_all_in_an_instance_of_roots(roots_view):
    start_udevd(roots_view)
    name = create(roots_view)
    roots_view.run("udevadm", "settle")
    become = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]

    def ask(*arguments):
        shown = roots_view.run(*become, *client_command(roots_view, *arguments))
        return [json.loads(line) for line in shown.stdout.splitlines()]

    found = {entry["properties"]["DEVPATH"] for entry in ask("devices")}
    assert devices_of(roots_view) - found == set()
    [device] = ask("device", f"/sys/bus/mdev/devices/{name}", "mdev_type/name", "remove")
    assert device["values"] == {"mdev_type/name": "Single port serial", "remove": None}
    assert device["properties"]["UMDEV_TYPE"] == "Single port serial"
    for source in "kernel", "udev":
        roots_view.run("udevadm", "settle")
        with Lines(roots_view, *become, *client_command(roots_view, "monitor", source, "mdev")) as monitor:
            monitor.wait_for("ready")
            other = create(roots_view)
            assert json.loads(monitor.read())["name"] == other
    shown = roots_view.run(*become, "udevadm", "info", "--export-db")
    assert devices_of(roots_view) - set(exported(shown.stdout)) == set()
