"""What a page can show: text in which everything else stands as ``‹U+202E›``, and is counted.

A page is read by eyes, so it holds only characters that have one look and one order. Shown as
their number are: controls, bidi marks and every other format character; letters of scripts that
run right to left (they reorder their neighbours); combining marks (they hide in, and pile upon,
the letter before); spaces other than the common one; and what the embedded fonts cannot draw.
The native beside the page keeps the bytes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache

# Unicode general categories: see recon.text; Zs are spaces, Mn, Me and Mc combining marks.
_UNSHOWN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs", "Mn", "Me", "Mc"})
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
# typst embeds DejaVu Sans Mono 2.37, matplotlib ships the same file: its tables say what is drawn.
_FACES = ("DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSansMono-Oblique", "DejaVuSans")

NAMED = {"\t": "‹TAB›"}
"""Tabs stand between the columns of many exports, and so have a short name."""
LEGEND = (
    "‹U+202E› stands for one character that a page must not or cannot show, by its Unicode "
    "number, and ‹TAB› for a tab. The native file holds the bytes themselves."
)
_ESCAPED = re.compile(r"‹(?:U\+[0-9A-F]{4,6}|TAB)›")


@cache
def drawable() -> frozenset[str]:
    """Characters that every face used on a page and in a figure can draw, in one order."""
    from matplotlib import get_data_path
    from matplotlib.ft2font import FT2Font

    folder = f"{get_data_path()}/fonts/ttf"
    covered = set.intersection(
        *(set(FT2Font(f"{folder}/{face}.ttf").get_charmap()) for face in _FACES)
    )
    return frozenset(
        c
        for c in map(chr, covered)
        if unicodedata.category(c) not in _UNSHOWN
        and unicodedata.bidirectional(c) not in _RIGHT_TO_LEFT
    ) | {" "}


def escape(character: str) -> str:
    """How a character that is not shown stands on the page."""
    return NAMED.get(character) or f"‹U+{ord(character):04X}›"


def printable(text: str, limit: int | None = None) -> str:
    """Text of ours, or text that is cleaned already; every character not drawable replaced.

    Of more than ``limit`` characters the rest is cut, and the cut says how much it was.
    """
    cut = 0
    if limit is not None and len(text) > limit:
        cut = len(text) - limit
        text = text[:limit]
    text = _replaced(text, drawable())
    return f"{text}… ({cut:,} more characters)" if cut else text


def verbatim(text: str) -> str:
    """A source's own words: as :func:`printable`, and a literal ``‹`` is replaced too.

    So what stands between ``‹`` and ``›`` in a quote is always ours.
    """
    return _replaced(text, drawable() - {"‹"})


def _replaced(text: str, shown: frozenset[str]) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c in shown else escape(c) for c in text)


def legend(data: object) -> str:
    """How often escapes stand in a page's data, and what they mean; empty where there are none."""
    count = _count(data)
    return f"Characters are shown by number {count:,} times on these pages. {LEGEND}" * bool(count)


def _count(data: object) -> int:
    if isinstance(data, str):
        return len(_ESCAPED.findall(data))
    if isinstance(data, Mapping):
        return sum(map(_count, data.values()))
    if isinstance(data, list | tuple):
        return sum(map(_count, data))
    return 0


def lines(text: str, *, width: int, limit: int, first: int = 1) -> tuple[list[list[str]], str]:
    """A quote as lines of at most ``width`` characters, and a note on what was left out.

    Args:
        text: the words of the source.
        width: characters in a row.
        limit: rows.
        first: number of the first line in the item.

    Returns:
        Rows of ``[number, text]``; the number is empty where a long line goes on. An escape is
        never broken across rows. At most ``limit`` rows.
    """
    source = text.split("\n")
    if len(source) > 1 and not source[-1]:
        source.pop()
    rows: list[list[str]] = []
    for number, line in enumerate(source, start=first):
        # What cannot fit on the page any more need not be made printable.
        room = (limit - len(rows)) * width
        pieces = _wrap(verbatim(line[:room]), width)
        for place, piece in enumerate(pieces):
            if len(rows) == limit:
                return rows, _left_out(source, rows, number, line, pieces[:place])
            rows.append(["" if place else str(number), piece])
        if len(line) > room:
            return rows, _left_out(source, rows, number, line, pieces)
        if len(rows) == limit and number < first + len(source) - 1:
            return rows, _left_out(source, rows, number, "", [])
    return rows, ""


def _left_out(
    source: list[str], rows: list[list[str]], number: int, line: str, shown: list[str]
) -> str:
    """What a reader must know of a quote that is not shown to its end."""
    total = sum(len(each) + 1 for each in source) - 1
    where = f"line {number}" + (" in part" if shown and line else "")
    return (
        f"{len(rows)} rows shown, up to {where}, of {len(source):,} lines and {total:,} "
        "characters; the native file holds all of it"
    )


def _wrap(line: str, width: int) -> list[str]:
    """Pieces of at most ``width``; ``‹…›`` stays whole."""
    pieces: list[str] = []
    start = 0
    while len(line) - start > width:
        end = start + width
        opened = line.rfind("‹", start, end)
        if opened > start and line.find("›", opened, end) < 0:
            end = opened
        pieces.append(line[start:end])
        start = end
    pieces.append(line[start:])
    return pieces
