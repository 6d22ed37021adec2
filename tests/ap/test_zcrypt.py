# SPDX-License-Identifier: LGPL-2.1-or-later
"""The default drivers' attributes, and requests through them, as a program on the host meets it."""

import errno
import os
import stat

import pytest

from zcrypt import (
    ANY,
    DATA,
    ERROR,
    Machine,
    Modexp,
    UNSUPPORTED,
    answer,
    eventually,
    random_bytes,
    status,
)

QUEUES = ["04.0004", "04.0047", "05.0004", "05.0047"]


@pytest.fixture
def machine(daemon):
    return Machine(daemon)


def refusal(call, *args):
    with pytest.raises(OSError) as error:
        call(*args)
    return error.value.errno


# ---- drivers ----


def test_the_driver_comes_by_itself_and_all_queues_are_bound(machine):
    assert machine.read("bus/ap/bindings") == "4/4 (complete)\n"
    for name, driver in [(queue, "cex4queue") for queue in QUEUES] + [
        ("card04", "cex4card"),
        ("card05", "cex4card"),
    ]:
        link = machine.daemon.sys / "bus/ap/devices" / name / "driver"
        assert os.path.basename(os.readlink(link)) == driver
    assert {line["name"] for line in machine.daemon.umdev_json("lsmod")} >= {"ap", "zcrypt_cex4"}


@pytest.mark.parametrize("generation", range(4, 9))
def test_a_card_says_its_type(daemon, generation):
    machine = Machine(
        daemon, ",".join(f"{i:02x}:CEX{generation}{mode}" for i, mode in enumerate("ACP")), "1"
    )
    for i, mode in enumerate("ACP"):
        assert machine.get(f"card{i:02x}", "type") == f"CEX{generation}{mode}\n"


def test_attributes_have_the_kernels_modes(machine):
    for device, modes in {
        "card04": {"type": 0o444, "online": 0o644, "load": 0o444},
        "04.0004": {"online": 0o644, "load": 0o444},
    }.items():
        for name, mode in modes.items():
            path = machine.daemon.sys / machine.attr(device, name)
            assert stat.S_IMODE(os.stat(path).st_mode) == mode, (device, name)
    assert not (machine.daemon.sys / machine.attr("04.0004", "type")).exists()


def test_a_driver_takes_its_attributes_along(machine):
    machine.write("bus/ap/drivers/cex4queue/unbind", "04.0004")
    assert not (machine.daemon.sys / machine.attr("04.0004", "online")).exists()
    machine.write("bus/ap/drivers/cex4queue/bind", "04.0004")
    assert machine.get("04.0004", "online") == "1\n"


# ---- online ----


@pytest.mark.parametrize("device", ["card04", "04.0004"])
def test_online_takes_what_the_kernels_sscanf_takes(machine, device):
    # What fits no int is cut, what follows is not looked at.
    for text, shown in [
        ("0", "0\n"),
        ("1\n", "1\n"),
        (" \t0", "0\n"),
        ("1x", "1\n"),
        ("-0", "0\n"),
        ("01", "1\n"),
        ("0x1", "0\n"),
        ("4294967297", "1\n"),
    ]:
        machine.set(device, "online", text)
        assert machine.get(device, "online") == shown, text
    for text in ["2", "-1", "x", "\n", "+1", "on", "- 1"]:
        assert refusal(machine.set, device, "online", text) == errno.EINVAL, text
    assert machine.get(device, "online") == "1\n"


def test_queues_follow_their_card_and_tell(machine):
    machine.set("04.0047", "online", 0)
    with machine.daemon.control() as monitor:
        assert monitor.ask(command="monitor")["ok"]
        machine.set("card04", "online", 0)
        machine.set("card04", "online", 1)
        events = []
        while len(events) < 5:
            env = monitor.receive()["env"]
            if "ONLINE" in env:
                events.append((env["ACTION"], os.path.basename(env["DEVPATH"]), env["ONLINE"]))
    # A queue that is as it should be already is not told of.
    assert events[:2] == [("change", "card04", "0"), ("change", "04.0004", "0")]
    assert events[2] == ("change", "card04", "1")
    assert sorted(events[3:]) == [("change", "04.0004", "1"), ("change", "04.0047", "1")]


