# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an ordinary user may do with the machine's own files in a view: what he may outside."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from conftest import NOBODY

PATIENCE = 120
OPEN_ALL = (pathlib.Path(__file__).parent / "open_all.py").read_text()
# What every machine has, and no network devices, which are others in a view.
TOPS = ["bus", "class/mem", "class/tty", "devices/system", "devices/virtual/mem", "kernel", "module"]
COMMAND = [sys.executable, "-c", OPEN_ALL, *(f"/sys/{top}" for top in TOPS)]
AS_NOBODY = {"user": NOBODY, "group": NOBODY, "extra_groups": []}


def outside():
    return json.loads(subprocess.check_output(COMMAND, **AS_NOBODY))


def that_stay(before, after):
    """The machine goes on meanwhile."""
    return {path: found for path, found in before.items() if after.get(path) == found}


def check(inside, before, after, expected=lambda path, found: found):
    same = that_stay(before, after)
    assert len(same) > 1000 and len(same) > 0.9 * len(before)
    wrong = [
        f"{path}: {inside.get(path)}, not {expected(path, found)}"
        for path, found in same.items()
        if inside.get(path) != expected(path, found)
    ]
    assert not wrong, "\n".join(wrong[:20])


def may_ask_for_events(path, found):
    """Events that are asked for stay in the view: there they are for its user to ask for."""
    if not path.endswith("/uevent"):
        return found
    readable = found[4]["r"] == "OK"
    return [*found[:4], {"r": found[4]["r"], "w": "OK", "rw": "OK" if readable else "EACCES"}]


@pytest.mark.parametrize("net", ["own", "host"])
def test_in_his_own_view_he_may_what_he_may_outside_and_ask_for_events(user_view, net):
    user_view.sh("true", net=net)
    before = outside()
    inside = json.loads(user_view.run(*COMMAND, net=net, timeout=PATIENCE).stdout)
    check(inside, before, outside(), may_ask_for_events)


def test_in_roots_view_he_may_what_he_may_outside(view):
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    other = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    before = outside()
    inside = json.loads(view.run(*other, *COMMAND, timeout=PATIENCE).stdout)
    check(inside, before, outside())
