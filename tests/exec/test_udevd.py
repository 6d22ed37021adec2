# SPDX-License-Identifier: LGPL-2.1-or-later
"""umdev exec --udev: one udevd per view, which knows umdev's devices and which the host never meets."""

import contextlib
import json
import os
import pathlib
import select
import signal
import socket
import subprocess

import pytest
from conftest import TIMEOUT
from notify import Notifications
from release import need

UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"
OTHER = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1002"
TYPE = "/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1"
NETLINK_KOBJECT_UEVENT = 15

if not os.path.exists("/usr/bin/udevadm"):
    pytest.skip("there is no udevd on this machine", allow_module_level=True)


def create(uuid=UUID):
    return f"echo {uuid} > {TYPE}/create"


def run(view, *command, options=(), **kwargs):
    """Run a command with a udevd; nothing is said about that."""
    result = view.run(*command, options=["--udev", *options], **kwargs)
    assert result.stderr == "" or kwargs
    return result.stdout


def refused(view, *options):
    """Why umdev says no. The command has not begun."""
    result = view.run("echo", "begun", options=options, check=False)
    assert (result.returncode, result.stdout) == (125, "")
    return result.stderr


def udevd_pid(view):
    """As the daemon knows it, None if there is none."""
    return view.daemon.ask(command="status").get("udevd")


def parent_of(pid):
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])


def wait_for_end(pidfd):
    ready, _, _ = select.select([pidfd], [], [], TIMEOUT)
    os.close(pidfd)
    return bool(ready)


def properties(view, path):
    text = view.run("udevadm", "info", "--query=property", path).stdout
    return dict(line.split("=", 1) for line in text.splitlines())


@pytest.fixture
def rules(daemon):
    """Write a file of rules that the view's user can read; returns its name."""

    def write(text, name="50-test.rules"):
        directory = daemon.directory / "rules"
        directory.mkdir(exist_ok=True)
        path = directory / name
        path.write_text(text + "\n")
        path.chmod(0o644)
        return path

    return write


# ---- what the command finds ----


def test_modules_that_rules_load_are_umdevs(any_view, rules):
    """Those of a rule of the test's, by name, and of the machine's rule for all devices, by alias."""
    need("modprobe", "kmod")
    name = rules('ACTION=="add", SUBSYSTEM=="mtty", RUN{builtin}+="kmod load params"')
    run(any_view, "modprobe", "needy", options=[f"--rules={name}"])
    any_view.run("udevadm", "settle")
    loaded = {module["name"] for module in any_view.daemon.ask(command="lsmod")["modules"]}
    assert {"params", "needy", "claims_a"} <= loaded
    assert "Failed to insert" not in any_view.daemon.log()


def test_the_udevd_is_ready_when_the_command_begins(any_view):
    run(any_view, "udevadm", "control", "--ping", "--timeout=1")
    assert udevd_pid(any_view)


def test_devices_that_were_there_are_known(any_view, rules):
    any_view.sh(create())
    name = rules('SUBSYSTEM=="mdev", ACTION=="add", ENV{TYPE_NAME}="$attr{mdev_type/name}"')
    run(any_view, "true", options=[f"--rules={name}"])
    expected = any_view.sh(f"cat {TYPE}/name").strip()
    found = properties(any_view, f"/sys/bus/mdev/devices/{UUID}")
    assert (found["TYPE_NAME"], expected) == (expected, "Single port serial")


def test_all_of_umdevs_is_coldplugged_and_nothing_of_the_machines(view, rules):
    view.sh(create())
    seen = view.daemon.directory / "seen"
    name = rules(f'ACTION=="add", RUN+="/bin/sh -c \'echo $env{{DEVPATH}} >> {seen}\'"')
    run(view, "true", options=[f"--rules={name}"])
    top = view.daemon.sys
    expected = {f"/module/{path.name}" for path in top.glob("module/*")}
    expected |= {f"/bus/{path.name}" for path in top.glob("bus/*")}
    expected |= {"/" + str(path.relative_to(top)) for path in top.glob("bus/*/drivers/*")}
    expected |= {
        "/" + str(pathlib.Path(path).relative_to(top))
        for path, directories, _ in os.walk(top / "devices")
        if os.path.islink(f"{path}/subsystem")
    }
    assert sorted(seen.read_text().split()) == sorted(expected)


