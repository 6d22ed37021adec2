# SPDX-License-Identifier: LGPL-2.1-or-later
"""Mediated cards that are taken away from a running guest, and given back to it, by QEMU's vfio-pci."""
import os
import shlex
import signal
import subprocess

import pytest

import lab

QEMUS = {"7.2": lab.QEMU_OLD, "11.1": lab.QEMU_NEW}
# Where the guest sees what is behind its first root port, and behind the second.
CARD = "/sys/bus/pci/devices/0000:01:00.0"
OTHER_CARD = "/sys/bus/pci/devices/0000:02:00.0"
# Linux's pciehp works the slot, which gives the operator five seconds to change his mind, in place of ACPI's methods.
NATIVE = ("-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off")

# What libvirt forbids each QEMU.
SANDBOX = ("-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny")


def guest_with(host, devices, version, **options):
    return lab.Guest(host, [device.vfio_pci() for device in devices], qemu=QEMUS[version], root_ports=True, **options)


def use(guest, device, card=CARD, fd=3):
    """As soon as the guest has the card, text crosses; the port stays open."""
    guest.run(f"while [ ! -e {card}/tty ]; do usleep 10000; done")
    port, = guest.serial_ports(card)
    with lab.Terminal(device.port_path()) as terminal:
        guest.talk(port, terminal, fd)


def start(command):
    return subprocess.Popen(["sh", "-c", command], stdin=subprocess.DEVNULL)


def take_away(guest, command):
    """Whoever gives @command waits until QEMU has let go, and the guest lives on."""
    command = start(command)
    guest.qmp.wait_for_event("DEVICE_DELETED", device="mdev0")
    assert command.wait(lab.DEADLINE) == 0
    guest.run(f"exec 3>&-; [ ! -e {CARD} ]")


def descriptors(guest):
    return len(os.listdir(f"/proc/{guest.process.pid}/fd"))


def use_and_remove(host, version, times, **options):
    device = host.create()
    with guest_with(host, [device], version, **options) as guest:
        use(guest, device)
        before = descriptors(guest)
        for _ in range(times):
            take_away(guest, device.remove_command())
            assert not device.path.exists()
            device = host.create(uuid=device.uuid)
            guest.plug(0, device.vfio_pci())
            use(guest, device)
        # None is left from each time.
        assert descriptors(guest) < before + times
        guest.power_off()


@pytest.mark.parametrize("version", QEMUS)
def test_a_card_in_use_is_removed_and_comes_back_fifty_times(host, version):
    use_and_remove(host, version, 50)


@pytest.mark.parametrize("version", QEMUS)
def test_the_same_with_a_slot_of_pci_express(host, version):
    use_and_remove(host, version, 2, options=NATIVE)


@pytest.mark.parametrize("version", QEMUS)
def test_a_second_card_does_not_notice(host, version):
    """... which shares the first one's container and anonymous memory."""
    device, other = host.create(), host.create()
    with guest_with(host, [device, other], version, private_memory=True) as guest:
        use(guest, other, OTHER_CARD, fd=4)
        port, = guest.serial_ports(OTHER_CARD)
        with lab.Terminal(other.port_path()) as terminal:
            for _ in range(5):
                use(guest, device)
                take_away(guest, device.remove_command())
                guest.run("echo still here >&4")
                assert terminal.read(11) == b"still here\n"
                terminal.write(b"and here\n")
                assert guest.run("read -r line <&4 && echo $line") == "and here\n"
                device = host.create(uuid=device.uuid)
                guest.plug(0, device.vfio_pci())
        assert guest.serial_ports(OTHER_CARD) == [port]
        use(guest, device)
        guest.power_off()


def test_unbinding_and_unloading_take_the_card_away(host):
    """... and it comes back after binding, and after loading and creating."""
    device = host.create()
    driver = (device.path / "driver").resolve()
    with guest_with(host, [device], "11.1") as guest:
        use(guest, device)
        take_away(guest, f"echo {device.uuid} > {driver}/unbind")
        assert not (device.path / "driver").exists()
        lab.shell(f"echo {device.uuid} > {driver}/bind")
        guest.plug(0, device.vfio_pci())
        use(guest, device)
        take_away(guest, shlex.join(map(str, host.umdev("rmmod", "--wait", "mtty"))))
        assert not device.path.exists()
        lab.shell(shlex.join(map(str, host.umdev("modprobe", "mtty"))))
        device = host.create(uuid=device.uuid)
        guest.plug(0, device.vfio_pci())
        use(guest, device)


@pytest.mark.parametrize("version", QEMUS)
def test_the_operator_unplugs_it(host, version):
    """... and the device is free, whole, and can be plugged in again."""
    device = host.create()
    with guest_with(host, [device], version, options=SANDBOX) as guest:
        use(guest, device)
        guest.qmp.command("device_del", id="mdev0")
        guest.qmp.wait_for_event("DEVICE_DELETED", device="mdev0")
        # QEMU says so some time before it has closed the device.
        host.log.wait_for(f"pid {guest.process.pid} (qemu-system-x86) has disconnected")
        guest.run(f"exec 3>&-; [ ! -e {CARD} ]")
        guest.plug(0, device.vfio_pci())
        use(guest, device)
        guest.power_off()
    device.remove()


@pytest.mark.parametrize("version", QEMUS)
def test_a_guest_that_keeps_its_card_is_waited_for_until_it_is_taken_by_force(host, version):
    device = host.create()
    directory = device.path.resolve()
    with guest_with(host, [device], version, kernel_options="acpiphp.disable=1") as guest:
        remove = start(device.remove_command())
        assert device.uuid in host.log.wait_for(f"waiting for pid {guest.process.pid} ")
        # It has been asked, and has its card as before.
        use(guest, device)
        assert remove.poll() is None
        assert device.vfio("user").startswith(f"pid {guest.process.pid} ")
        # The one who waits may go; what he began goes on.
        remove.send_signal(signal.SIGTERM)
        remove.wait(lab.DEADLINE)
        assert directory.exists()
        subprocess.run(host.umdev("remove", "--force=0", device.uuid), check=True, timeout=lab.DEADLINE)
        assert not directory.exists()
        assert guest.run("echo alive") == "alive\n"
        assert guest.qmp.command("query-status")["running"]
        guest.power_off()
