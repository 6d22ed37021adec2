# SPDX-License-Identifier: LGPL-2.1-or-later
"""umdev(1): what it prints, what it says when something is wrong."""

import json
import os
import signal
import subprocess

import pytest

from conftest import TIMEOUT, UMDEV


def rows(text):
    return [line.split() for line in text.splitlines()]


def test_help_names_every_command():
    shown = subprocess.run([UMDEV, "--help"], capture_output=True, text=True, check=True)
    for command in (
        "list types create remove bind unbind modprobe rmmod lsmod monitor qemu-args exec shell status"
    ).split():
        assert f"\n  {command}" in shown.stdout


@pytest.mark.parametrize("command", ["list", "types", "lsmod", "status", "monitor"])
def test_without_a_daemon_it_says_what_to_do(daemon, command):
    answer = daemon.umdev(command, check=False)
    assert answer.returncode == 1
    assert answer.stderr == (
        f"umdev: no umdevd is running at {daemon.runtime} (start one with: umdevd --load mtty)\n"
    )


@pytest.mark.parametrize("command", ["list", "status"])
def test_after_a_crash_it_says_so(daemon, command):
    daemon.start()
    daemon.kill()
    answer = daemon.umdev(command, check=False)
    assert answer.returncode == 1
    assert "has died" in answer.stderr or "no umdevd is running" in answer.stderr
    daemon.start()


@pytest.mark.parametrize(
    "args, reason",
    [
        (["lsmdo"], 'no command "lsmdo" (did you mean "lsmod"?)'),
        (["frobnicate"], "see: umdev --help"),
        (["create", "mtty"], "an argument is missing (usage: umdev create PARENT TYPE [UUID])"),
        (["list", "x"], "too many arguments"),
        (["--nonsense"], "Try 'umdev --help'."),
    ],
)
def test_wrong_usage_is_said(daemon, args, reason):
    answer = daemon.umdev(*args, check=False)
    assert answer.returncode == 2
    assert reason in answer.stderr


def test_modules_come_and_go(daemon):
    daemon.start()
    daemon.umdev("modprobe", "top")
    table = rows(daemon.umdev("lsmod").stdout)
    assert table[0] == ["MODULE", "SIZE", "USED", "BY", "STATE"]
    assert ["bottom", "2", "middle,top", "live"] in [[r[0], *r[2:]] for r in table]
    refused = daemon.umdev("rmmod", "bottom", check=False)
    assert refused.returncode == 1
    assert refused.stderr == 'umdev: module "bottom" is used by: middle,top\n'
    daemon.umdev("rmmod", "top", "middle", "bottom")
    assert [m["name"] for m in daemon.umdev_json("lsmod") if m["state"] == "live"] == []


def test_modprobe_takes_parameters_and_paths(daemon):
    from conftest import TEST_MODULES

    daemon.start()
    daemon.umdev("modprobe", "./params.so", "text=with blanks", "number=4", cwd=TEST_MODULES)
    assert daemon.read("module/params/parameters/text") == "with blanks\n"
    assert daemon.read("module/params/parameters/number") == "4\n"
    again = daemon.umdev("modprobe", "params", "number=5")
    assert "loaded already" in again.stderr
    missing = daemon.umdev("modprobe", "./nothing.so", check=False)
    assert "No such file" in missing.stderr
    wrong = daemon.umdev("modprobe", "prams", check=False)
    assert 'did you mean "params"?' in wrong.stderr


def test_status_tells_where_things_are(daemon):
    daemon.start()
    shown = daemon.umdev("status").stdout
    assert str(daemon.sys) in shown
    assert daemon.umdev_json("status")["pid"] == daemon.process.pid


def test_nothing_is_listed_when_there_is_nothing(daemon):
    daemon.start()
    assert daemon.umdev_json("list") == []
    assert daemon.umdev_json("types") == []
    assert rows(daemon.umdev("list").stdout) == [["DEVICE", "PARENT", "TYPE", "DRIVER", "USER"]]


