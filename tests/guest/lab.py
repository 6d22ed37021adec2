# SPDX-License-Identifier: LGPL-2.1-or-later
"""
A host with umdevd and guests on it, for `make demo` and the tests with guests.

Everything lives below one temporary directory and ends with it. Nothing here waits by sleeping: it waits for
a line, an event or the end of a process, and gives up after a deadline.
"""
import contextlib
import gzip
import json
import os
import pathlib
import select
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import termios
import threading
import time
import tty
import uuid as uuid_module

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
from notify import Notifications  # noqa: E402

DEADLINE = 180  # seconds; a guest without KVM on a busy machine boots in less than a third of it


class Failure(Exception):
    """Something was not as it has to be; the text says what."""


def build_dir():
    return (ROOT / os.environ.get("UMDEV_BUILD", "build")).resolve()


def guest_dir():
    """Where scripts/fetch-guest has put QEMU, the kernel and busybox."""
    return pathlib.Path(os.environ.get("UMDEV_GUEST", ROOT / "build" / "guest"))


# The QEMUs that there are: Debian 13's newest and Debian 12's, the latter for Arm, too.
QEMU_NEW = "qemu-system-x86_64"
QEMU_OLD = "debian12/qemu-system-x86_64"
QEMU_ARM = "debian12/qemu-system-aarch64"


def check(condition, text):
    if not condition:
        raise Failure(text)


class Steps:
    """Of a demonstration: one line per step; what fails is named."""

    def __init__(self, name):
        self.name = name
        self.current = "begin"

    def begin(self, name):
        self.current = name

    def done(self, text=""):
        print(f"{self.name}: {self.current}{': ' + text if text else ''}", flush=True)


def demonstrate(name, show, host):
    """
    Run @show(steps) with a @host that is not started yet. Returns the exit code; nothing is left behind.
    """
    steps = Steps(name)
    try:
        with host:
            try:
                show(steps)
            except Failure as failure:
                raise Failure(f"{failure}\n{host.log_text()}") from failure
        check(not host.dir.exists(), f"{host.dir} is still there")
        steps.done("no mount, no socket, no process, no file")
    except KeyboardInterrupt:
        print(f"{name}: interrupted at: {steps.current}", file=sys.stderr, flush=True)
        return 130
    except Exception as error:  # whatever it is, the step that it happened in is what counts
        print(f"{name}: FAILED at: {steps.current}: {error}", file=sys.stderr, flush=True)
        return 1
    print(f"{name}: all is well", flush=True)
    return 0


def stop(steps, host):
    """The end of a demonstration."""
    pid = host.process.pid
    steps.begin("stop umdevd")
    host.stop()
    steps.done()

    steps.begin("nothing is left")
    left = host.leftovers()
    if os.path.exists(f"/proc/{pid}"):
        left.append(f"process {pid}")
    check(not left, ", ".join(left))


