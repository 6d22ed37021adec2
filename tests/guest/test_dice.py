# SPDX-License-Identifier: LGPL-2.1-or-later
"""The example of doc/writing-a-driver.md in a guest, used as the text says."""
import lab
import guide


def test_a_guest_rolls_the_dice_as_the_text_says(host_with_dice):
    device = host_with_dice.create("dice-pair", parent="table")
    _, typed = guide.commands("5. In a guest")
    typed = [line.partition("#")[0].strip() for line in typed]
    with lab.Guest(host_with_dice, [device.vfio_user()]) as guest:
        for line in typed[:-2]:
            guest.run(line)
        rolls = [int(guest.run(typed[-2]), 16) for _ in range(20)]
        assert set(rolls) <= {1, 2, 3, 4, 5, 6}
        assert len(set(rolls)) > 1
        guest.run(typed[-1])
        assert int(guest.run("busybox devmem $((bar + 4)) 32"), 16) == 20
        assert (device.path / "rolls").read_text() == "20\n"
        guest.power_off()
    device.remove()
