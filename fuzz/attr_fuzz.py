#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Write nonsense to every writable file of a mounted tree.

After each write the error, if any, must be one that an attribute may give; after each round the
server must answer and the tree must be what it was. What was written last is printed when
something is wrong, with the seed that brings it back.
"""

import argparse
import errno
import fnmatch
import os
import random
import stat
import sys
import time

PAGE = 4096

# What a store() may say of nonsense; ENOTCONN, ECONNABORTED, ESTALE, EINTR are a server's faults.
SANE = {
    getattr(errno, name)
    for name in """EINVAL EPERM EACCES EIO ENODEV ENXIO ENOENT EBUSY EEXIST ENOSPC EFBIG ERANGE
    E2BIG EAGAIN EOPNOTSUPP EUSERS EMSGSIZE ENAMETOOLONG ENOTUNIQ""".split()
}

WORDS = [
    b"add", b"change", b"remove", b"bind", b"on", b"off", b"y", b"n", b"none", b"pty", b"unix",
    b"add 0 A=B", b"../../../etc/passwd", b"/", b"%s%s%s%n", b"-", b"--", b"(null)", b"=", b"A=",
]  # fmt: skip
NUMBERS = [b"0", b"1", b"-1", b"0x10", b"4294967295", b"4294967296", b"18446744073709551616"]


def garbage(rng):
    """Bytes of one of the kinds that have broken parsers."""
    kind = rng.randrange(8)
    if kind == 0:
        return b""
    if kind == 1:
        return rng.randbytes(rng.randrange(1, 64))
    if kind == 2:
        return rng.randbytes(rng.choice([PAGE - 1, PAGE, PAGE + 1, 3 * PAGE, 200000]))
    if kind == 3:
        return rng.choice(WORDS) + b"\0" + rng.choice(WORDS)
    if kind == 4:
        return rng.choice(WORDS) + rng.choice([b"", b"\n", b"\n\n", b" \n", b"\0\n"])
    if kind == 5:
        return rng.choice(NUMBERS) + rng.choice([b"", b"\n", b" ", b"x"])
    if kind == 6:
        uuid = "%032x" % rng.getrandbits(128)
        text = "-".join((uuid[:8], uuid[8:12], uuid[12:16], uuid[16:20], uuid[20:]))
        at = rng.randrange(len(text))
        return (text[:at] + rng.choice("gz-\n {") + text[at:]).encode()
    return bytes([rng.choice(b"\0\n \xff=-/aA")]) * rng.choice([1, 2, 100, PAGE - 1, PAGE])


def reads_as_number(data):
    text = data.split(b"\0")[0].strip().lstrip(b"+-")
    return text[:1].isdigit()


def tree_of(root):
    """Every path with what stat() shows of it that a write may not change."""
    tree = {}
    for top, dirs, files in os.walk(root):
        for name in dirs + files:
            path = os.path.join(top, name)
            st = os.lstat(path)
            target = os.readlink(path) if stat.S_ISLNK(st.st_mode) else None
            tree[path] = (stat.filemode(st.st_mode), st.st_size, st.st_ino, target)
    return tree


def matches(path, patterns):
    return any(fnmatch.fnmatch(path, pattern) for pattern in patterns)


def complain(what, path, data, args):
    print(f"attr_fuzz: {path}: {what}", file=sys.stderr)
    print(f"attr_fuzz: after writing {len(data)} bytes: {data[:200]!r}", file=sys.stderr)
    print(f"attr_fuzz: again with --seed {args.seed}", file=sys.stderr)
    sys.exit(1)


def write_to(path, data, rng, args):
    """Return whether it was taken."""
    flags = os.O_WRONLY | (os.O_TRUNC if rng.random() < 0.5 else 0)
    try:
        fd = os.open(path, flags)
    except PermissionError:
        return False  # its mode says that it can be written to, its owner has not made it so
    except OSError as error:
        complain(f"cannot be opened: {error.strerror}", path, data, args)
    try:
        offset = rng.choice([0, 0, 0, 1, PAGE, 1 << 40])
        taken = os.pwrite(fd, data, offset) if offset else os.write(fd, data)
    except OSError as error:
        if error.errno not in SANE:
            complain(f"says {errno.errorcode.get(error.errno, error.errno)}", path, data, args)
        return False
    finally:
        os.close(fd)
    if taken > PAGE or taken > len(data) or (data and not taken):
        complain(f"took {taken} bytes", path, data, args)
    return True


def compare(before, after, last, args):
    if before == after:
        return
    for path in sorted(set(before) | set(after)):
        if before.get(path) != after.get(path):
            was, now = (tree.get(path, "absent") for tree in (before, after))
            print(f"attr_fuzz: {path} was {was}, is {now}", file=sys.stderr)
    complain("was written to last, and the tree is not what it was", *last, args)


def main():
    parser = argparse.ArgumentParser(description="write nonsense to the attributes of a mount")
    parser.add_argument("mount")
    parser.add_argument("--seconds", type=float, help="go on for so long (default: by rounds)")
    parser.add_argument("--rounds", type=int, default=20, help="writes to each file (default 20)")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument(
        "--exclude", action="append", default=[], metavar="GLOB", help="do not write to these"
    )
    parser.add_argument(
        "--no-numbers",
        action="append",
        default=["*/remove"],
        metavar="GLOB",
        help="write nothing to these that reads as a number (default: */remove)",
    )
    args = parser.parse_args()
    rng = random.Random(args.seed)
    before = tree_of(args.mount)
    files = [
        path
        for path, (mode, *_) in sorted(before.items())
        if mode[0] == "-" and "w" in mode and not matches(path, args.exclude)
    ]
    if not files:
        parser.error(f"{args.mount}: there is no file to write to")
    last = (files[0], b"")
    end = time.monotonic() + (args.seconds or 0)
    rounds = writes = taken = 0
    while time.monotonic() < end if args.seconds else rounds < args.rounds:
        rng.shuffle(files)
        for path in files:
            data = garbage(rng)
            if matches(path, args.no_numbers) and reads_as_number(data):
                continue
            last = (path, data)
            taken += write_to(path, data, rng, args)
            writes += 1
        compare(before, tree_of(args.mount), last, args)
        rounds += 1
    print(
        f"attr_fuzz: {writes} writes to {len(files)} files in {rounds} rounds, "
        f"{taken} taken, seed {args.seed}"
    )


if __name__ == "__main__":
    main()
