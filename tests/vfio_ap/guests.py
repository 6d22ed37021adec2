# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine with crypto adapters that are vfio_ap's, matrices, and guests that have them."""

import json
import os
import pathlib
import select
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "vfio_user"))
import client as vu  # noqa: E402,F401

UUID = "62177883-f1bb-47f0-914d-32a22e3a8804"
OTHER = "62177883-f1bb-47f0-914d-32a22e3a8805"
HANG_LIMIT = 30


class Machine:
    """@view: in which it is, its daemon not started yet."""

    def __init__(self, view, cards="04:CEX8P,05:CEX8A,06:CEX8C", window=None, **params):
        self.view = view
        self.daemon = view.daemon
        view.start()
        params = {"domains": "4,0x47", "apmask": "0x0", "aqmask": "0x0", **params}
        self.umdev("modprobe", "ap", f"cards={cards}", *[f"{key}={value}" for key, value in params.items()])
        self.umdev("modprobe", "vfio_ap", *([] if window is None else [f"window={window}"]))

    def umdev(self, *args, check=True, **run):
        """As the user whose machine it is."""
        done = subprocess.run(
            [str(self.view.umdev), *map(str, args)],
            env=self.view.environment(),
            **{"capture_output": True, "text": True, "timeout": HANG_LIMIT, **self.view.as_user(), **run},
        )
        assert not check or done.returncode == 0, (done.stderr, self.daemon.log())
        return done

    def write(self, path, text):
        """An attribute below /sys of the instance."""
        done = self.view.run("sh", "-c", f"printf %s '{text}' > /sys/{path}", check=False)
        assert done.returncode == 0, done.stderr

    def read(self, path):
        return self.view.run("cat", f"/sys/{path}").stdout

    def matrix(self, uuid=UUID, adapters=(4, 6), domains=(4, 0x47), control=(4,)):
        self.umdev("create", "matrix", "vfio_ap-passthrough", uuid)
        for name, numbers in (("adapter", adapters), ("domain", domains), ("control_domain", control)):
            for number in numbers:
                self.assign(name, number, uuid)
        return uuid

    def assign(self, what, number, uuid=UUID):
        self.write(f"bus/mdev/devices/{uuid}/assign_{what}", number)

    def unassign(self, what, number, uuid=UUID):
        self.write(f"bus/mdev/devices/{uuid}/unassign_{what}", number)

    def guest_matrix(self, uuid=UUID):
        return self.read(f"bus/mdev/devices/{uuid}/guest_matrix").split()

    def queue_status(self, queue):
        return self.read(f"bus/ap/devices/{queue}/status").strip()

    def wait_for_status(self, queue, status):
        """A connection that was closed here is over there a little later."""
        end = time.monotonic() + HANG_LIMIT
        while self.queue_status(queue) != status:
            assert time.monotonic() < end, self.queue_status(queue)

    def socket(self, uuid=UUID):
        """Of the device's vfio-user server."""
        return next((self.daemon.sys / f"bus/mdev/devices/{uuid}/vfio-dev").iterdir()).joinpath("socket").read_text().strip()


class Guest:
    """`umdev ap guest --json` in the background; its events are read one by one."""

    def __init__(self, machine, *args, uuid=UUID, json_output=True):
        self.process = subprocess.Popen(
            [str(machine.view.umdev), "ap", "guest", *(["--json"] if json_output else []), *args, uuid],
            env=machine.view.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **machine.view.as_user(),
        )
        self.json_output = json_output
        self.rest = b""

    def line(self):
        """The next line, None at the end."""
        end = time.monotonic() + HANG_LIMIT
        while b"\n" not in self.rest:
            left = end - time.monotonic()
            assert left > 0 and select.select([self.process.stdout], [], [], left)[0], "nothing is said"
            got = os.read(self.process.stdout.fileno(), 65536)
            if not got:
                return None
            self.rest += got
        line, _, self.rest = self.rest.partition(b"\n")
        return line.decode()

    def event(self, kind):
        """The next one, which has to be of this kind."""
        line = self.line()
        assert line is not None, self.process.stderr.read().decode()
        event = json.loads(line)
        assert event["event"] == kind, event
        return event

    def say(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def end(self):
        """Return: its exit status."""
        self.process.stdin.close()
        status = self.process.wait(HANG_LIMIT)
        self.process.stdout.close()
        self.process.stderr.close()
        return status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            try:
                stream.close()
            except BrokenPipeError:
                pass
