# SPDX-License-Identifier: LGPL-2.1-or-later
"""The byte order of a subchannel's regions: the server's is s390's, the program's its own."""

import struct
import sys

import pytest

import other_server as vu
from test_device import CAPS, READ, TYPE_S, WRITE, Server, behind, opened, region  # noqa: F401

EINVAL = 22
IO, ASYNC, SCHIB, CRW = range(4)
SIZES = [124, 8, 52, 8]
RIGHTS = [READ | WRITE, READ | WRITE, READ, READ]
OWN = "<" if sys.byteorder == "little" else ">"
OTHER = "<" if OWN == ">" else ">"
NAMES = {"<": "little", ">": "big"}


class Ccw(Server):
    """A subchannel whose regions are memory."""

    device = vu.INFO_S.pack(16, 1 << 4 | 1, 4, 3)
    irqs = [1, 1, 1]
    sizes = SIZES

    def __init__(self, sock):
        super().__init__(sock)
        self.memory = [bytearray(range(1, size + 1)) for size in self.sizes]

    def region_info(self, message, kept):
        index = vu.REGION_INFO_S.unpack_from(message.payload)[2]
        size, rights = self.sizes[index], RIGHTS[index]
        if index == IO:
            return vu.REGION_INFO_S.pack(32, rights, index, 0, size, 0), []
        return vu.REGION_INFO_S.pack(48, rights | CAPS, index, 32, size, 0) + TYPE_S.pack(2, 1, 0, 2, index), []

    def area(self, message):
        offset, index, count = vu.ACCESS_S.unpack_from(message.payload)
        self.accesses.append((offset, index, count))
        if offset + count > self.sizes[index]:
            raise vu.Refused(EINVAL)
        return self.memory[index], offset, index, count


def orb(order):
    """As QEMU's struct ORB, with FMT, PFCH and C64, LPM and CPA."""
    return struct.pack(order + "IHBBI", 0x00010002, 0x00C2, 0xFF, 0x01, 0x0FD21CD0)


def scsw(order, ctrl=0x4400, flags=0x00C0):
    return struct.pack(order + "HHIBBH", flags, ctrl, 0x11223344, 0x0C, 0x20, 0x0102)


def schib(order):
    pmcw = struct.pack(order + "IHHBBBBHBB8sI", 0x01020304, 0x1081, 0x1000, 0x80, 0, 0x80, 0x80, 0x0506, 0xFF, 0x80,
                       bytes([0x10]) + bytes(7), 0x00000001)
    return pmcw + scsw(order, flags=1) + struct.pack(order + "Q", 0x0102030405060708) + bytes([9, 10, 11, 12])


# SCSW, ESW and sense as s390 has them, whoever looks
IRB = scsw(">", ctrl=0x4017) + struct.pack(">IIIII", 0x00800000, 0x01200000, 0, 0, 0) + bytes(range(64))


def io_region(order, ret_code, ret_order=OWN):
    return orb(order) + scsw(order) + IRB + struct.pack(ret_order + "I", ret_code)


def read(driver, index, at=0, count=None):
    answer = driver.do("read", region(index) + at, SIZES[index] - at if count is None else count)
    return bytes.fromhex(answer.partition(" ")[2]) if " " in answer else answer


def write(driver, index, data, at=0):
    return driver.do("write", region(index) + at, data.hex())


# ---- in either order ----


@pytest.mark.parametrize("order", "<>", ids=NAMES.get)
def test_what_a_program_writes_arrives_in_the_servers_order(behind, order):
    driver, server = opened(behind, Ccw)
    assert write(driver, IO, io_region(order, 0x12345678)) == "124"
    assert server.memory[IO] == io_region(">", 0x12345678, ">")
    assert read(driver, IO) == io_region(order, 0x12345678)


@pytest.mark.parametrize("order", "<>", ids=NAMES.get)
def test_from_then_on_it_reads_in_its_own(behind, order):
    driver, server = opened(behind, Ccw)
    write(driver, IO, io_region(order, 0))
    server.memory[SCHIB][:] = schib(">")
    server.memory[CRW][:] = struct.pack(">HHI", 0x8406, 0x0010, 0)
    assert read(driver, SCHIB) == schib(order)
    assert read(driver, CRW) == struct.pack(order + "HHI", 0x8406, 0x0010, 0)


@pytest.mark.parametrize("order", "<>", ids=NAMES.get)
def test_the_irb_is_s390s(behind, order):
    driver, server = opened(behind, Ccw)
    write(driver, IO, io_region(order, 0))
    server.memory[IO][24:120] = IRB
    assert read(driver, IO)[24:120] == IRB
    assert read(driver, IO, 24, 96) == IRB


@pytest.mark.parametrize("order", "<>", ids=NAMES.get)
def test_integers_are_the_machines_whatever_order_the_program_has(behind, order):
    driver, server = opened(behind, Ccw)
    write(driver, IO, io_region(order, 0))
    assert write(driver, ASYNC, struct.pack(OWN + "II", 2, 0)) == "8"
    assert server.memory[ASYNC] == struct.pack(">II", 2, 0)
    server.memory[ASYNC][:] = struct.pack(">iI", 1, 0xFFFFFFF0)
    assert read(driver, ASYNC) == struct.pack(OWN + "iI", 1, 0xFFFFFFF0)
    server.memory[IO][120:] = struct.pack(">i", -EINVAL)
    assert read(driver, IO, 120) == struct.pack(OWN + "i", -EINVAL)


# ---- how the order is known ----


def test_before_it_has_written_a_program_has_the_machines_order(behind):
    driver, server = opened(behind, Ccw)
    server.memory[SCHIB][:] = schib(">")
    assert read(driver, SCHIB) == schib(OWN)


