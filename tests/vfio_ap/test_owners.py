# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whose a queue is: the host's, or one guest's."""

import errno

import pytest

from matrices import A, B, Machine, mask, refused, machine, mdev  # noqa: F401


def test_a_queue_is_of_one_matrix(machine):
    a, b = machine.create(A), machine.create(B)
    a.assign([4], [4, 0x47])
    b.assign([5], [4, 0x47])
    before = a.state, b.state
    with refused(errno.EADDRINUSE):
        b.write("assign_adapter", 4)
    assert (a.state, b.state) == before
    for domain in (4, 0x47):
        line = f"{B}: Userspace may not assign queue 04.{domain:04x} to mdev: already assigned to {A}"
        assert line in machine.daemon.log()


def test_matrices_may_share_adapters_or_domains(machine):
    a, b = machine.create(A), machine.create(B)
    a.assign([4], [4])
    b.assign([4], [0x47])
    assert (a.guest, b.guest) == (["04.0004"], ["04.0047"])
    b.write("ap_config", f"{mask(5)},{mask(4)},{mask()}")
    assert (a.guest, b.guest) == (["04.0004"], ["05.0004"])


def test_what_is_given_back_is_anybodys(machine):
    a, b = machine.create(A), machine.create(B)
    a.assign([4], [4])
    b.assign([], [4])
    a.write("unassign_domain", 4)
    b.assign([4])
    assert (a.guest, b.guest) == (["04."], ["04.0004"])


def test_a_matrix_that_is_removed_gives_all_back(machine):
    a, b = machine.create(A), machine.create(B)
    a.assign([4, 5], [4, 0x47, 0xAB])
    assert machine.status("05.00ab") == "assigned"
    a.remove()
    assert machine.status("05.00ab") == "unassigned"
    b.assign([4, 5], [4, 0x47, 0xAB])
    assert len(b.guest) == 6


# ---- the host's drivers ----


@pytest.mark.parametrize("numbers", [([6], [4]), ([200], [4]), ([4, 6], [255])])
def test_what_belongs_to_the_hosts_drivers_can_not_be_assigned(machine, numbers):
    """Whether there is such a queue or not."""
    machine.write("apmask", "+200")
    mdev = machine.create(A)
    adapters, domains = numbers
    mdev.assign([], domains)
    mdev.assign(adapters[:-1])
    before = mdev.state
    with refused(errno.EADDRNOTAVAIL):
        mdev.write("assign_adapter", adapters[-1])
    assert mdev.state == before


def test_what_is_not_there_can_be_assigned(mdev):
    mdev.assign([5, 7], [4, 9])
    assert mdev.matrix == ["05.0004", "05.0009", "07.0004", "07.0009"]
    assert mdev.guest == ["05.0004"]


@pytest.mark.parametrize("file, change", [
    ("apmask", "+4"), ("apmask", "+0-255"), ("aqmask", "+0x47"), ("aqmask", "0x" + "f" * 64), ("apmask", mask(4, 6)),
])  # fmt: skip
def test_masks_take_nothing_from_a_matrix(machine, file, change):
    """Also not by the half of the masks that the other one does not have."""
    machine.write("aqmask", "-0x47")
    mdev = machine.create(A)
    mdev.assign([4], [4, 0x47])
    before = machine.read("apmask"), machine.read("aqmask"), mdev.state, machine.driver("04.0047")
    with refused(errno.EBUSY):
        machine.write(file, change)
    assert (machine.read("apmask"), machine.read("aqmask"), mdev.state, machine.driver("04.0047")) == before
    assert f"vfio_ap_mdev {A}: Can not reserve queue 04.0047 for host driver: in use by mdev" in machine.daemon.log()


def test_masks_may_change_what_is_of_no_matrix(machine):
    mdev = machine.create(A)
    mdev.assign([4], [4])
    machine.write("apmask", "+5")
    assert (machine.driver("05.0004"), machine.driver("04.0004")) == ("cex4queue", "vfio_ap")
    with refused(errno.EADDRNOTAVAIL):
        mdev.write("assign_adapter", 5)
    machine.write("apmask", "-5")
    mdev.assign([5])
    assert mdev.guest == ["04.0004", "05.0004"]


def test_a_matrix_of_half_keeps_nothing_from_the_host(machine):
    machine.create(A).assign([4])
    machine.write("apmask", "+4")
    assert machine.driver("04.0004") == "cex4queue"


def test_a_removed_matrix_keeps_nothing_from_the_host(machine):
    mdev = machine.create(A)
    mdev.assign([4], [4])
    mdev.remove()
    machine.write("apmask", "+4")
    assert machine.driver("04.0004") == "cex4queue"


def test_an_override_that_the_host_has_makes_a_queue_the_hosts(daemon):
    """Unbound by hand, it is what its override says that it is."""
    machine = Machine(daemon, cards="04:CEX8P", domains="4,5", announce=0)
    for queue in ("04.0004", "04.0005"):
        machine.write(f"devices/{queue}/driver_override", "vfio_ap")
        machine.unbind(queue)
        machine.bind(queue)
    mdev = machine.create(A)
    mdev.assign([4], [4, 5])
    assert mdev.guest == ["04.0004", "04.0005"]
    machine.write("devices/04.0005/driver_override", "cex4queue")
    machine.unbind("04.0005")
    machine.bind("04.0005", "cex4queue")
    assert mdev.guest == [".0004", ".0005"]
    assert machine.status("04.0004") == "assigned"
    other = machine.create(B)
    other.assign([9])
    with refused(errno.EADDRNOTAVAIL):
        other.write("ap_config", f"{mask(4)},{mask(5)},{mask()}")


def test_a_refusal_names_not_more_queues_than_somebody_reads(machine):
    machine.write("apmask", "0")
    machine.create(A).write("ap_config", ",".join(["0x" + "f" * 64] * 3))
    with refused(errno.EBUSY):
        machine.write("apmask", "0x" + "f" * 64)
    lines = [line for line in machine.daemon.log().splitlines() if "Can not reserve" in line]
    assert len(lines) == 256
    assert "queue 00.0000 " in lines[0]
