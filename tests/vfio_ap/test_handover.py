# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a guest has left in a queue nobody finds, however the queue has left it."""

import errno

import pytest

from matrices import A, B, machine, mask  # noqa: F401
from test_api import DQAP, LAST, MESSAGE, NO_REPLY, NQAP, PQAP, RANDOM_4, REGISTERS, TAPQ

QUEUE = 0x0404
EMPTY, WAITING, RESETTING = 0x80000000, 0x40000000, 2


def execute(guest, opcode, gr0, message=b"", length=0):
    """Through the guest's window. Return: gr1."""
    registers = REGISTERS.pack(0, opcode, 0, 0, gr0, 0, 0, 7, length or len(message), 0)
    guest.write(0, 0, registers + message)
    return REGISTERS.unpack_from(guest.read(0, 0, MESSAGE))[5]


def look(guest):
    """TAPQ; the bus resets a queue, too, when its driver leaves it."""
    while (gr1 := execute(guest, PQAP, TAPQ | QUEUE)) >> 16 & 0xFF == RESETTING:
        pass
    return gr1


def leave_a_reply(guest):
    assert execute(guest, PQAP, TAPQ | QUEUE) == EMPTY
    assert execute(guest, NQAP, LAST | QUEUE, RANDOM_4) >> 16 & 0xFF == 0
    while not execute(guest, PQAP, TAPQ | QUEUE) & WAITING:
        pass


def rebind(machine, queue):
    machine.unbind(queue)
    machine.bind(queue)


def again(machine, file, text, back):
    machine.console(file, text)
    machine.console(file if file != "unplug" else "plug", back)


WAYS = {
    "unassign_adapter": lambda machine, a: a.write("unassign_adapter", 4),
    "unassign_domain": lambda machine, a: a.write("unassign_domain", 4),
    "ap_config": lambda machine, a: a.write("ap_config", f"{mask(5)},{mask(4)},{mask()}"),
    "its adapter is filtered": lambda machine, a: machine.unbind("04.0047"),
    "it is bound again": lambda machine, a: rebind(machine, "04.0004"),
    "the domain goes": lambda machine, a: again(machine, "domains", "0x47", "4,0x47,0xab"),
    "the adapter goes": lambda machine, a: again(machine, "unplug", "04", "04:CEX8P"),
    "config": lambda machine, a: again(machine, "config", "04 off", "04 on"),
    "checkstop": lambda machine, a: again(machine, "checkstop", "04.0004 on", "04.0004 off"),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_guest_itself_finds_nothing_when_it_is_back(machine, way):
    a = machine.create(A).assign([4, 5], [4, 0x47])
    with a.opened() as guest:
        leave_a_reply(guest)
        WAYS[way](machine, a)
        if machine.driver("04.0047") is None:
            machine.bind("04.0047")
        a.assign([4], [4])
        assert a.guest[:1] == ["04.0004"]
        assert look(guest) == EMPTY
        assert execute(guest, DQAP, QUEUE, length=200) >> 16 & 0xFF == NO_REPLY


@pytest.mark.parametrize("way", ["unassign_adapter", "unassign_domain", "ap_config"])
def test_the_next_guest_finds_nothing(machine, way):
    a, b = machine.create(A).assign([4, 5], [4]), machine.create(B)
    with a.opened() as first, b.opened() as second:
        leave_a_reply(first)
        WAYS[way](machine, a)
        b.assign([4], [4])
        assert execute(second, PQAP, TAPQ | QUEUE) == EMPTY
        assert execute(first, PQAP, TAPQ | QUEUE) >> 16 & 0xFF == 1
        leave_a_reply(second)


@pytest.mark.parametrize("way", ["closed", "removed", "reset", "unbound"])
def test_who_comes_after_a_guest_finds_nothing(machine, way):
    a, b = machine.create(A).assign([4], [4]), machine.create(B)
    with a.opened() as guest:
        leave_a_reply(guest)
        if way == "reset":
            guest.reset()
            assert execute(guest, PQAP, TAPQ | QUEUE) == EMPTY
    if way == "removed":
        a.remove()
    elif way == "unbound":
        machine.daemon.write("bus/mdev/drivers/vfio_ap_mdev/unbind", A)
    else:
        machine.eventually(lambda: machine.status("04.0004") == "assigned")
        a.write("unassign_adapter", 4)
    b.assign([4], [4])
    with b.opened() as guest:
        assert execute(guest, PQAP, TAPQ | QUEUE) == EMPTY


def test_a_queue_that_goes_to_the_host_is_not_the_guests_any_more(machine):
    mdev = machine.create(A).assign([4], [4])
    with mdev.opened() as guest:
        leave_a_reply(guest)
        machine.unbind("04.0004")
        assert execute(guest, PQAP, TAPQ | QUEUE) >> 16 & 0xFF == 1
        mdev.write("unassign_adapter", 4)
        machine.write("apmask", "+4")
        assert machine.driver("04.0004") == "cex4queue"
        with pytest.raises(OSError) as refused:
            mdev.write("assign_adapter", 4)
        assert refused.value.errno == errno.EADDRNOTAVAIL
        assert execute(guest, PQAP, TAPQ | QUEUE) >> 16 & 0xFF == 1
