# SPDX-License-Identifier: LGPL-2.1-or-later
"""
What the bus tells vfio_ccw's driver, with a mediated device and without: nothing may happen then, and what
comes afterwards finds things as they are. Interrupts without one, which a subchannel that is disabled does not
have, are test_vfio_ccw_callbacks.c's.
"""

import os

import pytest

import channels as ch
from channels import Machine

SCH = "0.0.0000"
PERRN, INIT = 0x0406, 0x0402
PROGRAM = 0x1000
BOTH, FIRST, SECOND = (ch.FMT1 | mask << ch.LPM_SHIFT for mask in (0xC0, 0x80, 0x40))


@pytest.fixture(params=["no device", "device", "user"])
def bound(request, idle_view):
    """Without mediated device, with one that nobody uses, and with a user: the machine and that user, or None."""
    machine = Machine(idle_view, "0.0.1000:null,chpids=10.11", "0.0.1001:null,chpids=12")
    machine.bind(SCH)
    if request.param != "no device":
        machine.mdev()
    if request.param != "user":
        yield machine, None
        return
    with machine.user() as user:
        yield machine, user


def path(machine, text):
    machine.write("firmware/css/path", text)
    machine.write("firmware/css/settle", "1")


def vary(machine, chpid, how):
    machine.write(f"devices/css0/chp0.{chpid}/status", how)
    machine.write("firmware/css/settle", "1")


def run(user, word1=BOTH):
    user.put(PROGRAM, ch.program((ch.READ, ch.SLI, 16, 0x2000)))
    return user.run(PROGRAM, word1)


def has_user(machine, user):
    """A user who comes now, if none is there yet."""
    if user:
        return user
    if not machine.path(f"bus/mdev/devices/{ch.UUID}").exists():
        machine.mdev()
    return machine.user()


def test_rescan_changes_nothing(bound):
    machine, user = bound
    before = machine.daemon.log()
    machine.write("devices/css0/rescan", "1")
    machine.write("firmware/css/settle", "1")
    assert os.path.basename(os.readlink(machine.path(f"bus/css/devices/{SCH}/driver"))) == "vfio_ccw"
    assert machine.daemon.log() == before
    with has_user(machine, user) as user:
        assert run(user).dstat == ch.CHN_END | ch.DEV_END


def test_one_that_is_gone_leaves(bound):
    machine, user = bound
    machine.write("firmware/css/unplug", "0.0.1000")
    if user:
        assert user.wait(ch.REQ)
        user.close()
    machine.wait_for(f"bus/css/devices/{SCH}", there=False)
    machine.wait_for(f"bus/mdev/devices/{ch.UUID}", there=False)
    # Another one can take its place.
    machine.devices = 0
    machine.plug("0.0.1000:null")
    machine.mdev()
    with machine.user() as user:
        assert run(user).dstat == ch.CHN_END | ch.DEV_END


def test_path_that_goes_and_comes(bound):
    machine, user = bound
    for text in ("10 off", "10 on", "11 off"):
        path(machine, text)
    if user:
        assert [user.crw() for _ in range(4)] == [(PERRN, 0x10), (INIT, 0x10), (PERRN, 0x11), (0, 0)]
        assert user.wait(ch.CRW)
    with has_user(machine, user) as user:
        # Who comes later is not told.
        assert user.crw() == (0, 0)
        assert run(user, FIRST).dstat == ch.CHN_END | ch.DEV_END
        with pytest.raises(PermissionError):
            run(user, SECOND)
        path(machine, "11 on")
        assert user.wait(ch.CRW) and user.crw() == (INIT, 0x11)
        assert run(user, SECOND).dstat == ch.CHN_END | ch.DEV_END


def test_path_that_is_varied_off_and_on(bound):
    machine, user = bound
    vary(machine, "10", "off")
    with has_user(machine, user) as user:
        # A guest that leaves the paths to the host has those that the host uses.
        run(user, ch.FMT1)
        assert user.schib()[10] == 0x40
        assert user.crw() == (0, 0)
        vary(machine, "10", "on")
        run(user, ch.FMT1)
        assert user.schib()[10] == 0x80
        assert user.crw() == (0, 0)


def test_somebody_elses_path(bound):
    machine, user = bound
    path(machine, "12 off")
    vary(machine, "12", "off")
    path(machine, "12 on")
    with has_user(machine, user) as user:
        assert user.crw() == (0, 0)
        assert not user.interrupted(ch.CRW)
        assert run(user).dstat == ch.CHN_END | ch.DEV_END


@pytest.mark.parametrize("what", ["vary", "path"])
def test_program_on_a_path_that_goes_ends(idle_view, what):
    machine = Machine(idle_view, "0.0.1000:null,hold,chpids=10.11")
    machine.mdev()
    with machine.user() as user:
        for _ in range(2):
            user.put(PROGRAM, ch.program((ch.READ, ch.SLI, 16, 0x2000)))
            user.ssch(PROGRAM, BOTH)
            if what == "vary":
                vary(machine, "10", "off")
                vary(machine, "10", "on")
            else:
                path(machine, "10 off")
                path(machine, "10 on")
            irb = user.interrupt()
            # It has not done what it should, and its user has not asked for a halt.
            assert irb.ctrl == ch.START | ch.ALERT | ch.ENDED
            assert irb.cstat & ch.INTF_CTRL
        # The one on the other path goes on.
        assert not user.interrupted()
        user.ssch(PROGRAM, SECOND)
        while user.schib()[10] != 0x40:
            pass
        path(machine, "10 off")
        assert not user.interrupted()
        user.hsch()
        assert user.interrupt().ctrl & ch.HALT


def test_halt_of_the_users_own_is_told_as_one(idle_view):
    """Also when the path goes meanwhile."""
    machine = Machine(idle_view, "0.0.1000:null,hold,chpids=10.11")
    machine.mdev()
    with machine.user() as user:
        for request, function in ((user.hsch, ch.HALT), (user.csch, ch.CLEAR)):
            user.put(PROGRAM, ch.program((ch.READ, ch.SLI, 16, 0x2000)))
            user.ssch(PROGRAM, FIRST)
            request()
            vary(machine, "10", "off")
            assert user.interrupt().ctrl & function
            vary(machine, "10", "on")
            assert not user.interrupted()


def test_reports_that_nobody_takes_are_bounded(idle_view):
    machine = Machine(idle_view, "0.0.1000:null,chpids=10.11")
    machine.mdev()
    with machine.user() as user:
        for _ in range(20):
            path(machine, "10 off")
            path(machine, "10 on")
        got = []
        while (crw := user.crw()) != (0, 0):
            got.append(crw)
        assert len(got) == 32
        assert [flags & 0x2000 for flags, _ in got] == [0] * 31 + [0x2000]
        assert [(flags & ~0x2000, rsid) for flags, rsid in got] == [(PERRN, 0x10), (INIT, 0x10)] * 16


def test_module_is_unloaded_with_and_without_device(bound):
    machine, user = bound
    if user:
        user.close()
    # The loader may be on its way still with the module that the subchannel's alias asks for.
    machine.write(f"bus/css/devices/{SCH}/driver_override", "\n")
    machine.umdev("rmmod", "vfio_ccw")
    assert not machine.path(f"bus/mdev/devices/{ch.UUID}").exists()
    assert not machine.path(f"bus/css/devices/{SCH}/driver").is_symlink()
