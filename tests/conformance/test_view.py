# SPDX-License-Identifier: LGPL-2.1-or-later
"""
The recorded commands, as they were recorded, in the view of an instance: its /sys is the machine's,
and its events come from the machine's kernel.
"""

import json
import pathlib
import shutil

import pytest

import transcript

HERE = pathlib.Path(__file__).parent


@pytest.fixture(params=["view", "user_view"], ids=["root", "user"])
def any_view(no_groups, request):
    """Both, one after the other, of daemons that have counted no groups but their own."""
    made = request.getfixturevalue(request.param)
    no_groups.uncover()
    return made


def check_script(view, *prefix):
    script = shutil.copy(HERE / "mdev-mtty.sh", view.daemon.directory)
    shown = view.run(*prefix, "busybox", "sh", script)
    assert shown.stderr == ""
    transcript.check("mdev-mtty", shown.stdout.splitlines())


def test_the_tree_is_the_kernels(any_view):
    check_script(any_view)


def listened(view, words):
    """What is heard in the view of each of these commands."""
    lines = "".join(json.dumps(list(map(str, command))) + "\n" for command in words)
    results = view.run("python3", "-c", (HERE / "listen.py").read_text(), input=lines).stdout
    return [json.loads(line) for line in results.splitlines()]


def words_of(view, command):
    """How a recorded command is run here."""
    if command.startswith("insmod"):
        return [view.umdev, "modprobe", "mtty"]
    if command.startswith("rmmod"):
        return [view.umdev, "rmmod", "mtty"]
    return ["busybox", "sh", "-c", command]


def keys_of(event):
    """The keys of a message that has the form of the kernel's."""
    assert event["sender"] == [0, 1], "not the kernel, not to those who listen to the kernel"
    head, *words, end = event["words"]
    assert end == "", "each string has its NUL"
    keys = dict(word.split("=", 1) for word in words)
    assert len(keys) == len(words), "no key twice"
    assert head == f"{keys['ACTION']}@{keys['DEVPATH']}"
    assert list(keys)[:3] == ["ACTION", "DEVPATH", "SUBSYSTEM"]
    assert list(keys)[-1] == "SEQNUM"
    return keys


def test_the_events_are_the_kernels(any_view):
    recorded = transcript.commands("uevents-mtty")
    last = int(any_view.sh("cat /sys/kernel/uevent_seqnum"))
    heard = []
    for command, result in zip(
        recorded, listened(any_view, [words_of(any_view, c) for c in recorded]), strict=True
    ):
        assert (result["status"], result["stderr"]) == (0, ""), command
        heard.append("$ " + command)
        for event in result["events"]:
            keys = keys_of(event)
            number = int(keys.pop("SEQNUM"))
            assert number > last, "counted by the machine's kernel, each more than the one before"
            last = number
            heard.append(f"{keys.pop('ACTION')} {keys.pop('DEVPATH')}")
            heard += [f"    {key}={keys[key]}" for key in sorted(keys)]
    assert last <= int(any_view.sh("cat /sys/kernel/uevent_seqnum"))
    transcript.check_events(heard)
