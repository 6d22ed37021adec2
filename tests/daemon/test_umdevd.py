# SPDX-License-Identifier: LGPL-2.1-or-later
"""umdevd: how it starts, what it refuses, how it ends."""

import contextlib
import errno
import os
import resource
import shutil
import signal
import socket
import subprocess

import pytest
from conftest import BUILD, UMDEVD
from no_mtab import without_mtab

NOBODY = 65534


def run(daemon, *args, **popen):
    """A umdevd that is expected to end by itself: its exit status and its log."""
    daemon.spawn(*args, **popen)
    process = daemon.process
    process.wait(timeout=30)
    log = daemon.log()
    daemon.finish()
    return process.returncode, log


def test_says_when_it_is_ready_and_when_it_stops(daemon):
    daemon.start("--load", "plain")
    assert daemon.read("module/plain/initstate") == "live\n"
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.wait_for("STOPPING=1")
    assert daemon.wait() == 0
    daemon.assert_nothing_left()


def test_notifies_a_socket_without_a_file(daemon):
    daemon.start(notify="\0umdev-test-%d" % os.getpid())


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_ends_in_order_on_a_signal(daemon, sig):
    daemon.start("--load", "top")
    daemon.process.send_signal(sig)
    assert daemon.wait() == 0
    daemon.assert_nothing_left()


def test_a_second_signal_does_not_stop_it_half_way(daemon):
    fifo = daemon.directory / "fifo"
    os.mkfifo(fifo)
    daemon.start("--load", f"gate,exit_fifo={fifo}")
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.wait_for("STOPPING=1")
    daemon.process.send_signal(signal.SIGTERM)
    daemon.process.send_signal(signal.SIGINT)
    os.close(os.open(fifo, os.O_WRONLY))
    assert daemon.wait() == 0
    daemon.assert_nothing_left()


def test_a_second_instance_is_refused(daemon):
    daemon.start()
    second = subprocess.run(
        [daemon.program, "--runtime-dir", daemon.runtime], capture_output=True, text=True
    )
    assert second.returncode == 1
    assert f"an umdevd is running at {daemon.runtime} already (pid {daemon.process.pid})" in (
        second.stderr
    )
    assert daemon.ask(command="status")["pid"] == daemon.process.pid


def test_leftovers_of_one_that_died_are_cleaned(daemon):
    daemon.start("--load", "plain")
    daemon.kill()
    with pytest.raises(OSError) as error:
        os.listdir(daemon.sys)
    assert error.value.errno == errno.ENOTCONN
    assert daemon.control_path.is_socket()
    daemon.start("--load", "plain")
    assert daemon.read("module/plain/initstate") == "live\n"
    assert "unmounted what a daemon that died left" in daemon.stop()


def test_a_modules_socket_of_one_that_died_is_cleaned(daemon):
    daemon.start()
    left = [daemon.runtime / "zcrypt", daemon.runtime / "other"]
    for path in left:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as one:
            one.bind(str(path))
    daemon.kill()
    daemon.start()
    assert [path.is_socket() for path in left] == [False, True]
    left[1].unlink()
    daemon.stop()


def test_a_directory_that_was_there_stays(daemon):
    daemon.runtime.mkdir()
    daemon.start()
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.wait() == 0
    assert list(daemon.runtime.iterdir()) == []


def test_an_open_file_does_not_hold_up_the_end(daemon):
    daemon.start("--load", "plain")
    fd = os.open(daemon.sys / "module/plain/refcnt", os.O_RDONLY)
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.wait() == 0
    daemon.assert_nothing_left()
    with contextlib.suppress(OSError):  # there is nobody left to tell
        os.close(fd)


def test_parameters_are_given_to_modules(daemon):
    daemon.start("--load", 'params,number=3,text="a, b",flag', "-l", "plain")
    assert daemon.read("module/params/parameters/number") == "3\n"
    assert daemon.read("module/params/parameters/text") == "a, b\n"
    assert daemon.read("module/params/parameters/flag") == "Y\n"
    assert daemon.read("module/plain/version") == "1.2-test\n"


def test_from_its_build_tree_it_finds_the_modules_there(daemon):
    daemon.start("--load", "mtty", env={"UMDEV_MODULE_PATH": None})
    assert daemon.read("module/mtty/initstate") == "live\n"


