# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random steps on the AP bus and vfio_ap, compared after each with an independent model.

UMDEV_AP_STEPS: how many in all; UMDEV_AP_SEED: the first seed. A run is 2,500 steps of one seed in one
process. What fails is cut down to the steps that it takes, and printed so that it can be run again:
UMDEV_AP_REPLAY names a file with them.
"""

import json
import os
import pathlib
import subprocess
import time

import pytest

from steps import Steps
from world import Universe, World, name_of

EXECUTOR = os.environ.get("UMDEV_AP_EXECUTOR")
MODULES = os.environ.get("UMDEV_AP_MODULES")
STEPS = int(os.environ.get("UMDEV_AP_STEPS", "20000"))
SEED = int(os.environ.get("UMDEV_AP_SEED", "1"))
REPLAY = os.environ.get("UMDEV_AP_REPLAY")
RUN = 2500
HANGS = 300  # seconds for a run
CUTTING = int(os.environ.get("UMDEV_AP_CUTTING", "60"))  # seconds for making a failure shorter


class Failure:
    """@at: the index of the step that was answered wrongly."""

    def __init__(self, at, text):
        self.at = at
        self.text = text


def fields(universe):
    names = ["error", "apmask", "aqmask", "bindings", "completions",
             "machine (response code, empty or full)"]
    names += [f"card{card:02x} (driver config,chkstop)" for card in universe.cards]
    names += [f"{name_of(q)} (driver status config,chkstop override)" for q in universe.apqns]
    for uuid in universe.matrices:
        names += [f"{uuid} (matrix;control_domains;guest_matrix;ap_config)",
                  f"{uuid}'s guest (CFG_CHG, response codes of its queues)"]
    return names


def differences(universe, expected, seen):
    lines = []
    for name, e, s in zip(fields(universe), expected.split("|"), seen.split("|")):
        if e != s:
            at = max(0, len(os.path.commonprefix([e, s])) - 100)
            lines += [name, f"  expected: {e[at:at + 300]}", f"  is:       {s[at:at + 300]}"]
    return "\n".join(lines)


class Predicted:
    """What the executor is told, and what it is to say."""

    def __init__(self, universe):
        self.world = World(universe)
        self.steps, self.told, self.expected = [], [], []

    def do(self, step):
        line, error = self.world.do(step)
        self.steps.append(step)
        self.told.append(line)
        self.expected.append(f"{error}|{self.world.show()}")
        broken = self.world.broken_property()
        assert not broken, f"of the model itself: {broken}"


def predict(universe, steps):
    predicted = Predicted(universe)
    for step in steps:
        predicted.do(step)
    return predicted


def predict_random(universe, seed, count):
    predicted = Predicted(universe)
    steps = Steps(predicted.world, seed)
    for _ in range(count):
        predicted.do(steps.next())
    return predicted


def execute(universe, told):
    command = [EXECUTOR, MODULES, universe.parameters(),
               ",".join(f"{card:02x}" for card in universe.cards),
               ",".join(map(name_of, universe.apqns)), ",".join(universe.matrices)]
    text = "".join(line + "\n" for line in told)
    try:
        ran = subprocess.run(command, input=text, capture_output=True, text=True, timeout=HANGS)
    except subprocess.TimeoutExpired as expired:
        return (expired.stdout or b"").decode().splitlines(), "it hangs"
    return ran.stdout.splitlines(), ran.stderr if ran.returncode or ran.stderr else None


def check(predicted):
    """Return: None or a Failure."""
    seen, complaint = execute(predicted.world.universe, predicted.told)
    for at, (e, s) in enumerate(zip(predicted.expected, seen)):
        if e != s:
            text = differences(predicted.world.universe, e, s)
            return Failure(at, f"{predicted.told[at]}\n{text}")
    if complaint or len(seen) != len(predicted.expected):
        at = min(len(seen), len(predicted.told) - 1)
        return Failure(at, f"{predicted.told[at]}\nexecutor: {complaint}")
    return None


def cut_down(universe, steps, failure):
    """Leave out what it does not take, larger pieces first."""
    steps = steps[: failure.at + 1]
    end = time.monotonic() + CUTTING
    size = len(steps) // 2
    while size:
        at = 0
        while at < len(steps) and time.monotonic() < end:
            fewer = steps[:at] + steps[at + size:]
            still = check(predict(universe, fewer))
            if still:
                failure, steps = still, fewer[: still.at + 1]
            else:
                at += size
        size //= 2
    return steps, failure


def report(universe, steps, failure, tmp_path, what):
    steps, failure = cut_down(universe, steps, failure)
    path = pathlib.Path(tmp_path) / "sequence.json"
    text = json.dumps({"apxa": universe.apxa, "steps": steps})
    path.write_text(text)
    told = "\n".join(predict(universe, steps).told)
    pytest.fail(f"{what}: {len(steps)} steps, in {path}:\n{text}\n\n{told}\n\n{failure.text}",
                pytrace=False)


# What has to have come of steps at least: a test in which something never happens would show nothing.
OUTCOMES = {
    *(("assign", error) for error in (0, "EINVAL", "ERANGE", "ENODEV", "EADDRNOTAVAIL", "EADDRINUSE")),
    *(("set_config", error) for error in (0, "EINVAL", "EADDRNOTAVAIL", "EADDRINUSE")),
    *(("mask", error) for error in (0, "EINVAL", "EBUSY")),
    *(("bind", error) for error in (0, "ENODEV", "EBUSY")),
    *(("ask", f"response {code}") for code in ("0", "1", "3", "4", "10")),
    ("override", 0), ("override", "EINVAL"), ("unbind", 0), ("unload", 0), ("unload", "EBUSY"),
    ("reset", 0), ("reset", "EIO"), ("create", "EEXIST"), ("remove", 0), ("unbind_matrix", 0),
    ("bind_matrix", 0),
}


def test_everything_is_as_the_model_says(tmp_path):
    outcomes = set()
    for seed in range(SEED, SEED + max(1, STEPS // RUN)):
        print(f"seed {seed}")
        universe = Universe(apxa=seed % 4 != 0)
        predicted = predict_random(universe, seed, min(RUN, STEPS))
        failure = check(predicted)
        if failure:
            report(universe, predicted.steps, failure, tmp_path, f"seed {seed}")
        outcomes |= {(step[0], line.split("|")[0])
                     for step, line in zip(predicted.steps, predicted.expected)}
    missing = {(name, str(outcome)) for name, outcome in OUTCOMES} - outcomes
    assert not missing or STEPS < 20000


if REPLAY:
    def test_replay():
        sequence = json.loads(pathlib.Path(REPLAY).read_text())
        universe = Universe(sequence["apxa"])
        failure = check(predict(universe, [tuple(step) for step in sequence["steps"]]))
        if failure:
            pytest.fail(f"step {failure.at}: {failure.text}", pytrace=False)
