# SPDX-License-Identifier: LGPL-2.1-or-later
"""How the mount serves: many at once, callers that die, and its own beginning and end."""

import contextlib
import ctypes
import os
import select
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time

import pytest

from conftest import (
    NOBODY,
    Server,
    build_dir,
    content,
    errno_of,
    libc,
    mounts_at,
    reachable,
    run_as,
    write_once,
)
from no_mtab import without_mtab

MS_BIND = 4096
HANGING = 64
SHELL_OPEN = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
SOON = 20


def write_as_a_shell_does(path, data):
    return write_once(path, data, SHELL_OPEN)


def eventually(condition, what):
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline, f"not in {SOON} s: {what}"
        time.sleep(0.01)


def run_soon(server, script):
    """Run a shell script and then release what hangs; a shell that is held up may not be killable
    before that. Return its output and whether it was held up."""
    shell = subprocess.Popen(["sh", "-e", "-c", script], stdout=subprocess.PIPE, text=True)
    held_up = False
    try:
        shell.wait(timeout=SOON)
    except subprocess.TimeoutExpired:
        held_up = True
    server.command("release")
    output = shell.communicate()[0]
    assert shell.returncode == 0
    return output, held_up


class Writers:
    """Threads that write "hang" to a file and wait for it to end."""

    def __init__(self, path, count, flags=SHELL_OPEN):
        self.results = []
        self.threads = [
            threading.Thread(target=self.write, args=(path, flags), daemon=True)
            for _ in range(count)
        ]
        for thread in self.threads:
            thread.start()

    def write(self, path, flags):
        try:
            fd = os.open(path, flags, 0o666)
            self.results.append(os.write(fd, b"hang"))
        except OSError as error:
            self.results.append(error)
        # What close() says of a connection that is gone is the kernel's affair.
        errno_of(os.close, fd)

    def join(self):
        for thread in self.threads:
            thread.join(SOON)
        assert not any(thread.is_alive() for thread in self.threads), "a writer still hangs"


