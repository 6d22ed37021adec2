# SPDX-License-Identifier: LGPL-2.1-or-later
"""umdevd and umdev with devices: mtty's, and somebody who uses them."""

import contextlib
import errno
import grp
import json
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import threading
import uuid

import pytest

from conftest import TIMEOUT, UMDEV

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "vfio_user"))
import client as vfio_user  # noqa: E402

DEVICE = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"


@pytest.fixture
def mtty(daemon):
    return daemon.start("--load", "mtty")


def connect(daemon, device=DEVICE):
    """A virtual machine's connection to a device."""
    client = vfio_user.Client(str(daemon.runtime / "vfio-user" / device))
    client.version()
    return client


def devices(daemon):
    return [device["uuid"] for device in daemon.umdev_json("list")]


def test_types_are_listed(mtty):
    assert [line.split() for line in mtty.umdev("types").stdout.splitlines()] == [
        ["PARENT", "TYPE", "AVAILABLE", "API", "NAME"],
        ["mtty", "mtty-1", "24", "vfio-pci", "Single", "port", "serial"],
        ["mtty", "mtty-2", "12", "vfio-pci", "Dual", "port", "serial"],
    ]
    assert [kind["available_instances"] for kind in mtty.umdev_json("types")] == ["24", "12"]


def test_a_device_is_made_listed_and_removed(mtty):
    made = mtty.umdev("create", "mtty", "mtty-2", DEVICE.upper()).stdout.strip()
    assert made == DEVICE
    [device] = mtty.umdev_json("list")
    assert device["uuid"] == DEVICE
    assert device["parent"] == "mtty"
    assert device["type"] == "mtty-2"
    assert device["driver"] == "mtty"
    assert device["user"] is None
    assert os.path.exists(device["socket"])
    assert DEVICE in mtty.umdev("list").stdout
    mtty.umdev("remove", DEVICE.upper())
    assert devices(mtty) == []
    assert not os.path.exists(device["socket"])


def test_a_new_uuid_is_chosen_and_printed(mtty):
    made = [mtty.umdev("create", "mtty", "mtty-1").stdout.strip() for _ in range(2)]
    made.append(mtty.umdev_json("create", "mtty", "mtty-1")["uuid"])
    assert sorted(str(uuid.UUID(text)) for text in made) == devices(mtty)
    mtty.umdev("remove", *made)
    assert devices(mtty) == []


@pytest.mark.parametrize(
    "args, reason",
    [
        (["create", "mtyt", "mtty-1"], 'no parent "mtyt" (did you mean "mtty"?)'),
        (["create", "mtty", "mtty-3"], 'no type "mtty-3" (did you mean "mtty-'),
        (["create", "mtty", "nonsense"], 'no type "nonsense" (see: umdev types)'),
        (["create", "mtty", "../mtty-1"], 'no type "../mtty-1"'),
        (["create", "mtty", "mtty-1", DEVICE], "a device with this UUID is there already"),
        (["remove", DEVICE[:-1] + "2"], f'(did you mean "{DEVICE}"?)'),
        (["bind", DEVICE], "is bound already"),
        (["bind", DEVICE, "mtty"], "is bound already"),
    ],
)
def test_what_cannot_be_done_is_said(mtty, args, reason):
    mtty.umdev("create", "mtty", "mtty-1", DEVICE)
    answer = mtty.umdev(*args, check=False)
    assert answer.returncode == 1
    assert reason in answer.stderr
    assert devices(mtty) == [DEVICE]


def test_when_all_are_made_that_is_said(mtty):
    for _ in range(12):
        mtty.umdev("create", "mtty", "mtty-2")
    answer = mtty.umdev("create", "mtty", "mtty-2", check=False)
    assert answer.returncode == 1
    assert "no more devices of type mtty-2 can be made on mtty" in answer.stderr


