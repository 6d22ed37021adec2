# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `make demo` and `make demo-s390x` run."""
import os
import pathlib
import re
import subprocess
import tempfile

import pytest

import lab


@pytest.fixture
def directory():
    """For what is temporary; pytest's own are too deep for sockets."""
    with tempfile.TemporaryDirectory() as path:
        yield path


def demo(directory, *arguments, command=lab.ROOT / "scripts" / "demo", **environment):
    done = subprocess.run([command, *arguments], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=lab.DEADLINE,
                          env={**os.environ, "TMPDIR": directory, **environment})
    assert list(pathlib.Path(directory).iterdir()) == []
    return done


def check_both_halves(done):
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "demo: all is well"
    over_vfio_user, by_vfio, again = done.stdout.partition("demo: boot QEMU with vfio-pci ")
    assert by_vfio
    for half in (over_vfio_user, again):
        assert "reads 'hello from the guest'" in half
        assert "reads 'hello from the host'" in half


@pytest.mark.parametrize("arguments", [(), ("--msi", "--private-memory")], ids=["plain", "msi-private"])
def test_it_shows_each_step_and_leaves_nothing(directory, arguments, guest_is_here):
    check_both_halves(demo(directory, *arguments))


# Under names that everybody can reach, also if the real ones are below a closed home directory.
AS_SOMEBODY = """
top=$1 program=$2; shift 2
for name in source build guest; do
    mount --bind "$1" "$top/$name"; shift
done
exec setpriv --reuid 65534 --regid 65534 --clear-groups \
    env UMDEV_BUILD="$top/build" UMDEV_GUEST="$top/guest" "$top/source/scripts/$program"
"""


def demo_as_somebody(directory, program):
    os.chown(directory, 65534, 65534)
    with tempfile.TemporaryDirectory() as top:
        os.chmod(top, 0o755)
        for name in ("source", "build", "guest"):
            os.mkdir(f"{top}/{name}")
        return demo(directory, "-m", "sh", "-ec", AS_SOMEBODY, "sh", top, program, lab.ROOT, lab.build_dir(),
                    lab.guest_dir(), command="unshare")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_it_needs_no_root(directory, guest_is_here):
    check_both_halves(demo_as_somebody(directory, "demo"))


def test_the_mainframes_needs_no_root_either(directory, mainframe_is_here):
    if os.geteuid() == 0:
        done = demo_as_somebody(directory, "demo-s390x")
    else:
        done = demo(directory, command=lab.ROOT / "scripts" / "demo-s390x")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "demo-s390x: all is well"
    # Of either disk: what the image has, and what the file has after the second boot
    assert len(re.findall(r": sha256 [0-9a-f]{64}$", done.stdout, re.M)) == 4


def test_it_names_the_step_that_failed(directory):
    done = demo(directory, UMDEV_GUEST="/nonexistent")
    assert done.returncode == 1
    assert done.stderr.startswith("demo: FAILED at: boot QEMU ")


def test_without_a_build_it_says_what_to_do(directory):
    done = demo(directory, UMDEV_BUILD="/nonexistent")
    assert done.returncode == 1
    assert "make build" in done.stderr
