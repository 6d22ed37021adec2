# SPDX-License-Identifier: LGPL-2.1-or-later
"""The driver mtty as a VMM and a host tool meet it: through the device's socket and through sysfs."""
import errno
import os
import resource
import select
import socket
import struct
import subprocess
import time
import uuid

import pytest

import client as vfio_user
import lab

INTX, MSI = vfio_user.INTX, vfio_user.MSI
CONFIG = 7


class Eventfd:
    def __init__(self, client, index):
        self.fd = os.eventfd(0, os.EFD_NONBLOCK)
        client.set_irqs(vfio_user.DATA_EVENTFD | vfio_user.TRIGGER, index, 0, 1, [self.fd])

    def wait(self):
        assert select.select([self.fd], [], [], 30)[0], "no interrupt came"
        return os.eventfd_read(self.fd)

    def is_quiet(self):
        return not select.select([self.fd], [], [], 0)[0]


# ---- what it is ----

def test_it_is_the_card_that_the_kernel_s_sample_is(guest):
    config = guest.read(CONFIG, 0, 64)
    assert struct.unpack_from("<HH", config, 0x00) == (0x4348, 0x3253)
    assert struct.unpack_from("<HH", config, 0x2c) == (0x4348, 0x3253)
    assert config[0x08] == 0x10
    assert config[0x09:0x0c] == bytes([0x02, 0x00, 0x07])
    assert config[0x3d] == 1


@pytest.mark.parametrize("kind, ports", [("mtty-1", 1), ("mtty-2", 2)])
def test_each_port_is_a_bar_of_eight_io_ports(host, play, kind, ports):
    device = host.create(kind)
    with play(device) as guest:
        for bar in range(6):
            (_, _, _, _, size, _), _, _ = guest.region_info(bar)
            assert size == (8 if bar < ports else 0)
            guest.write(CONFIG, 0x10 + 4 * bar, b"\xff\xff\xff\xff")
            sized, = struct.unpack("<I", guest.read(CONFIG, 0x10 + 4 * bar, 4))
            assert sized == (0xfffffff9 if bar < ports else 0)
    device.remove()


def test_it_has_one_intx_and_one_msi(guest):
    assert guest.irq_info(INTX)[3] == 1
    assert guest.irq_info(MSI)[3] == 1


# ---- text ----

def test_text_goes_out_and_comes_in(card, guest):
    guest.open_port()
    with lab.Terminal(card.port_path()) as terminal:
        guest.send_text(b"hello host")
        assert terminal.read(10) == b"hello host"
        terminal.write(b"hello guest")
        assert guest.receive_text(11) == b"hello guest"


def test_several_registers_can_be_accessed_at_once(guest):
    guest.write(0, 3, bytes([0x1b, 0x03]))
    assert guest.read(0, 3, 2) == bytes([0x1b, 0x03])


def test_the_ports_of_a_dual_card_do_not_mix(dual, play):
    with play(dual) as guest, lab.Terminal(dual.port_path(0)) as first, \
            lab.Terminal(dual.port_path(1)) as second:
        for port in (0, 1):
            guest.open_port(port)
        guest.send_text(b"first", 0)
        guest.send_text(b"second", 1)
        assert (first.read(5), second.read(6)) == (b"first", b"second")


def test_what_the_host_says_early_waits_for_the_guest(card, play):
    with lab.Terminal(card.port_path()) as terminal:
        terminal.write(b"early")
        with play(card) as guest:
            assert not guest.reg(guest.LSR) & guest.DR
            guest.open_port()
            assert guest.receive_text(5) == b"early"


def wait_until_free(card):
    """Until it is known that its guest has hung up: what comes before is for that one."""
    deadline = time.monotonic() + lab.DEADLINE
    while user := card.vfio("user"):
        assert time.monotonic() < deadline, f"still used by {user}"


