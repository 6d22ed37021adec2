# SPDX-License-Identifier: LGPL-2.1-or-later
"""doc/writing-a-driver.md says what works."""
import os
import subprocess

import guide
import lab


def test_the_example_in_the_text_is_the_one_that_is_built():
    assert guide.code() == (lab.ROOT / "drivers" / "examples" / "dice.c").read_text()


def test_the_example_compiles_and_its_device_is_made_as_the_text_says(tmp_path):
    (tmp_path / "dice.c").write_text(guide.code())
    (command,), = guide.commands("3. Compile")
    subprocess.run(["meson", "install", "-C", lab.build_dir(), "--no-rebuild", "--quiet", "--destdir", tmp_path / "root"],
                   check=True)
    package, = (tmp_path / "root").rglob("umdev.pc")
    environment = {**os.environ, "PKG_CONFIG_PATH": str(package.parent),
                   "PKG_CONFIG_SYSROOT_DIR": str(tmp_path / "root")}
    subprocess.run(["sh", "-c", command.replace("cc ", "cc -Werror ", 1)], check=True, cwd=tmp_path,
                   env=environment)

    (_,), (cd, *typed, rolls) = guide.commands("4. Load, create")
    with lab.Host(load="dice", modules=tmp_path) as host:
        host.start()
        lines = [line.replace("/tmp/umdev", str(host.runtime)) for line in (cd, *typed)]
        assert lab.shell(" && ".join(lines)) == "A pair of dice\n16\n"
        assert lab.shell(rolls.replace("/tmp/umdev", str(host.runtime))) == "0\n"
        lab.shell(guide.commands("6. Change it, load it again")[0][0].replace("/tmp/umdev", str(host.runtime)))
        host.stop()
        assert host.leftovers() == []
