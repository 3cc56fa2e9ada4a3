"""A change of a row in an event's own words: places, and what an update changed."""

from __future__ import annotations

import json
from collections.abc import Mapping

from collectors.postgres.heap.model import Gap, Value
from collectors.postgres.heap.records import Change

_SHOWN, _SHOWN_ALL = 120, 2000
"""Characters of one value, and of all, that an event's own words show."""
_JSON = json.JSONEncoder(ensure_ascii=False).encode


def place(at: tuple[int, int]) -> str:
    """A block and a line pointer as ``ctid`` shows them."""
    return f"({at[0]},{at[1]})"


def words(one: Change, old: Mapping[str, Value] | None, new: Mapping[str, Value] | None) -> str:
    """Places, and what an update changed."""
    if one.ended is None:
        return place(one.made or (0, 0)) + ("" if new else "; the row is not in the archive")
    lost = old is None or one.key_only
    if one.made is None:
        return place(one.ended) + ("; old row not in the archive" if lost else "")
    places = f"{place(one.ended)} to {place(one.made)}"
    if new is None:
        places += "; new row not in the archive"
    if lost or old is None or new is None:
        return places + ("; old row not in the archive" if lost else "")
    changed = [
        f"{name} {_shown(old.get(name))} to {_shown(value)}"
        for name, value in new.items()
        if old.get(name) != value
    ]
    return f"{places}: {', '.join(changed) or 'no value changed'}"[:_SHOWN_ALL]


def _shown(value: Value) -> str:
    if isinstance(value, Gap):
        return f"[{value.reason}]"
    if value is None:
        return "null"
    return _JSON(value if len(value) <= _SHOWN else value[:_SHOWN] + "…")
