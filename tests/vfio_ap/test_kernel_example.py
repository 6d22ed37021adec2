# SPDX-License-Identifier: LGPL-2.1-or-later
"""The example of the kernel's own page (Documentation/arch/s390/vfio-ap.rst), its commands as they stand there."""

import contextlib
import re

import pytest

from guests import Guest
from view import View

UUIDS = {
    "uuid1": "62177883-f1bb-47f0-914d-32a22e3a8804",
    "uuid2": "cef03c3c-903d-4ecc-9a83-40694cb8aee4",
    "uuid3": "9d2f3b9c-0f0a-4d0e-8b8f-0b1f8d0d3a11",
}
MACHINE = 'ap,cards="05:CEX5C,06:CEX5A",domains="4,0x47,0xab,0xff"'
SECURED = "05.0004 05.0047 05.00ab 05.00ff 06.0004 06.0047 06.00ab 06.00ff".split()
TYPE = "/sys/devices/vfio_ap/matrix/mdev_supported_types/vfio_ap-passthrough"

BY_ADAPTERS = "echo -5,-6 > /sys/bus/ap/apmask"
BY_DOMAINS = "echo -4,-0x47,-0xab,-0xff > /sys/bus/ap/aqmask"
BY_MASKS = r"""
cd /sys/bus/ap
      echo 0xf9ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff \
      > apmask

      echo 0xf7fffffffffffffffeffffffffffffffffffffffffeffffffffffffffffffffe \
      > aqmask
"""
CREATE = """
	echo $uuid1 > create
	echo $uuid2 > create
	echo $uuid3 > create
"""
GUEST1 = """
      echo 5 > assign_adapter
      echo 6 > assign_adapter
      echo 4 > assign_domain
      echo 0xab > assign_domain
"""
GUEST2 = """
      echo 5 > assign_adapter
      echo 0x47 > assign_domain
      echo 0xff > assign_domain
"""
GUEST3 = """
      echo 6 > assign_adapter
      echo 0x47 > assign_domain
      echo 0xff > assign_domain
"""
MATRICES = {
    "uuid1": ["05.0004", "05.00ab", "06.0004", "06.00ab"],
    "uuid2": ["05.0047", "05.00ff"],
    "uuid3": ["06.0047", "06.00ff"],
}


class Shell:
    """bash in the view, with the names of the example."""

    def __init__(self, view):
        self.view = view

    def run(self, script, directory="/"):
        done = self.view.run("bash", "-ec", f"cd {directory}\n{script}", env=UUIDS, cwd="/", check=False)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def refused(self, script, directory="/"):
        done = self.view.run("bash", "-ec", f"cd {directory}\n{script}", env=UUIDS, cwd="/", check=False)
        assert done.returncode
        return done.stderr.strip().rpartition(": ")[2]


def guest(name):
    return f"/sys/devices/vfio_ap/matrix/{UUIDS[name]}"


@pytest.fixture
def shell(daemon, build_for_all):
    """With step 1 done: vfio_ap and the host's own drivers are there."""
    view = View(daemon, build_for_all)
    view.start("--load", MACHINE, "--load", "zcrypt_cex4", "--load", "vfio_ap")
    return Shell(view)


@pytest.fixture
def three(shell):
    """The three matrices of the example."""
    shell.run(BY_ADAPTERS)
    shell.run(CREATE, TYPE)
    shell.run(GUEST1, guest("uuid1"))
    shell.run(GUEST2, guest("uuid2"))
    shell.run(GUEST3, guest("uuid3"))
    return shell


def queues_of(shell, driver):
    return shell.run(f"cd /sys/bus/ap/drivers/{driver}; ls -d ??.????  2>/dev/null || true").split()


# ---- the masks ----


@pytest.mark.parametrize("script", [BY_ADAPTERS, BY_DOMAINS, BY_MASKS, f"{BY_ADAPTERS}\n{BY_DOMAINS}"])
def test_queues_are_secured(shell, script):
    assert (queues_of(shell, "cex4queue"), queues_of(shell, "vfio_ap")) == (SECURED, [])
    shell.run(script)
    assert (queues_of(shell, "cex4queue"), queues_of(shell, "vfio_ap")) == ([], SECURED)
    assert shell.run("cat /sys/bus/ap/devices/card05/hwtype") == "11\n"


def test_the_masks_show_what_is_the_hosts(shell):
    shell.run(f"echo {'0x7d' + '0' * 62} > /sys/bus/ap/apmask; echo {'0x8' + '0' * 63} > /sys/bus/ap/aqmask")
    shell.run("echo 0-1 > /sys/firmware/ap/domains; echo 1 > /sys/bus/ap/scans")
    assert queues_of(shell, "cex4queue") == ["05.0000"]
    assert queues_of(shell, "vfio_ap") == ["05.0001", "06.0000", "06.0001"]


