# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Guests that have platform devices by QEMU's vfio-calxeda-xgmac, which makes the calls of VFIO's own API.

QEMU takes the next access to any register for the end of an interrupt, and unmasks it then. Where the first access of a
handler lowers the line each interrupt comes once; else some come again, as they do on the kernel's VFIO.
"""
import json
import shlex
import subprocess

import pytest

import lab
from board import CARDS, CLOCK, RAM, UART, Board, BoardHost, device, numbers

XGMAC = numbers("tests/modules/xgmac.h", "XGMAC_")
ROUNDS = 300


class Card:
    """One of CARDS, as the firmware of a board sees it. The second one has memory, the first one has not."""

    def __init__(self, board, name):
        self.board = board
        node = board.devices()[name]
        assert node.compatible == "calxeda,hb-xgmac"
        assert [size for _, size in node.regions] == [4096] * len(node.regions)
        assert [flags for _, flags in node.interrupts] == [4] * 3
        self.base, *memory = (address for address, _ in node.regions)
        self.memory = memory[0] if memory else None
        self.interrupts = [number for number, _ in node.interrupts]

    def read(self, offset):
        return self.board.read(self.base + offset)

    def write(self, offset, value):
        self.board.write(self.base + offset, value)

    def peek(self, offset):
        """A word of the memory as the device sees it."""
        self.write(XGMAC.TEST_PEEK, offset)
        return self.read(XGMAC.TEST_PEEK)

    def handle(self, look=0):
        """Take its interrupts from now: lower each by its bit, after a look at the register @look if it is not 0."""
        for bit, number in enumerate(self.interrupts):
            self.board.run("on", number, "level", self.base + XGMAC.TEST_ACK, 1 << bit, self.base + look if look else 0)

    def raise_one(self, bit, times=ROUNDS):
        self.board.run("raise", self.base + XGMAC.TEST_RAISE, 1 << bit, times, self.interrupts[bit])

    def raise_all(self, times=ROUNDS):
        self.board.run("raise", self.base + XGMAC.TEST_RAISE, 7, times, *self.interrupts)

    def counts(self):
        return [self.board.count(number) for number in self.interrupts]

    def works(self):
        """Registers keep what they are told, and each interrupt comes as often as it is raised, alone and at once."""
        assert self.read(XGMAC.VERSION) == XGMAC.VERSION_VALUE
        scratch = {XGMAC.TEST_SCRATCH + 4 * word: 0x1234567 << word for word in range(4)}
        for offset, value in scratch.items():
            self.write(offset, value)
        assert {offset: self.read(offset) for offset in scratch} == scratch
        self.write(XGMAC.TEST_RAISED, 0)
        self.handle()
        for bit in range(3):
            self.raise_one(bit)
        assert self.counts() == [ROUNDS] * 3
        self.raise_all()
        assert self.counts() == [2 * ROUNDS] * 3
        assert self.read(XGMAC.TEST_RAISED) == 4 * ROUNDS
        assert self.read(XGMAC.TEST_RAISE) == 0


@pytest.mark.parametrize("private_memory", [False, True], ids=["shared", "private"])
@pytest.mark.parametrize("by", ["host", "sysfsdev"])
def test_registers_and_interrupts(board_host, by, private_memory):
    with Board(board_host, [device(CARDS[0], by)], private_memory) as board:
        assert list(board.devices()) == [CARDS[0]]
        Card(board, CARDS[0]).works()
        assert board.strays() == [0, 0]
        board.power_off()


def test_what_qemu_args_prints_is_what_qemu_takes(board_host):
    option, description = shlex.split(board_host.run("qemu-args", CARDS[0]))
    assert option == "-device"
    with Board(board_host, [json.loads(description)]) as board:
        Card(board, CARDS[0]).works()
        board.power_off()


def test_an_interrupt_that_nobody_lowers_comes_again(board_host):
    with Board(board_host, [device(CARDS[0])]) as board:
        card = Card(board, CARDS[0])
        number = card.interrupts[0]
        board.run("on", number, "level", 0, 0, card.base + XGMAC.VERSION)
        card.write(XGMAC.TEST_RAISE, 1)
        board.run("await", number, 100)
        card.write(XGMAC.TEST_ACK, 1)
        assert card.read(XGMAC.TEST_RAISED) == 1
        # None is left behind, and none is masked for ever.
        card.works()
        board.power_off()


def test_an_interrupt_may_be_looked_at_first(board_host):
    with Board(board_host, [device(CARDS[0])]) as board:
        card = Card(board, CARDS[0])
        card.handle(look=XGMAC.TEST_RAISE)
        for bit in range(3):
            card.raise_one(bit)
        card.raise_all()
        assert min(card.counts()) >= 2 * ROUNDS
        assert card.read(XGMAC.TEST_RAISE) == 0
        assert board.strays() == [0, 0]
        board.power_off()


@pytest.mark.parametrize("private_memory", [False, True], ids=["shared", "private"])
def test_two_devices(board_host, private_memory):
    with Board(board_host, [device(name) for name in CARDS], private_memory) as board:
        cards = [Card(board, name) for name in CARDS]
        for card in cards:
            card.works()
        # They are two: what one is told the other one does not know.
        cards[0].write(XGMAC.TEST_SCRATCH, 1)
        cards[1].write(XGMAC.TEST_SCRATCH, 2)
        assert [card.read(XGMAC.TEST_SCRATCH) for card in cards] == [1, 2]
        cards[0].raise_all(1)
        assert [card.counts() for card in cards] == [[2 * ROUNDS + 1] * 3, [2 * ROUNDS] * 3]
        board.power_off()


# While an interrupt is not over, and for a while after, QEMU maps nothing and takes each access by itself.
@pytest.mark.parametrize("properties", [{}, {"mmap-timeout-ms": 1}, {"mmap-timeout-ms": 0}, {"x-no-mmap": True}],
                         ids=["slow_back", "quick_back", "never_back", "trapped"])
def test_memory_is_the_same_mapped_and_trapped(board_host, properties):
    with Board(board_host, [device(CARDS[1], **properties)]) as board:
        card = Card(board, CARDS[1])
        card.handle()
        for times in range(20):
            offset = 4 * times
            board.write(card.memory + offset, 0xdead0000 + times)
            assert card.peek(offset) == 0xdead0000 + times
            card.raise_one(times % 3, 1)
            assert board.read(card.memory + offset) == 0xdead0000 + times
            board.write(card.memory + offset, 0xbeef0000 + times)
            assert card.peek(offset) == 0xbeef0000 + times
        board.run("fill", card.memory, 4096, 1)
        board.run("fill", RAM, 4096, 1)
        card.raise_all(1)
        board.run("same", card.memory, RAM, 4096)
        # Of all sizes that a guest may use.
        board.write(card.memory, 0x1122334455667788, 8)
        assert [board.read(card.memory, size) for size in (1, 2, 4, 8)] == [
            0x88, 0x7788, 0x55667788, 0x1122334455667788]
        board.power_off()


def test_text_crosses_in_both_directions(board_host):
    """A PL011, as far as it takes."""
    data, flags, line, control, mask, clear = 0x00, 0x18, 0x2c, 0x30, 0x38, 0x44
    received, rx_empty = 0x10, 0x10
    path = (board_host.sys / "bus" / "platform" / "devices" / UART / "port0" / "path").read_text().strip()
    with Board(board_host, [device(UART)]) as board, lab.Terminal(path) as terminal:
        node = board.devices()[UART]
        base = node.regions[0][0]
        board.write(base + line, 0x60)  # eight bits, one character at a time
        board.write(base + control, 0x301)
        for character in b"from the guest\n":
            board.write(base + data, character)
        assert terminal.read(15) == b"from the guest\n"
        board.write(base + mask, received)
        number = node.interrupts[0][0]
        for character in b"from the host\n":
            board.run("on", number, "level", base + mask, 0)
            terminal.write(bytes([character]))
            board.run("await", number, 1)
            assert board.read(base + flags) & rx_empty == 0
            assert board.read(base + data) == character
            board.write(base + clear, received)
            board.write(base + mask, received)
        board.power_off()


def test_a_clock_wakes_its_guest(board_host):
    """A PL031."""
    now, match, mask, clear = 0x00, 0x04, 0x10, 0x1c
    with Board(board_host, [device(CLOCK)]) as board:
        node = board.devices()[CLOCK]
        base = node.regions[0][0]
        number = node.interrupts[0][0]
        board.write(base + mask, 1)
        board.run("on", number, "level", base + clear, 1)
        begun = board.read(base + now)
        board.run("raise", base + match, begun + 1, 1, number)
        assert board.read(base + now) > begun
        assert board.count(number) == 1
        board.power_off()


def test_a_machine_that_is_reset_goes_on_with_its_device(board_host):
    with Board(board_host, [device(name) for name in CARDS]) as board:
        for _ in range(3):
            for name in CARDS:
                Card(board, name).works()
            board.reset()
        board.power_off()


def test_an_interrupt_from_before_a_reset_is_taken_after_it(board_host):
    """QEMU resets no platform device: its line is still high, and the next access unmasks it."""
    with Board(board_host, [device(CARDS[0])]) as board:
        card = Card(board, CARDS[0])
        card.write(XGMAC.TEST_RAISE, 1)
        board.reset()
        assert card.read(XGMAC.TEST_RAISE) == 1
        card.handle()
        board.run("raise", card.base + XGMAC.TEST_SCRATCH, 0, 0)
        card.raise_one(1)
        assert card.read(XGMAC.TEST_RAISE) == 0
        assert card.counts()[:2] == [1, ROUNDS]
        board.power_off()


def test_a_guest_that_is_killed_leaves_its_device_to_the_next(board_host):
    for _ in range(3):
        with Board(board_host, [device(name) for name in CARDS]) as board:
            cards = [Card(board, name) for name in CARDS]
            for card in cards:
                assert card.read(XGMAC.TEST_RAISE) == 0
                card.works()
            # The one is in the middle of an interrupt that nobody takes, the other one of very many.
            board.run("off", cards[0].interrupts[1])
            cards[0].write(XGMAC.TEST_RAISE, 2)
            board.send("raise", cards[1].base + XGMAC.TEST_RAISE, 7, 1 << 30, *cards[1].interrupts)
            board.process.kill()
            board.process.wait()


def test_a_device_has_one_guest(board_host):
    with Board(board_host, [device(CARDS[0])]) as board:
        with pytest.raises(lab.Failure, match="busy"):
            Board(board_host, [device(CARDS[0])])
        Card(board, CARDS[0]).works()


def test_a_device_of_another_driver_is_not_taken(board_host):
    board_host.run("unbind", CARDS[0])
    with pytest.raises(lab.Failure, match="no iommu_group found"):
        Board(board_host, [device(CARDS[0])])


def test_an_unbind_waits_for_the_guest(board_host):
    """Platform devices have no interrupt that asks for them: the guest does not know, and goes on."""
    with Board(board_host, [device(CARDS[0])]) as board:
        with subprocess.Popen(board_host.umdev("unbind", CARDS[0])) as waiting:
            board_host.log.wait_for(f"{CARDS[0]}: waiting for")
            Card(board, CARDS[0]).works()
            assert waiting.poll() is None
            board.power_off()
            assert waiting.wait(lab.DEADLINE) == 0


def test_a_device_that_is_taken_by_force_is_dead_for_its_guest(board_host):
    """All ones are read, writes are lost, nothing hangs; its other device and the next guest notice nothing."""
    with Board(board_host, [device(name) for name in CARDS]) as board:
        cards = [Card(board, name) for name in CARDS]
        for card in cards:
            card.works()
        board_host.run("unbind", "--force=0", CARDS[0])
        assert cards[0].read(XGMAC.VERSION) == 0xffffffff
        cards[0].write(XGMAC.TEST_RAISE, 7)
        board.output.wait_for("No such device")
        assert cards[0].counts() == [2 * ROUNDS] * 3
        cards[1].works()
        board_host.run("bind", CARDS[0], "vfio-platform")
        with Board(board_host, [device(CARDS[0])]) as other:
            Card(other, CARDS[0]).works()
            # The machine does not get it back by a reset: it would have to be told.
            board.reset()
            assert cards[0].read(XGMAC.VERSION) == 0xffffffff
            cards[1].works()
            board.power_off()
            Card(other, CARDS[0]).works()


def test_a_guest_outlives_umdevd(board_is_here):
    """Its device is dead from then on, but nothing hangs."""
    with BoardHost() as host, Board(host.start(), [device(CARDS[0])]) as board:
        card = Card(board, CARDS[0])
        card.works()
        host.process.kill()
        host.process.wait()
        assert card.read(XGMAC.VERSION) == 0xffffffff
        card.write(XGMAC.TEST_RAISE, 1)
        assert board.qmp.command("query-status")["running"]
        board.power_off()