def test_elsewhere_it_looks_where_modules_are_installed(daemon):
    daemon.program = daemon.directory / "src/umdevd/umdevd"
    daemon.program.parent.mkdir(parents=True)
    shutil.copy(UMDEVD, daemon.program)
    (daemon.directory / "drivers/mtty").mkdir(parents=True)
    library = {"LD_LIBRARY_PATH": BUILD / "src", "UMDEV_MODULE_PATH": None}
    status, log = run(daemon, "--load", "no_such_module", env=library)
    assert status == 1
    assert 'module "no_such_module" not found in ' in log
    assert str(daemon.directory / "drivers") not in log


@pytest.mark.parametrize(
    "load, reason",
    [
        ("plian", 'module "plian" not found in'),
        ("plian", '(did you mean "plain"?)'),
        ("params,fail=19", 'module "params": init failed: No such device'),
        ("params,number=x", 'value "x" is invalid for parameter "number"'),
        ("no_init", "has no module_init()"),
        ("no_symbol", "undefined symbol: umdev_test_function_that_nobody_has"),
        ("/etc/passwd", "/etc/passwd is no module: not an ELF file"),
        ("loop_a", "depend on each other"),
    ],
)
def test_a_module_that_cannot_be_loaded_ends_it(daemon, load, reason):
    status, log = run(daemon, "--load", "top", "--load", load)
    assert status == 1
    assert reason in log
    daemon.assert_nothing_left()


@pytest.mark.parametrize(
    "args, reason",
    [
        (["--socket-mode", "0999"], "--socket-mode"),
        (["--socket-owner", "no-such-user"], "--socket-owner"),
        (["--socket-group", "-1"], "--socket-group"),
        (["--log-level", "loud"], "--log-level"),
        (["--load", ""], "--load"),
        (["--load", "x,=1"], "--load"),
        (["--runtime-dir", ""], "--runtime-dir"),
        (["--nonsense"], "--help"),
        (["mtty"], "--load NAME"),
    ],
)
def test_wrong_usage_is_said(daemon, args, reason):
    status, log = run(daemon, *args)
    assert status == 2
    assert reason in log
    daemon.assert_nothing_left()


def test_help_and_version():
    shown = subprocess.run([UMDEVD, "--help"], capture_output=True, text=True, check=True)
    for option in ["--load", "--config", "--no-config", "--runtime-dir", "--module-path", "--socket-mode", "--log-level"]:
        assert option in shown.stdout
    shown = subprocess.run([UMDEVD, "--version"], capture_output=True, text=True, check=True)
    assert shown.stdout.startswith("umdevd ")


def test_a_directory_that_others_may_write_is_refused(daemon):
    daemon.runtime.mkdir()
    daemon.runtime.chmod(0o777)
    status, log = run(daemon)
    assert status == 1
    assert "can be written by others" in log
    assert list(daemon.runtime.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_directory_of_another_user_is_refused(daemon):
    daemon.runtime.mkdir()
    os.chown(daemon.runtime, NOBODY, NOBODY)
    status, log = run(daemon)
    assert status == 1
    assert "belongs to another user" in log


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_link_of_another_user_is_not_followed(daemon):
    elsewhere = daemon.directory / "elsewhere"
    elsewhere.mkdir()
    daemon.runtime.symlink_to(elsewhere)
    os.chown(daemon.runtime, NOBODY, NOBODY, follow_symlinks=False)
    status, log = run(daemon)
    assert status == 1
    assert "is a link of another user" in log
    assert list(elsewhere.iterdir()) == []


def test_a_link_of_ones_own_is_followed(daemon):
    elsewhere = daemon.directory / "elsewhere"
    elsewhere.mkdir()
    daemon.runtime.symlink_to(elsewhere)
    daemon.start()
    assert daemon.ask(command="status")["runtime_dir"] == str(elsewhere)
    daemon.process.terminate()
    assert daemon.wait() == 0
    assert list(elsewhere.iterdir()) == []


def test_a_directory_that_others_may_put_another_in_the_place_of_is_refused(daemon):
    above = daemon.directory / "above"
    above.mkdir()
    daemon.runtime = above / "umdev"
    above.chmod(0o777)
    status, log = run(daemon)
    assert status == 1
    assert f"{above} can be written by others" in log
    daemon.assert_nothing_left()
    above.chmod(0o1777)
    daemon.start()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_directory_in_that_of_another_user_is_refused(daemon):
    above = daemon.directory / "above"
    above.mkdir()
    daemon.runtime = above / "umdev"
    os.chown(above, NOBODY, NOBODY)
    status, log = run(daemon)
    assert status == 1
    assert f"{above} belongs to another user" in log
    daemon.assert_nothing_left()


def test_sockets_where_others_may_write_are_refused(daemon):
    (daemon.runtime / "vfio-user").mkdir(parents=True)
    (daemon.runtime / "vfio-user").chmod(0o777)
    status, log = run(daemon)
    assert status == 1
    assert "vfio-user can be written by others" in log


def test_what_is_not_of_umdev_is_not_removed(daemon):
    daemon.runtime.mkdir()
    daemon.control_path.write_text("kept\n")
    status, log = run(daemon)
    assert status == 1
    assert "control is in the way" in log
    assert daemon.control_path.read_text() == "kept\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_what_somebody_else_has_mounted_stays(daemon):
    daemon.sys.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "other", daemon.sys], check=True)
    (daemon.sys / "file").write_text("kept\n")
    status, log = run(daemon)
    assert status == 1
    assert "something else is mounted there" in log
    assert (daemon.sys / "file").read_text() == "kept\n"
    subprocess.run(["umount", daemon.sys], check=True)


