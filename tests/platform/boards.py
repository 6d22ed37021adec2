# SPDX-License-Identifier: LGPL-2.1-or-later
"""Device trees made by dtc, and the platform bus of a daemon."""

import os
import subprocess
import time

import pytest

from conftest import TIMEOUT

BOARD = """
/dts-v1/;
/ {
    #address-cells = <2>;
    #size-cells = <2>;
    compatible = "test,board";
    interrupt-parent = <&gic>;
    aliases { widget7 = "/soc/widget@1000"; };
    gic: interrupt-controller@8000000 {
        compatible = "test,gic";
        interrupt-controller;
        #interrupt-cells = <3>;
        #address-cells = <0>;
        reg = <0 0x8000000 0 0x10000>;
    };
    soc: soc {
        compatible = "simple-bus";
        #address-cells = <1>;
        #size-cells = <1>;
        ranges = <0 0 0x9000000 0x1000000>;
        widget@1000 {
            compatible = "test,widget one", "test,widget";
            device_type = "thing";
            reg = <0x1000 0x100>;
            interrupts = <0 1 4>, <0 2 1>;
        };
    };
    timer { compatible = "test,timer"; };
};
"""

# Below the bus of the board: one widget, and a bus of its own with another.
MORE = """
/dts-v1/;
/plugin/;
&{/soc} {
    widget@2000 {
        compatible = "test,widget";
        reg = <0x2000 0x100>;
        interrupts = <0 3 4>, <0 4 1>;
    };
    bus@10000 {
        compatible = "simple-bus";
        #address-cells = <1>;
        #size-cells = <1>;
        ranges = <0 0x10000 0x1000>;
        widget@800 {
            compatible = "test,widget";
            reg = <0x800 0x100>;
            interrupts = <0 5 4>, <0 6 1>;
        };
    };
};
"""


def eventually(condition):
    """Wait for what a module that is loaded in the background brings."""
    end = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.02)


def overlay(target, body):
    return f"/dts-v1/;\n/plugin/;\n&{{{target}}} {{ {body} }};\n"


class Bus:
    """A daemon's platform bus, as files."""

    def __init__(self, daemon, directory):
        self.daemon = daemon
        self.directory = directory
        self.root = daemon.sys / "bus/platform"
        self.blobs = 0

    def blob(self, source):
        """The path of a compiled tree or overlay."""
        self.blobs += 1
        path = self.directory / f"{self.blobs}.dtb"
        subprocess.run(
            ["dtc", "-q", "-q", "-@", "-I", "dts", "-O", "dtb", "-o", path, "-"],
            input=source,
            text=True,
            check=True,
        )
        return path

    def load(self, source=BOARD):
        self.daemon.umdev("modprobe", "platform", f"dtb={self.blob(source)}")
        return self

    def names(self):
        return sorted(os.listdir(self.root / "devices"))

    def driver(self, device):
        link = self.root / "devices" / device / "driver"
        return os.path.basename(os.readlink(link)) if os.path.islink(link) else None

    def taken(self, device, driver):
        """Is it the driver's? The link is there before probe() has come to its end: a module that
        is being loaded may be at it, the driver's or the hardware's."""
        if self.driver(device) != driver:
            return False
        states = (self.daemon.sys / "module").glob("*/initstate")
        return all(state.read_text() == "live\n" for state in states)

    def device(self, name, attr):
        return (self.root / "devices" / name / attr).read_text()

    def add(self, name, source, **run):
        return self.daemon.umdev("overlay", "add", name, self.blob(source), **run)

    def remove(self, *names, **run):
        return self.daemon.umdev("overlay", "remove", *names, **run)

    def overlays(self):
        return (self.root / "overlays").read_text().split()


@pytest.fixture
def bus(daemon, tmp_path):
    """The bus is not loaded yet."""
    daemon.start()
    return Bus(daemon, tmp_path)
