# SPDX-License-Identifier: LGPL-2.1-or-later
"""The library itself: what it needs and what it shows, so that it gets along in any program."""

import os
import pathlib
import re
import subprocess

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("UMDEV_BUILD", SOURCE / "build"))
LIBRARY = BUILD / "src/preload/libumdev-vfio.so"


def readelf(*options):
    return subprocess.check_output(["readelf", "--wide", *options, LIBRARY], text=True)


def test_it_needs_the_c_library_alone():
    assert re.findall(r"\(NEEDED\).*\[(.*)\]", readelf("--dynamic")) == ["libc.so.6"]


def test_it_shows_what_it_stands_in_front_of_and_nothing_else():
    text = (SOURCE / "src/preload/next.h").read_text()
    listed = re.findall(r"\bX\((\w+)\)", text)
    shown = [
        line.split()[-1].split("@")[0]
        for line in readelf("--dyn-syms").splitlines()
        if re.search(r" (GLOBAL|WEAK) +DEFAULT +\d+ ", line)
    ]
    assert listed and sorted(shown) == sorted(listed)


def test_it_stays_and_looks_nothing_up_later():
    """Not in a signal handler, which may have interrupted the loader."""
    flags = readelf("--dynamic")
    assert "NODELETE" in flags and "BIND_NOW" in flags


def test_calls_may_come_before_it_has_begun():
    early = BUILD / "tests/preload/early.so"
    shown = subprocess.run(
        ["/bin/true"],
        env={"LD_PRELOAD": f"{LIBRARY}:{early}"},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    assert shown.stdout == "early: quiet true\n"
