# SPDX-License-Identifier: LGPL-2.1-or-later
"""Platform devices in the hands of users: over vfio-user, and with modules that come and go."""

import errno
import mmap
import os
import random
import subprocess
import threading

import pytest

import client as vu
from conftest import (
    COPY, DEVICE, EDGE, FAIL, GPIO, IE, LEVEL, LENGTH, MEMORY, MIS, OTHER, RESETS, Client,
)

PLATFORM, RESET = 1 << 2, 1 << 0
ARM = vu.DATA_EVENTFD | vu.TRIGGER
IOVA, SIZE = 0x100000, 65536


def fails(function, *args):
    with pytest.raises(OSError) as error:
        function(*args)
    return error.value.errno


# ---- what a user gets ----


def test_it_is_a_platform_device(bound):
    with bound.user() as user:
        assert user.info() == (16, PLATFORM | RESET, 3, 2)
        assert user.irq_info(LEVEL) == (16, 7, LEVEL, 1)
        assert user.irq_info(EDGE) == (16, 1, EDGE, 1)
        assert [user.region_info(i)[0][4] for i in range(3)] == [0x1000, 0x800, 0x2000]


def test_registers_are_the_hardwares(bound):
    with bound.user() as user:
        assert user.read(GPIO, 0xFE0, 16) == bytes.fromhex("61000000100000000400000000000000")
        user.put(GPIO, IE, 0)
        user.write(MEMORY, 1, b"registers")
        fields, _, fds = user.region_info(MEMORY, 1000)
        with mmap.mmap(fds[0], 8192, offset=fields[5]) as mapped:
            assert mapped[1:10] == b"registers"
            mapped[4096:4100] = b"page"
        assert user.read(MEMORY, 4096, 4) == b"page"
        os.close(fds[0])


def test_interrupts_come_and_are_masked(bound):
    event = os.eventfd(0, os.EFD_NONBLOCK)
    with bound.user() as user:
        user.set_irqs(ARM, LEVEL, 0, 1, [event])
        user.raise_level()
        assert os.eventfd_read(event) == 1
        user.set_irqs(vu.DATA_NONE | vu.UNMASK, LEVEL, 0, 1)
        assert os.eventfd_read(event) == 1
        user.lower_level()
        user.set_irqs(ARM, EDGE, 0, 1, [event])
        user.pulse_edge()
        user.pulse_edge()
        assert os.eventfd_read(event) == 2
    os.close(event)


@pytest.mark.parametrize("shared", [True, False], ids=["by descriptor", "by message"])
def test_the_device_copies_its_users_memory(bound, shared):
    memory = vu.GuestMemory(SIZE, shared)
    memory.map[8:16] = b"the user"
    with bound.user() as user:
        user.serve_from(memory.map, IOVA)
        user.dma_map(IOVA, SIZE, memory.fd)
        assert user.copy(IOVA + 8, 8, 1) == 0
        assert user.read(MEMORY, 0, 8) == b"the user"
        user.write(MEMORY, 0, b"hardware")
        assert user.copy(IOVA + SIZE - 8, 8, 2) == 0
        assert memory.map[SIZE - 8 :] == b"hardware"
        assert user.copy(IOVA + SIZE, 8, 1) == errno.EFAULT
    memory.close()


def test_a_reset_is_what_the_hardware_says(bound):
    with bound.user() as user:
        assert user.get(GPIO, RESETS) == 1
        user.reset()
        assert user.get(GPIO, RESETS) == 2
        user.put(GPIO, FAIL, errno.EIO)
        assert user.error(vu.RESET) == errno.EIO
        user.put(GPIO, FAIL, 0)
    assert "VFIO: reset" in bound.daemon.log()


# ---- devices that cannot be reset ----


def test_without_a_reset_it_is_not_bound(bound):
    assert fails(bound.bind, OTHER) == errno.ENOENT
    assert f"VFIO: No reset function found for device {OTHER}" in bound.daemon.log()


def test_without_a_reset_it_is_bound_if_none_is_required(machine):
    machine.daemon.umdev("modprobe", "vfio_platform", "reset_required=0")
    assert machine.daemon.read("module/vfio_platform/parameters/reset_required") == "N\n"
    machine.bind(OTHER)
    with machine.user(OTHER) as user:
        assert user.info() == (16, PLATFORM, 3, 2)
        assert user.error(vu.RESET) == errno.EINVAL
    assert "VFIO: no reset function found!" in machine.daemon.log()


