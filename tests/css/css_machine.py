# SPDX-License-Identifier: LGPL-2.1-or-later
"""A daemon with a channel subsystem, and a driver of subchannels that records its calls."""

import contextlib
import errno
import os
import time

import pytest

from conftest import BUILD, TEST_MODULES, TIMEOUT

USUAL = {"ACTION", "DEVPATH", "SUBSYSTEM", "SEQNUM"}


@contextlib.contextmanager
def refused(error):
    """A write or read fails with this errno."""
    with pytest.raises(OSError) as raised:
        yield
    assert errno.errorcode[raised.value.errno] == errno.errorcode[error]


def eventually(condition):
    """Wait for what a thread does; return what it came to."""
    end = time.monotonic() + TIMEOUT
    while not (value := condition()):
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.01)
    return value


class Css:
    """Modules are found by name or alias in @module_path, where the module css is."""

    def __init__(self, daemon, *module_path):
        self.daemon = daemon
        self.bus = daemon.sys / "bus/css"
        path = [BUILD / "drivers/css", *module_path]
        daemon.start(env={"UMDEV_MODULE_PATH": ":".join(map(str, path))})

    def load(self, *devices, check=True):
        return self.daemon.umdev("modprobe", "css", "devices=" + ";".join(devices), check=check)

    def unload(self, check=True):
        return self.daemon.umdev("rmmod", "css", check=check)

    def read(self, name, attr):
        return self.daemon.read(f"bus/css/devices/{name}/{attr}")

    def write(self, attr, text):
        self.daemon.write(f"bus/css/{attr}", text)

    def console(self, file, text=None):
        if text is None:
            return self.daemon.read(f"firmware/css/{file}")
        return self.daemon.write(f"firmware/css/{file}", text)

    def path(self, chpid, attr, text=None):
        """An attribute of a channel path."""
        file = f"devices/css0/chp0.{chpid}/{attr}"
        return self.daemon.read(file) if text is None else self.daemon.write(file, text)

    def paths(self):
        return sorted(name for name in os.listdir(self.daemon.sys / "devices/css0") if name[:3] == "chp")

    def names(self):
        return sorted(os.listdir(self.bus / "devices"))

    def devices(self):
        """What is behind which subchannel."""
        return {name: self.read(name, "dev_busid").strip() for name in self.names()}

    def driver(self, name):
        link = self.bus / "devices" / name / "driver"
        return os.path.basename(os.readlink(link)) if link.is_symlink() else None

    def settle(self):
        self.console("settle", "1")

    def unplug(self, busid):
        """And wait until it has left."""
        self.console("unplug", busid)
        self.settle()

    @contextlib.contextmanager
    def events(self):
        """A list that has the events of what is done meanwhile, when it is over."""
        heard = []
        with self.daemon.control() as monitor:
            assert monitor.ask(command="monitor") == {"ok": True}
            yield heard
            # The last one is known: it comes after all that was done before.
            self.daemon.write("bus/css/uevent", "change 00000000-0000-0000-0000-00000000abcd")
            while True:
                env = monitor.receive()["env"]
                if env.get("SYNTH_UUID", "").endswith("abcd"):
                    return
                heard.append(env)


class Tester:
    """The driver that records."""

    def __init__(self, css):
        self.css = css
        # By its path: by its alias it would be loaded for every device, if it could be found.
        css.daemon.umdev("modprobe", TEST_MODULES / "css_tester.so")

    def write(self, attr, text):
        self.css.write(f"drivers/css_tester/{attr}", str(text))

    def take(self, *names):
        for name in names:
            self.css.write(f"devices/{name}/rebind", "css_tester")
            assert self.css.driver(name) == "css_tester"
        return self

    def release(self, name):
        self.write("unbind", name)

    def forget(self):
        self.write("record", "1")

    def lines(self):
        return self.css.daemon.read("bus/css/drivers/css_tester/record").splitlines()

    def calls(self, name):
        """What was called for one subchannel; something that css has promised not to do shows here."""
        assert not [line for line in self.lines() if "BROKEN" in line]
        return [line.removeprefix(name + " ") for line in self.lines() if line.startswith(name + " ")]

    @contextlib.contextmanager
    def holds(self, callback):
        """This callback does not return meanwhile."""
        self.write("hold", callback)
        try:
            yield
        finally:
            self.write("hold", "nothing")

    def wait_for(self, name, call):
        eventually(lambda: any(line.startswith(call) for line in self.calls(name)))


@pytest.fixture
def css(daemon):
    """The machine; the module is not loaded yet."""
    return Css(daemon)


@pytest.fixture
def two(css):
    """With two devices that have two paths each, one of them in common."""
    css.load("0.0.1000:null,chpids=10.11", "0.0.1001:null,chpids=11.12")
    return css


@pytest.fixture
def tester(two):
    """The same with the driver that records, which has both."""
    return Tester(two).take("0.0.0000", "0.0.0001")
