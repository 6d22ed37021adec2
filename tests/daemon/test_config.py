# SPDX-License-Identifier: LGPL-2.1-or-later
"""umdevd.conf: what it says is done, what is wrong in it is told with its line."""

import os
import random
import stat

import pytest
from conftest import SOURCE, module_path

NOBODY = 65534


@pytest.fixture
def conf(daemon):
    """Write the configuration that the daemon of this test gets, and return its path."""

    def write(text, mode=0o644):
        path = daemon.directory / "umdevd.conf"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        return path

    return write


def run(daemon, *args, **popen):
    """A umdevd that is expected to end by itself: its exit status and its log."""
    daemon.spawn(*args, config=True, **popen)
    process = daemon.process
    process.wait(timeout=30)
    log = daemon.log()
    daemon.finish()
    return process.returncode, log


def refused(daemon, path, **popen):
    """The lines with which the file is refused, before anything has been done."""
    status, log = run(daemon, "--config", path, **popen)
    assert status == 2, log
    daemon.assert_nothing_left()
    return log.splitlines()


def start(daemon, path, *args, **popen):
    return daemon.start("--config", path, *args, config=True, **popen)


# ---- what it says is done ----


def test_modules_are_loaded_with_their_parameters(daemon, conf):
    path = conf('# a comment\n\n\tload params number=3 text="a, # b" flag  # and why\r\nload top')
    start(daemon, path)
    assert daemon.read("module/params/parameters/number") == "3\n"
    assert daemon.read("module/params/parameters/text") == "a, # b\n"
    assert daemon.read("module/params/parameters/flag") == "Y\n"
    assert daemon.read("module/top/initstate") == "live\n"


def test_what_the_file_loads_comes_before_the_command_line(daemon, conf):
    start(daemon, conf("load plain\nload params"), "--load", "top")
    loaded = [module["name"] for module in daemon.ask(command="lsmod")["modules"]]
    mine = [name for name in loaded if name in ("plain", "params", "top")]
    assert mine == ["plain", "params", "top"]


def test_the_command_line_wins(daemon, conf):
    path = conf("socket-mode 0666\nload mtty")
    start(daemon, path, "--socket-mode", "0640")
    daemon.umdev("create", "mtty", "mtty-1")
    (socket,) = (daemon.runtime / "vfio-user").glob("[!.]*")
    assert stat.S_IMODE(socket.stat().st_mode) == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_sockets_are_as_the_file_says(daemon, conf):
    path = conf('socket-mode "0660"\nsocket-owner nobody\nsocket-group 12\nload mtty\n')
    start(daemon, path)
    daemon.umdev("create", "mtty", "mtty-1")
    (socket,) = (daemon.runtime / "vfio-user").glob("[!.]*")
    found = socket.stat()
    assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (0o660, NOBODY, 12)


def test_modules_come_from_the_directories_that_the_file_names(daemon, conf):
    directories = "".join(f"module-path {name}\n" for name in module_path().split(":"))
    start(daemon, conf(directories + "load mtty\nload plain\n"), env={"UMDEV_MODULE_PATH": None})
    assert daemon.read("module/mtty/initstate") == "live\n"
    assert daemon.read("module/plain/initstate") == "live\n"


def test_the_environment_wins_over_module_path(daemon, conf):
    empty = daemon.directory / "empty"
    empty.mkdir()
    start(daemon, conf(f"module-path {empty}\nload plain\n"))
    assert daemon.read("module/plain/initstate") == "live\n"


def test_the_level_of_the_log(daemon, conf):
    start(daemon, conf("log-level err\n"))
    assert daemon.stop() == ""


