# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Devices come and go while tools enumerate them. Whatever is removed, nobody gets an error other than
that it is not there, and nobody hangs or turns in a circle.
"""

import contextlib
import itertools
import json

import pytest

from udev import MODULES, Lines, client_command, create, devices_of, export, load, one_of_each, remove

LOOKS = 4
# As often as a line can be read.
UDEVADM_LOOP = """\
echo ready
while read -r line; do
	udevadm info --export-db > "$1" || exit 1
	# Of a device that is not there any more it says so.
	udevadm info --attribute-walk --path=/devices/pci1234:00/1234:00:01.0 > "$1.walk" 2>&1 || :
	echo looked
done
"""


@pytest.fixture
def udev_view(view):
    view.release.need("udevadm", "udev")
    view.start(*load(*MODULES))
    return view


def module(view, command, name):
    answer = view.daemon.ask(command=command, name=name)
    assert answer["ok"], answer


def mdevs(view):
    """All kinds at once, then each removed."""
    for name in one_of_each(view):
        remove(view, name)


def parent_unbound(view):
    """A parent goes with what is on it."""
    create(view, "1234:00:01.0", "parents-pci-small")
    view.write("bus/pci/drivers/parents-pci/unbind", "1234:00:01.0")
    view.write("bus/pci/drivers/parents-pci/bind", "1234:00:01.0")


def module_with_parents(view):
    """Buses, drivers, parents and mdevs."""
    one_of_each(view, ["1234:00:01.0", "0.0.0010", "matrix"])
    module(view, "rmmod", "parents")
    module(view, "modprobe", "parents")


def module_with_devices(view):
    for name in "mtty", "native":
        module(view, "rmmod", name)
    module(view, "rmmod", "substitute")
    module(view, "rmmod", "overridable")
    for name in "mtty", "native", "substitute":
        module(view, "modprobe", name)


def bindings(view):
    for n in range(3):
        view.write("bus/overridable/drivers/native/unbind", f"ovr{n}")
        view.write(f"bus/overridable/devices/ovr{n}/driver_override", "substitute")
        view.write("bus/overridable/drivers_probe", f"ovr{n}")
        view.write("bus/overridable/drivers/substitute/unbind", f"ovr{n}")
        view.write(f"bus/overridable/devices/ovr{n}/driver_override", "\n")
        view.write("bus/overridable/drivers_probe", f"ovr{n}")


STORMS = [mdevs, parent_unbound, module_with_parents, module_with_devices, bindings]


@contextlib.contextmanager
def looking(view, *command):
    """A program that looks at everything again and again, and ends well."""
    with Lines(view, *command) as loop:
        loop.wait_for("ready")
        yield loop
        status, lines = loop.finish()
        assert status == 0, lines[-20:]


def storm_while_looking(loop, view):
    """One kind after the other, until it has looked that often."""
    kinds = itertools.cycle(STORMS)
    for _ in range(LOOKS):
        while not loop.has_said_something():
            next(kinds)(view)
        assert loop.read() == "looked"


def test_a_program_enumerates_while_devices_come_and_go(udev_view):
    with looking(udev_view, *client_command(udev_view, "loop")) as loop:
        storm_while_looking(loop, udev_view)


def test_udevadm_enumerates_while_devices_come_and_go(udev_view):
    out = udev_view.daemon.directory / "out"
    with looking(udev_view, "sh", "-c", UDEVADM_LOOP, "sh", out) as loop:
        loop.process.stdin.write("again\n" * LOOKS)
        loop.process.stdin.flush()
        storm_while_looking(loop, udev_view)


def test_udevd_keeps_up_with_all_of_it(udev_view):
    """Rules run, triggers are waited for, and at the end its database is of what there is."""
    rules = udev_view.daemon.directory / "50-umdev-test.rules"
    rules.write_text('ACTION!="remove", SUBSYSTEM=="mdev", ENV{KIND}="$attr{mdev_type/name}"\n')
    udev_view.start_udevd(rules)
    with looking(udev_view, *client_command(udev_view, "loop")):
        for storm in STORMS:
            storm(udev_view)
            udev_view.run("udevadm", "trigger", "--settle", "--subsystem-match=mdev",
                          "--subsystem-match=pci", "--subsystem-match=overridable")
        names = one_of_each(udev_view)
        udev_view.run("udevadm", "settle")
        found = export(udev_view)
        known = {path: keys for path, keys in found.items() if keys.get("SUBSYSTEM") == "mdev"}
        assert {path.rpartition("/")[2] for path in known} == set(names)
        assert [path for path, keys in known.items() if "KIND" not in keys] == []
        assert udev_view.run("sh", "-c", "ls /run/udev/data | grep -c '^+mdev:'").stdout.strip() == str(
            len(names))


def removals(view):
    """Ways to remove something, the smaller things first; in the end all is gone."""
    for name in one_of_each(view):
        yield lambda name=name: remove(view, name)
    one_of_each(view)
    yield lambda: view.write("bus/pci/drivers/parents-pci/unbind", "1234:00:01.0")
    yield lambda: view.write("bus/css/drivers/vfio_ccw/unbind", "0.0.0010")
    for name in "parents", "mtty", "native", "substitute", "overridable":
        yield lambda name=name: module(view, "rmmod", name)


def test_what_goes_after_it_was_found_is_left_out_and_no_more(udev_view):
    for remove_it in removals(udev_view):
        before = devices_of(udev_view)
        with Lines(udev_view, *client_command(udev_view, "pause")) as client:
            assert client.read() == "found"
            remove_it()
            client.process.stdin.write("\n")
            status, lines = client.finish()
        after = devices_of(udev_view)
        seen = {json.loads(line)["properties"]["DEVPATH"] for line in lines}
        assert status == 0, lines
        assert seen & before == after
