# SPDX-License-Identifier: LGPL-2.1-or-later
"""Commands in an instance's view of the machine, with the tools of one Debian."""

import os
import subprocess

TIMEOUT = 60


class View:
    def __init__(self, daemon, release, *options, prefix=()):
        """@options: of `umdev exec`; @prefix: a command that runs it, as setpriv(1)."""
        self.daemon = daemon
        self.release = release
        self.umdev = release.build / "src/umdev/umdev"
        self.options = options
        self.prefix = prefix

    def argv(self, *argv, options=()):
        begin = [*self.prefix, self.umdev, "exec", *self.options, *options, "--"]
        return [str(word) for word in [*begin, *self.release.command(*argv)]]

    def popen(self, *argv, options=(), env=None, **popen):
        environment = {**os.environ, "UMDEV_RUNTIME_DIR": str(self.daemon.runtime), **(env or {})}
        return subprocess.Popen(self.argv(*argv, options=options), env=environment, text=True, **popen)

    def run(self, *argv, check=True, timeout=TIMEOUT, input="", **popen):
        """Run it to its end. Return: what subprocess.run() does."""
        pipes = {name: subprocess.PIPE for name in ("stdin", "stdout", "stderr")}
        with self.popen(*argv, **{**pipes, **popen}) as process:
            try:
                out, err = process.communicate(input, timeout=timeout)
            except BaseException:
                process.kill()
                raise
        done = subprocess.CompletedProcess(argv, process.returncode, out, err)
        assert not check or done.returncode == 0, f"{argv}: {done}\n{self.daemon.log()}"
        return done
