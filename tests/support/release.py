# SPDX-License-Identifier: LGPL-2.1-or-later
"""
The tools that know mediated devices, of this machine's Debian and of Debian 13 (scripts/fetch-tools).

What they keep is kept in a folder of the test's: their configuration, their state. The rest of their root is as it is.
"""

import contextlib
import ctypes
import os
import pathlib
import platform
import shutil

import pytest

from reachable import reachable

MS_RDONLY, MS_REMOUNT, MS_BIND = 1, 1 << 5, 1 << 12
MNT_DETACH = 2

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = "/usr/bin/python3"
SBIN = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# Where the tools keep what they are told, and what has to be there for them.
PRIVATE = {
    "etc/mdevctl.d": ["scripts.d/callouts", "scripts.d/notifiers"],
    "etc/driverctl.d": [],
    "etc/udev/rules.d": [],
    "etc/libvirt": [],
    "var/lib/libvirt": [],
    "var/log/libvirt": [],
    "var/cache/libvirt": [],
}

libc = ctypes.CDLL(None, use_errno=True)


def own_name():
    with contextlib.suppress(OSError):
        return platform.freedesktop_os_release().get("VERSION_CODENAME", "own")
    return "own"


OWN = own_name()
NAMES = [OWN] if OWN == "trixie" else [OWN, "trixie"]


def missing(text):
    """What a test needs is not here: that is a failure where all of it is to be tested."""
    if os.environ.get("CI"):
        pytest.fail(text)
    pytest.skip(text)


def need(program, package):
    """This machine's @program, or the test is skipped."""
    found = shutil.which(program, path=f"{SBIN}:/lib/systemd:/usr/lib/systemd")
    return found or missing(f"no {program} (run: apt-get install {package})")


def bind(source, target, flags=0):
    def mount(more):
        if libc.mount(os.fsencode(source), os.fsencode(target), None, MS_BIND | more, None):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(target))

    mount(0)
    if flags:
        mount(MS_REMOUNT | flags)


def existing(path):
    """@path, or what is above it and is there."""
    while not path.is_dir():
        path = path.parent
    return path


class Release:
    """
    The tools of one Debian. To be used in a `with` before the first `umdev exec` of an instance, since
    what is mounted here is what the view shows. Needs a mount namespace of the test's.
    """

    def __init__(self, name, directory, build, owner=0):
        """
        @directory: an empty one for its files, in /tmp, which the root of another release shows, too
        @build: that of umdev; self.build is its name in the release
        @owner: whose the files are
        """
        self.name = name
        self.is_own = name == OWN
        self.directory = pathlib.Path(directory)
        self.own_build = pathlib.Path(build)
        self.build = self.own_build if self.is_own else self.directory / "build"
        self.owner = owner
        self.state = self.directory / "state"
        self.root = pathlib.Path("/") if self.is_own else self.directory / "root"
        self.cleanup = contextlib.ExitStack()
        if not self.is_own:
            self.fetched = pathlib.Path(os.environ.get("UMDEV_TOOLS", HERE.parents[1] / "build/tools"))
            if not (self.fetched / "packages").exists():
                missing(f"no tools of Debian 13 in {self.fetched} (run: scripts/fetch-tools {self.fetched})")

    def need(self, program, package):
        if self.is_own:
            need(program, package)

    def file(self, path):
        """By what name the test finds a private file of the tools', such as /etc/mdevctl.d/scripts.d."""
        return self.state / str(path).lstrip("/")

    def command(self, *argv, pids="own-pids"):
        """What to run in the view, so that @argv is run with the tools of this release; @pids: see enter_root.py."""
        argv = [str(word) for word in argv]
        if self.is_own:
            return argv
        return [PYTHON, "-c", (HERE / "enter_root.py").read_text(), pids, str(self.root), *argv]

    def mount(self, source, target, flags=0):
        bind(source, target, flags)
        self.cleanup.callback(libc.umount2, os.fsencode(target), MNT_DETACH)

    def make_state(self):
        for path, inside in PRIVATE.items():
            for name in ["", *inside]:
                (self.state / path / name).mkdir(parents=True, exist_ok=True)
        for top in [self.directory, *self.directory.rglob("*")]:
            os.chown(top, self.owner, -1)
        os.chmod(self.directory, 0o755)

    def __enter__(self):
        if os.geteuid() != 0:
            missing("needs root, to mount what is the test's own")
        with contextlib.ExitStack() as undo:
            undo.callback(self.cleanup.close)
            self.make_state()
            if not self.is_own:
                self.root.mkdir()
                fetched = self.cleanup.enter_context(reachable(self.fetched))
                self.mount(fetched / "root", self.root, MS_RDONLY)
                self.build.mkdir()
                self.mount(self.own_build, self.build)
            for path in PRIVATE:
                target = existing(self.root / path)
                self.mount(self.state / target.relative_to(self.root), target)
            undo.pop_all()
        return self

    def __exit__(self, *exc):
        self.cleanup.close()

