# SPDX-License-Identifier: LGPL-2.1-or-later
"""data/umdevd.service: the rights that it leaves to the daemon are enough for views."""

import os
import pathlib
import re

import pytest

from conftest import BUILD, NOBODY, libc
from view import View

CAPABILITY_H = pathlib.Path("/usr/include/linux/capability.h")
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


def confine():
    """To be called between fork() and exec(): as systemd does with this unit."""
    unit = (BUILD / "data/umdevd.service").read_text()
    kept = " ".join(re.findall(r"^CapabilityBoundingSet=(.*)$", unit, re.M)).split()
    numbers = dict(re.findall(r"^#define (CAP_\w+)\s+(\d+)$", CAPABILITY_H.read_text(), re.M))
    last = int(pathlib.Path("/proc/sys/kernel/cap_last_cap").read_text())
    keep = {int(numbers[name]) for name in kept}
    for capability in set(range(last + 1)) - keep:
        assert libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0
    assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0


@pytest.fixture
def service(daemon):
    """The view of a daemon of root's, started as the unit says."""
    if os.geteuid() != 0:
        pytest.skip("the unit is for root's daemon")
    daemon.start("--load", "mtty", preexec_fn=confine)
    return View(daemon, BUILD)


def test_all_users_read_what_is_the_machines(service):
    expected = pathlib.Path("/sys/devices/system/cpu/online").read_text()
    for who in [], AS_NOBODY:
        assert service.run(*who, "cat", "/sys/devices/system/cpu/online").stdout == expected
    assert "lost" not in service.daemon.log()


def test_root_has_the_capabilities_that_the_daemon_has(service):
    """The kernel shows 64 bytes of this to those without CAP_SYS_ADMIN."""
    configs = sorted(pathlib.Path("/sys/bus/pci/devices").glob("*/config"))
    if not configs:
        pytest.skip("this machine has no PCI devices")
    size = len(configs[0].read_bytes())
    assert service.sh(f"wc -c < {configs[0]}") == f"{size}\n"
    assert service.run(*AS_NOBODY, "sh", "-c", f"wc -c < {configs[0]}").stdout == "64\n"
