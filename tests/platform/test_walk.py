# SPDX-License-Identifier: LGPL-2.1-or-later
"""
A device is handed to VFIO and given back, by each of the ways that there are.

Nobody who was not told ever has it: not when modules come and go, devices are plugged in, drivers are probed or learn
new ids. Who has each device is looked at after every step.
"""

import shutil
import subprocess

import pytest

import dmac_user
from dmac_board import FIRST, SECOND, THIRD, USUAL, VFIO, start_board  # noqa: F401

NOTHING = ""
USED = """\
device: platform reset, 2 regions, 2 interrupts
region 0: 0x1000 bytes read write
region 1: 0x4000 bytes read write mmap
interrupt 0: 1 eventfd maskable automasked
interrupt 1: 1 eventfd
id 0x43414d44 version 0x10000
registers: not mapped
descriptor memory: mapped
memfd: status 0x80000000, copied
anonymous: status 0x80000000, copied
while masked: quiet
unmasked while high: signalled
acknowledged and unmasked: quiet
not mapped: status 0x80000007, error 7 at it
reset after an error: control 0, status 0, irq_enable 0, ring of 0
reset in the middle: control 0, status 0, irq_enable 0, ring of 0
after reset: status 0x80000000, copied
"""


@pytest.fixture
def board(start_board):  # noqa: F811
    """With both drivers."""
    return start_board("vfio_platform", "umdev_dmac")


@pytest.fixture
def program(board):
    """Where whoever has the view can run it."""
    return shutil.copy(board.view.build / "tests/platform/uses_platform", board.view.daemon.directory)


def use(board, program):
    """From a program of VFIO's own API, then over vfio-user, then once more: whoever comes next finds it as new."""
    assert board.view.run(program, "use", FIRST).stdout == USED
    dmac_user.use(board.socket(FIRST))
    assert board.view.run(program, "use", FIRST).stdout == USED


def works(board, name):
    """With its usual driver."""
    before = board.channel(name, "bytes_transferred")
    assert board.test(name, 70000) == NOTHING
    assert board.channel(name, "bytes_transferred") == before + 70000


def shake(board, told):
    """What has drivers look for devices, or devices for drivers."""
    owners = board.owners(FIRST, SECOND)
    # One more is plugged in: it is for the usual driver, or for nobody.
    assert board.plug() == NOTHING
    assert board.owners(FIRST, SECOND, THIRD) == (*owners, owners[1])
    assert board.unplug() == NOTHING
    assert board.owners(FIRST, SECOND) == owners
    if told:
        return
    assert board.probe(FIRST) == NOTHING
    assert board.owners(FIRST, SECOND) == owners
    assert board.write(f"bus/platform/drivers/{VFIO}/new_id", "umdev,dmac-1.0") == NOTHING
    assert board.owners(FIRST, SECOND) == owners
    assert board.write(f"bus/platform/drivers/{VFIO}/remove_id", "umdev,dmac-1.0") == NOTHING


def disturb(board, owner, told=False):
    """
    All others that come and go, while @owner has the first device, or nobody (None).

    @told: its driver_override names VFIO's driver, which is an invitation to probe
    """
    assert board.owners(FIRST, SECOND) == (owner, USUAL)
    board.umdev("rmmod", "umdev_dmac")
    assert board.owners(FIRST, SECOND) == (None if owner == USUAL else owner, None)
    shake(board, told)
    board.load("umdev_dmac")
    assert board.owners(FIRST, SECOND) == (owner, USUAL)
    shake(board, told)
    if owner != VFIO and not told:
        modules = board.umdev("lsmod")
        board.umdev("rmmod", *(["reset_dmac"] if "reset_dmac" in modules else []), "vfio_platform")
        assert board.owners(FIRST, SECOND) == (owner, USUAL)
        board.load("vfio_platform")
        assert board.owners(FIRST, SECOND) == (owner, USUAL)


# ---- the beginning ----


@pytest.mark.parametrize("modules", [["vfio_platform", "umdev_dmac"], ["umdev_dmac", "vfio_platform"]], ids="-".join)
def test_boot_gives_devices_to_their_usual_driver(start_board, modules):  # noqa: F811
    board = start_board(*modules)
    assert board.owners(FIRST, SECOND) == (USUAL, USUAL)
    works(board, FIRST)
    disturb(board, USUAL)
    works(board, FIRST)


def test_boot_without_the_usual_driver_gives_them_to_nobody(start_board):  # noqa: F811
    board = start_board("vfio_platform")
    assert board.owners(FIRST, SECOND) == (None, None)
    shake(board, told=False)
    board.load("umdev_dmac")
    assert board.owners(FIRST, SECOND) == (USUAL, USUAL)


# ---- the ways ----


