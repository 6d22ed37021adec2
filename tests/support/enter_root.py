# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Run a command in another root folder with this one's /sys, /dev, /run and /tmp:

    python3 enter_root.py own-pids|same-pids ROOT COMMAND [ARGUMENT]...

It gets a mount namespace of its own, and with own-pids a PID namespace, so that it is not in a chroot, which
udevadm can tell. Its exit status is passed on then; SIGTERM, SIGINT and SIGHUP go to it; it ends when this
process does. With same-pids this process becomes the command: udevd has to know those who talk to it.
"""
import ctypes
import os
import signal
import sys

CLONE_NEWNS = 0x00020000
CLONE_NEWPID = 0x20000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC = 2, 4, 8, 1 << 12, 1 << 14
MS_REC_SLAVE = MS_REC | 1 << 19
MNT_DETACH = 2
PR_SET_PDEATHSIG = 1
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

libc = ctypes.CDLL(None, use_errno=True)


def call(what, result):
    if result:
        number = ctypes.get_errno()
        sys.exit(f"enter_root: {what}: {os.strerror(number)}")


def mount(source, target, flags, kind=None):
    encoded = kind.encode() if kind else None
    call(f"mount {source} on {target}",
         libc.mount(os.fsencode(source), os.fsencode(target), encoded, flags, None))


def enter(root, own_pids):
    mount("none", "/", MS_REC_SLAVE)
    # What is mounted here by others may not be moved.
    mount(root, root, MS_BIND | MS_REC)
    for name in ("tmp", "sys", "dev", "run", *([] if own_pids else ["proc"])):
        mount(f"/{name}", f"{root}/{name}", MS_BIND | MS_REC)
    if own_pids:
        mount("proc", f"{root}/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "proc")
    os.chdir(root)
    call("pivot_root", libc.syscall(PIVOT_ROOT[os.uname().machine], b".", b"."))
    call("unmount the old root", libc.umount2(b".", MNT_DETACH))
    os.chdir("/")


def status_of(child):
    """Wait for @child, and pass signals on to it. Return: what a shell would call its exit status."""
    for number in FORWARDED:
        signal.signal(number, lambda number, frame: os.kill(child, number))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def become_a_child(parent):
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # In its own PID namespace it sees 0 there.
    if os.getppid() not in (parent, 0):
        os._exit(1)


def execute(command):
    signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)
    # What Python ignores, others count on.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    # Python's own would import modules from a root that is not there any more.
    libc.execvp(os.fsencode(command[0]),
                (ctypes.c_char_p * (len(command) + 1))(*map(os.fsencode, command), None))
    number = ctypes.get_errno()
    os.write(2, f"enter_root: {command[0]}: {os.strerror(number)}\n".encode())
    os._exit(127)


def init(root, command):
    """Be the first process of the PID namespace. The command is not, since tools of systemd's then log elsewhere."""
    enter(root, True)
    child = os.fork()
    if child:
        os._exit(status_of(child))
    execute(command)


def main():
    pids, root, command = sys.argv[1], sys.argv[2], sys.argv[3:]
    if pids == "same-pids":
        call("namespace", libc.unshare(CLONE_NEWNS))
        enter(root, False)
        execute(command)
    signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED)
    call("namespaces", libc.unshare(CLONE_NEWNS | CLONE_NEWPID))
    parent = os.getpid()
    child = os.fork()
    if not child:
        become_a_child(parent)
        init(root, command)
    sys.exit(status_of(child))


if __name__ == "__main__":
    main()