def test_a_queue_tells_also_of_what_is_no_change(machine):
    with machine.daemon.control() as monitor:
        assert monitor.ask(command="monitor")["ok"]
        machine.set("04.0004", "online", 1)
        env = monitor.receive()["env"]
    assert (os.path.basename(env["DEVPATH"]), env["ONLINE"]) == ("04.0004", "1")


def test_a_queue_of_a_card_that_is_offline_stays_offline(machine):
    machine.set("card04", "online", 0)
    assert machine.get("04.0004", "online") == "0\n"
    assert refusal(machine.set, "04.0004", "online", 1) == errno.EINVAL
    machine.set("04.0004", "online", 0)
    machine.set("card04", "online", 1)
    assert machine.get("04.0004", "online") == "1\n"


@pytest.mark.parametrize("way", [("config", "off", "on"), ("checkstop", "on", "off")])
def test_what_does_not_work_is_offline_and_stays_so(machine, way):
    command, out, back = way
    machine.daemon.umdev("ap", command, "04", out)
    for device in ["card04", "04.0004", "04.0047"]:
        assert machine.get(device, "online") == "0\n"
        # EINVAL comes before, ENODEV before what the card says.
        assert refusal(machine.set, device, "online", 2) == errno.EINVAL
        assert refusal(machine.set, device, "online", 1) == errno.ENODEV
        machine.set(device, "online", 0)
        assert refusal(machine.set, device, "online", 1) == errno.ENODEV
    machine.daemon.umdev("ap", command, "04", back)
    # As it was left by hand.
    assert machine.get("card04", "online") == "0\n"
    machine.set("card04", "online", 1)
    assert [machine.get(queue, "online") for queue in QUEUES] == ["1\n"] * 4


def test_a_queue_that_is_offline_gets_no_requests(machine):
    with machine.connect() as connection:
        machine.set("04.0004", "online", 0)
        reply = connection.ask(random_bytes(8), 4, 4)
        assert (reply.error, reply.queue) == (errno.ENODEV, None)
        queues = {connection.ask(random_bytes(8)).queue for _ in range(8)}
        assert queues == {"04.0047"}
        machine.set("04.0004", "online", 1)
        assert connection.ask(random_bytes(8), 4, 4).queue == "04.0004"


# ---- which queue ----


@pytest.mark.parametrize("queue", QUEUES)
def test_a_named_queue_answers(machine, queue):
    card, domain = (int(part, 16) for part in queue.split("."))
    request = Modexp(1024)
    with machine.connect() as connection:
        reply = connection.ask(request.message(), card, domain)
    assert (reply.error, reply.queue) == (0, queue)
    assert request.is_answer(reply.body)
    assert machine.count(queue, "request_count") == 1
    assert sum(machine.count(other, "request_count") for other in QUEUES) == 1


def test_a_card_alone_or_a_domain_alone_may_be_named(machine):
    with machine.connect() as connection:
        by_card = {connection.ask(Modexp(512).message(), 5, ANY).queue for _ in range(6)}
        by_domain = {connection.ask(Modexp(512).message(), ANY, 0x47).queue for _ in range(6)}
    assert by_card == {"05.0004", "05.0047"}
    assert by_domain <= {"04.0047", "05.0047"}


def test_what_accelerators_cannot_do_goes_elsewhere(machine):
    with machine.connect() as connection:
        replies = [connection.ask(random_bytes(16)) for _ in range(6)]
        assert {reply.queue for reply in replies} == {"04.0004", "04.0047"}
        assert all(len(answer(reply.body)[DATA]) == 16 for reply in replies)
        # Who names one is told by the adapter.
        reply = connection.ask(random_bytes(16), 5, 4)
        assert (reply.error, reply.queue, status(reply.body)) == (0, "05.0004", UNSUPPORTED)


def test_no_queue_no_request(machine):
    with machine.connect() as connection:
        for card, domain in [(6, 4), (4, 5), (255, 255), (6, ANY), (ANY, 0)]:
            reply = connection.ask(random_bytes(8), card, domain)
            assert (reply.error, reply.queue) == (errno.ENODEV, None)
        machine.set("card04", "online", 0)
        assert connection.ask(random_bytes(8)).error == errno.ENODEV
        assert connection.ask(Modexp(512).message()).queue.startswith("05.")


def test_requests_are_spread(machine):
    requests = [Modexp(1024, seed) for seed in range(24)]
    with machine.connections(len(requests)) as connections:
        for connection, request in zip(connections, requests):
            connection.send(request.message())
        replies = [connection.receive() for connection in connections]
    assert all(request.is_answer(reply.body) for request, reply in zip(requests, replies))
    assert {reply.queue for reply in replies} == set(QUEUES)


