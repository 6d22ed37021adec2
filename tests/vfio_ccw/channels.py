# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine with subchannels that are vfio_ccw's, and users of them."""

import collections
import errno
import os
import pathlib
import select
import shutil
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "vfio_user"))
import client as vu  # noqa: E402,F401

UUID = "7e270a25-e163-4922-af60-757fc8ed48c6"
OTHER = "7e270a25-e163-4922-af60-757fc8ed48c7"
HANG_LIMIT = 30

IO, CRW, REQ = range(3)
IO_REGION, CMD_REGION, SCHIB_REGION, CRW_REGION = range(4)

# In the ORB, with format-1 CCWs and prefetching as Linux has it.
FMT, PFCH, TM, C64, I2K, MIDAW = 0x800000, 0x400000, 0x40000, 0x20000, 0x10000, 0x40
FMT0, FMT1 = PFCH, FMT | PFCH
LPM_SHIFT = 8
# In a CCW.
DC, CC, SLI, SKIP, PCI, IDA, SUSPEND, MIDA = 0x80, 0x40, 0x20, 0x10, 8, 4, 2, 1
TIC, WRITE, READ, NOOP, SENSE, SENSE_ID = 8, 1, 2, 3, 4, 0xE4
# In status.
ATTENTION, STAT_MOD, CU_END, BUSY, CHN_END, DEV_END, UNIT_CHECK, UNIT_EXCEP = (0x80 >> i for i in range(8))
PCI_STAT, INCORR_LEN, PROG_CHECK, PROT_CHECK, CHN_DATA, CHN_CTRL, INTF_CTRL, CHAIN_CHK = (0x80 >> i for i in range(8))
START, HALT, CLEAR = 0x4000, 0x2000, 0x1000
RESUME_PEND, START_PEND, HALT_PEND, CLEAR_PEND = 0x800, 0x400, 0x200, 0x100
SCHACT, DEVACT, SUSPENDED = 0x80, 0x40, 0x20
ALERT, INTER, PRIM, SEC, STATUS = 0x10, 8, 4, 2, 1
ENDED = PRIM | SEC | STATUS

Irb = collections.namedtuple("Irb", "flags ctrl cpa dstat cstat count esw ecw")


def ccw1(cmd, flags=0, count=0, cda=0):
    return struct.pack(">BBHI", cmd, flags, count, cda)


def ccw0(cmd, flags=0, count=0, cda=0):
    return struct.pack(">IBBH", cmd << 24 | cda, flags, 0, count)


def program(*ccws, fmt1=True):
    """Tuples, or bytes as they are, one after the other."""
    encode = ccw1 if fmt1 else ccw0
    return b"".join(ccw if isinstance(ccw, bytes) else encode(*ccw) for ccw in ccws)


def idal(*addresses, c64=True):
    return struct.pack(f">{len(addresses)}{'Q' if c64 else 'I'}", *addresses)


class Machine:
    """
    @view: in which it is, its daemon not started yet
    @devices: texts for `umdev css plug`; the first one's subchannel is 0.0.0000, and so on
    """

    def __init__(self, view, *devices, **params):
        self.view = view
        self.daemon = view.daemon
        self.devices = 0
        view.start()
        self.umdev("modprobe", "css", *[f"{key}={value}" for key, value in params.items()])
        self.umdev("modprobe", "vfio_ccw")
        for device in devices:
            self.plug(device)

    def umdev(self, *args, check=True, **run):
        """As the user whose machine it is."""
        done = subprocess.run(
            [str(self.view.umdev), *map(str, args)],
            env=self.view.environment(),
            **{"capture_output": True, "text": True, "timeout": HANG_LIMIT, **self.view.as_user(), **run},
        )
        assert not check or done.returncode == 0, (done.stderr, self.daemon.log())
        return done

    def plug(self, device):
        """Return: the name of its subchannel."""
        name = f"0.0.{self.devices:04x}"
        self.umdev("css", "plug", device)
        self.devices += 1
        self.wait_for(f"bus/css/devices/{name}")
        return name

    def path(self, path):
        return self.daemon.sys / path

    def read(self, path):
        return self.path(path).read_text()

    def write(self, path, text):
        """One write(2), as echo does it."""
        fd = os.open(self.path(path), os.O_WRONLY)
        try:
            os.write(fd, str(text).encode())
        finally:
            os.close(fd)

    def wait_for(self, path, there=True):
        end = time.monotonic() + HANG_LIMIT
        while os.path.lexists(self.path(path)) != there:
            assert time.monotonic() < end, (path, self.daemon.log())
            time.sleep(0.005)

    def bind(self, subchannel, driver="vfio_ccw"):
        """Give it to a driver, whosever it is."""
        device = f"bus/css/devices/{subchannel}"
        self.write(f"{device}/driver_override", driver)
        if os.path.lexists(self.path(f"{device}/driver")):
            self.write(f"{device}/driver/unbind", subchannel)
        self.write("bus/css/drivers_probe", subchannel)
        assert os.path.basename(os.readlink(self.path(f"{device}/driver"))) == driver, self.daemon.log()

    def mdev(self, subchannel="0.0.0000", uuid=UUID):
        """Bind it and make its mediated device. Return: the UUID."""
        self.bind(subchannel)
        self.umdev("create", subchannel, "vfio_ccw-io", uuid)
        return uuid

    def remove(self, uuid=UUID):
        self.write(f"bus/mdev/devices/{uuid}/remove", "1")

    def socket(self, uuid=UUID):
        """Of the device's vfio-user server."""
        return next(self.path(f"bus/mdev/devices/{uuid}/vfio-dev").iterdir()).joinpath("socket").read_text().strip()

    def user(self, way="socket", uuid=UUID, memory=None):
        """A user of a device, by VFIO's calls in the view ("vfio") or by its socket."""
        return User(self, way, uuid if way == "vfio" else self.socket(uuid), memory)


