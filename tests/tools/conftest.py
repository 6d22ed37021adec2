# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tools of this machine's Debian and of Debian 13, in the view of an instance."""

import contextlib
import os

import pytest

from release import NAMES, Release, missing
from tool_view import ToolView

NOBODY = 65534


@pytest.fixture(params=NAMES)
def release_name(request):
    return request.param


@pytest.fixture(params=[None, NOBODY], ids=["root", "user"])
def any_user(request):
    return request.param


@contextlib.contextmanager
def view_of(daemon, build, name, user):
    directory = daemon.directory / "tools"
    directory.mkdir()
    if user is not None and not os.stat("/dev/fuse").st_mode & 0o006:
        missing("/dev/fuse is closed to others here")
    if user is not None:
        os.chown(daemon.directory, user, user)
    with Release(name, directory, build, user or 0) as release:
        yield ToolView(daemon, release, user)


@pytest.fixture
def view(daemon, build_for_all, release_name):
    """The view of an instance of root's, with the tools of one Debian. The test starts the daemon."""
    with view_of(daemon, build_for_all, release_name, None) as made:
        yield made


@pytest.fixture
def any_view(daemon, build_for_all, release_name, any_user):
    """The same for root's and for an ordinary user's."""
    with view_of(daemon, build_for_all, release_name, any_user) as made:
        yield made