def test_a_reset_that_fails_may_fail_if_none_is_required(machine):
    machine.daemon.umdev("modprobe", "vfio_platform", "reset_required=0")
    machine.bind()
    with machine.user() as user:
        user.put(GPIO, FAIL, errno.EIO)
    with machine.user() as user:
        assert user.info()[1] == PLATFORM | RESET
        assert user.error(vu.RESET) == errno.EIO


# ---- hostile users ----


def test_no_access_reaches_what_is_not_the_devices(bound):
    choice = random.Random(4711)
    numbers = [0, 1, 3, 4, 0x7FF, 0x800, 0xFFF, 0x1000, 0x2000, 1 << 31, 1 << 40, (1 << 64) - 1]
    sizes = [0x1000, 0x800, 0x2000]
    with bound.user() as user:
        for _ in range(2000):
            region = choice.choice([0, 1, 2, 3, 7, (1 << 32) - 1])
            offset, count = choice.choice(numbers), choice.choice([0, 1, 2, 3, 8, 4096, 1 << 20, (1 << 32) - 1])
            inside = region < 3 and 0 < count <= sizes[region] and offset <= sizes[region] - count
            if inside and region != GPIO:
                assert len(user.read(region, offset, count)) == count
            elif not inside:
                access = vu.ACCESS_S.pack(offset, region, count)
                assert user.error(vu.REGION_READ, access) == errno.EINVAL
        assert user.get(GPIO, MIS) == 0


def test_no_set_of_interrupts_breaks_it(bound):
    choice = random.Random(4712)
    event = os.eventfd(0, os.EFD_NONBLOCK)
    some = [0, 1, 2, 3, (1 << 31), (1 << 32) - 1]
    with bound.user() as user:
        user.raise_level()
        for _ in range(2000):
            flags = choice.choice([1, 2, 4, 0, 3, 64]) | choice.choice([8, 16, 32, 0, 24])
            index, start, count = choice.choice(some), choice.choice(some), choice.choice(some)
            fds = [event] * choice.choice([0, 0, 1, 2])
            data = b"\1" * choice.choice([0, 0, 1, 4])
            head = vu.IRQ_SET_S.pack(20 + len(data), flags, index, start, count)
            reply = None
            try:
                reply = user.call(vu.SET_IRQS, head + data, fds)
            except OSError as error:
                assert error.errno in (errno.EINVAL, errno.ENOTTY, errno.EBUSY, errno.EBADF)
            assert reply is None or (index < 2 and start < 2)
        user.lower_level()
    os.close(event)


# ---- leaving ----


def removal(machine, function, *args):
    """@function in a thread that waits for the device's user."""
    thread = threading.Thread(target=function, args=args)
    thread.start()
    while "waiting for pid" not in machine.daemon.log():
        pass
    return thread


def test_unbinding_waits_and_the_log_says_for_whom(bound):
    with bound.user() as user:
        thread = removal(bound, bound.unbind)
        user.raise_level()
        assert user.get(GPIO, MIS) == 1
        assert f"waiting for pid {os.getpid()} (" in bound.daemon.log()
    thread.join()
    assert not bound.is_bound()


def test_force_unbinds_at_once(bound):
    with bound.user() as user:
        bound.daemon.umdev("unbind", "--force=0", DEVICE)
        assert not bound.is_bound()
        with pytest.raises((vu.Closed, OSError)):
            user.get(GPIO, MIS)


def test_the_next_user_finds_it_reset(bound):
    with bound.user() as user:
        user.raise_level()
    bound.unbind()
    bound.bind()
    with bound.user() as user:
        assert user.get(GPIO, RESETS) == 3


