# SPDX-License-Identifier: LGPL-2.1-or-later
"""Channel programs of a driver of ccw devices, and what becomes of them when paths and devices go."""

import errno

from ccw_machine import BUSID, SCH, css, device, online  # noqa: F401
from css_machine import eventually, refused

READ = 2
NOOP = 3
UNKNOWN = 0x77
DONE = "ctrl 4007 dstat 0c cstat 00"


def hang(css, code=READ):
    css.params("cu_test", hang=code)


def begin(css, code=READ):
    """A program that runs until it is stopped."""
    hang(css, code)
    css.set("start", f"{code:x}")


# ---- programs ----


def test_a_read_brings_what_the_device_has(online):
    online.set("read", f"{READ:x}")
    online.wait_told(f"irq {READ} cc 0 {DONE} count 6")


def test_one_after_the_other(online):
    for _ in range(20):
        online.set("start", f"{NOOP:x}")
        online.wait_for(f"irq {NOOP} cc 0 {DONE} count 1")
        online.forget()


def test_a_unit_check_comes_with_its_sense(online):
    online.set("start", f"{UNKNOWN:x}")
    eventually(online.told)
    (line,) = online.told()
    assert line.startswith(f"irq {UNKNOWN} cc 0 ") and "dstat 0e" in line and line.endswith("sense 80")


def test_only_one_at_a_time(online):
    begin(online)
    with refused(errno.EBUSY):
        online.set("start", f"{NOOP:x}")
    online.set("clear", 1)
    online.wait_told("irq 1002 cc 0 ctrl 1001 dstat 00 cstat 00 count 0")


def test_halt(online):
    begin(online)
    online.set("halt", 1)
    eventually(online.told)
    (line,) = online.told()
    assert line.startswith("irq 1001 cc ") and int(line.split()[5], 16) & 0x2000
    hang(online, 0)
    online.forget()
    online.set("start", f"{NOOP:x}")
    online.wait_told(f"irq {NOOP} cc 0 {DONE} count 1")


def test_a_program_has_its_time(online):
    hang(online)
    online.set("start", f"{READ:x} 100")
    online.wait_for(f"irq {READ} error ETIMEDOUT")
    hang(online, 0)
    eventually(lambda: online.read(SCH, "vpm") == "c0\n")
    online.forget()
    online.set("start", f"{NOOP:x} 60000")
    eventually(lambda: [line for line in online.told() if line.startswith("irq 3")])


def test_offline_it_takes_none(device):
    for attr in ("start", "halt", "clear"):
        with refused(errno.EINVAL):
            device.set(attr, f"{NOOP:x}")
    assert device.told() == [f"probe {BUSID} info 1"]


def test_status_that_nobody_asked_for(online):
    online.console("attention", BUSID)
    eventually(online.told)
    (line,) = online.told()
    assert line.startswith("irq 0 cc 0 ") and "dstat 80" in line


def test_offline_ends_what_the_driver_has_left(online):
    begin(online)
    online.set("online", 0)
    assert online.told() == ["set_offline", f"irq {READ} error EIO"]
    hang(online, 0)
    online.set("online", 1)


def test_unbinding_ends_what_the_driver_has_left(online):
    begin(online)
    online.write("drivers/io_subchannel/unbind", SCH)
    assert online.ccw_devices() == []
    assert online.told() == [f"remove {BUSID}", f"irq {READ} error EIO"]


# ---- paths ----


def test_a_path_that_goes_and_comes(online):
    online.console("path", "10 off")
    eventually(lambda: online.read(SCH, "vpm") == "40\n")
    online.wait_told("paths 10000000")
    assert online.get("state").startswith("paths 40 ")
    online.forget()
    online.console("path", "10 on")
    eventually(lambda: online.read(SCH, "vpm") == "c0\n")
    online.wait_for("paths 20000000")
    assert online.get("online") == "1\n"


def test_a_path_that_is_varied_off_and_on(online):
    online.path("11", "status", "off")
    eventually(lambda: online.read(SCH, "vpm") == "80\n")
    online.wait_told("paths 01000000")
    online.path("11", "status", "on")
    eventually(lambda: online.read(SCH, "vpm") == "c0\n")


def test_a_program_on_a_path_that_goes_is_ended(online):
    begin(online)
    # Which one it is on is the channel's choice.
    online.path("10", "status", "off")
    online.path("10", "status", "on")
    online.path("11", "status", "off")
    eventually(lambda: f"irq {READ} error EIO" in online.told())
    hang(online, 0)
    online.path("11", "status", "on")
    eventually(lambda: online.read(SCH, "vpm") == "c0\n")
    online.forget()
    online.set("start", f"{NOOP:x}")
    eventually(lambda: [line for line in online.told() if line.startswith("irq 3")])


