# SPDX-License-Identifier: LGPL-2.1-or-later
"""All of the model, the steps that can be done to it, and what is to be seen after each.

A step is a tuple of its name and texts, numbers and lists, so that it can be written down and done
again. Each is done twice: here, and by the driver, to which it is a line of text.
"""

from bitmask import mask, text
from machine import DEFAULT, Q_NOT_AVAIL, Bus, Machine
from passthrough import VfioAp

FIRMWARE = "/firmware/ap/"
AP = "/bus/ap/"
MDEV = "/bus/mdev/"
TYPE = "/devices/vfio_ap/matrix/mdev_supported_types/vfio_ap-passthrough/"
ROOT = "/devices/ap/"


class Universe:
    """The numbers that steps are about, and what the machine is like. @apxa: has it the extension?"""

    def __init__(self, apxa=True):
        self.apxa = apxa
        self.cards = [4, 5, 0x0A, 0xFF] if apxa else [4, 5, 0x0A, 0x3F]
        self.domains = [4, 6, 0x47, 0xFF] if apxa else [0, 4, 6, 0xF]
        self.limits = (255, 255) if apxa else (63, 15)
        self.matrices = [f"83b8f4f2-509f-382f-3c1e-e6bfe0fa100{n}" for n in range(3)]
        self.apqns = [(card, domain) for card in self.cards for domain in self.domains]

    def parameters(self):
        domains = ",".join(map(str, self.domains))
        cards = ",".join(f"{card:02x}:CEX8P" for card in self.cards[:3])
        return f"cards={cards} domains={domains} apxa={self.apxa:d} announce=0 reset_ms=0"


def name_of(apqn):
    return f"{apqn[0]:02x}.{apqn[1]:04x}"


def write(path, string):
    return "w " + path + " " + string.replace("\\", "\\\\").replace("\n", "\\n")


