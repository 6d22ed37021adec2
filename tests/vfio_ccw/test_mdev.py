# SPDX-License-Identifier: LGPL-2.1-or-later
"""Mediated subchannels come and go, and who gets a subchannel."""

import contextlib
import errno
import os
import time

import pytest

import channels as ch
from channels import Machine

SCH = "0.0.0000"
DEVICE = f"bus/css/devices/{SCH}"
TYPE = f"{DEVICE}/mdev_supported_types/vfio_ccw-io"
THIRD = "7e270a25-e163-4922-af60-757fc8ed48c8"


@contextlib.contextmanager
def refused(error):
    with pytest.raises(OSError) as raised:
        yield
    assert errno.errorcode[raised.value.errno] == errno.errorcode[error]


@pytest.fixture
def machine(idle_view):
    return Machine(idle_view, "0.0.1000:null", "0.0.1001:null")


def driver(machine, name=SCH):
    link = machine.path(f"bus/css/devices/{name}/driver")
    return os.path.basename(os.readlink(link)) if link.is_symlink() else None


def works(user):
    user.put(0x1000, ch.program((ch.NOOP, ch.SLI, 1)))
    assert user.run(0x1000).dstat == ch.CHN_END | ch.DEV_END


# ---- who gets it ----


def test_takes_nothing_by_itself(machine):
    others = driver(machine)
    assert others != "vfio_ccw"
    if others:
        machine.write(f"{DEVICE}/driver/unbind", SCH)
    # Neither what is free when it comes, nor what is looked for, nor what is new.
    machine.umdev("rmmod", "vfio_ccw")
    machine.umdev("modprobe", "vfio_ccw")
    assert driver(machine) is None
    machine.write("bus/css/drivers_probe", SCH)
    assert driver(machine) == others
    assert driver(machine, machine.plug("0.0.1002:null")) == others


def test_is_told_by_bind(machine):
    if driver(machine):
        with refused(errno.EBUSY):
            machine.write("bus/css/drivers/vfio_ccw/bind", SCH)
        machine.write(f"{DEVICE}/driver/unbind", SCH)
    machine.write("bus/css/drivers/vfio_ccw/bind", SCH)
    assert driver(machine) == "vfio_ccw"
    assert driver(machine, "0.0.0001") != "vfio_ccw"


def test_is_told_by_override(machine):
    machine.bind(SCH)
    assert driver(machine) == "vfio_ccw"
    # What is named stays so, also for a driver that comes later.
    machine.umdev("rmmod", "vfio_ccw")
    assert driver(machine) is None
    machine.umdev("modprobe", "vfio_ccw")
    assert driver(machine) == "vfio_ccw"


def test_is_told_by_rebind(machine):
    before = driver(machine)
    machine.write(f"{DEVICE}/rebind", "vfio_ccw")
    assert driver(machine) == "vfio_ccw"
    if before:
        machine.write(f"{DEVICE}/rebind", before)
        assert driver(machine) == before


def test_module_is_known_by_the_type_of_subchannel(machine):
    machine.umdev("rmmod", "vfio_ccw")
    machine.umdev("modprobe", "css:t0")
    assert machine.path("bus/css/drivers/vfio_ccw").is_dir()


# ---- mediated devices ----


def test_type_is_the_kernels(machine):
    machine.bind(SCH)
    assert sorted(os.listdir(machine.path(f"{DEVICE}/mdev_supported_types"))) == ["vfio_ccw-io"]
    assert {attr: machine.read(f"{TYPE}/{attr}") for attr in ("name", "device_api", "available_instances")} == {
        "name": "I/O subchannel (Non-QDIO)\n",
        "device_api": "vfio-ccw\n",
        "available_instances": "1\n",
    }
    assert not machine.path(f"{TYPE}/description").exists()
    assert os.path.basename(os.readlink(machine.path(f"class/mdev_bus/{SCH}"))) == SCH


def test_one_for_each_subchannel(machine):
    machine.mdev(SCH, ch.UUID)
    assert machine.read(f"{TYPE}/available_instances") == "0\n"
    with refused(errno.EUSERS):
        machine.write(f"{TYPE}/create", THIRD)
    machine.mdev("0.0.0001", ch.OTHER)
    machine.remove(ch.UUID)
    assert machine.read(f"{TYPE}/available_instances") == "1\n"
    machine.write(f"{TYPE}/create", THIRD)
    with machine.user(uuid=THIRD) as user, machine.user(uuid=ch.OTHER) as other:
        works(user)
        works(other)


def test_unbound_one_still_counts_and_comes_back(machine):
    machine.mdev()
    machine.write("bus/mdev/drivers/vfio_ccw_mdev/unbind", ch.UUID)
    assert not machine.path(f"bus/mdev/devices/{ch.UUID}/vfio-dev").exists()
    assert machine.read(f"{TYPE}/available_instances") == "0\n"
    machine.write("bus/mdev/drivers/vfio_ccw_mdev/bind", ch.UUID)
    with machine.user() as user:
        works(user)
        user.close()
    machine.remove()


def test_subchannel_leaves_with_its_device(machine):
    machine.mdev()
    machine.write("bus/css/drivers/vfio_ccw/unbind", SCH)
    assert not machine.path(f"bus/mdev/devices/{ch.UUID}").exists()
    assert not machine.path(f"{DEVICE}/mdev_supported_types").exists()
    assert not machine.path(f"class/mdev_bus/{SCH}").is_symlink()
    machine.mdev()
    with machine.user() as user:
        works(user)


@pytest.mark.parametrize("how", ["remove", "unbind", "unplug", "rmmod"])
def test_user_is_asked_and_waited_for(machine, how):
    machine.mdev()
    leave = {
        "remove": ["sh", "-c", f"echo 1 > /sys/bus/mdev/devices/{ch.UUID}/remove"],
        "unbind": ["sh", "-c", f"echo {SCH} > /sys/bus/css/drivers/vfio_ccw/unbind"],
        "unplug": ["sh", "-c", "echo 0.0.1000 > /sys/firmware/css/unplug"],
        "rmmod": [str(machine.view.umdev), "rmmod", "--wait", "vfio_ccw"],
    }[how]
    with machine.user() as user:
        user.put(0x1000, ch.program((ch.READ, ch.SLI, 16, 0x2000)))
        user.run(0x1000)
        leaver = machine.view.popen(*leave)
        assert user.wait(ch.REQ)
        if how != "unplug":
            # It works until its user lets go.
            user.run(0x1000)
            assert leaver.poll() is None
        user.close()
    assert leaver.wait(ch.HANG_LIMIT) == 0
    machine.wait_for(f"bus/mdev/devices/{ch.UUID}", there=False)


def test_user_without_request_interrupt_is_spoken_of(machine):
    machine.mdev()
    with machine.user() as user:
        user.arm(ch.REQ, False)
        leaver = machine.view.popen("sh", "-c", f"echo 1 > /sys/bus/mdev/devices/{ch.UUID}/remove")
        end = time.monotonic() + ch.HANG_LIMIT
        while "blocked until released by user" not in machine.daemon.log():
            assert time.monotonic() < end
            time.sleep(0.01)
        user.close()
    assert leaver.wait(ch.HANG_LIMIT) == 0


def test_daemon_ends_with_devices_and_users(machine):
    machine.mdev(SCH, ch.UUID)
    machine.mdev("0.0.0001", ch.OTHER)
    with machine.user() as user:
        works(user)
        machine.daemon.stop()
