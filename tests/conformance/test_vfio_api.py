# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a kernel's VFIO answered a plain C program, and what the same program is answered in the view."""

import pathlib
import shutil

import pytest

import transcript

HERE = pathlib.Path(__file__).parent
FIRST = "info errors"


def run_sections(view, **environment):
    script = shutil.copy(HERE / "vfio-api-mtty.sh", view.daemon.directory)
    program = shutil.copy(view.build / "tests/conformance/vfio_api", view.daemon.directory)
    path = f"{view.daemon.directory}:/usr/bin:/bin"
    shown = view.run("sh", script, env={"PATH": path, **environment})
    assert shown.stderr == "", program
    return shown.stdout.splitlines()


def test_a_programs_first_steps_are_the_kernels(any_view):
    transcript.check("vfio-api-mtty", run_sections(any_view, SECTIONS=FIRST))


def test_the_corners_are_the_kernels(any_view):
    transcript.check("vfio-api-mtty-more", run_sections(any_view))
