# SPDX-License-Identifier: LGPL-2.1-or-later
"""A build that every user can run from, also when it lies below a closed home directory."""

import contextlib
import ctypes
import os
import pathlib
import tempfile

MS_BIND = 1 << 12
MNT_DETACH = 2

libc = ctypes.CDLL(None, use_errno=True)


def is_open(path):
    """May everybody go to @path?"""
    path = pathlib.Path(path).resolve()
    return all(directory.stat().st_mode & 0o001 for directory in [path, *path.parents])


@contextlib.contextmanager
def reachable(build):
    """
    @build, or another name for it that everybody can reach.

    Only for a process with a mount namespace of its own.
    """
    if is_open(build):
        yield pathlib.Path(build)
        return
    with tempfile.TemporaryDirectory(prefix="umdev-build-") as directory:
        os.chmod(directory, 0o755)
        if libc.mount(os.fsencode(build), directory.encode(), None, MS_BIND, None):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(build))
        try:
            yield pathlib.Path(directory)
        finally:
            libc.umount2(directory.encode(), MNT_DETACH)
