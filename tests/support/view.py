# SPDX-License-Identifier: LGPL-2.1-or-later
"""The view of an instance of umdevd, from outside: `umdev exec`."""

import os
import subprocess

TIMEOUT = 30


def module_path(build):
    """All directories with modules of @build, as --module-path wants them."""
    drivers = sorted(str(path) for path in (build / "drivers").iterdir() if path.is_dir())
    return ":".join([str(build / "tests/modules"), *drivers])


class View:
    """
    Runs commands in the view of @daemon, as @user (None: whoever runs the tests).

    @build: of umdev, by a name that this user can reach
    """

    def __init__(self, daemon, build, user=None):
        self.daemon = daemon
        self.build = build
        self.umdev = build / "src/umdev/umdev"
        self.user = user

    def is_roots(self):
        return self.user is None and os.geteuid() == 0

    def as_user(self):
        """What makes subprocess run something as the user of the view, in a directory that is open to all."""
        if self.user is None:
            return {}
        return {"user": self.user, "group": self.user, "extra_groups": [], "cwd": "/"}

    def start(self, *args):
        """Start its daemon."""
        environment = {"UMDEV_MODULE_PATH": module_path(self.build)}
        self.daemon.program = self.build / "src/umdevd/umdevd"
        self.daemon.start(*args, env=environment, **self.as_user())
        return self

    def command(self, *command, net=None, options=()):
        options = [*options, *([f"--net={net}"] if net else [])]
        return [str(self.umdev), "exec", *options, "--", *map(str, command)]

    def environment(self, **more):
        return {**os.environ, "UMDEV_RUNTIME_DIR": str(self.daemon.runtime), **more}

    def popen(self, *command, net=None, options=(), env=None, **popen):
        return subprocess.Popen(
            self.command(*command, net=net, options=options),
            env=self.environment(**(env or {})),
            text=True,
            **{**self.as_user(), **popen},
        )

    def run(self, *command, net=None, options=(), env=None, check=True, **run):
        """Run a command in the view and return what subprocess.run() does."""
        result = subprocess.run(
            self.command(*command, net=net, options=options),
            env=self.environment(**(env or {})),
            **{"capture_output": True, "text": True, "timeout": TIMEOUT, **self.as_user(), **run},
        )
        assert not check or result.returncode == 0, (result.stderr, self.daemon.log())
        return result

    def control(self):
        """A connection to the control socket as the user of the view."""
        if self.user is None:
            return self.daemon.control()
        os.seteuid(self.user)
        try:
            return self.daemon.control()
        finally:
            os.seteuid(0)

    def sh(self, script, **run):
        """Run a shell's commands in the view, return what they print."""
        return self.run("sh", "-c", script, **run).stdout
