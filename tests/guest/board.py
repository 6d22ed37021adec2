# SPDX-License-Identifier: LGPL-2.1-or-later
"""
An Arm machine of QEMU 7.2 with a host's platform devices on its platform bus, and the firmware of
firmware/ in it, which does with them what it is told at the console.
"""
import json
import re
import subprocess
import types

import lab

MEMORY = "64M"
RAM = 0x41000000  # where nobody else has put anything

# What a host has for boards. The second card has memory, too.
CARDS = ["fff50000.ethernet", "fff60000.ethernet"]
ENGINE = "10000000.dma-controller"
UART = "20000000.serial"
CLOCK = "30000000.rtc"

TREE = """
/dts-v1/;
/ {
	#address-cells = <1>;
	#size-cells = <1>;
	compatible = "umdev,board";

	ethernet@fff50000 {
		compatible = "calxeda,hb-xgmac";
		reg = <0xfff50000 0x1000>;
		interrupts = <77 4>, <78 4>, <79 4>;
		interrupt-parent = <&lines>;
	};

	ethernet@fff60000 {
		compatible = "calxeda,hb-xgmac";
		reg = <0xfff60000 0x1000>, <0xfff70000 0x1000>;
		interrupts = <80 4>, <81 4>, <82 4>;
		interrupt-parent = <&lines>;
	};

	dma-controller@10000000 {
		compatible = "umdev,dmac-1.0";
		reg = <0x10000000 0x1000>, <0x10001000 0x1000>;
		interrupts = <10 4>, <11 1>;
		interrupt-parent = <&lines>;
	};

	serial@20000000 {
		compatible = "arm,pl011", "arm,primecell";
		reg = <0x20000000 0x1000>;
		interrupts = <20 4>;
		interrupt-parent = <&lines>;
	};

	rtc@30000000 {
		compatible = "arm,pl031", "arm,primecell";
		reg = <0x30000000 0x1000>;
		interrupts = <30 4>;
		interrupt-parent = <&lines>;
	};

	lines: interrupt-controller {
		interrupt-controller;
		#interrupt-cells = <2>;
	};
};
"""


def numbers(header, prefix):
    """The numbers that a @header of C defines, by their names without @prefix."""
    found = re.findall(rf"^#define {prefix}(\w+)\s+(0x[0-9a-f]+|\d+)", (lab.ROOT / header).read_text(), re.M)
    return types.SimpleNamespace(**{name: int(value, 0) for name, value in found})


def firmware():
    return lab.build_dir() / "tests" / "guest" / "firmware" / "firmware.bin"


class BoardHost(lab.Host):
    """A host with the devices above, which its vfio_platform has."""

    def __init__(self):
        modules = [lab.build_dir() / "tests" / "modules", *sorted((lab.build_dir() / "drivers").iterdir())]
        super().__init__(modules=":".join(str(path) for path in modules if path.is_dir()))
        blob = self.dir / "board.dtb"
        subprocess.run(["dtc", "-q", "-o", blob], input=TREE, text=True, check=True)
        self.load = f"platform,dtb={blob}"

    def start(self):
        super().start()
        for module in ("xgmac", "vfio_platform"):
            self.run("modprobe", module)
        for name in [*CARDS, ENGINE, UART, CLOCK]:
            # Whoever has it: the daemon loads usual drivers by itself.
            self.run("bind", "--rebind", name, "vfio-platform")
        return self


def device(name, by="host", **properties):
    """For a Board: the platform device of the host that has this name, by its name or its path."""
    where = name if by == "host" else f"/sys/bus/platform/devices/{name}"
    return {"driver": "vfio-calxeda-xgmac", by: where, **properties}


class Board(lab.Machine):
    """Numbers that go to the firmware and come from it are hexadecimal, here they are ints."""

    def __init__(self, host, devices, private_memory=False, options=()):
        super().__init__(host)
        arguments = [
            lab.guest_dir() / lab.QEMU_ARM, "-machine", "virt,gic-version=2", "-cpu", "cortex-a57", "-m", MEMORY,
            *([] if private_memory else lab.shared_memory(MEMORY)), "-kernel", firmware(), *options]
        for description in devices:
            arguments += ["-device", json.dumps(description)]
        self.start(arguments, True, b"ready\n")

    def send(self, command, *numbers):
        """Begin a command; result() waits for it."""
        words = [command, *(word if isinstance(word, str) else f"{word:x}" for word in numbers)]
        self.console.sendall(" ".join(words).encode() + b"\n")

    def result(self):
        lines = []
        while (line := self.read_until(b"\n").decode(errors="replace")) != "ok":
            lab.check(not line.startswith(("error", "fault")), f"the firmware: {line}")
            lines.append(line)
        return lines

    def run(self, command, *numbers):
        """Run a command of the firmware's. Returns the lines that it printed; Failure if it fails."""
        self.send(command, *numbers)
        return self.result()

    def read(self, address, size=4):
        line, = self.run("read", address, size)
        return int(line, 16)

    def write(self, address, value, size=4):
        self.run("write", address, value, size)

    def count(self, number):
        """How often an interrupt came."""
        line, = self.run("counts", number)
        return int(line)

    def strays(self):
        """Interrupts that were none, and those that nobody has enabled."""
        line, = self.run("strays")
        return [int(word) for word in line.split()]

    def devices(self):
        """
        Those in the device tree that QEMU made, by the names that they have on the host, with
        @compatible, @regions as (address, size) and @interrupts as (number, flags).
        """
        found = {}
        last = None
        for line in self.run("tree"):
            what, *words = line.split()
            if what == "device":
                name, _, _ = words[0].partition("@")
                last = found[name] = types.SimpleNamespace(compatible=None, regions=[], interrupts=[])
            elif what == "compatible":
                last.compatible, = words
            elif what == "reg":
                last.regions.append(tuple(int(word, 16) for word in words))
            elif what == "interrupt":
                last.interrupts.append(tuple(int(word, 16) for word in words))
        return found

    def reset(self):
        """As a person resets it; the firmware begins anew."""
        self.qmp.command("system_reset")
        self.read_until(b"ready\n")

    def power_off(self):
        self.send("poweroff")
        self.wait()