# ---- what can be seen of requests ----


def test_load_and_counts_follow_requests(daemon):
    machine = Machine(daemon, "04:CEX8P", "4", reset_ms=500)
    assert machine.get("04.0004", "load") == machine.get("card04", "load") == "0\n"
    requests = [Modexp(512, seed) for seed in range(5)]
    with machine.connections(len(requests)) as connections:
        # As long as a reset lasts nothing goes to the hardware.
        machine.set("04.0004", "reset", 1)
        for connection, request in zip(connections, requests):
            connection.send(request.message())
        eventually(lambda: machine.count("04.0004", "requestq_count") == len(requests))
        assert machine.count("card04", "requestq_count") == len(requests)
        assert machine.count("04.0004", "load") > 0
        assert machine.get("card04", "load") == machine.get("04.0004", "load")
        for connection, request in zip(connections, requests):
            assert request.is_answer(connection.receive().body)
    assert machine.count("04.0004", "requestq_count") == 0
    assert machine.get("04.0004", "load") == machine.get("card04", "load") == "0\n"
    assert machine.count("04.0004", "request_count") == len(requests)


def test_pending_requests_are_counted_while_the_hardware_works(daemon):
    machine = Machine(daemon, "04:CEX8A", "4")
    requests = [Modexp(2048, seed) for seed in range(16)]
    seen = []
    with machine.connections(len(requests)) as connections:
        for connection, request in zip(connections, requests):
            connection.send(request.message())
        eventually(
            lambda: seen.append(machine.count("04.0004", "pendingq_count")) or max(seen) > 0
        )
        for connection, request in zip(connections, requests):
            assert request.is_answer(connection.receive().body)
    assert 0 < max(seen) <= 8
    assert machine.count("04.0004", "pendingq_count") == 0


# ---- the message ----


def test_a_request_that_the_hardware_does_not_know_is_answered_by_it(machine):
    with machine.connect() as connection:
        for body in [b"", b"\0", b"\0\x55", b"x" * 100, bytes(4096)]:
            reply = connection.ask(body, 4, 4)
            assert reply.error == 0 and reply.body[1] == ERROR, (body[:4], reply.error)
        assert len(answer(connection.ask(random_bytes(3)).body)[DATA]) == 3


def test_a_message_that_is_too_long_for_a_queue_goes_to_another_or_nowhere(daemon):
    machine = Machine(daemon, "04:CEX7C,05:CEX8C", "4")
    with machine.connect() as connection:
        long = bytes(20 * 1024)
        assert connection.ask(long, 4, ANY).error == errno.EMSGSIZE
        assert {connection.ask(long).queue for _ in range(4)} == {"05.0004"}
        assert connection.ask(bytes(60 * 1024)).error == errno.EMSGSIZE


# ---- the command ----


@pytest.mark.parametrize("queue", ["any", "04", "04.0047"])
@pytest.mark.parametrize(
    "request_args",
    [["random"], ["random", "5"], ["rsa"], ["rsa", "1024"], ["ecdsa"], ["ecdsa", "P-384"]],
)
def test_the_command_has_a_request_answered_and_checked(machine, queue, request_args):
    result = machine.daemon.umdev_json("ap", "request", queue, *request_args)
    assert result["verified"] is True
    assert result["queue"] in QUEUES
    assert queue == "any" or result["queue"].startswith(queue)
    assert result["request"].split()[0] == request_args[0]


def test_the_command_says_what_is_wrong(machine):
    def fails(*args, status=1):
        result = machine.daemon.umdev("ap", "request", *args, check=False)
        assert result.returncode == status, result.stdout
        return result.stdout + result.stderr

    assert "can't do that" in fails("05.0004", "random")
    assert "06" in fails("06", "random")
    for args in [("any",), ("any", "dice"), ("x", "rsa"), ("any", "rsa", "1"), ("4.", "rsa"),
                 ("any", "ecdsa", "P-192"), ("any", "random", "0"), ("100", "rsa")]:
        assert "expected" in fails(*args, status=2) or "usage" in fails(*args, status=2)
    machine.set("card04", "online", 0)
    assert "online" in fails("any", "random")
    machine.daemon.umdev("rmmod", "zcrypt_cex4")
    assert "modprobe" in fails("any", "random")
