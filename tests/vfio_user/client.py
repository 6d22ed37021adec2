# SPDX-License-Identifier: LGPL-2.1-or-later
"""A small vfio-user client: all that a VMM does, and all that it should not do."""

import array
import collections
import json
import mmap
import os
import socket
import struct

VERSION, DMA_MAP, DMA_UNMAP, GET_INFO, GET_REGION_INFO, GET_REGION_IO_FDS = 1, 2, 3, 4, 5, 6
GET_IRQ_INFO, SET_IRQS, REGION_READ, REGION_WRITE, DMA_READ, DMA_WRITE = 7, 8, 9, 10, 11, 12
RESET, WRITE_MULTI, DEVICE_FEATURE, MIG_DATA_READ, MIG_DATA_WRITE = 13, 15, 16, 17, 18

COMMAND, REPLY, NO_REPLY, ERROR = 0x0, 0x1, 0x10, 0x20
HEADER = struct.Struct("<HHIII")
DMA_MAP_S = struct.Struct("<IIQQQ")
DMA_UNMAP_S = struct.Struct("<IIQQ")
INFO_S = struct.Struct("<IIII")
REGION_INFO_S = struct.Struct("<IIIIQQ")
IRQ_INFO_S = struct.Struct("<IIII")
IRQ_SET_S = struct.Struct("<IIIII")
ACCESS_S = struct.Struct("<QII")
DMA_ACCESS_S = struct.Struct("<QQ")
SMALL_WRITE_S = struct.Struct("<QII8s")

DATA_NONE, DATA_BOOL, DATA_EVENTFD, MASK, UNMASK, TRIGGER = 1, 2, 4, 8, 16, 32
INTX, MSI, MSIX, ERR, REQ = range(5)
READ, WRITE = 1, 2

# What QEMU 11.1 says first, and Cloud Hypervisor.
QEMU = {
    "capabilities": {
        "pgsizes": 4096,
        "max_msg_fds": 16,
        "max_dma_maps": 65535,
        "max_data_xfer_size": 1048576,
        "migration": {"max_bitmap_size": 268435456, "pgsize": 4096},
        "write_multiple": True,
    }
}
CLOUD_HYPERVISOR = {
    "capabilities": {"max_msg_fds": 1, "max_data_xfer_size": 1048576, "migration": {"pgsize": 4096}}
}

# A message that came: its fields and what came with it.
Message = collections.namedtuple("Message", "id command flags error payload fds")


def message(ident, command, payload=b"", flags=COMMAND, size=None, error=0):
    if size is None:
        size = HEADER.size + len(payload)
    return HEADER.pack(ident, command, size, flags, error) + payload


def version_payload(capabilities=QEMU, major=0, minor=0):
    text = capabilities
    if isinstance(capabilities, dict):
        text = json.dumps(capabilities).encode() + b"\0"
    return struct.pack("<HH", major, minor) + (text or b"")


class Closed(Exception):
    """The server has hung up."""


class VfioUserError(OSError):
    """An error reply."""


class GuestMemory:
    """A memory of the client's, of which parts are mapped for the device."""

    def __init__(self, size, shared=True):
        self.fd = os.memfd_create("guest") if shared else -1
        if shared:
            os.ftruncate(self.fd, size)
        self.map = mmap.mmap(self.fd, size)

    def close(self):
        self.map.close()
        if self.fd >= 0:
            os.close(self.fd)


