# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs of VFIO's own API, and the daemon, that end in the middle of what they do."""

import os
import shutil
import subprocess
import time

import pytest

UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"
CREATE = f"echo {UUID} > /sys/class/mdev_bus/engine/mdev_supported_types/engine-1/create"
DEVICE = f"/sys/bus/mdev/devices/{UUID}"
HANG_LIMIT = 30
ROUNDS = 5
BUSY_SECONDS = 5


@pytest.fixture
def program(any_view):
    any_view.daemon.umdev("modprobe", "engine")
    any_view.sh(CREATE)
    return shutil.copy(any_view.build / "tests/exec/busy_vfio", any_view.daemon.directory)


def begin(view, program, **popen):
    user = view.popen(program, "all", UUID, stdout=subprocess.PIPE, **popen)
    line = user.stdout.readline()
    assert line == "busy\n", (line, view.daemon.log())
    return user


def test_a_program_that_is_killed_in_all_it_does_frees_its_device(any_view, program):
    for _ in range(ROUNDS):
        user = begin(any_view, program)
        user.kill()
        user.wait()
    assert any_view.run(program, "children", UUID).stdout == "goes on\n"
    assert any_view.sh(f"cat {DEVICE}/vfio-dev/vfio*/user").strip() == ""


def test_a_child_that_is_killed_leaves_the_device_to_its_parent(any_view, program):
    assert any_view.run(program, "children", UUID, check=False).stdout == "goes on\n"


def test_a_daemon_that_is_killed_ends_all_that_waits(any_view, program):
    user = begin(any_view, program)
    any_view.daemon.kill()
    output = user.communicate(timeout=HANG_LIMIT)[0]
    assert output.endswith("ended: ENODEV\n"), output
    assert user.returncode == 0


def test_disconnect_ends_all_that_waits(any_view, program):
    user = begin(any_view, program)
    any_view.sh(f"cd {DEVICE}/vfio-dev/vfio* && echo 1 > disconnect")
    output = user.communicate(timeout=HANG_LIMIT)[0]
    assert output.endswith("ended: ENODEV\n"), output
    assert any_view.run(program, "children", UUID).stdout == "goes on\n"


def test_all_it_does_goes_together(any_view, program):
    """With the library in the program: the one test where a sanitizer has both, and the server."""
    inside = shutil.copy(any_view.build / "tests/exec/busy_vfio_inside", any_view.daemon.directory)
    user = begin(any_view, inside, options=["--no-vfio"], stderr=subprocess.PIPE)
    time.sleep(BUSY_SECONDS)
    any_view.sh(f"cd {DEVICE}/vfio-dev/vfio* && echo 1 > disconnect")
    output, errors = user.communicate(timeout=HANG_LIMIT)
    assert output.endswith("ended: ENODEV\n") and not errors and user.returncode == 0, output + errors


def test_one_of_two_has_the_group(any_view, program):
    mark = os.path.join(any_view.daemon.directory, "mark")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    users = [any_view.popen(program, "fight", UUID, mark, **pipes) for _ in range(2)]
    for user in users:
        assert user.stdout.readline() == "ready\n"
    for user in users:
        user.stdin.write("\n")
        user.stdin.flush()
    assert [user.communicate(timeout=HANG_LIMIT)[0] for user in users] == ["had it\n"] * 2