def test_a_directory_without_parent_is_refused(daemon):
    daemon.runtime = daemon.directory / "not" / "there"
    status, log = run(daemon)
    assert status == 1
    assert "can't make the directory" in log


def test_a_path_too_long_for_sockets_is_refused(daemon):
    daemon.runtime = daemon.directory / ("x" * 120)
    status, log = run(daemon)
    assert status == 1
    assert "too long for sockets" in log
    daemon.assert_nothing_left()


def test_a_lock_file_that_is_a_link_is_not_followed(daemon):
    daemon.runtime.mkdir()
    victim = daemon.directory / "victim"
    victim.write_text("kept\n")
    (daemon.runtime / "lock").symlink_to(victim)
    status, log = run(daemon)
    assert status == 1
    assert "lock" in log
    assert victim.read_text() == "kept\n"
    (daemon.runtime / "lock").unlink()


def test_it_may_open_as_many_files_as_it_is_allowed_to(daemon):
    def lower():
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))

    daemon.start(preexec_fn=lower)
    soft, hard = resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE)
    assert soft == hard > 64


def test_levels_are_marked_for_the_journal(daemon):
    log = daemon.directory / "log"
    log.touch()
    st = log.stat()
    daemon.start(env={"JOURNAL_STREAM": f"{st.st_dev}:{st.st_ino}"})
    assert "<6>ready at" in daemon.stop()


def test_a_quiet_log_is_quiet(daemon):
    daemon.start("--log-level", "err", "--load", "plain")
    assert daemon.stop() == ""


def test_modules_are_loaded_for_devices_that_appear(daemon):
    daemon.start()
    with daemon.control() as monitor:
        assert monitor.ask(command="monitor") == {"ok": True}
        assert daemon.ask(command="modprobe", name="needy")["ok"]
        seen = []
        while "/module/claims_a" not in seen:
            seen.append(monitor.receive()["env"]["DEVPATH"])
    assert "/devices/needy0" in seen
    assert daemon.read("module/claims_a/initstate") == "live\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
@pytest.mark.skipif(not shutil.which("fusermount3"), reason="needs fusermount3")
@pytest.mark.parametrize("etc", [contextlib.nullcontext, without_mtab], ids=["usual", "no-mtab"])
def test_it_works_without_privileges(etc, build_for_all, daemon):
    if not os.stat("/dev/fuse").st_mode & 0o006:
        pytest.skip("/dev/fuse is closed to others here")
    os.chown(daemon.directory, NOBODY, NOBODY)
    daemon.directory.chmod(0o700)
    daemon.program = build_for_all / "src/umdevd/umdevd"
    environment = {
        "XDG_RUNTIME_DIR": str(daemon.directory),
        "UMDEV_MODULE_PATH": str(build_for_all / "tests/modules"),
    }
    with etc():
        daemon.start(
            "--load",
            "plain",
            runtime=False,
            env=environment,
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
        )
        shown = subprocess.run(
            ["cat", daemon.sys / "module/plain/initstate"],
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
            capture_output=True,
            text=True,
        )
        assert shown.stdout == "live\n", shown.stderr
        assert daemon.ask(command="status")["uid"] == NOBODY
        process = daemon.process
        daemon.kill()
        assert process.returncode == -signal.SIGKILL
        daemon.start(
            runtime=False,
            env=environment,
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
        )
        daemon.stop()
