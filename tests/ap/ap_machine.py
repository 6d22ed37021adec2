# SPDX-License-Identifier: LGPL-2.1-or-later
"""A daemon with the AP bus, and drivers of tests in place of the usual ones."""

import contextlib
import errno
import os
import time

import pytest

from conftest import BUILD, TEST_MODULES, TIMEOUT

ALL = "0x" + "f" * 64


def mask(*bits, base=0):
    """A mask as the bus shows it: @base with these bits."""
    number = base
    for bit in bits:
        number |= 1 << 255 - bit
    return f"0x{number:064x}"


def without(*bits):
    number = (1 << 256) - 1
    for bit in bits:
        number &= ~(1 << 255 - bit)
    return f"0x{number:064x}"


@contextlib.contextmanager
def refused(error):
    """A write or read fails with this errno."""
    with pytest.raises(OSError) as raised:
        yield
    assert errno.errorcode[raised.value.errno] == errno.errorcode[error]


def eventually(condition):
    """Wait for what a thread of the bus's does."""
    end = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.02)


class ApMachine:
    """
    Modules are found by name or alias, but for zcrypt's and vfio_ap's, which would be loaded,
    unless they are in @module_path.
    """

    def __init__(self, daemon, module_path=()):
        self.daemon = daemon
        self.root = daemon.sys / "bus/ap"
        path = [TEST_MODULES, BUILD / "drivers/ap", *module_path]
        daemon.start(env={"UMDEV_MODULE_PATH": ":".join(map(str, path))})

    def load(self, *modules, **params):
        """The bus with parameters, and other modules after it."""
        self.daemon.umdev("modprobe", "ap", *[f"{key}={value}" for key, value in params.items()])
        return self.load_more(*modules)

    def load_more(self, *modules):
        for module in modules:
            self.daemon.umdev("modprobe", module)
        return self

    def read(self, attr):
        return (self.root / attr).read_text()

    def write(self, attr, text):
        self.daemon.write(f"bus/ap/{attr}", text)

    def machine(self, file, text=None):
        """The machine's console: read a file of it, or write to it."""
        if text is None:
            return self.daemon.read(f"firmware/ap/{file}")
        return self.daemon.write(f"firmware/ap/{file}", text)

    def names(self):
        return sorted(os.listdir(self.root / "devices"))

    def device(self, name, attr):
        return self.read(f"devices/{name}/{attr}")

    def driver(self, name):
        """What a device is bound to, or None."""
        link = self.root / "devices" / name / "driver"
        return os.path.basename(os.readlink(link)) if link.is_symlink() else None

    def drivers(self):
        return {name: self.driver(name) for name in self.names() if "." in name}

    def scan(self):
        self.write("scans", "1")

    @contextlib.contextmanager
    def events(self):
        """A list that has the events of what is done meanwhile, when it is over."""
        heard = []
        with self.daemon.control() as monitor:
            assert monitor.ask(command="monitor") == {"ok": True}
            yield heard
            # The last one is known: it comes after all that was done before.
            self.daemon.write("bus/ap/uevent", "change 00000000-0000-0000-0000-00000000abcd")
            while True:
                env = monitor.receive()["env"]
                if env.get("SYNTH_UUID", "").endswith("abcd"):
                    return
                heard.append(env)


def of_root(events):
    """The keys of the bus's own events."""
    usual = {"ACTION", "DEVPATH", "SUBSYSTEM", "SEQNUM"}
    return [
        {key: value for key, value in env.items() if key not in usual}
        for env in events
        if env["DEVPATH"] == "/devices/ap" and env["ACTION"] == "change"
    ]


@pytest.fixture
def ap(daemon):
    """The machine; the bus is not loaded yet."""
    return ApMachine(daemon)


@pytest.fixture
def bus(ap):
    """With two cards and two domains, no drivers; changes are found by scans alone."""
    return ap.load(cards="04:CEX8P,05:CEX8A", domains="4,0x47", announce=0)


@pytest.fixture
def bound(bus):
    """The same with drivers for the host and for guests."""
    return bus.load_more("ap_host", "ap_guest")
