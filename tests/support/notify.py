# SPDX-License-Identifier: LGPL-2.1-or-later
"""The socket on which a daemon tells its service manager how it is, as systemd has one."""

import os
import pathlib
import select
import socket
import time


class Notifications:
    """What a daemon has said, line by line, in messages."""

    def __init__(self, address):
        """@address: a path, or an abstract one with a NUL in front."""
        self.address = str(address)
        self.messages = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.address)
        if not self.is_abstract():
            os.chmod(self.address, 0o777)

    def is_abstract(self):
        return self.address.startswith("\0")

    def environment(self):
        """What the daemon needs to find it."""
        return {"NOTIFY_SOCKET": self.address.replace("\0", "@")}

    def wait_for(self, message, pid, timeout):
        """Wait until @pid, a child, has said @message. Return: False if it ended before. TimeoutError."""
        deadline = time.monotonic() + timeout
        pidfd = os.pidfd_open(pid)
        try:
            while message not in self.messages:
                left = max(0, deadline - time.monotonic())
                ready, _, _ = select.select([self.socket, pidfd], [], [], left)
                if self.socket in ready:
                    self.messages += self.socket.recv(4096).decode().splitlines()
                elif ready:
                    return False
                else:
                    raise TimeoutError(f"no {message} in {timeout} s")
        finally:
            os.close(pidfd)
        return True

    def close(self):
        self.socket.close()
        if not self.is_abstract():
            pathlib.Path(self.address).unlink(missing_ok=True)
