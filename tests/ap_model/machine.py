# SPDX-License-Identifier: LGPL-2.1-or-later
"""A model of the machine and of the AP bus, made from what is written about Linux 7.3's."""

from bitmask import BIT, FULL, bits, changed

NORMAL, Q_NOT_AVAIL, DECONFIGURED, CHECKSTOPPED, Q_FULL = 0, 1, 3, 4, 0x10

# Names of adapters, and the type that drivers match.
KINDS = {
    "CEX3A": 8, "CEX3C": 9,
    "CEX4A": 10, "CEX4C": 10, "CEX4P": 10,
    "CEX5A": 11, "CEX5C": 11, "CEX6P": 12, "CEX7C": 13, "CEX7P": 13, "CEX8A": 14, "CEX8P": 14,
}
CEX4 = 10
DEPTH = 8

DEFAULT = "cex4queue"
VFIO_AP = "vfio_ap"


class Adapter:
    """What is plugged into the machine."""

    def __init__(self, kind):
        self.kind = kind
        self.configured = True
        self.stopped = False
        self.stopped_queues = set()
        self.held = {}  # requests and replies by domain


class Machine:
    def __init__(self, usage, control):
        self.adapters = {}
        self.usage = usage
        self.control = control
        self.follows = True  # the control domains are the usage domains

    def qci(self):
        apm = 0
        for number in self.adapters:
            apm |= BIT[number]
        return apm, self.usage, self.control

    def tapq(self, card, domain):
        adapter = self.adapters.get(card)
        if not adapter or not self.usage & BIT[domain]:
            return Q_NOT_AVAIL
        if not adapter.configured:
            return DECONFIGURED
        if adapter.stopped or domain in adapter.stopped_queues:
            return CHECKSTOPPED
        return NORMAL

    def zapq(self, card, domain):
        code = self.tapq(card, domain)
        if code == NORMAL:
            self.adapters[card].held.pop(domain, None)
        return code

    def nqap(self, card, domain):
        code = self.tapq(card, domain)
        if code == NORMAL:
            held = self.adapters[card].held
            if held.get(domain, 0) == DEPTH:
                return Q_FULL
            held[domain] = held.get(domain, 0) + 1
        return code

    def is_empty(self, card, domain):
        return domain not in self.adapters[card].held

    def set_usage(self, usage):
        """A queue that goes takes its state along."""
        for adapter in self.adapters.values():
            for domain in bits(self.usage ^ usage):
                adapter.stopped_queues.discard(domain)
                adapter.held.pop(domain, None)
        self.usage = usage
        if self.follows:
            self.control = usage
        return 0

    def set_control(self, control):
        self.follows = False
        self.control = control
        return 0

    def plug(self, card, kind):
        if card in self.adapters:
            return "EEXIST"
        self.adapters[card] = Adapter(kind)
        return 0

    def unplug(self, card):
        return 0 if self.adapters.pop(card, None) else "ENODEV"

    def configure(self, card, on):
        adapter = self.adapters.get(card)
        if not adapter:
            return "ENODEV"
        if adapter.configured != on:
            adapter.held.clear()
        adapter.configured = on
        return 0

    def checkstop(self, card, on):
        adapter = self.adapters.get(card)
        if not adapter:
            return "ENODEV"
        if adapter.stopped != on:
            adapter.held.clear()
        adapter.stopped = on
        return 0

    def checkstop_queue(self, card, domain, on):
        adapter = self.adapters.get(card)
        if not adapter or not self.usage & BIT[domain]:
            return "ENODEV"
        if on != (domain in adapter.stopped_queues):
            adapter.held.pop(domain, None)
        if on:
            adapter.stopped_queues.add(domain)
        else:
            adapter.stopped_queues.discard(domain)
        return 0


class Device:
    """A card or queue as the last scan saw it."""

    def __init__(self, configured, stopped):
        self.configured = configured
        self.stopped = stopped
        self.driver = None

    def look(self):
        return f"{self.configured:d}{self.stopped:d}"


class Card(Device):
    def __init__(self, kind, configured, stopped):
        super().__init__(configured, stopped)
        self.kind = kind


class Queue(Device):
    def __init__(self, apqn, configured, stopped):
        super().__init__(configured, stopped)
        self.apqn = apqn
        self.override = None


