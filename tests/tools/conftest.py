# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tools of this machine's Debian and of Debian 13, in the view of an instance."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from release import NAMES, Release  # noqa: E402
from view import View  # noqa: E402


@pytest.fixture(params=NAMES)
def tools(request, daemon):
    """The tools of one Debian, for commands in the view of `daemon`."""
    directory = daemon.directory / "tools"
    directory.mkdir()
    with Release(request.param, directory, daemon.program.parents[2]) as release:
        yield release


@pytest.fixture
def view(daemon, tools):
    """Runs commands in the view, as root. The test starts the daemon."""
    return View(daemon, tools)
