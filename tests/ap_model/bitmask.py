# SPDX-License-Identifier: LGPL-2.1-or-later
"""Masks of 256 bits as the machine has them: bit 0 is the leftmost."""

import functools
import re

NUMBERS = 256
FULL = (1 << NUMBERS) - 1
BIT = [1 << (NUMBERS - 1 - n) for n in range(NUMBERS)]

HEX = re.compile(r"(?:0?x)?([0-9a-fA-F]{0,64})\n?\Z")


def mask(numbers):
    result = 0
    for number in numbers:
        result |= BIT[number]
    return result


@functools.lru_cache(maxsize=None)
def bits(m):
    """The numbers of the bits that are set, rising."""
    return tuple(n for n in range(NUMBERS) if m & BIT[n])


@functools.lru_cache(maxsize=None)
def text(m):
    return f"0x{m:064x}"


def from_hex(string):
    """None for what is no mask. Digits that are not there are zeros on the right."""
    match = HEX.match(string)
    return int(match[1].ljust(64, "0"), 16) if match else None


def number(string):
    """As kstrtoul() with any base: the number, or the name of the error."""
    digits = string[:-1] if string.endswith("\n") else string
    digits = digits[1:] if digits.startswith("+") else digits
    if re.fullmatch(r"0[xX][0-9a-fA-F]+", digits):
        value = int(digits, 16)
    elif re.fullmatch(r"0[0-7]*", digits):
        value = int(digits, 8)
    elif re.fullmatch(r"[1-9][0-9]*", digits):
        value = int(digits)
    else:
        return "EINVAL"
    return value if value < 1 << 64 else "ERANGE"


def changed(string, m):
    """What a write to apmask or aqmask makes of @m, or None. Only what the tests write is known."""
    if not string or string[0] not in "+-":
        return from_hex(string)
    for piece in string.rstrip("\n").split(","):
        match = re.fullmatch(r"([+-])(\w+)(?:-(\w+))?", piece)
        if not match:
            return None
        first = number(match[2])
        last = number(match[3]) if match[3] else first
        if isinstance(first, str) or isinstance(last, str) or not first <= last < NUMBERS:
            return None
        for n in range(first, last + 1):
            m = m | BIT[n] if match[1] == "+" else m & ~BIT[n]
    return m