def shell(command, timeout=None):
    """A command as a person would type it. Failure if it fails."""
    done = subprocess.run(["sh", "-c", command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=timeout or DEADLINE)
    check(done.returncode == 0, f"{command}: {done.stderr.strip() or f'exit code {done.returncode}'}")
    return done.stdout


class Lines:
    """What a process writes, line by line, to wait for one of them."""

    def __init__(self, stream):
        self.lines = []
        self.changed = threading.Condition()
        self.ended = False
        self.thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self.thread.start()

    def _read(self, stream):
        with stream:
            for line in stream:
                with self.changed:
                    self.lines.append(line.rstrip("\n"))
                    self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def wait_for(self, text, timeout=None):
        def found():
            return next((line for line in self.lines if text in line), None)

        with self.changed:
            self.changed.wait_for(lambda: found() or self.ended, timeout or DEADLINE)
            line = found()
        check(line, f"no line with {text!r} was written, only:\n" + "\n".join(self.lines[-20:]))
        return line


class Host:
    """A runtime directory and the umdevd that serves it."""

    def __init__(self, load="mtty", modules=None):
        """@load as for umdevd --load; @modules: the directory of the module, if it is not one of the build's."""
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="umdev-"))
        self.runtime = self.dir / "run"
        self.sys = self.runtime / "sys"
        self.load = load
        self.modules = modules
        self.process = None
        self.notify = None
        self.log = None

    def start(self):
        build = build_dir()
        daemon = build / "src" / "umdevd" / "umdevd"
        modules = self.modules or ":".join(str(path.parent) for path in sorted(build.glob("drivers/*/*.so")))
        check(daemon.exists(), f"{daemon} is not there (run: make build)")
        self.runtime.mkdir(exist_ok=True)
        # An abstract socket, so that no file is ours to remove.
        self.notify = Notifications(f"\0{self.dir}")
        self.process = subprocess.Popen(
            [daemon, "--no-config", "--load", self.load, "--runtime-dir", self.runtime, "--module-path", modules],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace",
            env={**os.environ, **self.notify.environment()})
        self.log = Lines(self.process.stderr)
        self._wait_until_ready()
        return self

    def _wait_until_ready(self):
        try:
            ready = self.notify.wait_for("READY=1", self.process.pid, DEADLINE)
        except TimeoutError:
            ready = False
        check(ready, "umdevd did not become ready:\n" + self.log_text())

    def log_text(self):
        return "\n".join(self.log.lines[-20:]) if self.log else ""

    def stop(self):
        """SIGTERM, as a service manager does. Returns when umdevd has ended well."""
        if not self.process:
            return
        process, self.process = self.process, None
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Failure("umdevd did not end after SIGTERM:\n" + self.log_text()) from None
        self.log.thread.join()
        check(code == 0, f"umdevd ended with {code}:\n" + self.log_text())

    def kill(self):
        """As a crash would. What was with it is gone; start() begins anew."""
        self.process.kill()
        self.process.wait()
        self.process = None
        self.log.thread.join()
        self.notify.close()

    def leftovers(self):
        """What umdevd has left behind: mounts and sockets below the directory."""
        left = []
        for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
            mountpoint = line.split()[4]
            if mountpoint.startswith(f"{self.dir}/"):
                left.append(f"mount {mountpoint}")
        for path in self.dir.rglob("*"):
            if stat.S_ISSOCK(path.lstat().st_mode):
                left.append(f"socket {path}")
        return left

    def close(self):
        """Whatever has happened before: nothing is left after this."""
        try:
            with contextlib.suppress(Failure):
                self.stop()
            if os.path.ismount(self.sys):
                subprocess.run(["fusermount3", "-uz", self.sys], check=False)
        finally:
            if self.notify:
                self.notify.close()
            shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def type_path(self, kind, parent):
        return self.sys / "class" / "mdev_bus" / parent / "mdev_supported_types" / kind

    def umdev(self, *arguments):
        """The command line of `umdev`, for this host."""
        program = build_dir() / "src" / "umdev" / "umdev"
        return ["env", f"UMDEV_RUNTIME_DIR={self.runtime}", program, *arguments]

    def run(self, *command):
        """A command of umdev's. Returns what it printed; Failure if it fails."""
        return shell(shlex.join(map(str, self.umdev(*command))))

    def create(self, kind="mtty-1", uuid=None, parent="mtty"):
        uuid = uuid or str(uuid_module.uuid4())
        shell(f"echo {uuid} > {self.type_path(kind, parent)}/create")
        return Device(self, uuid)


class Device:
    """A mediated device of a host."""

    def __init__(self, host, uuid):
        self.host = host
        self.uuid = uuid
        self.path = host.sys / "bus" / "mdev" / "devices" / uuid

    def vfio(self, attribute):
        node, = (self.path / "vfio-dev").glob("vfio*")
        return (node / attribute).read_text().strip()

    def socket(self):
        return self.vfio("socket")

    def vfio_user(self):
        """For a Guest: QEMU's client of vfio-user."""
        return {"driver": "vfio-user-pci", "socket": {"type": "unix", "path": self.socket()}}

    def vfio_pci(self):
        """For a Guest: what QEMU has for mediated devices of the kernel's. Guests with one are in the host's view."""
        return {"driver": "vfio-pci", "sysfsdev": f"/sys/bus/mdev/devices/{self.uuid}"}

    def port_path(self, port=0):
        return (self.path / f"port{port}" / "path").read_text().strip()

    def remove_command(self):
        return f"echo 1 > {self.path}/remove"

    def remove(self):
        shell(self.remove_command())


class Terminal:
    """The host's end of a port."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.fd, termios.TCSANOW)

    def write(self, data):
        while data:
            data = data[os.write(self.fd, data):]

    def read(self, count, timeout=None):
        """Exactly @count bytes, or a Failure that shows what came."""
        data = b""
        deadline = time.monotonic() + (timeout or DEADLINE)
        while len(data) < count:
            ready, _, _ = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))
            check(ready, f"{len(data)} bytes of {count} came: {data[-60:]!r}")
            data += os.read(self.fd, count - len(data))
        return data

    def close(self):
        os.close(self.fd)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


# ---- the guest ----

MEMORY = "256M"

# Reads commands from the console, one per line, and says after each how it ended.
INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
exec </dev/ttyS0 >/dev/ttyS0 2>&1
stty raw -echo
echo "@ready"
while read -r line; do
	eval "$line" </dev/null
	echo "@done $?"
done
"""


