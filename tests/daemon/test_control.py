# SPDX-License-Identifier: LGPL-2.1-or-later
"""The control socket: answers, hostile requests, slow readers."""

import json
import os
import socket
import threading
import time

import pytest

NOBODY = 65534
REQUEST_MAX = 65536


def test_loads_lists_and_unloads_modules(daemon):
    daemon.start()
    assert daemon.ask(command="modprobe", name="top") == {"ok": True, "already": False}
    assert daemon.ask(command="modprobe", name="top") == {"ok": True, "already": True}
    modules = {m["name"]: m for m in daemon.ask(command="lsmod")["modules"]}
    assert modules["bottom"]["holders"] == "middle,top"
    assert modules["bottom"]["refcount"] == 2
    assert modules["top"]["state"] == "live"
    refused = daemon.ask(command="rmmod", name="bottom")
    assert refused == {
        "ok": False,
        "errno": "EBUSY",
        "error": 'module "bottom" is used by: middle,top',
    }
    for name in ["top", "middle", "bottom"]:
        assert daemon.ask(command="rmmod", name=name) == {"ok": True}
    assert daemon.ask(command="rmmod", name="top")["errno"] == "ENOENT"


def test_parameters_may_have_blanks(daemon):
    daemon.start()
    assert daemon.ask(command="modprobe", name="params", params=["text=two words", "flag"])["ok"]
    assert daemon.read("module/params/parameters/text") == "two words\n"
    assert daemon.read("module/params/parameters/flag") == "Y\n"


def test_tells_where_it_is(daemon):
    daemon.start("--load", "plain")
    status = daemon.ask(command="status")
    assert status["pid"] == daemon.process.pid
    assert status["runtime_dir"] == str(daemon.runtime)
    assert status["sysfs"] == str(daemon.sys)
    assert status["modules"] == 1


def test_events_come_in_the_kernels_order(daemon):
    daemon.start()
    with daemon.control() as monitor:
        assert monitor.ask(command="monitor") == {"ok": True}
        daemon.ask(command="modprobe", name="middle")
        daemon.ask(command="rmmod", name="middle")
        events = [monitor.receive() for _ in range(3)]
    assert [(e["env"]["ACTION"], e["env"]["DEVPATH"]) for e in events] == [
        ("add", "/module/bottom"),
        ("add", "/module/middle"),
        ("remove", "/module/middle"),
    ]
    assert events[0]["env"]["SUBSYSTEM"] == "module"
    assert events[1]["seqnum"] == events[0]["seqnum"] + 1


def test_a_slow_reader_holds_up_nobody_and_learns_what_it_lost(daemon):
    daemon.start("--load", "plain")
    with daemon.control() as slow, daemon.control() as quick:
        assert slow.ask(command="monitor") == {"ok": True}
        wanted = 4000
        fd = os.open(daemon.sys / "module/plain/uevent", os.O_WRONLY)
        try:
            for _ in range(wanted):
                os.write(fd, b"change")
        finally:
            os.close(fd)
        assert quick.ask(command="status")["ok"]
        got = lost = 0
        while got + lost < wanted:
            message = slow.receive()
            if "lost" in message:
                lost += message["lost"]
            else:
                got += 1
        assert got + lost == wanted
        assert lost > 0
        # What comes after is told again.
        daemon.write("module/plain/uevent", "offline")
        assert slow.receive()["env"]["ACTION"] == "offline"


