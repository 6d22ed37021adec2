# SPDX-License-Identifier: LGPL-2.1-or-later
"""umdev exec and umdev shell: what a command in the view sees, and what passes through."""

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import termios
import threading

import pytest

from conftest import TIMEOUT, libc

CLONE_NEWNET = 0x40000000
NETLINK_KOBJECT_UEVENT = 15
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"
CREATE = f"echo {UUID} > /sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/create"


def namespaces(process="self"):
    return {name: os.readlink(f"/proc/{process}/ns/{name}") for name in ("mnt", "net", "user")}


def namespaces_of(view, **run):
    script = 'for i in mnt net user; do echo $i $(readlink /proc/self/ns/$i); done'
    return dict(line.split() for line in view.sh(script, **run).splitlines())


# ---- what is there ----


def test_sys_is_the_machines_and_ours(any_view):
    """One tree: a directory that both have shows both."""
    any_view.sh(CREATE)
    buses = any_view.sh("ls /sys/bus").split()
    assert {"mdev"} | set(os.listdir("/sys/bus")) <= set(buses)
    assert any_view.sh(f"readlink /sys/bus/mdev/devices/{UUID}/mdev_type").endswith("/mtty-1\n")
    cpus = pathlib.Path("/sys/devices/system/cpu/online").read_text()
    assert any_view.sh("cat /sys/devices/system/cpu/online") == cpus


def mounts_in(mountinfo, top):
    """Which file system is mounted where."""
    lines = [line.split() for line in mountinfo.splitlines()]
    return {(line[2], line[4]) for line in lines if line[4].startswith(top)}


def test_what_is_mounted_below_sys_is_there(any_view):
    mounted = mounts_in(pathlib.Path("/proc/self/mountinfo").read_text(), "/sys/")
    assert mounted <= mounts_in(any_view.sh("cat /proc/self/mountinfo"), "/sys/")
    for _ in range(2):  # they stay
        for device, path in mounted:
            assert any_view.sh(f"stat -c %Hd:%Ld {path}") == f"{device}\n"


def test_dev_vfio_has_an_entry_per_group(any_view):
    any_view.sh(CREATE)
    group = any_view.sh(f"basename $(readlink /sys/bus/mdev/devices/{UUID}/iommu_group)").strip()
    assert any_view.sh("ls /dev/vfio").split() == sorted([group, "vfio"])
    any_view.sh(f"echo 1 > /sys/bus/mdev/devices/{UUID}/remove")
    assert any_view.sh("ls /dev/vfio").split() == ["vfio"]


def test_dev_has_what_programs_need(any_view):
    any_view.sh("echo x > /dev/null; head -c4 /dev/zero /dev/urandom > /dev/full || test $? = 1")
    script = "echo through | cat /dev/stdin; { echo out > /dev/stdout; } | cat"
    assert any_view.sh(script) == "through\nout\n"
    assert any_view.sh("ls -d /dev/fd/0 /dev/pts /dev/shm") == "/dev/fd/0\n/dev/pts\n/dev/shm\n"
    # A new terminal can be had.
    script = "import os; m, s = os.openpty(); os.write(s, b'x'); print(os.read(m, 1), os.isatty(s))"
    assert any_view.run("python3", "-c", script).stdout == "b'x' True\n"


def test_dev_shm_is_the_hosts(any_view):
    path = pathlib.Path(f"/dev/shm/umdev-test-{os.getpid()}")
    any_view.sh(f"echo here > {path}")
    try:
        assert path.read_text() == "here\n"
    finally:
        path.unlink()


def test_run_is_the_hosts_but_for_what_must_be_private(any_view):
    host = {name for name in os.listdir("/run") if not name.endswith(".pid")}
    seen = set(any_view.sh("ls /run").split())
    assert host - seen <= {"libvirt"}
    assert seen - host <= {"udev", "modprobe.d"}
    any_view.sh("echo mine > /run/udev/mine; echo mine > /run/mine.pid")
    assert not os.path.exists("/run/udev/mine")
    assert not os.path.exists("/run/mine.pid")


