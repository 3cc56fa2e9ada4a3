"""``jsonb`` as the server prints it, from its stored form.

Source: ``jsonb.h`` (``JEntry``, ``JsonbContainer``), ``jsonb.c`` (``JsonbToCString``).
"""

from __future__ import annotations

import re
import struct

from collectors.postgres.heap.numeric import numeric
from collectors.postgres.heap.varlena import Unreadable

_COUNT, _SCALAR, _OBJECT, _ARRAY = 0x0FFFFFFF, 0x10000000, 0x20000000, 0x40000000
_STRING, _NUMERIC, _FALSE, _TRUE, _NULL, _CONTAINER = range(6)
_HAS_OFFSET = 0x80000000
_MAX_DEPTH = 500
_SPECIAL = re.compile(r'["\\\x00-\x1f]')
_ESCAPES = {
    **{chr(n): f"\\u{n:04x}" for n in range(0x20)},
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    '"': '\\"',
    "\\": "\\\\",
}


def jsonb(data: bytes) -> str:
    """A stored value, without the header of its length.

    Raises:
        Unreadable: its lengths do not fit together.
    """
    out: list[str] = []
    try:
        _container(data, 0, out, 0)
    except (struct.error, IndexError) as error:
        raise Unreadable from error
    return "".join(out)


def quoted(text: str) -> str:
    """A JSON string as the server escapes it (``escape_json``)."""
    return '"' + _SPECIAL.sub(lambda found: _ESCAPES[found[0]], text) + '"'


def _container(data: bytes, at: int, out: list[str], depth: int) -> None:
    (head,) = struct.unpack_from("<I", data, at)
    count = head & _COUNT
    entries = count * 2 if head & _OBJECT else count
    base = at + 4 + entries * 4
    if base > len(data) or depth > _MAX_DEPTH:
        raise Unreadable
    words = struct.unpack_from(f"<{entries}I", data, at + 4)
    places: list[tuple[int, int, int]] = []
    end = base
    for word in words:
        begin = end
        # Every 32nd entry holds where it ends, the others how long they are.
        end = (base if word & _HAS_OFFSET else begin) + (word & _COUNT)
        places.append((word >> 28 & 7, begin, end))
    if end > len(data):
        raise Unreadable
    bare = head & _SCALAR
    brackets = "{}" if head & _OBJECT else ("", "") if bare else "[]"
    out.append(brackets[0])
    for index in range(count):
        out.append(", " if index else "")
        _say(data, places[index], base, out, depth)
        if head & _OBJECT:
            out.append(": ")
            _say(data, places[count + index], base, out, depth)
    out.append(brackets[1])


def _say(data: bytes, place: tuple[int, int, int], base: int, out: list[str], depth: int) -> None:
    kind, begin, end = place
    # Numbers and containers begin at the next multiple of four from the first value on.
    aligned = base + (begin - base + 3 & ~3)
    if kind == _STRING:
        out.append(quoted(_text(data[begin:end])))
    elif kind == _NUMERIC:
        (size,) = struct.unpack_from("<I", data, aligned)
        out.append(numeric(data[aligned + 4 : aligned + (size >> 2)]))
    elif kind == _CONTAINER:
        _container(data, aligned, out, depth + 1)
    elif kind in _WORDS:
        out.append(_WORDS[kind])
    else:
        raise Unreadable


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


_WORDS = {_FALSE: "false", _TRUE: "true", _NULL: "null"}
