# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who calls a driver of subchannels when: events, interrupts, binding and leaving at the same time."""

import signal
import subprocess
import threading

import pytest

from conftest import TIMEOUT
from css_machine import Tester, css, eventually, refused, tester, two  # noqa: F401

IRQ = "irq fctl=4000 dstat=0c cstat=00"


class Meanwhile(threading.Thread):
    """Something that goes on; done() waits for its end, and raises what it has raised."""

    def __init__(self, function, *args):
        super().__init__(daemon=True)
        self.call = (function, args)
        self.error = None
        self.start()

    def run(self):
        function, args = self.call
        try:
            function(*args)
        except BaseException as error:
            self.error = error

    def done(self):
        self.join(TIMEOUT)
        assert not self.is_alive()
        if self.error:
            raise self.error

    def goes_on(self):
        """Give it a moment in which it would end if it did not wait."""
        self.join(0.2)
        return self.is_alive()


def test_interrupt_reaches_the_driver(tester):
    tester.forget()
    tester.write("start", "0.0.0000")
    tester.wait_for("0.0.0000", IRQ)
    assert tester.calls("0.0.0000") == [IRQ]
    assert tester.calls("0.0.0001") == []


def test_attention_reaches_the_driver(tester):
    tester.write("start", "0.0.0000")
    tester.wait_for("0.0.0000", IRQ)
    tester.forget()
    tester.css.console("attention", "0.0.1000")
    tester.wait_for("0.0.0000", "irq fctl=0000 dstat=80 cstat=00")
    tester.forget()
    tester.css.console("attention", "0.0.1000 04")
    tester.wait_for("0.0.0000", "irq fctl=0000 dstat=04 cstat=00")


def test_rescan_asks_every_driver(tester):
    for _ in range(20):
        tester.forget()
        tester.css.daemon.write("devices/css0/rescan", "1")
        assert sorted(tester.lines()) == ["0.0.0000 sch_event there", "0.0.0001 sch_event there"]


def test_driver_that_wants_to_be_asked_again_is(tester):
    tester.write("again", 5)
    tester.forget()
    tester.css.daemon.write("devices/css0/rescan", "1")
    # Two of them, and five times more.
    assert len(tester.lines()) == 7


def test_failed_probe_leaves_nothing(tester):
    css = tester.css
    tester.release("0.0.0000")
    tester.write("refuse", 1)
    tester.forget()
    with pytest.raises(OSError):
        tester.write("bind", "0.0.0000")
    css.console("path", "10 off")
    assert tester.calls("0.0.0000") == ["probe lpm=c0 opm=ff"]
    tester.write("refuse", 0)
    tester.write("bind", "0.0.0000")


def test_driver_that_has_left_hears_nothing(tester):
    css = tester.css
    tester.write("start", "0.0.0000")
    tester.wait_for("0.0.0000", IRQ)
    tester.release("0.0.0000")
    tester.forget()
    css.console("path", "10 off")
    css.path("11", "status", "off")
    css.daemon.write("devices/css0/rescan", "1")
    css.console("attention", "0.0.1000")
    css.settle()
    assert tester.calls("0.0.0000") == []
    tester.write("bind", "0.0.0000")
    assert tester.calls("0.0.0000") == ["probe lpm=00 opm=bf"]


def test_interrupt_without_driver_is_taken(two):
    """It was enabled when its driver left, and something ran: css disables it, and takes what comes."""
    two.console("plug", "0.0.3000:null,delay_us=10000000")
    tester = Tester(two).take("0.0.0002")
    tester.write("start", "0.0.0002")
    tester.forget()
    tester.release("0.0.0002")
    assert tester.calls("0.0.0002") == ["quiesce", "remove"]
    assert two.console("devices").splitlines()[2].endswith(" disabled")
    # It is idle again, and can be enabled.
    tester.take("0.0.0002")
    tester.write("start", "0.0.0002")


def test_event_waits_for_the_end_of_probe(tester):
    css = tester.css
    tester.release("0.0.0000")
    tester.forget()
    with tester.holds("probe"):
        binding = Meanwhile(tester.write, "bind", "0.0.0000")
        tester.wait_for("0.0.0000", "probe")
        varying = Meanwhile(css.path, "10", "status", "off")
        assert varying.goes_on()
        assert tester.calls("0.0.0000") == ["probe lpm=c0 opm=ff"]
    binding.done()
    varying.done()
    assert tester.calls("0.0.0000")[1:] == ["chp_event 0.10 mask=80 opm=7f VARY_OFF"]


def test_no_event_comes_during_remove(tester):
    css = tester.css
    tester.forget()
    with tester.holds("remove"):
        unbinding = Meanwhile(tester.release, "0.0.0000")
        tester.wait_for("0.0.0000", "remove")
        varying = Meanwhile(css.path, "10", "status", "off")
        assert varying.goes_on()
    unbinding.done()
    varying.done()
    assert tester.calls("0.0.0000") == ["quiesce", "remove"]


def test_events_come_during_quiesce(tester):
    css = tester.css
    tester.forget()
    with tester.holds("quiesce"):
        unbinding = Meanwhile(tester.release, "0.0.0000")
        tester.wait_for("0.0.0000", "quiesce")
        css.path("10", "status", "off")
        tester.css.daemon.write("devices/css0/rescan", "1")
    unbinding.done()
    assert tester.calls("0.0.0000") == [
        "quiesce", "chp_event 0.10 mask=80 opm=7f VARY_OFF", "sch_event there", "remove",
    ]


