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


def check_script(view, *prefix, name="mdev-mtty", **how):
    script = shutil.copy(HERE / "mdev-mtty.sh", view.daemon.directory)
    shown = view.run(*prefix, "busybox", "sh", script, **how)
    assert shown.stderr == ""
    transcript.check(name, shown.stdout.splitlines())


@pytest.mark.parametrize(
    "how",
    [{"net": "own"}, {"net": "host"}, {"options": ["--udev"]}],
    ids=["own-net", "host-net", "udevd"],
)
def test_the_tree_is_the_kernels(any_view, how):
    check_script(any_view, **how)


WITHOUT_CAPABILITIES = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"]
TYPE_2 = "/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-2"


def test_who_owns_the_files_needs_no_powers(any_view):
    """The kernel says the same to root with and without capabilities: it is the owner who may."""
    shown = any_view.run(*WITHOUT_CAPABILITIES, "grep", "^CapEff:", "/proc/self/status").stdout
    assert int(shown.split()[1], 16) == 0
    check_script(any_view, *WITHOUT_CAPABILITIES)


@pytest.mark.parametrize("any_view", ["view"], indirect=True, ids=["root"])
def test_to_another_user_the_tree_is_the_kernels(any_view):
    """Who owns nothing looks at two devices of root's, and tries all that root did."""
    if not any_view.is_roots():
        pytest.skip("needs root to become another user")
    other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"]
    for last in "12":
        any_view.sh(f"echo 83b8f4f2-509f-382f-3c1e-e6bfe0fa100{last} > {TYPE_2}/create")
    check_script(any_view, *other, name="mdev-mtty-other")


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