def monitor(daemon, *args):
    return subprocess.Popen(
        [UMDEV, "--runtime-dir", daemon.runtime, *args, "monitor"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def connected_monitors(daemon):
    """Its sockets, seen from outside."""
    with open("/proc/net/unix") as sockets:
        return sum(line.rstrip().endswith(str(daemon.control_path)) for line in sockets) - 1


def test_monitor_prints_events_as_they_come(daemon):
    daemon.start("--load", "plain")
    with monitor(daemon) as people, monitor(daemon, "--json") as programs:
        # Until both are heard, an event might come before them.
        text = data = None
        os.set_blocking(people.stdout.fileno(), False)
        os.set_blocking(programs.stdout.fileno(), False)
        while not (text and data):
            daemon.write("module/plain/uevent", "change")
            text = text or people.stdout.readline()
            data = data or programs.stdout.readline()
        assert text == "change  /module/plain (module) SYNTH_UUID=0\n"
        assert json.loads(data)["env"]["DEVPATH"] == "/module/plain"
        daemon.stop()
        assert people.wait(timeout=TIMEOUT) == 1
        assert people.stderr.read() == "umdev: umdevd has ended\n"
        assert programs.wait(timeout=TIMEOUT) == 1


def test_monitor_ends_when_nobody_reads_it(daemon):
    daemon.start("--load", "plain")
    with monitor(daemon) as reader:
        reader.stdout.close()
        while reader.poll() is None:
            daemon.write("module/plain/uevent", "change")
        assert reader.returncode in (1, -signal.SIGPIPE)


@pytest.mark.parametrize(
    "args, reason",
    [
        (["create", "nowhere", "x-1"], 'no parent "nowhere"'),
        (["create", "..", "x-1"], 'no parent ".."'),
        (["create", "nowhere", "x-1", "not-a-uuid"], '"not-a-uuid" is no UUID'),
        (["remove", "nothing"], 'no device "nothing" (see: umdev list)'),
        (["remove", "../x"], "names no device"),
        (["remove", "a/b/c"], "names no device"),
        (["remove", ""], "names no device"),
        (["unbind", "nothing"], 'no device "nothing"'),
        (["bind", "nothing"], 'no device "nothing"'),
        (["qemu-args", "nothing"], 'no device "nothing"'),
    ],
)
def test_what_is_not_there_is_said(daemon_for_all, args, reason):
    answer = daemon_for_all.umdev(*args, check=False)
    assert answer.returncode == 1
    assert reason in answer.stderr


@pytest.fixture(scope="module")
def daemon_for_all(private_mounts, tmp_path_factory):
    from conftest import Daemon

    running = Daemon(tmp_path_factory.mktemp("umdev")).start()
    yield running
    running.stop()


def complete(daemon, *words):
    """What bash offers for the last of @words."""
    from conftest import SOURCE

    script = f"""
        source {SOURCE}/data/completion/umdev
        COMP_WORDS=("$@")
        COMP_CWORD=$(($# - 1))
        _umdev
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    shown = subprocess.run(
        ["bash", "-u", "-c", script, "bash", "umdev", *words],
        env=dict(os.environ, UMDEV_RUNTIME_DIR=str(daemon.runtime)),
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stderr == ""
    return shown.stdout.split()


def test_completion_knows_commands_and_what_is_there(daemon):
    daemon.start("--load", "top", "--load", "needy")
    assert complete(daemon, "mo") == ["modprobe", "monitor"]
    assert complete(daemon, "--json", "ls") == ["lsmod"]
    assert complete(daemon, "rmmod", "to") == ["top"]
    assert complete(daemon, "rmmod", "top", "b") == ["bottom"]
    assert complete(daemon, "unbind", "") == ["needy0"]
    assert complete(daemon, "--runtime-dir", "/nonexistent", "rmmod", "") == []
    assert complete(daemon, "status", "") == []


def test_completion_knows_the_options_of_exec(daemon):
    assert complete(daemon, "exec", "--u") == ["--udev", "--udevd="]
    # As bash cuts it.
    assert complete(daemon, "exec", "--net", "=") == ["own", "host"]
    assert complete(daemon, "shell", "--udev", "--net", "=", "h") == ["host"]
    assert complete(daemon, "exec", "--net", "=", "own", "--he") == ["--help"]
    here = str(daemon.directory)
    assert complete(daemon, "exec", "--rules", "=", here[:-1]) == [here]
    assert complete(daemon, "exec", "--net", "=", "own", "ls", "/etc/host") == []