def test_a_short_mask_is_padded_and_a_long_one_refused(shell):
    shell.run("echo 0x41 > /sys/bus/ap/apmask")
    assert shell.run("cat /sys/bus/ap/apmask") == "0x41" + "0" * 62 + "\n"
    shell.run("echo +0,-6,+0x47,-0xf0 > /sys/bus/ap/apmask")
    assert shell.run("cat /sys/bus/ap/apmask") == "0xc1" + "0" * 14 + "01" + "0" * 46 + "\n"
    before = shell.run("cat /sys/bus/ap/apmask")
    assert shell.refused(f"echo 0x{'f' * 65} > /sys/bus/ap/apmask") == "Invalid argument"
    assert shell.run("cat /sys/bus/ap/apmask") == before


def test_the_masks_as_parameters(daemon, build_for_all):
    view = View(daemon, build_for_all)
    view.start("--load", f"{MACHINE},apmask=0xffff,aqmask=0x40")
    assert view.sh("cat /sys/bus/ap/apmask /sys/bus/ap/aqmask") == "0xffff" + "0" * 60 + "\n0x40" + "0" * 62 + "\n"


# ---- the matrices ----


def test_three_guests(three):
    for name, queues in MATRICES.items():
        assert three.run("cat matrix", guest(name)).split() == queues
        assert three.run("cat guest_matrix", guest(name)).split() == queues
    assert three.run("ls devices", TYPE).split() == sorted(UUIDS.values())


def test_the_guests_run_and_use_their_queues(three):
    for command in ("echo 5 > assign_control_domain", "echo 0xff > assign_control_domain"):
        three.run(command, guest("uuid2"))
    with contextlib.ExitStack() as running:
        guests = {name: running.enter_context(Guest(three, uuid=UUIDS[name])) for name in UUIDS}
        for name, inside in guests.items():
            said = inside.event("matrix")
            assert said["queues"] == MATRICES[name]
            # The machine has no control domain 5.
            assert said["control_domains"] == (["00ff"] if name == "uuid2" else [])
        # Adapter 6 is an accelerator.
        for name, request in (("uuid1", "06.00ab rsa 1024"), ("uuid1", "05.0004 random 16"),
                              ("uuid2", "05.00ff ecdsa P-256"), ("uuid3", "06.0047 rsa 1024")):
            guests[name].say(request)
            reply = guests[name].event("reply")
            assert (reply["queue"], reply["verified"]) == (request.split()[0], True)
        assert [inside.end() for inside in guests.values()] == [0, 0, 0]


def test_control_domains(three):
    for name, domain in (("uuid1", "0xab"), ("uuid2", "0xab"), ("uuid2", "0x47")):
        three.run(f"echo {domain} > assign_control_domain", guest(name))
    assert three.run("cat control_domains", guest("uuid1")) == "00ab\n"
    assert three.run("cat control_domains", guest("uuid2")) == "0047\n00ab\n"
    three.run("echo 0xab > unassign_control_domain", guest("uuid2"))
    assert three.run("cat control_domains", guest("uuid2")) == "0047\n"


def test_what_overlaps_is_refused(three):
    for name, command in (("uuid2", "echo 4 > assign_domain"), ("uuid2", "echo 6 > assign_adapter"),
                          ("uuid1", "echo 0x47 > assign_domain")):
        assert three.refused(command, guest(name)) == "Address already in use"
    for name, queues in MATRICES.items():
        assert three.run("cat matrix", guest(name)).split() == queues


def test_what_is_the_hosts_is_refused(shell):
    shell.run("echo -5 > /sys/bus/ap/apmask")
    shell.run(CREATE, TYPE)
    shell.run("echo 4 > assign_domain; echo 5 > assign_adapter", guest("uuid1"))
    assert shell.refused("echo 6 > assign_adapter", guest("uuid1")) == "Cannot assign requested address"
    assert shell.run("cat matrix", guest("uuid1")) == "05.0004\n"


def test_a_mask_that_would_take_a_guests_queue_is_refused(three):
    before = three.run("cat /sys/bus/ap/apmask /sys/bus/ap/aqmask")
    assert three.refused("echo +5 > /sys/bus/ap/apmask") == "Device or resource busy"
    assert three.run("cat /sys/bus/ap/apmask /sys/bus/ap/aqmask") == before
    # In Linux 7.3's words (those on the page are older), of the first one that is found.
    blamed = re.findall(r"(\S+): Can not reserve queue (\S+) for host driver", three.view.daemon.log())
    assert blamed == [(UUIDS["uuid2"], queue) for queue in MATRICES["uuid2"]]


def test_a_matrix_is_removed(three):
    three.run("echo 1 > remove", guest("uuid1"))
    assert three.run("ls devices", TYPE).split() == sorted([UUIDS["uuid2"], UUIDS["uuid3"]])
    # Its queues are free for others
    three.run("echo 4 > assign_domain", guest("uuid2"))
