# SPDX-License-Identifier: LGPL-2.1-or-later
"""Subchannels, ccw devices and vfio_ccw against what a real Linux 6.1 said, on a machine with a disk."""

import os
import pathlib
import shutil
import subprocess

import pytest

import transcript

HERE = pathlib.Path(__file__).parent

# As the kernel's, but for sendfile(), which since Linux 6.5 believes the length that a file of FUSE had before: it
# writes to no file that is opened to append.
CAT = """
cat() { busybox cat "$@" >> "$OUT"; busybox dd < "$OUT" 2> /dev/null; : > "$OUT"; }
. "$0"
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="the script looks at /sys: needs a mount")
@pytest.mark.skipif(not shutil.which("busybox"), reason="needs busybox, whose error texts are known")
def test_a_subchannel_goes_to_vfio_ccw_as_on_the_kernel(no_groups, daemon):
    """The recording machine had another device, 0.0.0000, and both on the path 00."""
    image = daemon.directory / "disk"
    devices = f"0.0.0000:null,chpids=00;0.0.0042:9336,chpids=00,file={image},blocks=8192"
    drivers = daemon.program.parents[2] / "drivers"
    path = ":".join(str(drivers / name) for name in ("css", "vfio_ccw"))
    daemon.start("--load", f'css,devices="{devices}"', "--load", "vfio_ccw", env={"UMDEV_MODULE_PATH": path})
    out = daemon.directory / "out"
    shown = subprocess.run(
        ["unshare", "-m", "sh", "-c", f'mount --bind {daemon.sys} /sys && exec busybox sh -c "$@"']
        + ["sh", CAT, HERE / "mdev-ccw.sh"],
        env={**os.environ, "OUT": str(out)},
        capture_output=True,
        text=True,
        check=True,
    )
    transcript.check("mdev-ccw", shown.stdout.splitlines())
