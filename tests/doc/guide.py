# SPDX-License-Identifier: LGPL-2.1-or-later
"""What pages of doc/ tell their reader to write and to type."""
import re

import lab


class Page:
    def __init__(self, name):
        self.text = (lab.ROOT / "doc" / name).read_text()

    def code(self, language="c"):
        """The first file of a language that it shows."""
        return re.search(rf"^```{language}\n(.*?)^```$", self.text, re.M | re.S).group(1)

    def commands(self, heading):
        """The lines to type of each block below a heading."""
        section = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", self.text, re.M | re.S).group(1)
        blocks = re.findall(r"(?:^    .*\n)+", section, re.M)
        return [[line.strip() for line in block.splitlines()] for block in blocks]


_DRIVER = Page("writing-a-driver.md")
code = _DRIVER.code
commands = _DRIVER.commands
