# SPDX-License-Identifier: LGPL-2.1-or-later
"""A device as the preloaded library shows it: what it is made of, what is refused, and servers that lie."""

import mmap
import os
import socket
import struct
import subprocess
import threading

import pytest

import conftest
import other_server as vu

DRIVER = os.environ.get("DEVICE_DRIVER")
READ, WRITE, MMAP, CAPS = 1, 2, 4, 8
SHARED, PRIVATE = mmap.MAP_SHARED, mmap.MAP_PRIVATE
RW = mmap.PROT_READ | mmap.PROT_WRITE
NONE, BOOL, EVENTFD, MASK, UNMASK, TRIGGER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
ARM = EVENTFD | TRIGGER
PAGE = 4096


def region(index):
    return index << 40


class Driver(conftest.Driver):
    program = DRIVER


class Server(vu.Session):
    """A server whose answers a test can change."""

    max_fds = 8
    device = vu.INFO_S.pack(16, 3, vu.NR_REGIONS, len(vu.IRQS))
    irqs = vu.IRQS

    def __init__(self, sock):
        super().__init__(sock, twin=False, max_xfer=self.max_xfer_offered)
        self.sets = []
        self.accesses = []

    max_xfer_offered = 1 << 20

    def version(self, message, kept):
        payload, fds = super().version(message, kept)
        return payload.replace(b'"max_msg_fds": 8', b'"max_msg_fds": %d' % self.max_fds), fds

    def info(self, message, kept):
        return self.device, []

    def irq_info(self, message, kept):
        index = vu.INFO_S.unpack_from(message.payload)[2]
        if index >= len(self.irqs):
            raise vu.Refused(vu.EINVAL)
        return vu.INFO_S.pack(16, 1, index, self.irqs[index]), []

    def set_irqs(self, message, kept):
        _, flags, index, start, count = vu.IRQ_SET_S.unpack_from(message.payload)
        self.sets.append((flags, index, start, count, len(message.fds), message.payload[20:]))
        return b"", []

    def area(self, message):
        self.accesses.append(vu.ACCESS_S.unpack_from(message.payload))
        return super().area(message)

    handlers = {
        **vu.Session.handlers,
        vu.VERSION: lambda self, *args: self.version(*args),
        vu.GET_INFO: lambda self, *args: self.info(*args),
        vu.GET_REGION_INFO: lambda self, *args: self.region_info(*args),
        vu.GET_IRQ_INFO: lambda self, *args: self.irq_info(*args),
        vu.SET_IRQS: lambda self, *args: self.set_irqs(*args),
        vu.REGION_READ: lambda self, *args: self.region_read(*args),
        vu.REGION_WRITE: lambda self, *args: self.region_write(*args),
    }


@pytest.fixture
def behind():
    """behind(server class) -> (driver, server); after the test the driver has closed all that it had."""
    running = []

    def start(kind=Server):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        server = kind(ours)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        driver = Driver(theirs)
        running.append((driver, thread))
        return driver, server

    yield start
    for driver, thread in running:
        try:
            driver.finish()
        finally:
            driver.kill()
            thread.join(conftest.TIMEOUT)


def opened(behind, kind=Server):
    driver, server = behind(kind)
    assert driver.do("open").split()[0].isdigit()
    return driver, server


# ---- what it is ----


def test_regions_are_where_the_kernels_are(behind):
    driver, _ = opened(behind)
    assert driver.do("region", 0, 32) == f"32 {READ | WRITE} 4711 {vu.BAR0_SIZE} 0"
    assert driver.do("region", 7, 32) == f"32 {READ | WRITE} 4711 {vu.CONFIG_SIZE} {region(7)}"
    assert driver.do("region", 8, 31) == "EINVAL"
    assert driver.do("region", 9, 32) == "EINVAL"


def test_an_area_that_is_all_of_a_region_is_no_capability(behind):
    driver, _ = opened(behind)
    assert driver.do("region", 2, 100) == f"100 {READ | WRITE | MMAP} 4711 {vu.BAR2_SIZE} {region(2)}"


def test_a_closed_device_leaves_no_descriptor(behind):
    driver, _ = behind()
    before = int(driver.do("descriptors"))
    assert driver.do("open") == f"3 {vu.NR_REGIONS} {len(vu.IRQS)}"
    assert driver.do("close") == "ok"
    # The service thread's two stay, the socket has gone.
    assert int(driver.do("descriptors")) == before - 1 + 2


