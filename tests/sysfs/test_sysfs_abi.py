# SPDX-License-Identifier: LGPL-2.1-or-later
"""The mount against what the kernel's sysfs does.

Where the machine's own /sys can be asked the same question, the two answers are compared.
"""

import fcntl
import mmap
import os
import select
import stat
import subprocess
import threading

import pytest

from conftest import NOBODY, content, errno_of, libc, poll_of, run_as, write_once

REAL = {
    "dir": "/sys/kernel",
    "ro": "/sys/kernel/uevent_seqnum",
    "wo": "/sys/bus/platform/drivers_probe",
    "rw": "/sys/bus/platform/drivers_autoprobe",
    "link": "/sys/class/net/lo",
}


@pytest.fixture
def pairs(plain):
    """Ours and the kernel's, of each kind."""
    ours = {"dir": plain, **{k: os.path.join(plain, k) for k in ("ro", "wo", "rw", "link")}}
    if os.statvfs("/sys").f_flag & os.ST_RDONLY:
        pytest.skip("this machine's /sys is read-only and cannot be made otherwise")
    for kind, path in REAL.items():
        if not os.path.lexists(path):
            pytest.skip(f"this kernel has no {path} to compare with")
        assert os.lstat(path).st_mode == os.lstat(ours[kind]).st_mode, f"{path} is of another mode"
    return ours, REAL


def open_errno(path, flags, mode=0o644):
    def call():
        os.close(os.open(path, flags, mode))

    return errno_of(call)


def read_at(fd, size, offset):
    return os.pread(fd, size, offset).decode()


# Parity: the same question to both.

ERRNO_QUESTIONS = {
    "mkdir": lambda f: os.mkdir(f["dir"] + "/newdir"),
    "mkdir_existing": lambda f: os.mkdir(f["dir"]),
    "mknod": lambda f: os.mknod(f["dir"] + "/newnode"),
    "mkfifo": lambda f: os.mkfifo(f["dir"] + "/newfifo"),
    "unlink": lambda f: os.unlink(f["ro"]),
    "unlink_missing": lambda f: os.unlink(f["dir"] + "/missing"),
    "unlink_link": lambda f: os.unlink(f["link"]),
    "unlink_dir": lambda f: os.unlink(f["dir"]),
    "rmdir": lambda f: os.rmdir(f["dir"]),
    "rmdir_file": lambda f: os.rmdir(f["ro"]),
    "rename": lambda f: os.rename(f["ro"], f["ro"] + ".new"),
    "rename_over": lambda f: os.rename(f["ro"], f["ro"]),
    "rename_dir": lambda f: os.rename(f["dir"], f["dir"] + ".new"),
    "hard_link": lambda f: os.link(f["ro"], f["dir"] + "/newlink"),
    "symlink": lambda f: os.symlink("target", f["dir"] + "/newlink"),
    "truncate_0444": lambda f: os.truncate(f["ro"], 0),
    "truncate_0200": lambda f: os.truncate(f["wo"], 100),
    "truncate_larger": lambda f: os.truncate(f["rw"], 100000),
    "truncate_dir": lambda f: os.truncate(f["dir"], 0),
    "setxattr_user": lambda f: os.setxattr(f["ro"], "user.x", b"1"),
    "setxattr_unknown": lambda f: os.setxattr(f["ro"], "foo.x", b"1"),
    "getxattr_user": lambda f: os.getxattr(f["ro"], "user.x"),
    "getxattr_trusted": lambda f: os.getxattr(f["ro"], "trusted.umdev-none"),
    "getxattr_acl": lambda f: os.getxattr(f["ro"], "system.posix_acl_access"),
    "removexattr_user": lambda f: os.removexattr(f["ro"], "user.x"),
    "removexattr_trusted": lambda f: os.removexattr(f["ro"], "trusted.umdev-none"),
    "removexattr_security": lambda f: os.removexattr(f["ro"], "security.umdev-none"),
    "lookup_missing": lambda f: os.stat(f["dir"] + "/missing"),
    "lookup_long_name": lambda f: os.stat(f["dir"] + "/" + "n" * 255),
    "lookup_below_file": lambda f: os.stat(f["ro"] + "/below"),
    "readlink_file": lambda f: os.readlink(f["ro"]),
    "listdir_file": lambda f: os.listdir(f["ro"]),
}

