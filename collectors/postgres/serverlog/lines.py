"""Lines of a block, and the records that the three formats make of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from collectors.postgres.serverlog.unpack import Block

FIELDS = (
    "time",
    "severity",
    "state",
    "message",
    "detail",
    "hint",
    "internal_query",
    "context",
    "statement",
    "user",
    "database",
    "host",
    "application",
    "pid",
    "session",
    "xid",
)
RECORD: dict[str, pl.DataType] = {
    "line": pl.UInt64(),
    "offset": pl.UInt64(),
    "lines": pl.UInt64(),
    "record": pl.UInt64(),
    **dict.fromkeys(FIELDS, pl.String()),
    "ambiguous": pl.Boolean(),
}
"""One message of the server, whatever the format.

``line`` and ``offset`` (bytes) are of its first line, ``lines`` how many it takes; ``record`` its
number in a csvlog. ``ambiguous`` is whether the prefix can be read in two ways.
"""


@dataclass(slots=True)
class Counts:
    """What became of every line of a log."""

    lines: int = 0
    """All of them."""
    first: int = 0
    """First lines of messages."""
    joined: int = 0
    """Further lines of messages: indented, within quotes, or ``DETAIL`` and the like."""
    blank: int = 0
    """Empty lines between messages."""
    skipped: int = 0
    """Not read."""
    places: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    """Why, and for each reason (line, number of lines) where it was met."""
    decoded: list[int] = field(default_factory=list)
    """Lines that are not UTF-8: their other bytes are shown as escapes."""
    records: int = 0
    """Records met in a csvlog, read or not."""

    def skip(self, why: str, line: int, count: int = 1) -> None:
        """Lines from ``line`` on that are not read."""
        self.skipped += count
        self.places.setdefault(why, []).append((line, count))

    def skip_all(self, why: str, lines: list[int]) -> None:
        """Single lines that are not read."""
        self.skipped += len(lines)
        self.places.setdefault(why, []).extend((line, 1) for line in lines)


def split(block: Block, counts: Counts) -> pl.DataFrame:
    """``line``, ``offset`` and ``text`` of each line, without its end."""
    data = block.data.removesuffix(b"\n")
    try:
        text = pl.Series("text", [data.decode("utf-8")]).str.split("\n").explode()
        size = text.str.len_bytes()
    except UnicodeDecodeError:
        # Each database writes in its own encoding, so a log can be in several.
        raw = data.split(b"\n")
        text = pl.Series("text", [one.decode("utf-8", "backslashreplace") for one in raw])
        size = pl.Series("size", [len(one) for one in raw])
        counts.decoded += [
            block.line + at for at, one in enumerate(raw) if not one.isascii() and not _utf8(one)
        ]
    frame = pl.DataFrame({"text": text, "size": size.cast(pl.UInt64) + 1})
    counts.lines += frame.height
    return frame.select(
        line=pl.int_range(block.line, block.line + frame.height, dtype=pl.UInt64),
        offset=pl.col("size").cum_sum() - pl.col("size") + block.offset,
        text=pl.col("text").str.strip_suffix("\r"),
    )


def _utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
