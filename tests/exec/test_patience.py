# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who does not go on holds up the others for a while, and not for ever."""

import contextlib
import os
import shutil
import signal
import tempfile

import pytest

from conftest import Daemon
from test_exec_build import GOOD, held, names, open_all, send

# view.c: BUILD_SECONDS; main.c: END_SECONDS; and some
BUILD_SECONDS = 20 + 30
END_SECONDS = 60 + 30


def test_a_builder_that_stops_is_given_up(view):
    bare = held(view.daemon)
    with view.control() as builder:
        builder.socket.settimeout(BUILD_SECONDS)
        assert builder.ask(command="view", net="own")["build"]
        assert view.run("echo", "built", timeout=BUILD_SECONDS).stdout == "built\n"
        answer = builder.receive()
        assert answer["errno"] == "ETIMEDOUT" and "try again" in answer["error"]
        assert builder.receive() is None
    assert held(view.daemon) != bare


@pytest.fixture
def stopped(private_mounts):
    """A file of a file system that does not answer."""
    directory = tempfile.mkdtemp(prefix="umdev-test-")
    other = Daemon(directory).start("--load", "mtty")
    other.read("bus/mdev/drivers_autoprobe")  # closing is its business no more after the first time
    try:
        fd = os.open(other.sys / "bus/mdev/drivers_autoprobe", os.O_WRONLY)
        os.write(fd, b"1")  # so that the kernel does not know its attributes any more
        other.process.send_signal(signal.SIGSTOP)
        yield fd
        other.process.send_signal(signal.SIGCONT)
        os.close(fd)
        other.stop()
    finally:
        if other.process:
            other.kill()
        shutil.rmtree(directory)


def test_it_ends_though_something_never_answers(view, stopped):
    with contextlib.ExitStack() as stack, view.control() as builder:
        assert builder.ask(command="view", net="host")["build"]
        fds = open_all(stack, **{name: GOOD[name] for name in ("vfio", "lower", "mnt")})
        send(builder, [*fds.values(), stopped], names(*fds, "sys"))
        # Others are served meanwhile.
        assert view.run("echo", "served").stdout == "served\n"
        view.daemon.process.terminate()
        assert view.daemon.process.wait(timeout=END_SECONDS) == 1
        assert "something keeps this from ending in order: giving up" in view.daemon.log()
        view.daemon.finish()
    # The next one cleans up.
    view.start("--load", "mtty")
    assert view.run("true").returncode == 0
