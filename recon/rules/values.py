"""Whether two texts that a source gives for one value say the same."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Literal

from recon.errors import BadInputError
from recon.instants import interval

Likeness = Literal["same", "spelling", "unclear", "other"]
"""``same``: equal texts, or equal digests. ``spelling``: equal but for white space, digits that
say no more, or the word for a truth value. ``unclear``: two times that may be one, as one of them
does not say its zone, or a value where there was none. ``other``: two values."""

_BYTES = re.compile(r"(?:\\x|0x|sha256:|sha1:|md5:|git:)?((?:[0-9a-f]{2}){16,})")
_NUMBER = re.compile(r"[+-]?\d{1,99}(?:\.\d{0,99})?(?:[eE][+-]?\d{1,3})?")
_WORDS = {"t": "true", "true": "true", "f": "false", "false": "false"}


def alike(was: str | None, now: str | None) -> Likeness:
    """How like each other two values are."""
    if was == now:
        return "same"
    if was is None or now is None:
        return "unclear"
    if _hex(was) is not None and _hex(now) is not None:
        return "same" if _hex(was) == _hex(now) else "other"
    readings = ((read(was), read(now)) for read in (str.split, _word, _number, _time))
    if any(first is not None and first == second for first, second in readings):
        return "spelling"
    return "unclear" if _may_be_one_time(was, now) else "other"


def _hex(text: str) -> str | None:
    """The digits of a digest, however it is written."""
    found = _BYTES.fullmatch(text.strip().lower())
    return found[1] if found else None


def _word(text: str) -> str | None:
    return _WORDS.get(text.strip().lower())


def _number(text: str) -> Decimal | None:
    return Decimal(text.strip()) if _NUMBER.fullmatch(text.strip()) else None


def _time(text: str) -> tuple[datetime, datetime] | None:
    try:
        return interval(text.strip())
    except BadInputError:
        return None


def _may_be_one_time(was: str, now: str) -> bool:
    first, second = _time(was), _time(now)
    return bool(first and second and first[0] <= second[1] and second[0] <= first[1])
