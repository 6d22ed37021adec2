# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may open a group: whoever may open its node. Root can become anybody and so tests it."""

import errno
import os

import pytest

import door
from conftest import running

OWNER, MEMBER, OTHER = 12001, 12002, 12003
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")


@pytest.fixture
def open_to_all():
    """A server whose directory everybody reaches."""
    for own in running():
        os.chmod(own.directory.name, 0o755)
        yield own


def as_user(uid, gid, groups, function):
    """What a function returns in a process of somebody else's: a number up to 255."""
    pid = os.fork()
    if pid == 0:
        status = 255
        try:
            os.setgroups(groups)
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
            status = function()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def answer(server, group, access):
    """0 or the errno of opening a group."""
    with server.knock() as c:
        c.send(door.OPEN, group, access)
        return c.receive()[0]


WAYS = {"r": os.O_RDONLY, "w": os.O_WRONLY, "rw": os.O_RDWR}


def check(server, who, expected):
    group = server.group()
    for name, access in WAYS.items():
        result = as_user(*who, lambda access=access: answer(server, group, access))
        assert result == (0 if name in expected else errno.EACCES), (who, name)


CASES = [
    # mode, what the owner, a member of the group, one who has it as an additional one, and others may
    ("600", "r w rw", "", "", ""),
    ("660", "r w rw", "r w rw", "r w rw", ""),
    ("666", "r w rw", "r w rw", "r w rw", "r w rw"),
    ("640", "r w rw", "r", "r", ""),
    ("642", "r w rw", "r", "r", "w"),
    ("004", "", "", "", "r"),
    ("066", "", "r w rw", "r w rw", "r w rw"),
    ("606", "r w rw", "", "", "r w rw"),
    ("000", "", "", "", ""),
]


@needs_root
@pytest.mark.parametrize("mode, owner, member, additional, other", CASES)
def test_the_node_decides(open_to_all, mode, owner, member, additional, other):
    server = open_to_all
    server.command("chown", "dev0", f"{OWNER}:{MEMBER}")
    server.command("chmod", "dev0", mode)
    check(server, (OWNER, OWNER, []), owner.split())
    # The owner's class is the owner's, whatever the group may.
    check(server, (OWNER, MEMBER, [MEMBER]), owner.split())
    check(server, (OTHER, MEMBER, []), member.split())
    check(server, (OTHER, OTHER, [5, MEMBER, 7]), additional.split())
    check(server, (OTHER, OTHER, [5, 7]), other.split())
    check(server, (0, 0, []), ["r", "w", "rw"])


@needs_root
def test_more_groups_than_one_has_usually(open_to_all):
    open_to_all.command("chown", "dev0", f"{OWNER}:{MEMBER}")
    open_to_all.command("chmod", "dev0", "060")
    many = list(range(20000, 20500))
    check(open_to_all, (OTHER, OTHER, many), [])
    check(open_to_all, (OTHER, OTHER, [*many, MEMBER]), ["r", "w", "rw"])


@needs_root
def test_the_rights_of_the_moment_count(open_to_all):
    server, group = open_to_all, open_to_all.group()

    def wait_and_ask():
        with server.knock() as c:
            c.send(door.OPEN, group)
            if c.receive()[0] != errno.EACCES:
                return 1
            os.write(said[1], b"x")
            os.read(go[0], 1)
            c.send(door.OPEN, group)
            return c.receive()[0]

    said, go = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os._exit(as_user(OTHER, OTHER, [], wait_and_ask))
    assert os.read(said[0], 1) == b"x"
    server.command("chmod", "dev0", "666")
    os.write(go[1], b"x")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    for fd in said + go:
        os.close(fd)


@needs_root
def test_what_was_opened_stays_open(open_to_all):
    open_to_all.command("chmod", "dev0", "666")

    def lose_the_rights():
        with open_to_all.open_group() as group:
            open_to_all.command("chmod", "dev0", "600")
            with group.device("dev0") as c:
                c.version()
        return 0

    assert as_user(OTHER, OTHER, [], lose_the_rights) == 0


@needs_root
def test_silent_clients_of_one_user_are_in_nobody_elses_way(open_to_all):
    group = open_to_all.group()
    open_to_all.command("chmod", "dev0", "666")
    mine = [open_to_all.knock() for _ in range(16)]

    def many():
        clients = [open_to_all.knock() for _ in range(40)]
        return 0 if answer(open_to_all, group, os.O_RDWR) == 0 and clients else 1

    for uid in range(12100, 12106):
        assert as_user(uid, uid, [], many) == 0
    for c in mine:
        assert c.error(7) == errno.EINVAL
        c.close()


@needs_root
def test_many_users_get_no_more_than_there_is(open_to_all):
    """Each has a few; those who came first make room."""
    hold = os.pipe()
    ready = os.pipe()
    group = open_to_all.group()
    open_to_all.command("chmod", "dev0", "666")
    children = []

    def stay():
        clients = [open_to_all.knock() for _ in range(16)]
        os.write(ready[1], b"x")
        os.read(hold[0], 1)
        return len(clients) - 16

    for uid in range(12100, 12120):
        children.append(os.fork())
        if children[-1] == 0:
            os._exit(as_user(uid, uid, [], stay))
        assert os.read(ready[0], 1) == b"x"
    # Those who had to make room have not closed their ends yet, but the server has.
    open_to_all.settled_fds(clients=128)
    assert as_user(OTHER, OTHER, [], lambda: answer(open_to_all, group, os.O_RDWR)) == 0
    os.write(hold[1], b"x" * len(children))
    for child in children:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    for fd in (*hold, *ready):
        os.close(fd)
    open_to_all.settled_fds(clients=0)


def test_who_runs_the_program_has_the_tree(server):
    """As root has it in the kernel, whatever the nodes say."""
    server.command("chown", "dev0", f"{OWNER}:{OWNER}")
    server.command("chmod", "dev0", "000")
    for access in WAYS.values():
        assert answer(server, server.group(), access) == 0