def test_without_paths_a_device_that_nobody_keeps_goes(online):
    online.path("10", "status", "off")
    online.path("11", "status", "off")
    eventually(lambda: online.ccw_devices() == [])
    online.wait_for("notify NO_PATH")
    online.wait_for(f"remove {BUSID}")
    online.path("10", "status", "on")
    eventually(lambda: online.ccw_devices() == [BUSID])
    assert online.get("online") == "0\n"


def test_without_paths_a_device_that_is_kept_waits(online):
    online.params("ccw_user", keep=1)
    online.path("10", "status", "off")
    online.path("11", "status", "off")
    eventually(lambda: online.get("availability") == "no path\n")
    assert online.get("online") == "1\n"
    online.wait_for("notify NO_PATH")
    with refused(errno.EINVAL):
        online.set("start", f"{NOOP:x}")
    online.forget()
    online.path("11", "status", "on")
    eventually(lambda: online.get("availability") == "good\n")
    online.wait_for("notify OPER")
    assert online.get("online") == "1\n"
    eventually(lambda: online.read(SCH, "vpm") == "40\n")
    online.set("start", f"{NOOP:x}")
    eventually(lambda: [line for line in online.told() if line.startswith("irq 3")])


def test_one_that_waits_can_be_given_up(online):
    online.params("ccw_user", keep=1)
    online.console("path", "10 off")
    online.console("path", "11 off")
    eventually(lambda: online.get("availability") == "no path\n")
    online.set("online", 0)
    eventually(lambda: online.ccw_devices() == [])


# ---- the device goes ----


def test_a_program_of_a_device_that_goes_is_over(online):
    begin(online)
    online.unplug(BUSID)
    assert online.names() == []
    told = online.told()
    assert told[0] == f"irq {READ} error EIO"
    assert "notify GONE" in told and told[-1] == f"remove {BUSID}"


def test_a_device_that_goes_is_gone_whoever_wants_to_keep_it(online):
    online.params("ccw_user", keep=1)
    online.unplug(BUSID)
    assert online.ccw_devices() == online.names() == []


# ---- path groups ----

GROUP, FORCE, MULTIPATH = 0x04, 0x08, 0x10


def with_options(css, options, spec="test,groups,chpids=10.11"):
    css.daemon.umdev("modprobe", "ccw_user", f"options={options}")
    css.console("plug", f"{BUSID}:{spec}")
    return css


def test_paths_are_a_group(css):
    with_options(css, GROUP | MULTIPATH)
    css.set("online", 1)
    assert css.get("state") == "paths c0 group 1 multipath 1\n"
    css.set("online", 0)
    css.set("online", 1)
    assert css.get("state") == "paths c0 group 1 multipath 1\n"


def test_a_device_that_knows_no_groups_works_without(css):
    with_options(css, GROUP | MULTIPATH, "test,chpids=10.11")
    css.set("online", 1)
    assert css.get("state") == "paths c0 group 0 multipath 0\n"


def test_a_device_that_does_not_tell_its_group_is_boxed(css):
    with_options(css, GROUP)
    css.params("css", request_timeout=50)
    hang(css, 0x34)
    with refused(errno.ENODEV):
        css.set("online", 1)
    assert (css.get("online"), css.get("availability")) == ("0\n", "boxed\n")
    hang(css, 0)
    css.set("online", 1)
    assert css.get("availability") == "good\n"


def test_a_device_that_another_system_has_is_boxed(css):
    with_options(css, GROUP)
    css.params("cu_test", reserved=1)
    with refused(errno.ENODEV):
        css.set("online", 1)
    assert css.get("availability") == "boxed\n"
    with refused(errno.EINVAL):
        css.set("online", "force")
    assert css.get("online") == "0\n"
    css.params("cu_test", reserved=0)
    css.set("online", 1)
    assert css.get("availability") == "good\n"


def test_force_breaks_a_reservation_if_the_driver_allows_it(css):
    with_options(css, GROUP | FORCE)
    css.params("cu_test", reserved=1)
    with refused(errno.ENODEV):
        css.set("online", 1)
    css.set("online", "force\n")
    assert css.get("online") == "1\n"
    assert css.get("availability") == "good\n"
