# SPDX-License-Identifier: LGPL-2.1-or-later
"""The AP bus and vfio_ap with everybody at once, from outside: tools, operators, guests and the host.

The same as stress.c, with the real daemon, its modules, and guests that come over vfio-user. Each guest
puts its own number into its requests: none ever gets a reply with another's. When all is quiet, no queue
is in two guests' matrices, and those that are in one are bound to vfio_ap.
"""

import contextlib
import errno
import itertools
import os
import pathlib
import struct
import sys


sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "vfio_user"))
import client as vfio_user  # noqa: E402
from at_once import Work  # noqa: E402

RELOADS = int(os.environ.get("UMDEV_STRESS_RELOADS", "12"))
# What has to succeed between two reloads, so that they do not only chase each other.
DONE_BETWEEN = 150
CARDS = [0x04, 0x05, 0x0A]
DOMAINS = [4, 6, 0x47]
KINDS = ["CEX3C", "CEX5C", "CEX7P", "CEX8P", "CEX8P"]
DEVICES = [f"83b8f4f2-509f-382f-3c1e-e6bfe0fa100{n}" for n in range(4)]
MACHINE = "cards=04:CEX8P,05:CEX5C,0a:CEX7P domains=4,6,0x47 reset_ms=1"
TYPE = "devices/vfio_ap/matrix/mdev_supported_types/vfio_ap-passthrough"
MAY_HAPPEN = {
    errno.ENOENT, errno.ENODEV, errno.EEXIST, errno.EBUSY, errno.EINVAL, errno.EIO,
    errno.EADDRINUSE, errno.EADDRNOTAVAIL,
    errno.ECONNREFUSED, errno.ECONNRESET, errno.EPIPE,
}

# The window: see umdev/vfio_ap.h.
WINDOW, EXECUTE, MESSAGE = 0, 0x04, 0x40
NQAP, DQAP, PQAP = 0xB2AD, 0xB2AE, 0xB2AF
REGISTERS = struct.Struct("<IIIQQQQQQ")
NQAP_LAST, DQAP_GR0 = 0x40000000, 0x80000000
NORMAL = 0

numbers = itertools.count(1)


class Guest:
    """A user of a matrix, with a number of its own."""

    def __init__(self, client):
        self.client = client
        self.number = next(numbers)
        self.requests = 0
        self.replies = 0

    def execute(self, instruction, gr0, psmid=0, message=b"", length=0):
        registers = REGISTERS.pack(instruction, 0, 0, gr0, 0, 0, psmid, length or len(message), 0)
        self.client.write(WINDOW, EXECUTE, registers + message)
        answer = REGISTERS.unpack(self.client.read(WINDOW, EXECUTE, REGISTERS.size))
        assert answer[2] == 0, f"program interruption {answer[2]}"
        return answer[4] >> 16 & 0xFF, answer[6]

    def ask(self, queue):
        self.requests += 1
        code, _ = self.execute(NQAP, NQAP_LAST | queue, self.number << 32 | self.requests,
                               b"a riddle")
        return code == NORMAL

    def take(self, queue):
        code, psmid = self.execute(DQAP, DQAP_GR0 | queue, length=256)
        if code != NORMAL:
            return False
        assert psmid >> 32 == self.number, f"a reply to the request {psmid:#x} of somebody else"
        return True

    def sees(self, queue):
        return self.execute(PQAP, queue)[0] == NORMAL


@contextlib.contextmanager
def tolerating():
    try:
        yield
    except vfio_user.Closed:
        pass
    except OSError as error:
        if not isinstance(error, (vfio_user.VfioUserError, ConnectionError)):
            assert error.errno in MAY_HAPPEN, error


def queue_name(rnd):
    return f"{rnd.choice(CARDS):02x}.{rnd.choice(DOMAINS):04x}"


def assign(daemon, rnd):
    what, number = rnd.choice(
        [("adapter", rnd.choice(CARDS)), ("domain", rnd.choice(DOMAINS)),
         ("control_domain", rnd.choice(DOMAINS))])
    un = rnd.choice(["", "", "un"])
    daemon.write(f"bus/mdev/devices/{rnd.choice(DEVICES)}/{un}assign_{what}", str(number))


def configure(daemon, rnd):
    masks = (sum(1 << 255 - n for n in rnd.sample(numbers, rnd.randrange(3)))
             for numbers in (CARDS, DOMAINS, DOMAINS))
    daemon.write(f"bus/mdev/devices/{rnd.choice(DEVICES)}/ap_config",
                 ",".join(f"0x{m:064x}" for m in masks))


def change_masks(daemon, rnd):
    which, numbers = rnd.choice([("apmask", CARDS), ("aqmask", DOMAINS)])
    text = f"{rnd.choice('+--')}{rnd.choice(numbers)}" if rnd.randrange(10) else "+0-255"
    daemon.write(f"bus/ap/{which}", text)


def override(daemon, rnd):
    daemon.write(f"bus/ap/devices/{queue_name(rnd)}/driver_override",
                 rnd.choice(["vfio_ap\n", "\n", "\n"]))


