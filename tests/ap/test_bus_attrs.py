# SPDX-License-Identifier: LGPL-2.1-or-later
"""The attributes of the AP bus: how they look, what they take, with which error they refuse."""

import errno
import os
import stat

import pytest

from ap_machine import ALL, ap, bus, mask, refused, without  # noqa: F401
from conftest import NOBODY

READ_ONLY = {
    "ap_control_domain_mask",
    "ap_usage_domain_mask",
    "ap_adapter_mask",
    "ap_interrupts",
    "ap_max_domain_id",
    "ap_max_adapter_id",
    "bindings",
    "bindings_complete_count",
    "features",
}
WRITABLE = {
    "ap_domain",
    "config_time",
    "poll_thread",
    "poll_timeout",
    "apmask",
    "aqmask",
    "scans",
}


def test_the_bus_has_the_kernels_attributes(bus):
    usual = {"devices", "drivers", "drivers_autoprobe", "drivers_probe", "uevent"}
    assert set(os.listdir(bus.root)) == READ_ONLY | WRITABLE | usual
    for names, mode in [(READ_ONLY, 0o444), (WRITABLE, 0o644)]:
        for name in names:
            assert stat.S_IMODE((bus.root / name).stat().st_mode) == mode, name
    for name in READ_ONLY:
        with refused(errno.EACCES):
            bus.write(name, "1")


def test_what_they_say_at_first(bus):
    assert {name: bus.read(name) for name in READ_ONLY | WRITABLE} == {
        "ap_adapter_mask": mask(4, 5) + "\n",
        "ap_usage_domain_mask": mask(4, 0x47) + "\n",
        "ap_control_domain_mask": mask(4, 0x47) + "\n",
        "ap_interrupts": "1\n",
        "ap_max_domain_id": "255\n",
        "ap_max_adapter_id": "255\n",
        "bindings": "0/4\n",
        "bindings_complete_count": "0\n",
        "features": "APSC APXA QACT RC8A\n",
        "ap_domain": "4\n",
        "config_time": "30\n",
        "poll_thread": "0\n",
        "poll_timeout": "250000\n",
        "apmask": ALL + "\n",
        "aqmask": ALL + "\n",
        "scans": "1\n",
    }


def test_a_machine_without_qci(ap):
    ap.load(cards="04:CEX8P", domains="4", qci=0)
    for name in ["ap_adapter_mask", "ap_usage_domain_mask", "ap_control_domain_mask"]:
        assert ap.read(name) == "not supported\n"
    assert ap.read("features") == "-\n"
    assert ap.read("ap_max_adapter_id") == "63\n"
    assert ap.read("ap_max_domain_id") == "15\n"
    assert ap.names() == ["04.0004", "card04"]


def test_a_machine_without_apxa(ap):
    ap.load(cards="04:CEX8P,3f:CEX7C", domains="4,15", apxa=0)
    assert ap.read("features") == "APSC QACT RC8A\n"
    assert ap.read("ap_max_adapter_id") == "63\n"
    assert ap.read("ap_max_domain_id") == "15\n"
    assert ap.names() == ["04.0004", "04.000f", "3f.0004", "3f.000f", "card04", "card3f"]
    with refused(errno.EINVAL):
        ap.write("ap_domain", "16")


def test_control_domains_of_their_own(ap):
    ap.load(cards="04:CEX8P", domains="4", control_domains="4,5,255")
    assert ap.read("ap_control_domain_mask") == mask(4, 5, 255) + "\n"
    assert ap.read("ap_usage_domain_mask") == mask(4) + "\n"


def test_a_machine_without_interrupts_polls(ap):
    ap.load(cards="04:CEX8P", domains="4", useirq=0)
    assert ap.read("ap_interrupts") == "0\n"
    for text, then in [("1", "1\n"), ("0", "0\n"), ("Yes", "1\n"), ("off\n", "0\n"), ("t", "1\n")]:
        ap.write("poll_thread", text)
        assert ap.read("poll_thread") == then
    for text in ["2", "", "x", "o", "\n"]:
        with refused(errno.EINVAL):
            ap.write("poll_thread", text or " ")
    assert ap.read("poll_thread") == "1\n"


def test_with_interrupts_nobody_polls(bus):
    bus.write("poll_thread", "1")
    assert bus.read("poll_thread") == "0\n"
    with refused(errno.EINVAL):
        bus.write("poll_thread", "2")


def test_the_poll_thread_of_the_parameter(ap):
    ap.load(cards="04:CEX8P", domains="4", useirq=0, poll_thread=1)
    assert ap.read("poll_thread") == "1\n"


