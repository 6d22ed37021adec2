# SPDX-License-Identifier: LGPL-2.1-or-later
"""The console of the machine behind the subchannels, and the parameter that describes it."""

import errno
import os
import stat
import subprocess
import sys

import pytest

from conftest import SOURCE
from css_machine import css, refused, two  # noqa: F401


def test_console_has_what_it_needs_and_no_more(two):
    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (two.daemon.sys / "firmware/css").iterdir()}
    assert files == {
        "attention": 0o200, "devices": 0o444, "errors": 0o444, "path": 0o200, "plug": 0o200,
        "settle": 0o200, "types": 0o444, "unplug": 0o200,
    }
    assert two.console("devices").splitlines() == [
        "0.0.1000:null,sch=0.0000,chpids=10.11 disabled", "0.0.1001:null,sch=0.0001,chpids=11.12 disabled",
    ]
    assert "null" in two.console("types")
    assert two.console("errors") == ""


def test_parameter_takes_separators_and_escapes(css):
    css.load("0.0.1000:null 0.0.1001:null;; 0.0.1002:null;")
    assert list(css.devices().values()) == ["0.0.1000", "0.0.1001", "0.0.1002"]
    assert (css.daemon.sys / "module/css/parameters/devices").read_text() == (
        "0.0.1000:null 0.0.1001:null;; 0.0.1002:null;\n"
    )


@pytest.mark.parametrize(
    "devices, why",
    [
        ("0.0.1000:nul", "nul"),
        ("0.0.1000:null;0.0.1000:null", "0.0.1000"),
        ("0.0.1000:null,what=1", "what"),
        ("1000", "1000"),
        ("0.4.1000:null", "0.4.1000"),
        ("0.0.12345:null", "12345"),
        ("0.0.1000:null,chpids=100", "100"),
        ("0.0.1000:null,file=a\\;b", "file"),
        ("0.0.1000:nu\\;ll", "nu;ll"),
        ("\\", "\\"),
    ],
)
def test_mistake_is_pointed_at(css, devices, why):
    done = css.load(devices, check=False)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert why in done.stderr and "css: devices: " in done.stderr
    assert not (css.daemon.sys / "firmware").exists()
    assert not (css.daemon.sys / "bus/css").exists()
    css.load("0.0.1000:null")


@pytest.mark.parametrize(
    "file, text, error",
    [
        ("plug", "0.0.1000:null", errno.EEXIST),
        ("plug", "0.0.2000:null,sch=0.0000", errno.EEXIST),
        ("plug", "0.0.2000", errno.EINVAL),
        ("plug", "0.0.2000:null\n0.0.2001:null", errno.EINVAL),
        ("plug", "\n", errno.EINVAL),
        ("plug", "0.0.2000:null," + "x" * 4000, errno.EINVAL),
        ("unplug", "0.0.3000", errno.ENODEV),
        ("unplug", "x", errno.EINVAL),
        ("unplug", "0.0.1000 0.0.1001", errno.EINVAL),
        ("attention", "0.0.3000", errno.ENODEV),
        ("attention", "0.0.1000 100", errno.EINVAL),
        ("attention", "0.0.1000 0", errno.EINVAL),
        ("attention", "0.0.1000 -1", errno.EINVAL),
        ("attention", "0.0.1000 80 80", errno.EINVAL),
        ("path", "ff off", errno.ENODEV),
        ("path", "100 off", errno.EINVAL),
        ("path", "10", errno.EINVAL),
        ("path", "10 of", errno.EINVAL),
        ("path", "off", errno.EINVAL),
        ("path", "10 off now", errno.EINVAL),
    ],
)
def test_console_refuses_what_cannot_be_and_says_why(two, file, text, error):
    before = two.console("devices")
    with refused(error):
        two.console(file, text)
    assert two.console("devices") == before
    errors = two.console("errors").splitlines()
    assert len(errors) == 1
    said = f"{file} {text}: " if "\n" not in text else f"{file} : "
    assert errors[0].startswith(said) and len(errors[0]) > len(said)


def test_last_refusals_are_kept(two):
    for number in range(20):
        with refused(errno.ENODEV):
            two.console("unplug", f"0.0.40{number:02x}")
    errors = two.console("errors").splitlines()
    assert [line.split(":")[0] for line in errors] == [f"unplug 0.0.40{number:02x}" for number in range(12, 20)]


def test_white_space_around_a_line_is_none_of_it(two):
    two.console("plug", "  0.0.2000:null \n")
    two.console("path", " 10\t off\n")
    two.unplug("\t0.0.2000\n")
    assert list(two.devices().values()) == ["0.0.1000", "0.0.1001"]


def test_list_of_many_devices_is_whole(css):
    css.load()
    for number in range(0x100, 0x1c0):
        css.console("plug", f"0.0.{number:04x}:null")
    lines = css.console("devices").splitlines()
    assert len(lines) == 0xc0 and lines[-1].startswith("0.0.01bf:null")
    with open(css.daemon.sys / "firmware/css/devices", "rb") as file:
        file.seek(100)
        assert file.read(10) == css.console("devices").encode()[100:110]


def test_nobody_else_may_change_the_machine(two):
    for file in "plug", "unplug", "attention", "path", "settle":
        with pytest.raises(PermissionError):
            os.open(two.daemon.sys / "firmware/css" / file, os.O_RDONLY)
    with pytest.raises(PermissionError):
        os.open(two.daemon.sys / "firmware/css/devices", os.O_WRONLY)


@pytest.mark.parametrize("where", ["firmware/css", "devices/css0"])
def test_nonsense_breaks_nothing(two, where):
    # What is behind a subchannel without path goes, and with it its files.
    for name in two.names():
        two.write("drivers/io_subchannel/unbind", name)
    fuzzed = subprocess.run(
        [sys.executable, SOURCE / "fuzz/attr_fuzz.py", two.daemon.sys / where, "--seconds", "3"],
        capture_output=True,
        text=True,
    )
    assert fuzzed.returncode == 0, fuzzed.stderr
    two.path("10", "status", "on")
    two.path("10", "configure", "1")
    assert list(two.devices().values()) == ["0.0.1000", "0.0.1001"]
    two.console("plug", "0.0.2000:null")
    assert two.devices()["0.0.0002"] == "0.0.2000"