class User:
    """A running uses_ccw. What it is asked to do and fails raises an OSError."""

    def __init__(self, machine, way, where, memory=None):
        self.machine = machine
        view = machine.view
        command = [view.build / "tests/vfio_ccw/uses_ccw", way, where, *([memory] if memory else [])]
        if way == "vfio":
            command[0] = shutil.copy(command[0], machine.daemon.directory)
            command = view.command(*command)
        self.process = subprocess.Popen(
            [str(word) for word in command],
            # What it writes it has as a mainframe would.
            env=view.environment(UMDEV_CCW_BYTE_ORDER="big"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            **view.as_user(),
        )
        self.rest = b""
        try:
            self.answer()
        except BaseException:
            self.kill()
            raise

    def answer(self):
        """The words behind "ok"."""
        end = time.monotonic() + 2 * HANG_LIMIT
        while b"\n" not in self.rest:
            left = end - time.monotonic()
            assert left > 0 and select.select([self.process.stdout], [], [], left)[0], "nothing is said"
            got = os.read(self.process.stdout.fileno(), 1 << 20)
            assert got, f"it has ended: {self.process.wait(HANG_LIMIT)}, {self.machine.daemon.log()}"
            self.rest += got
        line, _, self.rest = self.rest.partition(b"\n")
        ok, *words = line.decode().split()
        if ok != "ok":
            raise OSError(getattr(errno, ok), ok)
        return words

    def send(self, *words):
        """Tell it to do something; answer() is still to be called."""
        words = [word.hex() if isinstance(word, bytes) else str(word) for word in words]
        self.process.stdin.write(" ".join(words).encode() + b"\n")

    def ask(self, *words):
        self.send(*words)
        return self.answer()

    def bytes(self, *words):
        return bytes.fromhex("".join(self.ask(*words)))

    # ---- guest memory ----

    def put(self, addr, data):
        self.ask("put", addr, data)

    def get(self, addr, size):
        return self.bytes("get", addr, size)

    def fill(self, addr, size, byte=0):
        self.ask("fill", addr, size, byte)

    # ---- instructions ----

    def ssch(self, cpa, word1=FMT1, intparm=0):
        self.ask("ssch", intparm, word1, cpa)

    def run(self, cpa, word1=FMT1, intparm=0):
        """Start a program and return its last IRB."""
        return irb(self.bytes("run", intparm, word1, cpa))

    def hsch(self):
        self.ask("hsch")

    def csch(self):
        self.ask("csch")

    def irb(self):
        return irb(self.bytes("irb"))

    def schib(self):
        return self.bytes("schib")

    def crw(self):
        """The next one, (0, 0): there is none."""
        return tuple(int(word, 0) for word in self.ask("crw"))

    def wait(self, index=IO, ms=HANG_LIMIT * 1000):
        """How often the interrupt was signalled."""
        return int(self.ask("wait", index, ms)[0])

    def interrupted(self, index=IO):
        """Was it, by now?"""
        try:
            return self.wait(index, 0) > 0
        except TimeoutError:
            return False

    def interrupt(self):
        """Wait for status, and return it."""
        self.wait(IO)
        return self.irb()

    # ---- the rest of VFIO ----

    def read(self, region, offset, size):
        return self.bytes("read", region, offset, size)

    def write(self, region, offset, data):
        self.ask("write", region, offset, data)

    def map(self, iova, size, addr, prot=3):
        self.ask("map", iova, size, addr, prot)

    def unmap(self, iova, size):
        self.ask("unmap", iova, size)

    def arm(self, index, on=True):
        self.ask("arm", index, int(on))

    def reset(self):
        self.ask("reset")

    # ---- its end ----

    def close(self):
        """In order."""
        self.process.stdin.close()
        status = self.process.wait(HANG_LIMIT)
        self.process.stdout.close()
        assert status == 0, self.machine.daemon.log()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.stdout.closed:
            return
        self.kill()


def irb(data):
    return Irb(*struct.unpack(">HHIBBH5I32s", data[:64])[:6], struct.unpack(">5I", data[12:32]), data[32:64])


def run_by(client, cpa, word1=FMT1):
    """The same as User.run() by a client of vfio-user's, which answers for its memory meanwhile."""
    event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
    try:
        client.set_irqs(vu.DATA_EVENTFD | vu.TRIGGER, IO, 0, 1, [event])
        area = struct.pack(">IIIHH8x96x4x", 0, word1, cpa, 0, START | START_PEND)
        client.write(IO_REGION, 0, area)
        end = time.monotonic() + HANG_LIMIT
        while True:
            # What came together with a reply is in the buffer already.
            ready = client.buffer or select.select([event, client.sock], [], [], end - time.monotonic())[0]
            assert ready, "no interrupt has come"
            if client.buffer or client.sock in ready:
                client.serve(client.receive())
                continue
            os.eventfd_read(event)
            status = irb(client.read(IO_REGION, 24, 96))
            if not status.ctrl & (START_PEND | SCHACT | DEVACT):
                return status
    finally:
        os.close(event)