@pytest.mark.parametrize("way", ["leaves", "is thrown out"])
def test_who_keeps_a_mapping_is_left_behind(bound, way):
    with bound.user() as user:
        user.write(MEMORY, 0, b"old")
        fields, _, fds = user.region_info(MEMORY, 1000)
        kept = mmap.mmap(fds[0], 8192, offset=fields[5])
        if way == "is thrown out":
            bound.daemon.umdev("unbind", "--force=0", DEVICE)
    if way == "is thrown out":
        bound.bind()
    with bound.user() as user:
        # What is in the registers is the hardware's, and its reset's, affair; whose they are is not.
        assert user.read(MEMORY, 0, 3) == b"old"
        kept[0:3] = b"bad"
        assert user.read(MEMORY, 0, 3) == b"old"
        user.write(MEMORY, 0, b"new")
        assert kept[0:3] == b"bad"
        fields, _, own = user.region_info(MEMORY, 1000)
        with mmap.mmap(own[0], 8192, offset=fields[5]) as mapped:
            mapped[8:12] = b"page"
            assert user.read(MEMORY, 8, 4) == b"page"
        with pytest.raises(OSError):
            os.ftruncate(own[0], 0)
    kept.close()
    for fd in [*fds, *own]:
        os.close(fd)


# ---- modules ----


def test_modules_go_in_their_order(bound):
    umdev = bound.daemon.umdev
    assert "in use" in umdev("rmmod", "vfio_test_reset", check=False).stderr
    assert "is used by" in umdev("rmmod", "platform", check=False).stderr
    with bound.user():
        assert umdev("rmmod", "vfio_platform", check=False).returncode == 1
    bound.unbind()
    umdev("rmmod", "vfio_test_reset")
    umdev("rmmod", "vfio_platform")
    umdev("rmmod", "vfio_platform_base")
    umdev("rmmod", "vfio_test")
    umdev("rmmod", "platform")


def test_the_reset_comes_by_its_alias_and_stays_while_it_is_needed(bound):
    assert bound.daemon.read("module/vfio_test_reset/refcnt") == "1\n"
    bound.unbind()
    assert bound.daemon.read("module/vfio_test_reset/refcnt") == "0\n"
    bound.daemon.umdev("rmmod", "vfio_test_reset")
    bound.bind()
    assert bound.daemon.read("module/vfio_test_reset/refcnt") == "1\n"


def test_a_device_that_waits_for_it_is_bound_when_it_comes(machine):
    machine.daemon.write(f"bus/platform/devices/{DEVICE}/driver_override", "vfio-platform")
    machine.daemon.umdev("modprobe", "vfio_platform")
    assert machine.is_bound(), machine.daemon.log()
    with machine.user() as user:
        assert user.info()[1] == PLATFORM | RESET


def test_hardware_works_on_when_its_driver_goes(bound):
    """Interrupts and copies that come when the device is nobody's."""
    with bound.user() as user:
        user.raise_level()
        user.put(GPIO, LENGTH, 64)
        user.put(GPIO, COPY, 1)
    bound.unbind()
    bound.bind()
    with bound.user() as user:
        assert user.get(GPIO, IE) == 1


# ---- tools ----


def test_qemu_args_says_that_there_is_no_device_for_it(bound):
    done = bound.daemon.umdev("qemu-args", DEVICE, check=False)
    assert done.returncode == 1
    assert f"QEMU has no device for {DEVICE}" in done.stderr


def a_device_that_is(compatible, daemon, tree, tmp_path):
    """A daemon in which vfio-platform has it, as OTHER."""
    source = subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dts", tree], capture_output=True, text=True, check=True)
    text = source.stdout.replace('compatible = "umdev,no-reset"', f'compatible = "{compatible}"')
    text = text.replace("umdev,no-reset\\0", f"{compatible}\\0")
    blob = tmp_path / "other.dtb"
    subprocess.run(["dtc", "-q", "-O", "dtb", "-o", blob], input=text, text=True, check=True)
    daemon.start("--load", f"platform,dtb={blob}", "--load", "vfio_test", "--load", "vfio_platform,reset_required=0")
    daemon.write("bus/platform/drivers/vfio-platform/bind", OTHER)


def test_qemu_args_names_the_device_that_there_is(daemon, tree, tmp_path):
    a_device_that_is("calxeda,hb-xgmac", daemon, tree, tmp_path)
    assert daemon.umdev_json("qemu-args", OTHER) == {"driver": "vfio-calxeda-xgmac", "host": OTHER}


def test_qemu_args_names_none_that_qemu_cannot_take(daemon, tree, tmp_path):
    """QEMU's vfio-amd-xgbe wants the device tree of the host itself."""
    a_device_that_is("amd,xgbe-seattle-v1a", daemon, tree, tmp_path)
    done = daemon.umdev("qemu-args", OTHER, check=False)
    assert done.returncode == 1
    assert f"QEMU has no device for {OTHER}" in done.stderr
