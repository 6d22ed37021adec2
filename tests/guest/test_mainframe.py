# SPDX-License-Identifier: LGPL-2.1-or-later
"""Disks behind subchannels, in the hands of a mainframe's Linux."""
import json
import os
import re

import pytest

import lab
import mainframe

# MiB of random reads and writes on each disk; what is said in the documentation was tried with 512.
CHURN = int(os.environ.get("UMDEV_CHURN", 24))


@pytest.fixture
def disks(mainframe_host):
    """One of each kind, given away."""
    found = [mainframe.FbaDisk(mainframe_host, "1000", "0010", 16),
             mainframe.EckdDisk(mainframe_host, "1001", "0011", 30, "format=ldl")]
    for disk in found:
        mainframe_host.plug(disk)
        mainframe_host.give_away(disk)
    return found


def churning(guest, names):
    """Random reads and writes on all of these disks, in the guest's background."""
    for seed, name in enumerate(names, 1):
        guest.run(f"({guest.scribble('churn', f'/dev/{name}', seed, CHURN)} >/tmp/{name}; echo $? >/tmp/{name}.end) &")


def moves_on(guest, name):
    """Until more sectors have been moved, or all."""
    fields = guest.run(f"cat /sys/block/{name}/stat").split()
    guest.wait_until(f"[ -e /tmp/{name}.end ] || [ $(awk '{{ print $3 + $7 }}' /sys/block/{name}/stat) "
                     f"-gt {int(fields[2]) + int(fields[6]) + 256} ]", f"{name} does not move on")


def ends_well(guest, name):
    guest.wait_until(f"[ -e /tmp/{name}.end ]", f"{name} does not come to an end", seconds=60 + CHURN * 10)
    assert guest.run(f"cat /tmp/{name}.end").strip() == "0", guest.run(f"cat /tmp/{name}; dmesg | tail -n 40")
    read, written = map(int, re.findall(r"(\d+) MiB", guest.run(f"cat /tmp/{name}")))
    assert read + written >= CHURN - 2


def until_path_is(guest, disk, what, mask):
    """Until the guest has seen that the disk's path is available, or is not."""
    guest.wait_until(f"grep -q '^80 {mask} ' /sys/bus/ccw/devices/{disk.bus_id}/../pimpampom",
                     f"the guest does not see that the path of {disk.bus_id} is {what}")


def take_out_the_cable(host, guest, disks):
    """
    While nothing is under way: what is a guest cancels when it hears of it (XSCH), and QEMU says that it has been,
    without having told the device.
    """
    guest.run("killall -STOP python3.13 || true")
    guest.wait_until("! grep -vq '^ *0 *0$' /sys/block/dasd[ab]/inflight", "its disks do not come to rest")
    host.run("css", "chp", "off", mainframe.CHPID)
    for disk in disks:
        until_path_is(guest, disk, "off", "00")
    host.run("css", "chp", "on", mainframe.CHPID)
    guest.run("killall -CONT python3.13 || true")
    for disk in disks:
        until_path_is(guest, disk, "on", "80")


def test_no_block_is_lost_while_paths_come_and_go(mainframe_host, disks):
    """
    Every read of what was written before is verified. Meanwhile the host varies the path off, which ends what is under
    way on it by XSCH, HSCH and CSCH, and takes its cable out, of which the guest hears.
    """
    with mainframe.Mainframe(mainframe_host, disks) as guest:
        names = [guest.online(disk) for disk in disks]
        churning(guest, names)
        for _ in range(3):
            for name in names:
                moves_on(guest, name)
            mainframe_host.run("css", "chp", "vary-off", mainframe.CHPID)
            mainframe_host.run("css", "chp", "vary-on", mainframe.CHPID)
            for name in names:
                moves_on(guest, name)
            take_out_the_cable(mainframe_host, guest, disks)
        for name in names:
            ends_well(guest, name)
        guest.power_off()