def test_what_happens_later_is_handled_too(any_view, rules):
    name = rules('SUBSYSTEM=="mdev", ENV{TEST_RULE}="$env{ACTION}"')
    script = f"{create()}; udevadm settle; udevadm info -q property /sys/bus/mdev/devices/{UUID}"
    shown = run(any_view, "sh", "-c", script, options=[f"--rules={name}"])
    assert "TEST_RULE=bind\n" in shown


def test_a_running_udevd_takes_new_rules_at_once(any_view, rules):
    run(any_view, "true", options=[f"--rules={rules('ENV{TEST_ONE}=' + chr(34) + '1' + chr(34))}"])
    first = udevd_pid(any_view)
    directory = rules('SUBSYSTEM=="mdev", ENV{TEST_TWO}="2"', "51-two.rules").parent
    run(any_view, "sh", "-c", f"{create()}; udevadm settle", options=[f"--rules={directory}"])
    found = properties(any_view, f"/sys/bus/mdev/devices/{UUID}")
    assert (found["TEST_ONE"], found["TEST_TWO"]) == ("1", "2")
    assert udevd_pid(any_view) == first


def test_a_caller_that_ignores_its_children_is_served_too(any_view, rules):
    def ignore():
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)

    options = [f"--rules={rules('# a rule that comes later')}"]
    run(any_view, "true")
    ignored = ["sed", "-n", "s/^SigIgn:.//p", "/proc/self/status"]
    shown = run(any_view, *ignored, options=options, preexec_fn=ignore)
    assert int(shown, 16) & 1 << signal.SIGCHLD - 1


def test_commands_with_rules_of_their_own_do_not_disturb_one_another(any_view, rules):
    names = [rules(f'SUBSYSTEM=="mdev", ENV{{TEST_{i}}}="1"', f"5{i}.rules") for i in range(8)]
    commands = [any_view.popen("true", options=["--udev", f"--rules={name}"]) for name in names]
    assert [command.wait(TIMEOUT) for command in commands] == [0] * 8
    run(any_view, "sh", "-c", f"{create()}; udevadm settle")
    found = properties(any_view, f"/sys/bus/mdev/devices/{UUID}")
    assert {f"TEST_{i}" for i in range(8)} <= set(found)


def test_rules_are_named_from_the_callers_directory(view, rules):
    path = rules('SUBSYSTEM=="mdev", ENV{TEST_RULE}="here"')
    shown = run(view, "cat", f"/run/udev/rules.d/{path.name}", options=[f"--rules={path.name}"],
                cwd=path.parent)
    assert shown == path.read_text()


def test_rules_cannot_load_modules_into_the_machines_kernel(any_view):
    run(any_view, "true")
    status = pathlib.Path(f"/proc/{udevd_pid(any_view)}/status").read_text()
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        value = int(status.split(f"{name}:")[1].split()[0], 16)
        assert not value & (1 << 16), name


# ---- one udevd, and who lives how long ----


def test_commands_share_it(any_view):
    commands = [any_view.popen("true", options=["--udev"]) for _ in range(8)]
    assert [command.wait(TIMEOUT) for command in commands] == [0] * 8
    assert any_view.daemon.log().count("a udevd runs in the view") == 1


def test_the_command_has_no_child_of_ours(view):
    script = "read children < /proc/$$/task/$$/children; echo $children"
    assert run(view, "sh", "-c", script) == "\n"


def test_it_has_nothing_of_the_callers_open(any_view):
    """Else whoever waits for the end of the command's output would wait for the udevd's."""
    read, write = os.pipe()
    run(any_view, "true", pass_fds=[write])
    os.close(write)
    with open(read) as pipe:
        assert pipe.read() == ""