def rebind(daemon, rnd):
    driver = rnd.choice(["vfio_ap", "cex4queue"])
    daemon.write(f"bus/ap/drivers/{driver}/{rnd.choice(['bind', 'unbind'])}", queue_name(rnd))
    daemon.write("bus/ap/drivers_probe", queue_name(rnd))


def operate(daemon, rnd):
    card = rnd.choice(CARDS)
    doings = [("unplug", f"{card:02x}"), ("plug", f"{card:02x}:{rnd.choice(KINDS)}"),
              ("config", f"{card:02x} {rnd.choice(['on', 'off'])}"),
              ("checkstop", f"{queue_name(rnd)} {rnd.choice(['on', 'off', 'off'])}"),
              ("domains", rnd.choice(["4,6", "4,6,0x47", "4,6,0x47"]))]
    daemon.write(*map("".join, zip(["firmware/ap/", ""], rnd.choice(doings))))


def scan(daemon, rnd):
    daemon.write("bus/ap/scans", "1")


def make(daemon, rnd):
    daemon.write(f"{TYPE}/create", rnd.choice(DEVICES))


def take_away(daemon, rnd):
    device = rnd.choice(DEVICES)
    if rnd.randrange(2):
        daemon.write(f"bus/mdev/devices/{device}/remove", "1")
    else:
        daemon.write("bus/mdev/drivers/vfio_ap_mdev/unbind", device)
        daemon.write("bus/mdev/drivers/vfio_ap_mdev/bind", device)


def look(daemon, rnd):
    device = rnd.choice(DEVICES)
    for name in "matrix", "guest_matrix", "control_domains", "ap_config":
        daemon.read(f"bus/mdev/devices/{device}/{name}")
    daemon.read(f"bus/ap/devices/{queue_name(rnd)}/status")


def be_guest(daemon, rnd):
    with vfio_user.Client(str(daemon.runtime / "vfio-user" / rnd.choice(DEVICES))) as client:
        client.version()
        guest = Guest(client)
        for _ in range(rnd.randrange(60)):
            queue = rnd.choice(CARDS) << 8 | rnd.choice(DOMAINS)
            while rnd.randrange(4) and guest.ask(queue):
                pass
            while guest.take(queue):
                guest.replies += 1
            guest.sees(queue)
        if rnd.randrange(4) == 0:
            client.reset()


def guest_matrices(daemon):
    for device in os.listdir(daemon.sys / "bus/mdev/devices"):
        with contextlib.suppress(FileNotFoundError):  # one that is not bound
            matrix = daemon.read(f"bus/mdev/devices/{device}/guest_matrix").split()
            yield device, [queue for queue in matrix if len(queue) == 7]


def check_all(daemon):
    """Nobody changes anything now."""
    owner = {}
    for device, queues in guest_matrices(daemon):
        for queue in queues:
            assert queue not in owner, f"{queue} is {device}'s and {owner[queue]}'s"
            owner[queue] = device
            driver = os.readlink(daemon.sys / "bus/ap/devices" / queue / "driver")
            assert os.path.basename(driver) == "vfio_ap", queue
            assert daemon.read(f"bus/ap/devices/{queue}/status") in ("assigned\n", "in use\n")


def back_to_the_beginning(daemon):
    for device in os.listdir(daemon.sys / "bus/mdev/devices"):
        daemon.write(f"bus/mdev/devices/{device}/remove", "1")
    for queue in daemon.sys.glob("bus/ap/devices/*.*"):
        with contextlib.suppress(OSError):  # EINVAL: by masks it is, and there is none
            daemon.write(f"bus/ap/devices/{queue.name}/driver_override", "\n")
    daemon.write("bus/ap/apmask", "+0-255")
    daemon.write("bus/ap/aqmask", "+0-255")
    daemon.write("bus/ap/scans", "1")


def test_all_at_once(daemon):
    daemon.start("--log-level", "err")
    daemon.umdev("modprobe", "ap", *MACHINE.split())
    for name in "zcrypt_cex4", "vfio_ap":
        daemon.umdev("modprobe", name)
    work = Work(daemon, tolerating)
    actions = [assign, assign, assign, configure, change_masks, override, rebind, operate, scan, make,
               make, take_away, look, be_guest, be_guest, be_guest]
    modules = itertools.islice(itertools.cycle(["vfio_ap", "zcrypt_cex4"]), RELOADS)
    work.run(actions, modules, DONE_BETWEEN, timeout=120)
    assert work.failures == [], daemon.log()
    # A test in which something never works would show nothing.
    assert set(work.done) >= {action.__name__ for action in actions} - {"override"}, work.done

    check_all(daemon)
    back_to_the_beginning(daemon)
    bound, _, there = daemon.read("bus/ap/bindings").split()[0].partition("/")
    assert bound == there
    for name in "vfio_ap", "zcrypt_cex4", "ap":
        assert daemon.ask(command="rmmod", name=name) == {"ok": True}
    assert not (daemon.sys / "bus/ap").exists()
    daemon.stop()
