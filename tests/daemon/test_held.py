# SPDX-License-Identifier: LGPL-2.1-or-later
"""Somebody who keeps the kernel's lock of a directory for himself, which takes no right at all."""

import contextlib
import os
import pathlib
import subprocess
import time

import pytest

from conftest import BUILD, TIMEOUT

HOLD = BUILD / "tests/support/hold_directory"
TYPE = "class/mdev_bus/mtty/mdev_supported_types/mtty-2"
UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa10%02x"
DEVICES = 10


@contextlib.contextmanager
def held(directory):
    with subprocess.Popen([str(HOLD), str(directory)], stdout=subprocess.PIPE) as holder:
        try:
            if not holder.stdout.readline():
                pytest.skip("no memory can be withheld from the kernel here")
            wait_until_it_waits(holder.pid)
            yield
        finally:
            holder.kill()


def wait_until_it_waits(pid):
    wchan = pathlib.Path(f"/proc/{pid}/wchan")
    end = time.monotonic() + TIMEOUT
    while "userfault" not in wchan.read_text():
        assert time.monotonic() < end, wchan.read_text()
        os.sched_yield()


@pytest.fixture
def mtty(daemon):
    daemon.start("--load", "mtty")
    for number in range(DEVICES):
        daemon.write(f"{TYPE}/create", UUID % number)
        os.stat(daemon.sys / "bus/mdev/devices" / (UUID % number) / "mdev_type")
    return daemon


def test_a_held_directory_stops_neither_removal_nor_the_end(mtty):
    with held(mtty.sys / "bus/mdev/devices"), held(mtty.sys / "class/mdev_bus/mtty/"):
        begin = time.monotonic()
        for number in range(DEVICES):
            path = mtty.sys / f"devices/virtual/mtty/mtty/{UUID % number}/remove"
            mtty.write(path, "1")
            assert not os.path.exists(path)
        # A second for each of the two directories, not for each of the devices.
        assert time.monotonic() - begin < DEVICES / 2
        assert mtty.log().count("somebody keeps a directory") == 2
        mtty.process.terminate()
        begin = time.monotonic()
        while "umdevd: stopped" not in mtty.log():
            assert time.monotonic() - begin < TIMEOUT, mtty.log()
            assert mtty.process.poll() is None
        mtty.assert_nothing_left()
    # The kernel keeps the rest of a process whose thread waits for a lock.
    assert mtty.wait() == 0
    mtty.start("--load", "mtty")
    assert os.path.exists(mtty.sys / TYPE)


def test_other_directories_are_told_at_once_all_the_same(mtty):
    with held(mtty.sys / "bus/mdev/devices"):
        mtty.write(f"bus/mdev/devices/{UUID % 0}/remove", "1")
        link = mtty.sys / TYPE / "devices"
        begin = time.monotonic()
        for number in range(1, DEVICES):
            assert (UUID % number) in os.listdir(link)
            mtty.write(f"devices/virtual/mtty/mtty/{UUID % number}/remove", "1")
            assert (UUID % number) not in os.listdir(link)
            assert not os.path.exists(mtty.sys / f"devices/virtual/mtty/mtty/{UUID % number}")
        assert time.monotonic() - begin < 1
