# SPDX-License-Identifier: LGPL-2.1-or-later
"""Handing a device to VFIO and back: umdev bind --rebind, and what it says."""

import errno
import signal
import subprocess

import pytest

from conftest import TIMEOUT, UMDEV
from test_removal import connect, is_in_system_call, until, waits, writer

DEVICE = "ovr0"
OTHER_KIND = "ovr2"
REBIND = f"bus/overridable/devices/{DEVICE}/rebind"
STILL = f"umdev: {DEVICE} is still with native\n"


@pytest.fixture
def bus(daemon):
    """Three devices with their usual driver "native", and "anything", a VFIO driver for all."""
    daemon.start("--load", "native", "--load", "anything")
    return daemon


def driver(bus, device=DEVICE):
    link = bus.sys / "bus/overridable/devices" / device / "driver"
    return link.resolve().name if link.is_symlink() else None


def give_up(late):
    """What a writer is told that has only waited for another one."""
    until(lambda: is_in_system_call(late.process.pid), "it waits")
    return late.interrupt()


def refused(bus, *args):
    answer = bus.umdev(*args, check=False)
    assert answer.returncode == 1
    assert answer.stdout == ""
    return answer.stderr


def test_what_takes_anything_takes_nothing_by_itself(bus):
    bus.umdev("rmmod", "anything")
    bus.umdev("unbind", DEVICE)
    bus.umdev("modprobe", "anything")
    bus.write("bus/overridable/drivers_probe", DEVICE)
    assert [driver(bus, f"ovr{n}") for n in range(3)] == ["native"] * 3
    bus.umdev("rmmod", "native")
    bus.write("bus/overridable/drivers_probe", DEVICE)
    assert driver(bus) is None


def test_a_device_is_handed_to_vfio_and_back(bus):
    bus.umdev("bind", "--rebind", DEVICE, "anything")
    assert driver(bus) == "anything"
    with connect(bus, DEVICE) as user:
        user.info()
    # It is there already, and stays; without a driver it is bound.
    bus.umdev("bind", "--rebind", DEVICE, "anything")
    bus.umdev("bind", DEVICE, "native", "--rebind")
    assert driver(bus) == "native"
    bus.umdev("unbind", DEVICE)
    bus.umdev("bind", "--rebind", f"overridable/{DEVICE}", "anything")
    assert driver(bus) == "anything"


def test_a_user_is_asked_and_waited_for(bus):
    bus.umdev("bind", "--rebind", DEVICE, "anything")
    with connect(bus, DEVICE) as user:
        words = [UMDEV, "--runtime-dir", bus.runtime, "bind", "--rebind", DEVICE, "native"]
        with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as moving:
            assert moving.stderr.readline().startswith("umdev: waiting for pid")
            waits(bus)
            # Who probes meanwhile does not get it.
            with writer(bus, f"bus/overridable/devices/{DEVICE}/explicit_bind_only", "1") as late:
                assert give_up(late) == "EINTR"
            user.info()
            assert moving.poll() is None and driver(bus) != "native"
            user.close()
            assert moving.wait(TIMEOUT) == 0
    assert driver(bus) == "native"
    assert bus.read(f"bus/overridable/devices/{DEVICE}/explicit_bind_only") == "0\n"


def test_ctrl_c_ends_the_wait_and_the_device_moves_on(bus):
    bus.umdev("bind", "--rebind", DEVICE, "anything")
    with connect(bus, DEVICE):
        words = [UMDEV, "--runtime-dir", bus.runtime, "bind", "--rebind", DEVICE, "native"]
        with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as moving:
            moving.stderr.readline()
            waits(bus)
            moving.send_signal(signal.SIGINT)
            assert moving.wait(TIMEOUT) == -signal.SIGINT
            assert f"the rebinding of {DEVICE} goes on in umdevd" in moving.stderr.read()
    until(lambda: driver(bus) == "native", "it goes on")


def test_a_signal_lets_the_writer_go(bus):
    bus.umdev("bind", "--rebind", DEVICE, "anything")
    with connect(bus, DEVICE) as user:
        with writer(bus, REBIND, "native") as first:
            waits(bus)
            # One who comes later has nothing begun.
            with writer(bus, REBIND, "anything") as second:
                assert give_up(second) == "EINTR"
            assert first.interrupt() == "EINTR"
        user.info()
    until(lambda: driver(bus) == "native", "it goes on")


def test_a_user_can_be_disconnected(bus):
    bus.umdev("bind", "--rebind", DEVICE, "anything")
    with connect(bus, DEVICE) as user:
        done = bus.umdev("bind", "--rebind", "--force=0", DEVICE, "native")
        assert user.at_end()
    assert "umdev: closing the connection of " in done.stderr
    assert driver(bus) == "native"


def test_the_new_drivers_module_goes_without_the_old_drivers_user(bus):
    bus.umdev("bind", "--rebind", DEVICE, "anything")
    with connect(bus, DEVICE) as user:
        with writer(bus, REBIND, "native") as moving:
            waits(bus)
            bus.umdev("rmmod", "native")
            user.close()
            assert moving.line() == "ENODEV"
    assert driver(bus) == "anything"