@needs_root
def test_what_the_hosts_udev_knows_is_known(view, tmp_path):
    """... of devices that are here, too: numbers of network interfaces are others."""
    script = f"""
        mount -t tmpfs none /run && mkdir -p /run/udev/data /run/udev/tags/systemd
        echo I:1 > /run/udev/data/c1:3; echo I:1 > /run/udev/data/n2
        : > /run/udev/tags/systemd/c1:3; : > /run/udev/control
        {' '.join(view.command('find', '/run/udev', '-type', 'f'))}
    """
    found = subprocess.run(
        ["unshare", "-m", "sh", "-ec", script],
        env=view.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert sorted(found.stdout.split()) == ["/run/udev/data/c1:3", "/run/udev/tags/systemd/c1:3"]


CHMOD_WHILE_OTHERS_WALK = """
import os, sys, threading

here, there, create, uuid = sys.argv[1:]
walking, stale = True, 0

def walk():
    while walking:
        try:
            for entry in os.scandir(there):
                entry.stat(follow_symlinks=False)
        except OSError:
            pass

def write(path, text):
    fd = os.open(path, os.O_WRONLY)
    os.write(fd, text.encode())
    os.close(fd)

walkers = [threading.Thread(target=walk) for _ in range(3)]
for walker in walkers:
    walker.start()
for _ in range(300):
    write(create, uuid)
    os.chmod(here + "/uevent", 0o600)
    stale += os.stat(there + "/uevent").st_mode & 0o777 != 0o600
    write(here + "/remove", "1")
walking = False
for walker in walkers:
    walker.join()
print(stale)
"""


def test_a_mode_that_changes_is_seen_in_every_mount_at_once(view):
    """Also where an answer from before is on its way to somebody else."""
    device = f"devices/virtual/mtty/mtty/{UUID}"
    create = "/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-2/create"
    paths = [f"/sys/{device}", str(view.daemon.sys / device), create, UUID]
    done = view.run("python3", "-c", CHMOD_WHILE_OTHERS_WALK, *paths, timeout=3 * TIMEOUT)  # all take turns
    # The log says so if a walker held the directory for longer than anybody waits.
    assert done.stdout == "0\n", view.daemon.log()


def test_the_network_is_its_own(any_view):
    interfaces = any_view.sh("cat /proc/net/dev").splitlines()[2:]
    assert [line.split(":")[0].strip() for line in interfaces] == ["lo"]
    assert any_view.sh("ls /sys/class/net").split() == ["lo"]
    # lo is up
    server = "import socket; s = socket.create_server(('127.0.0.1', 0))\n"
    any_view.run("python3", "-c", server + "socket.create_connection(s.getsockname())")


def test_with_the_hosts_network(any_view):
    seen = namespaces_of(any_view, net="host")
    assert seen["net"] == namespaces()["net"]
    assert seen["mnt"] != namespaces()["mnt"]
    interfaces = any_view.sh("ls /sys/class/net", net="host").split()
    assert interfaces == sorted(os.listdir("/sys/class/net"))
    assert "mdev" in any_view.sh("ls /sys/bus", net="host").split()


def test_commands_see_one_another(any_view):
    any_view.sh("echo hello > /run/udev/greeting")
    assert any_view.sh("cat /run/udev/greeting") == "hello\n"
    assert namespaces_of(any_view) == namespaces_of(any_view)


def test_root_keeps_its_powers(view):
    if os.geteuid() != 0:
        pytest.skip("is about root")
    assert namespaces_of(view)["user"] == namespaces()["user"]
    script = "grep CapEff /proc/self/status"
    assert view.sh(script) == subprocess.check_output(["sh", "-c", script], text=True)


def test_a_user_is_root_there(user_view):
    assert user_view.sh("id -u; id -g").split() == ["0", "0"]
    # who may write where root may
    user_view.sh(CREATE)
    assert user_view.sh(f"stat -c %u:%g /sys/bus/mdev/devices/{UUID}/remove /dev/vfio") == (
        "0:0\n0:0\n"
    )


EVENTS = """
import socket, sys
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15)
s.bind((0, 1))
print("listening", flush=True)
while True:
    event = dict(word.partition("=")[::2] for word in s.recv(8192).decode().split("\\0")[1:])
    print(event["ACTION"], event["DEVPATH"], flush=True)
"""


@contextlib.contextmanager
def listen(view, **popen):
    with view.popen("python3", "-c", EVENTS, stdout=subprocess.PIPE, **popen) as process:
        try:
            assert process.stdout.readline() == "listening\n"
            yield process.stdout
        finally:
            process.kill()


def test_events_are_heard_until_the_end(any_view):
    """Those of the take-down, too, and no others than the daemon's."""
    with listen(any_view) as listener:
        any_view.sh(CREATE)
        path = f"/devices/virtual/mtty/mtty/{UUID}"
        assert listener.readline() == f"add {path}\n"
        any_view.daemon.stop()
        seen = []
        while "remove /devices/virtual/mtty/mtty\n" not in seen:
            seen.append(listener.readline())
        assert f"remove {path}\n" in seen


@needs_root
def test_events_do_not_reach_the_host(view):
    with listen(view, net="host") as listener, listen(view) as inside:
        view.sh(CREATE)
        assert "add" in inside.readline()
        # The machine's own event, to know that all before it has been heard.
        pathlib.Path("/sys/class/mem/null/uevent").write_text("change")
        heard = list(iter(listener.readline, "change /devices/virtual/mem/null\n"))
        assert not [event for event in heard if UUID in event]


def unshare_network():
    if libc.unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")


def listener_in(net):
    """A netlink socket in the network namespace @net; only the thread that makes it goes there."""
    made = []

    def make():
        with open(net) as namespace:
            assert libc.setns(namespace.fileno(), CLONE_NEWNET) == 0
        made.append(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_KOBJECT_UEVENT))
        made[0].bind((0, 1))
        made[0].settimeout(TIMEOUT)

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    return made[0]


