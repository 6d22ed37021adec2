# SPDX-License-Identifier: LGPL-2.1-or-later
"""The door of a device's group, as programs in a view find it and the node's rights decide."""

import errno
import os
import pathlib
import sys

import pytest

from conftest import NOBODY

CLIENT = str(pathlib.Path(__file__).resolve().parents[1] / "vfio_user")
sys.path.insert(0, CLIENT)
import client  # noqa: E402
import door  # noqa: E402

UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"
OTHER = 12001
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")

# Says the errno of opening the group, and uses the device if that is 0.
OPEN = f"""
import os, sys
sys.path.insert(0, {CLIENT!r})
import client, door
group = int(os.path.basename(os.readlink("/sys/bus/mdev/devices/{UUID}/iommu_group")))
with open(f"/sys/class/vfio/{{group}}/socket") as file:
    path = file.read().strip()
with door.DoorClient(path) as c:
    c.send(door.OPEN, group)
    error, _ = c.receive()
    if not error:
        c.group = group
        with c.device("{UUID}") as device:
            device.version()
            assert device.info()[2] > 0
print(error)
"""


def make_device(view):
    view.sh(f"echo {UUID} > /sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/create")


def as_other(gid=OTHER):
    return ["setpriv", f"--reuid={OTHER}", f"--regid={gid}", "--clear-groups"]


def open_in(view, *other):
    return int(view.run(*other, sys.executable, "-c", OPEN).stdout)


def node(view):
    return view.sh("echo /dev/vfio/[0-9]*").strip()


def test_a_program_in_the_view_opens_its_group(any_view):
    make_device(any_view)
    assert open_in(any_view) == 0
    assert open_in(any_view) == 0


@needs_root
def test_rights_that_are_set_in_the_view_count(view):
    make_device(view)
    assert open_in(view, *as_other()) == errno.EACCES
    view.run("chmod", "666", node(view))
    assert open_in(view, *as_other()) == 0
    view.run("chmod", "660", node(view))
    assert open_in(view, *as_other()) == errno.EACCES
    view.run("chgrp", OTHER, node(view))
    assert open_in(view, *as_other()) == 0
    assert open_in(view, *as_other(NOBODY)) == errno.EACCES
    view.run("chown", OTHER, node(view))
    assert open_in(view, *as_other(NOBODY)) == 0


def test_root_in_a_users_view_is_that_user(user_view):
    """Who gives a node to root there keeps it, with the groups that he has."""
    make_device(user_view)
    path = node(user_view)
    user_view.run("chmod", "660", path)
    user_view.run("chown", "0:0", path)
    assert open_in(user_view) == 0
    outcome = []
    for gid in (NOBODY, OTHER):
        pid = os.fork()
        if pid == 0:
            status = 255
            try:
                os.setgroups([])
                os.setresgid(gid, gid, gid)
                os.setresuid(OTHER, OTHER, OTHER)
                with door.DoorClient(str(user_view.daemon.runtime / "vfio-user/.door")) as c:
                    c.send(door.OPEN, int(os.path.basename(path)))
                    status = c.receive()[0]
            except client.Closed:
                pass
            finally:
                os._exit(status)
        outcome.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    assert outcome == [0, errno.EACCES]
