# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a kernel's vfio-platform answered, and what the same program and commands are answered in the view."""

import pathlib
import shutil
import subprocess

import pytest

import transcript

HERE = pathlib.Path(__file__).parent
HARDWARE = ["vfio_test", "vfio_test_reset", "pc_devices", "reg_dummy"]
MODULES = """
load() { umdev modprobe $1; }
unload() { umdev rmmod $1; }
"""


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    """The device tree as the bus takes it."""
    blob = tmp_path_factory.mktemp("tree") / "vfio-platform.dtb"
    subprocess.run(["dtc", "-q", "-O", "dtb", "-o", blob, HERE / "vfio-platform.dts"], check=True)
    return blob


@pytest.fixture(params=["idle_view", "idle_user_view"], ids=["root", "user"])
def machine(no_groups, tree, request):
    """A view of an instance with the hardware, and nothing of VFIO."""
    view = request.getfixturevalue(request.param)
    blob = shutil.copy(tree, view.daemon.directory)
    view.start("--load", f"platform,dtb={blob}", *(arg for name in HARDWARE for arg in ("--load", name)))
    no_groups.uncover()
    return view


def run(view, text, **environment):
    shutil.copy(view.build / "tests/conformance/vfio_api", view.daemon.directory)
    path = f"{view.daemon.directory}:{view.umdev.parent}:/usr/bin:/bin"
    shown = view.run("busybox", "sh", "-c", text, env={"PATH": path, **environment})
    assert shown.stderr == ""
    return shown.stdout.splitlines()


def test_the_corners_are_the_kernels(machine):
    script = (HERE / "vfio-api-platform.sh").read_text()
    machine.run(machine.umdev, "modprobe", "vfio_platform")
    transcript.check("vfio-api-platform", run(machine, script))


def test_binding_is_the_kernels(machine):
    script = (HERE / "binding-vfio-platform.sh").read_text()
    transcript.check("binding-vfio-platform", run(machine, MODULES + script))
