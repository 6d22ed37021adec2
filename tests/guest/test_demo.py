# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `make demo` runs."""
import os
import pathlib
import subprocess
import tempfile

import pytest

import lab


@pytest.fixture
def directory():
    """For what is temporary; pytest's own are too deep for sockets."""
    with tempfile.TemporaryDirectory() as path:
        yield path


def demo(directory, *arguments, **environment):
    done = subprocess.run([lab.ROOT / "scripts" / "demo", *arguments], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=lab.DEADLINE,
                          env={**os.environ, "TMPDIR": directory, **environment})
    assert list(pathlib.Path(directory).iterdir()) == []
    return done


@pytest.mark.parametrize("arguments", [(), ("--msi", "--private-memory")], ids=["plain", "msi-private"])
def test_it_shows_each_step_and_leaves_nothing(directory, arguments, guest_is_here):
    done = demo(directory, *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "demo: all is well"
    assert "hello from the guest" in done.stdout
    assert "hello from the host" in done.stdout


def test_it_names_the_step_that_failed(directory):
    done = demo(directory, UMDEV_GUEST="/nonexistent")
    assert done.returncode == 1
    assert done.stderr.startswith("demo: FAILED at: boot QEMU:")


def test_without_a_build_it_says_what_to_do(directory):
    done = demo(directory, UMDEV_BUILD="/nonexistent")
    assert done.returncode == 1
    assert "make build" in done.stderr
