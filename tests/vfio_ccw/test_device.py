# SPDX-License-Identifier: LGPL-2.1-or-later
"""A vfio_ccw device as VFIO's own API shows it: what §4.1 of the kernel's has an answer to."""

import os
import pathlib

from channels import UUID, Machine

# What Linux 7.3's vfio_ccw_{ops,async,chp}.c answer.
KERNEL = """\
info: flags 0x11, 4 regions, 3 interrupts
info, too short: EINVAL
region 0 with 32: 124 bytes, flags 0x3, 32, capability at 0
region 1 with 32: 8 bytes, flags 0xb, 48, capability at 0
region 2 with 32: 52 bytes, flags 0x9, 48, capability at 0
region 3 with 32: 8 bytes, flags 0x9, 48, capability at 0
region 4: EINVAL
region 1 with 48: 8 bytes, flags 0xb, 48, capability at 32
  capability 2 version 1, next 0, type 2.1
region 2 with 48: 52 bytes, flags 0x9, 48, capability at 32
  capability 2 version 1, next 0, type 2.2
region 3 with 48: 8 bytes, flags 0x9, 48, capability at 32
  capability 2 version 1, next 0, type 2.3
interrupt 0: 1, flags 0x1
interrupt 1: 1, flags 0x1
interrupt 2: 1, flags 0x1
interrupt 3: EINVAL
set, an eventfd for 0: ok
set, an eventfd for 1: ok
set, an eventfd for 2: ok
set, once more: ok
set, -1: ok
set, -1 once more: ok
set, -2: EINVAL
set, closed: EBADF
set, no eventfd: EINVAL
set, count 0: ok
set, count 2: EINVAL
set, start 1: EINVAL
set, no data: EINVAL
set, index 3: EINVAL
set, mask: EINVAL
set, unmask: EINVAL
set, no action: EINVAL
set, no type of data: EINVAL
set, two types of data: EINVAL
set, an unknown flag: EINVAL
set, trigger and mask: ok
set, none for 2: ok
set, nobody, nothing: ok
set, nobody, true: ok
set, nothing: ok
  signalled 1
set, nothing, count 0: ok
  signalled 1
set, false: ok
  signalled 0
set, true: ok
  signalled 1
set, 42: ok
  signalled 1
read 0, 124 at 0: 124
read 0, 125 at 0: EINVAL
read 0, 1 at 123: 1
read 0, 2 at 123: EINVAL
read 0, 1 at 124: EINVAL
read 0, 1 at 549755813888: EINVAL
read 1, 8 at 0: 8
read 1, 9 at 0: EINVAL
read 1, 1 at 7: 1
read 1, 2 at 7: EINVAL
read 1, 1 at 8: EINVAL
read 1, 1 at 549755813888: EINVAL
read 2, 52 at 0: 52
read 2, 53 at 0: EINVAL
read 2, 1 at 51: 1
read 2, 2 at 51: EINVAL
read 2, 1 at 52: EINVAL
read 2, 1 at 549755813888: EINVAL
read 3, 8 at 0: 8
read 3, 9 at 0: EINVAL
read 3, 1 at 7: 1
read 3, 2 at 7: EINVAL
read 3, 1 at 8: EINVAL
read 3, 1 at 549755813888: EINVAL
write 0, 125 at 0: EINVAL
write 0, 1 at 124: EINVAL
write 0, 2 at 123: EINVAL
write 1, 9 at 0: EINVAL
write 1, 1 at 8: EINVAL
write 1, 2 at 7: EINVAL
write 2, 53 at 0: EINVAL
write 2, 1 at 52: EINVAL
write 2, 2 at 51: EINVAL
write 3, 9 at 0: EINVAL
write 3, 1 at 8: EINVAL
write 3, 2 at 7: EINVAL
write 2: EINVAL
write 3: EINVAL
read behind them: EINVAL
read on: (100, 100)
mmap: EINVAL
feature: ENOTTY
hot reset: ENOTTY
none of VFIO's: ENOTTY
reset: ok
"""
PROGRAM = pathlib.Path(__file__).resolve().parent / "asks_ccw.py"


def test_device_answers_as_the_kernels(idle_view):
    machine = Machine(idle_view, "0.0.1000:null")
    machine.mdev()
    group = os.path.basename(os.readlink(machine.path(f"bus/mdev/devices/{UUID}/iommu_group")))
    program = idle_view.run(
        "python3", PROGRAM, group, UUID, env={"UMDEV_CCW_BYTE_ORDER": "big"}, check=False
    )
    assert program.stdout.splitlines() == KERNEL.splitlines(), program.stderr
