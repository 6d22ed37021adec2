# SPDX-License-Identifier: LGPL-2.1-or-later
"""Threads that do things to a daemon at once."""

import collections
import random
import threading


class Work:
    """
    Threads that repeat their actions until somebody has reloaded modules often enough.

    @tolerating: a context in which what may happen to an action is no failure
    """

    def __init__(self, daemon, tolerating):
        self.daemon = daemon
        self.tolerating = tolerating
        self.done = collections.Counter()
        self.failures = []
        self.over = False
        self.progress = threading.Condition()

    def repeat(self, action, seed):
        rnd = random.Random(seed)
        try:
            while not self.over:
                with self.tolerating():
                    action(self.daemon, rnd)
                    with self.progress:
                        self.done[action.__name__] += 1
                        self.progress.notify_all()
        except BaseException as error:
            self.fail(action.__name__, repr(error))

    def fail(self, *what):
        with self.progress:
            self.failures.append(what)
            self.over = True
            self.progress.notify_all()

    def reload(self, names, done_between, timeout):
        """Each of these modules in its turn, with so many actions before."""
        try:
            for name in names:
                with self.progress:
                    wanted = self.done.total() + done_between
                    assert self.progress.wait_for(
                        lambda: self.over or self.done.total() >= wanted, timeout=timeout
                    ), "nothing gets on"
                # May be refused: the module can be in use.
                self.daemon.ask(command="rmmod", name=name)
                assert self.daemon.ask(command="modprobe", name=name)["ok"]
            self.over = True
        except BaseException as error:
            self.fail("reload", repr(error))

    def run(self, actions, reloads, done_between, timeout):
        """All @actions, one thread for each, while modules are reloaded; wait for the end."""
        threads = [threading.Thread(target=self.repeat, args=pair) for pair in zip(actions, range(99))]
        threads.append(threading.Thread(target=self.reload, args=(reloads, done_between, timeout)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