def test_a_device_is_unbound_and_bound_again(mtty):
    mtty.umdev("create", "mtty", "mtty-1", DEVICE)
    mtty.umdev("unbind", DEVICE)
    [device] = mtty.umdev_json("list")
    assert device["driver"] is None and device["socket"] is None
    again = mtty.umdev("unbind", DEVICE, check=False)
    assert f"{DEVICE} is not bound to a driver" in again.stderr
    without = mtty.umdev("qemu-args", DEVICE, check=False)
    assert f"umdev bind {DEVICE}" in without.stderr
    wrong = mtty.umdev("bind", DEVICE, "mtyt", check=False)
    assert 'no driver "mtyt" that can be bound (did you mean "mtty"?)' in wrong.stderr
    mtty.umdev("bind", f"mdev/{DEVICE}")
    assert mtty.umdev_json("list")[0]["driver"] == "mtty"
    mtty.umdev("unbind", DEVICE)
    mtty.umdev("bind", DEVICE, "mtty")
    assert mtty.umdev_json("list")[0]["driver"] == "mtty"


def test_the_argument_for_qemu_can_be_pasted(mtty):
    mtty.umdev("create", "mtty", "mtty-1", DEVICE)
    socket = str(mtty.runtime / "vfio-user" / DEVICE)
    expected = {"driver": "vfio-user-pci", "socket": {"type": "unix", "path": socket}}
    option, value = shlex.split(mtty.umdev("qemu-args", DEVICE).stdout)
    assert option == "-device"
    assert json.loads(value) == expected
    assert mtty.umdev_json("qemu-args", DEVICE) == expected


def test_quotes_in_a_path_are_kept_from_the_shell(daemon):
    daemon.runtime = daemon.directory / "it's here"
    daemon.sys = daemon.runtime / "sys"
    daemon.start("--load", "mtty")
    daemon.umdev("create", "mtty", "mtty-1", DEVICE)
    _, value = shlex.split(daemon.umdev("qemu-args", DEVICE).stdout)
    assert json.loads(value)["socket"]["path"] == str(daemon.runtime / "vfio-user" / DEVICE)


def test_the_user_of_a_device_is_named(mtty):
    mtty.umdev("create", "mtty", "mtty-1", DEVICE)
    with connect(mtty):
        user = mtty.umdev_json("list")[0]["user"]
        assert str(os.getpid()) in user
        assert user in mtty.umdev("list").stdout


@pytest.mark.parametrize("command", ["remove", "unbind"])
def test_a_device_in_use_is_waited_for(mtty, command):
    mtty.umdev("create", "mtty", "mtty-1", DEVICE)
    with connect(mtty):
        waiting = subprocess.Popen(
            [UMDEV, "--runtime-dir", mtty.runtime, command, DEVICE],
            stderr=subprocess.PIPE,
            text=True,
        )
        line = waiting.stderr.readline()
        assert line.startswith("umdev: waiting for ")
        assert str(os.getpid()) in line
        assert waiting.poll() is None
    assert waiting.wait(timeout=TIMEOUT) == 0
    waiting.stderr.close()
    assert devices(mtty) == ([] if command == "remove" else [DEVICE])


def test_a_module_in_use_stays(mtty):
    mtty.umdev("create", "mtty", "mtty-1", DEVICE)
    with connect(mtty):
        refused = mtty.umdev("rmmod", "mtty", check=False)
        assert refused.returncode == 1
        assert 'module "mtty" is in use' in refused.stderr
        assert devices(mtty) == [DEVICE]
        assert mtty.read("module/mtty/refcnt") == "1\n"


def test_unloading_takes_devices_with_it(mtty):
    mtty.umdev("create", "mtty", "mtty-1", DEVICE)
    mtty.umdev("rmmod", "mtty")
    assert devices(mtty) == []
    assert mtty.umdev_json("types") == []
    assert list((mtty.runtime / "vfio-user").glob("[!.]*")) == []
    mtty.umdev("modprobe", "mtty")
    assert len(mtty.umdev_json("types")) == 2


def test_a_driver_and_its_module_know_each_other(mtty):
    driver = mtty.sys / "bus/mdev/drivers/mtty"
    assert (driver / "module").resolve() == mtty.sys / "module/mtty"
    assert (mtty.sys / "module/mtty/drivers/mdev:mtty").resolve() == driver


def test_ending_lets_guests_go(mtty):
    mtty.umdev("create", "mtty", "mtty-1", DEVICE)
    with connect(mtty) as guest:
        mtty.stop()
        with pytest.raises((vfio_user.Closed, ConnectionError)):
            guest.info()