def test_an_interrupt_from_the_terminal_is_not_for_it(any_view):
    command = any_view.popen("sh", "-c", "echo begun; exec sleep 1000", options=["--udev"],
                             stdout=subprocess.PIPE, start_new_session=True)
    assert command.stdout.readline() == "begun\n"
    os.killpg(command.pid, signal.SIGINT)
    assert command.wait(TIMEOUT) == -signal.SIGINT
    command.stdout.close()
    pid = udevd_pid(any_view)
    assert os.getsid(pid) not in (command.pid, os.getsid(0))
    run(any_view, "udevadm", "control", "--ping")
    assert udevd_pid(any_view) == pid


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGKILL])
def test_it_ends_with_the_daemon(any_view, sig):
    run(any_view, "true")
    udevd = os.pidfd_open(udevd_pid(any_view))
    keeper = os.pidfd_open(parent_of(udevd_pid(any_view)))
    any_view.daemon.process.send_signal(sig)
    any_view.daemon.wait()
    assert wait_for_end(udevd)
    assert wait_for_end(keeper)


def test_what_a_rule_has_left_running_ends_with_it(view, rules):
    left = view.daemon.directory / "left"
    name = rules('SUBSYSTEM=="mdev", ACTION=="add", RUN+="/bin/sh -c \'setsid sleep 1000 '
                 f'>/dev/null 2>&1 & echo $! > {left}\'"')
    run(view, "sh", "-c", f"{create()}; udevadm settle", options=[f"--rules={name}"])
    pidfd = os.pidfd_open(int(left.read_text()))
    view.daemon.stop()
    assert wait_for_end(pidfd)


@pytest.mark.parametrize("whom", ["udevd", "keeper"])
def test_when_it_dies_the_next_command_starts_another(any_view, whom):
    run(any_view, "true")
    first = udevd_pid(any_view)
    udevd, keeper = os.pidfd_open(first), os.pidfd_open(parent_of(first))
    signal.pidfd_send_signal(udevd if whom == "udevd" else keeper, signal.SIGKILL)
    assert wait_for_end(keeper)
    assert wait_for_end(udevd)
    run(any_view, "udevadm", "control", "--ping")
    assert udevd_pid(any_view) not in (None, first)


@pytest.fixture
def by_hand(any_view):
    """A udevd in the view, started like any other command."""
    notify = Notifications(any_view.daemon.directory / "udevd-notify")
    process = any_view.popen("/lib/systemd/systemd-udevd", env=notify.environment(),
                             stderr=subprocess.DEVNULL)
    assert notify.wait_for("READY=1", process.pid, TIMEOUT)
    yield process
    process.terminate()
    process.wait(TIMEOUT)
    notify.close()


def test_one_that_was_started_by_hand_is_taken(any_view, by_hand, rules):
    name = rules('SUBSYSTEM=="mdev", ENV{TEST_RULE}="1"')
    run(any_view, "sh", "-c", f"{create()}; udevadm settle", options=[f"--rules={name}"])
    assert properties(any_view, f"/sys/bus/mdev/devices/{UUID}")["TEST_RULE"] == "1"
    assert udevd_pid(any_view) is None
    assert by_hand.poll() is None


def test_its_log_is_in_the_daemons(view, rules):
    name = rules("this is no rule")
    run(view, "true", options=[f"--rules={name}"])
    assert any("udevd: " in line and "50-test.rules:1" in line
               for line in view.daemon.log().splitlines())


def test_a_view_goes_on_without_it(any_view):
    assert any_view.run("test", "-e", "/run/udev/control", check=False).returncode == 1
    run(any_view, "true")
    assert any_view.run("test", "-e", "/run/udev/control").stderr == ""


# ---- udevds that are none ----


@pytest.fixture
def fake(daemon):
    """A program in the place of udevd."""

    def write(script, mode=0o755):
        path = daemon.directory / "udevd"
        path.write_text(f"#!/usr/bin/python3\n{script}\n")
        path.chmod(mode)
        return f"--udevd={path}"

    return write


