# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs of VFIO's own API in the view: their memory is used, they are interrupted, and asked to let go."""

import shutil
import subprocess

import pytest

UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"
CREATE = {
    "engine": "/sys/class/mdev_bus/engine/mdev_supported_types/engine-1/create",
    "mtty": "/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-2/create",
}
COPIED = """\
flags 0x5 regions 2 irqs 2
buffer: flags 0xf size 0x10000 needs 80
interrupt: flags 0x9 count 1
{kinds}
read only: EFAULT
gone: EFAULT
what is stored in the area is there
more than the area: EINVAL
register 0x20: read -1 EBUSY, write -1 EBUSY
register 0x28: read -1 EAGAIN, write -1 EAGAIN
register 0x30: read 4 ok, write 4 ok
"""
KINDS = ["memfd", "memfd, later", "private memfd", "anonymous", "anonymous, later", "shared"]
KIND = "{0}: the device has read it\n{0}: the device has written it\n{0}: unmapped EFAULT"


@pytest.fixture
def program(any_view):
    return shutil.copy(any_view.build / "tests/exec/uses_vfio", any_view.daemon.directory)


def create(view, name):
    if name != "mtty":
        view.daemon.umdev("modprobe", name)
    view.sh(f"echo {UUID} > {CREATE[name]}")


def test_a_device_copies_memory_of_all_kinds(any_view, program):
    create(any_view, "engine")
    expected = COPIED.format(kinds="\n".join(KIND.format(kind) for kind in KINDS))
    assert any_view.run(program, "copy", UUID).stdout == expected


@pytest.mark.parametrize("name, irq", [("engine", 1), ("mtty", 4)])
def test_a_program_that_is_asked_lets_go(any_view, program, name, irq):
    create(any_view, name)
    user = any_view.popen(program, "release", UUID, irq, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert user.stdout.readline() == "ready\n"
    assert "(uses_vfio)" in any_view.sh(f"cat /sys/bus/mdev/devices/{UUID}/vfio-dev/vfio*/user")
    # Returns when the program has let go, while the program lives on.
    any_view.sh(f"echo 1 > /sys/bus/mdev/devices/{UUID}/remove")
    assert any_view.sh("ls /sys/bus/mdev/devices") == ""
    assert user.stdout.readline() == "asked to let go\n"
    user.stdin.close()
    assert user.stdout.read() == "closed\n"
    assert user.wait() == 0


def test_a_program_that_is_killed_frees_its_device(any_view, program):
    create(any_view, "mtty")
    user = any_view.popen(program, "release", UUID, 4, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert user.stdout.readline() == "ready\n"
    busy = any_view.run(program, "release", UUID, 4, check=False, stdin=subprocess.DEVNULL).stdout
    assert busy.startswith("failed: /dev/vfio/") and "Device or resource busy" in busy
    user.kill()
    user.wait()
    # The next one has it at once.
    user = any_view.popen(program, "release", UUID, 4, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert user.stdout.readline() == "ready\n"
    user.kill()
    user.wait()
