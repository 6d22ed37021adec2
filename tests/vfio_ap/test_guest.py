# SPDX-License-Identifier: LGPL-2.1-or-later
"""`umdev ap guest`: a guest that has a mediated matrix, from outside."""

import subprocess

import pytest

from guests import HANG_LIMIT, OTHER, UUID, Guest, Machine

ALL = ["04.0004", "04.0047", "06.0004", "06.0047"]


@pytest.fixture(params=["idle_view", "idle_user_view"], ids=["root", "user"])
def anybodys(request):
    """A machine of root's, and one of an ordinary user's."""
    return Machine(request.getfixturevalue(request.param))


@pytest.fixture
def machine(idle_view):
    return Machine(idle_view)


def run(machine, *args, check=True, **how):
    return machine.umdev("ap", "guest", *args, check=check, **{"stdin": subprocess.DEVNULL, **how})


def test_requests_are_carried_out_and_verified(anybodys):
    anybodys.matrix()
    done = run(anybodys, "--once", "--request", "random 16", "--request", "06.0047 rsa 1024",
               "--request", "04.0047 ecdsa P-384", UUID)
    lines = done.stdout.splitlines()
    assert lines[0] == f"guest {UUID}: queues {' '.join(ALL)}; control domains 0004"
    assert [line.split(": ")[:2] for line in lines[1:4]] == [
        ["04.0004", "random 16"], ["06.0047", "rsa 1024"], ["04.0047", "ecdsa P-384"]]
    assert all(line.endswith(" (verified)") for line in lines[1:4])
    # 16 bytes in hexadecimal
    assert len(lines[1].split(": ")[2].split()[0]) == 32
    assert lines[4:] == ["closed"]


def test_it_is_seen_as_the_user_of_its_device(anybodys):
    anybodys.matrix()
    assert anybodys.queue_status("04.0004") == "assigned"
    with Guest(anybodys) as guest:
        event = guest.event("matrix")
        assert event["queues"] == event["guest_matrix"] == ALL
        assert event["control_domains"] == ["0004"]
        assert anybodys.queue_status("04.0004") == "in use"
        assert "(umdev)" in anybodys.read(f"bus/mdev/devices/{UUID}/vfio-dev/vfio{event['group']}/user")
        guest.say("quit")
        guest.event("closed")
        assert guest.end() == 0
    anybodys.wait_for_status("04.0004", "assigned")


def test_hotplug_is_followed(machine):
    machine.matrix()
    with Guest(machine) as guest:
        guest.event("matrix")
        machine.umdev("ap", "unplug", "06")
        event = guest.event("changed")
        assert (event["came"], event["went"]) == ([], ["06.0004", "06.0047"])
        machine.umdev("ap", "plug", "06:CEX8C")
        event = guest.event("changed")
        assert (event["came"], event["went"]) == (["06.0004", "06.0047"], [])
        assert event["queues"] == ALL
        guest.say("06.0004 random 8")
        assert guest.event("reply")["verified"]
        assert guest.end() == 0


def test_assignments_are_followed(machine):
    machine.matrix()
    with Guest(machine) as guest:
        guest.event("matrix")
        machine.assign("adapter", 5)
        assert guest.event("changed")["came"] == ["05.0004", "05.0047"]
        machine.unassign("domain", 4)
        assert guest.event("changed")["went"] == ["04.0004", "05.0004", "06.0004"]
        machine.assign("control_domain", 0x47)
        event = guest.event("changed")
        assert (event["came"], event["went"]) == ([], [])
        assert event["control_domains_came"] == ["0047"]
        machine.unassign("control_domain", 4)
        assert guest.event("changed")["control_domains_went"] == ["0004"]
        guest.say("matrix")
        event = guest.event("matrix")
        assert event["queues"] == event["guest_matrix"] == machine.guest_matrix()
        assert guest.end() == 0


def test_a_queue_that_is_unbound_takes_its_adapter_away(machine):
    machine.matrix()
    with Guest(machine) as guest:
        guest.event("matrix")
        machine.write("bus/ap/drivers/vfio_ap/unbind", "04.0047")
        assert guest.event("changed")["went"] == ["04.0004", "04.0047"]
        machine.write("bus/ap/drivers/vfio_ap/bind", "04.0047")
        assert guest.event("changed")["came"] == ["04.0004", "04.0047"]
        guest.say("04.0047 random 1")
        assert guest.event("reply")["verified"]
        assert guest.end() == 0


def test_it_lets_go_when_the_device_is_removed(anybodys):
    anybodys.matrix()
    with Guest(anybodys) as guest:
        guest.event("matrix")
        anybodys.umdev("remove", UUID)
        assert guest.event("changed")["went"] == ALL
        guest.event("asked")
        guest.event("closed")
        assert guest.line() is None
        assert guest.end() == 0
    assert "can't be asked" not in anybodys.daemon.log()


def test_it_ends_with_the_daemon(machine):
    machine.matrix()
    with Guest(machine) as guest:
        guest.event("matrix")
        machine.daemon.kill()
        assert guest.event("error")["text"] == "umdevd has ended"
        guest.event("closed")
        assert guest.end() == 1


