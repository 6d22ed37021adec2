# SPDX-License-Identifier: LGPL-2.1-or-later
"""assign_*, unassign_*, and what is shown of it: formats, errors, and their order."""

import errno

import pytest

from matrices import A, B, Machine, refused, machine, mdev  # noqa: F401

KINDS = ["adapter", "domain", "control_domain"]
# What is shown when 5 alone is assigned.
SHOWN = {"adapter": ("matrix", "05.\n"), "domain": ("matrix", ".0005\n"), "control_domain": ("control_domains", "0005\n")}


def test_the_files_are_the_kernels(mdev):
    modes = {
        0o200: [f"{how}_{kind}" for how in ("assign", "unassign") for kind in KINDS],
        0o444: ["matrix", "guest_matrix", "control_domains"],
        0o644: ["ap_config"],
    }
    for mode, names in modes.items():
        for name in names:
            assert (mdev.machine.daemon.sys / mdev.path / name).stat().st_mode & 0o777 == mode, name


def test_nothing_is_assigned_at_first(mdev):
    assert [mdev.read(attr) for attr in ("matrix", "guest_matrix", "control_domains")] == ["", "", ""]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["5", "05", "0x5", "0X05", "+5", "5\n", "0x5\n", "5\0junk"])
def test_numbers_in_any_base(mdev, kind, text):
    attr, shown = SHOWN[kind]
    mdev.write(f"assign_{kind}", text)
    assert mdev.read(attr) == shown
    mdev.write(f"unassign_{kind}", text)
    assert mdev.read(attr) == ""


@pytest.mark.parametrize("how", ["assign", "unassign"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text, error", [
    ("\n", errno.EINVAL), (" 5", errno.EINVAL), ("5 ", errno.EINVAL), ("5\n\n", errno.EINVAL), ("-1", errno.EINVAL),
    ("five", errno.EINVAL), ("0x", errno.EINVAL), ("08", errno.EINVAL), ("5,6", errno.EINVAL), ("++5", errno.EINVAL),
    ("256", errno.ENODEV), ("0x100", errno.ENODEV), ("18446744073709551615", errno.ENODEV),
    ("18446744073709551616", errno.ERANGE), ("99999999999999999999junk", errno.ERANGE),
])  # fmt: skip
def test_what_is_no_number_is_refused(mdev, how, kind, text, error):
    before = mdev.state
    with refused(error):
        mdev.write(f"{how}_{kind}", text)
    assert mdev.state == before


@pytest.mark.parametrize("apxa, highest", [
    (1, {"adapter": 100, "domain": 84, "control_domain": 84}),
    (0, {"adapter": 63, "domain": 15, "control_domain": 15}),
])  # fmt: skip
def test_numbers_go_up_to_the_machines_highest(daemon, apxa, highest):
    machine = Machine(daemon, cards="04:CEX8P", domains="4", apxa=apxa, max_adapter=100, max_domain=84)
    machine.write("apmask", "0")
    mdev = machine.create(A)
    for kind, number in highest.items():
        for how in ("assign", "unassign"):
            mdev.write(f"{how}_{kind}", number)
            with refused(errno.ENODEV):
                mdev.write(f"{how}_{kind}", number + 1)


def test_the_matrix_is_shown_as_a_product(mdev):
    mdev.machine.write("apmask", "0")
    mdev.assign([5, 0xFE], [0xAB, 4, 255], [255, 4, 0])
    assert mdev.read("matrix") == "05.0004\n05.00ab\n05.00ff\nfe.0004\nfe.00ab\nfe.00ff\n"
    assert mdev.read("control_domains") == "0000\n0004\n00ff\n"


def test_half_a_matrix_is_shown_with_what_there_is(mdev):
    mdev.assign([4, 5])
    assert mdev.read("matrix") == "04.\n05.\n"
    assert mdev.read("guest_matrix") == "04.\n05.\n"
    mdev.assign([], [4])
    mdev.write("unassign_adapter", 4)
    mdev.write("unassign_adapter", 5)
    assert mdev.read("matrix") == ".0004\n"


def test_a_matrix_of_all_queues_is_cut_to_a_page(mdev):
    """As in the kernel: all that fits before the NUL."""
    mdev.machine.write("apmask", "0")
    mdev.write("ap_config", ",".join(["0x" + "f" * 64] * 3))
    everything = "".join(f"{a:02x}.{d:04x}\n" for a in range(256) for d in range(256))
    assert mdev.read("matrix") == everything[:4095]
    assert mdev.read("control_domains") == "".join(f"{d:04x}\n" for d in range(256))


def test_again_is_no_error(mdev):
    mdev.assign([4], [4], [4])
    before = mdev.state
    mdev.assign([4], [4], [4])
    for kind in KINDS:
        mdev.write(f"unassign_{kind}", 7)
    assert mdev.state == before


# ---- order of checks ----


def test_a_number_comes_before_its_size_and_that_before_owners(mdev):
    """6 is the host's; so is all that is beyond the machine's numbers."""
    mdev.assign([], [4])
    with refused(errno.EADDRNOTAVAIL):
        mdev.write("assign_adapter", 6)
    with refused(errno.ENODEV):
        mdev.write("assign_adapter", 256)
    with refused(errno.EINVAL):
        mdev.write("assign_adapter", "256 ")


def test_what_is_assigned_already_is_not_checked_again(mdev):
    """Its queue went to the host by its override, meanwhile."""
    machine = mdev.machine
    machine.write("apmask", "0")
    machine.write("apmask", "0x" + "f" * 64)
    machine.write("devices/04.0004/driver_override", "vfio_ap")
    machine.unbind("04.0004")
    machine.bind("04.0004")
    mdev.assign([4], [4])
    machine.unbind("04.0004")
    machine.write("devices/04.0004/driver_override", "\n")
    machine.bind("04.0004", "cex4queue")
    mdev.assign([4], [4])
    with refused(errno.EADDRNOTAVAIL):
        mdev.write("assign_adapter", 5)
    assert mdev.matrix == ["04.0004"]


def test_the_hosts_come_before_other_guests(machine):
    a, b = machine.create(A), machine.create(B)
    a.assign([4], [4])
    b.assign([5], [4])
    b.write("unassign_domain", 4)
    b.assign([4])
    with refused(errno.EADDRINUSE):
        b.write("assign_domain", 4)
    with refused(errno.EADDRNOTAVAIL):
        b.write("ap_config", f"{'0x0e' + '0' * 62},{'0x08' + '0' * 62},0x0")


def test_control_domains_belong_to_nobody(machine):
    a, b = machine.create(A), machine.create(B)
    a.assign([4], [4], [4, 9])
    b.assign([5], [4], [4, 9])
    assert a.read("control_domains") == b.read("control_domains") == "0004\n0009\n"


# ---- refused is not done ----


@pytest.mark.parametrize("order", [("adapter", "domain"), ("domain", "adapter")])
def test_what_is_refused_changes_nothing(machine, order):
    a, b = machine.create(A), machine.create(B)
    a.assign([4], [4])
    first, last = order
    b.assign([5], [0x47])
    number = {"adapter": 4, "domain": 4}
    b.write(f"assign_{first}", number[first])
    before = a.state, b.state, machine.status("04.0004"), machine.status("05.0004")
    with refused(errno.EADDRINUSE):
        b.write(f"assign_{last}", number[last])
    assert (a.state, b.state, machine.status("04.0004"), machine.status("05.0004")) == before