def test_a_device_that_is_not_taken_is_back(bus):
    bus.write("module/anything/parameters/refuse", str(errno.EIO))
    said = refused(bus, "bind", "--rebind", DEVICE, "anything")
    assert said == f"umdev: can't rebind {DEVICE}: Input/output error (the log of umdevd may say more)\n" + STILL
    assert driver(bus) == "native"
    # A probe's own "no such file" is not that there is no such driver.
    bus.write("module/anything/parameters/refuse", str(errno.ENOENT))
    said = refused(bus, "bind", "--rebind", DEVICE, "anything")
    assert said.startswith(f"umdev: can't rebind {DEVICE}: No such file or directory")
    bus.write("module/anything/parameters/refuse", "517")
    said = refused(bus, "bind", "--rebind", DEVICE, "anything")
    assert said.startswith(f"umdev: can't rebind {DEVICE} yet: the driver waits for something")
    assert said.endswith(STILL)


@pytest.mark.parametrize("said", [errno.ENOENT, errno.EPERM, errno.ESTALE])
def test_what_a_probe_says_is_what_the_writer_is_told(bus, said):
    """As write(2) has it; dash's echo says "I/O error" whatever it was."""
    bus.write("module/anything/parameters/refuse", str(said))
    with pytest.raises(OSError) as told:
        bus.write(REBIND, "anything")
    assert told.value.errno == said
    assert driver(bus) == "native"
    bus.umdev("unbind", DEVICE)
    with pytest.raises(OSError) as told:
        bus.write("bus/overridable/drivers/anything/bind", DEVICE)
    assert told.value.errno == said


def test_when_nobody_takes_it_that_is_said(bus):
    for module in "anything", "native":
        bus.write(f"module/{module}/parameters/refuse", str(errno.EIO))
    said = refused(bus, "bind", "--rebind", DEVICE, "anything")
    assert said.endswith(f"umdev: {DEVICE} has no driver now: native did not take it back\n")
    assert driver(bus) is None
    assert "rebind to anything failed, and so did going back to native: -5" in bus.log()


def test_one_of_the_wrong_kind_stays(bus):
    said = refused(bus, "bind", "--rebind", OTHER_KIND, "anything")
    assert said.startswith(f"umdev: the driver anything can't drive {OTHER_KIND}, which is not of the right")
    assert driver(bus, OTHER_KIND) == "native"


def test_what_forbids_it_is_said(bus):
    override = f"bus/overridable/devices/{DEVICE}/driver_override"
    bus.write(override, "native")
    said = refused(bus, "bind", "--rebind", DEVICE, "anything")
    path = bus.sys / override
    assert said == (
        f"umdev: {DEVICE} is kept for the driver native by its driver_override "
        f"(to lift that: echo > {path})\n" + STILL
    )
    bus.umdev("unbind", DEVICE)
    said = refused(bus, "bind", DEVICE, "anything")
    assert f"{DEVICE} is kept for the driver native by its driver_override" in said
    subprocess.run(["sh", "-c", f"echo > {path}"], check=True)
    bus.umdev("bind", DEVICE, "anything")
    bus.umdev("modprobe", "substitute")
    said = refused(bus, "bind", "--rebind", DEVICE, "substitute")
    assert said == (
        f"umdev: the driver substitute does not take {DEVICE}\n"
        f"umdev: {DEVICE} is still with anything\n"
    )


def test_who_has_it_is_said(bus):
    said = refused(bus, "bind", DEVICE, "anything")
    assert said == (
        f"umdev: {DEVICE} is bound already, to native (to move it: umdev bind --rebind {DEVICE} "
        f"anything; to free it: umdev unbind {DEVICE})\n"
    )


def test_a_driver_that_is_not_there_is_said(bus):
    said = refused(bus, "bind", "--rebind", DEVICE, "anythin")
    assert said == (
        'umdev: the bus overridable has no driver "anythin" that can be bound '
        '(did you mean "anything"?)\n'
    )
    assert 'no driver "../native"' in refused(bus, "bind", "--rebind", DEVICE, "../native")
    assert driver(bus) == "native"


def test_an_explicit_driver_has_to_be_named(bus):
    """umdev bind without a driver is no more of a choice than drivers_probe is."""
    bus.umdev("unbind", DEVICE)
    bus.umdev("bind", DEVICE)
    assert driver(bus) == "native"
    bus.umdev("unbind", DEVICE)
    bus.write("bus/overridable/drivers/native/explicit_bind_only", "1")
    said = refused(bus, "bind", DEVICE)
    assert said == (
        f"umdev: no driver takes {DEVICE} by itself (explicit_bind_only, so to be named: "
        "anything, native)\n"
    )
    bus.write(f"bus/overridable/devices/{DEVICE}/driver_override", "anything")
    bus.umdev("bind", DEVICE)
    assert driver(bus) == "anything"


@pytest.mark.parametrize(
    "args, reason",
    [
        (["bind", "--rebind", DEVICE], "a driver is missing"),
        (["bind", "--force", DEVICE, "anything"], "only with --rebind"),
        (["unbind", "--rebind", DEVICE], "unbind has no option --rebind"),
        (["--rebind", "bind", DEVICE, "anything"], "--rebind goes behind the command"),
    ],
)
def test_what_makes_no_sense_is_refused(bus, args, reason):
    answer = bus.umdev(*args, check=False)
    assert answer.returncode == 2
    assert reason in answer.stderr
    assert driver(bus) == "native"