def test_a_user_has_a_file_of_their_own(daemon, build_for_all):
    """Found below XDG_CONFIG_HOME, or else below HOME."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    daemon.program = build_for_all / "src/umdevd/umdevd"
    os.chown(daemon.directory, NOBODY, NOBODY)
    for home, below, other in (
        ("XDG_CONFIG_HOME", "umdev", "HOME"),
        ("HOME", ".config/umdev", "XDG_CONFIG_HOME"),
    ):
        directory = daemon.directory / home / below
        directory.mkdir(parents=True)
        (directory / "umdevd.conf").write_text("nonsense\n")
        env = {home: str(daemon.directory / home), other: None}
        status, log = run(daemon, env=env, user=NOBODY, group=NOBODY, extra_groups=[])
        assert status == 2
        assert f'{directory}/umdevd.conf:1: unknown keyword "nonsense"' in log


def test_the_example_says_nothing_until_it_is_edited(daemon, conf):
    """As it is installed it changes nothing; what it shows is right when it is uncommented."""
    example = (SOURCE / "data/umdevd.conf").read_text()
    start(daemon, conf(example))
    daemon.stop()
    shown = [line[1:] for line in example.splitlines() if line[:1] == "#" and line[1:2].isalpha()]
    keywords = {line.split()[0] for line in shown}
    assert keywords == {
        "load", "module-path", "socket-mode", "socket-owner", "socket-group", "uevents", "log-level"
    }
    here = [line for line in shown if line.split()[0] != "module-path"]
    start(daemon, conf("\n".join(here)))
    assert daemon.read("module/mtty/initstate") == "live\n"


# ---- what is wrong in it is told ----


@pytest.mark.parametrize(
    "line, reason",
    [
        ("laod mtty", 'unknown keyword "laod" (did you mean "load"?)'),
        ("socket_mode 0600", 'unknown keyword "socket_mode" (did you mean "socket-mode"?)'),
        ("[umdevd]", 'unknown keyword "[umdevd]": see umdevd.conf(5)'),
        ("runtime-dir /run/x", "runtime-dir can't be set here, where umdev(1) does not look: "
         "use --runtime-dir or UMDEV_RUNTIME_DIR"),
        ("load", "load needs the name of a module"),
        ('load ""', "load needs the name of a module"),
        ("load # plain", "load needs the name of a module"),
        ("load ./plain.so", 'load "./plain.so": expected the name of a module or an absolute path'),
        ("load plain =1", 'load plain: "=1" is no parameter: expected NAME=VALUE'),
        ('load plain a="b', 'a double quote (") has no second one'),
        ("log-level", "log-level needs a value: expected err, warn, notice, info or debug"),
        ("log-level loud", 'log-level "loud" is not valid: expected err, warn, notice, info or '
         "debug"),
        ("log-level err warn", 'log-level takes one value: "warn" is too much (a value with blanks '
         "is put between double quotes)"),
        ("socket-mode 0999", 'socket-mode "0999" is not valid: expected permissions in octal, '
         "0 to 0777"),
        ("socket-mode -1", 'socket-mode "-1" is not valid: expected permissions in octal, '
         "0 to 0777"),
        ("socket-owner no-such-user", 'socket-owner "no-such-user" is not valid: expected the name '
         "or the number of a user"),
        ("socket-group 4294967295", 'socket-group "4294967295" is not valid: expected the name or '
         "the number of a group"),
        ("uevents hots", 'uevents "hots" is not valid: expected views or host'),
        ("module-path lib", 'module-path "lib": expected one directory, as an absolute path'),
        ("module-path /a:/b", 'module-path "/a:/b": expected one directory, as an absolute path'),
        ("module-path /no/such", 'module-path "/no/such": No such file or directory'),
        ("module-path /etc/passwd", 'module-path "/etc/passwd": this is no directory'),
        ("load a\0b", "there is a byte 0x00 in column 7: expected text"),
        ("load a\x1b[2J", "there is a byte 0x1b in column 7: expected text"),
        ("load " + "a" * 4096, "the line is longer than 4096 characters"),
    ],
)
def test_a_mistake_is_told_with_its_line(daemon, conf, line, reason):
    path = conf(f"# umdevd.conf\n\n{line}\nload plain\n")
    assert refused(daemon, path) == [f"umdevd: {path}:3: {reason}"]


def test_a_setting_that_comes_twice_is_a_mistake(daemon, conf):
    path = conf("log-level err\n\nlog-level debug")
    assert refused(daemon, path) == [f"umdevd: {path}:3: log-level is set in line 1 already"]


def test_all_mistakes_are_told_at_once(daemon, conf):
    path = conf("lod plain\nload plain\nlog-level loud\n")
    assert [line.split(": ")[1] for line in refused(daemon, path)] == [f"{path}:1", f"{path}:3"]


def test_nonsense_does_not_fill_the_log(daemon, conf):
    lines = refused(daemon, conf("nonsense\n" * 1000))
    assert len(lines) == 11
    assert lines[-1].endswith("too many mistakes, the rest is not read")


@pytest.mark.parametrize(
    "load, reason",
    [
        ("plian", 'module "plian" not found in'),
        ("params number=x", 'value "x" is invalid for parameter "number"'),
        ("params fail=19", 'module "params": init failed: No such device'),
    ],
)
def test_a_module_that_cannot_be_loaded_is_told_with_its_line(daemon, conf, load, reason):
    path = conf(f"load top\nload {load}\n")
    status, log = run(daemon, "--config", path)
    assert status == 1
    (line,) = [line for line in log.splitlines() if reason in line]
    assert line.startswith(f"umdevd: {path}:2: ")
    assert load != "plian" or line.endswith('(did you mean "plain"?)')
    daemon.assert_nothing_left()


def test_a_parameter_that_a_module_does_not_have_is_told_with_its_line(daemon, conf):
    path = conf("load plain nonsense=1\n")
    start(daemon, path)
    (line,) = [line for line in daemon.stop().splitlines() if "nonsense" in line]
    assert line.startswith(f"umdevd: warning: {path}:1: ")


def test_what_the_command_line_loads_is_not_blamed_on_the_file(daemon, conf):
    path = conf("load plain\n")
    status, log = run(daemon, "--config", path, "--load", "plian")
    assert status == 1
    assert 'umdevd: module "plian" not found in' in log


# ---- files that are none ----


def test_a_file_that_was_named_has_to_be_there(daemon):
    path = daemon.directory / "none.conf"
    assert refused(daemon, path) == [f"umdevd: --config: {path}: there is no such file"]


def test_no_file_and_a_file_exclude_each_other(daemon, conf):
    status, log = run(daemon, "--no-config", "--config", conf(""))
    assert status == 2
    assert "--config and --no-config exclude each other" in log


def test_a_directory_is_refused(daemon):
    path = daemon.directory / "umdevd.conf"
    path.mkdir()
    assert refused(daemon, path) == [f"umdevd: {path}: this is a directory: expected a file"]


def test_a_fifo_is_refused_and_not_waited_for(daemon):
    path = daemon.directory / "umdevd.conf"
    os.mkfifo(path)
    assert refused(daemon, path) == [f"umdevd: {path}: this is no regular file"]


def test_a_file_without_an_end_is_refused(daemon):
    (line,) = refused(daemon, "/dev/zero")
    assert line == "umdevd: /dev/zero: this is no regular file"


@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_a_file_that_others_may_write_is_refused(daemon, conf, mode):
    path = conf("load plain\n", mode)
    assert refused(daemon, path) == [
        f"umdevd: {path}: the file can be written by others: chmod go-w {path}"
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_file_of_another_user_is_refused(daemon, conf):
    path = conf("load plain\n")
    os.chown(path, NOBODY, NOBODY)
    assert refused(daemon, path) == [
        f"umdevd: {path}: the file belongs to another user (uid {NOBODY})"
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_file_that_cannot_be_read_is_refused(daemon, conf, build_for_all):
    path = conf("load plain\n", 0o600)
    daemon.program = build_for_all / "src/umdevd/umdevd"
    lines = refused(daemon, path, user=NOBODY, group=NOBODY, extra_groups=[])
    assert lines == [f"umdevd: {path}: can't read the file: Permission denied"]


def test_a_file_that_is_too_long_is_refused(daemon, conf):
    path = conf("#\n" * (1 << 19) + "#")
    assert refused(daemon, path) == [f"umdevd: {path}: the file is longer than 1048576 bytes"]


def garbage(dice):
    """Something that begins like a configuration and is none."""
    words = [b"load", b"plain", b"log-level", b"err", b"=", b'"', b"#", b"module-path", b"/", b"\\"]
    text = bytearray()
    for _ in range(dice.randrange(1, 40)):
        kind = dice.randrange(8)
        if kind < 5:
            text += dice.choice(words)
        elif kind == 5:
            text += dice.randbytes(dice.randrange(1, 20))
        else:
            text += bytes([dice.choice(b" \t\n\r\0\xff")]) * dice.choice([1, 1, 1, 5000])
    return bytes(text) + b"\nno-such-keyword"


@pytest.mark.parametrize("seed", range(40))
def test_garbage_is_refused_in_order(daemon, conf, seed):
    path = conf(garbage(random.Random(seed)))
    for line in refused(daemon, path):
        assert line.isprintable()
        assert line.startswith(f"umdevd: {path}:")
        assert len(line) < 1200
