# SPDX-License-Identifier: LGPL-2.1-or-later
"""Guests that have a mediated serial card by QEMU's vfio-pci, which makes the calls of VFIO's own API."""
import hashlib
import os

import pytest

import lab

QEMUS = {"7.2": lab.QEMU_OLD, "11.1": lab.QEMU_NEW}


def guest_with(host, devices, version, msi=False, **options):
    """Of the QEMU of this version, and no other."""
    guest = lab.Guest(host, [device.vfio_pci() for device in devices], qemu=QEMUS[version],
                      properties=lab.Guest.MSI_IDS if msi else None, **options)
    found = guest.qmp.command("query-version")["qemu"]
    assert f"{found['major']}.{found['minor']}" == version
    return guest


def cards(guest, msi):
    return guest.pci_devices(0x9710, 0x9912) if msi else guest.pci_devices()


@pytest.mark.parametrize("count", [1, 2], ids=["one", "two"])
@pytest.mark.parametrize("msi", [False, True], ids=["intx", "msi"])
@pytest.mark.parametrize("private_memory", [False, True], ids=["shared", "private"])
@pytest.mark.parametrize("version", QEMUS)
def test_text_crosses_in_both_directions(host, version, private_memory, msi, count):
    devices = [host.create() for _ in range(count)]
    with guest_with(host, devices, version, msi, private_memory=private_memory) as guest:
        found = cards(guest, msi)
        assert len(found) == count
        for number, (card, device) in enumerate(zip(found, devices)):
            port, = guest.serial_ports(card)
            with lab.Terminal(device.port_path()) as terminal:
                guest.talk(port, terminal, fd=3 + number)
            handled, by_msi = guest.interrupts(port)
            assert handled > 0
            assert by_msi == msi
        guest.power_off()
    for device in devices:
        device.remove()


@pytest.mark.parametrize("version, msi", [("7.2", False), ("11.1", True)], ids=["intx", "msi"])
def test_nothing_is_lost_of_a_lot(host, version, msi):
    data = os.urandom(32 * 1024)
    digest = hashlib.md5(data).hexdigest()
    device = host.create()
    with guest_with(host, [device], version, msi) as guest:
        card, = cards(guest, msi)
        port, = guest.serial_ports(card)
        guest.open_port(port)
        with lab.Terminal(device.port_path()) as terminal:
            guest.send(f"head -c {len(data)} <&3 >/tmp/data; md5sum </tmp/data")
            terminal.write(data)
            code, output = guest.result()
            assert (code, output.split()[0]) == (0, digest)
            guest.send("cat /tmp/data >&3")
            assert hashlib.md5(terminal.read(len(data))).hexdigest() == digest
            assert guest.result()[0] == 0


def test_a_device_has_one_guest(host):
    """A second one is refused, whichever way it comes, and the first does not notice."""
    device = host.create()
    with guest_with(host, [device], "11.1") as guest:
        for other in (device.vfio_pci(), device.vfio_user()):
            with pytest.raises(lab.Failure, match="busy"):
                lab.Guest(host, [other])
        with lab.Terminal(device.port_path()) as terminal:
            guest.talk(guest.serial_ports(guest.pci_device())[0], terminal)


@pytest.mark.parametrize("version", QEMUS)
def test_a_guest_that_is_killed_leaves_its_device_to_the_next(host, version):
    device = host.create()
    with guest_with(host, [device], version) as guest, lab.Terminal(device.port_path()) as terminal:
        guest.open_port(guest.serial_ports(guest.pci_device())[0])
        guest.send("while :; do echo y >&3; done")
        terminal.read(100)
        guest.process.kill()
        guest.process.wait()
    with guest_with(host, [device], version) as guest, lab.Terminal(device.port_path()) as terminal:
        # What the dead one has sent last is still in the terminal's way.
        guest.open_port(guest.serial_ports(guest.pci_device())[0])
        guest.run("echo z >&3")
        while terminal.read(1) != b"z":
            pass
        terminal.write(b"from the host\n")
        assert guest.run("read -r line <&3 && echo $line") == "from the host\n"
    device.remove()


@pytest.mark.parametrize("version", QEMUS)
def test_a_guest_outlives_umdevd(guest_is_here, version):
    """Its card is dead from then on, but nothing hangs."""
    with lab.Host() as host:
        device = host.start().create()
        with guest_with(host, [device], version) as guest, lab.Terminal(device.port_path()) as terminal:
            port, = guest.serial_ports(guest.pci_device())
            guest.open_port(port)
            guest.run("while :; do echo y >&3; done &")
            terminal.read(100)
            host.process.kill()
            host.process.wait()
            # What nobody answers is read as ones.
            assert guest.run("echo alive; cat /proc/tty/driver/serial").startswith("alive\n")
            guest.output.wait_for("vfio")
            assert guest.qmp.command("query-status")["running"]
            guest.power_off()
