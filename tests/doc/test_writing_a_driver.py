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
    build = lab.build_dir()
    subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", tmp_path / "root"],
                   check=True)
    package, = (tmp_path / "root").rglob("umdev.pc")
    environment = {**os.environ, "PKG_CONFIG_PATH": str(package.parent),
                   "PKG_CONFIG_SYSROOT_DIR": str(tmp_path / "root")}
    subprocess.run(["sh", "-c", command.replace("cc ", "cc -Werror ", 1)], check=True, cwd=tmp_path,
                   env=environment)

    with lab.Host(load="dice", modules=tmp_path) as host:
        host.start()

        def type_in(lines):
            text = "\n".join(["set -e", f"PATH={build}/src/umdev:$PATH", *lines])
            return lab.shell(text.replace("/tmp/umdev", str(host.runtime)))

        _, load = guide.commands("4. Load, create")
        assert type_in(load) == "A pair of dice\n16\n0\n"
        qemu, _ = guide.commands("5. In a guest")
        assert str(host.runtime) in type_in([load[0], *qemu])
        change, = guide.commands("6. Change it, load it again")
        type_in([load[0], *change])
        assert not list((host.sys / "bus" / "mdev" / "devices").iterdir())
        assert (host.sys / "module" / "dice").exists()
        host.stop()
        assert host.leftovers() == []
