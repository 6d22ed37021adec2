# SPDX-License-Identifier: LGPL-2.1-or-later
"""What doc/ap.md tells its readers to type works."""

import os
import re
import subprocess

from conftest import BUILD, SOURCE, TIMEOUT


def test_a_first_look(daemon):
    section = re.search(r"^## A first look\n(.*?)(?=^## )", (SOURCE / "doc/ap.md").read_text(), re.M | re.S).group(1)
    lines = re.findall(r"^    (?:\$ sudo|#) (.*)$", section, re.M)
    assert lines.pop(0) == "umdevd &"
    daemon.start()
    environment = {
        **os.environ,
        "PATH": f"{BUILD}/src/umdev:{os.environ['PATH']}",
        "UMDEV_RUNTIME_DIR": str(daemon.runtime),
    }
    script = "\n".join(lines).replace("/run/umdev/sys", str(daemon.sys))
    done = subprocess.run(["sh", "-ec", script], env=environment, capture_output=True, text=True,
                          timeout=TIMEOUT, stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stderr) == (0, ""), daemon.log()
    shown = done.stdout.splitlines()
    assert [line.split()[0] for line in shown[1:7]] == [
        "card04", "04.0004", "04.0047", "card05", "05.0004", "05.0047"]
    assert shown[10] == "verified:  true"
    assert shown[11] == re.search(r"^    (04\.\d+)$", section, re.M).group(1)
    assert shown[13].startswith("04.0047: random 16: ") and shown[13].endswith(" (verified)")
    assert shown[14:] == ["closed"]