def test_poll_timeout(bus):
    for text, then in [
        ("1000", "1000"),
        ("0x10\n", "16"),
        ("010", "8"),
        ("+7", "7"),
        ("0", "0"),
        ("120000000000", "120000000000"),
    ]:
        bus.write("poll_timeout", text)
        assert bus.read("poll_timeout") == then + "\n"
    for text in ["120000000001", "-1", "1 ", " 1", "1\n\n", "x", "\n", "0x", "1,2"]:
        with refused(errno.EINVAL):
            bus.write("poll_timeout", text)
    with refused(errno.ERANGE):
        bus.write("poll_timeout", "18446744073709551616")
    assert bus.read("poll_timeout") == "120000000000\n"


def test_config_time(bus):
    for text, then in [("5", 5), ("120\n", 120), (" 60", 60), ("7junk", 7), ("08", 8), ("9.5", 9)]:
        bus.write("config_time", text)
        assert bus.read("config_time") == f"{then}\n"
    # As the kernel's sscanf("%d") takes it: no sign '+', no other base, no check for overflow.
    bus.write("config_time", str((1 << 32) + 10))
    assert bus.read("config_time") == "10\n"
    for text in ["4", "121", "-5", "0x10", "+10", "x", "\n", "- 5", ""]:
        with refused(errno.EINVAL):
            bus.write("config_time", text or "\0")
    assert bus.read("config_time") == "10\n"


def test_ap_domain(bus):
    # It need not be one that the machine has.
    for text, then in [("0x47", 71), ("4\n", 4), ("010", 8), (" 255", 255), ("3x", 3), ("0", 0)]:
        bus.write("ap_domain", text)
        assert bus.read("ap_domain") == f"{then}\n"
    for text in ["-1", "256", "x", "\n", "+1", "0x100"]:
        with refused(errno.EINVAL):
            bus.write("ap_domain", text)
    bus.write("aqmask", "-5")
    with refused(errno.EINVAL):
        bus.write("ap_domain", "5")
    bus.write("ap_domain", "6")
    # One that has been chosen stays when its mask goes.
    bus.write("aqmask", "-6")
    bus.scan()
    assert bus.read("ap_domain") == "6\n"


@pytest.mark.parametrize(
    "params, domain",
    [
        ({"domain": 9}, 9),
        ({"domain": 256}, 4),
        ({"domain": -2}, 4),
        ({"domain": 9, "aqmask": "0x08"}, 4),
        ({"aqmask": f"0x{1 << 255 - 0x47:064x}"}, 0x47),
        ({"aqmask": "0x0"}, -1),
        ({"apmask": "0x0"}, -1),
        ({"cards": "04:CEX8P:off"}, -1),
        ({"cards": "04:CEX8P:off,05:CEX8A:checkstop,ff:CEX7C"}, 4),
    ],
)
def test_the_default_domain(ap, params, domain):
    ap.load(**{"cards": "04:CEX8P,05:CEX8A", "domains": "4,0x47", **params})
    assert ap.read("ap_domain") == f"{domain}\n"
    if "domain" in params:
        valid = domain == params["domain"]
        line = f"ap: {params['domain']} is not a valid cryptographic domain"
        assert (line in ap.daemon.log()) != valid


def test_a_scan_chooses_a_domain_where_there_was_none(ap):
    ap.load(cards="04:CEX8P:off", domains="4", announce=0)
    assert ap.read("ap_domain") == "-1\n"
    ap.machine("config", "04 on")
    ap.scan()
    assert ap.read("ap_domain") == "4\n"


@pytest.mark.parametrize("text", ["0xg", "1-2", "+256", "+", "-4,5", "0x" + "f" * 65])
@pytest.mark.parametrize("name", ["apmask", "aqmask"])
def test_a_mask_that_is_none_is_told_at_load(ap, name, text):
    failed = ap.daemon.umdev("modprobe", "ap", f"{name}={text}", check=False)
    assert failed.returncode == 1
    assert f"{name}={text} is no mask" in failed.stderr
    assert not ap.root.exists()
    ap.load(cards="04:CEX8P", domains="4")
    assert ap.names() == ["04.0004", "card04"]


def test_masks_of_parameters_begin_with_nothing(ap):
    ap.load(cards="04:CEX8P", domains="4", apmask="+4-5,-5", aqmask="0x08")
    assert ap.read("apmask") == mask(4) + "\n"
    assert ap.read("aqmask") == mask(4) + "\n"


def test_an_ordinary_users_daemon(idle_user_view):
    view = idle_user_view.start()
    view.daemon.umdev("modprobe", "ap", "cards=04:CEX8P", "domains=4", user=NOBODY, group=NOBODY)
    script = "cd /sys/bus/ap; echo -5 >apmask; echo 1 >scans; cat apmask scans; ls devices"
    lines = view.sh(script).split()
    assert lines[0] == without(5)
    assert int(lines[1]) >= 2
    assert lines[2:] == ["04.0004", "card04"]
