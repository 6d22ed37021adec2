# SPDX-License-Identifier: LGPL-2.1-or-later
"""Requests for AP queues, byte by byte, and the socket that takes them (umdev/zcrypt.h)."""

import contextlib
import random
import socket
import struct
import threading
import time

from conftest import TIMEOUT

ANY = 0xFFFF
VERSION = 1
MESSAGE_MAX = 64 * 1024
HEADER = struct.Struct("=HHHHQ")
REPLY = struct.Struct("=HHHHQII")

# umdev/ap_message.h
REQUEST, ANSWER, ERROR = 0x55, 0xD5, 0x82
RANDOM, RSA_MODEXP = 1, 2
DATA, MODULUS, EXPONENT = 1, 2, 4
UNSUPPORTED = 2


def message(op, param=0, *fields):
    body = b"".join(struct.pack(">HH", tag, len(data)) + data for tag, data in fields)
    return struct.pack(">BBHIII", 0, REQUEST, op, 16 + len(body), 0, param) + body


def random_bytes(count):
    return message(RANDOM, count)


class Modexp:
    """A request whose reply anybody can check: data to the power of exponent, modulo modulus."""

    def __init__(self, bits, seed=None):
        numbers = random.Random(seed)
        self.size = bits // 8
        self.modulus = numbers.getrandbits(bits) | 1 | 1 << bits - 1
        self.exponent = numbers.getrandbits(bits) % self.modulus | 1
        self.data = numbers.getrandbits(bits) % self.modulus

    def message(self):
        fields = ((MODULUS, self.modulus), (EXPONENT, self.exponent), (DATA, self.data))
        return message(
            RSA_MODEXP, 0, *((tag, value.to_bytes(self.size, "big")) for tag, value in fields)
        )

    def is_answer(self, body):
        expected = pow(self.data, self.exponent, self.modulus).to_bytes(self.size, "big")
        return answer(body) == {DATA: expected}


def status(body):
    """What the hardware says of a request: 0 is fine."""
    assert body[1] == ANSWER, body[:16].hex()
    return struct.unpack_from(">I", body, 8)[0]


def answer(body):
    """The fields of a reply that says it is fine."""
    assert status(body) == 0, f"refused: {status(body)}"
    assert struct.unpack_from(">I", body, 4)[0] == len(body)
    fields, at = {}, 16
    while at < len(body):
        tag, size = struct.unpack_from(">HH", body, at)
        fields[tag] = body[at + 4 : at + 4 + size]
        at += 4 + size
    return fields


class Reply:
    def __init__(self, data):
        assert len(data) >= REPLY.size, data.hex()
        version, card, domain, reserved, self.tag, self.error, unused = REPLY.unpack_from(data)
        assert (version, reserved, unused) == (VERSION, 0, 0)
        self.queue = None if card == ANY else f"{card:02x}.{domain:04x}"
        self.body = data[REPLY.size :]
        assert not (self.error and self.body)


class Connection:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect(str(path))
        self.tag = 0

    def send_raw(self, data):
        return self.socket.send(data)

    def send(self, body, card=ANY, domain=ANY):
        self.tag += 1
        self.send_raw(HEADER.pack(VERSION, card, domain, 0, self.tag) + body)
        return self.tag

    def receive(self):
        """The next reply, None at the end."""
        try:
            data = self.socket.recv(REPLY.size + MESSAGE_MAX + 1)
        except ConnectionResetError:
            return None
        return Reply(data) if data else None

    def ask(self, body, card=ANY, domain=ANY):
        tag = self.send(body, card, domain)
        reply = self.receive()
        assert reply and reply.tag == tag
        return reply

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def eventually(condition, what="it does not come"):
    end = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.01)


class Machine:
    """A daemon with adapters, whose queues belong to the default drivers."""

    def __init__(self, daemon, cards="04:CEX8P,05:CEX8A", domains="4,0x47", **params):
        params = {"cards": cards, "domains": domains, **params}
        options = ",".join(f'{name}="{value}"' for name, value in params.items())
        self.daemon = daemon
        daemon.start("--load", f"ap,{options}")
        eventually(lambda: "complete" in self.read("bus/ap/bindings"))

    def read(self, path):
        return self.daemon.read(path)

    def write(self, path, text):
        self.daemon.write(path, text)

    def attr(self, device, name):
        return f"bus/ap/devices/{device}/{name}"

    def get(self, device, name):
        return self.read(self.attr(device, name))

    def set(self, device, name, value):
        self.write(self.attr(device, name), str(value))

    def count(self, device, name):
        text = self.get(device, name).strip()
        return int(text)

    @property
    def socket(self):
        return self.daemon.runtime / "zcrypt"

    def connect(self):
        return Connection(self.socket)

    @contextlib.contextmanager
    def connections(self, number):
        with contextlib.ExitStack() as stack:
            yield [stack.enter_context(self.connect()) for _ in range(number)]


class Busy:
    """Many clients that send requests without end, and count how each of them ended."""

    def __init__(self, machine, clients, card=ANY, domain=ANY):
        self.machine, self.target = machine, (card, domain)
        self.ending = threading.Event()
        self.lock = threading.Lock()
        self.sent, self.errors, self.queues, self.wrong = 0, {}, {}, []
        self.threads = [threading.Thread(target=self.run) for _ in range(clients)]

    def run(self):
        with self.machine.connect() as connection:
            while not self.ending.is_set():
                request = Modexp(512)
                with self.lock:
                    self.sent += 1
                try:
                    self.account(request, connection.ask(request.message(), *self.target))
                except Exception as error:  # the thread's; told by __exit__
                    with self.lock:
                        self.wrong.append(repr(error))
                    return

    def account(self, request, reply):
        right = bool(reply.error) or request.is_answer(reply.body)
        with self.lock:
            self.errors[reply.error] = self.errors.get(reply.error, 0) + 1
            if not reply.error:
                self.queues[reply.queue] = self.queues.get(reply.queue, 0) + 1
            if not right:
                self.wrong.append(f"a wrong answer from {reply.queue}")

    def answered(self):
        with self.lock:
            return self.errors.get(0, 0)

    def goes_on(self):
        """Wait until it is certain that requests are answered now."""
        before = self.answered()
        eventually(lambda: self.answered() > before + 2 * len(self.threads), "nothing goes on")

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, kind, *exc):
        self.ending.set()
        for thread in self.threads:
            thread.join(TIMEOUT)
        if kind is None:
            assert not any(thread.is_alive() for thread in self.threads), "a request is lost"
            assert not self.wrong, self.wrong
            assert sum(self.errors.values()) == self.sent
