# SPDX-License-Identifier: LGPL-2.1-or-later
"""A running umdevd for tests that look at it from outside.

UMDEV_BUILD names the build directory (meson test sets it; else build/ beside tests/).
"""

import contextlib
import ctypes
import json
import os
import pathlib
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "support"))
from notify import Notifications  # noqa: E402
from reachable import reachable  # noqa: E402
import view as view_module  # noqa: E402

SOURCE = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("UMDEV_BUILD", SOURCE / "build"))
UMDEVD = BUILD / "src/umdevd/umdevd"
UMDEV = BUILD / "src/umdev/umdev"
TEST_MODULES = BUILD / "tests/modules"
DRIVERS = BUILD / "drivers"

# In the view another library comes before a sanitizer's own, which it takes for a mistake.
os.environ["ASAN_OPTIONS"] = ":".join(
    filter(None, [os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0"])
)

CLONE_NEWNS = 0x00020000
MS_BIND = 1 << 12
MS_REC_PRIVATE = (1 << 14) | (1 << 18)
MNT_DETACH = 2
TIMEOUT = 30
NOBODY = 65534

libc = ctypes.CDLL(None, use_errno=True)


def module_path():
    """All directories with modules of this build, as --module-path wants them."""
    return view_module.module_path(BUILD)


def mounts_below(path):
    with open("/proc/self/mountinfo") as info:
        return [line for line in info if line.split()[4].startswith(str(path))]


class Control:
    """A connection to a control socket, spoken to without umdev(1)."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect(str(path))

    def send(self, **request):
        with contextlib.suppress(BrokenPipeError):  # refused; receive() says why
            self.socket.send(json.dumps(request).encode())

    def receive(self):
        """The next message, None at the end."""
        message = self.socket.recv(1 << 20)
        return json.loads(message) if message else None

    def ask(self, **request):
        self.send(**request)
        return self.receive()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


class Daemon:
    """An umdevd. start() waits until it is ready, stop() checks that nothing is left of it."""

    def __init__(self, directory, program=UMDEVD):
        self.directory = pathlib.Path(directory)
        self.runtime = self.directory / "umdev"
        self.sys = self.runtime / "sys"
        self.control_path = self.runtime / "control"
        self.program = program
        self.process = None
        self.notify = None
        self.log_file = None

    def spawn(self, *args, env=None, runtime=True, config=False, notify=None, **popen):
        """Begin to run it, and do not wait. What is None in @env is unset.

        @config: it may read what the machine has as a configuration.
        """
        self.notify = Notifications(notify or self.directory / "notify")
        environment = {**os.environ, "UMDEV_MODULE_PATH": module_path(), **(env or {})}
        environment.update(self.notify.environment())
        environment = {name: value for name, value in environment.items() if value is not None}
        command = [str(self.program), *(["--runtime-dir", str(self.runtime)] if runtime else [])]
        command += [] if config else ["--no-config"]
        self.log_file = open(self.directory / "log", "a+")
        self.process = subprocess.Popen(
            [*command, *map(str, args)], env=environment, stderr=self.log_file, **popen
        )
        return self

    def wait_for(self, message):
        """Wait until it notifies @message. Return: False if it ended before."""
        try:
            return self.notify.wait_for(message, self.process.pid, TIMEOUT)
        except TimeoutError as error:
            raise AssertionError(f"{error}: {self.log()}") from None

    def start(self, *args, **popen):
        self.spawn(*args, **popen)
        assert self.wait_for("READY=1"), f"it has ended: {self.log()}"
        return self

    def log(self):
        self.log_file.flush()
        with open(self.directory / "log") as log:
            return log.read()

    def wait(self):
        status = self.process.wait(timeout=TIMEOUT)
        self.finish()
        return status

    def finish(self):
        self.process = None
        self.notify.close()
        self.log_file.close()

    def kill(self):
        """End it as a crash would: all is left as it was."""
        self.process.send_signal(signal.SIGKILL)
        self.wait()

    def stop(self):
        """End it in order."""
        process, log = self.process, self.log
        process.send_signal(signal.SIGTERM)
        status = process.wait(timeout=TIMEOUT)
        text = log()
        self.finish()
        assert status == 0, text
        self.assert_nothing_left()
        return text

    def assert_nothing_left(self):
        assert not mounts_below(self.runtime), "still mounted"
        assert not self.runtime.exists(), sorted(self.runtime.rglob("*"))

    def control(self):
        return Control(self.control_path)

    def ask(self, **request):
        with self.control() as control:
            return control.ask(**request)

    def umdev(self, *args, check=True, **run):
        """Run umdev(1) against it."""
        environment = dict(os.environ, UMDEV_RUNTIME_DIR=str(self.runtime))
        result = subprocess.run(
            # By a name that whoever runs the daemon can reach
            [str(self.program.parents[1] / "umdev/umdev"), *map(str, args)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            **run,
        )
        assert not check or result.returncode == 0, result.stderr + self.log()
        return result

    def umdev_json(self, *args):
        return json.loads(self.umdev("--json", *args).stdout)

    def read(self, path):
        return (self.sys / path).read_text()

    def write(self, path, text):
        """One write(2), as echo does it."""
        fd = os.open(self.sys / path, os.O_WRONLY)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)


def open_dev_fuse(directory):
    """In this mount namespace, let all users have /dev/fuse, as distributions do."""
    real = os.stat("/dev/fuse")
    if real.st_mode & 0o006:
        return
    node = os.path.join(directory, "fuse")
    try:
        os.mknod(node, 0o666 | stat.S_IFCHR, real.st_rdev)
        os.chmod(node, 0o666)
        os.close(os.open(node, os.O_RDWR))
    except OSError:
        return  # tests that need it are skipped
    libc.mount(node.encode(), b"/dev/fuse", None, MS_BIND, None)


@pytest.fixture(scope="session")
def private_mounts():
    """What a broken test leaves mounted goes with this process."""
    if not os.path.exists("/dev/fuse"):
        pytest.skip("there is no /dev/fuse")
    if os.geteuid() != 0 or libc.unshare(CLONE_NEWNS) != 0:
        yield
        return
    libc.mount(b"none", b"/", None, MS_REC_PRIVATE, None)
    with tempfile.TemporaryDirectory(prefix="umdev-dev-") as directory:
        open_dev_fuse(directory)
        yield
        libc.umount2(b"/dev/fuse", MNT_DETACH)


@pytest.fixture
def build_for_all(private_mounts):
    """The build by a name that other users can reach, for programs that run as one of them."""
    with reachable(BUILD) as build:
        yield build


@pytest.fixture
def daemon(private_mounts):
    """An umdevd that is not started yet; whatever runs at the end of the test is stopped."""
    directory = tempfile.mkdtemp(prefix="umdev-test-")
    os.chmod(directory, 0o755)
    instance = Daemon(directory)
    yield instance
    if instance.process:
        try:
            instance.stop()
        finally:
            if instance.process:
                instance.kill()
    for line in reversed(mounts_below(directory)):
        libc.umount2(line.split()[4].encode(), MNT_DETACH)
    shutil.rmtree(directory)


@pytest.fixture
def idle_view(daemon):
    """The view of a daemon that is still to be started, for whoever runs the tests (mostly root)."""
    return view_module.View(daemon, BUILD)


@pytest.fixture
def view(idle_view):
    """The same with mtty."""
    return idle_view.start("--load", "mtty")


@pytest.fixture
def idle_user_view(build_for_all, daemon):
    """The view of an ordinary user's own daemon, which is still to be started."""
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    if not shutil.which("fusermount3") or not os.stat("/dev/fuse").st_mode & 0o006:
        pytest.skip("an ordinary user has no FUSE here")
    os.chown(daemon.directory, NOBODY, NOBODY)
    return view_module.View(daemon, build_for_all, NOBODY)


@pytest.fixture
def user_view(idle_user_view):
    """The same with mtty."""
    return idle_user_view.start("--load", "mtty")


@pytest.fixture(params=["view", "user_view"], ids=["root", "user"])
def any_view(request):
    """Both, one after the other."""
    return request.getfixturevalue(request.param)