@pytest.mark.parametrize("callback", ["sch_event", "chp_event", "irq"])
def test_remove_waits_for_a_callback_that_has_given_up_the_lock(tester, callback):
    css = tester.css
    causes = {
        "sch_event": (css.daemon.write, "devices/css0/rescan", "1"),
        "chp_event": (css.path, "10", "status", "off"),
        "irq": (tester.write, "start", "0.0.0000"),
    }
    with tester.holds(callback):
        cause = Meanwhile(*causes[callback])
        tester.wait_for("0.0.0000", callback)
        unbinding = Meanwhile(tester.release, "0.0.0000")
        tester.wait_for("0.0.0000", "quiesce")
        assert unbinding.goes_on()
        assert "remove" not in tester.calls("0.0.0000")
    unbinding.done()
    cause.done()
    assert tester.calls("0.0.0000")[-1] == "remove"


def test_events_come_one_at_a_time_and_interrupts_meanwhile(tester):
    css = tester.css
    tester.forget()
    with tester.holds("sch_event"):
        scanning = Meanwhile(css.daemon.write, "devices/css0/rescan", "1")
        tester.wait_for("0.0.0000", "sch_event")
        tester.write("start", "0.0.0000")
        tester.wait_for("0.0.0000", IRQ)
        varying = Meanwhile(css.path, "10", "status", "off")
        assert varying.goes_on()
        assert tester.calls("0.0.0000") == ["sch_event there", IRQ]
    scanning.done()
    varying.done()
    assert tester.calls("0.0.0000")[-1] == "chp_event 0.10 mask=80 opm=7f VARY_OFF"


def test_reports_that_were_too_many_are_made_up_for(tester):
    """Nobody sees to them for a while; then what has become of the paths is looked at."""
    css = tester.css
    tester.forget()
    with tester.holds("sch_event"):
        scanning = Meanwhile(css.daemon.write, "devices/css0/rescan", "1")
        tester.wait_for("0.0.0000", "sch_event")
        for number in range(81):
            how, state = ("configure", "1\n") if number % 2 else ("deconfigure", "0\n")
            # It is done at once, but for the bus, for which only this one waits.
            writer = subprocess.Popen(["sh", "-c", f"echo 10 {how} >{css.daemon.sys}/firmware/css/path"])
            eventually(lambda: css.path("10", "configure") == state)
            writer.send_signal(signal.SIGKILL)
            writer.wait(TIMEOUT)
    scanning.done()
    css.settle()
    calls = [line for line in tester.calls("0.0.0000") if "0.10" in line]
    assert len(calls) < 81
    assert calls[-1] == "chp_event 0.10 mask=80 opm=ff OFFLINE"
    # The others were looked at, too.
    assert "chp_event 0.12 mask=00 opm=ff ONLINE" in tester.calls("0.0.0000")


# ---- leaving ----


def test_unplugged_device_says_it_is_gone_and_leaves(tester):
    css = tester.css
    tester.forget()
    css.unplug("0.0.1000")
    assert tester.calls("0.0.0000") == ["sch_event gone", "quiesce", "remove"]
    assert css.names() == ["0.0.0001"]


def test_device_whose_user_stays_holds_nobody_up(tester):
    css = tester.css
    tester.forget()
    with tester.holds("quiesce"):
        css.console("unplug", "0.0.1000")
        tester.wait_for("0.0.0000", "quiesce")
        # Others come and go meanwhile, and the number has to wait.
        css.console("plug", "0.0.1002:null")
        css.console("plug", "0.0.1003:null")
        css.console("unplug", "0.0.1001")
        css.path("10", "status", "off")
        waiting = Meanwhile(css.settle)
        assert waiting.goes_on()
        assert (css.daemon.sys / "devices/css0/0.0.0000").exists()
        assert list(css.devices().values()) == ["0.0.1003"]
    waiting.done()
    css.settle()
    assert css.devices()["0.0.0000"] == "0.0.1002"
    assert "added" not in css.daemon.log()


def test_who_waits_for_a_user_may_leave(tester, tmp_path):
    css = tester.css
    with tester.holds("quiesce"):
        css.console("unplug", "0.0.1000")
        tester.wait_for("0.0.0000", "quiesce")
        waiter = subprocess.Popen(["sh", "-c", f"echo 1 >{css.daemon.sys}/firmware/css/settle"])
        with pytest.raises(subprocess.TimeoutExpired):
            waiter.wait(0.3)
        waiter.send_signal(signal.SIGINT)
        waiter.wait(TIMEOUT)
    css.settle()
    assert css.names() == ["0.0.0001"]


def test_unplugging_during_probe_and_remove(tester):
    css = tester.css
    tester.release("0.0.0000")
    with tester.holds("probe"):
        binding = Meanwhile(tester.write, "bind", "0.0.0000")
        tester.wait_for("0.0.0000", "probe")
        unplugging = Meanwhile(css.unplug, "0.0.1000")
        assert unplugging.goes_on()
    binding.done()
    unplugging.done()
    with tester.holds("remove"):
        unbinding = Meanwhile(tester.release, "0.0.0001")
        tester.wait_for("0.0.0001", "remove")
        unplugging = Meanwhile(css.unplug, "0.0.1001")
        assert unplugging.goes_on()
    unbinding.done()
    unplugging.done()
    assert css.names() == []


def test_daemon_ends_with_devices_that_are_used(tester):
    for name in "0.0.0000", "0.0.0001":
        tester.write("start", name)
    tester.css.daemon.stop()
