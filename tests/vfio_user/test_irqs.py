# SPDX-License-Identifier: LGPL-2.1-or-later
"""GET_IRQ_INFO and SET_IRQS."""

import errno
import os
import select

import pytest

import client as vu


class Events:
    """Eventfds that are closed at the end."""

    def __init__(self, n):
        self.fds = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(n)]

    def __enter__(self):
        return self.fds

    def __exit__(self, *_):
        for fd in self.fds:
            os.close(fd)


def signalled(fd, timeout=0):
    if not select.select([fd], [], [], timeout)[0]:
        return 0
    return os.eventfd_read(fd)


def trigger(client, index, vector):
    client.write_reg(vu.REG_TRIGGER, index << 16 | vector)


@pytest.mark.parametrize("index, flags, count", [(0, 7, 1), (1, 1, 4), (2, 1, 64), (3, 1, 1), (4, 1, 1)])
def test_interrupts_are_described_without_noresize(client, index, flags, count):
    assert client.irq_info(index) == (16, flags, index, count)


@pytest.mark.parametrize("argsz, index", [(15, 0), (0, 0), (16, 5), (16, 0xFFFFFFFF)])
def test_irq_info_that_makes_no_sense_is_refused(client, argsz, index):
    assert client.error(vu.GET_IRQ_INFO, vu.IRQ_INFO_S.pack(argsz, 0, index, 0)) == errno.EINVAL


@pytest.mark.parametrize("size", [0, 15, 17])
def test_irq_info_of_a_wrong_size_is_refused(client, size):
    payload = (vu.IRQ_INFO_S.pack(16, 0, 0, 0) + b"\0")[:size]
    assert client.error(vu.GET_IRQ_INFO, payload) == errno.EINVAL


def test_each_vector_has_its_own_descriptor(client):
    with Events(16) as fds:
        client.set_irqs(vu.DATA_EVENTFD | vu.TRIGGER, vu.MSIX, 8, 16, fds)
        trigger(client, vu.MSIX, 11)
        assert [signalled(fd) for fd in fds] == [int(i == 3) for i in range(16)]


def test_msix_is_enabled_without_a_descriptor_then_vector_by_vector(client):
    client.set_irqs(vu.DATA_NONE | vu.TRIGGER, vu.INTX, 0, 0)
    client.set_irqs(vu.DATA_EVENTFD | vu.TRIGGER, vu.MSIX, 0, 1)
    assert client.read_reg(vu.REG_MSIX_ARMED) == 0
    with Events(2) as fds:
        client.set_irqs(vu.DATA_EVENTFD | vu.TRIGGER, vu.MSIX, 0, 1, fds[:1])
        client.set_irqs(vu.DATA_EVENTFD | vu.TRIGGER, vu.MSIX, 5, 1, fds[1:])
        assert client.read_reg(vu.REG_MSIX_ARMED) == 1 | 1 << 5
        trigger(client, vu.MSIX, 5)
        assert (signalled(fds[0]), signalled(fds[1])) == (0, 1)


def test_one_vector_can_be_disarmed_alone(client):
    with Events(4) as fds:
        client.set_irqs(vu.DATA_EVENTFD | vu.TRIGGER, vu.MSIX, 0, 4, fds)
        client.set_irqs(vu.DATA_EVENTFD | vu.TRIGGER, vu.MSIX, 2, 1)
        assert client.read_reg(vu.REG_MSIX_ARMED) == 0b1011
        trigger(client, vu.MSIX, 2)
        trigger(client, vu.MSIX, 3)
        assert [signalled(fd) for fd in fds] == [0, 0, 0, 1]


def test_all_vectors_are_disarmed_at_once(client):
    with Events(3) as fds:
        client.set_irqs(vu.DATA_EVENTFD | vu.TRIGGER, vu.MSIX, 0, 3, fds)
        client.set_irqs(vu.DATA_NONE | vu.TRIGGER, vu.MSIX, 0, 0)
        assert client.read_reg(vu.REG_MSIX_ARMED) == 0


def test_all_64_vectors_can_be_named_without_descriptors(client):
    client.set_irqs(vu.DATA_EVENTFD | vu.TRIGGER, vu.MSIX, 0, 64)
    assert client.read_reg(vu.REG_MSIX_ARMED) == 0


def test_the_client_can_trigger_by_itself(client):
    with Events(2) as fds:
        client.set_irqs(vu.DATA_EVENTFD | vu.TRIGGER, vu.MSI, 0, 2, fds)
        client.set_irqs(vu.DATA_NONE | vu.TRIGGER, vu.MSI, 1, 1)
        assert (signalled(fds[0]), signalled(fds[1])) == (0, 1)
        client.set_irqs(vu.DATA_BOOL | vu.TRIGGER, vu.MSI, 0, 2, data=b"\1\0")
        assert (signalled(fds[0]), signalled(fds[1])) == (1, 0)


