# SPDX-License-Identifier: LGPL-2.1-or-later
"""A model of vfio_ap, made from what is written about Linux 7.3's.

It differs from that on purpose in three things (doc/differences.md): a change of a guest's matrix is one
change, however it comes about, and told once; each queue that leaves a guest is reset; so are all queues
when a guest comes.
"""

from bitmask import BIT, bits, from_hex, number, text
from machine import CEX4, CHECKSTOPPED, DECONFIGURED, KINDS, NORMAL, Q_NOT_AVAIL

PASSABLE = (NORMAL, DECONFIGURED, CHECKSTOPPED)
CONFIG_LENGTH = 3 * (256 // 4 + 3)


class Matrix:
    """A mediated matrix while it is bound: what is assigned, and the shadow that a guest has."""

    def __init__(self):
        self.apm = self.aqm = self.adm = 0
        self.shadow_apm = self.shadow_aqm = self.shadow_adm = 0
        self.adding = (0, 0, 0)
        self.opened = False
        self.cut_off = False
        self.signals = 0

    def has(self, apqn):
        return bool(self.apm & BIT[apqn[0]] and self.aqm & BIT[apqn[1]])

    def gives(self, apqn):
        return bool(self.shadow_apm & BIT[apqn[0]] and self.shadow_aqm & BIT[apqn[1]])

    def shadow(self):
        return [(a, d) for a in bits(self.shadow_apm) for d in bits(self.shadow_aqm)]

    def update_guest(self):
        if self.opened:
            self.signals += 1


def pairs(apm, aqm):
    """As much of it as a page has room for."""
    if apm and aqm:
        return "".join(f"{a:02x}.{d:04x}\n" for a in bits(apm) for d in bits(aqm))[:4095]
    return "".join(f"{a:02x}.\n" for a in bits(apm)) + "".join(f".{d:04x}\n" for d in bits(aqm))


class VfioAp:
    """The module. @matrices has all mediated devices, None for one that is not bound."""

    def __init__(self, machine, limits):
        self.machine = machine
        self.max_adapter, self.max_domain = limits
        self.bus = None  # the other half, set by who makes both
        self.loaded = False
        self.info = (0, 0, 0)
        self.matrices = {}
        self.queues = {}  # bound: what the last reset came to

    def bound(self):
        return [m for m in self.matrices.values() if m]

    def holder(self, apqn):
        return next((m for m in self.bound() if m.has(apqn)), None)

    # ---- resets ----

    def reset(self, apqns):
        """Queues that are linked, which are those that are bound and assigned. Return: all well?"""
        well = True
        for apqn in apqns:
            if apqn in self.queues:
                self.queues[apqn] = self.machine.zapq(*apqn)
                well &= self.queues[apqn] == NORMAL
        return well

    def reset_all(self, m):
        return self.reset((a, d) for a in bits(m.apm) for d in bits(m.aqm))

    # ---- what guests have ----

    def give(self, m, apm, aqm, adm):
        """The guest gets this. It is told once, and what has left it is reset."""
        if (apm, aqm, adm) == (m.shadow_apm, m.shadow_aqm, m.shadow_adm):
            return
        before = m.shadow()
        m.shadow_apm, m.shadow_aqm, m.shadow_adm = apm, aqm, adm
        m.update_guest()
        self.reset(apqn for apqn in before if not m.gives(apqn))

    def filtered(self, m):
        """What it may have of what is assigned: the machine's, and of each adapter all or none."""
        apm, aqm = m.apm & self.info[0], m.aqm & self.info[1]
        for a in bits(apm):
            if any(self.queues.get((a, d), Q_NOT_AVAIL) not in PASSABLE for d in bits(aqm)):
                apm &= ~BIT[a]
        return apm, aqm

    def refilter(self, m):
        self.give(m, *self.filtered(m), m.shadow_adm)

    # ---- the bus's calls ----

    def probe_queue(self, apqn):
        self.queues[apqn] = NORMAL
        m = self.holder(apqn)
        if m and not m.adding[0] and not m.adding[1]:
            self.refilter(m)

    def remove_queue(self, apqn):
        del self.queues[apqn]
        m = self.holder(apqn)
        if m and m.gives(apqn):
            self.give(m, m.shadow_apm & ~BIT[apqn[0]], m.shadow_aqm, m.shadow_adm)

    def in_use(self, apm, aqm):
        return self.loaded and any(m.apm & apm and m.aqm & aqm for m in self.bound())

    def config_changed(self, now, before):
        if not self.loaded:
            return
        gone = [b & ~n for n, b in zip(now, before)]
        for m in self.bound():
            self.give(m, m.shadow_apm & ~gone[0], m.shadow_aqm & ~gone[1], m.shadow_adm & ~gone[2])
        came = [n & ~b for n, b in zip(now, before)]
        if any(came) and self.bound():
            came[0] = self.without_old_types(came[0], came[1])
            for m in self.bound():
                m.adding = m.apm & came[0], m.aqm & came[1], m.adm & came[2]
        self.info = now

    def without_old_types(self, apm, aqm):
        for a in bits(apm):
            for d in bits(aqm):
                if self.machine.tapq(a, d) == Q_NOT_AVAIL:
                    apm &= ~BIT[a]
                elif KINDS[self.machine.adapters[a].kind] < CEX4:
                    apm &= ~BIT[a]
        return apm

    def scan_complete(self):
        for m in self.bound() if self.loaded else ():
            if not any(m.adding):
                continue
            apm, aqm, adm = m.shadow_apm, m.shadow_aqm, m.shadow_adm
            if m.apm & m.adding[0] or m.aqm & m.adding[1]:
                apm, aqm = self.filtered(m)
            if m.adm & m.adding[2]:
                adm = m.adm & self.info[2]
            self.give(m, apm, aqm, adm)
            m.adding = (0, 0, 0)

    # ---- mediated devices ----

    def create(self, name):
        if not self.loaded:
            return "ENOENT"
        if name in self.matrices:
            return "EEXIST"
        self.matrices[name] = Matrix()
        return 0

    def release(self, name):
        m = self.matrices[name]
        if m:
            self.reset_all(m)
        self.matrices[name] = None

    def remove(self, name):
        if name not in self.matrices:
            return "ENOENT"
        self.release(name)
        del self.matrices[name]
        return 0

    def unbind(self, name):
        if not self.loaded:
            return "ENOENT"
        if not self.matrices.get(name):
            return "ENODEV"
        self.release(name)
        return 0

    def bind(self, name):
        if not self.loaded:
            return "ENOENT"
        if name not in self.matrices:
            return "ENODEV"
        if self.matrices[name]:
            return "EBUSY"
        self.matrices[name] = Matrix()
        return 0

    def load(self):
        if self.loaded:
            return "EEXIST"
        self.loaded = True
        self.info = self.machine.qci()
        self.bus.register("vfio_ap")
        return 0

    def unload(self):
        if not self.loaded:
            return "ENOENT"
        if any(m.opened for m in self.bound()):
            return "EBUSY"
        for name in list(self.matrices):
            self.remove(name)
        self.bus.unregister("vfio_ap")
        self.loaded = False
        return 0

    # ---- assigning ----

    def valid(self, m, apm, aqm):
        for a in bits(apm):
            for d in bits(aqm):
                if self.bus.owned_by_default(a, d):
                    return "EADDRNOTAVAIL"
        if any(other.apm & apm and other.aqm & aqm for other in self.bound() if other is not m):
            return "EADDRINUSE"
        return 0

    def numbered(self, m, string, limit):
        n = number(string)
        if isinstance(n, int) and n > limit:
            return "ENODEV"
        return n

    def assign(self, m, which, string):
        n = self.numbered(m, string, self.max_adapter if which == "apm" else self.max_domain)
        if isinstance(n, str):
            return n
        if getattr(m, which) & BIT[n]:
            return 0
        if which == "adm":
            m.adm |= BIT[n]
            self.give(m, m.shadow_apm, m.shadow_aqm, m.adm & self.info[2])
            return 0
        apm = m.apm | BIT[n] if which == "apm" else m.apm
        aqm = m.aqm | BIT[n] if which == "aqm" else m.aqm
        error = self.valid(m, apm, aqm)
        if error:
            return error
        m.apm, m.aqm = apm, aqm
        self.refilter(m)
        return 0

    def unassign(self, m, which, string):
        n = self.numbered(m, string, self.max_adapter if which == "apm" else self.max_domain)
        if isinstance(n, str):
            return n
        if not getattr(m, which) & BIT[n]:
            return 0
        shadow = [m.shadow_apm, m.shadow_aqm, m.shadow_adm]
        shadow[("apm", "aqm", "adm").index(which)] &= ~BIT[n]
        self.give(m, *shadow)
        setattr(m, which, getattr(m, which) & ~BIT[n])
        return 0

    def set_config(self, m, string):
        masks = string[:CONFIG_LENGTH].replace("\n", ",").split(",")[:3]
        masks = [from_hex(piece) for piece in masks]
        if len(masks) < 3 or None in masks:
            return "EINVAL"
        apm, aqm, adm = masks
        error = self.valid(m, apm, aqm)
        if error:
            return error
        if any(n > self.max_adapter for n in bits(apm)):
            return "ENODEV"
        if any(n > self.max_domain for n in bits(aqm) + bits(adm)):
            return "ENODEV"
        m.apm, m.aqm, m.adm = apm, aqm, adm
        self.give(m, *self.filtered(m), adm & self.info[2])
        return 0

    # ---- guests ----

    def open(self, m):
        self.reset_all(m)
        m.opened = True
        m.cut_off = False
        m.signals = 0

    def close(self, m):
        self.reset_all(m)
        m.opened = False

    def ask(self, m, apqn, count):
        """Requests that nobody takes the replies to. Return: the last response code."""
        codes = (self.machine.nqap(*apqn) if m.gives(apqn) else Q_NOT_AVAIL for _ in range(count))
        return next((code for code in codes if code), NORMAL)

    # ---- what is shown ----

    def status(self, apqn):
        m = self.holder(apqn)
        if not m:
            return "unassigned"
        return "in use" if m.opened and m.gives(apqn) else "assigned"

    def show(self, name):
        m = self.matrices[name]
        if not m:
            return "unbound"
        parts = (
            pairs(m.apm, m.aqm),
            "".join(f"{d:04x}\n" for d in bits(m.adm)),
            pairs(m.shadow_apm, m.shadow_aqm),
            ",".join(map(text, (m.apm, m.aqm, m.adm))) + "\n",
        )
        return ";".join(parts).replace("\n", ",")
