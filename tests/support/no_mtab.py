# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine without /etc/mtab, as a small Debian is until systemd has made it."""

import contextlib
import ctypes
import os
import pathlib
import shutil
import tempfile

MS_BIND = 1 << 12
MNT_DETACH = 2
KEPT = ("passwd", "group", "nsswitch.conf", "fuse.conf", "ld.so.cache")

libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def without_mtab():
    """With no more than KEPT in /etc. Only for a process with a mount namespace of its own."""
    with tempfile.TemporaryDirectory(prefix="umdev-etc-") as directory:
        os.chmod(directory, 0o755)
        for name in KEPT:
            with contextlib.suppress(FileNotFoundError):
                shutil.copy(f"/etc/{name}", directory)
        if libc.mount(os.fsencode(directory), b"/etc", None, MS_BIND, None):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), "/etc")
        try:
            assert not pathlib.Path("/etc/mtab").exists()
            yield
        finally:
            libc.umount2(b"/etc", MNT_DETACH)