SAY_READY = """
import os, signal, socket, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
alive = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
alive.connect("%s")
ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
ready.sendto(b"STATUS=up\\nREADY=1", os.environ["NOTIFY_SOCKET"])
while True:
    signal.pause()
"""


@pytest.mark.parametrize(
    "script, reason",
    [
        ("import sys; sys.exit(7)", "has ended with status 7"),
        ("import os; os.abort()", "was ended by SIGABRT"),
        ("print('\\x1b[31m' + 'x' * 3000 + '\\xff'); raise SystemExit(1)", "ended with status 1"),
    ],
)
def test_one_that_does_not_come_up_is_told(any_view, fake, script, reason):
    text = refused(any_view, "--udev", fake(script))
    assert reason in text and text.count("\n") == 1
    assert "\x1b" not in any_view.daemon.log()
    run(any_view, "udevadm", "control", "--ping")


def test_one_that_cannot_be_run_is_told(any_view, fake):
    assert "Permission denied" in refused(any_view, "--udev", fake("", 0o644))
    assert "No such file or directory" in refused(any_view, "--udev", "--udevd=/no/such")


def test_one_that_does_not_answer_is_ended_by_force(view, fake):
    """It says that it is ready, answers nobody, and ignores SIGTERM."""
    record = view.daemon.directory / "pidfd"
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(str(record))
    server.listen()
    command = view.popen("true", options=["--udev", fake(SAY_READY % record)],
                         stderr=subprocess.PIPE)
    server.settimeout(TIMEOUT)
    connection, _ = server.accept()
    server.close()
    with connection:
        assert "does not answer udevadm" in command.communicate(timeout=TIMEOUT)[1]
        assert command.returncode == 125
        connection.settimeout(TIMEOUT)
        assert connection.recv(1) == b""  # closed by its end
    run(view, "udevadm", "control", "--ping")


def test_nonsense_from_a_keeper_is_refused(view):
    with view.daemon.control() as control:
        assert control.ask(command="udevd") == {"ok": True, "start": True}
        assert control.ask(nonsense=1)["errno"] == "EINVAL"
        assert control.receive() is None
    assert udevd_pid(view) is None
    run(view, "udevadm", "control", "--ping")


# ---- wrong usage ----


def test_rules_that_are_none_are_refused(any_view, rules):
    no_rules = rules("", "no-rules")
    empty = no_rules.parent / "empty"
    empty.mkdir()
    os.mkfifo(no_rules.parent / "fifo.rules")
    for path, reason in (
        (no_rules, "udevd reads only files whose names end in .rules"),
        (empty, "there is no file *.rules in this directory"),
        (no_rules.parent / "none.rules", "No such file or directory"),
        (no_rules.parent / "fifo.rules", "this is no regular file"),
    ):
        assert refused(any_view, "--udev", f"--rules={path}") == (
            f"umdev: --rules: {path}: {reason}\n"
        )


def test_rules_that_cannot_be_read_are_refused(user_view, rules):
    path = rules("")
    path.chmod(0)
    assert "Permission denied" in refused(user_view, "--udev", f"--rules={path}")


def test_options_that_need_others(view, rules):
    assert "--udev is missing" in refused(view, f"--rules={rules('')}")
    assert "--udev is missing" in refused(view, "--udevd=/bin/true")
    assert "network of its own" in refused(view, "--net=host", "--udev")


# ---- mdevctl's autostart ----


@pytest.fixture
def mdevctl_view(any_view):
    """A view with definitions of its own."""
    if not os.path.exists("/usr/bin/mdevctl"):
        pytest.skip("there is no mdevctl on this machine")
    any_view.sh("mount -t tmpfs none /etc/mdevctl.d && "
                "mkdir -p /etc/mdevctl.d/scripts.d/callouts /etc/mdevctl.d/scripts.d/notifiers")
    return any_view


