# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine with devices that answer as a test says, and a driver that tells what it is told."""

import os

import pytest

from conftest import TEST_MODULES
from css_machine import Css, eventually

SCH, BUSID = "0.0.0000", "0.0.1000"


class Ccw(Css):
    def params(self, module, **values):
        """Parameters of a module that is loaded."""
        for name, value in values.items():
            self.daemon.write(f"module/{module}/parameters/{name}", str(value))

    # ---- the device ----

    def ccw_devices(self):
        return sorted(os.listdir(self.daemon.sys / "bus/ccw/devices"))

    def get(self, attr, busid=BUSID):
        return self.daemon.read(f"bus/ccw/devices/{busid}/{attr}")

    def set(self, attr, text, busid=BUSID):
        self.daemon.write(f"bus/ccw/devices/{busid}/{attr}", str(text))

    def ccw_driver(self, busid=BUSID):
        link = self.daemon.sys / "bus/ccw/devices" / busid / "driver"
        return os.path.basename(os.readlink(link)) if link.is_symlink() else None

    # ---- the driver ccw_user ----

    def told(self):
        return self.daemon.read("bus/ccw/drivers/ccw_user/events").splitlines()

    def forget(self):
        self.daemon.write("bus/ccw/drivers/ccw_user/events", "\n")

    def wait_told(self, *lines):
        """Wait until it has been told as much as that. It was told that, and nothing else."""
        eventually(lambda: len(self.told()) >= len(lines))
        assert self.told() == list(lines)

    def wait_for(self, line):
        eventually(lambda: line in self.told())


@pytest.fixture
def css(daemon):
    """Without devices; more kinds of them, and their driver, can be loaded. No other module is there for their aliases."""
    modules = daemon.directory / "modules"
    modules.mkdir()
    for name in ("cu_test.so", "ccw_user.so"):
        (modules / name).symlink_to(TEST_MODULES / name)
    css = Ccw(daemon, modules)
    css.load()
    daemon.umdev("modprobe", "cu_test")
    return css


@pytest.fixture
def device(css):
    """One on two paths, and its driver."""
    css.daemon.umdev("modprobe", "ccw_user")
    css.console("plug", f"{BUSID}:test,chpids=10.11")
    return css


@pytest.fixture
def online(device):
    device.set("online", 1)
    device.forget()
    return device
