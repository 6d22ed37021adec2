# SPDX-License-Identifier: LGPL-2.1-or-later
"""What doc/tools.md and doc/vfio.md tell their readers to type works, with this machine's Debian."""

import os
import pathlib
import re

import pytest

from release import OWN

UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"
PAGES = pathlib.Path(__file__).resolve().parents[2] / "doc"


def commands(heading, page="tools.md", prompt="$"):
    """What is to be typed below @heading. The daemon is the test's, and nobody has to become root."""
    section = re.search(rf"^## {heading}\n(.*?)(?=^## )", (PAGES / page).read_text(), re.M | re.S).group(1)
    return [line.removeprefix("sudo ") for line in re.findall(rf"^    [{prompt}] (.*)$", section, re.M)]


@pytest.fixture
def release_name():
    return OWN


@pytest.fixture
def type_in(any_view):
    """Type a command of the page into a shell. Return: what it prints."""
    home = any_view.daemon.directory / "home"
    home.mkdir()
    os.chown(home, any_view.user or 0, -1)
    path = f"{any_view.umdev.parent}:{os.environ['PATH']}"
    any_view.start("--load=mtty")

    def run(command):
        outside = {"HOME": home, "PATH": path, "UMDEV_RUNTIME_DIR": any_view.daemon.runtime}
        return any_view.outside("env", *(f"{name}={value}" for name, value in outside.items()), "sh", "-c", command)

    return run


def test_mdevctl(type_in):
    said = [type_in(command) for command in commands("mdevctl")]
    assert said[0].startswith("mtty\n  mtty-1\n    Available instances: 24\n")
    assert said[2] == f"{UUID} mtty mtty-2 manual\n\n"
    assert said[8] == f'{UUID} mtty mtty-2 auto\n  Attrs:\n    @{{0}}: {{"port0/backend":"loop"}}\n\n'
    assert said[9] == f"{UUID} mtty mtty-2 auto (defined)\n\n"
    assert len(said) == 10


def test_mdevctl_with_crypto_adapters(type_in, any_view):
    for command in commands("mdevctl", prompt="#"):
        type_in(command)
    matrix = "bus/mdev/devices/62177883-f1bb-47f0-914d-32a22e3a8804"
    assert any_view.read(f"{matrix}/matrix") == any_view.read(f"{matrix}/guest_matrix") == "04.0047\n"


def test_modprobe(type_in, any_view):
    any_view.release.need("modprobe", "kmod")
    said = [type_in(command) for command in commands("modprobe")]
    assert said[:2] == ["", ""]
    assert [line.split()[0] for line in said[2].splitlines()][-1] == "mtty"
    assert len(said) == 3


def test_driverctl(type_in, any_view):
    any_view.release.need("modprobe", "kmod")
    said = [type_in(command) for command in commands("driverctl")]
    assert said[1] == "ovr0 native\novr1 native\novr2 native\n"
    assert said[3] == "ovr1 substitute\n"
    assert len(said) == 5


def test_driverctl_with_subchannels(type_in, any_view):
    any_view.release.need("modprobe", "kmod")
    typed = commands("driverctl", prompt="#")
    load, override, create, *back = typed[[command.startswith("umdev modprobe css") for command in typed].index(True):]
    # The modules of tests, which are there, too, are not loaded for what they claim.
    type_in(load)
    type_in(override)
    type_in(create)
    assert any_view.find(["bus/mdev/devices"], "-type", "l") != []
    for command in back:
        type_in(command)
    assert any_view.find(["bus/mdev/devices"], "-type", "l") == []
    assert any_view.find(["bus/css/drivers/io_subchannel"], "-name", "0.0.0000") != []


def test_libvirt(type_in, any_view):
    any_view.release.need("libvirtd", "libvirt-daemon")
    *begin, end = commands("libvirt")
    said = [type_in(command) for command in begin]
    try:
        assert said[4] == "mtty_mtty\n\n"
        assert "<type id='mtty-2'>" in said[5]
        assert said[6] == "\n"
    finally:
        type_in(end)
    assert len(said) == 7


def test_vfio_program_and_qemu(type_in, any_view):
    any_view.release.need("qemu-system-x86_64", "qemu-system-x86")
    said = [type_in(command) for command in commands("A program", "vfio.md")]
    assert said[0] == f"{UUID}\n"
    assert said[1].split()[1:] == ["vfio"] and said[1].split()[0].isdigit()
    assert said[2] == "0\n"
    assert len(said) == 3
    *begin, end = commands("QEMU", "vfio.md")
    try:
        said = [type_in(command) for command in begin]
        assert "(qemu-system-x86)" in said[1]
        assert "83b8f4f2" not in type_in("umdev list")
    finally:
        type_in(end)
    assert len(said) == 3
