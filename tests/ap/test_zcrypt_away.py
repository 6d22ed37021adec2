# SPDX-License-Identifier: LGPL-2.1-or-later
"""Queues go and come while requests are on their way: each is answered or refused, none is lost."""

import contextlib
import errno
import threading

import pytest

from conftest import TIMEOUT
from zcrypt import Busy, Machine, Modexp, eventually, random_bytes

QUEUE = "04.0004"
OTHER = "05.0004"
CLIENTS = 12


@pytest.fixture
def machine(daemon):
    return Machine(daemon, "04:CEX8P,05:CEX8P", "4")


@contextlib.contextmanager
def offline(machine):
    machine.set(QUEUE, "online", 0)
    yield
    machine.set(QUEUE, "online", 1)


@contextlib.contextmanager
def card_offline(machine):
    machine.set("card04", "online", 0)
    yield
    machine.set("card04", "online", 1)


@contextlib.contextmanager
def reset(machine):
    machine.set(QUEUE, "reset", 1)
    yield


@contextlib.contextmanager
def unbound(machine):
    machine.write("bus/ap/drivers/cex4queue/unbind", QUEUE)
    yield
    machine.write("bus/ap/drivers/cex4queue/bind", QUEUE)


@contextlib.contextmanager
def card_unbound(machine):
    machine.write("bus/ap/drivers/cex4card/unbind", "card04")
    yield
    machine.write("bus/ap/drivers/cex4card/bind", "card04")


@contextlib.contextmanager
def masked(machine):
    machine.write("bus/ap/apmask", "-4")
    yield
    machine.write("bus/ap/apmask", "+4")


def by_command(*commands):
    @contextlib.contextmanager
    def way(machine):
        machine.daemon.umdev("ap", *commands[0])
        yield
        machine.daemon.umdev("ap", *commands[1])

    return way


WAYS = {
    "offline": offline,
    "card_offline": card_offline,
    "reset": reset,
    "unbound": unbound,
    "card_unbound": card_unbound,
    "masked": masked,
    "deconfigured": by_command(("config", "04", "off"), ("config", "04", "on")),
    "checkstopped": by_command(("checkstop", "04", "on"), ("checkstop", "04", "off")),
    "queue_checkstopped": by_command(("checkstop", QUEUE, "on"), ("checkstop", QUEUE, "off")),
    "unplugged": by_command(("unplug", "04"), ("plug", "04:CEX8P")),
    "domain_gone": by_command(("domains", "5"), ("domains", "4")),
}


def is_usable(machine):
    """Does the queue answer to its name? What came back may have been offline before."""
    with machine.connect() as connection:
        return connection.ask(random_bytes(1), 4, 4).error == 0


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_lost_when_a_queue_goes_and_comes(machine, way):
    with Busy(machine, CLIENTS, 4, 4) as named, Busy(machine, CLIENTS) as any_queue:
        for _ in range(3):
            named.goes_on()
            with WAYS[way](machine):
                if way not in ("domain_gone",):
                    any_queue.goes_on()
            eventually(lambda: is_usable(machine), f"{QUEUE} does not come back")
    # Who named it was refused while it was away; who did not was served by the other one.
    assert set(named.errors) <= {0, errno.ENODEV}
    assert set(named.queues) == {QUEUE}
    if way != "domain_gone":
        assert set(any_queue.errors) == {0}
        assert OTHER in any_queue.queues


@pytest.mark.parametrize("way", ["offline", "card_offline", "unbound", "masked", "unplugged"])
def test_requests_that_wait_are_taken_to_another_queue(daemon, way):
    machine = Machine(daemon, "04:CEX8P,05:CEX8P", "4", reset_ms=60000)
    requests = [Modexp(512, seed) for seed in range(CLIENTS)]
    # Both queues have been reset when they were bound; the first one is, for a long time, again.
    machine.set("card05", "online", 0)
    with machine.connections(CLIENTS) as connections:
        for connection, request in zip(connections, requests):
            connection.send(request.message())
        eventually(lambda: machine.count(QUEUE, "requestq_count") == CLIENTS)
        machine.set("card05", "online", 1)
        with WAYS[way](machine):
            eventually(lambda: machine.count(OTHER, "requestq_count") == CLIENTS)
        assert machine.count(QUEUE, "requestq_count") == 0


