# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Opens all files below these directories in each way, writes nothing, and prints what came of it as
JSON: {path: [format and mode, size, uid, gid, where it leads or {way: errno}]}.

usage: open_all.py DIRECTORY...
"""

import errno
import json
import os
import stat
import sys

WAYS = {"r": os.O_RDONLY, "w": os.O_WRONLY, "rw": os.O_RDWR}


def opened(path):
    ends = {}
    for way, flags in WAYS.items():
        try:
            os.close(os.open(path, flags | os.O_NONBLOCK))
            ends[way] = "OK"
        except OSError as error:
            ends[way] = errno.errorcode[error.errno]
    return ends


def facts(path):
    try:
        status = os.lstat(path)
        found = [oct(status.st_mode), status.st_size, status.st_uid, status.st_gid]
        if stat.S_ISREG(status.st_mode):
            found.append(opened(path))
        elif stat.S_ISLNK(status.st_mode):
            found.append(os.readlink(path))
    except OSError as error:
        return errno.errorcode[error.errno]
    return found


def main(tops):
    found = {}
    for top in tops:
        for path, dirs, files in os.walk(top):
            dirs[:] = [name for name in dirs if not os.path.ismount(os.path.join(path, name))]
            for name in dirs + files:
                found[os.path.join(path, name)] = facts(os.path.join(path, name))
    json.dump(found, sys.stdout)


main(sys.argv[1:])