TYPE_S = struct.Struct("<HHIII")
AREAS = [(PAGE, PAGE), (4 * PAGE, 2 * PAGE)]


def sparse(areas, following=0, nr_areas=None):
    head = struct.pack("<HHIII", 1, 1, following, len(areas) if nr_areas is None else nr_areas, 0)
    return head + b"".join(struct.pack("<QQ", *area) for area in areas)


class Special(Server):
    """Region 2 is as a test says."""

    flags = READ | WRITE | MMAP
    size = vu.BAR2_SIZE
    offset = 0
    index = 2
    first = 32
    caps = b""

    def region_info(self, message, kept):
        if vu.REGION_INFO_S.unpack_from(message.payload)[2] != 2:
            return super().region_info(message, kept)
        full = 32 + len(self.caps)
        flags = self.flags | (CAPS if self.caps else 0)
        head = (full, flags, self.index, self.first, self.size, self.offset)
        return vu.REGION_INFO_S.pack(*head) + self.caps, self.region_fds()

    def region_fds(self):
        return [self.memory_fd]


def test_capabilities_are_made_anew(behind):
    class Chained(Special):
        # Around one that nobody knows, and the first one is the last.
        caps = sparse(AREAS) + struct.pack("<HHI", 77, 1, 32) + TYPE_S.pack(2, 1, 80, 0x80001AF4, 7)
        first = 32 + len(caps) - TYPE_S.size

    driver, _ = opened(behind, Chained)
    known = TYPE_S.pack(2, 1, 48, 0x80001AF4, 7) + sparse(AREAS)
    flags = READ | WRITE | MMAP | CAPS
    full = 32 + len(known)
    short = driver.do("region", 2, full - 1)
    assert short == f"{full} {flags} 0 {vu.BAR2_SIZE} {region(2)}"
    assert driver.do("region", 2, full) == f"{full} {flags} 32 {vu.BAR2_SIZE} {region(2)} {known.hex()}"


LIES = {
    "another region": {"index": 3},
    "too large for its place": {"size": (1 << 40) + 1},
    "a chain that goes round": {"caps": struct.pack("<HHI", 77, 1, 32)},
    "a chain into the head": {"caps": struct.pack("<HHI", 77, 1, 8)},
    "a chain beyond the end": {"caps": struct.pack("<HHI", 77, 1, 4096)},
    "a chain that begins beyond the end": {"first": 40, "caps": b"\0" * 8},
    "a chain that begins nowhere": {"first": 0xFFFFFFF8, "caps": b"\0" * 8},
    "more areas than there are": {"caps": sparse(AREAS, nr_areas=3)},
    "very many areas": {"caps": sparse(AREAS, nr_areas=0xFFFFFFFF)},
    "no areas": {"caps": sparse([])},
    "an area beyond the end": {"caps": sparse([(0, vu.BAR2_SIZE + PAGE)])},
    "an area that wraps around": {"caps": sparse([(PAGE, (1 << 64) - PAGE)])},
    "half a type": {"caps": struct.pack("<HHI", 2, 1, 0)},
}


@pytest.mark.parametrize("lie", LIES)
def test_a_region_that_makes_no_sense_ends_it(behind, lie):
    driver, _ = behind(type("Liar", (Special,), LIES[lie]))
    before = int(driver.do("descriptors"))
    assert driver.do("open") == "EPROTO"
    assert int(driver.do("descriptors")) <= before - 1 + 2


@pytest.mark.parametrize(
    "answer", [b"", b"\0" * 15, vu.INFO_S.pack(16, 2, 1 << 31, 5), vu.INFO_S.pack(16, 2, 9, 1 << 31)]
)
def test_a_device_that_makes_no_sense_ends_it(behind, answer):
    driver, _ = behind(type("Liar", (Server,), {"device": answer}))
    assert driver.do("open") == "EPROTO"