def test_a_reset_leaves_named_requests_to_the_same_queue(daemon):
    machine = Machine(daemon, "04:CEX8P", "4", reset_ms=300)
    requests = [Modexp(512, seed) for seed in range(CLIENTS)]
    with machine.connections(CLIENTS) as connections:
        machine.set(QUEUE, "reset", 1)
        for connection, request in zip(connections, requests):
            connection.send(request.message(), 4, 4)
        eventually(lambda: machine.count(QUEUE, "requestq_count") == CLIENTS)
        machine.set(QUEUE, "reset", 1)
        for connection, request in zip(connections, requests):
            reply = connection.receive()
            assert reply.queue == QUEUE and request.is_answer(reply.body)


def test_a_request_is_given_up_after_ten_times(daemon):
    machine = Machine(daemon, "04:CEX8P", "4", reset_ms=60000)
    with machine.connect() as connection:
        machine.set(QUEUE, "reset", 1)
        connection.send(random_bytes(8))
        for sent in range(1, 11):
            eventually(lambda: machine.count(QUEUE, "request_count") == sent)
            eventually(lambda: machine.count(QUEUE, "requestq_count") == 1)
            machine.set(QUEUE, "reset", 1)
        reply = connection.receive()
        assert (reply.error, reply.queue) == (errno.EIO, QUEUE)
    assert machine.count(QUEUE, "request_count") == 10


def test_requests_that_wait_for_a_queue_that_goes_are_refused(daemon):
    machine = Machine(daemon, "04:CEX8P", "4", reset_ms=60000)
    with machine.connections(CLIENTS) as connections:
        for connection in connections:
            connection.send(random_bytes(8))
        eventually(lambda: machine.count(QUEUE, "requestq_count") == CLIENTS)
        machine.write("bus/ap/drivers/cex4queue/unbind", QUEUE)
        assert {connection.receive().error for connection in connections} == {errno.ENODEV}


def test_a_module_that_goes_leaves_nobody_waiting(daemon):
    machine = Machine(daemon, "04:CEX8P", "4", reset_ms=60000)
    with machine.connections(CLIENTS) as connections:
        for connection in connections:
            connection.send(random_bytes(8))
        eventually(lambda: machine.count(QUEUE, "requestq_count") == CLIENTS)
        daemon.umdev("rmmod", "zcrypt_cex4")
        for connection in connections:
            reply = connection.receive()
            assert reply is None or reply.error == errno.ENODEV
            assert reply is None or connection.receive() is None
    assert not machine.socket.exists()


def test_the_module_goes_and_comes_under_load(machine):
    ending = threading.Event()
    wrong = []

    def ask():
        while not ending.is_set():
            with contextlib.suppress(ConnectionError, FileNotFoundError):
                with machine.connect() as connection:
                    while not ending.is_set():
                        connection.send(random_bytes(16))
                        reply = connection.receive()
                        if reply is None:  # the module has gone
                            break
                        if reply.error not in (0, errno.ENODEV):
                            wrong.append(reply.error)

    threads = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            machine.daemon.umdev("rmmod", "zcrypt_cex4")
            assert machine.read("bus/ap/bindings") == "0/2\n"
            machine.daemon.umdev("modprobe", "zcrypt_cex4")
            assert machine.read("bus/ap/bindings") == "2/2 (complete)\n"
    finally:
        ending.set()
        for thread in threads:
            thread.join(TIMEOUT)
    assert not any(thread.is_alive() for thread in threads)
    assert not wrong


def test_everything_goes_and_comes_at_once(machine):
    """All of it by as many threads, under load."""
    ending = threading.Event()
    broken = []

    def repeat(way):
        while not ending.is_set():
            try:
                with WAYS[way](machine):
                    pass
            except OSError as error:
                # Another one was faster: it is not there, or there already.
                expected = (errno.ENODEV, errno.ENOENT, errno.EINVAL, errno.EBUSY, errno.EAGAIN)
                if error.errno not in expected:
                    broken.append((way, error))
            except AssertionError as error:  # of umdev(1), for the same reasons
                if "ap " not in str(error):
                    broken.append((way, error))

    ways = ["offline", "card_offline", "reset", "unbound", "card_unbound", "masked", "unplugged"]
    threads = [threading.Thread(target=repeat, args=(way,)) for way in ways]
    with Busy(machine, CLIENTS) as any_queue, Busy(machine, CLIENTS, 4) as named:
        for thread in threads:
            thread.start()
        any_queue.goes_on()
        eventually(lambda: any_queue.answered() + named.answered() > 600)
        ending.set()
        for thread in threads:
            thread.join(TIMEOUT)
        assert not any(thread.is_alive() for thread in threads)
    assert not broken
    assert set(any_queue.errors) | set(named.errors) <= {0, errno.ENODEV, errno.EIO}
