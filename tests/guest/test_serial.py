# SPDX-License-Identifier: LGPL-2.1-or-later
"""Guests that use a mediated serial card with nothing but their own drivers."""
import hashlib
import os
import subprocess
import threading

import pytest

import lab


@pytest.mark.parametrize("msi", [False, True], ids=["intx", "msi"])
@pytest.mark.parametrize("private_memory", [False, True], ids=["shared", "private"])
def test_text_crosses_in_both_directions(host, msi, private_memory):
    device = host.create()
    properties = lab.Guest.MSI_IDS if msi else None
    with lab.Guest(host, [device.vfio_user()], private_memory=private_memory, properties=properties) as guest:
        pci = guest.pci_device(0x9710, 0x9912) if msi else guest.pci_device()
        port, = guest.serial_ports(pci)
        with lab.Terminal(device.port_path()) as terminal:
            guest.talk(port, terminal)
        count, by_msi = guest.interrupts(port)
        assert count > 0
        assert by_msi == msi
        guest.power_off()
    device.remove()


def test_each_port_of_a_dual_card_is_a_port_of_its_own(host):
    device = host.create("mtty-2")
    with lab.Guest(host, [device.vfio_user()]) as guest:
        ports = guest.serial_ports(guest.pci_device())
        assert len(ports) == 2
        with lab.Terminal(device.port_path(0)) as first, lab.Terminal(device.port_path(1)) as second:
            guest.open_port(ports[0], fd=3)
            guest.open_port(ports[1], fd=4)
            guest.run("echo one >&3; echo two >&4")
            assert second.read(4) == b"two\n"
            assert first.read(4) == b"one\n"
            second.write(b"2\n")
            first.write(b"1\n")
            assert guest.run("read -r a <&3 && read -r b <&4 && echo $a $b") == "1 2\n"


@pytest.mark.parametrize("msi", [False, True], ids=["intx", "msi"])
def test_nothing_is_lost_of_a_lot(host, msi):
    data = os.urandom(32 * 1024)
    digest = hashlib.md5(data).hexdigest()
    device = host.create()
    with lab.Guest(host, [device.vfio_user()], properties=lab.Guest.MSI_IDS if msi else None) as guest:
        port, = guest.serial_ports(guest.pci_device(0x9710, 0x9912) if msi else guest.pci_device())
        guest.open_port(port)
        with lab.Terminal(device.port_path()) as terminal:
            guest.send(f"head -c {len(data)} <&3 >/tmp/data; md5sum </tmp/data")
            terminal.write(data)
            code, output = guest.result()
            assert (code, output.split()[0]) == (0, digest)
            guest.send("cat /tmp/data >&3")
            assert hashlib.md5(terminal.read(len(data))).hexdigest() == digest
            assert guest.result()[0] == 0


def test_carrier_is_there_while_a_terminal_is(host):
    device = host.create()
    with lab.Guest(host, [device.vfio_user()]) as guest:
        port, = guest.serial_ports(guest.pci_device())
        guest.open_port(port)
        wait = f"while ! grep -q '^{port[4:]}:.*%s' /proc/tty/driver/serial; do :; done"
        with lab.Terminal(device.port_path()):
            guest.run(wait % "|CD")
        guest.run((wait % "|CD").replace("while !", "while"))


def test_a_device_can_be_unplugged_from_a_running_guest(host):
    device = host.create()
    with lab.Guest(host, [device.vfio_user()]) as guest:
        pci = guest.pci_device()
        guest.qmp.command("device_del", id="mdev0")
        guest.qmp.wait_for_event("DEVICE_DELETED", device="mdev0")
        guest.run(f"[ ! -e {pci} ]")
        device.remove()
        assert not device.path.exists()
        assert guest.run("echo alive") == "alive\n"
        guest.power_off()


def test_a_remove_waits_for_the_guest_and_says_who_it_is(host):
    device = host.create()
    directory = device.path.resolve()
    with lab.Guest(host, [device.vfio_user()]) as guest:
        port, = guest.serial_ports(guest.pci_device())
        with lab.Terminal(device.port_path()) as terminal:
            remove = subprocess.Popen(["sh", "-c", device.remove_command()], stdin=subprocess.DEVNULL)
            line = host.log.wait_for(f"waiting for pid {guest.process.pid} ")
            assert device.uuid in line
            # The guest has its device until it lets go.
            guest.talk(port, terminal)
            assert remove.poll() is None
            assert directory.exists()
        guest.power_off()
        assert remove.wait(lab.DEADLINE) == 0
    assert not directory.exists()


def test_two_guests_have_a_device_each(host):
    devices = [host.create(), host.create()]
    talks = []

    def run(device, text):
        with lab.Guest(host, [device.vfio_user()]) as guest, lab.Terminal(device.port_path()) as terminal:
            guest.open_port(guest.serial_ports(guest.pci_device())[0])
            guest.run(f"echo {text} >&3")
            talks.append((text, terminal.read(len(text) + 1).decode()))
            guest.power_off()

    threads = [threading.Thread(target=run, args=(device, f"guest {number}"))
               for number, device in enumerate(devices)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(talks) == [("guest 0", "guest 0\n"), ("guest 1", "guest 1\n")]
