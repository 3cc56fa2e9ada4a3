"""One line of JSON exactly, and the value of each key that is asked for.

Values become text: strings as they are, numbers as written, ``true`` and ``false``.
JSON by RFC 8259.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NoReturn


class _Twice:
    """Stands for the value of a key that stands twice in its object: it says two things."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        found[key] = _Twice() if key in found else value
    return found


def _constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")


def decode_line(text: str, keys: Sequence[str]) -> dict[str, str | None]:
    """One line exactly: a value for each key, or ``problem``; odd values are named in ``odd``."""
    record = decode(text)
    return {"problem": record} if isinstance(record, str) else values(record, keys)


def decode(text: str) -> dict[str, Any] | str:
    """An object with its numbers as written, or why the text is none."""
    try:
        record = json.loads(
            text.removesuffix("\r"),
            object_pairs_hook=_pairs,
            parse_int=str,
            parse_float=str,
            parse_constant=_constant,
        )
    except RecursionError:
        return "expected a JSON object; found one nested too deep to read"
    except ValueError as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        at = f" at character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else ""
        return f"expected a JSON object; found text that is none ({reason}{at})"
    if not isinstance(record, dict):
        return "expected a JSON object; found another JSON value"
    return record


def values(
    record: dict[str, Any], keys: Sequence[str], *, flat: bool = False
) -> dict[str, str | None]:
    """The value of each key of a decoded object as text, and which of them are odd.

    ``flat``: a dot is a part of a key, and reaches into nothing.
    """
    out: dict[str, str | None] = {}
    odd: list[str] = []
    for key in keys:
        value: Any = record
        for part in [key] if flat else key.split("."):
            value = value.get(part) if isinstance(value, dict) else _inside(value)
        if isinstance(value, bool):
            value = "true" if value else "false"
        if value is not None and not _is_text(value):
            odd.append(key)
            value = None
        out["=" + key] = value
    if odd:
        out["odd"] = ", ".join(odd)
    return out


def _inside(value: object) -> object:
    """What lies within something that is no object: nothing, or the doubt of a key met twice."""
    return value if isinstance(value, _Twice) else None


def _is_text(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:  # half of a surrogate pair is no character
        return False
    return True
