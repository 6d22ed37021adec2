# SPDX-License-Identifier: LGPL-2.1-or-later
"""A small client of the door: what open() of a group's node and VFIO_GROUP_GET_DEVICE_FD become."""

import array
import os
import socket
import struct

import client as vu

VERSION, OPEN, DEVICE = 1, 1, 2
REQUEST = struct.Struct("<IIII256s")
REPLY = struct.Struct("<Ii")


class DoorError(OSError):
    """The door says no."""


class DoorClient:
    """One connection to the door."""

    def __init__(self, path, timeout=30):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.connect(path)
        self.sock.settimeout(timeout)
        self.group = None

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, command, group=0, access=os.O_RDWR, name=b"", version=VERSION, fds=()):
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.sock.sendmsg([REQUEST.pack(version, command, group, access, name)], ancillary)

    def receive(self):
        """(errno, descriptors)"""
        data, ancillary, _, _ = self.sock.recvmsg(4096, socket.CMSG_SPACE(16 * 4))
        if not data:
            raise vu.Closed()
        fds = array.array("i")
        for _, _, content in ancillary:
            fds.frombytes(content)
        version, error = REPLY.unpack(data)
        assert version == VERSION
        return error, list(fds)

    def call(self, command, *args, **kwargs):
        self.send(command, *args, **kwargs)
        error, fds = self.receive()
        if error:
            assert not fds
            raise DoorError(error, os.strerror(error))
        return fds

    def error(self, command, *args, **kwargs):
        """The errno of a request that has to fail."""
        self.send(command, *args, **kwargs)
        error, fds = self.receive()
        assert error and not fds, f"{command} succeeded"
        return error

    def open(self, group, access=os.O_RDWR):
        assert self.call(OPEN, group, access) == []
        self.group = group

    def device(self, name):
        """A vfio-user client of the device that has not said VERSION."""
        (fd,) = self.call(DEVICE, self.group, name=os.fsencode(name))
        return vu.Client(socket.socket(fileno=fd))

    def at_end(self):
        """Has the server hung up, with nothing more to read?"""
        try:
            return not self.sock.recv(1)
        except ConnectionResetError:
            return True