@pytest.mark.parametrize("setting", ["option", "file"])
def test_events_reach_the_host_if_that_is_asked_for_by_name(daemon, setting, tmp_path):
    """The host is a network namespace of the daemon's here, not to disturb the machine."""
    if os.geteuid() != 0:
        pytest.skip("needs root to be the host")
    config = tmp_path / "umdevd.conf"
    config.write_text("uevents host\nload mtty\n")
    if setting == "file":
        daemon.start("--config", config, config=True, preexec_fn=unshare_network)
    else:
        daemon.start("--uevents=host", "--load", "mtty", preexec_fn=unshare_network)
    assert "events go to the network namespace of the host, as was asked for" in daemon.log()
    with listener_in(f"/proc/{daemon.process.pid}/ns/net") as listener:
        daemon.umdev("create", "mtty", "mtty-1", UUID)
        event = listener.recv(8192)
        while UUID.encode() not in event:  # the machine's own
            event = listener.recv(8192)
        assert event.startswith(f"add@/devices/virtual/mtty/mtty/{UUID}\0".encode())


# ---- what passes through ----


@pytest.mark.parametrize(
    "command, status",
    [
        (["true"], 0),
        (["false"], 1),
        (["sh", "-c", "exit 42"], 42),
        (["/"], 126),
        (["/no/such/program"], 127),
        (["sh", "-c", "kill -9 $$"], -signal.SIGKILL),
    ],
)
def test_the_exit_status_passes(view, command, status):
    assert view.run(*command, check=False).returncode == status


def test_a_command_that_is_not_there_is_named(view):
    environment = {"PATH": "/usr/bin:/bin"}
    failed = view.run("umdev-no-such-program", env=environment, check=False)
    assert failed.returncode == 127
    assert failed.stderr == "umdev: umdev-no-such-program: command not found\n"


def test_it_is_the_command_itself(any_view):
    """No process in between: signals, job control and waiting need no help."""
    with any_view.popen("sh", "-c", "echo $$; exec sleep 100", stdout=subprocess.PIPE) as process:
        assert int(process.stdout.readline()) == process.pid
        process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT) == -signal.SIGTERM


def test_streams_pass(any_view):
    result = any_view.run("sh", "-c", "cat; echo two >&2", input="one")
    assert (result.stdout, result.stderr) == ("one", "two\n")