def test_marked_unbound_and_bound(board, program):
    works(board, FIRST)
    assert board.mark(FIRST, True) == NOTHING
    # A mark takes nothing away.
    assert board.owners(FIRST, SECOND) == (USUAL, USUAL)
    works(board, FIRST)
    assert board.unbind(FIRST, USUAL) == NOTHING
    disturb(board, None)
    assert board.bind(FIRST, VFIO) == NOTHING
    use(board, program)
    assert board.bind(FIRST, USUAL) == "Device or resource busy"
    disturb(board, VFIO)
    use(board, program)
    assert board.unbind(FIRST, VFIO) == NOTHING
    disturb(board, None)
    assert board.bind(FIRST, USUAL) == NOTHING
    works(board, FIRST)
    assert board.mark(FIRST, False) == NOTHING
    disturb(board, USUAL)
    works(board, FIRST)


def test_rebound(board, program):
    works(board, FIRST)
    assert board.write(board.device(FIRST, "rebind"), VFIO) == NOTHING
    use(board, program)
    disturb(board, VFIO)
    use(board, program)
    assert board.write(board.device(FIRST, "rebind"), USUAL) == NOTHING
    works(board, FIRST)
    disturb(board, USUAL)


def test_rebound_by_the_command(board, program):
    board.umdev("bind", "--rebind", FIRST, VFIO)
    assert board.owners(FIRST, SECOND) == (VFIO, USUAL)
    use(board, program)
    board.umdev("bind", "--rebind", FIRST, USUAL)
    assert board.owners(FIRST, SECOND) == (USUAL, USUAL)
    works(board, FIRST)


def test_by_driver_override_alone(board, program):
    works(board, FIRST)
    assert board.write(board.device(FIRST, "driver_override"), VFIO) == NOTHING
    assert board.owners(FIRST, SECOND) == (USUAL, USUAL)
    assert board.unbind(FIRST, USUAL) == NOTHING
    disturb(board, None, told=True)
    assert board.probe(FIRST) == NOTHING
    use(board, program)
    disturb(board, VFIO, told=True)
    use(board, program)
    assert board.write(board.device(FIRST, "driver_override"), "\n") == NOTHING
    assert board.unbind(FIRST, VFIO) == NOTHING
    assert board.owners(FIRST, SECOND) == (None, USUAL)
    assert board.probe(FIRST) == NOTHING
    works(board, FIRST)
    disturb(board, USUAL)


def test_by_driverctl(board, program):
    if not shutil.which("driverctl"):
        pytest.skip("no driverctl (run: apt-get install driverctl)")

    def driverctl(*args):
        return board.view.run("driverctl", "--bus", "platform", "--nosave", *args, check=False)

    def listed(what):
        lines = driverctl(what).stdout.splitlines()
        return [line for line in lines if line.split()[0] in (FIRST, SECOND)]

    assert listed("list-devices") == [f"{FIRST} {USUAL}", f"{SECOND} {USUAL}"]
    assert listed("list-overrides") == []
    done = driverctl("set-override", FIRST, VFIO)
    assert done.returncode == 0, done
    assert listed("list-devices") == [f"{FIRST} {VFIO} [*]", f"{SECOND} {USUAL}"]
    assert listed("list-overrides") == [f"{FIRST} {VFIO}"]
    use(board, program)
    disturb(board, VFIO, told=True)
    use(board, program)
    done = driverctl("unset-override", FIRST)
    assert done.returncode == 0, done
    assert listed("list-overrides") == []
    assert listed("list-devices") == [f"{FIRST} {USUAL}", f"{SECOND} {USUAL}"]
    works(board, FIRST)
    disturb(board, USUAL)


# ---- who is using it ----


def test_unbinding_waits_for_the_user(board, program):
    assert board.mark(FIRST, True) == NOTHING
    assert board.unbind(FIRST, USUAL) == NOTHING
    assert board.bind(FIRST, VFIO) == NOTHING
    user = board.view.popen(program, "hold", FIRST, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert user.stdout.readline() == "ready\n"
    command = ["bash", "-c", 'printf %s "$1" > "$2"', "bash", FIRST, board.sys / f"bus/platform/drivers/{VFIO}/unbind"]
    unbind = subprocess.Popen([str(word) for word in command], **board.view.as_user())
    while "uses_platform" not in board.view.daemon.log():
        assert unbind.poll() is None, "it did not wait"
    assert unbind.poll() is None
    user.stdin.close()
    assert unbind.wait(30) == 0 and user.wait(30) == 0
    assert board.owners(FIRST, SECOND) == (None, USUAL)
    assert board.bind(FIRST, USUAL) == NOTHING
    works(board, FIRST)


def test_a_user_that_is_killed_leaves_a_device_that_works(board, program):
    assert board.write(board.device(FIRST, "rebind"), VFIO) == NOTHING
    user = board.view.popen(program, "hold", FIRST, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert user.stdout.readline() == "ready\n"
    user.kill()
    user.wait()
    use(board, program)
    assert board.write(board.device(FIRST, "rebind"), USUAL) == NOTHING
    works(board, FIRST)
