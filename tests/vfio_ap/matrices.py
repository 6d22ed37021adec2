# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine with crypto adapters, vfio_ap on it, and mediated matrices."""

import contextlib
import errno
import os
import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "vfio_user"))
import client as vu  # noqa: E402,F401

TIMEOUT = 30
TYPE = "devices/vfio_ap/matrix/mdev_supported_types/vfio_ap-passthrough"
CFG_CHG = 1
A = "62177883-f1bb-47f0-914d-32a22e3a8804"
B = "cef03c3c-903d-4ecc-9a83-40694cb8aee4"


def mask(*bits):
    """A mask as it is shown."""
    return f"0x{sum(1 << 255 - bit for bit in bits):064x}"


@contextlib.contextmanager
def refused(error):
    """What is done within fails with this errno."""
    with pytest.raises(OSError) as raised:
        yield
    assert errno.errorcode[raised.value.errno] == errno.errorcode[error]


class Mdev:
    """A mediated matrix."""

    def __init__(self, machine, uuid):
        self.machine, self.uuid = machine, uuid
        self.path = f"bus/mdev/devices/{uuid}"

    def read(self, attr):
        return self.machine.daemon.read(f"{self.path}/{attr}")

    def write(self, attr, text):
        self.machine.daemon.write(f"{self.path}/{attr}", str(text))

    def assign(self, adapters=(), domains=(), control=()):
        for kind, numbers in (("adapter", adapters), ("domain", domains), ("control_domain", control)):
            for number in numbers:
                self.write(f"assign_{kind}", number)
        return self

    @property
    def matrix(self):
        return self.read("matrix").split()

    @property
    def guest(self):
        """The matrix that its guest has, or would have."""
        return self.read("guest_matrix").split()

    @property
    def state(self):
        """All that there is of it."""
        return [self.read(attr) for attr in ("matrix", "control_domains", "ap_config", "guest_matrix")]

    def remove(self):
        self.write("remove", 1)

    @contextlib.contextmanager
    def opened(self):
        """A guest has it: the client, with an eventfd for CFG_CHG in .changed."""
        where = self.machine.daemon.sys / self.path / "vfio-dev"
        (name,) = where.iterdir()
        changed = os.eventfd(0, os.EFD_NONBLOCK)
        with vu.Client((where / name / "socket").read_text().strip()) as client:
            client.version()
            client.set_irqs(vu.DATA_EVENTFD | vu.TRIGGER, CFG_CHG, 0, 1, [changed])
            client.changed = lambda: drained(changed)
            yield client
        os.close(changed)


def drained(event):
    """How often it was signalled since it was last asked."""
    try:
        return os.eventfd_read(event)
    except BlockingIOError:
        return 0


class Machine:
    """The daemon, its adapters and queues."""

    def __init__(self, daemon, *, drivers=("zcrypt_cex4", "vfio_ap"), **params):
        self.daemon = daemon
        daemon.start()
        daemon.umdev("modprobe", "ap", *[f"{key}={value}" for key, value in params.items()])
        for driver in drivers:
            daemon.umdev("modprobe", driver)

    def read(self, attr):
        return self.daemon.read(f"bus/ap/{attr}")

    def write(self, attr, text):
        self.daemon.write(f"bus/ap/{attr}", text)

    def console(self, file, text):
        """Change the machine, and let the bus find it."""
        self.daemon.write(f"firmware/ap/{file}", text)
        self.write("scans", "1")

    def driver(self, queue):
        link = self.daemon.sys / "bus/ap/devices" / queue / "driver"
        try:
            return os.path.basename(os.readlink(link))
        except FileNotFoundError:
            return None

    def status(self, queue):
        return self.read(f"devices/{queue}/status").strip()

    def unbind(self, queue):
        self.write(f"drivers/{self.driver(queue)}/unbind", queue)

    def bind(self, queue, driver="vfio_ap"):
        self.write(f"drivers/{driver}/bind", queue)

    def create(self, uuid):
        self.daemon.write(f"{TYPE}/create", uuid)
        return Mdev(self, uuid)

    def eventually(self, condition):
        end = time.monotonic() + TIMEOUT
        while not condition():
            assert time.monotonic() < end, self.daemon.log()
            time.sleep(0.01)


@pytest.fixture
def machine(daemon):
    """Three adapters with three domains; all are vfio_ap's but 6, which is the host's."""
    cards = "04:CEX8P,05:CEX8A,06:CEX7C"
    return Machine(daemon, cards=cards, domains="4,0x47,0xab", apmask=mask(6), announce=0)


@pytest.fixture
def mdev(machine):
    return machine.create(A)