def test_a_disk_goes_and_comes_while_the_guest_runs(mainframe_host, disks):
    """Linux keeps a disk that is online and has gone, and goes on with it when it is back."""
    disk = disks[0]
    path = f"/sys/bus/ccw/devices/{disk.bus_id}/availability"
    with mainframe.Mainframe(mainframe_host, disks) as guest:
        name = guest.online(disk)
        before = guest.checksum(f"/dev/{name}")
        disk.mdev.remove()
        guest.qmp.wait_for_event("DEVICE_DELETED", device="disk0")
        guest.wait_until(f"grep -q 'no device' {path}", "the guest still has it")
        disk.mdev = mainframe_host.create("vfio_ccw-io", disk.mdev.uuid, disk.subchannel)
        guest.qmp.command("device_add", **disk.described(), id="disk0")
        guest.wait_until(f"grep -q good {path}", "the guest does not have it again")
        guest.run("echo 3 >/proc/sys/vm/drop_caches")
        assert guest.checksum(f"/dev/{name}") == before
        guest.power_off()


def test_qemu_args_are_what_qemu_takes(mainframe_host, disks):
    for disk in disks:
        described = json.loads(mainframe_host.run("--json", "qemu-args", disk.mdev.uuid))
        assert described == {"driver": "vfio-ccw", "sysfsdev": disk.described()["sysfsdev"]}


def test_attention_of_a_device_is_no_harm(mainframe_host, disks):
    """Of the 3390's: Linux's driver of the 9336, which has nothing to ask attention for, falls over it."""
    with mainframe.Mainframe(mainframe_host, disks[1:]) as guest:
        name = guest.online(disks[1])
        mainframe_host.run("css", "attention", disks[1].bus_id)
        guest.run(f"dd if=/dev/{name} of=/dev/null bs=64k count=16 iflag=direct 2>/dev/null")
        assert guest.run("dmesg | grep -E 'I/O error|recovery|failed' || true") == ""
        guest.power_off()


# ---- crashes ----

WRITES = 40  # that are over before the crash


def begin_to_write(guest, seeds):
    """A file system on each disk, with a file that fills up with writes."""
    for name, seed in seeds.items():
        guest.run(f"mkdir /mnt/{name} && mkfs.ext4 -q /dev/{name}1 && mount -t ext4 /dev/{name}1 /mnt/{name}")
        guest.run(f"dd if=/dev/zero of=/mnt/{name}/file bs=64k count=32 2>/dev/null && sync")
    for name, seed in seeds.items():
        guest.run(f"{guest.scribble('write', f'/mnt/{name}/file', seed, 1000000)} &")


def told(guest, names):
    """Read the console until enough writes are over on all disks, and say how many were."""
    counts = dict.fromkeys(names, 0)
    while min(counts.values()) < WRITES:
        line = guest.read_until(b"\n").decode(errors="replace")
        found = re.fullmatch(r"/mnt/(\w+)/file (\d+)", line.strip())
        assert found, line
        counts[found[1]] = int(found[2])
    return counts


def verify(guest, disks, names, seeds, counts):
    for disk, name in zip(disks, names):
        assert guest.online(disk) == name
        guest.partition(name)
        # The journal first, as at each boot
        guest.run(f"mkdir /mnt/{name} && mount -t ext4 /dev/{name}1 /mnt/{name}")
        guest.run(guest.scribble("check", f"/mnt/{name}/file", seeds[name], counts[name]))
        guest.run(f"umount /mnt/{name} && fsck.ext4 -fn /dev/{name}1")


@pytest.mark.parametrize("victim", ["qemu", "umdevd"])
def test_what_was_written_before_a_crash_is_there(mainframe_host, disks, victim):
    with mainframe.Mainframe(mainframe_host, disks) as guest:
        names = [guest.online(disk) for disk in disks]
        for name in names:
            guest.partition(name)
        seeds = {name: number for number, name in enumerate(names, 7)}
        begin_to_write(guest, seeds)
        counts = told(guest, names)
        if victim == "umdevd":
            mainframe_host.kill()
        # Without the disks the guest has nothing to do any more, and with them it is to be gone at once.
        guest.process.kill()
        guest.process.wait()
    if victim == "umdevd":
        mainframe_host.start()
        for disk in disks:
            mainframe_host.plug(disk)
            mainframe_host.give_away(disk)
    with mainframe.Mainframe(mainframe_host, disks) as guest:
        verify(guest, disks, names, seeds, counts)
        guest.power_off()