def test_what_the_host_says_between_two_guests_waits_for_the_second(card, play):
    with lab.Terminal(card.port_path()) as terminal:
        with play(card) as guest:
            guest.open_port()
        wait_until_free(card)
        terminal.write(b"next")
        with play(card) as guest:
            guest.open_port()
            assert guest.receive_text(4) == b"next"


def test_a_guest_begins_with_a_fresh_uart(card, play):
    with play(card) as guest:
        guest.set_reg(guest.LCR, 0x1f)
        guest.set_reg(guest.IER, 0x0f)
    with play(card) as guest:
        assert (guest.reg(guest.LCR), guest.reg(guest.IER)) == (0, 0)


def test_a_reset_is_power_on(guest):
    guest.set_reg(guest.LCR, 0x1f)
    guest.reset()
    assert guest.reg(guest.LCR) == 0


# ---- interrupts ----

def test_a_received_character_raises_intx_until_it_is_read(card, guest):
    irq = Eventfd(guest, INTX)
    guest.open_port()
    guest.set_reg(guest.IER, 0x01)
    assert irq.is_quiet()
    with lab.Terminal(card.port_path()) as terminal:
        terminal.write(b"ab")
        irq.wait()
        # It is masked now. Unmasking it while the level is high signals again.
        guest.set_irqs(vfio_user.DATA_NONE | vfio_user.UNMASK, INTX, 0, 1)
        irq.wait()
        assert guest.receive_text(2) == b"ab"
        guest.set_irqs(vfio_user.DATA_NONE | vfio_user.UNMASK, INTX, 0, 1)
        assert irq.is_quiet()


def test_each_new_cause_is_an_msi(card, guest):
    irq = Eventfd(guest, MSI)
    guest.open_port()
    guest.set_reg(guest.IER, 0x03)
    irq.wait()
    # The transmitter was empty. It still is after each character: that is news again.
    with lab.Terminal(card.port_path()) as terminal:
        for _ in range(3):
            guest.set_reg(guest.TX, ord("x"))
            irq.wait()
        terminal.write(b"y")
        irq.wait()
        assert guest.receive_text(1) == b"y"


# ---- sysfs ----

def read(path):
    return path.read_text()


def test_a_card_has_the_attribute_of_the_kernel_s_sample(card):
    assert read(card.path / "vendor" / "sample_mdev_dev") == f"This is MDEV {card.uuid}\n"


def test_each_port_has_its_directory(card, dual):
    assert sorted(path.name for path in card.path.glob("port*")) == ["port0"]
    assert sorted(path.name for path in dual.path.glob("port*")) == ["port0", "port1"]
    for path in dual.path.glob("port*"):
        assert read(path / "backend") == "pty\n"
        with lab.Terminal(read(path / "path").strip()) as terminal:
            assert os.isatty(terminal.fd)


def test_a_port_can_be_connected_to_a_socket(host, card, guest):
    guest.open_port()
    lab.shell(f"echo unix > {card.path}/port0/backend")
    assert card.port_path() == f"{host.socket_dir}/{card.uuid}-port0"
    with socket.socket(socket.AF_UNIX) as end:
        end.connect(card.port_path())
        end.sendall(b"in")
        assert guest.receive_text(2) == b"in"
        guest.send_text(b"out")
        assert end.recv(3, socket.MSG_WAITALL) == b"out"


def test_a_port_can_be_looped_back(card, guest):
    guest.open_port()
    lab.shell(f"echo loop > {card.path}/port0/backend")
    assert read(card.path / "port0" / "path") == "\n"
    guest.send_text(b"echo")
    assert guest.receive_text(4) == b"echo"


@pytest.mark.parametrize("value", [b"", b"\n", b"tty", b"pty\n\n", b"pty\0", b"p" * 4096, b"PTY", b"loop pty"])
def test_what_is_no_backend_is_refused(card, value):
    path = card.path / "port0" / "path"
    before = read(path)
    fd = os.open(card.path / "port0" / "backend", os.O_WRONLY)
    try:
        if value:
            with pytest.raises(OSError, match="Invalid argument"):
                os.write(fd, value)
    finally:
        os.close(fd)
    assert read(path) == before


