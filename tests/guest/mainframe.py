# SPDX-License-Identifier: LGPL-2.1-or-later
"""
A mainframe of QEMU's, without KVM, with Debian's Linux in it, and a host that has disks for it behind subchannels.
"""
import hashlib
import json
import os
import pathlib
import shlex
import stat

import lab

MEMORY = "512M"
QEMU = "qemu-system-s390x"
CHPID = "10"
PROGRAMS = ["scribble.py"]

# Reads commands from the console, one per line, and says after each how it ended.
INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
ln -s /bin/busybox /sbin/modprobe
export PATH=/bin:/sbin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
exec </dev/ttysclp0 >/dev/ttysclp0 2>&1
stty raw -echo
modprobe -a dasd_fba_mod dasd_eckd_mod
echo "@ready"
while read -r line; do
	eval "$line" </dev/null
	echo "@done $?"
done
"""


class Disk:
    """A disk on an image file, which becomes a mediated device of the host's."""

    def __init__(self, number, subchannel, kind, image, *options):
        """@number: the device's; @kind: as "umdev css types" has it"""
        self.number = number
        self.bus_id = f"0.0.{number}"
        self.subchannel = f"0.0.{subchannel}"
        self.kind = kind
        self.image = image
        self.spec = ",".join([f"{self.bus_id}:{kind}", f"file={image}", f"chpids={CHPID}",
                              f"sch=0.{subchannel}", *options])
        self.mdev = None

    def described(self):
        """For QEMU."""
        return {"driver": "vfio-ccw", "sysfsdev": f"/sys/bus/mdev/devices/{self.mdev.uuid}",
                "devno": f"fe.0.{self.number}"}


class FbaDisk(Disk):
    """Its blocks are the image's, as they are."""

    def __init__(self, host, number, subchannel, mib):
        super().__init__(number, subchannel, "9336", host.dir / f"{number}.img", f"blocks={mib * 2048}")

    def partition(self, start, size):
        """What is in so many sectors from @start on."""
        with open(self.image, "rb") as file:
            file.seek(start * 512)
            return file.read(size * 512)


class EckdDisk(Disk):
    """Tracks of twelve blocks of 4 KiB, each in a slot of the image (drivers/css/eckd_disk.h)."""

    SLOT, BLOCK, PER_TRACK = 65536, 4096, 12

    def __init__(self, host, number, subchannel, cylinders, *options):
        super().__init__(number, subchannel, "3390", host.dir / f"{number}.img", f"cyls={cylinders}", *options)

    def partition(self, start, size):
        data = []
        with open(self.image, "rb") as file:
            for block in range(start // 8, (start + size) // 8):
                track, record = divmod(block, self.PER_TRACK)
                file.seek((track + 1) * self.SLOT + (record + 1) * self.BLOCK)
                data.append(file.read(self.BLOCK))
        return b"".join(data)


class MainframeHost(lab.Host):
    """A host whose css and vfio_ccw are there."""

    def __init__(self):
        super().__init__("css")

    def start(self):
        super().start()
        self.run("modprobe", "vfio_ccw")
        return self

    def plug(self, disk):
        self.run("css", "plug", disk.spec)

    def give_away(self, disk):
        """Of a disk's subchannel, make a mediated device for a guest."""
        self.run("bind", "--rebind", disk.subchannel, "vfio_ccw")
        disk.mdev = self.create("vfio_ccw-io", parent=disk.subchannel)
        return disk.mdev


def write_initramfs(path):
    """What scripts/fetch-guest has prepared, the script above, and programs of ours."""
    root = lab.guest_dir() / "s390x" / "root"
    entries = [(name, 0o40755, b"") for name in ("dev", "proc", "sys", "tmp", "mnt")]
    entries.append(("init", 0o100755, INIT.encode()))
    entries += [(name, 0o100755, (pathlib.Path(__file__).parent / name).read_bytes()) for name in PROGRAMS]
    for directory, directories, files in os.walk(root):
        for full in (pathlib.Path(directory, name) for name in directories + files):
            mode = full.lstat().st_mode
            if stat.S_ISLNK(mode):
                data = os.readlink(full).encode()
            else:
                data = b"" if stat.S_ISDIR(mode) else full.read_bytes()
            entries.append((str(full.relative_to(root)), mode, data))
    entries.append(("TRAILER!!!", 0, b""))
    with open(path, "wb") as out:
        for number, entry in enumerate(entries):
            out.write(lab.cpio_entry(number, *entry))


class Mainframe(lab.Console):
    """Debian's Linux for s390x on an unmodified QEMU, with disks that a host has given away."""

    def __init__(self, host, disks=(), options=()):
        super().__init__(host)
        initramfs = self.dir / "initramfs"
        write_initramfs(initramfs)
        arguments = [
            lab.guest_dir() / QEMU, "-no-reboot", "-machine", "s390-ccw-virtio", "-m", MEMORY, *options,
            "-kernel", lab.guest_dir() / "s390x" / "vmlinuz", "-initrd", initramfs,
            "-append", "console=ttysclp0 quiet loglevel=1 panic=-1"]
        for number, disk in enumerate(disks):
            arguments += ["-device", json.dumps({**disk.described(), "id": f"disk{number}"})]
        self.start(arguments, bool(disks), b"@ready\n")

    # ---- disks ----

    def wait_until(self, condition, text, seconds=60):
        """Until a command succeeds in the guest, which looks each tenth of a second."""
        self.send(f"n=0; until {condition}; do n=$((n+1)); [ $n -lt {seconds * 10} ] || break; sleep 0.1; done; "
                  f"{condition}")
        code, output = self.result(seconds * 3)
        lab.check(code == 0, f"{text}\n{output}\n" + self.run("dmesg | tail -n 40"))

    def online(self, disk):
        """Bring it online; its name, as dasda."""
        path = f"/sys/bus/ccw/devices/{disk.bus_id}"
        self.wait_until(f"[ -e {path}/online ]", f"the guest finds no device {disk.bus_id}")
        self.send(f"echo 1 >{path}/online")
        code, output = self.result()
        lab.check(code == 0, f"{disk.bus_id} does not come online: {output}\n" + self.run("dmesg | tail -n 40"))
        self.wait_until(f"grep -qsE '^(online|unformatted)' {path}/status && ls {path}/block",
                        f"{disk.bus_id} has no block device")
        return self.run(f"ls {path}/block").strip()

    def offline(self, disk):
        self.run(f"echo 0 >/sys/bus/ccw/devices/{disk.bus_id}/online")

    def format(self, disk, name, layout):
        """dasdfmt, and with a compatible disk layout fdasd: one partition."""
        # As a udevd would have it
        self.run(f"mkdir -p /dev/block && ln -sf ../{name} /dev/block/$(cat /sys/block/{name}/dev)")
        self.run(f"dasdfmt -b 4096 -d {layout} -y /dev/{name}", timeout=600)
        if layout == "cdl":
            self.run(f"fdasd -a /dev/{name}")

    def partition(self, name):
        """Start and size of the first one, in sectors of 512 bytes."""
        self.wait_until(f"[ -b /dev/{name}1 ]", f"{name} has no partition")
        return tuple(map(int, self.run(f"cat /sys/block/{name}/{name}1/start /sys/block/{name}/{name}1/size").split()))

    def checksum(self, path):
        return self.run(f"sha256sum {path}").split()[0]


    def scribble(self, *arguments):
        """The command line that runs scribble.py in the guest."""
        return shlex.join(["python3.13", "-IS", "/scribble.py", *map(str, arguments)])


def checksum(data):
    return hashlib.sha256(data).hexdigest()