def test_ending_frees_a_remove_that_waits(mtty):
    mtty.umdev("create", "mtty", "mtty-1", DEVICE)
    with connect(mtty):
        waiting = subprocess.Popen(
            [UMDEV, "--runtime-dir", mtty.runtime, "remove", DEVICE],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert waiting.stderr.readline().startswith("umdev: waiting for ")
        mtty.stop()
    waiting.wait(timeout=TIMEOUT)
    waiting.stderr.close()


def test_ending_while_devices_are_made(mtty):
    """Whoever is too late gets an error, and nothing is left."""
    path = mtty.sys / "class/mdev_bus/mtty/mdev_supported_types/mtty-1/create"
    begun = threading.Event()

    def make_many():
        with contextlib.suppress(OSError):
            for n in range(10000):
                name = str(uuid.UUID(int=n + 1))
                with open(path, "wb", buffering=0) as create:
                    create.write(name.encode())
                begun.set()
                with open(mtty.sys / "bus/mdev/devices" / name / "remove", "wb", 0) as remove:
                    remove.write(b"1")

    makers = [threading.Thread(target=make_many) for _ in range(2)]
    for maker in makers:
        maker.start()
    assert begun.wait(TIMEOUT)
    mtty.stop()
    for maker in makers:
        maker.join(TIMEOUT)
        assert not maker.is_alive()


def test_sockets_of_one_that_died_are_cleaned(mtty):
    mtty.umdev("create", "mtty", "mtty-1", DEVICE)
    mtty.kill()
    assert (mtty.runtime / "vfio-user" / DEVICE).is_socket()
    mtty.start("--load", "mtty")
    assert list((mtty.runtime / "vfio-user").glob("[!.]*")) == []
    mtty.umdev("create", "mtty", "mtty-1", DEVICE)
    assert devices(mtty) == [DEVICE]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give sockets away")
def test_sockets_belong_to_whom_was_said(daemon):
    group = grp.getgrgid(65534) if any(g.gr_gid == 65534 for g in grp.getgrall()) else None
    name = group.gr_name if group else "65534"
    daemon.start(
        "--load", "mtty", "--socket-mode", "0660", "--socket-owner", "65534", "--socket-group", name
    )
    daemon.umdev("create", "mtty", "mtty-1", DEVICE)
    st = (daemon.runtime / "vfio-user" / DEVICE).stat()
    assert (st.st_mode & 0o777, st.st_uid, st.st_gid) == (0o660, 65534, 65534)


def test_sockets_are_the_daemons_alone_if_nothing_was_said(mtty):
    mtty.umdev("create", "mtty", "mtty-1", DEVICE)
    st = (mtty.runtime / "vfio-user" / DEVICE).stat()
    assert (st.st_mode & 0o777, st.st_uid) == (0o600, os.geteuid())


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_others_may_look_but_not_touch(mtty, build_for_all):
    mtty.umdev("create", "mtty", "mtty-1", DEVICE)

    def as_nobody(*args):
        return subprocess.run(
            [build_for_all / "src/umdev/umdev", "--runtime-dir", mtty.runtime, *args],
            capture_output=True,
            text=True,
            user=65534,
            group=65534,
            extra_groups=[],
        )

    assert DEVICE in as_nobody("list").stdout
    assert "not allowed to make devices on mtty" in as_nobody("create", "mtty", "mtty-1").stderr
    assert f"not allowed to remove {DEVICE}" in as_nobody("remove", DEVICE).stderr
    assert f"not allowed to unbind {DEVICE}" in as_nobody("unbind", DEVICE).stderr
    assert "belongs to another user" in as_nobody("lsmod").stderr
    assert devices(mtty) == [DEVICE]


def test_a_killed_daemons_open_files_say_so(mtty):
    fd = os.open(mtty.sys / "module/mtty/refcnt", os.O_RDONLY)
    mtty.process.send_signal(signal.SIGKILL)
    mtty.wait()
    with pytest.raises(OSError) as error:
        os.read(fd, 10)
    assert error.value.errno in (errno.ENOTCONN, errno.ECONNABORTED)
    with contextlib.suppress(OSError):
        os.close(fd)
    mtty.start()
