# SPDX-License-Identifier: LGPL-2.1-or-later
"""Overlays over the tree of the platform bus: devices that come and go."""

import errno
import os
import threading

import pytest

from boards import BOARD, MORE, bus, eventually, overlay  # noqa: F401

WIDGET = "9001000.widget"
BOARD_DEVICES = ["8000000.interrupt-controller", WIDGET, "soc", "timer"]
MORE_DEVICES = ["9002000.widget", "9010800.widget", "soc:bus@10000"]


@pytest.fixture
def board(bus):
    bus.load()
    eventually(lambda: bus.taken(WIDGET, "widget"))
    return bus


def tree(bus):
    """What is on the bus and in the tree of nodes, with where it leads."""
    found = []
    for top in [bus.root, bus.daemon.sys / "devices/platform", bus.daemon.sys / "firmware"]:
        for directory, names, files in os.walk(top):
            found += [os.path.join(directory, name) for name in names + files]
    return sorted(found)


def test_devices_come_and_go_with_an_overlay(board):
    before = tree(board)
    board.add("more", MORE)
    assert board.names() == sorted(BOARD_DEVICES + MORE_DEVICES)
    assert board.overlays() == ["more"]
    place = os.path.realpath(board.root / "devices/9010800.widget")
    assert place.endswith("/devices/platform/soc/soc:bus@10000/9010800.widget")
    # They were never there without their driver, which was here already.
    assert board.driver("9010800.widget") == "widget"
    node = board.daemon.sys / "firmware/devicetree/base/soc/bus@10000/widget@800"
    assert os.path.samefile(board.root / "devices/9010800.widget/of_node", node)
    board.remove("more")
    assert tree(board) == before
    assert board.overlays() == []


def test_the_events_are_in_order(board):
    with board.daemon.control() as monitor:
        assert monitor.ask(command="monitor") == {"ok": True}
        board.add("more", MORE)
        board.remove("more")
        board.daemon.write("bus/mdev/uevent", "change")
        heard = []
        while (event := monitor.receive()["env"])["DEVPATH"] != "/bus/mdev":
            heard.append(f"{event['ACTION']} {os.path.basename(event['DEVPATH'])}")
    added = [line.split()[1] for line in heard if line.startswith("add ")]
    assert sorted(added) == sorted(MORE_DEVICES)
    assert added.index("soc:bus@10000") < added.index("9010800.widget")
    came = sum(([f"add {name}"] + [f"bind {name}"] * ("widget" in name) for name in added), [])
    opposite = {"add": "remove", "bind": "unbind"}
    went = [f"{opposite[line.split()[0]]} {line.split()[1]}" for line in reversed(came)]
    assert heard == came + went


def test_overlays_go_in_any_order(board):
    board.add("more", MORE)
    board.add("on-it", overlay("/soc/bus@10000", "status = \"okay\";"))
    board.add("else", overlay("/", "lamp { compatible = \"test,lamp\"; };"))
    assert board.overlays() == ["more", "on-it", "else"]
    # What another one lies on stays.
    refused = board.remove("more", check=False)
    assert refused.returncode == 1
    assert "can't remove the overlay more: on-it: " in refused.stderr
    assert board.names() == sorted(BOARD_DEVICES + MORE_DEVICES + ["lamp"])
    board.remove("on-it", "more")
    assert board.overlays() == ["else"]
    assert board.names() == sorted(BOARD_DEVICES + ["lamp"])


def test_a_device_can_be_switched_off_and_on(board):
    board.add("off", overlay("/soc/widget@1000", "status = \"disabled\";"))
    assert WIDGET not in board.names()
    board.remove("off")
    assert board.driver(WIDGET) == "widget"


def test_a_device_that_stays_stays_as_it_is(board):
    for name, body, what in [
        ("compatible", 'compatible = "test,widget";', "compatible"),
        ("registers", "reg = <0x3000 0x100>;", "reg"),
        ("interrupts", "interrupts = <0 1 4>;", "interrupts"),
    ]:
        refused = board.add(name, overlay("/soc/widget@1000", body), check=False)
        assert refused.returncode == 1
        assert f"overlay {name}: /soc/widget@1000: {what} would change" in refused.stderr
        assert refused.stderr.count("\n") == 1
    assert board.overlays() == []
    # What is no matter of the device may be said.
    board.add("note", overlay("/soc/widget@1000", 'note = "x";'))
    node = board.root / "devices" / WIDGET / "of_node"
    assert (node / "note").read_bytes() == b"x\0"
    board.remove("note")
    assert not (node / "note").exists()


