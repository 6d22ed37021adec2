# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `make demo-ap` runs."""

import os
import pathlib
import subprocess
import tempfile

import pytest

from conftest import BUILD, NOBODY, SOURCE
from guests import HANG_LIMIT, UUID

STEPS = [
    "  guest: 04.0047: random 16: ",
    "  guest: 06.0047: ecdsa P-256: ",
    "  guest: changed: went 06.0047",
    "  guest: changed: came 06.0047",
    "  guest: 06.0047: rsa 1024: ",
    "  echo: write error: Device or resource busy",
    "  guest: changed: went 04.0047 06.0047; control domains went 0047",
    f"  guest: asked to let go of {UUID}",
    "  guest: closed",
    "demo-ap: all is well",
]


@pytest.fixture
def directory(private_mounts):
    """For what is temporary; pytest's own are too deep for sockets."""
    with tempfile.TemporaryDirectory() as path:
        yield path


def demo(directory, script=SOURCE / "scripts/demo-ap", build=BUILD, more=(), **how):
    environment = {**os.environ, "TMPDIR": directory, "UMDEV_BUILD": str(build), **dict(more)}
    done = subprocess.run([script], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=2 * HANG_LIMIT,
                          env=environment, **how)
    assert list(pathlib.Path(directory).iterdir()) == []
    return done


def check(done):
    assert done.returncode == 0, done.stdout + done.stderr
    lines = iter(done.stdout.splitlines())
    for step in STEPS:
        assert any(line.startswith(step) for line in lines), step


def test_it_shows_each_step_and_leaves_nothing(directory):
    check(demo(directory))


def test_it_needs_no_root(directory, build_for_all):
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    os.chown(directory, NOBODY, NOBODY)
    with tempfile.TemporaryDirectory() as top:
        os.chmod(top, 0o755)
        scripts = pathlib.Path(top) / "scripts"
        scripts.mkdir()
        script = scripts / "demo-ap"
        script.write_bytes((SOURCE / "scripts/demo-ap").read_bytes())
        script.chmod(0o755)
        check(demo(directory, script, build_for_all, user=NOBODY, group=NOBODY, extra_groups=[], cwd="/"))


def test_a_step_that_fails_is_named(directory):
    done = demo(directory, more={"UMDEV_MODULE_PATH": "/nowhere"})
    assert done.returncode == 1
    assert "demo-ap: FAILED at: A machine with three crypto adapters" in done.stderr
    assert "all is well" not in done.stdout