def child_that(code, *args):
    """A Python child, for what must have a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


HANG_IN_WRITE = """
import os, signal, sys
signal.signal(signal.SIGUSR1, lambda *args: None)
fd = os.open(sys.argv[1], os.O_WRONLY)
print(os.write(fd, b"hang"), flush=True)
"""

HANG_IN_READ = """
import os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
print(len(os.read(fd, 100)), flush=True)
"""


@pytest.fixture
def hangs(server):
    return os.path.join(server.path, "top", "hangs")


# Hanging calls hold up nobody else.


def test_beside_64_hanging_stores_others_are_served(server, hangs):
    writers = Writers(hangs + "/hang", HANGING)
    server.command(f"await {HANGING}")
    output, held_up = run_soon(
        server, f"echo quick > {hangs}/hang && cat {hangs}/quick && ls -l {server.path}/top"
    )
    writers.join()
    assert not held_up
    assert output.startswith("value\n")
    assert writers.results == [4] * HANGING


def test_hanging_readers_hold_up_no_writers(server, hangs):
    reader = child_that(HANG_IN_READ, hangs + "/hang")
    server.command("await 1")
    _, held_up = run_soon(server, f"echo quick > {hangs}/hang")
    assert not held_up
    assert reader.communicate(timeout=SOON)[0] == b"5\n"


def test_a_writer_that_opened_first_is_not_held_up(server, hangs):
    early = os.open(hangs + "/hang", os.O_WRONLY)
    writers = Writers(hangs + "/hang", 1)
    server.command("await 1")
    thread = threading.Thread(target=os.write, args=(early, b"x" * 5000), daemon=True)
    thread.start()
    thread.join(SOON)
    held_up = thread.is_alive()
    server.command("release")
    writers.join()
    os.close(early)
    assert not held_up


def test_threads_that_the_hanging_needed_are_given_back(server, hangs):
    writers = Writers(hangs + "/hang", HANGING)
    server.command(f"await {HANGING}")
    busy = server.threads()
    server.command("release")
    writers.join()
    assert busy > HANGING
    eventually(lambda: server.threads() < 10, "fewer than 10 threads")


def test_writers_who_open_all_at_once_never_see_a_stale_file(server, hangs):
    errors = []

    def open_and_write():
        for _ in range(200):
            try:
                write_as_a_shell_does(hangs + "/quick", b"x")
            except OSError as error:
                errors.append(error)

    threads = [threading.Thread(target=open_and_write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_a_file_open_for_writing_can_be_opened_again_through_its_descriptor(hangs):
    first = os.open(hangs + "/quick", os.O_WRONLY)
    for _ in range(3):
        again = os.open(f"/proc/self/fd/{first}", os.O_WRONLY)
        assert os.write(again, b"x") == 1
        os.close(again)
    os.close(first)


# Callers who die.


@pytest.mark.parametrize("code", [HANG_IN_WRITE, HANG_IN_READ], ids=["write", "read"])
@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM])
def test_a_caller_can_be_killed_while_its_call_hangs(server, hangs, code, by):
    child = child_that(code, hangs + "/hang")
    server.command("await 1")
    child.send_signal(by)
    try:
        status = child.wait(timeout=SOON)
    finally:
        server.command("release")
    assert status == -by
    assert write_as_a_shell_does(hangs + "/hang", b"quick") == 5


def state_of(pid):
    return content(f"/proc/{pid}/stat").rsplit(") ")[1][0]


def test_a_caller_can_be_killed_after_a_signal_that_did_not_kill(server, hangs):
    child = child_that(HANG_IN_WRITE, hangs + "/hang")
    server.command("await 1")
    child.send_signal(signal.SIGUSR1)
    # The kernel has told the server, and now waits for its answer or for a signal that kills.
    eventually(lambda: state_of(child.pid) == "D", "the signal is known")
    # Nothing tells when the server has looked at the signal; it does so at once.
    select.select([child.stdout], [], [], 0.2)
    child.send_signal(signal.SIGKILL)
    try:
        status = child.wait(timeout=SOON)
    finally:
        server.command("release")
    assert status == -signal.SIGKILL


def test_a_signal_that_does_not_kill_changes_nothing_of_a_store(server, hangs):
    child = child_that(HANG_IN_WRITE, hangs + "/hang")
    server.command("await 1")
    child.send_signal(signal.SIGUSR1)
    ready, _, _ = select.select([child.stdout], [], [], 0.2)
    server.command("release")
    assert child.communicate(timeout=SOON)[0] == b"4\n"
    assert not ready


def waits_for_fuse(pid):
    try:
        return content(f"/proc/{pid}/wchan") == "request_wait_answer"
    except PermissionError:
        pytest.skip("this kernel does not say what a process waits for")


def test_a_call_whose_caller_was_killed_before_it_began_does_not_begin(server, hangs):
    """Two reads of one open file come one after the other; the second dies while it waits."""
    fd = os.open(hangs + "/hang", os.O_RDONLY)
    first = threading.Thread(target=os.pread, args=(fd, 100, 0), daemon=True)
    first.start()
    server.command("await 1")
    pid = os.fork()
    if pid == 0:
        os.pread(fd, 100, 0)
        os._exit(0)
    eventually(lambda: waits_for_fuse(pid), "the second reader waits")
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    server.command("release")
    first.join(SOON)
    assert not first.is_alive()
    # Had the second begun, it would hang now and keep this one out.
    third = threading.Thread(target=os.pread, args=(fd, 100, 0), daemon=True)
    third.start()
    server.command("await 1")
    server.command("release")
    third.join(SOON)
    os.close(fd)
    assert not third.is_alive()


# The beginning and the end of a mount.


def test_the_mount_says_what_it_is(server):
    fields = mounts_at(server.path)[0].split(" - ")
    kind, source, options = fields[1].split()
    assert (kind, source) == ("fuse.umdev", "umdev")
    assert {"allow_other", "default_permissions"} <= set(options.split(","))
    assert {"nosuid", "nodev", "noexec"} <= set(fields[0].split()[5].split(","))


def test_unmounting_does_not_wait_for_open_files(mountpoint):
    server = Server(mountpoint)
    assert server.ready == "ready", server.read_log()
    fd = os.open(mountpoint + "/top/plain/ro", os.O_RDONLY)
    cwd = os.open(mountpoint + "/top", os.O_RDONLY)
    assert server.quit() == 0, server.read_log()
    assert errno_of(os.pread, fd, 10, 0) in ("ENOTCONN", "ECONNABORTED")
    errno_of(os.close, fd)
    errno_of(os.close, cwd)
    assert mounts_at(mountpoint) == []
    assert os.listdir(mountpoint) == []


def test_unmounting_lets_a_hanging_store_end_and_answer(mountpoint):
    server = Server(mountpoint)
    assert server.ready == "ready", server.read_log()
    writers = Writers(mountpoint + "/top/hangs/hang", 3)
    server.command("await 3")
    server.command("unmount")
    eventually(lambda: not mounts_at(mountpoint), "unmounted")
    server.command("release")
    writers.join()
    assert writers.results == [4, 4, 4]
    assert server.quit() == 0, server.read_log()


def test_what_a_dead_server_left_is_unmounted_first(mountpoint):
    dead = Server(mountpoint)
    assert dead.ready == "ready", dead.read_log()
    dead.process.kill()
    dead.quit()
    assert errno_of(os.stat, mountpoint) == "ENOTCONN"
    server = Server(mountpoint)
    assert server.ready == "ready", server.read_log()
    assert len(mounts_at(mountpoint)) == 1
    assert content(mountpoint + "/top/plain/ro") == "value\n"
    assert server.quit() == 0, server.read_log()


def test_a_mount_that_somebody_else_ended_is_not_unmounted_again(mountpoint):
    server = Server(mountpoint)
    assert server.ready == "ready", server.read_log()
    libc.umount2(mountpoint.encode(), 0)
    eventually(lambda: "somebody has unmounted" in server.read_log(), "said so")
    libc.mount(b"other", mountpoint.encode(), b"tmpfs", 0, None)
    assert server.quit() == 0, server.read_log()
    assert len(mounts_at(mountpoint)) == 1


def test_a_mount_point_that_is_not_there_is_a_clear_error(mountpoint):
    server = Server(mountpoint + "/missing")
    assert server.ready == "failed 2"
    assert f"cannot mount at {mountpoint}/missing: No such file" in server.read_log()
    assert server.quit() == 1


def test_a_file_as_mount_point_is_a_clear_error(mountpoint):
    server = Server("/etc/passwd")
    assert server.ready == "failed 20"
    assert server.quit() == 1


# Unprivileged users.


@pytest.fixture
def fuse_for_all(tmp_path):
    """A /dev/fuse that everybody may open, as distributions have it."""
    if stat.S_IMODE(os.stat("/dev/fuse").st_mode) & 0o006 == 0o006:
        yield
        return
    node = tempfile.mkdtemp(prefix="umdev-dev-")
    libc.mount(b"dev", node.encode(), b"tmpfs", 0, b"mode=755")
    try:
        device = os.path.join(node, "fuse")
        try:
            os.mknod(device, stat.S_IFCHR | 0o666, os.stat("/dev/fuse").st_rdev)
            os.chmod(device, 0o666)
        except OSError as error:
            pytest.skip(f"cannot make a device node: {error}")
        if libc.mount(device.encode(), b"/dev/fuse", None, MS_BIND, None):
            pytest.skip("cannot bind over /dev/fuse: " + os.strerror(ctypes.get_errno()))
        yield
        libc.umount2(b"/dev/fuse", 2)
    finally:
        libc.umount2(node.encode(), 2)
        os.rmdir(node)


@pytest.fixture
def user_mountpoint(mountpoint, fuse_for_all):
    os.chown(mountpoint, NOBODY, NOBODY)
    return mountpoint


def fuse_conf(text):
    """Bind @text over /etc/fuse.conf. Return whether that was possible."""
    if not os.path.exists("/etc/fuse.conf"):
        return False
    with tempfile.NamedTemporaryFile("w", prefix="umdev-fuse-conf-") as file:
        file.write(text)
        file.flush()
        os.chmod(file.name, 0o644)
        return libc.mount(file.name.encode(), b"/etc/fuse.conf", None, MS_BIND, None) == 0


@pytest.fixture
def as_user(user_mountpoint):
    """Starts a server that is nobody's."""
    with reachable(build_dir()) as build:
        yield lambda: Server(user_mountpoint, build, user=NOBODY, group=NOBODY, extra_groups=[])