@pytest.mark.parametrize(
    "message",
    [
        b"x",
        b"{",
        b"{}",
        b"[]",
        b"null",
        b"1",
        b'"status"',
        b"\0",
        b'{"command": "status"} x',
        b'{"command": "status"}{"command": "status"}',
        b'{"command": 1}',
        b'{"command": null}',
        b'{"command": "status\\u0000"}',
        b'{"command": "nonsense"}',
        b'{"command": "modprobe"}',
        b'{"command": "modprobe", "name": 3}',
        b'{"command": "modprobe", "name": ""}',
        b'{"command": "modprobe", "name": "plain", "params": "x=1"}',
        b'{"command": "modprobe", "name": "plain", "params": [1]}',
        b'{"command": "modprobe", "name": "plain", "params": ["=1"]}',
        b'{"command": "modprobe", "name": "params", "params": ["text=\\"a b\\""]}',
        b'{"command": "rmmod"}',
        b'{"command": "rmmod", "name": ["plain"]}',
        b'{"command": "' + b"A" * 2000 + b'"}',
        b"[" * 1000,
        b'{"a":' * 100 + b"1" + b"}" * 100,
        b'{"command": "\xff\xfe"}',
        b'{"command": "modprobe", "name": "' + b"../" * 1000 + b'"}',
        b" " * REQUEST_MAX,
        b"x" * (REQUEST_MAX + 1),
        b"x" * (2 * REQUEST_MAX),
    ],
)
def test_bad_requests_are_refused_and_the_next_one_is_heard(daemon_for_all, message):
    with daemon_for_all.control() as control:
        control.socket.send(message)
        answer = control.receive()
        assert answer["ok"] is False
        assert answer["errno"]
        assert answer["error"]
        assert control.ask(command="status")["modules"] == 0


@pytest.fixture(scope="module")
def daemon_for_all(private_mounts, tmp_path_factory):
    from conftest import Daemon

    path = tmp_path_factory.mktemp("control")
    running = Daemon(path).start()
    yield running
    running.stop()


def test_unknown_commands_get_a_suggestion(daemon_for_all):
    answer = daemon_for_all.ask(command="lsmdo")
    assert answer["error"] == 'no command "lsmdo" (did you mean "lsmod"?)'


def ask_when_there_is_room(daemon):
    """Connections that were closed are noticed one after the other."""
    deadline = time.monotonic() + 30
    while True:
        answer = daemon.ask(command="status")
        if answer["ok"]:
            return
        assert answer["errno"] == "EBUSY"
        assert time.monotonic() < deadline


def test_connections_that_say_nothing_do_not_lock_others_out_for_ever(daemon_for_all):
    silent = [daemon_for_all.control() for _ in range(64)]
    for _ in range(20):
        assert daemon_for_all.ask(command="status")["errno"] == "EBUSY"
    refused = daemon_for_all.umdev("status", check=False)
    assert refused.stderr == "umdev: too many connections\n"
    for control in silent:
        control.close()
    ask_when_there_is_room(daemon_for_all)


def test_a_command_that_takes_long_holds_up_nobody(daemon):
    fifo = daemon.directory / "fifo"
    os.mkfifo(fifo)
    daemon.start()
    answers = []
    loading = threading.Thread(
        target=lambda: answers.append(
            daemon.ask(command="modprobe", name="gate", params=[f"init_fifo={fifo}"])
        )
    )
    loading.start()
    fd = os.open(fifo, os.O_WRONLY)  # opens when init() is there
    states = {m["name"]: m["state"] for m in daemon.ask(command="lsmod")["modules"]}
    assert states.get("gate") in ("coming", "live")
    os.close(fd)
    loading.join()
    assert answers == [{"ok": True, "already": False}]


def test_a_client_that_goes_away_in_the_middle_is_forgotten(daemon):
    daemon.start()
    for _ in range(200):
        with daemon.control() as control:
            control.send(command="monitor")
        with daemon.control() as control:
            control.send(command="lsmod")
    ask_when_there_is_room(daemon)


def test_stopping_ends_monitors(daemon):
    daemon.start()
    with daemon.control() as monitor:
        assert monitor.ask(command="monitor") == {"ok": True}
        daemon.stop()
        assert monitor.receive() is None


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_other_users_are_not_heard(daemon):
    daemon.start()
    assert daemon.control_path.stat().st_mode & 0o777 == 0o600
    daemon.control_path.chmod(0o666)
    receive, send = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            client.settimeout(30)
            client.connect(str(daemon.control_path))
            os.write(send, client.recv(4096) + b"\n" + client.recv(4096))
        finally:
            os._exit(0)
    os.close(send)
    os.waitpid(pid, 0)
    with os.fdopen(receive, "rb") as pipe:
        answer, rest = pipe.read().split(b"\n")
    assert json.loads(answer)["errno"] == "EACCES"
    assert rest == b""
