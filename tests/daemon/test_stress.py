# SPDX-License-Identifier: LGPL-2.1-or-later
"""Everybody does everything at once while the module is reloaded; meant for sanitizer builds.

What a single operation answers is open (the device or the module may have gone just before), but it
must be one of the errors that say so, and at the end all is as it was at the beginning.
"""

import contextlib
import errno
import os
import pathlib
import sys
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "vfio_user"))
import client as vfio_user  # noqa: E402
from at_once import Work  # noqa: E402

RELOADS = int(os.environ.get("UMDEV_STRESS_RELOADS", "20"))
# What has to succeed between two reloads, so that they do not only chase each other.
DONE_BETWEEN = 60
DEVICES = [str(uuid.UUID(int=n)) for n in range(1, 13)]
MAY_HAPPEN = {
    errno.ENOENT,  # not there
    errno.ENODEV,  # going, or gone while it was open
    errno.EEXIST,  # made by somebody else
    errno.EBUSY,  # bound already
    errno.ENOSPC,  # no port is left
    errno.EAGAIN,
    errno.EIO,
    errno.ECONNREFUSED,
    errno.ECONNRESET,
    errno.EPIPE,
}


@contextlib.contextmanager
def tolerating():
    try:
        yield
    except vfio_user.Closed:
        pass
    except OSError as error:
        if not isinstance(error, (vfio_user.VfioUserError, ConnectionError)):
            assert error.errno in MAY_HAPPEN, error


def make(daemon, rnd):
    kind = rnd.choice(["mtty-1", "mtty-2"])
    daemon.write(f"class/mdev_bus/mtty/mdev_supported_types/{kind}/create", rnd.choice(DEVICES))


def remove(daemon, rnd):
    daemon.write(f"bus/mdev/devices/{rnd.choice(DEVICES)}/remove", "1")


def unbind(daemon, rnd):
    daemon.write("bus/mdev/drivers/mtty/unbind", rnd.choice(DEVICES))


def bind(daemon, rnd):
    daemon.write("bus/mdev/drivers/mtty/bind", rnd.choice(DEVICES))


def read_all(daemon, rnd):
    device = f"bus/mdev/devices/{rnd.choice(DEVICES)}"
    for name in os.listdir(daemon.sys / device):
        with tolerating():
            path = daemon.sys / device / name
            if path.is_file() and os.stat(path).st_mode & 0o444:
                path.read_text()


def poke(daemon, rnd):
    daemon.write(f"bus/mdev/devices/{rnd.choice(DEVICES)}/uevent", "change")
    daemon.write(f"bus/mdev/devices/{rnd.choice(DEVICES)}/port0/backend", rnd.choice(["loop", "pty"]))


def use(daemon, rnd):
    path = daemon.runtime / "vfio-user" / rnd.choice(DEVICES)
    with vfio_user.Client(str(path)) as guest:
        guest.version()
        guest.info()
        guest.read(7, 0, 4)


def watch(daemon, rnd):
    with daemon.control() as control:
        control.ask(command="monitor")
        with tolerating():
            daemon.write("bus/mdev/uevent", "change")
        control.receive()


def test_all_at_once(daemon):
    daemon.start("--load", "mtty", "--log-level", "err")
    work = Work(daemon, tolerating)
    actions = [make, make, make, remove, unbind, bind, read_all, poke, use, use, watch]
    work.run(actions, ["mtty"] * RELOADS, DONE_BETWEEN, timeout=60)
    assert work.failures == [], daemon.log()
    # A test in which something never works would show nothing.
    assert set(work.done) == {action.__name__ for action in actions}, work.done

    for device in os.listdir(daemon.sys / "bus/mdev/devices"):
        daemon.write(f"bus/mdev/devices/{device}/remove", "1")
    assert [kind["available_instances"] for kind in daemon.umdev_json("types")] == ["24", "12"]
    assert list((daemon.runtime / "vfio-user").glob("[!.]*")) == []
    assert os.listdir(daemon.sys / "kernel/iommu_groups") == []
    assert daemon.read("module/mtty/refcnt") == "0\n"
    assert daemon.ask(command="rmmod", name="mtty") == {"ok": True}
    daemon.stop()