def test_other_kinds_of_devices_are_passed_on(behind):
    """A ccw device: one region of 124 bytes, a typed one, no interrupts of PCI's."""

    class Ccw(Server):
        device = vu.INFO_S.pack(16, 1 << 4 | 1, 2, 3)
        irqs = [1, 1, 1]

        def region_info(self, message, kept):
            index = vu.REGION_INFO_S.unpack_from(message.payload)[2]
            if index == 0:
                return vu.REGION_INFO_S.pack(32, 3, 0, 0, 124, 0), []
            return vu.REGION_INFO_S.pack(48, 3 | CAPS, 1, 32, 52, 0) + TYPE_S.pack(2, 1, 0, 2, 2), []

    driver, _ = behind(Ccw)
    assert driver.do("open") == f"{1 << 4 | 1} 2 3"
    assert driver.do("region", 0, 32) == f"32 3 4711 124 0"
    assert driver.do("region", 1, 32) == f"48 {3 | CAPS} 0 52 {region(1)}"
    caps = TYPE_S.pack(2, 1, 0, 2, 2).hex()
    assert driver.do("region", 1, 48) == f"48 {3 | CAPS} 32 52 {region(1)} {caps}"
    assert driver.do("irq", 2) == "1 1"
    assert driver.do("irq", 3) == "EINVAL"


# ---- access ----


def test_access_ends_with_the_region(behind):
    driver, _ = opened(behind)
    last = region(7) + vu.CONFIG_SIZE - 2
    assert driver.do("read", last, 100) == "2 0000"
    assert driver.do("read", last + 2, 1) == "EINVAL"
    assert driver.do("write", region(2) + vu.BAR2_SIZE - 1, "aabb") == "1"
    assert driver.do("read", region(1), 1) == "EINVAL"
    assert driver.do("read", region(9), 1) == "EINVAL"
    assert driver.do("read", region(9), 0) == "0"
    assert driver.do("read", (1 << 63) - 2, 4) == "EINVAL"


def test_more_than_a_message_takes_is_several(behind):
    class Small(Server):
        max_xfer_offered = 100

    driver, server = opened(behind, Small)
    data = os.urandom(250)
    assert driver.do("write", region(2) + 5, data.hex()) == "250"
    assert driver.do("read", region(2) + 5, 250) == f"250 {data.hex()}"
    assert server.accesses == [(5, 2, 100), (105, 2, 100), (205, 2, 50)] * 2


def test_rights_are_asked_before_the_server(behind):
    driver, server = opened(behind, type("ReadOnly", (Special,), {"flags": READ}))
    assert driver.do("write", region(2), "00") == "EINVAL"
    assert driver.do("read", region(2), 1) == "1 00"
    assert server.accesses == [(0, 2, 1)]


