# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Devices are handed to VFIO and back while modules come and go, and others probe: from outside, with
the daemon's own modules. tests/unit/test_binding_race.c has the many rounds.
"""

import contextlib
import errno
import os
import threading

import pytest

ROUNDS = int(os.environ.get("UMDEV_BINDING_ROUNDS", "300"))
DEVICES = "bus/overridable/devices"
DRIVERS = "bus/overridable/drivers"
MOVED, MARKED, LOOSE = "ovr0", "ovr1", "ovr2"


@pytest.fixture
def bus(daemon):
    daemon.start("--load", "native", "--load", "anything", "--log-level", "err")
    return daemon


def driver(bus, device):
    try:
        return os.path.basename(os.readlink(bus.sys / DEVICES / device / "driver"))
    except FileNotFoundError:
        return None


class Others:
    """Threads that do one thing each, again and again, until it is over; errors are kept."""

    def __init__(self):
        self.over = threading.Event()
        self.errors = []
        self.threads = []

    def start(self, do):
        def run():
            try:
                while not self.over.is_set():
                    do()
            except BaseException as error:  # what goes wrong in a thread is the test's
                self.errors.append(error)
                self.over.set()

        self.threads.append(threading.Thread(target=run))
        self.threads[-1].start()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.over.set()
        for thread in self.threads:
            thread.join()
        if not error[0] and self.errors:
            raise self.errors[0]


def test_a_module_that_comes_gets_only_what_is_free(bus):
    """"thief" matches all three devices, and is loaded and unloaded all the time."""
    loot = 0

    def load_and_unload():
        with bus.control() as control:
            for command in "modprobe", "rmmod":
                assert control.ask(command=command, name="thief")["ok"]

    def probe():
        for device in MOVED, MARKED, LOOSE:
            bus.write("bus/overridable/drivers_probe", device)

    def look():
        nonlocal loot
        assert driver(bus, MOVED) in (None, "native", "anything")
        assert driver(bus, MARKED) in (None, "native", "anything")
        loot += driver(bus, LOOSE) == "thief"

    def free():
        """Whoever has it by now lets go."""
        with contextlib.suppress(FileNotFoundError):
            try:
                bus.write(f"{DEVICES}/{LOOSE}/driver/unbind", LOOSE)
            except OSError as error:
                if error.errno not in (errno.ENODEV, errno.ENOENT):
                    raise

    bus.write(f"{DEVICES}/{MARKED}/explicit_bind_only", "1")
    bus.write(f"{DRIVERS}/native/unbind", MARKED)
    with Others() as others:
        for do in load_and_unload, probe, look, free:
            others.start(do)
        for _ in range(ROUNDS):
            for name in "anything", "native":
                bus.write(f"{DEVICES}/{MOVED}/rebind", name)
                assert driver(bus, MOVED) == name
                assert driver(bus, MARKED) is None
                bus.write(f"{DRIVERS}/{name}/bind", MARKED)
                assert driver(bus, MARKED) == name
                bus.write(f"{DRIVERS}/{name}/unbind", MARKED)
            if others.over.is_set():
                break
        # They were there, and took what they could get.
        while not loot and not others.over.is_set():
            others.over.wait(0.01)