def test_intx_masks_itself_and_comes_again_when_unmasked_by_message(client):
    with Events(1) as (fd,):
        client.set_irqs(vu.DATA_EVENTFD | vu.TRIGGER, vu.INTX, 0, 1, [fd])
        client.write_reg(vu.REG_INTX_LEVEL, 1)
        assert signalled(fd) == 1
        client.set_irqs(vu.DATA_NONE | vu.UNMASK, vu.INTX, 0, 1)
        assert signalled(fd) == 1
        client.write_reg(vu.REG_INTX_LEVEL, 0)
        client.set_irqs(vu.DATA_NONE | vu.UNMASK, vu.INTX, 0, 1)
        assert signalled(fd) == 0


def test_intx_comes_again_when_kvm_signals_the_resample_descriptor(client):
    with Events(2) as (fd, resample):
        client.set_irqs(vu.DATA_EVENTFD | vu.TRIGGER, vu.INTX, 0, 1, [fd])
        client.set_irqs(vu.DATA_EVENTFD | vu.UNMASK, vu.INTX, 0, 1, [resample])
        client.write_reg(vu.REG_INTX_LEVEL, 1)
        assert signalled(fd) == 1
        os.eventfd_write(resample, 1)
        assert signalled(fd, 10) == 1
        client.write_reg(vu.REG_INTX_LEVEL, 0)


@pytest.mark.parametrize("fields", [
    (19, 0x24, 2, 0, 1), (0, 0x21, 2, 0, 1), (20, 0x21, 5, 0, 0), (20, 0x21, 0xFFFFFFFF, 0, 0),
    (20, 0x24, 2, 64, 1), (20, 0x24, 2, 0, 65), (20, 0x24, 2, 0xFFFFFFFF, 2),
    (20, 0x24, 2, 1, 0xFFFFFFFF), (20, 0x24, 2, 0, 0), (20, 0, 2, 0, 1), (20, 0x20, 2, 0, 1),
    (20, 1, 2, 0, 1), (20, 0x23, 2, 0, 1), (20, 0x25, 2, 0, 1), (20, 0x26, 2, 0, 1),
    (20, 0x39, 2, 0, 1), (20, 0x31, 0, 0, 1), (20, 0x40, 2, 0, 1), (20, 0xFFFFFFFF, 2, 0, 1),
    (20, 0x22, 2, 0, 1), (20, 0x09, 2, 0, 1), (20, 0x11, 2, 0, 1),
])
def test_a_request_with_a_wrong_field_is_refused(client, fields):
    assert client.error(vu.SET_IRQS, vu.IRQ_SET_S.pack(*fields)) == errno.EINVAL


@pytest.mark.parametrize("size", [0, 1, 19])
def test_a_request_that_is_short_is_refused(client, size):
    payload = vu.IRQ_SET_S.pack(20, 0x21, 2, 0, 0)[:size]
    assert client.error(vu.SET_IRQS, payload) == errno.EINVAL


@pytest.mark.parametrize("flags, count, data", [(0x22, 2, 1), (0x22, 2, 3), (0x22, 1, 5000),
                                                (0x21, 1, 1), (0x24, 1, 4)])
def test_a_request_with_more_or_less_data_than_it_says_is_refused(client, flags, count, data):
    payload = vu.IRQ_SET_S.pack(20 + data, flags, vu.MSIX, 0, count) + bytes(data)
    assert client.error(vu.SET_IRQS, payload) == errno.EINVAL


@pytest.mark.parametrize("flags, count, fds", [
    (vu.DATA_EVENTFD | vu.TRIGGER, 2, 1), (vu.DATA_EVENTFD | vu.TRIGGER, 1, 2),
    (vu.DATA_EVENTFD | vu.TRIGGER, 17, 17), (vu.DATA_EVENTFD | vu.TRIGGER, 16, 40),
    (vu.DATA_NONE | vu.TRIGGER, 1, 1), (vu.DATA_BOOL | vu.TRIGGER, 1, 1),
])
def test_a_wrong_number_of_descriptors_is_refused_and_they_are_closed(server, client, flags, count, fds):
    before = server.settled_fds()
    data = bytes(count) if flags & vu.DATA_BOOL else b""
    payload = vu.IRQ_SET_S.pack(20 + len(data), flags, vu.MSIX, 0, count) + data
    with Events(fds) as events:
        assert client.error(vu.SET_IRQS, payload, events) == errno.EINVAL
        assert server.open_fds() == before
        assert client.read_reg(vu.REG_MSIX_ARMED) == 0


def test_a_descriptor_that_is_no_eventfd_is_refused_and_closed(server, client):
    before = server.settled_fds()
    fd = os.memfd_create("no eventfd")
    payload = vu.IRQ_SET_S.pack(20, vu.DATA_EVENTFD | vu.TRIGGER, vu.MSIX, 0, 1)
    assert client.error(vu.SET_IRQS, payload, [fd]) == errno.EBADF
    assert server.open_fds() == before
    os.close(fd)


def test_descriptors_are_closed_when_their_vectors_are_disarmed(server, client):
    before = server.settled_fds()
    with Events(16) as fds:
        client.set_irqs(vu.DATA_EVENTFD | vu.TRIGGER, vu.MSIX, 0, 16, fds)
        client.set_irqs(vu.DATA_EVENTFD | vu.TRIGGER, vu.MSIX, 0, 16, fds)
        client.set_irqs(vu.DATA_NONE | vu.TRIGGER, vu.MSIX, 0, 0)
    assert server.open_fds() == before
