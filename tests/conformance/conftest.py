# SPDX-License-Identifier: LGPL-2.1-or-later
"""The state in which the recording machine was."""

import os
import subprocess

import pytest

NUMBERED = ["/sys/kernel/iommu_groups", "/sys/class/vfio-dev"]


class Cover:
    """Hides what numbers begin behind, until it is told that they have begun."""

    def __init__(self):
        self.covered = []

    def cover(self, path):
        if not os.path.isdir(path) or not os.listdir(path):
            return
        if os.geteuid() != 0:
            pytest.skip("this machine has groups of its own, and only root can cover them")
        subprocess.run(["mount", "-t", "tmpfs", "none", path], check=True)
        self.covered.append(path)

    def uncover(self):
        while self.covered:
            subprocess.run(["umount", self.covered.pop()], check=True)


@pytest.fixture
def no_groups(private_mounts):
    """The recording machine had no groups of its own, so that umdev's began with 0."""
    cover = Cover()
    try:
        for path in NUMBERED:
            cover.cover(path)
        yield cover
    finally:
        cover.uncover()
