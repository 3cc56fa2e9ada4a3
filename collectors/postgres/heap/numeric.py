"""Numbers: ``numeric`` in base 10000, and floats as the server prints them.

Source: ``numeric.c`` (``NumericChoice``), ``d2s.c``, ``f2s.c``.
"""

from __future__ import annotations

import math
import struct
from fractions import Fraction

import numpy as np

from collectors.postgres.heap.varlena import Unreadable

_SPECIAL = {0xC000: "NaN", 0xD000: "Infinity", 0xF000: "-Infinity"}
_DOUBLE_DIGITS, _SINGLE_DIGITS = 15, 6
"""Decimal digits from which on a float is written with an exponent."""
_LEAST = -4
"""Exponents below it are written as such."""
_SINGLE_BITS = 24
"""Of the mantissa, the one that is not stored included."""
_FIRST_DOUBLE_BETWEEN, _FIRST_SINGLE_BETWEEN = 2.0**52, 2.0**20
"""Below, what lies halfway between two numbers has too many digits to be the shortest text."""


def numeric(data: bytes) -> str:
    """A stored ``numeric``, without the header of its length.

    Raises:
        Unreadable: cut off.
    """
    if len(data) < 2:  # noqa: PLR2004  (its own header)
        raise Unreadable
    head = data[0] | data[1] << 8
    kind = head & 0xC000
    if kind == 0xC000:  # noqa: PLR2004  (as in numeric.c)
        return _SPECIAL.get(head & 0xF000, "NaN")
    if kind == 0x8000:  # noqa: PLR2004  (as in numeric.c)
        negative, scale = head & 0x2000, (head & 0x1F80) >> 7
        weight = (head & 0x3F) - (0x40 if head & 0x40 else 0)
        start = 2
    else:
        negative, scale = kind == 0x4000, head & 0x3FFF  # noqa: PLR2004  (as in numeric.c)
        if len(data) < 4:  # noqa: PLR2004  (and its weight)
            raise Unreadable
        weight = int.from_bytes(data[2:4], "little", signed=True)
        start = 4
    count = (len(data) - start) // 2
    digits = struct.unpack_from(f"<{count}H", data, start)
    whole = digits[: weight + 1] if weight >= 0 else ()
    left = "%04d" * len(whole) % whole + "0000" * (weight + 1 - len(whole))
    text = left.lstrip("0") or "0"
    if scale:
        lead = "0000" * min(-weight - 1, scale // 4 + 1) if weight < 0 else ""
        rest = digits[max(0, weight + 1) :]
        right = lead + "%04d" * len(rest) % rest
        text += "." + right[:scale].ljust(scale, "0")
    return f"-{text}" if negative else text


def float8(data: bytes) -> str:
    """The shortest text that gives the same number again, as the server finds it."""
    value: float = struct.unpack("<d", data)[0]
    shown = repr(abs(value))
    if _FIRST_DOUBLE_BETWEEN <= abs(value) < math.inf:
        near = Fraction(abs(value)), Fraction(math.ulp(value))
        shown = _inside(abs(value), shown, near, _DOUBLE_DIGITS + 2)
    return _shortest(value, _DOUBLE_DIGITS, shown)


def float4(data: bytes) -> str:
    """The shortest text that gives the same number again, as the server finds it."""
    value: float = struct.unpack("<f", data)[0]
    shown = np.format_float_scientific(np.float32(abs(value)), unique=True, trim="-")
    if _FIRST_SINGLE_BETWEEN <= abs(value) < math.inf:
        _, exponent = math.frexp(value)
        near = Fraction(abs(value)), Fraction(2) ** (exponent - _SINGLE_BITS)
        shown = _inside(abs(value), shown, near, _SINGLE_DIGITS + 3)
    return _shortest(value, _SINGLE_DIGITS, shown)


def _inside(value: float, shown: str, near: tuple[Fraction, Fraction], most: int) -> str:
    """A text that lies halfway to the next number is not taken by the server (``d2s.c``)."""
    if abs(Fraction(shown) - near[0]) * 2 < near[1]:
        return shown
    longer = (f"{value:.{digits}e}" for digits in range(most))
    return next((one for one in longer if abs(Fraction(one) - near[0]) * 2 < near[1]), shown)


def _shortest(value: float, limit: int, shown: str) -> str:
    """``shown``: the digits of the value without its sign."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    sign = "-" if math.copysign(1, value) < 0 else ""
    if value == 0:
        return sign + "0"
    mantissa, _, power = shown.partition("e")
    whole, _, part = mantissa.partition(".")
    part = part.rstrip("0")
    digits = (whole + part).lstrip("0")
    # Of d.ddd × 10^exponent.
    exponent = int(power or 0) + len(whole) - 1
    if not whole.strip("0"):
        exponent = int(power or 0) - (len(part) - len(part.lstrip("0"))) - 1
    digits = digits.rstrip("0") or "0"
    if _LEAST <= exponent < limit:
        if exponent < 0:
            return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
        head, tail = digits[: exponent + 1].ljust(exponent + 1, "0"), digits[exponent + 1 :]
        return f"{sign}{head}.{tail}" if tail else sign + head
    tail = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{tail}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
