# SPDX-License-Identifier: LGPL-2.1-or-later
"""The machine's own modprobe, in a view, on umdev's modules."""

import os
import platform
import shutil
import subprocess

import pytest

from conftest import TIMEOUT
from release import need

CONFIG = "/run/modprobe.d/umdev.conf"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to make the machine so")

# A module of a kernel's, as far as depmod looks: it offers or needs a symbol.
KERNEL_MODULE = """
#define INFO(n, s) __attribute__((section(".modinfo"), used)) static const char info_##n[] = s
INFO(license, "license=GPL");
INFO(name, "name=" NAME);
#ifdef NEEDS
extern int umdev_symbol;
int *use(void) { return &umdev_symbol; }
#else
int umdev_symbol;
__attribute__((section("__ksymtab_strings"), used)) static const char text[] = "umdev_symbol";
__attribute__((section("___ksymtab+umdev_symbol"), used)) unsigned long __ksymtab_umdev_symbol[2];
#endif
"""


@pytest.fixture(autouse=True)
def modprobe_of_the_machine():
    need("modprobe", "kmod")


def modprobe(view, *arguments, **run):
    return view.run("modprobe", *arguments, check=False, **run)


def loaded(view):
    return {module["name"] for module in view.daemon.ask(command="lsmod")["modules"] if "path" in module}


def parameter(view, name):
    return view.run("cat", f"/sys/module/params/parameters/{name}").stdout


def assert_quiet(result):
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("net", ["own", "host"])
def test_a_module_comes_and_goes(any_view, net):
    for _ in range(2):
        assert_quiet(modprobe(any_view, "plain", net=net))
        assert "plain" in loaded(any_view)
    for _ in range(2):
        assert_quiet(modprobe(any_view, "-r", "plain", net=net))
        assert "plain" not in loaded(any_view)


def test_parameters_come_with_it(any_view):
    assert_quiet(modprobe(any_view, "params", "number=7", 'text="two words"'))
    assert parameter(any_view, "number") == "7\n"
    assert parameter(any_view, "text") == "two words\n"


def test_both_spellings_are_one(any_view):
    assert_quiet(modprobe(any_view, "claims-a"))
    assert_quiet(modprobe(any_view, "--all", "claims_a", "claims-b"))
    assert {"claims_a", "claims_b"} <= loaded(any_view)


def test_an_alias_loads_all_that_claim_it(any_view):
    assert_quiet(modprobe(any_view, "only-a"))
    assert loaded(any_view) & {"claims_a", "claims_b"} == {"claims_a"}
    assert_quiet(modprobe(any_view, "test:v1d7-x"))
    assert {"claims_a", "claims_b"} <= loaded(any_view)


def test_what_umdev_has_built_in_is_there(any_view):
    assert_quiet(modprobe(any_view, "--all", "vfio", "mdev"))
    result = modprobe(any_view, "-r", "mdev")
    assert result.returncode == 1 and '"mdev" is built in' in result.stderr


def test_a_module_that_fails_fails_modprobe(any_view):
    result = modprobe(any_view, "params", "fail=1", "number=x")
    assert result.returncode == 1 and 'params' in result.stderr
    assert "params" not in loaded(any_view)


def test_one_in_use_stays(any_view):
    assert_quiet(modprobe(any_view, "top"))
    result = modprobe(any_view, "-r", "bottom")
    assert result.returncode == 1 and "is used by: middle,top" in result.stderr
    assert "bottom" in loaded(any_view)


def test_what_umdev_does_not_have_is_the_machines(any_view):
    result = modprobe(any_view, "umdev-nosuch")
    assert result.returncode == 1
    assert result.stderr.startswith("modprobe: FATAL: Module umdev-nosuch not found in directory /lib/modules/")
    result = modprobe(any_view, "-q", "umdev-nosuch")
    assert (result.returncode, result.stderr) == (1, "")


def test_nothing_of_the_machines_is_loaded_for_it(any_view, daemon):
    """Where the machine's kernel has modules of the same names, with others that they depend on."""
    need("depmod", "kmod")
    top = daemon.directory / "machine"
    modules = top / "lib/modules" / platform.release()
    modules.mkdir(parents=True)
    for name, more in (("helper", []), ("mtty", ["-DNEEDS"])):
        subprocess.run(["cc", "-c", "-x", "c", f'-DNAME="{name}"', *more, "-o", modules / f"{name}.ko", "-"],
                       input=KERNEL_MODULE, text=True, check=True)
    subprocess.run(["depmod", "-b", top, platform.release()], check=True, stderr=subprocess.DEVNULL)
    command = ["modprobe", "--dirname", str(top), "--dry-run", "--verbose"]
    outside = subprocess.run([*command, "mtty"], capture_output=True, text=True, check=True).stdout
    assert f"{modules}/helper.ko" in outside and f"{modules}/mtty.ko" in outside
    said = any_view.run(*command, "mtty").stdout
    assert said.startswith("install ") and said.count("\n") == 1, said
    assert f"{any_view.umdev}' --runtime-dir '{any_view.daemon.runtime}' modprobe -- mtty" in said


def test_a_machines_file_stays_the_machines(any_view):
    """The view's directory is its own."""
    any_view.run("touch", "/run/modprobe.d/of-the-view.conf")
    assert not os.path.exists(CONFIG) and not os.path.exists("/run/modprobe.d/of-the-view.conf")


@needs_root
def test_what_the_machine_tells_modprobe_counts(view):
    script = """
        mount -t tmpfs none /run; mkdir /run/modprobe.d; cd /run/modprobe.d
        echo 'options params number=9' >of-the-machine.conf
        ln -s of-the-machine.conf link.conf
        echo 'install umdev_plain false' >umdev.conf
        cd /; "$@"; grep false /run/modprobe.d/umdev.conf"""
    command = view.command("sh", "-c", "modprobe params && modprobe plain && readlink /run/modprobe.d/link.conf")
    done = subprocess.run(["unshare", "-m", "sh", "-ec", script, "sh", *command], env=view.environment(),
                          capture_output=True, text=True, timeout=TIMEOUT)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "of-the-machine.conf\ninstall umdev_plain false\n"
    assert parameter(view, "number") == "9\n"
    assert "plain" in loaded(view)


def test_all_may_read_what_it_is_told(any_view):
    any_view.run("true", umask=0o077)
    assert any_view.run("stat", "-c", "%a", CONFIG).stdout == "644\n"


def build_from(view, directory):
    """Build the view by a command of an umdev in @directory, where nothing else of umdev is. Return: what it did."""
    usual = view.umdev
    directory.mkdir()
    view.umdev = shutil.copy(usual, directory / "umdev")
    result = view.run("echo", "here", options=["--no-vfio"])
    view.umdev = usual
    return result


def test_umdev_may_be_at_an_odd_place(any_view, daemon):
    build_from(any_view, daemon.directory / "a 'b' \"c\" \\n $CMDLINE_OPTS $(touch x) `y` #z;&|")
    assert_quiet(modprobe(any_view, "params", "number=7"))
    assert parameter(any_view, "number") == "7\n"
    assert_quiet(modprobe(any_view, "-r", "params"))


def test_where_no_line_can_be_written_umdev_says_so(any_view, daemon):
    result = build_from(any_view, daemon.directory / "two\nlines")
    assert result.stdout == "here\n"
    assert result.stderr.startswith("umdev: modprobe in the view does not know umdevd's modules: a path ")
    assert any_view.run("ls", "/run/modprobe.d").stdout == ""
