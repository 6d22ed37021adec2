# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Runs commands and says which events of the kernel's are heard of each.

Input: lines of JSON, each an array of words. Output: for each a line of JSON, with "status",
"stderr" and "events": [{"sender": [pid, groups], "words": [...]}]. Knows nothing of umdev.
"""

import json
import socket
import subprocess
import sys

NETLINK_KOBJECT_UEVENT = 15
KERNEL_GROUP = 1


def heard(listener):
    """All that has arrived: a message is there when its sender goes on."""
    events = []
    while True:
        try:
            message, sender = listener.recvfrom(1 << 16, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return events
        words = message.decode().split("\0")
        events.append({"sender": sender, "words": words})


def main():
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_KOBJECT_UEVENT) as listener:
        listener.bind((0, KERNEL_GROUP))
        for line in sys.stdin:
            done = subprocess.run(json.loads(line), stderr=subprocess.PIPE, text=True)
            result = {"status": done.returncode, "stderr": done.stderr, "events": heard(listener)}
            print(json.dumps(result), flush=True)


main()