WRONG = {
    "overlaps": (overlay("/soc", "x@10f0 { reg = <0x10f0 0x20>; compatible = \"x\"; };"), "overlap"),
    "nowhere": (overlay("/none", "x { compatible = \"x\"; };"), "none"),
    "refused by its hardware": (
        overlay(
            "/soc",
            """a@4000 { reg = <0x4000 0x10>; compatible = "test,widget"; };
            b@5000 { reg = <0x5000 4>; compatible = "test,widget"; };""",
        ),
        "/soc/b@5000: Invalid argument",
    ),
    "no overlay": (BOARD, "overlay"),
    "too much for an event": (
        overlay(
            "/",
            'a { compatible = "test,a"; }; b { compatible = '
            + ", ".join(f'"test,compatible-{n}"' for n in range(54))
            + "; };",
        ),
        "/b: its names and compatibles are too long or too many for an event",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_leaves_nothing(board, wrong):
    source, reason = WRONG[wrong]
    board.add("more", MORE)
    before = tree(board)
    with board.daemon.control() as monitor:
        assert monitor.ask(command="monitor") == {"ok": True}
        refused = board.add("wrong", source, check=False)
        assert refused.returncode == 1
        assert reason in refused.stderr
        assert refused.stderr.count("\n") == 1
        board.daemon.write("bus/mdev/uevent", "change")
        assert monitor.receive()["env"]["DEVPATH"] == "/bus/mdev"
    assert tree(board) == before
    assert board.overlays() == ["more"]


def test_what_is_written_is_checked(board):
    path = board.blob(MORE)
    for attr, text, error in [
        ("add_overlay", f"more {path.name}", errno.EINVAL),
        ("add_overlay", f"{path}", errno.EINVAL),
        ("add_overlay", "more", errno.EINVAL),
        ("add_overlay", "", None),
        ("add_overlay", f"{'x' * 64} {path}", errno.EINVAL),
        ("add_overlay", f"../x {path}", errno.EINVAL),
        ("add_overlay", f"more {path}.none", errno.ENOENT),
        ("add_overlay", "more /dev/zero", errno.EINVAL),
        ("remove_overlay", "more", errno.ENOENT),
        ("remove_overlay", "more x", errno.EINVAL),
        ("add_overlay", f"more {path}\n", None),
        ("add_overlay", f"more {path}", errno.EEXIST),
        ("remove_overlay", "more\n", None),
    ]:
        if error is None:
            (board.root / attr).write_text(text)
            continue
        with pytest.raises(OSError) as refused:
            (board.root / attr).write_text(text)
        assert refused.value.errno == error, (attr, text)
    assert board.overlays() == []


def test_the_last_reasons_are_kept(board):
    for n in range(6):
        board.add(f"wrong{n}", overlay("/none", "x { };"), check=False)
    kept = (board.root / "overlay_error").read_text().splitlines()
    assert [line.split(":")[0] for line in kept] == ["wrong5", "wrong4", "wrong3", "wrong2"]
    board.add("wrong4", MORE)
    kept = (board.root / "overlay_error").read_text().splitlines()
    assert [line.split(":")[0] for line in kept] == ["wrong5", "wrong3", "wrong2"]


def test_many_writers_at_once(board):
    """Each has its own overlay; together they leave the tree as it was."""
    before = tree(board)
    failures = []
    sources = [
        board.blob(
            overlay(
                "/soc",
                f"widget@{0x20000 + n * 0x1000:x} {{ compatible = \"test,widget\";"
                f" reg = <{0x20000 + n * 0x1000} 8>; }};",
            )
        )
        for n in range(4)
    ]

    def write(n):
        try:
            for _ in range(10):
                (board.root / "add_overlay").write_text(f"o{n} {sources[n]}")
                assert board.driver(f"{0x9020000 + n * 0x1000:x}.widget") == "widget"
                (board.root / "remove_overlay").write_text(f"o{n}")
        except Exception as failure:  # pylint: disable=broad-except
            failures.append(failure)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert tree(board) == before


def test_without_the_bus_there_are_no_overlays(daemon):
    daemon.start()
    refused = daemon.umdev("overlay", check=False)
    assert refused.returncode == 1
    assert refused.stderr == (
        "umdev: there is no platform bus (first: umdev modprobe platform)\n"
    )


@pytest.mark.parametrize("args", [["add"], ["add", "x"], ["remove"], ["x"], ["add", "x", "y", "z"]])
def test_the_command_line_is_checked(daemon, args):
    daemon.start()
    refused = daemon.umdev("overlay", *args, check=False)
    assert refused.returncode == 2
    assert "is expected" in refused.stderr
