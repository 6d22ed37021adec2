# SPDX-License-Identifier: LGPL-2.1-or-later
"""What doc/writing-a-driver.md tells its reader to write and to type."""
import re

import lab

TEXT = (lab.ROOT / "doc" / "writing-a-driver.md").read_text()


def code():
    """The C file that it shows."""
    return re.search(r"^```c\n(.*?)^```$", TEXT, re.M | re.S).group(1)


def commands(heading):
    """The lines to type of each block below a heading."""
    section = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", TEXT, re.M | re.S).group(1)
    blocks = re.findall(r"(?:^    .*\n)+", section, re.M)
    return [[line.strip() for line in block.splitlines()] for block in blocks]