OPEN_QUESTIONS = {
    "read_0444": ("ro", os.O_RDONLY),
    "write_0444": ("ro", os.O_WRONLY),
    "rdwr_0444": ("ro", os.O_RDWR),
    "read_0200": ("wo", os.O_RDONLY),
    "write_0200": ("wo", os.O_WRONLY),
    "rdwr_0200": ("wo", os.O_RDWR),
    "neither_0200": ("wo", 3),
    "trunc_0200": ("wo", os.O_WRONLY | os.O_TRUNC),
    "trunc_0444": ("ro", os.O_RDONLY | os.O_TRUNC),
    "creat_existing": ("rw", os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
    "creat_excl_existing": ("rw", os.O_WRONLY | os.O_CREAT | os.O_EXCL),
    "creat_new": ("dir", os.O_WRONLY | os.O_CREAT),
    "append": ("rw", os.O_WRONLY | os.O_APPEND),
    "nonblock": ("rw", os.O_RDWR | os.O_NONBLOCK),
    "directory": ("ro", os.O_RDONLY | os.O_DIRECTORY),
    "nofollow_link": ("link", os.O_RDONLY | os.O_NOFOLLOW),
    "write_dir": ("dir", os.O_WRONLY),
    "direct_0444": ("ro", os.O_RDONLY | os.O_DIRECT),
    "direct_0200": ("wo", os.O_WRONLY | os.O_DIRECT),
    "direct_denied": ("wo", os.O_RDONLY | os.O_DIRECT),
    "direct_dir": ("dir", os.O_RDONLY | os.O_DIRECT),
    "tmpfile": ("dir", os.O_WRONLY | os.O_TMPFILE),
    "path": ("wo", os.O_PATH),
}


def ask_open(files, kind, flags):
    path = files[kind] + ("/newfile" if flags & os.O_CREAT and kind == "dir" else "")
    return open_errno(path, flags)


@pytest.mark.parametrize("question", ERRNO_QUESTIONS)
def test_root_gets_the_kernels_errno(pairs, question):
    ours, real = (errno_of(ERRNO_QUESTIONS[question], files) for files in pairs)
    assert ours == real


@pytest.mark.parametrize("question", ERRNO_QUESTIONS)
def test_nobody_gets_the_kernels_errno(pairs, question):
    ours, real = (
        run_as(NOBODY, lambda: errno_of(ERRNO_QUESTIONS[question], files)) for files in pairs
    )
    assert ours == real


@pytest.mark.parametrize("question", OPEN_QUESTIONS)
def test_root_opens_what_the_kernel_lets_root_open(pairs, question):
    ours, real = (ask_open(files, *OPEN_QUESTIONS[question]) for files in pairs)
    assert ours == real


@pytest.mark.parametrize("question", OPEN_QUESTIONS)
def test_nobody_opens_what_the_kernel_lets_nobody_open(pairs, question):
    ours, real = (
        run_as(NOBODY, lambda: ask_open(files, *OPEN_QUESTIONS[question])) for files in pairs
    )
    assert ours == real


@pytest.mark.parametrize("uid", [0, NOBODY])
@pytest.mark.parametrize("mode", [os.R_OK, os.W_OK, os.X_OK])
@pytest.mark.parametrize("kind", ["ro", "rw", "wo", "dir"])
def test_access_answers_as_the_kernels_does(pairs, kind, mode, uid):
    ours, real = (run_as(uid, lambda: os.access(files[kind], mode)) for files in pairs)
    assert ours == real


@pytest.mark.parametrize("kind", ["ro", "rw", "wo", "link", "dir"])
def test_stat_shows_what_the_kernels_does(pairs, kind):
    def look(path):
        st = os.lstat(path)
        shown = (stat.filemode(st.st_mode), st.st_size, st.st_blocks, st.st_blksize)
        return shown + (st.st_uid, st.st_gid, None if kind == "dir" else st.st_nlink)

    ours, real = (look(files[kind]) for files in pairs)
    assert ours == real


def test_the_root_directory_looks_like_the_kernels(server):
    def look(path):
        st = os.stat(path)
        return stat.filemode(st.st_mode), st.st_size, st.st_uid, st.st_gid, st.st_ino

    assert look(server.path) == look("/sys")
    assert os.stat(server.path).st_mtime > 1e9


def test_statfs_shows_what_the_kernels_does(server):
    def look(path):
        st = os.statvfs(path)
        return st.f_bsize, st.f_frsize, st.f_blocks, st.f_files, st.f_namemax

    assert look(server.path) == look("/sys")


def test_poll_says_what_the_kernels_does(pairs):
    def look(path):
        fd = os.open(path, os.O_RDONLY)
        fresh = poll_of(fd)
        os.read(fd, 100)
        seen = poll_of(fd)
        os.close(fd)
        return fresh, seen

    ours, real = (look(files["ro"]) for files in pairs)
    assert ours == real
    assert ours == (select.POLLERR | select.POLLPRI, 0)


@pytest.mark.parametrize("sync", [os.fsync, os.fdatasync])
@pytest.mark.parametrize("kind", ["ro", "dir"])
def test_fsync_answers_as_the_kernels_does(pairs, kind, sync):
    def look(path):
        fd = os.open(path, os.O_RDONLY)
        try:
            return errno_of(sync, fd)
        finally:
            os.close(fd)

    ours, real = (look(files[kind]) for files in pairs)
    assert ours == real


def test_ioctl_and_shared_mmap_answer_as_the_kernels_do(pairs):
    def look(path):
        fd = os.open(path, os.O_RDONLY)
        try:
            return (
                errno_of(fcntl.ioctl, fd, 0x5401, b"\0" * 64),
                errno_of(mmap.mmap, fd, 4096, mmap.MAP_SHARED, mmap.PROT_READ),
            )
        finally:
            os.close(fd)

    ours, real = (look(files["ro"]) for files in pairs)
    assert ours == real


def test_seek_to_the_end_is_the_size_that_stat_shows(pairs):
    def look(path):
        fd = os.open(path, os.O_RDONLY)
        try:
            end = os.lseek(fd, 0, os.SEEK_END)
            return end, os.read(fd, 10)
        finally:
            os.close(fd)

    ours, real = (look(files["ro"]) for files in pairs)
    assert ours == real == (4096, b"")


def test_empty_write_succeeds_as_in_the_kernel(pairs, plain):
    stores = content(plain + "/stored")
    assert [write_once(files["wo"], b"") for files in pairs] == [0, 0]
    assert content(plain + "/stored") == stores


# Names and listings.


def test_d_type_tells_directories_files_and_links(plain):
    types = {e.name: (e.is_dir(follow_symlinks=False), e.is_symlink()) for e in os.scandir(plain)}
    assert types["group"] == (True, False)
    assert types["ro"] == (False, False)
    assert types["link"] == (False, True)


def raw_listing(path):
    """Names and inode numbers of getdents64(2), with "." and ".."."""
    output = subprocess.run(
        ["ls", "-a", "-i", "-U", "-1", path], check=True, capture_output=True, text=True
    ).stdout
    return {name: int(ino) for ino, name in (line.split() for line in output.splitlines())}


def test_listings_name_inodes_as_stat_does(plain):
    listing = raw_listing(plain)
    assert {".", "..", "ro", "link"} <= set(listing)
    for name, ino in listing.items():
        assert os.lstat(os.path.join(plain, name)).st_ino == ino, name


def test_link_count_of_a_directory_is_its_subdirectories_and_two(server, plain):
    assert os.stat(plain).st_nlink == 2 + 1
    assert os.stat(server.path + "/top/many").st_nlink == 2 + 1000


def test_listing_is_stable_while_entries_come_and_go(server):
    many = server.path + "/top/many"
    before = set(os.listdir(many))
    with os.scandir(many) as listing:
        names = [next(listing).name for _ in range(10)]
        server.command("churn")
        names += [entry.name for entry in listing]
    assert sorted(names) == sorted(before)
    after = os.listdir(many)
    assert len(after) == len(set(after)) == 1000
    assert set(after) != before


def test_rewound_listing_is_fresh(server):
    many = server.path + "/top/many"
    fd = os.open(many, os.O_RDONLY)
    try:
        before = set(os.listdir(fd))
        server.command("churn")
        os.lseek(fd, 0, os.SEEK_SET)
        after = set(os.listdir(fd))
    finally:
        os.close(fd)
    assert before != after
    assert after == set(os.listdir(many))


def test_links_are_relative_and_lead_to_their_target(server, plain):
    assert os.readlink(plain + "/link") == "../many"
    assert os.path.samefile(plain + "/link", server.path + "/top/many")


def test_unpublished_nodes_are_not_there(server):
    top = server.path + "/top"
    server.command("hide")
    before = (os.path.lexists(top + "/hidden"), "hidden" in os.listdir(top))
    links_before = os.stat(top).st_nlink
    server.command("show")
    assert before == (False, False)
    assert "hidden" in os.listdir(top)
    assert os.stat(top).st_nlink == links_before + 1
    assert content(top + "/hidden/ro") == "value\n"


# Reading.


def test_sequential_read_shows_once(plain):
    fd = os.open(plain + "/counter", os.O_RDONLY)
    text = b""
    while chunk := os.read(fd, 3):
        text += chunk
    os.close(fd)
    again = content(plain + "/counter")
    first, second = (int(t.split()[1]) for t in (text.decode(), again))
    assert second == first + 1


def test_read_from_the_start_shows_again(plain):
    fd = os.open(plain + "/counter", os.O_RDONLY)
    first, second = (int(read_at(fd, 100, 0).split()[1]) for _ in range(2))
    os.close(fd)
    assert second == first + 1


def test_pread_gives_a_slice_and_a_read_behind_the_end_nothing(plain):
    fd = os.open(plain + "/full", os.O_RDONLY)
    assert read_at(fd, 10000, 0) == "f" * 4095
    assert read_at(fd, 10, 4090) == "f" * 5
    assert read_at(fd, 10, 4095) == ""
    assert read_at(fd, 10, 1 << 40) == ""
    os.close(fd)


def test_empty_value_reads_as_nothing(plain):
    assert content(plain + "/empty") == ""


def test_errors_of_show_and_store_come_through(plain):
    assert errno_of(content, plain + "/broken") == "EBUSY"
    assert errno_of(write_once, plain + "/broken", b"x") == "ERANGE"


def test_an_attribute_without_show_and_store_is_an_io_error(plain):
    assert errno_of(content, plain + "/without") == "EIO"
    assert errno_of(write_once, plain + "/without", b"x") == "EIO"


def test_an_errno_that_only_the_kernel_may_see_becomes_eio(plain):
    assert errno_of(write_once, plain + "/secret", b"x") == "EIO"


# Writing.


@pytest.mark.parametrize("size, taken", [(1, 1), (4096, 4096), (4097, 4096), (300000, 4096)])
def test_a_write_takes_a_page_at_most_and_is_terminated(plain, size, taken):
    assert write_once(plain + "/wo", b"w" * size) == taken
    assert content(plain + "/stored").startswith(f"count={taken} terminated=1 ")


def test_a_gathered_write_is_one_store(plain):
    stores = int(content(plain + "/stored").split("stores=")[1])
    fd = os.open(plain + "/rw", os.O_WRONLY)
    assert os.writev(fd, [b"one ", b"two ", b"three\n"]) == 14
    os.close(fd)
    assert content(plain + "/rw") == "one two three\n"
    assert content(plain + "/stored") == f"count=14 terminated=1 stores={stores + 1}\n"


def test_offset_of_a_text_write_does_not_matter(plain):
    fd = os.open(plain + "/rw", os.O_RDWR)
    os.pwrite(fd, b"first\n", 0)
    os.pwrite(fd, b"second\n", 3000)
    assert read_at(fd, 100, 0) == "second\n"
    os.pwrite(fd, b"third\n", 1 << 40)
    assert read_at(fd, 100, 0) == "third\n"
    os.close(fd)


def test_appending_shells_write_as_others_do(plain):
    subprocess.run(["sh", "-c", f"echo appended >> {plain}/rw"], check=True)
    assert content(plain + "/rw") == "appended\n"


def test_a_store_that_takes_half_is_a_short_write(plain):
    assert write_once(plain + "/half", b"12345678") == 4


def test_a_store_that_claims_too_much_is_believed_up_to_the_count(plain):
    assert write_once(plain + "/greedy", b"12345678") == 8


def test_embedded_nul_arrives(plain):
    assert write_once(plain + "/rw", b"a\0b") == 3
    assert content(plain + "/stored").startswith("count=3 terminated=1")


# Binary attributes.


def test_binary_attribute_has_offsets_and_a_size(plain):
    fd = os.open(plain + "/blob", os.O_RDWR)
    assert os.fstat(fd).st_size == 256
    assert os.pwrite(fd, b"x" * 256, 0) == 256
    assert os.pwrite(fd, b"abc", 100) == 3
    assert os.pread(fd, 5, 99) == b"xabcx"
    assert os.pwrite(fd, b"12345", 254) == 2
    assert os.pread(fd, 100, 250) == b"xxxx12"
    assert os.pread(fd, 100, 256) == b""
    assert errno_of(os.pwrite, fd, b"x", 256) == "EFBIG"
    assert errno_of(os.pwrite, fd, b"x", 1 << 40) == "EFBIG"
    os.close(fd)


def test_binary_attribute_of_unknown_size_goes_by_pages(plain):
    fd = os.open(plain + "/endless", os.O_RDWR)
    assert os.fstat(fd).st_size == 0
    assert os.pread(fd, 100000, 0) == b"e" * 4096
    assert os.pread(fd, 10, 1 << 40) == b"e" * 10
    assert os.pwrite(fd, b"x" * 100000, 12345) == 4096
    os.close(fd)


def test_binary_attribute_without_write_is_not_opened_for_it(plain):
    assert open_errno(plain + "/readonly_blob", os.O_RDWR) == "EACCES"
    assert open_errno(plain + "/readonly_blob", os.O_RDONLY) is None


# What chmod, chown and utimes leave behind.


def test_mode_owner_and_times_are_remembered(plain):
    path = plain + "/group/rw"
    os.chmod(path, 0o640)
    os.chown(path, 1, 2)
    os.utime(path, (1000, 2000))
    st = os.stat(path)
    assert (st.st_mode & 0o7777, st.st_uid, st.st_gid) == (0o640, 1, 2)
    assert (st.st_atime, st.st_mtime) == (1000, 2000)
    assert run_as(1, lambda: open_errno(path, os.O_RDWR)) == "None"
    assert run_as(NOBODY, lambda: open_errno(path, os.O_RDONLY)) == "'EACCES'"
    os.utime(path)
    assert os.stat(path).st_mtime > 1e9
    os.chmod(path, 0)
    assert open_errno(path, os.O_RDONLY) == "EACCES"
    os.chmod(path, 0o644)
    os.chown(path, 0, 0)


def test_a_size_is_accepted_and_ignored(plain):
    fd = os.open(plain + "/rw", os.O_RDWR)
    os.ftruncate(fd, 7)
    assert os.fstat(fd).st_size == 4096
    os.close(fd)
    write_once(plain + "/rw", b"kept\n")
    os.close(os.open(plain + "/rw", os.O_WRONLY | os.O_TRUNC))
    assert content(plain + "/rw") == "kept\n"
    assert os.stat(plain + "/rw").st_size == 4096


# Who may see it.


def test_other_users_see_and_read_it(plain):
    assert run_as(NOBODY, lambda: len(content(plain + "/full"))) == "4095"
    assert run_as(NOBODY, lambda: "ro" in os.listdir(plain)) == "True"


@pytest.mark.parametrize("name, flags", [("rw", os.O_WRONLY), ("private", os.O_RDONLY)])
def test_other_users_are_held_to_the_mode_bits(plain, name, flags):
    assert run_as(NOBODY, lambda: open_errno(f"{plain}/{name}", flags)) == "'EACCES'"


# Objects that go.


def test_an_open_file_of_a_removed_object_answers_enodev(server):
    server.command("spare spare")
    path = server.path + "/top/spare"
    half_read = os.open(path + "/ro", os.O_RDONLY)
    fd = os.open(path + "/rw", os.O_RDWR)
    blob = os.open(path + "/blob", os.O_RDWR)
    inside = os.open(path, os.O_RDONLY)
    os.read(half_read, 2)
    os.read(fd, 100)
    server.command("spare")
    assert not os.path.lexists(path)
    assert errno_of(os.pread, fd, 10, 0) == "ENODEV"
    assert errno_of(os.write, fd, b"x") == "ENODEV"
    assert errno_of(os.pread, blob, 10, 0) == "ENODEV"
    assert errno_of(os.pwrite, blob, b"x", 0) == "ENODEV"
    assert os.read(half_read, 100) == b"lue\n"
    assert errno_of(os.read, half_read, 100) == "ENODEV"
    assert poll_of(fd) == select.POLLERR | select.POLLPRI
    assert os.fstat(fd).st_size == 4096
    assert os.listdir(inside) == []
    assert errno_of(lambda: os.stat("ro", dir_fd=inside)) == "ENOENT"
    for each in (half_read, fd, blob, inside):
        os.close(each)


def test_a_name_that_came_back_is_the_new_object(server):
    server.command("spare twice")
    path = server.path + "/top/twice/rw"
    old = os.open(path, os.O_RDWR)
    ino = os.stat(path).st_ino
    server.command("spare")
    server.command("spare twice")
    assert os.stat(path).st_ino != ino
    assert write_once(path, b"new\n") == 4
    assert content(path) == "new\n"
    assert errno_of(os.write, old, b"old\n") == "ENODEV"
    os.close(old)
    server.command("spare")


def test_a_file_can_remove_its_own_object(server):
    server.command("victim victim")
    path = server.path + "/top/victim"
    assert write_once(path + "/suicide", b"1") == 1
    assert not os.path.lexists(path)


def test_of_many_writers_who_remove_an_object_one_succeeds(server):
    server.command("victim contested")
    path = server.path + "/top/contested/suicide"
    fds = [os.open(path, os.O_WRONLY) for _ in range(8)]
    results = []
    threads = [
        threading.Thread(target=lambda fd=fd: results.append(errno_of(os.write, fd, b"1")))
        for fd in fds
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for fd in fds:
        os.close(fd)
    assert sorted(map(str, results)) == ["ENODEV"] * 7 + ["None"]


# Notifications.


def wakes(server, fd, command):
    """Poll a file until @command, which has to wake who polls. Return: the poller."""
    os.read(fd, 100)
    poller = select.poll()
    poller.register(fd, select.POLLPRI | select.POLLERR)
    assert poller.poll(0) == []
    server.send(command)
    events = poller.poll(30000)
    assert server.answer() == "ok"
    assert events == [(fd, select.POLLPRI | select.POLLERR)]
    return poller


def test_a_notification_wakes_who_polls(server, plain):
    fd = os.open(plain + "/notified", os.O_RDONLY)
    poller = wakes(server, fd, "notify")
    os.pread(fd, 100, 0)
    assert poller.poll(0) == []
    server.command("notify")
    assert len(poller.poll(30000)) == 1
    os.close(fd)


def test_each_of_several_pollers_is_woken(server, plain):
    fds = [os.open(plain + "/notified", os.O_RDONLY) for _ in range(5)]
    epoll = select.epoll()
    for fd in fds:
        os.read(fd, 100)
        epoll.register(fd, select.EPOLLPRI | select.EPOLLERR)
    server.command("notify")
    seen = set()
    while len(seen) < len(fds):
        events = epoll.poll(30)
        assert events, f"only {len(seen)} of {len(fds)} were woken"
        for fd, _ in events:
            os.pread(fd, 100, 0)
            seen.add(fd)
    epoll.close()
    for fd in fds:
        os.close(fd)


def test_removal_wakes_who_polls(server):
    server.command("spare polled")
    fd = os.open(server.path + "/top/polled/notified", os.O_RDONLY)
    wakes(server, fd, "spare")
    os.close(fd)
