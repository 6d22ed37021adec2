# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random steps: most of them make sense now and then, some never."""

import random

from bitmask import mask, text
from machine import DEFAULT, KINDS, VFIO_AP

# How often, in parts of their sum.
WEIGHTS = {
    "plug": 7, "unplug": 3, "configure": 4, "checkstop": 3, "checkstop_queue": 3,
    "domains": 3, "control_domains": 3, "scan": 22, "card_config": 2,
    "mask": 16, "override": 5, "bind": 8, "unbind": 5, "drivers_probe": 6,
    "load": 4, "unload": 0.2,
    "create": 10, "remove": 1, "unbind_matrix": 0.5, "bind_matrix": 3,
    "assign": 40, "unassign": 10, "set_config": 6,
    "open": 12, "close": 4, "reset": 3, "ask": 16,
}

NO_NUMBERS = ["\n", "x", "-1", "4 ", "0x", "08", "4\n\n", "256", "0x100", "64", "16",
              "18446744073709551616", "+256"]
NO_MASKS = ["g", "0x" + "1" * 65, "+", "-", "+256", "+5-4", "+4,5", "+0x", "0x1 ", "1,+2", "+4-"]


class Steps:
    """@world is looked at to do what makes sense somewhat more often."""

    def __init__(self, world, seed):
        self.world = world
        self.universe = world.universe
        self.kinds = {}
        self.random = random.Random(seed)
        self.weights = {name: weight * self.random.choice([0.3, 1, 1, 2])
                        for name, weight in WEIGHTS.items()}
        # Masks and overrides exclude each other: those who use one hardly use the other.
        self.overrides = self.one_in(3)
        if self.overrides:
            self.weights["mask"] /= 4
            self.weights["override"] *= 6
            self.weights["bind"] *= 3
            self.weights["unbind"] *= 3

    def next(self):
        name, = self.random.choices(list(self.weights), self.weights.values())
        return (name, *getattr(self, "args_" + name)())

    def one_in(self, n):
        return self.random.randrange(n) == 0

    def card(self):
        return self.random.choice(self.universe.cards)

    def domain(self):
        return self.random.choice(self.universe.domains)

    def on(self):
        return self.one_in(2)

    def n(self):
        return self.random.randrange(len(self.universe.matrices))

    def n_that(self, suits):
        """Of a matrix that is like this, mostly, if there is one."""
        fitting = [n for n in range(len(self.universe.matrices))
                   if (m := self.world.matrix(n)) and suits(m)]
        return self.random.choice(fitting) if fitting and not self.one_in(6) else self.n()

    def queue(self):
        """One that is there, mostly."""
        there = list(self.world.bus.queues)
        if there and not self.one_in(6):
            return self.random.choice(there)
        return self.card(), self.domain()

    def some(self, numbers):
        """Some of them; often all, seldom none."""
        if self.one_in(2):
            return list(numbers)
        return [n for n in numbers if self.random.randrange(4)]

    def spelt(self, number):
        spellings = (str, hex, lambda n: f"0{n:o}", lambda n: f"+{n}", "0X{:X}".format)
        return self.random.choice(spellings)(number) + self.random.choice(["", "\n"])

    # ---- the machine ----

    def args_plug(self):
        """Often of the kind that was there before, which nobody can tell from it."""
        card = self.card()
        if self.one_in(3) or card not in self.kinds:
            self.kinds[card] = self.random.choice(list(KINDS))
        return card, self.kinds[card]

    def args_unplug(self):
        return (self.card(),)

    def args_configure(self):
        return self.card(), not self.one_in(3)

    args_checkstop = args_card_config = lambda self: (self.card(), self.one_in(3))

    def args_checkstop_queue(self):
        return self.card(), self.domain(), self.one_in(3)

    def args_domains(self):
        return (self.some(self.universe.domains),)

    def args_control_domains(self):
        return self.args_domains()

    # ---- the bus ----

    def args_scan(self):
        return ()

    def args_mask(self):
        which, numbers = self.random.choice(
            [("apm", self.universe.cards), ("aqm", self.universe.domains)])
        kind = self.random.randrange(16)
        if self.overrides and kind < 12:
            return which, "+0-255"
        if kind == 0:
            return which, self.random.choice(NO_MASKS)
        if kind == 1:
            return which, "0x" + "f" * 64 + "\n"
        if kind == 2:
            return which, self.random.choice(["0", "0x0\n", "0x", "\n", "0xfffff", "F" * 64])
        if kind == 3:
            return which, "+0-255"
        if kind == 4:
            return which, text(mask(self.some(numbers)))
        pieces = []
        for _ in range(self.random.choice([1, 1, 1, 2])):
            sign = self.random.choice("+--")
            first = self.random.choice(numbers)
            last = self.random.choice([first, first, self.random.choice(numbers)])
            pieces.append(sign + hex(first) + (f"-{last}" if last > first else ""))
        return which, ",".join(pieces) + self.random.choice(["", "\n"])

    def args_override(self):
        names = [VFIO_AP, VFIO_AP, VFIO_AP, VFIO_AP, "", DEFAULT, "nobody"]
        return *self.queue(), self.random.choice(names)

    def args_bind(self):
        return *self.queue(), self.random.choice([VFIO_AP, VFIO_AP, DEFAULT])

    args_unbind = args_bind

    def args_drivers_probe(self):
        return self.queue()

    def args_load(self):
        return (self.random.choice(["vfio_ap", "zcrypt_cex4"]),)

    args_unload = args_load

    # ---- mediated devices and guests ----

    def args_create(self):
        return (self.n(),)

    args_remove = args_unbind_matrix = args_bind_matrix = args_create

    def args_open(self):
        return (self.n_that(lambda m: not m.opened),)

    def args_close(self):
        return (self.n_that(lambda m: m.opened),)

    args_reset = args_close

    def args_assign(self):
        which, numbers = self.random.choice([("apm", self.universe.cards)] * 3 +
                                            [("aqm", self.universe.domains)] * 3 +
                                            [("adm", self.universe.domains)])
        if self.one_in(20):
            return self.n(), which, self.random.choice(NO_NUMBERS)
        return self.n_that(lambda m: True), which, self.spelt(self.random.choice(numbers))

    args_unassign = args_assign

    def args_ask(self):
        n = self.n_that(lambda m: m.opened and m.shadow())
        m = self.world.matrix(n)
        queues = m.shadow() if m else []
        if queues and not self.one_in(6):
            queue = self.random.choice(queues)
        else:
            queue = self.queue()
        return n, *queue, self.random.choice([1, 1, 1, 4, 9])

    def args_set_config(self):
        queues = [q.apqn for q in self.world.bus.queues.values() if q.driver == VFIO_AP]
        if self.overrides and queues and not self.one_in(3):
            card, domain = self.random.choice(queues)
            string = ",".join(text(mask([n])) for n in (card, domain, domain))
            return self.n_that(lambda m: True), string
        masks = [text(mask(n for n in numbers if self.one_in(3)))
                 for numbers in (self.universe.cards, self.universe.domains, self.universe.domains)]
        if self.one_in(5):
            masks[self.random.randrange(3)] = self.random.choice(
                ["", "x4", "0", "8", "0x", "ff" * 32, "0x" + "0" * 15 + "1", "q", "0" * 65])
        string = ",".join(masks)
        if self.one_in(10):
            string = self.random.choice([string.rsplit(",", 1)[0], string + ",", "\n",
                                         string + "\n\n", string + "\nmore", string + "0" * 80])
        return self.n_that(lambda m: True), string + self.random.choice(["", "\n"])