def define(view, uuid, *args):
    view.run("mdevctl", "define", *args, "--uuid", uuid, "--parent=mtty", "--type=mtty-1")


def active(view):
    listed = json.loads(view.run("mdevctl", "list", "--dumpjson").stdout)
    return sorted(uuid for parent in listed for devices in parent.values()
                  for device in devices for uuid in device)


def test_mdevctl_starts_devices_when_their_parent_appears(mdevctl_view):
    define(mdevctl_view, UUID, "--auto")
    define(mdevctl_view, OTHER)
    run(mdevctl_view, "mdevctl", "stop", "--uuid", UUID)
    assert active(mdevctl_view) == []
    mdevctl_view.daemon.umdev("rmmod", "mtty", **mdevctl_view.as_user())
    mdevctl_view.daemon.umdev("modprobe", "mtty", **mdevctl_view.as_user())
    mdevctl_view.run("udevadm", "settle")
    assert active(mdevctl_view) == [UUID]


def test_mdevctl_starts_devices_of_parents_that_were_there(mdevctl_view):
    define(mdevctl_view, UUID, "--auto")
    define(mdevctl_view, OTHER)
    assert active(mdevctl_view) == []
    run(mdevctl_view, "true")
    assert active(mdevctl_view) == [UUID]


@pytest.mark.skipif(os.path.exists("/usr/sbin/mdevctl"), reason="mdevctl is where its rule says")
@pytest.mark.parametrize("whose", ["administrator", "caller"])
def test_somebody_elses_rule_for_mdevctl_stays(mdevctl_view, rules, whose):
    path = rules("# mine", "60-mdevctl.rules")
    if whose == "administrator":
        mdevctl_view.sh(f"mount --bind {path.parent} /etc/udev/rules.d")
        assert run(mdevctl_view, "ls", "/run/udev/rules.d") == ""
    else:
        shown = run(mdevctl_view, "cat", f"/run/udev/rules.d/{path.name}",
                    options=[f"--rules={path}"])
        assert shown == "# mine\n"


# ---- the host ----


def snapshot(*tops):
    """All that chmod, chown, mknod, or a new file would change."""
    found = {}
    for top in tops:
        for directory, directories, files in os.walk(top):
            for name in (".", *directories, *files):
                with contextlib.suppress(OSError):
                    path = os.path.join(directory, name)
                    st = os.lstat(path)
                    found[path] = (st.st_mode, st.st_uid, st.st_gid, st.st_rdev, st.st_ino)
    return found


def test_the_host_does_not_notice(any_view, rules):
    events = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_KOBJECT_UEVENT)
    events.bind((0, 3))
    # Terminals, shared memory and the like come and go with whatever else runs here.
    tops = ["/run/udev", "/dev/char", "/dev/block", "/dev/disk", "/dev/vfio"]
    nodes = [f"/dev/{name}" for name in os.listdir("/dev") if name not in ("pts", "shm")]
    before = snapshot(*tops), {path: snapshot_of(path) for path in nodes}
    name = rules('SUBSYSTEM=="mdev", SYMLINK+="test-link", TAG+="test", MODE="0666"\n'
                 'SUBSYSTEM=="vfio", GROUP="tty", MODE="0666", SYMLINK+="test-vfio"')
    script = f"{create()}; udevadm settle; udevadm trigger --settle /sys/bus/mdev/devices/{UUID}"
    run(any_view, "sh", "-c", script, options=[f"--rules={name}"])
    any_view.daemon.stop()
    assert (snapshot(*tops), {path: snapshot_of(path) for path in nodes}) == before
    events.setblocking(False)
    heard = b""
    with contextlib.suppress(BlockingIOError):
        while True:
            heard += events.recv(8192)
    events.close()
    assert UUID.encode() not in heard
    assert b"/mtty" not in heard


def snapshot_of(path):
    with contextlib.suppress(OSError):
        st = os.lstat(path)
        return (st.st_mode, st.st_uid, st.st_gid, st.st_rdev, st.st_ino)
    return None