class Short(Server):
    """Gives less than was asked for."""

    def region_read(self, message, kept):
        payload, _ = super().region_read(message, kept)
        offset, index, count = vu.ACCESS_S.unpack_from(payload)
        return vu.ACCESS_S.pack(offset, index, count // 2) + payload[16 : 16 + count // 2], []

    def region_write(self, message, kept):
        super().region_write(message, kept)
        offset, index, count = vu.ACCESS_S.unpack_from(message.payload)
        return vu.ACCESS_S.pack(offset, index, count // 2), []


def test_a_short_answer_is_a_short_result(behind):
    driver, _ = opened(behind, Short)
    assert driver.do("write", region(2), "0102030405060708") == "4"
    assert driver.do("read", region(2), 8) == "4 01020304"


def lying_access(change):
    class Liar(Server):
        def region_read(self, message, kept):
            return change(*vu.ACCESS_S.unpack_from(message.payload)), []

        region_write = region_read

    return Liar


ACCESS_LIES = {
    "more than was asked for": lambda at, index, count: vu.ACCESS_S.pack(at, index, count + 1) + bytes(count + 1),
    "less than it says": lambda at, index, count: vu.ACCESS_S.pack(at, index, count) + bytes(count - 1),
    "another place": lambda at, index, count: vu.ACCESS_S.pack(at + 1, index, count) + bytes(count),
    "another region": lambda at, index, count: vu.ACCESS_S.pack(at, index + 1, count) + bytes(count),
    "nothing at all": lambda at, index, count: b"",
}


@pytest.mark.parametrize("lie", ACCESS_LIES)
def test_an_answer_about_something_else_ends_it(behind, lie):
    driver, _ = opened(behind, lying_access(ACCESS_LIES[lie]))
    assert driver.do("read", region(2), 8) == "EPROTO"
    assert driver.do("read", region(2), 8) == "ENODEV"


def test_more_written_than_there_was_ends_it(behind):
    driver, _ = opened(behind, lying_access(lambda at, index, count: vu.ACCESS_S.pack(at, index, count + 1)))
    assert driver.do("write", region(2), "00") == "EPROTO"
    assert driver.do("write", region(2), "00") == "ENODEV"


# ---- mmap ----


def test_a_region_is_mapped(behind):
    driver, server = opened(behind)
    server.buffer[PAGE : PAGE + 8] = b"in there"
    assert driver.do("map", region(2) + PAGE, 2 * PAGE, RW, SHARED) == b"in there".hex()
    assert driver.do("store", 0, ord("I")) == "ok"
    assert server.buffer[PAGE : PAGE + 8] == b"In there"


@pytest.mark.parametrize(
    "what, error",
    [
        ((region(0), PAGE, RW, SHARED), "EINVAL"),
        ((region(9), PAGE, RW, SHARED), "EINVAL"),
        ((region(2), PAGE, RW, PRIVATE), "EINVAL"),
        ((region(2), PAGE, RW, 0), "EINVAL"),
        ((region(2), 0, RW, SHARED), "EINVAL"),
        ((region(2) + 1, PAGE, RW, SHARED), "EINVAL"),
        ((region(2), vu.BAR2_SIZE + 1, RW, SHARED), "EINVAL"),
        ((region(2) + vu.BAR2_SIZE, PAGE, RW, SHARED), "EINVAL"),
        ((region(3) - PAGE, PAGE, RW, SHARED), "EINVAL"),
        (((1 << 64) - PAGE, PAGE, RW, SHARED), "EOVERFLOW"),
        ((region(2), (1 << 64) - 1, RW, SHARED), "ENOMEM"),
    ],
)
def test_what_cannot_be_mapped(behind, what, error):
    driver, _ = opened(behind)
    assert driver.do("map", *what) == error


def test_only_the_areas_are_mapped(behind):
    driver, _ = opened(behind, type("Sparse", (Special,), {"caps": sparse(AREAS)}))
    for offset, size in AREAS:
        assert driver.do("map", region(2) + offset, size, RW, SHARED) == "00" * 8
        assert driver.do("map", region(2) + offset, size + PAGE, RW, SHARED) == "EINVAL"
        assert driver.do("map", region(2) + offset - PAGE, size, RW, SHARED) == "EINVAL"
    assert driver.do("map", region(2), PAGE, RW, SHARED) == "EINVAL"


def test_a_region_is_mapped_with_its_rights(behind):
    driver, _ = opened(behind, type("ReadOnly", (Special,), {"flags": READ | MMAP}))
    assert driver.do("map", region(2), PAGE, RW, SHARED) == "EINVAL"
    assert driver.do("map", region(2), PAGE, mmap.PROT_READ, SHARED) == "00" * 8


def test_where_a_region_begins_in_its_file_is_the_servers_matter(behind):
    driver, server = opened(
        behind, type("Late", (Special,), {"flags": READ | WRITE | MMAP, "offset": 2 * PAGE, "size": PAGE})
    )
    server.buffer[2 * PAGE : 2 * PAGE + 8] = b"in there"
    assert driver.do("map", region(2), PAGE, RW, SHARED) == b"in there".hex()


UNMAPPABLE = {
    "shorter than the region": {"size": vu.BAR2_SIZE + PAGE},
    "begins too late": {"offset": PAGE},
    "begins nowhere": {"offset": (1 << 64) - PAGE},
    "no file": {"region_fds": lambda self: []},
    "something else": {"region_fds": lambda self: [self.main.sock.fileno()]},
    "areas of half pages": {"caps": sparse([(100, PAGE)])},
}


@pytest.mark.parametrize("why", UNMAPPABLE)
def test_what_would_kill_the_program_is_not_mapped(behind, why):
    """A file that ends too early is a SIGBUS, so the region is one that cannot be mapped."""
    driver, _ = opened(behind, type("Server", (Special,), UNMAPPABLE[why]))
    size = UNMAPPABLE[why].get("size", vu.BAR2_SIZE)
    assert driver.do("region", 2, 100) == f"100 {READ | WRITE} 4711 {size} {region(2)}"
    assert driver.do("map", region(2), PAGE, RW, SHARED) == "EINVAL"


def test_descriptors_that_nobody_wants_are_closed(behind):
    class Generous(Special):
        def region_fds(self):
            return [self.memory_fd] * 3

    driver, _ = behind(Generous)
    before = int(driver.do("descriptors"))
    assert driver.do("open") == f"3 {vu.NR_REGIONS} {len(vu.IRQS)}"
    # Not asked for more than once; with or without them, no more than these stay open.
    assert driver.do("close") == "ok"
    assert int(driver.do("descriptors")) == before - 1 + 2


# ---- interrupts ----


def test_more_eventfds_than_a_message_takes_are_several_messages(behind):
    driver, server = opened(behind, type("Many", (Server,), {"irqs": [1, 32], "max_fds": 8}))
    assert driver.do("irqs", ARM, 1, 3, *"e" * 20) == "ok"
    assert server.sets == [(ARM, 1, start, n, n, b"") for start, n in [(3, 8), (11, 8), (19, 4)]]


def test_vectors_with_and_without_eventfds_are_messages_of_their_own(behind):
    driver, server = opened(behind, type("Many", (Server,), {"irqs": [1, 32]}))
    assert driver.do("irqs", ARM, 1, 0, *"--e-ee") == "ok"
    assert server.sets == [
        (ARM, 1, 0, 2, 0, b""),
        (ARM, 1, 2, 1, 1, b""),
        (ARM, 1, 3, 1, 0, b""),
        (ARM, 1, 4, 2, 2, b""),
    ]


def test_a_refusal_takes_back_what_was_armed_before_it(behind):
    class Picky(Server):
        irqs = [1, 32]

        def set_irqs(self, message, kept):
            super().set_irqs(message, kept)
            if len(self.sets) == 2:
                raise vu.Refused(vu.EIO)
            return b"", []

    driver, server = opened(behind, Picky)
    assert driver.do("irqs", ARM, 1, 4, *"e" * 20) == "EIO"
    assert server.sets[2:] == [(ARM, 1, 4, 8, 0, b"")]


def test_booleans_go_as_they_are(behind):
    driver, server = opened(behind, type("Many", (Server,), {"irqs": [1, 5000]}))
    assert driver.do("irqs", BOOL | TRIGGER, 1, 0, *"101") == "ok"
    assert server.sets.pop() == (BOOL | TRIGGER, 1, 0, 3, 0, bytes([1, 0, 1]))
    assert driver.do("irqs", BOOL | TRIGGER, 1, 0, *"1" * 5000) == "ok"
    assert [(s[2], s[3], len(s[5])) for s in server.sets] == [(0, 4096, 4096), (4096, 904, 904)]


@pytest.mark.parametrize(
    "items, error", [("c", "EBADF"), ("p", "EINVAL"), (["path"], "EBADF"), ("ec", "EBADF"), ("ep", "EINVAL")]
)
def test_only_eventfds_are_passed_on(behind, items, error):
    driver, server = opened(behind, type("Many", (Server,), {"irqs": [1, 32]}))
    assert driver.do("irqs", ARM, 1, 0, *items) == error
    assert server.sets == []


@pytest.mark.parametrize(
    "what",
    [
        (NONE | TRIGGER, 2, 0),  # no such index
        (NONE | TRIGGER, 1, 32),  # no such vector
        (NONE | TRIGGER, 1, 31, "x", "x"),
        (NONE | TRIGGER, 1, 0xFFFFFFFF),
        (NONE | TRIGGER, 1, 0xFFFFFFFF, "x"),
        (TRIGGER, 1, 0, "x"),
        (NONE | BOOL | TRIGGER, 1, 0, "x"),
        (BOOL | EVENTFD | TRIGGER, 1, 0, "x"),
        (NONE | TRIGGER | 0x40, 1, 0, "x"),
    ],
)
def test_what_the_kernel_refuses_is_not_sent(behind, what):
    driver, server = opened(behind, type("Many", (Server,), {"irqs": [1, 32]}))
    assert driver.do("irqs", *what) == "EINVAL"
    assert server.sets == []


@pytest.mark.parametrize("what", [(NONE | TRIGGER, 0, 19), (BOOL | TRIGGER, 3, 22), (ARM, 3, 31)])
def test_data_that_is_not_there_is_not_read(behind, what):
    flags, count, argsz = what
    driver, server = opened(behind, type("Many", (Server,), {"irqs": [1, 32]}))
    assert driver.do("short", flags, 1, count, argsz) == "EINVAL"
    assert server.sets == []


def test_an_index_is_switched_off_by_one_message(behind):
    driver, server = opened(behind)
    assert driver.do("irqs", NONE | TRIGGER, 1, 0) == "ok"
    assert server.sets == [(NONE | TRIGGER, 1, 0, 0, 0, b"")]


def test_eventfds_are_the_programs_own(behind):
    """The device's signal arrives without anybody in between."""

    class Whole(Server):
        set_irqs = vu.Session.set_irqs

    driver, server = opened(behind, Whole)
    assert driver.do("irqs", ARM, 1, 0, *"eee") == "ok"
    server.trigger(1, 2)
    assert driver.do("fired") == "2"
    assert driver.do("irqs", ARM, 1, 1, "-") == "ok"
    assert sorted(server.eventfds) == [(1, 0), (1, 2)]


# ---- platform devices, of which the kernel says other things than of PCI's ----

PLATFORM, LEVEL = 1 << 2, 7


class Platform(Server):
    """Two level interrupts and an edge, each an index of its own."""

    device = vu.INFO_S.pack(16, PLATFORM, vu.NR_REGIONS, 3)
    irqs = [1, 1, 1]

    def irq_info(self, message, kept):
        index = vu.INFO_S.unpack_from(message.payload)[2]
        return vu.INFO_S.pack(16, 1 if index == 2 else LEVEL, index, 1), []


@pytest.mark.parametrize(
    "what, error",
    [
        ((NONE | TRIGGER, 3, 0), "EINVAL"),
        ((NONE | TRIGGER, 0, 3), "EINVAL"),
        ((NONE | TRIGGER, 0, 1, "x"), "EINVAL"),
        ((NONE | TRIGGER, 0, 0, "x", "x"), "EINVAL"),
        ((NONE | TRIGGER, 0, 0, "x", "x", "x", "x"), "EINVAL"),
        ((BOOL | TRIGGER, 0, 0), "EINVAL"),
        ((ARM, 0, 0), "EINVAL"),
        ((ARM, 0, 0, "e", "-"), "EINVAL"),
        ((ARM, 0, 0, "c", "c"), "EINVAL"),
        ((NONE | MASK, 0, 0), "EINVAL"),
        ((NONE | MASK, 2, 0, "x"), "EINVAL"),
        ((EVENTFD | UNMASK, 2, 0, "c"), "EINVAL"),
        ((EVENTFD | UNMASK, 0, 0, "c"), "EBADF"),
        ((EVENTFD | MASK, 0, 0, "p"), "EINVAL"),
        ((NONE, 0, 0, "x"), "ENOTTY"),
        ((EVENTFD, 0, 0, "c", "c"), "ENOTTY"),
        ((NONE | MASK | UNMASK, 0, 1, "x"), "ENOTTY"),
        ((NONE, 0, 2, "x", "x"), "EINVAL"),
    ],
)
def test_what_vfio_platform_refuses_is_not_sent(behind, what, error):
    driver, server = opened(behind, Platform)
    assert driver.do("irqs", *what) == error
    assert server.sets == []


@pytest.mark.parametrize("item, error", [("c", "EBADF"), ("p", "EINVAL")])
def test_vfio_platform_lets_go_of_an_eventfd_before_it_looks_at_the_next(behind, item, error):
    driver, server = opened(behind, Platform)
    assert driver.do("irqs", ARM, 2, 0, "e") == "ok"
    assert driver.do("irqs", ARM, 2, 0, item) == error
    assert server.sets == [(ARM, 2, 0, 1, 1, b""), (ARM, 2, 0, 1, 0, b"")]


def test_what_vfio_platform_takes_is_sent(behind):
    driver, server = opened(behind, Platform)
    assert driver.do("irqs", NONE | TRIGGER, 0, 2) == "ok"
    assert driver.do("irqs", NONE | MASK, 1, 0, "x") == "ok"
    assert driver.do("irqs", EVENTFD | MASK, 1, 0, "e") == "ok"
    assert driver.do("irqs", EVENTFD | UNMASK, 1, 0, "-") == "ok"
    assert driver.do("irqs", BOOL | TRIGGER, 2, 0, "1") == "ok"
    assert server.sets == [
        (NONE | TRIGGER, 0, 2, 0, 0, b""),
        (NONE | MASK, 1, 0, 1, 0, b""),
        (EVENTFD | MASK, 1, 0, 1, 1, b""),
        (EVENTFD | UNMASK, 1, 0, 1, 0, b""),
        (BOOL | TRIGGER, 2, 0, 1, 0, b"\1"),
    ]


def test_vfio_platform_looks_where_nothing_is_to_be_read(behind):
    driver, server = opened(behind, Platform)
    assert driver.do("read", region(2), 0) == "0"
    assert driver.do("read", region(2) + vu.BAR2_SIZE, 0) == "EINVAL"
    assert driver.do("read", region(9), 0) == "EINVAL"
    assert driver.do("write", region(9), "") == "EINVAL"
    assert server.accesses == []
