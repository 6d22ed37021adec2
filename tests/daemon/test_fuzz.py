# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nonsense in every attribute of a daemon with devices; UMDEV_FUZZ_SECONDS for longer than here."""

import os
import subprocess
import sys

from conftest import SOURCE

SECONDS = os.environ.get("UMDEV_FUZZ_SECONDS", "5")
ONE = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"
TWO = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1002"


def test_nonsense_in_any_attribute_changes_nothing(daemon):
    daemon.start("--load", "mtty")
    types = "class/mdev_bus/mtty/mdev_supported_types"
    daemon.write(f"{types}/mtty-1/create", ONE)
    daemon.write(f"{types}/mtty-2/create", TWO)
    fuzzed = subprocess.run(
        [sys.executable, SOURCE / "fuzz/attr_fuzz.py", daemon.sys, "--seconds", SECONDS],
        capture_output=True,
        text=True,
    )
    assert fuzzed.returncode == 0, fuzzed.stderr
    print(fuzzed.stdout)
    # It works as before: devices go and come.
    for uuid in (ONE, TWO):
        daemon.write(f"bus/mdev/devices/{uuid}/remove", "1")
        daemon.write(f"{types}/mtty-2/create", uuid)
