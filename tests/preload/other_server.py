#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
A vfio-user server that shares nothing with umdev's: other_server.py --socket-path=PATH [--no-twin] [--max-xfer=N]

One PCI device, for one client after the other:

- config space (256 bytes) with a working header and an MSI capability of four vectors
- BAR 0 (4 KiB): registers, see below; from 0x100 on plain memory
- BAR 2 (64 KiB): memory that can be mapped; the device's buffer for DMA
- INTx, four MSI vectors, ERR and REQ

It tells what it sees on standard output, one line each, when told to (--verbose).
"""
import argparse
import array
import collections
import json
import mmap
import os
import select
import socket
import struct
import sys
import threading

VERSION, DMA_MAP, DMA_UNMAP, GET_INFO, GET_REGION_INFO = 1, 2, 3, 4, 5
GET_IRQ_INFO, SET_IRQS, REGION_READ, REGION_WRITE, DMA_READ, DMA_WRITE, RESET = 7, 8, 9, 10, 11, 12, 13
COMMAND, REPLY, NO_REPLY, ERROR = 0x0, 0x1, 0x10, 0x20
HEADER = struct.Struct("<HHIII")
DMA_MAP_S = struct.Struct("<IIQQQ")
DMA_UNMAP_S = struct.Struct("<IIQQ")
INFO_S = struct.Struct("<IIII")
REGION_INFO_S = struct.Struct("<IIIIQQ")
IRQ_SET_S = struct.Struct("<IIIII")
ACCESS_S = struct.Struct("<QII")
DMA_S = struct.Struct("<QQ")
SPARSE_S = struct.Struct("<HHIII QQ")
EINVAL, EIO, ENOENT, ENOSYS, ENOTTY, EEXIST = 22, 5, 2, 38, 25, 17

# Registers of BAR 0, little-endian.
REG_ADDRESS, REG_COUNT = 0x00, 0x08  # u64: of the program's memory, bytes
REG_DMA = 0x10  # u32: FROM_PROGRAM or TO_PROGRAM (the buffer is BAR 2 from 0 on) and when
REG_STATUS = 0x14  # u32: how that ended, an errno; BUSY while it runs
REG_TRIGGER = 0x18  # u32: index << 16 | vector of an interrupt to raise
REG_DONE = 0x1C  # u32: how many DMA commands have ended
REG_MAPPINGS = 0x20  # u32: how many mappings the device knows
PLAIN = 0x100
FROM_PROGRAM, TO_PROGRAM = 1, 2
AT_ONCE, AFTER_REPLY, BESIDE = 0, 0x10, 0x20  # before the write is answered; then; from another thread
BUSY = 0xFFFF

BAR0_SIZE, BAR2_SIZE, CONFIG_SIZE = 4096, 65536, 256
REGIONS = {0: BAR0_SIZE, 2: BAR2_SIZE, 7: CONFIG_SIZE}
NR_REGIONS = 9
IRQS = [1, 4, 0, 1, 1]  # INTx, MSI, MSI-X, ERR, REQ
VENDOR, DEVICE = 0x7357, 0x0001

Message = collections.namedtuple("Message", "id command flags error payload fds")


class Closed(Exception):
    """The other side has hung up."""


class Refused(Exception):
    """An error reply: its errno."""


def pack(ident, command, payload=b"", flags=COMMAND, error=0, size=None):
    return HEADER.pack(ident, command, HEADER.size + len(payload) if size is None else size, flags, error) + payload


def send_all(sock, data, fds=()):
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    view = memoryview(data)
    while view:
        try:
            view = view[sock.sendmsg([view], ancillary) :]
        except (BrokenPipeError, ConnectionResetError):
            raise Closed() from None
        ancillary = []


class Channel:
    """Messages on a socket."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = bytearray()
        self.fds = []

    def _fill(self, size):
        while len(self.buffer) < size:
            try:
                data, ancillary, _, _ = self.sock.recvmsg(max(65536, size), socket.CMSG_SPACE(64))
            except ConnectionResetError:
                raise Closed() from None
            for level, kind, content in ancillary:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    got = array.array("i")
                    got.frombytes(content[: len(content) // 4 * 4])
                    self.fds.extend(got)
            if not data:
                raise Closed()
            self.buffer += data

    def receive(self):
        self._fill(HEADER.size)
        ident, command, size, flags, error = HEADER.unpack_from(self.buffer)
        if size < HEADER.size:
            raise Closed()
        self._fill(size)
        payload = bytes(self.buffer[HEADER.size : size])
        del self.buffer[:size]
        fds, self.fds = self.fds, []
        return Message(ident, command, flags, error, payload, fds)

    def send(self, data, fds=()):
        send_all(self.sock, data, fds)


class Mapping:
    """Memory of the program's; by descriptor (@fd) or by message."""

    def __init__(self, iova, size, flags, fd, offset):
        self.iova, self.size, self.flags = iova, size, flags
        self.map = None
        if fd is not None:
            prot = (mmap.PROT_READ if flags & 1 else 0) | (mmap.PROT_WRITE if flags & 2 else 0)
            self.map = mmap.mmap(fd, size, mmap.MAP_SHARED, prot, offset=offset)

    def close(self):
        if self.map:
            self.map.close()


def config_space():
    """(what is in it, which bits the client can change)"""
    config, writable = bytearray(CONFIG_SIZE), bytearray(CONFIG_SIZE)
    struct.pack_into("<HHHH", config, 0x00, VENDOR, DEVICE, 0, 0x0010)  # a list of capabilities
    struct.pack_into("<I", config, 0x08, 0xFF000001)
    struct.pack_into("<HH", config, 0x2C, VENDOR, DEVICE)
    config[0x34] = 0x40
    config[0x3D] = 1  # pin A
    struct.pack_into("<BBH", config, 0x40, 0x05, 0, 0x0084)  # MSI: 64 bits, four vectors
    struct.pack_into("<H", writable, 0x04, 0x0407)
    struct.pack_into("<I", writable, 0x10, ~(BAR0_SIZE - 1) & 0xFFFFFFFF)
    struct.pack_into("<I", writable, 0x18, ~(BAR2_SIZE - 1) & 0xFFFFFFFF)
    writable[0x3C] = 0xFF
    struct.pack_into("<HQH", writable, 0x42, 0x0071, 0xFFFFFFFFFFFFFFFC, 0xFFFF)
    return config, writable


class Session:
    """One client."""

    def __init__(self, sock, twin=True, max_xfer=1 << 20, say=None):
        self.main = Channel(sock)
        self.offers_twin = twin
        self.own_max_xfer = max_xfer
        self.say = say or (lambda text: None)
        self.max_xfer = max_xfer
        self.twin = None
        self.twin_lock = threading.Lock()
        self.lock = threading.Lock()  # of mappings and registers
        self.waiting = collections.deque()  # requests that came while a DMA reply was waited for
        self.mappings = {}
        self.eventfds = {}
        self.memory_fd = os.memfd_create("bar2")
        os.ftruncate(self.memory_fd, BAR2_SIZE)
        self.buffer = mmap.mmap(self.memory_fd, BAR2_SIZE)
        self.config, self.writable = config_space()
        self.bar0 = bytearray(BAR0_SIZE)
        self.later = []
        self.threads = []
        self.next_id = 1

    # ---- the session ----

    def run(self):
        try:
            while True:
                message = self.waiting.popleft() if self.waiting else self.main.receive()
                self.handle(message)
                while self.later:
                    self.dma(self.later.pop(0))
        except Closed:
            pass
        finally:
            self.close()

    def close(self):
        if self.twin:
            self.twin.sock.close()
        for thread in self.threads:
            thread.join()
        for mapping in self.mappings.values():
            mapping.close()
        for fd in self.eventfds.values():
            os.close(fd)
        self.buffer.close()
        os.close(self.memory_fd)
        self.main.sock.close()

    def handle(self, message):
        handler = self.handlers.get(message.command)
        payload, fds, error = b"", [], 0
        kept = []
        try:
            if message.flags & 0xF != COMMAND or not handler:
                raise Refused(ENOSYS)
            payload, fds = handler(self, message, kept)
        except Refused as refused:
            error = refused.args[0]
        except (struct.error, OSError, ValueError):
            error = EINVAL
        for fd in message.fds:
            if fd not in kept:
                os.close(fd)
        if message.flags & NO_REPLY:
            return
        flags = REPLY | (ERROR if error else 0)
        self.main.send(pack(message.id, message.command, b"" if error else payload, flags, error), fds)
        if message.command == VERSION:
            for fd in fds:
                os.close(fd)

    # ---- requests ----

    def version(self, message, _kept):
        major, _ = struct.unpack_from("<HH", message.payload)
        if major != 0:
            raise Refused(EINVAL)
        said = json.loads(message.payload[4:-1] or b"{}").get("capabilities", {})
        self.max_xfer = min(self.own_max_xfer, said.get("max_data_xfer_size", 1 << 20))
        answer = {"max_msg_fds": 8, "max_data_xfer_size": self.own_max_xfer}
        fds = []
        if self.offers_twin and said.get("twin_socket", {}).get("supported"):
            mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
            self.twin = Channel(mine)
            fds = [theirs.detach()]
            answer["twin_socket"] = {"supported": True, "fd_index": 0}
        text = json.dumps({"capabilities": answer}).encode() + b"\0"
        return struct.pack("<HH", 0, 0) + text, fds

    def dma_map(self, message, _kept):
        _, flags, offset, iova, size = DMA_MAP_S.unpack(message.payload)
        fd = message.fds[0] if message.fds else None
        with self.lock:
            if any(m.iova < iova + size and iova < m.iova + m.size for m in self.mappings.values()):
                raise Refused(EEXIST)
            self.mappings[iova] = Mapping(iova, size, flags, fd, offset)
        self.say(f"map {iova:#x} {size:#x} {flags} {'fd' if fd is not None else 'message'} {offset:#x}")
        return b"", []

    def dma_unmap(self, message, _kept):
        _, flags, iova, size = DMA_UNMAP_S.unpack(message.payload)
        with self.lock:
            if flags & 2:
                gone = list(self.mappings)
            elif iova in self.mappings and self.mappings[iova].size == size:
                gone = [iova]
            else:
                raise Refused(ENOENT)
            for at in gone:
                self.mappings.pop(at).close()
        self.say(f"unmap {iova:#x} {size:#x}")
        return message.payload, []

    def info(self, message, _kept):
        INFO_S.unpack_from(message.payload)
        return INFO_S.pack(16, 3, NR_REGIONS, len(IRQS)), []

    def region_info(self, message, _kept):
        argsz, _, index, _, _, _ = REGION_INFO_S.unpack_from(message.payload)
        if index >= NR_REGIONS:
            raise Refused(EINVAL)
        size = REGIONS.get(index, 0)
        if index != 2:
            return REGION_INFO_S.pack(32, 3 if size else 0, index, 0, size, 0), []
        sparse = SPARSE_S.pack(1, 1, 0, 1, 0, 0, BAR2_SIZE)
        full = REGION_INFO_S.size + len(sparse)
        if argsz < full:
            return REGION_INFO_S.pack(full, 0x7, index, 0, size, 0), []
        return REGION_INFO_S.pack(full, 0xF, index, 32, size, 0) + sparse, [self.memory_fd]

    def irq_info(self, message, _kept):
        _, _, index, _ = INFO_S.unpack_from(message.payload)
        if index >= len(IRQS):
            raise Refused(EINVAL)
        return INFO_S.pack(16, 1 if IRQS[index] else 0, index, IRQS[index]), []

    def set_irqs(self, message, kept):
        _, flags, index, start, count = IRQ_SET_S.unpack_from(message.payload)
        if index >= len(IRQS) or start + count > IRQS[index]:
            raise Refused(EINVAL)
        if flags == 0x24:  # eventfds to be triggered
            if message.fds and len(message.fds) != count:
                raise Refused(EINVAL)
            for i in range(count):
                self.disarm(index, start + i)
                if message.fds:
                    self.eventfds[index, start + i] = message.fds[i]
                    kept.append(message.fds[i])
        elif flags == 0x21 and count == 0:
            for vector in range(IRQS[index]):
                self.disarm(index, vector)
        elif flags == 0x21:
            for i in range(count):
                self.trigger(index, start + i)
        else:
            raise Refused(EINVAL)
        return b"", []

    def disarm(self, index, vector):
        fd = self.eventfds.pop((index, vector), None)
        if fd is not None:
            os.close(fd)

    def trigger(self, index, vector):
        fd = self.eventfds.get((index, vector))
        if fd is not None:
            os.eventfd_write(fd, 1)

    def area(self, message):
        offset, region, count = ACCESS_S.unpack_from(message.payload)
        size = REGIONS.get(region, 0)
        if count == 0 or count > self.max_xfer or offset + count > size:
            raise Refused(EINVAL)
        return {0: self.bar0, 2: self.buffer, 7: self.config}[region], offset, region, count

    def region_read(self, message, _kept):
        memory, offset, region, count = self.area(message)
        with self.lock:
            if region == 0:
                struct.pack_into("<I", self.bar0, REG_MAPPINGS, len(self.mappings))
            return message.payload[:16] + bytes(memory[offset : offset + count]), []

    def region_write(self, message, _kept):
        memory, offset, region, count = self.area(message)
        data = message.payload[16:]
        if len(data) != count:
            raise Refused(EINVAL)
        with self.lock:
            if region == 7:
                for i, byte in enumerate(data, offset):
                    mask = self.writable[i]
                    self.config[i] = self.config[i] & ~mask & 0xFF | byte & mask
            else:
                memory[offset : offset + count] = data
        if region == 0 and count == 4 and offset == REG_DMA:
            self.start_dma(struct.unpack("<I", data)[0])
        elif region == 0 and count == 4 and offset == REG_TRIGGER:
            value = struct.unpack("<I", data)[0]
            self.trigger(value >> 16, value & 0xFFFF)
        return message.payload[:16], []

    def reset(self, message, _kept):
        with self.lock:
            self.bar0[:] = bytes(BAR0_SIZE)
            self.buffer[:] = bytes(BAR2_SIZE)
        return b"", []

    handlers = {
        VERSION: version, DMA_MAP: dma_map, DMA_UNMAP: dma_unmap, GET_INFO: info,
        GET_REGION_INFO: region_info, GET_IRQ_INFO: irq_info, SET_IRQS: set_irqs,
        REGION_READ: region_read, REGION_WRITE: region_write, RESET: reset,
    }

    # ---- DMA ----

    def start_dma(self, command):
        struct.pack_into("<I", self.bar0, REG_STATUS, BUSY)
        if command & BESIDE and self.twin:
            thread = threading.Thread(target=self.dma, args=(command,))
            self.threads.append(thread)
            thread.start()
        elif command & (AFTER_REPLY | BESIDE):
            self.later.append(command)
        else:
            self.dma(command)

    def dma(self, command):
        with self.lock:
            address, count = struct.unpack_from("<QQ", self.bar0, REG_ADDRESS)
        status = 0
        try:
            count = min(count, BAR2_SIZE)
            if command & FROM_PROGRAM:
                self.buffer[:count] = self.read_program(address, count)
            else:
                self.write_program(address, self.buffer[:count])
        except Refused as refused:
            status = refused.args[0]
        except Closed:
            status = EIO
        with self.lock:
            done = struct.unpack_from("<I", self.bar0, REG_DONE)[0]
            struct.pack_into("<I", self.bar0, REG_DONE, done + 1)
            struct.pack_into("<I", self.bar0, REG_STATUS, status)
        self.trigger(0, 0)

    def mapped(self, address, count, flag):
        """The memory behind a descriptor, or None: by message."""
        with self.lock:
            for m in self.mappings.values():
                if m.iova <= address and address + count <= m.iova + m.size:
                    if not m.flags & flag:
                        raise Refused(EINVAL)
                    return (m.map, address - m.iova) if m.map else None
        raise Refused(ENOENT)

    def read_program(self, address, count):
        found = self.mapped(address, count, 1)
        if found:
            return found[0][found[1] : found[1] + count]
        data = b""
        while len(data) < count:
            n = min(count - len(data), self.max_xfer)
            data += self.ask(DMA_READ, DMA_S.pack(address + len(data), n))[16:]
        return data

    def write_program(self, address, data):
        found = self.mapped(address, len(data), 2)
        if found:
            found[0][found[1] : found[1] + len(data)] = data
            return
        for at in range(0, len(data), self.max_xfer):
            part = data[at : at + self.max_xfer]
            self.ask(DMA_WRITE, DMA_S.pack(address + at, len(part)) + part)

    def ask(self, command, payload):
        """A request of the device's and its reply."""
        with self.twin_lock:
            channel = self.twin or self.main
            ident = self.next_id
            self.next_id = self.next_id + 1 & 0xFFFF
            channel.send(pack(ident, command, payload))
            while True:
                message = channel.receive()
                if message.flags & 0xF == REPLY:
                    break
                self.waiting.append(message)
        if message.id != ident or message.command != command:
            raise Closed()
        if message.flags & ERROR:
            raise Refused(message.error)
        return message.payload


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[1])
    parser.add_argument("--socket-path", required=True)
    parser.add_argument("--no-twin", action="store_true")
    parser.add_argument("--max-xfer", type=int, default=1 << 20)
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()

    def say(text):
        if args.verbose:
            print(text, flush=True)

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(args.socket_path)
        listener.listen(1)
        print("ready", flush=True)
        # Whoever started it is gone when standard input ends.
        while listener in select.select([listener, sys.stdin], [], [])[0]:
            sock, _ = listener.accept()
            say("connected")
            Session(sock, not args.no_twin, args.max_xfer, say).run()
            say("disconnected")
    os.unlink(args.socket_path)


if __name__ == "__main__":
    main()
