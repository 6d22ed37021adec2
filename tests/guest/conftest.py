# SPDX-License-Identifier: LGPL-2.1-or-later
import pathlib
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "doc"))

import board  # noqa: E402
import lab  # noqa: E402
import mainframe  # noqa: E402


@pytest.fixture
def guest_is_here():
    if not (lab.guest_dir() / "vmlinuz").exists():
        pytest.skip(f"no guest in {lab.guest_dir()} (run: scripts/fetch-guest {lab.guest_dir()})")


@pytest.fixture
def board_is_here():
    if not (lab.guest_dir() / lab.QEMU_ARM).exists():
        pytest.skip(f"no QEMU for Arm in {lab.guest_dir()} (run: scripts/fetch-guest {lab.guest_dir()})")
    if not board.firmware().exists():
        pytest.skip("no firmware for Arm: clang or ld.lld was missing (run: scripts/install-deps check)")
    if not shutil.which("dtc"):
        pytest.skip("no compiler of device trees (run: scripts/install-deps check)")


def running(load):
    """umdevd with a module. After the test it has ended well and left nothing."""
    with lab.Host(load) as host:
        host.start()
        yield host
        host.stop()
        assert host.leftovers() == []


@pytest.fixture
def host(guest_is_here):
    yield from running("mtty")


@pytest.fixture
def host_with_dice(guest_is_here):
    yield from running("dice")


@pytest.fixture
def board_host(board_is_here):
    """A host with platform devices for a board. After the test it has ended well and left nothing."""
    with board.BoardHost() as host:
        host.start()
        yield host
        host.stop()
        assert host.leftovers() == []


@pytest.fixture
def mainframe_is_here():
    if not (lab.guest_dir() / "s390x" / "vmlinuz").exists():
        pytest.skip(f"no guest for mainframes in {lab.guest_dir()} (run: scripts/fetch-guest {lab.guest_dir()})")


@pytest.fixture
def mainframe_host(mainframe_is_here):
    """A host with channel I/O. After the test it has ended well and left nothing."""
    with mainframe.MainframeHost() as host:
        host.start()
        yield host
        host.stop()
        assert host.leftovers() == []
