# SPDX-License-Identifier: LGPL-2.1-or-later
"""The fuzzer of attribute writes: it runs clean on a sound tree, and it sees a broken one."""

import os
import subprocess
import sys

FUZZ = os.path.join(os.path.dirname(__file__), "..", "..", "fuzz", "attr_fuzz.py")


def fuzz(path, *args):
    command = [sys.executable, FUZZ, path, *args]
    return subprocess.run(command, capture_output=True, text=True)


def test_nonsense_leaves_the_tree_and_the_server_as_they_were(server, plain):
    result = fuzz(plain, "--rounds", "100", "--exclude", "*/suicide")
    assert result.returncode == 0, result.stderr
    server.command("notify")


def test_a_file_that_disappears_is_noticed(server):
    server.command("victim victim")
    result = fuzz(server.path + "/top", "--exclude", "*/plain/*")
    assert result.returncode == 1
    assert "the tree is not what it was" in result.stderr or "cannot be opened" in result.stderr
