# SPDX-License-Identifier: LGPL-2.1-or-later
"""umdev(1) with something happening to it at one of its steps."""


def failing(view, mark, **how):
    """The environment for it; see fail_step.c."""
    return {
        "LD_PRELOAD": str(view.build / "tests/exec/fail_step.so"),
        "FAIL_MARK": str(mark),
        # a sanitizer wants to be the first of all libraries
        "ASAN_OPTIONS": "verify_asan_link_order=0",
        **{f"FAIL_{name.upper()}": str(value) for name, value in how.items()},
    }