class World:
    def __init__(self, universe):
        self.universe = universe
        usage = mask(universe.domains)
        self.machine = Machine(usage, usage)
        self.vfio = VfioAp(self.machine, universe.limits)
        self.bus = self.vfio.bus = Bus(self.machine, self.vfio)
        for card in universe.cards[:3]:
            self.machine.plug(card, "CEX8P")
        self.bus.load_zcrypt()
        self.vfio.load()
        self.bus.scan()
        self.bus.complete, self.bus.completions = True, 0

    def do(self, step):
        """Return: the driver's line, and what it is to say (0 or the name of an error)."""
        return getattr(self, "do_" + step[0])(*step[1:])

    # ---- the machine ----

    def do_plug(self, card, kind):
        return write(FIRMWARE + "plug", f"{card:02x}:{kind}"), self.machine.plug(card, kind)

    def do_unplug(self, card):
        return write(FIRMWARE + "unplug", f"{card:02x}"), self.machine.unplug(card)

    def do_configure(self, card, on):
        line = write(FIRMWARE + "config", f"{card:02x} {'on' if on else 'off'}")
        return line, self.machine.configure(card, on)

    def do_checkstop(self, card, on):
        line = write(FIRMWARE + "checkstop", f"{card:02x} {'on' if on else 'off'}")
        return line, self.machine.checkstop(card, on)

    def do_checkstop_queue(self, card, domain, on):
        queue = name_of((card, domain))
        line = write(FIRMWARE + "checkstop", f"{queue} {'on' if on else 'off'}")
        return line, self.machine.checkstop_queue(card, domain, on)

    def do_domains(self, numbers):
        return write(FIRMWARE + "domains", ",".join(map(str, numbers)) + "\n"), \
            self.machine.set_usage(mask(numbers))

    def do_control_domains(self, numbers):
        return write(FIRMWARE + "control_domains", ",".join(map(str, numbers)) + "\n"), \
            self.machine.set_control(mask(numbers))

    # ---- the bus ----

    def do_scan(self):
        return write(AP + "scans", "1"), self.bus.scan()

    def do_card_config(self, card, on):
        return write(ROOT + f"card{card:02x}/config", f"{on:d}\n"), \
            self.bus.configure_card(card, bool(on))

    def do_mask(self, which, string):
        return write(AP + which.replace("m", "mask"), string), self.bus.set_mask(which, string)

    def do_override(self, card, domain, name):
        queue = ROOT + f"card{card:02x}/" + name_of((card, domain))
        return write(queue + "/driver_override", name + "\n"), \
            self.bus.override((card, domain), name)

    def do_bind(self, card, domain, driver):
        return write(AP + f"drivers/{driver}/bind", name_of((card, domain))), \
            self.bus.bind((card, domain), driver)

    def do_unbind(self, card, domain, driver):
        return write(AP + f"drivers/{driver}/unbind", name_of((card, domain))), \
            self.bus.unbind((card, domain), driver)

    def do_drivers_probe(self, card, domain):
        return write(AP + "drivers_probe", name_of((card, domain))), \
            self.bus.drivers_probe((card, domain))

    def do_load(self, module):
        model = self.vfio.load if module == "vfio_ap" else self.bus.load_zcrypt
        return f"load {module}", model()

    def do_unload(self, module):
        model = self.vfio.unload if module == "vfio_ap" else self.bus.unload_zcrypt
        return f"unload {module}", model()

    # ---- mediated devices ----

    def matrix(self, n):
        return self.vfio.matrices.get(self.universe.matrices[n])

    def do_create(self, n):
        return write(TYPE + "create", self.universe.matrices[n]), \
            self.vfio.create(self.universe.matrices[n])

    def do_remove(self, n):
        """A guest that has it is asked to let go, and does."""
        m = self.matrix(n)
        if m and m.opened:
            m.update_guest()
            self.vfio.close(m)
            line = f"drop {n}"
        else:
            line = write(MDEV + f"devices/{self.universe.matrices[n]}/remove", "1")
        return line, self.vfio.remove(self.universe.matrices[n])

    def do_unbind_matrix(self, n):
        m = self.matrix(n)
        if m and m.opened:
            return self.do_close(n)
        return write(MDEV + "drivers/vfio_ap_mdev/unbind", self.universe.matrices[n]), \
            self.vfio.unbind(self.universe.matrices[n])

    def do_bind_matrix(self, n):
        return write(MDEV + "drivers/vfio_ap_mdev/bind", self.universe.matrices[n]), \
            self.vfio.bind(self.universe.matrices[n])

    ATTRIBUTES = {"apm": "adapter", "aqm": "domain", "adm": "control_domain"}

    def on_matrix(self, n, attribute, string, model):
        m = self.matrix(n)
        line = write(MDEV + f"devices/{self.universe.matrices[n]}/{attribute}", string)
        return line, model(m) if m else "ENOENT"

    def do_assign(self, n, which, string):
        return self.on_matrix(n, "assign_" + self.ATTRIBUTES[which], string,
                              lambda m: self.vfio.assign(m, which, string))

    def do_unassign(self, n, which, string):
        return self.on_matrix(n, "unassign_" + self.ATTRIBUTES[which], string,
                              lambda m: self.vfio.unassign(m, which, string))

    def do_set_config(self, n, string):
        return self.on_matrix(n, "ap_config", string, lambda m: self.vfio.set_config(m, string))

    # ---- guests ----

    def do_open(self, n):
        m = self.matrix(n)
        if not m:
            return f"open {n}", "ENODEV"
        if m.opened:
            return f"open {n}", "EBUSY"
        self.vfio.open(m)
        return f"open {n}", 0

    def do_close(self, n):
        m = self.matrix(n)
        if not m or not m.opened:
            return f"close {n}", "EBADF"
        self.vfio.close(m)
        return f"close {n}", 0

    def do_reset(self, n):
        m = self.matrix(n)
        if not m or not m.opened:
            return f"reset {n}", "EBADF"
        return f"reset {n}", 0 if self.vfio.reset_all(m) else "EIO"

    def do_ask(self, n, card, domain, count):
        m = self.matrix(n)
        line = f"ask {n} {name_of((card, domain))} {count}"
        if not m or not m.opened:
            return line, "EBADF"
        return line, f"response {self.vfio.ask(m, (card, domain), count):x}"

    # ---- what is to be seen ----

    def show_card(self, number):
        card = self.bus.cards.get(number)
        return f"{card.driver or '-'} {card.look()}" if card else "-"

    def show_queue(self, apqn):
        queue = self.bus.queues.get(apqn)
        if not queue:
            return "-"
        status = self.vfio.status(apqn) if queue.driver == "vfio_ap" else "-"
        return f"{queue.driver or '-'} {status} {queue.look()} {queue.override or ''}"

    def show_guest(self, n):
        m = self.matrix(n)
        if not m or not m.opened:
            return "-"
        reach = "".join(f"{self.machine.tapq(*q) if m.gives(q) else 1:x}"
                        for q in self.universe.apqns)
        return f"{m.signals} {reach}"

    def show_machine(self):
        """Does each queue work, and is there anything in it?"""
        return "".join(
            f"{code:x}{'e' if self.machine.is_empty(*q) else 'f'}" if code != Q_NOT_AVAIL else "--"
            for q in self.universe.apqns for code in [self.machine.tapq(*q)])

    def show(self):
        """As the driver shows it."""
        queues = self.bus.queues.values()
        bound = sum(queue.driver is not None for queue in queues)
        complete = " (complete)" if bound == len(queues) else ""
        parts = [text(self.bus.apm), text(self.bus.aqm), f"{bound}/{len(queues)}{complete}",
                 str(self.bus.completions), self.show_machine()]
        parts += map(self.show_card, self.universe.cards)
        parts += map(self.show_queue, self.universe.apqns)
        for n, name in enumerate(self.universe.matrices):
            parts.append(self.vfio.show(name) if name in self.vfio.matrices else "-")
            parts.append(self.show_guest(n))
        return "|".join(parts)

    def broken_property(self):
        """What must never be: a text, or None."""
        owner = {}
        for name, m in self.vfio.matrices.items():
            for apqn in m.shadow() if m else ():
                if apqn in owner:
                    return f"{name_of(apqn)} is in two guests' matrices: {owner[apqn]}, {name}"
                owner[apqn] = name
                queue = self.bus.queues.get(apqn)
                if queue and queue.driver == DEFAULT:
                    return f"{name_of(apqn)} is in {name}'s guest's matrix and a default driver's"
        return None