# ---- quota ----

def test_all_cards_share_the_ports(host):
    types = host.sys / "class" / "mdev_bus" / "mtty" / "mdev_supported_types"

    def available():
        return [int(read(types / kind / "available_instances")) for kind in ("mtty-1", "mtty-2")]

    def create_errno(kind):
        with pytest.raises(OSError) as error:
            (types / kind / "create").write_text(str(uuid.uuid4()))
        return error.value.errno

    assert available() == [24, 12]
    cards = [host.create("mtty-2") for _ in range(11)] + [host.create("mtty-1")]
    assert available() == [1, 0]
    assert create_errno("mtty-2") == errno.ENOSPC
    cards.append(host.create("mtty-1"))
    assert create_errno("mtty-1") == errno.ENOSPC
    for card in cards:
        card.remove()
    assert available() == [24, 12]


# ---- parameters ----

def test_parameters_say_how_many_ports_and_what_they_begin_with():
    with lab.Host(load="mtty,ports=3,backend=loop") as host:
        host.start()
        types = host.sys / "class" / "mdev_bus" / "mtty" / "mdev_supported_types"
        assert read(types / "mtty-1" / "available_instances") == "3\n"
        assert read(types / "mtty-2" / "available_instances") == "1\n"
        assert read(host.create().path / "port0" / "backend") == "loop\n"
        host.stop()


def test_a_backend_that_does_not_exist_fails_the_load():
    build = lab.build_dir()
    with lab.Host(load="mtty,backend=telepathy") as host:
        host.runtime.mkdir()
        done = subprocess.run(
            [build / "src" / "umdevd" / "umdevd", "--load", host.load, "--runtime-dir", host.runtime,
             "--module-path", build / "drivers" / "mtty"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        assert done.returncode != 0
        assert 'backend "telepathy" is none of pty, unix, loop' in done.stderr


def test_a_card_whose_ports_cannot_be_connected_is_not_made():
    with lab.Host(load="mtty,backend=unix,socket_dir=/proc/no/such/place") as host:
        host.start()
        types = host.sys / "class" / "mdev_bus" / "mtty" / "mdev_supported_types"
        for name, ports in (("mtty-1", "24\n"), ("mtty-2", "12\n")):
            with pytest.raises(OSError):
                (types / name / "create").write_text(str(uuid.uuid4()))
            assert read(types / name / "available_instances") == ports
        assert not list((host.sys / "bus" / "mdev" / "devices").iterdir())
        host.stop()


def write_once(path, text):
    """One write(2): a Python file that cannot be flushed tries again when it is closed."""
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


@pytest.mark.parametrize("backend", ["pty", "unix", "loop"])
def test_a_card_that_runs_out_of_descriptors_leaves_nothing(backend, tmp_path):
    with lab.Host(load=f"mtty,backend={backend},socket_dir={tmp_path}") as host:
        host.start()
        pid = host.process.pid
        dual = host.sys / "class" / "mdev_bus" / "mtty" / "mdev_supported_types" / "mtty-2"
        before = os.listdir(f"/proc/{pid}/fd")
        limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        refused = 0
        while True:  # one descriptor more at a time, until there are enough
            highest = max(map(int, before)) + refused
            name = str(uuid.uuid4())
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (highest, limits[1]))
            try:
                write_once(dual / "create", name)
                break
            except OSError as error:
                assert error.errno == errno.EMFILE
                refused += 1
            finally:
                resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
            assert read(dual / "available_instances") == "12\n"
            assert not list((host.sys / "bus" / "mdev" / "devices").iterdir())
            assert not list((host.runtime / "vfio-user").glob("[!.]*"))
        assert refused
        (host.sys / "bus" / "mdev" / "devices" / name / "remove").write_text("1")
        # The driver's event thread may have opened one for good by now.
        assert len(os.listdir(f"/proc/{pid}/fd")) <= len(before) + 1
        host.stop()
