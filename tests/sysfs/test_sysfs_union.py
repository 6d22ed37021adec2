# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tree above the machine's own sysfs, and above an ordinary directory that stands for one."""

import contextlib
import ctypes
import os
import random
import select
import shutil
import socket
import stat
import subprocess
import tempfile
import threading
import time

import pytest

from conftest import (
    NOBODY,
    Server,
    build_dir,
    content,
    errno_of,
    libc,
    poll_of,
    run_as,
    unmount,
    write_once,
)

CLONE_NEWNET = 0x40000000
CLONE_NEWUSER = 0x10000000
MS_REMOUNT = 32
NETLINK_KOBJECT_UEVENT = 15
WALKED_MOST = 6000
UUID = "12345678-1234-1234-1234-123456789abc"


class Union(Server):
    """A running union_server."""

    def __init__(self, mountpoint, lower, *options):
        self.path = mountpoint
        self.lower = lower
        self.log = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen(
            [build_dir() / "tests" / "sysfs" / "union_server", mountpoint, lower, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        self.ready = self.process.stdout.readline().strip()
        assert self.ready == "ready", f"{self.ready}: {self.read_log()}"

    def heap(self):
        self.send("heap")
        return int(self.answer())

    def open_files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


@pytest.fixture
def start(mountpoint):
    """Start servers at the mount point; each has to end in order."""
    started = []

    def start(lower, *options):
        started.append(Union(mountpoint, str(lower), *options))
        return started[-1]

    yield start
    for union in started:
        status = union.quit()
        assert status == 0, union.read_log()
        assert not union.read_log()


@pytest.fixture
def lower(tmp_path):
    tmp_path.chmod(0o755)
    for above in tmp_path.parents[:3]:
        if above != above.parent and above.owner() == "root" and str(above).startswith("/tmp/"):
            above.chmod(0o755)
    return tmp_path


def fill(path, text="below\n"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


# What is where.


def test_a_name_that_the_tree_does_not_have_is_the_lower_ones(start, lower):
    fill(lower / "a" / "b" / "file", "deep\n")
    os.symlink("../a/b", lower / "a" / "link")
    union = start(lower)
    union.command("add a")
    assert content(union.path + "/a/b/file") == "deep\n"
    assert content(union.path + "/a/link/../b/file") == "deep\n"
    assert os.readlink(union.path + "/a/link") == "../a/b"
    assert content(union.path + "/a/value") == "a of the tree\n"


def test_a_directory_that_both_have_lists_both_and_each_name_once(start, lower):
    fill(lower / "a" / "value")
    fill(lower / "a" / "own")
    union = start(lower)
    union.command("add a")
    union.command("add a/inner")
    assert sorted(os.listdir(union.path + "/a")) == ["inner", "own", "value"]
    assert content(union.path + "/a/value") == "a of the tree\n"
    assert os.listdir(union.path + "/a/inner") == ["value"]


def test_a_large_merged_directory_is_listed_whole_and_once(start, lower):
    names = {f"entry-{i:05}" for i in range(1200)}
    for name in names:
        fill(lower / "a" / name)
    union = start(lower)
    union.command("add a")
    for name in ("a/entry-00000", "a/entry-00600", "a/entry-99999"):
        union.command("add " + name)
    listed = os.listdir(union.path + "/a")
    assert len(listed) == len(set(listed))
    assert set(listed) == names | {"entry-99999", "value"}


def test_the_tree_hides_what_has_the_same_name_below(start, lower):
    fill(lower / "a" / "value" / "file")
    os.symlink("/etc", lower / "b")
    fill(lower / "c", "a file below\n")
    union = start(lower)
    for name in "abc":
        union.command("add " + name)
    assert stat.S_ISREG(os.stat(union.path + "/a/value").st_mode)
    assert os.listdir(union.path + "/b") == ["value"]
    assert errno_of(os.stat, union.path + "/b/passwd") == "ENOENT"
    assert os.listdir(union.path + "/c") == ["value"]
    assert errno_of(os.stat, union.path + "/c/x") == "ENOENT"


def test_a_directory_becomes_merged_and_plain_again(start, lower):
    fill(lower / "a" / "own")
    union = start(lower)
    for _ in range(3):
        assert os.listdir(union.path + "/a") == ["own"]
        union.command("add a")
        assert sorted(os.listdir(union.path + "/a")) == ["own", "value"]
        assert content(union.path + "/a/own") == "below\n"
        union.command("remove a")
    assert errno_of(os.stat, union.path + "/a/value") == "ENOENT"


def test_the_lower_side_of_a_directory_may_come_and_go(start, lower):
    union = start(lower)
    union.command("add a")
    for _ in range(3):
        assert os.listdir(union.path + "/a") == ["value"]
        fill(lower / "a" / "own")
        assert sorted(os.listdir(union.path + "/a")) == ["own", "value"]
        shutil.rmtree(lower / "a")
        assert errno_of(os.stat, union.path + "/a/own") == "ENOENT"


def test_no_two_things_have_the_same_inode_number(start, lower):
    for i in range(50):
        fill(lower / "a" / str(i))
    union = start(lower)
    union.command("add a")
    seen = {}
    for top, dirs, files in os.walk(union.path):
        for name in dirs + files:
            path = os.path.join(top, name)
            assert seen.setdefault(os.lstat(path).st_ino, path) == path
    with os.scandir(union.path + "/a") as entries:
        for entry in entries:
            assert entry.inode() == os.lstat(entry.path).st_ino


def test_what_has_no_place_in_a_sysfs_is_not_there(start, lower):
    os.mkfifo(lower / "pipe")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(lower / "socket"))
    union = start(lower)
    assert os.listdir(union.path) == []
    assert errno_of(os.stat, union.path + "/pipe") == "ENOENT"
    assert errno_of(os.stat, union.path + "/socket") == "ENOENT"


def test_links_are_not_followed_by_the_server(start, lower, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    fill(outside / "secret")
    os.symlink(outside, lower / "way-out")
    fill(lower / "dir" / "secret")
    union = start(lower)
    fd = os.open(union.path + "/dir", os.O_PATH)
    (lower / "dir").rename(lower / "old")
    os.symlink(outside, lower / "dir")
    # The directory that was found is not there any more, whatever its name leads to now.
    assert errno_of(os.stat, f"/proc/self/fd/{fd}/secret") == "ENOENT"
    os.close(fd)
    assert os.readlink(union.path + "/way-out") == str(outside)


def test_strange_names_are_names(start, lower):
    chance = random.Random(1)
    alphabet = [chr(c) for c in range(1, 128) if chr(c) != "/"] + ["ä", "…", "\udcff"]
    names = {"...", " ", "\n", "%s%n", "-rf", "x" * 255, "..a", ".a", "a..", "\\"}
    while len(names) < 300:
        names.add("".join(chance.choices(alphabet, k=chance.randint(1, 60))))
    names -= {".", ".."}
    for name in names:
        fill(lower / "strange" / name, repr(name))
    union = start(lower)
    union.command("add strange")
    assert set(os.listdir(union.path + "/strange")) == names | {"value"}
    for name in names:
        assert content(f"{union.path}/strange/{name}") == repr(name)
        assert errno_of(os.stat, f"{union.path}/strange/{name}/x") == "ENOTDIR"


def test_a_path_that_is_too_long_is_an_error(start, lower):
    union = start(lower)
    fd = os.open(str(lower), os.O_PATH)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=fd)
        deeper = os.open("d" * 250, os.O_PATH, dir_fd=fd)
        os.close(fd)
        fd = deeper
    os.close(fd)
    fd = os.open(union.path, os.O_PATH)
    depth = 0
    while True:
        try:
            deeper = os.open("d" * 250, os.O_PATH, dir_fd=fd)
        except OSError as error:
            assert error.errno == 36, error  # ENAMETOOLONG
            break
        os.close(fd)
        fd = deeper
        depth += 1
    os.close(fd)
    assert depth == 16
    subprocess.run(["rm", "-rf", str(lower / ("d" * 250))], check=True)


# Files.


def test_a_file_is_read_and_written_at_offsets(start, lower):
    blob = bytes(random.Random(2).randbytes(300_000))
    (lower / "blob").write_bytes(blob)
    union = start(lower)
    fd = os.open(union.path + "/blob", os.O_RDWR | os.O_TRUNC | os.O_CREAT)
    assert os.fstat(fd).st_size == len(blob)
    assert os.pread(fd, 16, 4000) == blob[4000:4016]
    assert os.pread(fd, 200_000, 1) == blob[1:200_001]
    assert os.pread(fd, 10, len(blob)) == b""
    assert os.pwrite(fd, b"new", 7) == 3
    os.close(fd)
    assert (lower / "blob").read_bytes() == blob[:7] + b"new" + blob[10:]


def test_the_machine_is_not_changed_by_chmod_and_its_like(start, lower):
    path = fill(lower / "file")
    before = path.stat()
    union = start(lower)
    name = union.path + "/file"
    assert errno_of(os.chmod, name, 0o600) == "EPERM"
    assert errno_of(os.chown, name, 1, 1) == "EPERM"
    assert errno_of(os.utime, name) == "EPERM"
    assert errno_of(os.truncate, name, 0) is None
    assert errno_of(os.unlink, name) == "EPERM"
    assert errno_of(os.mkdir, union.path + "/dir") == "EPERM"
    assert errno_of(os.open, union.path + "/new", os.O_CREAT | os.O_WRONLY) == "EACCES"
    assert path.stat() == before


def test_a_file_cannot_be_mapped_as_shared(start, lower):
    import mmap

    fill(lower / "file")
    union = start(lower)
    fd = os.open(union.path + "/file", os.O_RDWR)
    assert errno_of(mmap.mmap, fd, 6) == "ENODEV"
    os.close(fd)


def test_all_belongs_to_root_if_that_is_all_there_is(start, lower):
    os.chown(fill(lower / "file"), 12, 34)
    union = start(lower, "root-owned")
    there = os.stat(union.path + "/file")
    assert (there.st_uid, there.st_gid) == (0, 0)


def test_owners_are_the_lower_ones(start, lower):
    os.chown(fill(lower / "file"), 12, 34)
    union = start(lower)
    there = os.stat(union.path + "/file")
    assert (there.st_uid, there.st_gid) == (12, 34)


def test_what_was_replaced_is_another_file(start, lower):
    path = fill(lower / "file", "old\n")
    union = start(lower)
    fd = os.open(union.path + "/file", os.O_RDONLY)
    pin = os.open(union.path + "/file", os.O_PATH)
    (lower / "new").write_text("new\n")
    (lower / "new").rename(path)
    assert os.read(fd, 10) == b"old\n"
    assert content(union.path + "/file") == "new\n"
    assert errno_of(os.stat, f"/proc/self/fd/{pin}") == "ENOENT"
    os.close(fd)
    os.close(pin)


# Rights.


def test_who_is_not_root_opens_what_the_mode_bits_let_him(start, lower):
    for name, owner, group, mode in (
        ("all", 0, 0, 0o644),
        ("root", 0, 0, 0o600),
        ("own", NOBODY, 0, 0o400),
        ("group", 0, NOBODY, 0o040),
    ):
        path = fill(lower / name)
        os.chown(path, owner, group)
        path.chmod(mode)
    union = start(lower)

    def opened(flags):
        return [errno_of(os.open, f"{union.path}/{name}", flags)
                for name in ("all", "root", "own", "group")]

    assert run_as(NOBODY, lambda: opened(os.O_RDONLY)) == repr([None, "EACCES", None, None])
    assert run_as(NOBODY, lambda: opened(os.O_WRONLY)) == repr(["EACCES"] * 4)
    assert errno_of(os.open, union.path + "/root", os.O_RDWR) is None


def test_a_group_that_is_not_the_first_one_counts(start, lower):
    path = fill(lower / "file")
    os.chown(path, 0, 4242)
    path.chmod(0o040)
    union = start(lower)
    cat = subprocess.run(
        ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--groups=7,4242",
         "cat", union.path + "/file"],
        capture_output=True, text=True)
    assert cat.stdout == "below\n", cat.stderr


def pci_configs():
    top = "/sys/bus/pci/devices"
    return [f"{top}/{name}/config" for name in sorted(os.listdir(top))] if os.path.isdir(top) else []


def read_all(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        data = os.read(fd, 4096)
    finally:
        os.close(fd)
    return data


def test_capabilities_of_the_server_are_not_lent(start):
    """Beyond 64 bytes of PCI configuration space the kernel asks who opened for a capability."""
    configs = pci_configs()
    if not configs:
        pytest.skip("this machine has no PCI devices")
    union = start("/sys")
    for config in configs:
        seen = union.path + config.removeprefix("/sys")
        assert read_all(seen) == read_all(config)
        assert len(read_all(seen)) > 64
        as_nobody = run_as(NOBODY, lambda: read_all(seen))
        assert as_nobody == run_as(NOBODY, lambda: read_all(config))
        assert as_nobody == repr(read_all(config)[:64])
        # The threads that worked for nobody have their rights back.
        assert len(read_all(seen)) > 64


def without_capabilities():
    """Root, but what capabilities stand for is not his any more."""
    empty = (ctypes.c_uint32 * 6)()
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    assert libc.capset(header, empty) == 0


def in_a_user_namespace():
    """All capabilities, in a namespace where user 0 is the machine's and all else is not."""
    assert libc.unshare(CLONE_NEWUSER) == 0
    for name, text in ("setgroups", "deny"), ("uid_map", "0 0 1"), ("gid_map", "0 0 1"):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


@pytest.mark.parametrize("become", [without_capabilities, in_a_user_namespace])
def test_capabilities_of_the_server_are_not_lent_to_a_lesser_root(start, become):
    configs = pci_configs()
    if not configs:
        pytest.skip("this machine has no PCI devices")
    union = start("/sys")
    seen = union.path + configs[0].removeprefix("/sys")

    def read_and_write(path):
        become()
        return read_all(path), errno_of(lambda: os.close(os.open(path, os.O_RDWR)))

    as_lesser = run_as(0, lambda: read_and_write(seen))
    assert as_lesser == run_as(0, lambda: read_and_write(configs[0]))
    assert as_lesser.startswith(f"({read_all(configs[0])[:64]!r}, ")
    assert len(read_all(seen)) > 64


# Changes.


def test_a_reader_is_told_when_a_file_changes(start):
    """The one file here that tells those who poll it is a process's table of mounts."""
    union = start(f"/proc/{os.getpid()}")
    fd = os.open(union.path + "/mounts", os.O_RDONLY)
    # How often: what was told must be told again.
    for _ in range(3):
        while poll_of(fd):
            pass
        answers = []
        waiter = threading.Thread(target=lambda: answers.append(poll_of(fd, 20_000)))
        waiter.start()
        # This file tells of a change once, so one that comes before somebody waits may be lost on
        # the way (those of a sysfs go on telling until they are read): there will be others.
        while waiter.is_alive():
            assert libc.mount(b"tmpfs", b"/mnt", b"tmpfs", 0, None) == 0
            assert libc.umount2(b"/mnt", 2) == 0
            waiter.join(0.1)
        assert answers == [select.POLLERR | select.POLLPRI]
    os.close(fd)


def test_a_file_that_never_changes_is_waited_for_in_vain(start, lower):
    fill(lower / "file")
    union = start(lower)
    with open(union.path + "/file") as seen, open(lower / "file") as real:
        assert poll_of(seen.fileno(), 10) == poll_of(real.fileno(), 10) == 0


def test_a_device_that_goes_is_enodev_and_enoent(start):
    """A network device is a device that can be plugged without touching the machine."""
    lower = tempfile.mkdtemp(prefix="umdev-lower-")
    with own_netns(), contextlib.ExitStack() as stack:
        stack.callback(os.rmdir, lower)
        if libc.mount(b"sysfs", lower.encode(), b"sysfs", 0, None):
            pytest.skip("no sysfs can be mounted here")
        stack.callback(unmount, lower)
        union = start(lower)
        for _ in range(3):
            subprocess.run(["ip", "link", "add", "u0", "type", "bridge"], check=True)
            fd = os.open(union.path + "/class/net/u0/mtu", os.O_RDWR)
            assert os.read(fd, 10) == b"1500\n"
            assert os.write(fd, b"1400\n") == 5
            assert errno_of(write_once, union.path + "/class/net/u0/mtu", b"x") == "EINVAL"
            directory = os.open(union.path + "/class/net/u0/", os.O_RDONLY)
            subprocess.run(["ip", "link", "del", "u0"], check=True)
            assert errno_of(os.pread, fd, 10, 0) == "ENODEV"
            assert errno_of(os.pwrite, fd, b"1\n", 0) == "ENODEV"
            assert errno_of(os.stat, f"/proc/self/fd/{directory}/mtu") == "ENOENT"
            assert errno_of(os.stat, union.path + "/class/net/u0") == "ENOENT"
            os.close(fd)
            os.close(directory)


def test_walks_while_the_lower_directory_changes(start, lower):
    union = start(lower)
    union.command("add top")
    (lower / "top").mkdir()
    stop = threading.Event()
    wrong = []

    def churn(number):
        chance = random.Random(number)
        while not stop.is_set():
            name = lower / "top" / f"{number}-{chance.randrange(8)}"
            kind = chance.randrange(3)
            try:
                if name.is_dir() and not name.is_symlink():
                    shutil.rmtree(name)
                elif name.is_symlink() or name.exists():
                    name.unlink()
                elif kind == 0:
                    fill(name, str(name.name))
                elif kind == 1:
                    fill(name / "inner", str(name.name))
                else:
                    name.symlink_to("..")
            except OSError as error:
                wrong.append(error)

    def walk():
        for _ in range(100):
            for top, dirs, files in os.walk(union.path):
                for name in dirs + files:
                    path = os.path.join(top, name)
                    try:
                        with open(path) as file:
                            text = file.read()
                    except OSError as error:
                        if error.strerror not in GONE:
                            wrong.append(error)
                        continue
                    parts = os.path.basename(top) if name == "inner" else name
                    if text not in ("top of the tree\n", "", parts):
                        wrong.append((path, text))

    GONE = {os.strerror(n) for n in (2, 20, 21, 40, 116)}
    churners = [threading.Thread(target=churn, args=(n,)) for n in range(2)]
    walkers = [threading.Thread(target=walk) for _ in range(3)]
    for thread in churners + walkers:
        thread.start()
    for thread in walkers:
        thread.join()
    stop.set()
    for thread in churners:
        thread.join()
    assert not wrong, wrong[:5]


def test_what_the_kernel_has_forgotten_takes_no_memory(start, lower):
    for i in range(1500):
        fill(lower / "many" / f"{i:04}")
    union = start(lower)

    def walk():
        for name in os.listdir(union.path + "/many"):
            os.stat(f"{union.path}/many/{name}")

    def forget():
        """To remount is to forget all entries that nobody uses."""
        assert libc.mount(None, union.path.encode(), None, MS_REMOUNT, None) == 0

    if not union.heap():
        pytest.skip("a sanitizer's heap, which finds leaks by itself, does not tell its size")
    for _ in range(5):
        walk()
        known = union.heap()
        forget()
        # The kernel tells of what it forgets when it has time.
        deadline = time.monotonic() + 20
        while union.heap() > known - 1500 * 100:
            assert time.monotonic() < deadline, (known, union.heap())
    assert union.open_files() < 30


# The machine's own.

SYSFS = "/sys"
# Their numbers change by themselves, or reading them does something.
UNSTEADY = ("power", "statistics", "stats", "cpufreq", "cpuidle", "damon", "slab", "tracing", "debug",
            "fs", "hwmon", "thermal")


def walk_some():
    """Paths below /sys, relative, spread over the whole."""
    found = []
    for top, dirs, files in os.walk(SYSFS):
        dirs[:] = sorted(d for d in dirs if d not in UNSTEADY and
                         not os.path.ismount(os.path.join(top, d)))
        found += [os.path.relpath(os.path.join(top, name), SYSFS) for name in dirs + sorted(files)]
    step = max(1, len(found) // WALKED_MOST)
    return found[::step]


def facts(path, merged):
    """What can be told of a file that must be the same by both ways."""
    try:
        there = os.lstat(path)
        told = [stat.filemode(there.st_mode), there.st_uid, there.st_gid, there.st_size]
        if not merged:
            told += [there.st_nlink]
    except OSError as error:
        return error.errno
    try:
        if stat.S_ISLNK(there.st_mode):
            return told + [os.readlink(path)]
        if stat.S_ISDIR(there.st_mode):
            names = sorted(os.listdir(path))
            return told + [names if not merged else len(names) > 0]
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        return told + [error.errno]
    try:
        os.lseek(fd, 0, os.SEEK_END)
    except OSError as error:
        told += [error.errno]
    os.close(fd)
    return told


def text_of(path):
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(4096)
    except OSError as error:
        return error.errno


STEADY = {"uevent", "modalias", "vendor", "device", "class", "dev", "type", "mtu", "address", "size",
          "numa_node", "config", "resource", "driver_override", "irq", "name", "possible", "online"}


def test_the_machine_looks_the_same_through_the_view(start):
    union = start(SYSFS)
    union.command("add bus")
    union.command("add bus/own")
    merged = {"bus"}
    paths = walk_some()
    assert len(paths) > 500
    different, steady = [], 0
    for path in paths:
        both = path in merged
        read = text_of if os.path.basename(path) in STEADY else lambda _: None
        real, seen = os.path.join(SYSFS, path), os.path.join(union.path, path)
        before = facts(real, both), read(real)
        through = facts(seen, both), read(seen)
        # The machine goes on meanwhile: what was not the same before and after says nothing.
        if before != (facts(real, both), read(real)):
            continue
        steady += 1
        if through != before:
            different.append((path, through, before))
    assert not different, (len(different), different[:5])
    assert steady > len(paths) * 0.9
    assert set(os.listdir(union.path + "/bus")) == set(os.listdir(SYSFS + "/bus")) | {"own", "value"}


# Events.


@contextlib.contextmanager
def own_netns():
    """A network namespace of this thread's, and a socket that hears its events."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    assert libc.unshare(CLONE_NEWNET) == 0
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_KOBJECT_UEVENT) as ear:
            ear.bind((0, 1))
            yield ear
    finally:
        libc.setns(home, CLONE_NEWNET)
        os.close(home)


@pytest.fixture
def in_netns():
    with own_netns() as ear:
        yield ear


def hear(ear, devpath, timeout=10):
    """The keys of the next event of @devpath, without SEQNUM, which must be the last."""
    while True:
        assert select.select([ear], [], [], timeout)[0], "no event"
        head, *keys = ear.recv(8192).decode().rstrip("\0").split("\0")
        if not head.endswith("@" + devpath):
            continue
        assert keys[-1].startswith("SEQNUM=")
        assert head == keys[0].removeprefix("ACTION=") + "@" + devpath
        return keys[:-1]


@pytest.fixture
def machine(lower):
    """An ordinary directory with what a machine's sysfs has around events."""
    device = lower / "devices" / "virtual" / "mem" / "null"
    fill(device / "uevent", "MAJOR=1\nMINOR=3\nDEVNAME=null\nDEVMODE=0666\nMODALIAS=mem:null\n")
    (lower / "class" / "mem").mkdir(parents=True)
    os.symlink("../../../../class/mem", device / "subsystem")
    fill(lower / "devices" / "lonely" / "uevent", "A=1\n")
    for name in ("module/fuse", "bus/pci", "bus/pci/drivers/serial", "class/mem"):
        fill(lower / name / "uevent", "").chmod(0o200)
    return lower


DEVPATH = "/devices/virtual/mem/null"
LINES = ["MAJOR=1", "MINOR=3", "DEVNAME=null", "DEVMODE=0666", "MODALIAS=mem:null"]


@pytest.mark.parametrize("written, synth", [
    ("change", ["SYNTH_UUID=0"]),
    ("add\n", ["SYNTH_UUID=0"]),
    (f"add {UUID}\n", ["SYNTH_UUID=" + UUID]),
    (f"online {UUID} A=1 B2=x\0", ["SYNTH_UUID=" + UUID, "SYNTH_ARG_A=1", "SYNTH_ARG_B2=x"]),
])
def test_a_write_to_uevent_becomes_an_event_of_the_view(start, machine, in_netns, written, synth):
    union = start(machine, "uevents")
    before = (machine / DEVPATH[1:] / "uevent").read_text()
    assert write_once(union.path + DEVPATH + "/uevent", written.encode()) == len(written)
    action = written.split()[0].rstrip("\0")
    expected = ["ACTION=" + action, "DEVPATH=" + DEVPATH, "SUBSYSTEM=mem"] + synth + LINES
    assert hear(in_netns, DEVPATH) == expected
    assert (machine / DEVPATH[1:] / "uevent").read_text() == before


def test_an_unbind_has_no_modalias(start, machine, in_netns):
    union = start(machine, "uevents")
    write_once(union.path + DEVPATH + "/uevent", b"unbind")
    assert hear(in_netns, DEVPATH)[4:] == LINES[:-1]


@pytest.mark.parametrize("name, subsystem", [
    ("module/fuse", "module"),
    ("bus/pci", "bus"),
    ("bus/pci/drivers/serial", "drivers"),
    ("class/mem", "class"),
])
def test_what_has_no_subsystem_link_is_of_the_set_it_is_in(
        start, machine, in_netns, name, subsystem):
    union = start(machine, "uevents")
    write_once(f"{union.path}/{name}/uevent", b"change\n")
    keys = ["ACTION=change", "DEVPATH=/" + name, "SUBSYSTEM=" + subsystem, "SYNTH_UUID=0"]
    assert hear(in_netns, "/" + name) == keys


@pytest.mark.parametrize("bad", [
    "", "ad", "addd", " add", "add ", f"add {UUID[:-1]}", f"add {UUID} ", f"add {UUID} A",
    f"add {UUID} A=", f"add {UUID} =1", f"add {UUID} A-B=1", f"add {UUID} A=1 B", "change\n\n",
])
def test_what_is_no_action_is_refused_and_nobody_hears(start, machine, in_netns, bad):
    union = start(machine, "uevents")
    path = union.path + DEVPATH + "/uevent"
    if bad:
        assert errno_of(write_once, path, bad.encode()) == "EINVAL"
    assert write_once(path, b"change") == 6
    assert hear(in_netns, DEVPATH)[0] == "ACTION=change"


def test_a_device_without_subsystem_is_no_news(start, machine, in_netns):
    union = start(machine, "uevents")
    assert write_once(union.path + "/devices/lonely/uevent", b"add") == 3
    assert write_once(union.path + DEVPATH + "/uevent", b"add") == 3
    heard = ""
    while not heard.startswith("add@" + DEVPATH):
        assert select.select([in_netns], [], [], 10)[0], "no event"
        heard = in_netns.recv(8192).decode()
        assert "lonely" not in heard


def test_more_than_an_event_can_hold_is_enomem(start, machine, in_netns):
    union = start(machine, "uevents")
    (machine / DEVPATH[1:] / "uevent").write_text("".join(f"K{i}={'v' * 60}\n" for i in range(40)))
    assert errno_of(write_once, union.path + DEVPATH + "/uevent", b"add") == "ENOMEM"


def test_who_may_not_write_the_file_cannot_ask_for_events(start, machine, in_netns):
    union = start(machine, "uevents")
    path = union.path + DEVPATH + "/uevent"
    assert run_as(NOBODY, lambda: errno_of(os.open, path, os.O_WRONLY)) == repr("EACCES")
    (machine / DEVPATH[1:] / "uevent").chmod(0o444)
    assert errno_of(os.open, path, os.O_WRONLY) == "EACCES"


def test_without_a_way_to_send_a_write_is_eperm(start, machine):
    union = start(machine)
    assert errno_of(write_once, union.path + DEVPATH + "/uevent", b"add") == "EPERM"
    with open(union.path + DEVPATH + "/uevent", "r+b", buffering=0) as file:
        assert file.read().decode().splitlines() == LINES


def test_the_machine_itself_hears_nothing(start):
    path = "/devices/virtual/mem/null"
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_KOBJECT_UEVENT) as outside:
        outside.bind((0, 1))
        with own_netns() as inside:
            union = start("/sys", "uevents")
            assert write_once(union.path + path + "/uevent", b"change") == 6
            keys = hear(inside, path)
        assert keys[:4] == ["ACTION=change", "DEVPATH=" + path, "SUBSYSTEM=mem", "SYNTH_UUID=0"]
        assert keys[4:] == content("/sys" + path + "/uevent").splitlines()
        # What the machine's kernel sends is there when the write is over.
        outside.setblocking(False)
        with pytest.raises(BlockingIOError):
            while True:
                assert not outside.recv(8192).startswith(b"change@" + path.encode() + b"\0")