class Bus:
    """The bus, the drivers of the host, and who may have which queue.

    Queues are kept in the order in which they came: it decides who is rebound first.
    """

    def __init__(self, machine, vfio):
        self.machine = machine
        self.vfio = vfio
        self.apm = self.aqm = FULL
        self.order = ()  # in which drivers were registered
        self.config = (0, 0, 0)
        self.cards = {}
        self.queues = {}
        self.zcrypt = False
        self.overrides = 0
        self.complete = True
        self.completions = 0

    # ---- binding ----

    def by_masks(self, card, domain):
        return bool(self.apm & BIT[card] and self.aqm & BIT[domain])

    def owned_by_default(self, card, domain):
        queue = self.queues.get((card, domain))
        if queue and queue.driver and queue.override:
            return queue.driver == DEFAULT
        return self.by_masks(card, domain)

    def may_probe(self, queue, driver):
        if queue.override:
            return queue.override == driver
        return self.by_masks(*queue.apqn) == (driver == DEFAULT)

    def probe(self, queue, driver):
        if not self.may_probe(queue, driver):
            return False
        self.complete = False
        queue.driver = driver
        if driver == VFIO_AP:
            self.vfio.probe_queue(queue.apqn)
        else:
            self.machine.zapq(*queue.apqn)
        return True

    def attach(self, queue):
        if not queue.driver:
            any(self.probe(queue, driver) for driver in self.order)

    def detach(self, queue):
        if queue.driver == VFIO_AP:
            self.vfio.remove_queue(queue.apqn)
        if queue.driver:
            self.machine.zapq(*queue.apqn)
        queue.driver = None

    def bind(self, apqn, driver):
        queue = self.queues.get(apqn)
        if driver not in self.order:
            return "ENOENT"
        # Whether they match is asked first, and an override is a part of that.
        if not queue or queue.override not in (None, driver):
            return "ENODEV"
        if queue.driver:
            return "EBUSY"
        return 0 if self.probe(queue, driver) else "ENODEV"

    def unbind(self, apqn, driver):
        queue = self.queues.get(apqn)
        if driver not in self.order:
            return "ENOENT"
        if not queue or queue.driver != driver:
            return "ENODEV"
        self.detach(queue)
        return 0

    def drivers_probe(self, apqn):
        queue = self.queues.get(apqn)
        if not queue:
            return "ENODEV"
        self.attach(queue)
        return 0

    def check_complete(self):
        if not self.complete and all(queue.driver for queue in self.queues.values()):
            self.complete = True
            self.completions += 1

    def register(self, driver):
        self.order += (driver,)
        for queue in list(self.queues.values()):
            if not queue.driver:
                self.probe(queue, driver)
        self.check_complete()

    def unregister(self, driver):
        for queue in list(self.queues.values()):
            if queue.driver == driver:
                self.detach(queue)
        self.order = tuple(name for name in self.order if name != driver)

    def load_zcrypt(self):
        if self.zcrypt:
            return "EEXIST"
        self.zcrypt = True
        for card in self.cards.values():
            self.complete = False
            card.driver = "cex4card"
        self.check_complete()
        self.register(DEFAULT)
        return 0

    def unload_zcrypt(self):
        if not self.zcrypt:
            return "ENOENT"
        self.zcrypt = False
        self.unregister(DEFAULT)
        for card in self.cards.values():
            card.driver = None
        return 0

    # ---- masks ----

    def override(self, apqn, name):
        queue = self.queues.get(apqn)
        if not queue:
            return "ENOENT"
        if self.apm != FULL or self.aqm != FULL:
            return "EINVAL"
        self.overrides += bool(name) - bool(queue.override)
        queue.override = name or None
        return 0

    def revise(self, before):
        """A queue without driver is tried when it has come to other drivers than @before."""
        for queue in list(self.queues.values()):
            had = queue.driver == DEFAULT if queue.driver else queue.apqn in before
            if self.by_masks(*queue.apqn) != had:
                self.detach(queue)
                self.attach(queue)

    def set_mask(self, which, string):
        if self.overrides:
            return "EINVAL"
        old = getattr(self, which)
        new = changed(string, old)
        if new is None:
            return "EINVAL"
        if new == old:
            return 0
        reserved = new & ~old
        other = (reserved, FULL) if which == "apm" else (FULL, reserved)
        if reserved and self.vfio.in_use(*other):
            return "EBUSY"
        before = {apqn for apqn in self.queues if self.by_masks(*apqn)}
        setattr(self, which, new)
        self.revise(before)
        return 0

    # ---- scanning ----

    def remove_queue(self, apqn):
        queue = self.queues.pop(apqn)
        self.overrides -= bool(queue.override)
        self.detach(queue)

    def remove_card(self, number):
        for apqn in [apqn for apqn in self.queues if apqn[0] == number]:
            self.remove_queue(apqn)
        del self.cards[number]

    def scan_adapter(self, number):
        card = self.cards.get(number)
        first = None
        if self.config[0] & BIT[number]:
            for domain in bits(self.config[1]):
                first = self.machine.tapq(number, domain)
                if first != Q_NOT_AVAIL:
                    break
                first = None
        if first is None:
            if card:
                self.remove_card(number)
            return
        kind = self.machine.adapters[number].kind
        if card and card.kind != kind:
            self.remove_card(number)
            card = None
        if card:
            card.stopped = first == CHECKSTOPPED
            card.configured = first != DECONFIGURED
        else:
            if KINDS[kind] < CEX4:
                return
            card = Card(kind, first != DECONFIGURED, first == CHECKSTOPPED)
            self.cards[number] = card
            if self.zcrypt:
                self.complete = False
                card.driver = "cex4card"
        for domain in range(256):
            self.scan_domain(number, domain)

    def scan_domain(self, number, domain):
        apqn = number, domain
        queue = self.queues.get(apqn)
        status = self.machine.tapq(number, domain) if self.config[1] & BIT[domain] else Q_NOT_AVAIL
        if status == Q_NOT_AVAIL:
            if queue:
                self.remove_queue(apqn)
            return
        configured, stopped = status != DECONFIGURED, status == CHECKSTOPPED
        if not queue:
            queue = self.queues[apqn] = Queue(apqn, configured, stopped)
            self.attach(queue)
        elif queue.stopped != stopped:  # one change at a time, this one first
            queue.stopped = stopped
        else:
            queue.configured = configured

    def scan(self):
        before, self.config = self.config, self.machine.qci()
        if self.config[0] & ~before[0] or self.config[1] & ~before[1]:
            self.complete = False
        if self.config != before:
            self.vfio.config_changed(self.config, before)
        for number in sorted(self.cards.keys() | set(bits(self.config[0]))):
            self.scan_adapter(number)
        if self.config != before:
            self.vfio.scan_complete()
        self.check_complete()
        return 0

    def configure_card(self, number, on):
        """The attribute of the card itself."""
        card = self.cards.get(number)
        if not card:
            return "ENOENT"
        if card.configured != on:
            if number not in self.machine.adapters:
                return "EIO"
            self.machine.configure(number, on)
        card.configured = on
        return 0