def cpio_entry(number, name, mode, data=b""):
    """In the format that the kernel's documentation calls newc."""
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
    head = ("070701" + "".join(f"{field:08x}" for field in fields) + name).encode() + b"\0"
    return head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)


def make_initramfs(path):
    """busybox and the script above: all that the guest has."""
    directories = [(name, 0o40755) for name in ("bin", "dev", "proc", "sys", "tmp")]
    files = [("bin/busybox", 0o100755, (guest_dir() / "busybox").read_bytes()),
             ("init", 0o100755, INIT.encode()), ("TRAILER!!!", 0)]
    with gzip.open(path, "wb", compresslevel=1) as out:
        for number, entry in enumerate(directories + files):
            out.write(cpio_entry(number, *entry))


class Qmp:
    """QEMU's monitor."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(DEADLINE)
        self.socket.connect(str(path))
        self.file = self.socket.makefile("r")
        self.events = []
        self._read()
        self.command("qmp_capabilities")

    def _read(self):
        line = self.file.readline()
        check(line, "QEMU closed its monitor")
        return json.loads(line)

    def command(self, name, **arguments):
        self.socket.sendall(json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n")
        while True:
            message = self._read()
            if "event" in message:
                self.events.append(message)
                continue
            check("error" not in message, f"QMP {name}: {message.get('error')}")
            return message["return"]

    def wait_for_event(self, name, **data):
        """An event that has come and was not waited for yet, or the next one that comes."""
        def wanted(event):
            return event["event"] == name and all(event.get("data", {}).get(k) == v for k, v in data.items())

        while not (found := next(filter(wanted, self.events), None)):
            message = self._read()
            if "event" in message:
                self.events.append(message)
        self.events.remove(found)

    def close(self):
        self.file.close()
        self.socket.close()


class Machine:
    """QEMU, unmodified, with a console that is a socket, and a monitor."""

    def __init__(self, host):
        self.host = host
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="guest-", dir=host.dir))
        self.process = None
        self.qmp = None

    def start(self, arguments, in_view, ready):
        """Run it with these @arguments, in the host's view or beside, until it has written @ready."""
        console, monitor = self.dir / "console", self.dir / "monitor"
        arguments = [
            *arguments, "-nodefaults", "-display", "none", "-accel", "tcg",
            # In this order: while it waits at the console, the monitor is there.
            "-qmp", f"unix:{monitor},server=on,wait=off",
            "-chardev", f"socket,id=console,path={console},server=on,wait=on", "-serial", "chardev:console"]
        if in_view:
            arguments = self.host.umdev("exec", "--", *arguments)
        self.process = subprocess.Popen(list(map(str, arguments)), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.output = Lines(self.process.stdout)
        self.console = socket.socket(socket.AF_UNIX)
        self.buffer = b""
        try:
            # QEMU says on which socket it waits, then waits for us there.
            self.output.wait_for(str(console))
            self.console.connect(str(console))
            self.qmp = Qmp(monitor)
            self.read_until(ready)
        except BaseException as error:
            self.close()
            if isinstance(error, (Failure, OSError)):
                raise Failure(f"{error}\n" + "\n".join(self.output.lines[-20:])) from error
            raise

    def read_until(self, marker, timeout=None):
        """What comes from the console before @marker."""
        deadline = time.monotonic() + (timeout or DEADLINE)
        while marker not in self.buffer:
            ready, _, _ = select.select([self.console], [], [], max(0, deadline - time.monotonic()))
            data = self.console.recv(65536) if ready else b""
            check(data, f"the guest does not answer; it has said:\n{self.buffer.decode(errors='replace')[-2000:]}"
                  + "\n".join(self.output.lines[-5:]))
            self.buffer += data
        before, _, self.buffer = self.buffer.partition(marker)
        return before

    def wait(self):
        """Wait until QEMU has ended by itself."""
        try:
            code = self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            raise Failure("QEMU did not end") from None
        self.output.thread.join()
        check(code == 0, f"QEMU ended with {code}:\n" + "\n".join(self.output.lines[-20:]))

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.qmp:
            self.qmp.close()
        self.console.close()
        self.output.thread.join()
        # Of a QEMU that was killed the sockets are left.
        shutil.rmtree(self.dir)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def shared_memory(size):
    """Arguments for memory that a device may get by a descriptor; without them QEMU takes anonymous memory."""
    return ["-object", f"memory-backend-memfd,share=on,id=memory,size={size}", "-machine", "memory-backend=memory"]


class Console(Machine):
    """A guest with Linux, on whose console is a shell that says after each command how it ended."""

    def send(self, command):
        """Begin a command; result() waits for it."""
        check("\n" not in command, "one line is one command")
        self.console.sendall(command.encode() + b"\n")

    def result(self, timeout=None):
        output = self.read_until(b"@done ", timeout).decode(errors="replace")
        code = int(self.read_until(b"\n"))
        return code, output

    def run(self, command, timeout=None):
        """Run one line of shell in the guest. Returns what it printed; Failure if it fails."""
        self.send(command)
        code, output = self.result(timeout)
        check(code == 0, f"in the guest: {command}: exit code {code}\n{output}")
        return output

    def power_off(self):
        self.send("poweroff -f")
        self.wait()


class Guest(Console):
    """A PC with Debian's Linux and devices of a host."""

    # What makes the guest's 8250_pci use MSI: it does so for a few cards only.
    MSI_IDS = {"x-pci-vendor-id": 0x9710, "x-pci-device-id": 0x9912, "x-pci-sub-vendor-id": 0xa000,
               "x-pci-sub-device-id": 0x1000}

    def __init__(self, host, devices, private_memory=False, properties=None, qemu=QEMU_NEW, root_ports=False,
                 options=(), kernel_options=""):
        """
        @devices: of Device.vfio_user() or Device.vfio_pci(); they are mdev0, mdev1 …
        @private_memory: what QEMU takes if nothing else is said, instead of a memfd
        @properties: more of them, for each device
        @root_ports: a PCIe machine where device number N is alone behind the root port "portN"
        """
        super().__init__(host)
        self.properties = properties or {}
        self.root_ports = root_ports
        make_initramfs(self.dir / "initramfs")
        arguments = [
            guest_dir() / qemu, "-no-reboot", "-machine", "q35" if root_ports else "pc", "-m", MEMORY,
            *([] if private_memory else shared_memory(MEMORY)),
            "-kernel", guest_dir() / "vmlinuz", "-initrd", self.dir / "initramfs",
            "-append", f"console=ttyS0 quiet loglevel=1 panic=-1 {kernel_options}", *options]
        for number, device in enumerate(devices):
            if root_ports:
                arguments += ["-device", f"pcie-root-port,id=port{number},chassis={number + 1}"]
            arguments += ["-device", json.dumps(self._describe(number, device))]
        self.start(arguments, any(device["driver"] == "vfio-pci" for device in devices), b"@ready\n")

    def _describe(self, number, device):
        bus = {"bus": f"port{number}"} if self.root_ports else {}
        return {**device, "id": f"mdev{number}", **bus, **self.properties}

    def plug(self, number, device):
        """Add a device to the running guest, as the one of this number."""
        self.qmp.command("device_add", **self._describe(number, device))

    # ---- serial ports ----

    def pci_devices(self, vendor=0x4348, device=0x3253):
        """Where the guest has found devices of these ids: their directories in the guest's sysfs, sorted."""
        wanted = shlex.quote(f"0x{vendor:04x} 0x{device:04x}")
        return self.run('for d in /sys/bus/pci/devices/*; do '
                        f'[ "$(cat $d/vendor) $(cat $d/device)" = {wanted} ] && echo $d; done; true').split()

    def pci_device(self, vendor=0x4348, device=0x3253):
        """The same, of the only one."""
        found = self.pci_devices(vendor, device)
        check(len(found) == 1, f"the guest has {len(found)} PCI devices 0x{vendor:04x} 0x{device:04x}")
        return found[0]

    def serial_ports(self, pci_device):
        """Names of the ports that the guest's own driver has made of it, as ttyS4."""
        return sorted(self.run(f"ls {pci_device}/tty").split(), key=lambda name: int(name[4:]))

    def open_port(self, name, fd=3):
        """Keep a port open in the guest's shell, raw and with hardware flow control, as descriptor @fd."""
        self.run(f"exec {fd}<>/dev/{name} && stty raw -echo crtscts <&{fd}")

    def talk(self, port, terminal, fd=3):
        """Text crosses in both directions between a port that is opened here and its @terminal on the host."""
        self.open_port(port, fd)
        self.run(f"echo from the guest >&{fd}")
        came = terminal.read(15)
        check(came == b"from the guest\n", f"the host got {came!r}")
        terminal.write(b"from the host\n")
        came = self.run(f"read -r line <&{fd} && echo $line")
        check(came == "from the host\n", f"the guest got {came!r}")

    def interrupts(self, port):
        """How many interrupts of the port the guest has handled, and whether they are MSI."""
        line = self.run(f"grep {port} /proc/interrupts")
        return sum(int(word) for word in line.split()[1:] if word.isdigit()), "PCI-MSI" in line
