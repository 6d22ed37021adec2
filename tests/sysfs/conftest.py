# SPDX-License-Identifier: LGPL-2.1-or-later
"""A tree_server for each test module, and what the tests need to look at its mount."""

import ctypes
import os
import pathlib
import select
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from reachable import reachable  # noqa: E402

CLONE_NEWNS = 0x00020000
MS_REMOUNT_BIND = (1 << 5) | (1 << 12)
MS_PRIVATE_REC = (1 << 18) | (1 << 14)
MNT_DETACH = 2
NOBODY = 65534

libc = ctypes.CDLL(None, use_errno=True)


def build_dir():
    build = os.environ.get("UMDEV_BUILD")
    if not build:
        pytest.fail("UMDEV_BUILD does not name the build directory (meson test sets it)")
    return pathlib.Path(build)


class Server:
    """A running tree_server; command() is answered before it returns."""

    def __init__(self, mountpoint, build=None, **popen):
        build = build or build_dir()
        program = build / "tests" / "sysfs" / "tree_server"
        self.path = mountpoint
        self.log = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen(
            [program, mountpoint],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            **popen,
        )
        self.ready = self.process.stdout.readline().strip()

    def read_log(self):
        self.log.seek(0)
        return self.log.read()

    def send(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def answer(self):
        return self.process.stdout.readline().strip()

    def command(self, line):
        self.send(line)
        answer = self.answer()
        assert answer == "ok", f"{line}: {answer!r}: {self.read_log()}"

    def quit(self):
        """End it in order. Return its exit status."""
        if self.process.poll() is None:
            self.process.stdin.close()
        try:
            status = self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.process.stdout.close()
        return status

    def threads(self):
        return len(os.listdir(f"/proc/{self.process.pid}/task"))


def mounts_at(path):
    with open("/proc/self/mountinfo") as info:
        return [line for line in info if line.split()[4] == path]


def unmount(path):
    while mounts_at(path):
        if libc.umount2(path.encode(), MNT_DETACH):
            break


@pytest.fixture(scope="session", autouse=True)
def own_mount_namespace():
    """What a broken test leaves mounted goes with this process."""
    if os.geteuid() != 0:
        pytest.skip("mounting for all users needs root")
    if libc.unshare(CLONE_NEWNS):
        pytest.skip("no mount namespace of our own: " + os.strerror(ctypes.get_errno()))
    libc.mount(b"none", b"/", None, MS_PRIVATE_REC, None)
    # Containers have it read-only, which would be the answer to most questions that are asked there.
    libc.mount(None, b"/sys", None, MS_REMOUNT_BIND, None)
    if not os.path.exists("/dev/fuse"):
        pytest.skip("there is no /dev/fuse")


@pytest.fixture
def mountpoint():
    path = tempfile.mkdtemp(prefix="umdev-sysfs-")
    os.chmod(path, 0o755)
    yield path
    unmount(path)
    os.rmdir(path)


@pytest.fixture(scope="module")
def server():
    path = tempfile.mkdtemp(prefix="umdev-sysfs-")
    os.chmod(path, 0o755)
    running = Server(path)
    assert running.ready == "ready", running.read_log()
    yield running
    status = running.quit()
    log = running.read_log()
    left = mounts_at(path)
    unmount(path)
    os.rmdir(path)
    assert status == 0, log
    assert not left, f"still mounted: {left}"


@pytest.fixture
def plain(server):
    """The directory with a file of each kind."""
    return os.path.join(server.path, "top", "plain")


def write_once(path, data, flags=os.O_WRONLY):
    fd = os.open(path, flags)
    try:
        return os.write(fd, data)
    finally:
        os.close(fd)


def content(path):
    with open(path) as file:
        return file.read()


def errno_of(call, *args):
    """The name of the error that a call ends with, or None."""
    import errno

    try:
        call(*args)
    except OSError as error:
        return errno.errorcode[error.errno]
    return None


def run_as(uid, call):
    """Run call() in a child that is @uid and nothing else. Return what it returned, as text."""
    receive, send = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(receive)
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            os.write(send, repr(call()).encode())
        except BaseException as error:  # the parent shows it
            os.write(send, f"child: {error!r}".encode())
        os._exit(0)
    os.close(send)
    with os.fdopen(receive, "rb") as pipe:
        text = pipe.read().decode()
    os.waitpid(pid, 0)
    return text


def poll_of(fd, timeout_ms=0):
    """What poll() says of a descriptor when asked for everything."""
    poller = select.poll()
    poller.register(fd, select.POLLPRI | select.POLLERR)
    events = poller.poll(timeout_ms)
    return events[0][1] if events else 0
