# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs that make the kernel's VFIO calls, with the library and without a device behind it."""

import os
import stat

import pytest

PROGRAMS = ["calls", "calls_checked"]
UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"
VFIO = os.makedev(10, 196)
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to make nodes")


def run(view, *command, **run):
    """Run a program with the library of the tests in place of the usual one."""
    library = view.build / "tests/preload/preload-double.so"
    return view.run("env", f"LD_PRELOAD={library}", *command, options=["--no-vfio"], **run)


def calls(view, program, *args):
    return run(view, view.build / "tests/preload" / program, *args)


@pytest.mark.parametrize("program", PROGRAMS)
def test_calls(any_view, program):
    any_view.sh(f"echo {UUID} > /sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/create")
    group = os.path.basename(any_view.sh(f"readlink /sys/bus/mdev/devices/{UUID}/iommu_group").strip())
    result = calls(any_view, program, "/dev/vfio", group)
    assert "[  PASSED  ]" in result.stderr + result.stdout


@needs_root
def test_a_copy_of_the_node_is_as_good(view, tmp_path):
    """libvirt makes a /dev of its own for each QEMU."""
    os.mknod(tmp_path / "vfio", 0o666 | stat.S_IFCHR, VFIO)
    calls(view, "calls", tmp_path)


@needs_root
def test_the_mode_of_a_node_counts(view, build_for_all):
    view.build = build_for_all
    script = "import os; os.open('/dev/vfio/vfio', os.O_RDWR)"
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3"]
    view.sh("chmod 600 /dev/vfio/vfio")
    result = run(view, *as_nobody, "-c", script, check=False)
    assert "PermissionError" in result.stderr
    run(view, "/usr/bin/python3", "-c", script)
    view.sh("chmod 666 /dev/vfio/vfio")
    run(view, *as_nobody, "-c", script)


def test_nothing_is_opened_without_the_library(any_view):
    result = any_view.run("cat", "/dev/vfio/vfio", options=["--no-vfio"], check=False)
    assert "Permission denied" in result.stderr