@pytest.mark.parametrize("order", "<>", ids=NAMES.get)
def test_the_environment_has_the_last_word(behind, order, monkeypatch):
    monkeypatch.setenv("UMDEV_CCW_BYTE_ORDER", NAMES[order])
    driver, server = opened(behind, Ccw)
    server.memory[SCHIB][:] = schib(">")
    assert read(driver, SCHIB) == schib(order)
    other = ">" if order == "<" else "<"
    write(driver, IO, io_region(other, 0))
    assert read(driver, SCHIB) == schib(order)


def test_a_third_order_is_none(behind, monkeypatch):
    monkeypatch.setenv("UMDEV_CCW_BYTE_ORDER", "middle")
    driver, _ = behind(Ccw)
    assert driver.do("open") == "EINVAL"


@pytest.mark.parametrize("ctrl", [0x4000, 0x2000, 0x1000, 0x4400])
def test_any_function_shows_the_order(behind, ctrl):
    driver, server = opened(behind, Ccw)
    assert write(driver, IO, scsw(OTHER, ctrl), 12) == "12"
    assert server.memory[IO][12:24] == scsw(">", ctrl)


@pytest.mark.parametrize("ctrl", [0x0000, 0x4040, 0x8080], ids="none both neither".split())
def test_what_shows_nothing_changes_nothing(behind, ctrl):
    driver, server = opened(behind, Ccw)
    assert write(driver, IO, scsw(OWN, ctrl), 12) == "12"
    assert server.memory[IO][12:24] == scsw(">", ctrl)
    write(driver, IO, scsw(OTHER, 0x4400), 12)
    assert write(driver, IO, scsw(OTHER, ctrl), 12) == "12"
    assert server.memory[IO][12:24] == scsw(">", ctrl)


def test_an_orb_alone_shows_nothing(behind):
    driver, server = opened(behind, Ccw)
    assert write(driver, IO, orb(OWN)) == "12"
    assert server.memory[IO][:12] == orb(">")


# ---- pieces ----


@pytest.mark.parametrize("index", range(4))
def test_each_piece_that_is_read_is_one_of_the_whole(behind, index):
    driver, server = opened(behind, Ccw)
    whole = read(driver, index)
    assert len(whole) == SIZES[index]
    for at in range(SIZES[index]):
        for count in (1, 2, 3, 5, SIZES[index] - at):
            if at + count <= SIZES[index]:
                del server.accesses[:]
                assert read(driver, index, at, count) == whole[at : at + count]
                # A CRW that is read has gone
                assert len(server.accesses) == 1


@pytest.mark.skipif(OWN == ">", reason="nothing is converted here")
@pytest.mark.parametrize("index, at, count", [(IO, 1, 11), (IO, 0, 5), (IO, 15, 1), (IO, 120, 3), (ASYNC, 0, 2),
                                              (ASYNC, 1, 7), (ASYNC, 3, 2)])
def test_a_number_that_is_cut_is_not_written(behind, index, at, count):
    driver, server = opened(behind, Ccw)
    assert write(driver, index, bytes(count), at) == "EINVAL"
    assert server.accesses == []


def test_bytes_are_written_as_they_are(behind):
    driver, server = opened(behind, Ccw)
    assert write(driver, IO, b"\xaa", 6) == "1"
    assert write(driver, IO, b"\xbb\xcc", 77) == "2"
    assert server.accesses == [(6, IO, 1), (77, IO, 2)]
    assert server.memory[IO][6] == 0xAA
    assert server.memory[IO][77:79] == b"\xbb\xcc"


@pytest.mark.parametrize("index", range(4))
def test_an_access_beyond_the_end_is_refused(behind, index):
    driver, server = opened(behind, Ccw)
    size = SIZES[index]
    for at, count in ((0, size + 1), (size - 1, 2), (size, 1), (1, size), (0, 100000)):
        assert driver.do("read", region(index) + at, count) == "EINVAL"
        assert write(driver, index, bytes(count), at) == "EINVAL"
    assert server.accesses == []


def test_what_only_tells_is_not_written(behind):
    driver, server = opened(behind, Ccw)
    assert write(driver, SCHIB, bytes(52)) == "EINVAL"
    assert write(driver, CRW, bytes(8)) == "EINVAL"
    assert server.accesses == []


# ---- servers that are not the kernel ----


def test_regions_of_another_size_are_passed_as_they_are(behind):
    class Other(Ccw):
        sizes = [4096, 9, 51, 16]

        def __init__(self, sock):
            super(Ccw, self).__init__(sock)
            self.memory = [bytearray(b"0123456789" * 410)[:size] for size in self.sizes]

    driver, server = opened(behind, Other)
    for index, size in enumerate(Other.sizes):
        assert read(driver, index, 0, size) == server.memory[index]
    assert write(driver, IO, bytes(range(200)), 1) == "200"
    assert server.memory[IO][1:201] == bytes(range(200))


def test_half_an_answer_ends_it(behind):
    class Half(Ccw):
        def region_read(self, message, kept):
            payload, _ = super().region_read(message, kept)
            offset, index, count = vu.ACCESS_S.unpack_from(payload)
            return vu.ACCESS_S.pack(offset, index, count // 2) + payload[16 : 16 + count // 2], []

    driver, _ = opened(behind, Half)
    assert read(driver, IO) == "EPROTO"
    assert read(driver, IO) == "ENODEV"


def test_errors_are_the_servers(behind):
    class Busy(Ccw):
        def region_write(self, message, kept):
            raise vu.Refused(16)

        def region_read(self, message, kept):
            raise vu.Refused(19)

    driver, _ = opened(behind, Busy)
    assert write(driver, IO, io_region(OWN, 0)) == "EBUSY"
    assert read(driver, IO) == "ENODEV"
