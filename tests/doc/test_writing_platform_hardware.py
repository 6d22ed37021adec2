# SPDX-License-Identifier: LGPL-2.1-or-later
"""doc/writing-platform-hardware.md says what works."""
import os
import subprocess
import time

import guide
import lab

PAGE = guide.Page("writing-platform-hardware.md")


def test_the_example_in_the_text_is_the_one_that_is_built():
    assert PAGE.code() == (lab.ROOT / "drivers" / "examples" / "lamp.c").read_text()


def test_the_example_compiles_and_its_device_works_as_the_text_says(tmp_path):
    (tmp_path / "lamp.c").write_text(PAGE.code())
    (tmp_path / "lamp.dts").write_text(PAGE.code("dts"))
    ((compiler,),) = PAGE.commands("2. Compile")
    ((tree,),) = PAGE.commands("3. The device tree")
    build = lab.build_dir()
    subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", tmp_path / "root"],
                   check=True)
    package, = (tmp_path / "root").rglob("umdev.pc")
    environment = {**os.environ, "PKG_CONFIG_PATH": str(package.parent),
                   "PKG_CONFIG_SYSROOT_DIR": str(tmp_path / "root")}
    for command in compiler.replace("cc ", "cc -Werror ", 1), tree:
        subprocess.run(["sh", "-c", command], check=True, cwd=tmp_path, env=environment)

    with lab.Host(load="platform", modules=f"{tmp_path}:{build}/drivers/platform") as host:
        host.start()

        def type_in(lines):
            text = "\n".join(["set -e", f"cd {tmp_path}", f"PATH={build}/src/umdev:$PATH",
                              f"export UMDEV_RUNTIME_DIR={host.runtime}", *lines])
            return lab.shell(text.replace("/run/umdev", str(host.runtime)))

        load, unload = PAGE.commands("4. Load and use")
        assert type_in(load) == "0\n60\n0\n"
        # The handler runs beside.
        end = time.monotonic() + lab.DEADLINE
        while "a new fuse" not in host.log_text():
            assert time.monotonic() < end, host.log_text()
            time.sleep(0.01)
        assert type_in([load[2], "echo 7 > level", "cat level"]) == "7\n"
        type_in(unload)
        assert not list((host.sys / "bus" / "platform" / "devices").iterdir())
        host.stop()
        assert host.leftovers() == []