class Client:
    """One connection. Replies are matched by their id; the server's own requests are answered while waiting."""

    def __init__(self, path, timeout=30):
        """@path: of the device's socket, or a connected socket."""
        if isinstance(path, socket.socket):
            self.sock = path
        else:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.connect(path)
        self.sock.settimeout(timeout)
        self.next_id = 1
        self.buffer = bytearray()
        self.fds = []
        self.replies = {}
        self.served = []
        # iova -> function(command, address, count, data) that answers the server's DMA; None: an error
        self.dma_handler = None

    def close(self):
        self.sock.close()
        for fd in self.fds:
            os.close(fd)
        self.fds = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- bytes ----

    def send_raw(self, data, fds=()):
        view = memoryview(data)
        ancillary = []
        if fds:
            ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
        while view:
            sent = self.sock.sendmsg([view], ancillary)
            ancillary = []
            view = view[sent:]

    def _fill(self, size):
        while len(self.buffer) < size:
            data, ancillary, _, _ = self.sock.recvmsg(1 << 20, socket.CMSG_SPACE(16 * 4))
            for level, kind, content in ancillary:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    got = array.array("i")
                    got.frombytes(content[: len(content) - len(content) % 4])
                    self.fds.extend(got)
            if not data:
                raise Closed()
            self.buffer += data

    def receive(self):
        """The next message, whatever it is."""
        self._fill(HEADER.size)
        ident, command, size, flags, error = HEADER.unpack_from(self.buffer)
        assert size >= HEADER.size, f"the server sent a message of {size} bytes"
        self._fill(size)
        payload = bytes(self.buffer[HEADER.size : size])
        del self.buffer[:size]
        fds, self.fds = self.fds, []
        return Message(ident, command, flags, error, payload, fds)

    def at_end(self):
        """Has the server hung up, with nothing more to read?"""
        try:
            self._fill(len(self.buffer) + 1)
        except (Closed, ConnectionResetError):
            return True
        return False

    # ---- requests ----

    def send(self, command, payload=b"", fds=(), flags=COMMAND, size=None, ident=None):
        if ident is None:
            ident = self.next_id
            self.next_id = (self.next_id + 1) & 0xFFFF
        self.send_raw(message(ident, command, payload, flags, size), fds)
        return ident

    def wait(self, ident):
        """The reply to a request that was sent; requests of the server's are answered meanwhile."""
        while ident not in self.replies:
            msg = self.receive()
            if msg.flags & 0xF == REPLY:
                assert msg.id not in self.replies, f"two replies to request {msg.id}"
                self.replies[msg.id] = msg
            else:
                self.serve(msg)
        return self.replies.pop(ident)

    def call(self, command, payload=b"", fds=(), size=None):
        """A request and its reply; an error reply is raised."""
        reply = self.wait(self.send(command, payload, fds, size=size))
        assert reply.command == command
        if reply.flags & ERROR:
            assert reply.flags == REPLY | ERROR
            assert not reply.payload and not reply.fds, "an error reply is a header only"
            raise VfioUserError(reply.error, os.strerror(reply.error))
        assert reply.flags == REPLY and reply.error == 0
        return reply

    def error(self, command, payload=b"", fds=(), size=None):
        """The errno of a request that has to fail."""
        try:
            reply = self.call(command, payload, fds, size)
        except VfioUserError as error:
            return error.errno
        raise AssertionError(f"command {command} was answered with {reply}")

    def serve(self, msg):
        """Answer a DMA request of the server's."""
        address, count = DMA_ACCESS_S.unpack_from(msg.payload)
        data = msg.payload[DMA_ACCESS_S.size :]
        self.served.append((msg.command, address, count))
        answer = self.dma_handler(msg.command, address, count, data) if self.dma_handler else None
        if answer is None:
            self.send_raw(message(msg.id, msg.command, b"", REPLY | ERROR, error=19))
        else:
            self.send_raw(message(msg.id, msg.command, msg.payload[: DMA_ACCESS_S.size] + answer, REPLY))

    def serve_from(self, memory, iova=0):
        """Answer DMA requests from a bytearray or mmap that lies at @iova."""

        def handler(command, address, count, data):
            start = address - iova
            if start < 0 or start + count > len(memory):
                return None
            if command == DMA_READ:
                return bytes(memory[start : start + count])
            memory[start : start + count] = data
            return b""

        self.dma_handler = handler

    # ---- commands ----

    def version(self, capabilities=QEMU, major=0, minor=0):
        reply = self.call(VERSION, version_payload(capabilities, major, minor))
        assert reply.payload[-1:] == b"\0"
        return (*struct.unpack_from("<HH", reply.payload), json.loads(reply.payload[4:-1]))

    def info(self, argsz=16):
        return INFO_S.unpack(self.call(GET_INFO, INFO_S.pack(argsz, 0, 0, 0)).payload)

    def region_info(self, index, argsz=32):
        """(fields, the bytes of the capabilities, descriptors)"""
        reply = self.call(GET_REGION_INFO, REGION_INFO_S.pack(argsz, 0, index, 0, 0, 0))
        return REGION_INFO_S.unpack_from(reply.payload), reply.payload[32:], reply.fds

    def irq_info(self, index, argsz=16):
        return IRQ_INFO_S.unpack(self.call(GET_IRQ_INFO, IRQ_INFO_S.pack(argsz, 0, index, 0)).payload)

    def set_irqs(self, flags, index, start, count, fds=(), data=b""):
        self.call(SET_IRQS, IRQ_SET_S.pack(20 + len(data), flags, index, start, count) + data, fds)

    def read(self, region, offset, count):
        reply = self.call(REGION_READ, ACCESS_S.pack(offset, region, count))
        assert ACCESS_S.unpack_from(reply.payload) == (offset, region, count)
        assert len(reply.payload) == 16 + count
        return reply.payload[16:]

    def write(self, region, offset, data):
        reply = self.call(REGION_WRITE, ACCESS_S.pack(offset, region, len(data)) + data)
        assert reply.payload == ACCESS_S.pack(offset, region, len(data))

    def post(self, region, offset, data):
        self.send(REGION_WRITE, ACCESS_S.pack(offset, region, len(data)) + data, flags=NO_REPLY)

    def read_reg(self, reg):
        return struct.unpack("<Q", self.read(0, reg, 8))[0]

    def write_reg(self, reg, value):
        self.write(0, reg, struct.pack("<Q", value))

    def post_reg(self, reg, value):
        self.post(0, reg, struct.pack("<Q", value))

    def dma_map(self, iova, size, fd=-1, offset=0, flags=READ | WRITE):
        payload = DMA_MAP_S.pack(32, flags, offset, iova, size)
        self.call(DMA_MAP, payload, [fd] if fd >= 0 else [])

    def dma_unmap(self, iova, size, flags=0):
        payload = DMA_UNMAP_S.pack(24, flags, iova, size)
        return DMA_UNMAP_S.unpack(self.call(DMA_UNMAP, payload).payload)

    def reset(self):
        assert self.call(RESET).payload == b""


# The registers of the test devices: enum reg of test_device.h.
REG_FIRST = 0x800
(
    REG_HANG, REG_SEQ, REG_SEQ_COUNT, REG_SEQ_ERRORS, REG_DMA_ADDR, REG_DMA_LEN, REG_DMA_COMMAND,
    REG_DMA_STATUS, REG_DMA_DONE, REG_TRIGGER, REG_INTX_LEVEL, REG_OPENS, REG_CLOSES, REG_RESETS,
    REG_FAIL_IO, REG_FAIL_INVAL, REG_PIN, REG_UNMAPS, REG_IRQ_CHANGES, REG_MSIX_ARMED,
) = range(0x800, 0x800 + 20 * 8, 8)
DMA_READ_GUEST, DMA_WRITE_GUEST, DMA_IN_THREAD, DMA_WAIT = 1, 2, 0x100, 0x200
BAR_SIZES = {0: 4096, 1: 65536, 2: 8192, 3: 4096, 4: 2 << 20, 5: 0, 6: 0, 7: 256, 8: 0}
