# SPDX-License-Identifier: LGPL-2.1-or-later
"""Transcripts, and the differences between two of them that are meant."""
import collections
import difflib
import json
import pathlib
import re

HERE = pathlib.Path(__file__).parent

Hunk = collections.namedtuple("Hunk", "at diff")


def recorded(name):
    return (HERE / f"{name}.linux-6.1.txt").read_text(encoding="utf-8").splitlines()


def commands(name):
    return [line[2:] for line in recorded(name) if line.startswith("$ ")]


def is_heading(line):
    return line.startswith(("$ ", "# ", "## "))


def sections(lines):
    """[(heading, lines below it)]"""
    found = [("", [])]
    for line in lines:
        if is_heading(line):
            found.append((line, []))
        else:
            found[-1][1].append(line)
    return found


def hunks(kernel, umdev):
    """Where two transcripts of the same commands differ, section by section."""
    ours, theirs = sections(umdev), sections(kernel)
    assert [at for at, _ in ours] == [at for at, _ in theirs], "not the same commands were run"
    found = []
    for (at, old), (_, new) in zip(theirs, ours):
        diff = [f"{line[0]}{line[2:]}" for line in difflib.ndiff(old, new) if line[0] in "+-"]
        if diff:
            found.append(Hunk(at, tuple(diff)))
    return found


def agreed(name):
    """The entries of differences.json for one transcript."""
    entries = json.loads((HERE / "differences.json").read_text(encoding="utf-8"))
    return [entry for entry in entries if name in entry["in"].split()]


def left_out(name, kernel, umdev):
    """Both transcripts without the lines that only one of them can have, wherever they are."""
    patterns = {"kernel": [], "umdev": []}
    for entry in agreed(name):
        for side, found in entry.get("lines", {}).items():
            patterns[side] += [re.compile(pattern) for pattern in found]
    used = set()
    sides = []
    for side, lines in (("kernel", kernel), ("umdev", umdev)):
        kept = []
        for line in lines:
            hits = [pattern for pattern in patterns[side] if pattern.fullmatch(line)]
            used.update(hits)
            kept += [] if hits else [line]
        sides.append(kept)
    unused = [p.pattern for side in patterns.values() for p in side if p not in used]
    assert not unused, f"agreed, but not found: {unused}"
    return sides


def check(name, umdev):
    """Compare with what the kernel printed; raise with a readable text if it is not as agreed."""
    kernel, umdev = left_out(name, recorded(name), umdev)
    expected = [Hunk(e["at"], tuple(e["diff"])) for e in agreed(name) if "diff" in e]
    texts = []
    for hunk in hunks(kernel, umdev):
        if hunk in expected:
            expected.remove(hunk)
        else:
            texts.append("not agreed: at " + "\n  ".join([hunk.at, *hunk.diff]))
    for hunk in expected:
        texts.append("agreed, but not found: at " + "\n  ".join([hunk.at, *hunk.diff]))
    assert not texts, "\n".join(["", *texts])


def check_events(heard):
    check("uevents-mtty", heard)
    majors = {line for line in heard if "MAJOR=" in line}
    assert len(majors) == 1, "one number for all groups"
