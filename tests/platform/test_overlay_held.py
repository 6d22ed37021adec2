# SPDX-License-Identifier: LGPL-2.1-or-later
"""Overlays whose devices somebody uses: who waits, who may leave, and what goes on."""

import errno
import os
import pathlib
import signal
import subprocess
import sys
import threading

import pytest

from boards import bus, eventually, overlay  # noqa: F401
from conftest import UMDEV

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "vfio_user"))
import client as vfio_user  # noqa: E402

HELD = "9002000.widget"
ONE = overlay(
    "/soc", 'widget@2000 { compatible = "test,widget"; reg = <0x2000 8>; interrupts = <0 3 4>, <0 4 1>; };'
)


@pytest.fixture
def held(bus):
    """The overlay "one" with a device that a user has."""
    bus.load()
    bus.daemon.umdev("modprobe", "vfio_platform", "reset_required=0")
    bus.add("one", ONE)
    eventually(lambda: bus.taken(HELD, "widget"))
    (bus.root / "devices" / HELD / "rebind").write_text("vfio-platform")
    client = vfio_user.Client(str(bus.daemon.runtime / "vfio-user" / HELD))
    client.version()
    yield bus, client
    client.close()


def umdev(daemon, *args):
    return subprocess.Popen(
        [UMDEV, *args],
        env={**os.environ, "UMDEV_RUNTIME_DIR": str(daemon.runtime)},
        stderr=subprocess.PIPE,
        text=True,
    )


def waits_for_the_user(bus):
    eventually(lambda: "waiting for pid" in bus.daemon.log())


def test_a_removal_waits_for_the_user(held):
    bus, client = held
    removal = umdev(bus.daemon, "overlay", "remove", "one")
    waits_for_the_user(bus)
    assert removal.poll() is None
    # Until it lets go, the device is on its bus.
    assert (bus.root / "devices" / HELD / "value").exists()
    assert bus.overlays() == ["one"]
    client.close()
    assert removal.wait(timeout=30) == 0
    assert HELD not in bus.names()
    assert bus.overlays() == []


def test_whoever_waits_may_leave_and_the_removal_goes_on(held):
    bus, client = held
    removal = umdev(bus.daemon, "overlay", "remove", "one")
    waits_for_the_user(bus)
    # Others wait for it, and may leave as well: nothing was begun for them.
    adding = umdev(bus.daemon, "overlay", "add", "else", bus.blob(overlay("/", "lamp { compatible = \"x\"; };")))
    for process in removal, adding:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) != 0
    assert "goes on" in removal.stderr.read()
    assert HELD in bus.names()
    client.close()
    eventually(lambda: bus.overlays() == [])
    assert HELD not in bus.names()
    assert "lamp" not in bus.names()
    # It is as if nothing had been.
    bus.add("one", ONE)
    assert HELD in bus.names()


def test_nobody_gets_a_device_that_is_going(held):
    bus, client = held
    removal = umdev(bus.daemon, "overlay", "remove", "one")
    waits_for_the_user(bus)
    failures = []

    def bind():
        try:
            bus.daemon.write("bus/platform/drivers/widget/bind", HELD)
        except OSError as failure:
            failures.append(failure.errno)

    binder = threading.Thread(target=bind)
    binder.start()
    client.close()
    binder.join()
    assert removal.wait(timeout=30) == 0
    assert failures and failures[0] in (errno.ENODEV, errno.EBUSY)
    assert HELD not in bus.names()
