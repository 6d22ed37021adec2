# SPDX-License-Identifier: LGPL-2.1-or-later
"""A board with DMA engines, as one who administers it sees it: outside of any view, in the instance's own tree."""

import os
import shutil
import subprocess

import pytest

from view import View, module_path

NOBODY = 65534

TIMEOUT = 60
FIRST, SECOND, THIRD = "10000000.dma", "20000000.dma", "30000000.dma"
USUAL, VFIO = "umdev-dmac", "vfio-platform"

BUS = "bus/platform"


class Board:
    """The devices of @view's daemon, and who has them. All is done as the view's user."""

    def __init__(self, view):
        self.view = view
        self.blobs = view.build / "tests/platform"
        self.sys = view.daemon.sys

    def start(self, *modules, tree="dmac"):
        """
        Start the daemon with a tree and modules, in this order.

        The usual driver is where only who names its file finds it: nobody else loads it for a device that comes.
        """
        path = [name for name in module_path(self.view.build).split(":") if not name.endswith("/umdev_dmac")]
        load = [f"--load={self.file(name)}" for name in modules]
        self.view.daemon.program = self.view.build / "src/umdevd/umdevd"
        self.view.daemon.start(f"--load=platform,dtb={self.blobs}/{tree}.dtb", *load,
                               env={"UMDEV_MODULE_PATH": ":".join(path)}, **self.view.as_user())

    def file(self, module):
        """What to load a module by."""
        return self.view.build / "drivers/umdev_dmac/umdev_dmac.so" if module == "umdev_dmac" else module

    def load(self, module):
        self.umdev("modprobe", self.file(module))

    # ---- its tree ----

    def outside(self, *argv, check=True):
        done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, timeout=TIMEOUT,
                              env={**os.environ, "LC_ALL": "C"}, **{"cwd": "/", **self.view.as_user()})
        assert not check or done.returncode == 0, f"{argv}: {done} {self.view.daemon.log()}"
        return done

    def write(self, path, text):
        """One write(2). Return: "" or what is wrong, as strerror() says it."""
        script = 'printf %s "$1" > "$2"'
        done = self.outside("bash", "-c", script, "bash", text, self.sys / path, check=False)
        return done.stderr.strip().rpartition(": ")[2]

    def read(self, path):
        return self.outside("cat", self.sys / path).stdout

    def exists(self, path):
        return self.outside("test", "-e", self.sys / path, check=False).returncode == 0

    # ---- its devices ----

    def device(self, name, attribute=""):
        return f"{BUS}/devices/{name}/{attribute}"

    def owner(self, name):
        """The driver that has it, or None."""
        done = self.outside("readlink", self.sys / self.device(name, "driver"), check=False)
        return done.stdout.strip().rpartition("/")[2] or None

    def owners(self, *names):
        return tuple(self.owner(name) for name in names)

    def bind(self, name, driver):
        return self.write(f"{BUS}/drivers/{driver}/bind", name)

    def unbind(self, name, driver):
        return self.write(f"{BUS}/drivers/{driver}/unbind", name)

    def probe(self, name):
        return self.write(f"{BUS}/drivers_probe", name)

    def mark(self, name, marked):
        return self.write(self.device(name, "explicit_bind_only"), "1" if marked else "0")

    def socket(self, name):
        """Where VFIO's driver serves it."""
        script = 'cat "$1"/vfio*/socket'
        return self.outside("sh", "-c", script, "sh", self.sys / self.device(name, "vfio-dev")).stdout.strip()

    # ---- the usual driver ----

    def test(self, name, size=100000):
        """Have it copy. Return: as write()."""
        return self.write(self.device(name, "dmatest"), str(size))

    def channel(self, name, attribute):
        script = 'cat "$1"/dma*chan0/"$2"'
        shown = self.outside("sh", "-c", script, "sh", self.sys / self.device(name, "dma"), attribute)
        return int(shown.stdout)

    # ---- others who come and go ----

    def umdev(self, *args):
        environment = {"UMDEV_RUNTIME_DIR": str(self.view.daemon.runtime)}
        done = subprocess.run([str(self.view.umdev), *map(str, args)], capture_output=True, text=True,
                              timeout=TIMEOUT, env={**os.environ, **environment},
                              **{"cwd": "/", **self.view.as_user()})
        assert done.returncode == 0, f"{args}: {done} {self.view.daemon.log()}"
        return done.stdout

    def plug(self, overlay="dmac_more"):
        return self.write(f"{BUS}/add_overlay", f"more {self.blobs}/{overlay}.dtb")

    def unplug(self):
        return self.write(f"{BUS}/remove_overlay", "more")


@pytest.fixture(params=["root", "user"])
def start_board(request, daemon, build_for_all):
    """As Board.start(); root's instance and somebody else's. Return: the Board."""
    user = None if request.param == "root" else NOBODY
    if user and os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    if user and (not shutil.which("fusermount3") or not os.stat("/dev/fuse").st_mode & 0o006):
        pytest.skip("an ordinary user has no FUSE here")
    if user:
        os.chown(daemon.directory, user, user)

    def start(*modules, tree="dmac"):
        board = Board(View(daemon, build_for_all, user))
        board.start(*modules, tree=tree)
        return board

    return start
