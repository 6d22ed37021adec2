# SPDX-License-Identifier: LGPL-2.1-or-later
"""
A mainframe of QEMU's, without KVM, with Debian's Linux in it, and a host with subchannels for it.
"""
import os
import re
import stat

import lab

MEMORY = "512M"
QEMU = "qemu-system-s390x"

# Reads commands from the console, one per line, and says after each how it ended.
INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin:/sbin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
exec </dev/ttysclp0 >/dev/ttysclp0 2>&1
stty raw -echo
echo "@ready"
while read -r line; do
	eval "$line" </dev/null
	echo "@done $?"
done
"""


def make_initramfs(path):
    """What scripts/fetch-guest has prepared, and the script above."""
    root = lab.guest_dir() / "s390x" / "root"
    with open(path, "wb") as out:
        number = 0

        def add(name, mode, data=b""):
            nonlocal number
            number += 1
            out.write(lab.cpio_entry(number, name, mode, data))

        for name in ("dev", "proc", "sys", "tmp", "mnt"):
            add(name, 0o40755)
        add("init", 0o100755, INIT.encode())
        for directory, directories, files in os.walk(root):
            for name in directories + files:
                full = os.path.join(directory, name)
                mode = os.lstat(full).st_mode
                short = os.path.relpath(full, root)
                if stat.S_ISLNK(mode):
                    add(short, mode, os.readlink(full).encode())
                elif stat.S_ISDIR(mode):
                    add(short, 0o40755)
                else:
                    with open(full, "rb") as file:
                        add(short, mode, file.read())
        add("TRAILER!!!", 0)


class Mainframe(lab.Console):
    """Debian's Linux for s390x on an unmodified QEMU, with mediated subchannels of a host."""

    def __init__(self, host, devices=(), kernel_options="", options=()):
        """@devices: of Device.vfio_ccw()"""
        super().__init__(host)
        initramfs = self.dir / "initramfs"
        make_initramfs(initramfs)
        arguments = [
            lab.guest_dir() / QEMU, "-no-reboot", "-machine", "s390-ccw-virtio", "-m", MEMORY,
            *options, "-kernel", lab.guest_dir() / "s390x" / "vmlinuz", "-initrd", initramfs,
            "-append", f"console=ttysclp0 quiet loglevel=1 panic=-1 {kernel_options}"]
        for number, device in enumerate(devices):
            arguments += ["-device", f"vfio-ccw,id=mdev{number},sysfsdev={device}"]
        self.start(arguments, bool(devices), b"@ready\n")
