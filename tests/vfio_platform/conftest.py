# SPDX-License-Identifier: LGPL-2.1-or-later
"""A daemon with a platform device of test hardware, and clients of it."""

import contextlib
import pathlib
import struct
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "vfio_user"))
import client as vu  # noqa: E402

TREE = pathlib.Path(__file__).resolve().parent.parent / "conformance/vfio-platform.dts"
DEVICE, OTHER = "9030000.vfio-test", "4100000.no-reset"
DRIVER = "bus/platform/drivers/vfio-platform"
# The hardware's regions and registers, see tests/modules/vfio_test.h.
GPIO, CLOCK, MEMORY = range(3)
LEVEL, EDGE = range(2)
IS, IE, MIS = 0x404, 0x410, 0x418
ADDRESS, LENGTH, COPY, STATUS, RESETS, FAIL = 0x800, 0x808, 0x80C, 0x810, 0x900, 0x904
DR, MR, IMSC, RIS, ICR = 0x00, 0x04, 0x10, 0x14, 0x1C


class Client(vu.Client):
    """A user of the device."""

    def get(self, region, offset):
        return struct.unpack("<I", self.read(region, offset, 4))[0]

    def put(self, region, offset, value):
        self.write(region, offset, struct.pack("<I", value))

    def raise_level(self):
        self.put(GPIO, IS, 1)
        self.put(GPIO, IE, 1)

    def lower_level(self):
        self.put(GPIO, IE, 0)

    def pulse_edge(self):
        self.put(CLOCK, IMSC, 1)
        while not self.get(CLOCK, RIS):
            self.put(CLOCK, MR, self.get(CLOCK, DR))
        self.put(CLOCK, ICR, 1)

    def copy(self, address, length, command):
        self.write(GPIO, ADDRESS, struct.pack("<Q", address))
        self.put(GPIO, LENGTH, length)
        self.put(GPIO, COPY, command)
        while self.get(GPIO, COPY):
            pass
        return self.get(GPIO, STATUS)


class Machine:
    """The daemon and its device."""

    def __init__(self, daemon):
        self.daemon = daemon

    def bind(self, device=DEVICE):
        self.daemon.write(f"{DRIVER}/bind", device)

    def unbind(self, device=DEVICE):
        self.daemon.write(f"{DRIVER}/unbind", device)

    def is_bound(self, device=DEVICE):
        return (self.daemon.sys / f"bus/platform/devices/{device}/driver").exists()

    @contextlib.contextmanager
    def user(self, device=DEVICE):
        where = self.daemon.sys / f"bus/platform/devices/{device}/vfio-dev"
        (name,) = where.iterdir()
        with Client((where / name / "socket").read_text().strip()) as client:
            client.version()
            yield client


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    blob = tmp_path_factory.mktemp("tree") / "vfio-platform.dtb"
    subprocess.run(["dtc", "-q", "-O", "dtb", "-o", blob, TREE], check=True)
    return blob


@pytest.fixture
def machine(daemon, tree):
    """With the hardware; vfio_platform is not loaded."""
    daemon.start("--load", f"platform,dtb={tree}", "--load", "vfio_test")
    return Machine(daemon)


@pytest.fixture
def bound(machine):
    machine.daemon.umdev("modprobe", "vfio_platform")
    machine.bind()
    return machine
