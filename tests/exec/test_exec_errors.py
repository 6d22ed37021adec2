# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where there can be no view: one line that says what is missing and what to do."""

import errno
import os
import subprocess

import pytest

from conftest import TIMEOUT

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to make the machine so")


def assert_line(result, *words):
    assert result.returncode == 125, result
    assert result.stderr.startswith("umdev: "), result.stderr
    assert result.stderr.count("\n") == 1, result.stderr
    for word in words:
        assert word in result.stderr


def run_in(view, script):
    """The view's command "true" after @script has changed a mount namespace; $@ is it."""
    return subprocess.run(
        ["unshare", "-m", "sh", "-ec", script, "sh", *view.command("true")],
        env=view.environment(),
        cwd="/",
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )


def as_user(user):
    return f"exec setpriv --reuid {user} --regid {user} --clear-groups \"$@\""


def test_without_a_daemon(daemon):
    result = daemon.umdev("exec", "true", check=False)
    assert_line(result, f"no umdevd is running at {daemon.runtime}", "start one with: umdevd")


def test_after_a_crash(view):
    view.daemon.kill()
    assert_line(view.run("true", check=False), "no umdevd is running at")
    view.start()


@needs_root
def test_root_in_a_users_view(user_view):
    result = user_view.run("true", user=0, group=0, check=False)
    assert_line(result, "belongs to uid 65534: only that user can run commands in its view")


@needs_root
def test_a_user_in_roots_view(view, build_for_all):
    view.umdev = build_for_all / "src/umdev/umdev"
    result = view.run("true", user=65534, group=65534, extra_groups=[], check=False)
    assert_line(result, "belongs to another user (run this as that user or root)")


@needs_root
def test_without_fuse(view):
    result = run_in(view, 'mount -t tmpfs none /dev; exec "$@"')
    assert_line(result, "there is no FUSE here: /dev/fuse: No such file", "modprobe fuse")


@needs_root
def test_fuse_closed_to_the_user(user_view):
    script = f"""
        mount -t tmpfs none /mnt; mknod -m 600 /mnt/fuse c 10 229
        mount --bind /mnt/fuse /dev/fuse; {as_user(65534)}
    """
    assert_line(run_in(user_view, script), "may not open /dev/fuse", "chmod 666 /dev/fuse")


@pytest.mark.parametrize(
    "number, words",
    [
        (errno.ENOSPC, "user.max_user_namespaces"),
        (errno.EPERM, "kernel.unprivileged_userns_clone=1"),
        (errno.EACCES, "kernel.apparmor_restrict_unprivileged_userns=0"),
        (errno.EINVAL, "this kernel has no user namespaces"),
    ],
)
def test_user_namespaces_forbidden(any_view, tmp_path, number, words):
    environment = {
        "LD_PRELOAD": str(any_view.build / "tests/exec/fail_step.so"),
        "ASAN_OPTIONS": "verify_asan_link_order=0",
        "FAIL_CALL": "unshare",
        "FAIL_ERRNO": str(number),
    }
    result = any_view.run("true", env=environment, check=False)
    assert_line(result, words)
    assert ("umdevd of root" in result.stderr) == (not any_view.is_roots())


@needs_root
def test_root_that_may_not_mount(view):
    result = subprocess.run(
        ["setpriv", "--bounding-set", "-sys_admin", *view.command("true")],
        env=view.environment(),
        capture_output=True,
        text=True,
    )
    assert_line(result, "CAP_SYS_ADMIN is missing")


@needs_root
def test_root_that_may_not_enter(view):
    view.run("true")
    result = subprocess.run(
        ["setpriv", "--bounding-set", "-sys_admin", *view.command("true")],
        env=view.environment(),
        capture_output=True,
        text=True,
    )
    assert_line(result, "not allowed to enter the view's", "CAP_SYS_ADMIN is missing")


@needs_root
def test_a_machine_that_cannot_be_written(daemon, view):
    script = "mount -o remount,ro,bind /; ! touch /umdev-test 2>/dev/null; exec \"$@\""
    result = run_in(view, script)
    assert result.returncode == 0, result.stderr


@needs_root
def test_a_machine_that_hides_parts_of_sys(user_view):
    """As containers do: nobody but root gets a sysfs of his own then, and the one there is taken."""
    shown = ["/sys/bus", "/sys/class/net"]
    user_view.command = lambda *command: [str(user_view.umdev), "exec", "ls", *shown]
    result = run_in(user_view, f"mount -t tmpfs none /sys/firmware; {as_user(65534)}")
    assert result.returncode == 0, result.stderr
    expected = {"mdev", *os.listdir("/sys/bus"), *os.listdir("/sys/class/net")}
    assert expected <= set(result.stdout.split())


@needs_root
@pytest.mark.parametrize("missing", ["sys", "dev", "run"])
def test_a_directory_that_is_missing(view, missing):
    there = [name for name in ("sys", "dev", "run", "proc", "usr", "tmp") if name != missing]
    script = f"""
        mount -t tmpfs none /mnt; cd /mnt; mkdir {' '.join(there)} b
        for i in {' '.join(there)}; do mount --rbind /$i $i; done
        for i in bin lib lib64 sbin; do [ ! -e /$i ] || ln -s usr/$i $i; done
        umdev=$1; shift; mount --rbind {view.build} b
        exec chroot . /b/src/umdev/umdev "$@"
    """
    assert_line(run_in(view, script), f"there is no directory /{missing} to mount on")


def test_in_another_view(any_view):
    any_view.run("true")
    result = any_view.run(*any_view.command("true", net="host"), check=False)
    assert_line(result, "this shell is in another view already: leave it")


@needs_root
def test_the_runtime_directory_on_a_machine_that_cannot_be_written(daemon):
    """umdevd says which directory it is and what can be done."""
    script = f"mount -o remount,ro,bind /; exec {daemon.program} --no-config --runtime-dir /umdev"
    result = subprocess.run(
        ["unshare", "-m", "sh", "-ec", script], capture_output=True, text=True, timeout=TIMEOUT
    )
    assert result.returncode == 1
    assert result.stderr == (
        "umdevd: can't make the directory /umdev: Read-only file system (another place: "
        "--runtime-dir DIR)\n"
    )


@needs_root
def test_events_to_the_host_without_rights(build_for_all, daemon):
    os.chown(daemon.directory, 65534, 65534)
    daemon.program = build_for_all / "src/umdevd/umdevd"
    daemon.spawn("--uevents=host", user=65534, group=65534, extra_groups=[])
    assert not daemon.wait_for("READY=1")
    log = daemon.log()
    assert daemon.wait() == 1
    assert (
        "umdevd: can't send events to the host's network namespace: that needs root there "
        "(CAP_SYS_ADMIN)\n"
    ) in log