def test_a_device_that_was_taken_by_force_has_gone(machine):
    machine.matrix()
    with Guest(machine) as guest:
        group = guest.event("matrix")["group"]
        machine.write(f"bus/mdev/devices/{UUID}/vfio-dev/vfio{group}/disconnect", "1")
        machine.wait_for_status("04.0004", "assigned")
        guest.say("random 4")
        assert guest.event("reply")["refused"] == "the device has gone"
        assert guest.end() == 1


def test_it_stays_without_an_input(machine):
    machine.matrix()
    guest = subprocess.Popen(
        [str(machine.view.umdev), "ap", "guest", UUID], env=machine.view.environment(), text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    with guest:
        assert guest.stdout.readline().startswith("guest ")
        machine.umdev("remove", UUID)
        assert guest.stdout.read().splitlines()[1:] == [f"asked to let go of {UUID}", "closed"]
        assert guest.wait(HANG_LIMIT) == 0


def test_what_queues_refuse_is_said(machine):
    machine.matrix(adapters=(4, 5))
    with Guest(machine) as guest:
        guest.event("matrix")
        guest.say("05.0004 random 4")
        assert guest.event("reply")["refused"] == "this adapter can't do that"
        guest.say("06.0004 random 4")
        assert guest.event("reply")["refused"] == "the guest does not have this queue"
        machine.umdev("ap", "checkstop", "04", "on", "--no-scan")
        guest.say("04.0004 random 4")
        assert guest.event("reply")["refused"] == "the adapter is checkstopped"
        guest.say("05.0004 rsa 1024")
        assert guest.event("reply")["verified"]
        assert guest.end() == 1


def test_a_reset_reaches_the_queues(machine):
    machine.matrix()
    with Guest(machine) as guest:
        guest.event("matrix")
        guest.say("reset")
        assert guest.event("reset")["error"] is None
        guest.say("random 4")
        assert guest.event("reply")["verified"]
        machine.umdev("ap", "config", "04", "off", "--no-scan")
        guest.say("reset")
        assert guest.event("reset")["error"] == "EIO"
        assert guest.end() == 1


def test_nonsense_is_refused_and_it_goes_on(machine):
    machine.matrix()
    with Guest(machine) as guest:
        guest.event("matrix")
        guest.say("dance")
        guest.say("04.0004")
        guest.say("random 16 17")
        guest.say("random -1")
        guest.say("ecdsa P-521")
        guest.say("")
        guest.say("x" * 100000)
        assert "too long" in guest.event("error")["text"]
        guest.say("random 4")
        assert guest.event("reply")["verified"]
        assert guest.end() == 1


def test_without_a_window_it_holds_the_device(idle_view):
    machine = Machine(idle_view, window=0)
    machine.matrix()
    with Guest(machine) as guest:
        event = guest.event("matrix")
        assert (event["window"], event["guest_matrix"]) == (False, ALL)
        guest.say("random 16")
        assert "window=0" in guest.event("error")["text"]
        machine.unassign("adapter", 6)
        assert guest.event("matrix")["guest_matrix"] == ["04.0004", "04.0047"]
        machine.umdev("remove", UUID)
        assert guest.end() == 1


def test_a_guest_without_queues_says_so(machine):
    machine.matrix(adapters=(), control=())
    done = run(machine, "--once", "--request", "random 4", UUID, check=False)
    assert done.returncode == 1
    assert done.stdout == f"guest {UUID}: no queues\nerror: the guest has no queue\nclosed\n"


@pytest.mark.parametrize("args, error", [
    ([OTHER], "no device \"62177883-f1bb-47f0-914d-32a22e3a8805\""),
    ([], "one UUID is expected"),
    ([UUID, OTHER], "one UUID is expected"),
    (["--frobnicate", UUID], "unrecognized option '--frobnicate'"),
])
def test_mistakes_are_named(machine, args, error):
    machine.matrix()
    done = run(machine, *args, check=False)
    assert done.returncode in (1, 2) and error in done.stderr
    assert done.stdout == ""


def test_another_kind_of_device_is_refused(machine):
    machine.umdev("modprobe", "mtty")
    machine.umdev("create", "mtty", "mtty-1", OTHER)
    done = run(machine, OTHER, check=False)
    assert (done.returncode, done.stderr) == (1, f"umdev: {OTHER} is no mediated matrix of vfio_ap's\n")


def test_a_device_that_is_in_use_is_refused(machine):
    machine.matrix()
    with Guest(machine) as guest:
        guest.event("matrix")
        done = run(machine, UUID, check=False)
        assert done.returncode == 1
        assert done.stderr == f"umdev: {UUID} is in use by pid {guest.process.pid} (umdev)\n"
        assert guest.end() == 0


def test_a_guest_that_is_killed_frees_its_device(machine):
    machine.matrix()
    for _ in range(3):
        with Guest(machine) as guest:
            guest.event("matrix")
            guest.say("random 4")
            guest.event("reply")
            guest.process.kill()
            guest.process.wait(HANG_LIMIT)
        machine.wait_for_status("04.0004", "assigned")