@pytest.mark.parametrize("which", ["2>&-", "<&- >&- 2>&-"])
def test_closed_streams_stay_closed(view, which):
    """What umdev opens gets none of their numbers, or its words would go there."""
    there = "s=; for fd in 0 1 2; do test -e /proc/$$/fd/$fd && s=$s$fd; done; echo open: $s >&9"
    script = f'exec 9>&1; "$@" sh -c "$0" {which}; "$@" /no/such/program {which} 9>&-; echo $?'
    command = [str(view.umdev), "exec", "--"]
    result = subprocess.run(
        ["sh", "-c", script, there, *command],
        env=view.environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    still_open = "" if "<" in which else " 01"
    assert result.stdout == f"open:{still_open}\n127\n", result.stderr
    log = [line for line in view.daemon.log().splitlines() if "by this user only" not in line]
    assert len(log) == 4


def test_arguments_pass_as_they_are(view):
    words = ["--help", "-x", "a b", "", "--", "*"]
    script = "import sys, json; print(json.dumps(sys.argv[1:]))"
    assert json.loads(view.run("python3", "-c", script, *words).stdout) == words
    without_dashes = [str(view.umdev), "exec", "echo", "--net=x", "-h"]
    shown = subprocess.check_output(without_dashes, env=view.environment(), text=True)
    assert shown == "--net=x -h\n"


def test_the_terminal_passes(any_view):
    terminal, inside = os.openpty()
    if any_view.user is not None:
        os.fchown(inside, any_view.user, any_view.user)
    script = "tty; test -t 0 && test -t 1 && test -t 2 && echo all; ps -o stat= -p $$"
    process = any_view.popen(
        "sh",
        "-c",
        script + "; : > /dev/tty && echo tty",
        stdin=inside,
        stdout=inside,
        stderr=inside,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    name = os.ttyname(inside)
    os.close(inside)
    output = b""
    try:
        while data := os.read(terminal, 4096):
            output += data
    except OSError as error:
        assert error.errno == errno.EIO  # the other side is closed
    os.close(terminal)
    assert process.wait(TIMEOUT) == 0, output
    lines = output.decode().split()
    assert lines[:2] == [name, "all"]
    assert "+" in lines[2]  # in the foreground
    assert lines[3] == "tty"


def test_directory_umask_and_groups_pass(view, tmp_path):
    result = view.run("sh", "-c", "pwd; umask; id -G", cwd=tmp_path, umask=0o037)
    groups = subprocess.check_output(["id", "-G"], text=True).split()
    if not view.is_roots():  # who is in a user namespace, with the one group that is there
        groups = ["0", *("65534" for _ in groups[1:])]
    assert result.stdout == f"{tmp_path}\n0037\n{' '.join(groups)}\n"
    assert result.stderr == ""
    for _ in range(2):  # whoever builds the view, and whoever finds it
        assert view.run("pwd", cwd="/sys/bus").stdout == "/sys/bus\n"


def test_supplementary_groups_pass(view):
    if os.geteuid() != 0:
        pytest.skip("needs root to have groups")
    assert view.run("id", "-G", extra_groups=[7, 8], group=5).stdout == "5 7 8\n"


def test_a_directory_that_is_not_in_the_view_is_said(view, tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    remove = f"rmdir {gone}; exec {' '.join(view.command('pwd'))}"
    result = subprocess.run(
        ["sh", "-c", remove], cwd=gone, env=view.environment(), capture_output=True, text=True
    )
    assert result.stdout == "/\n"
    assert result.stderr.startswith("umdev: the view has no directory ")
    assert result.stderr.count("\n") == 1


def test_no_descriptor_is_left_open(any_view):
    script = "import os; print(sorted(os.listdir('/proc/self/fd'), key=int))"
    bare = subprocess.check_output(["python3", "-c", script], text=True)
    for _ in range(2):
        assert any_view.run("python3", "-c", script).stdout == bare


def test_the_callers_descriptors_pass(view):
    read, write = os.pipe()
    view.run("python3", "-c", f"import os; os.write({write}, b'here')", pass_fds=[write])
    assert os.read(read, 100) == b"here"
    os.close(read)
    os.close(write)


def test_the_environment(any_view):
    given = {"PATH": "/opt/bin:/usr/bin:/usr/sbin:/bin", "KEPT": "yes"}
    env = dict(
        line.split("=", 1) for line in any_view.run("/usr/bin/env", env=given).stdout.splitlines()
    )
    assert env["SYSTEMD_DEVICE_VERIFY_SYSFS"] == "0"
    assert env["UMDEV_RUNTIME_DIR"] == str(any_view.daemon.runtime)
    assert env["UMDEV_VIEW"] == "own"
    assert env["KEPT"] == "yes"
    # what was found before is found still
    assert env["PATH"] == "/opt/bin:/usr/bin:/usr/sbin:/bin:/usr/local/sbin:/sbin"


def test_the_runtime_directory_may_be_said_on_the_command_line(view):
    command = [str(view.umdev), "--runtime-dir", str(view.daemon.runtime), "exec", "env"]
    env = {name: value for name, value in os.environ.items() if name != "UMDEV_RUNTIME_DIR"}
    shown = subprocess.check_output(command, env=env, text=True)
    assert f"UMDEV_RUNTIME_DIR={view.daemon.runtime}\n" in shown


# ---- the library for VFIO ----


def library_of(view):
    return str(view.build / "src/preload/libumdev-vfio.so")


def preloaded(view, given=None, **run):
    """What LD_PRELOAD is for a command; None: it is not there."""
    script = 'echo "${LD_PRELOAD-unset}"'
    shown = view.sh(script, env={"LD_PRELOAD": given} if given else None, **run).strip()
    return None if shown == "unset" else shown


def test_the_library_comes_before_others(any_view):
    library = library_of(any_view)
    assert preloaded(any_view) == library
    assert preloaded(any_view, "libm.so.6 libutil.so.1") == f"{library}:libm.so.6:libutil.so.1"
    maps = any_view.run("cat", "/proc/self/maps").stdout
    assert "/libumdev-vfio.so\n" in maps


def test_the_library_is_there_once(any_view):
    library = library_of(any_view)
    assert preloaded(any_view, f"libm.so.6:{library}:{library}") == f"{library}:libm.so.6"
    nested = any_view.command("sh", "-c", "echo $LD_PRELOAD")
    assert any_view.run(*nested).stdout.strip() == library


def test_the_library_can_be_left_out(any_view):
    library = library_of(any_view)
    assert preloaded(any_view, options=["--no-vfio"]) is None
    assert preloaded(any_view, library, options=["--no-vfio"]) is None
    assert preloaded(any_view, f"{library}:libm.so.6", options=["--no-vfio"]) == "libm.so.6"


@pytest.mark.parametrize(
    "directory, problem",
    [
        ("elsewhere", "No such file or directory"),
        ("with space", "a path with a space or a colon cannot be preloaded"),
    ],
)
def test_a_command_runs_without_the_library(view, tmp_path, directory, problem):
    """A build tree in which it has not been made, or that the loader cannot name."""
    tree = tmp_path / directory
    (tree / "src/umdev").mkdir(parents=True)
    (tree / "build.ninja").touch()
    copy = shutil.copy(view.umdev, tree / "src/umdev/umdev")
    result = subprocess.run(
        [copy, "exec", "sh", "-c", 'echo "ran $LD_PRELOAD"'],
        env=view.environment(LD_PRELOAD=""),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert (result.returncode, result.stdout) == (0, "ran \n")
    assert result.stderr == (
        f"umdev: {tree}/src/preload/libumdev-vfio.so: {problem}: the command cannot use VFIO "
        "(to run without it: --no-vfio)\n"
    )


# ---- inside and outside ----


def test_umdev_works_inside(any_view):
    any_view.sh(CREATE)
    assert UUID in any_view.sh(f"{any_view.umdev} list")


def test_exec_inside_the_view_is_the_view(any_view):
    command = any_view.command(*any_view.command("readlink", "/proc/self/ns/mnt"))
    assert any_view.run(*command).stdout.strip() == namespaces_of(any_view)["mnt"]


def nodes(top):
    """All that is in a directory, but not what is mounted there."""
    found = {}
    for path, dirs, files in os.walk(top):
        dirs[:] = [name for name in dirs if not os.path.ismount(os.path.join(path, name))]
        for name in [*dirs, *files]:
            status = os.lstat(os.path.join(path, name))
            found[os.path.join(path, name)] = (status.st_mode, status.st_uid, status.st_gid)
    return found


def mounts_of_the_machine():
    """Not those of tests that run beside this one."""
    lines = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
    return [line for line in lines if re.match("/(dev|mnt|run|sys)(/|$)", line.split()[4])]


def test_the_host_stays_as_it_was(any_view):
    mounts = mounts_of_the_machine()
    mine, devices = namespaces(), nodes("/dev")
    any_view.sh(
        "echo > /dev/umdev-test; echo > /run/umdev-test; echo > /run/udev/umdev-test;"
        "rm /dev/null /dev/zero; chmod 600 /dev/tty; mkdir /dev/char; mkdir /run/udev/umdev-test2;"
        "ip link add umdev-test type dummy; mount -t tmpfs none /mnt; umount /sys; umount /run; true"
    )
    any_view.sh("true", net="host")
    assert mounts_of_the_machine() == mounts
    assert nodes("/dev") == devices
    assert not [path for path in nodes("/run") if "umdev-test" in os.path.basename(path)]
    assert "umdev-test" not in os.listdir("/sys/class/net")
    assert namespaces() == mine


def test_nothing_is_left_of_a_view(any_view):
    with any_view.popen("cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdin.write("in\n")
        process.stdin.flush()
        assert process.stdout.readline() == "in\n"
        # As long as it is open, nobody else's namespace gets its number.
        held = os.open(f"/proc/{process.pid}/ns/mnt", os.O_RDONLY)
    try:
        number = f"mnt:[{os.fstat(held).st_ino}]"
        any_view.daemon.stop()
        for process in filter(str.isdigit, os.listdir("/proc")):
            try:
                assert namespaces(process)["mnt"] != number
            except OSError:
                continue  # it has ended
    finally:
        os.close(held)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_command_sees_the_end_of_the_daemon(any_view, end):
    """Then the next daemon makes a new view, which the old one's commands are not in."""
    script = f"""
        echo there; read line
        cat /sys/class/mdev_bus/mtty/uevent; ls /sys
        {any_view.umdev} list; {any_view.umdev} exec true; echo $?
    """
    with any_view.popen(
        "sh",
        "-c",
        script,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        assert process.stdout.readline() == "there\n"
        old = namespaces(process.pid)["mnt"]
        getattr(any_view.daemon, end)()
        any_view.start("--load", "mtty")
        assert namespaces_of(any_view)["mnt"] != old
        output = process.communicate("\n", timeout=TIMEOUT)[0].splitlines()
    assert "Transport endpoint is not connected" in output[0]
    assert "Transport endpoint is not connected" in output[1]
    assert output[-2] == "umdev: the umdevd of this view has ended: leave this shell"
    assert output[-1] == "125"
    assert "has ended: leave this shell" in output[2]


# ---- umdev shell ----


def run_shell(view, script, **env):
    return subprocess.run(
        [str(view.umdev), "shell"],
        input=script,
        env=view.environment(**env),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        **view.as_user(),
    )


def test_shell_is_the_users_in_the_view(any_view):
    script = "echo $0 $UMDEV_VIEW $debian_chroot; ls /sys/class/mdev_bus; exit 3\n"
    result = run_shell(any_view, script, SHELL="/bin/bash")
    assert result.stdout == "/bin/bash own umdev\nmtty\n"
    assert result.returncode == 3
    assert result.stderr == (
        f"umdev: this is the view of the umdevd at {any_view.daemon.runtime}, with its own "
        "network; leave it with: exit\n"
    )


def test_shell_without_a_shell_is_sh(view):
    assert run_shell(view, "echo $0\n", SHELL="").stdout == "/bin/sh\n"


# ---- usage ----


@pytest.mark.parametrize(
    "words, reason",
    [
        (["exec"], "exec: a command is missing (usage: umdev exec [OPTION]... COMMAND...)"),
        (["exec", "--net=none", "true"], '--net: "none": "own" or "host" is expected'),
        (["exec", "--frobnicate", "true"], "Try 'umdev exec --help'."),
        (["shell", "ls"], 'shell: "ls": no argument is expected (to run a command: umdev exec)'),
    ],
)
def test_wrong_usage_is_said(daemon, words, reason):
    answer = daemon.umdev(*words, check=False)
    assert answer.returncode == 125
    assert reason in answer.stderr


@pytest.mark.parametrize("name", ["exec", "shell"])
def test_help(daemon, name):
    answer = daemon.umdev(name, "--help")
    assert f"Usage: umdev {name} [OPTION]..." in answer.stdout
    assert "--net=own|host" in answer.stdout
