# SPDX-License-Identifier: LGPL-2.1-or-later
"""A board with a PL011 UART and a PL031 clock, for the tests of both."""

import pathlib
import sys

import pytest

from boards import bus, eventually, overlay  # noqa: F401

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path += [str(TESTS / "guest"), str(TESTS / "vfio_user")]

import lab  # noqa: E402

lab.DEADLINE = 60

UART, CLOCK = "9000000.serial", "9010000.rtc"
BOARD = """
/dts-v1/;
/ {
    #address-cells = <1>;
    #size-cells = <1>;
    interrupt-parent = <&gic>;
    gic: interrupt-controller {
        interrupt-controller;
        #interrupt-cells = <3>;
    };
    serial@9000000 {
        compatible = "arm,pl011", "arm,primecell";
        reg = <0x9000000 0x1000>;
        interrupts = <0 1 4>;
        clock-frequency = <16000000>;
        current-speed = <9600>;
    };
    rtc@9010000 {
        compatible = "arm,pl031", "arm,primecell";
        reg = <0x9010000 0x1000>;
        interrupts = <0 2 4>;
    };
};
"""


SECOND = overlay("/", """
    serial@9040000 {
        compatible = "arm,sbsa-uart";
        reg = <0x9040000 0x1000>;
        interrupts = <0 8 4>;
    };
""")
SECOND_UART = "9040000.serial"


@pytest.fixture
def board(bus):
    """Its drivers have been loaded by the devices' aliases."""
    bus.load(BOARD)
    eventually(lambda: bus.taken(UART, "uart-pl011") and bus.taken(CLOCK, "rtc-pl031"))
    return bus


def terminal(board, attribute, device=UART):
    return lab.Terminal(board.device(device, attribute).strip())


def wire(board, device=UART):
    return terminal(board, "port0/path", device)


def bind(board, device, driver):
    board.daemon.write(f"bus/platform/drivers/{driver}/bind", device)


def unbind(board, device):
    (board.root / "devices" / device / "driver" / "unbind").write_text(device)
