# SPDX-License-Identifier: LGPL-2.1-or-later
"""A program of VFIO's API, its memory, and devices that move it: by descriptor, by message, across processes."""

import os

DEVICES = ["83b8f4f2-509f-382f-3c1e-e6bfe0fa1001", "83b8f4f2-509f-382f-3c1e-e6bfe0fa1002"]
TYPE = "/sys/class/mdev_bus/mover/mdev_supported_types/mover-1"


def test_dma(any_view):
    any_view.run("modprobe", "mover")
    for device in DEVICES:
        any_view.sh(f"echo {device} > {TYPE}/create")
    groups = [
        os.path.basename(any_view.sh(f"readlink /sys/bus/mdev/devices/{device}/iommu_group").strip())
        for device in DEVICES
    ]
    program = any_view.build / "tests/preload/dma"
    result = any_view.run(program, *DEVICES, *groups, check=False)
    assert result.returncode == 0, result.stdout + result.stderr + any_view.daemon.log()
    # Ordinary users have huge pages where root has reserved some.
    assert "[  PASSED  ] 17 test(s)" in result.stderr or not any_view.is_roots()
    # The program had nothing open at its end.
    for device in DEVICES:
        any_view.sh(f"echo 1 > /sys/bus/mdev/devices/{device}/remove")