def test_an_unprivileged_user_gets_a_mount_for_himself(user_mountpoint, as_user):
    if not fuse_conf("# nothing\n"):
        pytest.skip("cannot put another /etc/fuse.conf in place")
    try:
        server = as_user()
        assert server.ready == "ready", server.read_log()
        plain = user_mountpoint + "/top/plain"
        assert "can be seen by this user only" in server.read_log()
        assert errno_of(os.stat, plain) == "EACCES"
        assert run_as(NOBODY, lambda: content(plain + "/ro")) == repr("value\n")
        assert run_as(NOBODY, lambda: write_as_a_shell_does(plain + "/wo", b"x")) == "1"
        assert run_as(NOBODY, lambda: errno_of(content, plain + "/wo")) == "'EACCES'"
        assert run_as(NOBODY, lambda: os.stat(plain).st_uid) == str(NOBODY)
        assert server.quit() == 0, server.read_log()
        assert mounts_at(user_mountpoint) == []
    finally:
        libc.umount2(b"/etc/fuse.conf", 2)


def test_an_unprivileged_user_shows_it_to_all_where_that_is_allowed(user_mountpoint, as_user):
    if not fuse_conf("user_allow_other\n"):
        pytest.skip("cannot put another /etc/fuse.conf in place")
    try:
        server = as_user()
        assert server.ready == "ready", server.read_log()
        assert server.read_log() == ""
        assert content(user_mountpoint + "/top/plain/ro") == "value\n"
        assert server.quit() == 0, server.read_log()
        assert mounts_at(user_mountpoint) == []
    finally:
        libc.umount2(b"/etc/fuse.conf", 2)


@pytest.mark.parametrize("etc", [contextlib.nullcontext, without_mtab], ids=["usual", "no-mtab"])
def test_a_dead_servers_mount_is_cleaned_by_its_unprivileged_user(etc, user_mountpoint, as_user):
    with etc():
        dead = as_user()
        assert dead.ready == "ready", dead.read_log()
        dead.process.kill()
        dead.quit()
        server = as_user()
        assert server.ready == "ready", server.read_log()
        assert len(mounts_at(user_mountpoint)) == 1
        assert server.quit() == 0, server.read_log()
        assert mounts_at(user_mountpoint) == []
