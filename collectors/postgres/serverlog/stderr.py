"""A stderr log: lines behind ``log_line_prefix``, further lines of a message indented by a tab.

One message is written in one piece, each of its parts (``DETAIL``, ``STATEMENT``, …) behind a
prefix of its own, and every line feed within a part is followed by a tab (elog.c). So a line that
is neither behind a prefix nor indented is not of the server's messages: a library's, or that of
``archive_command``. It is skipped and counted, and is never taken for a part of a statement.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import polars as pl

from collectors.postgres.serverlog.lines import FIELDS, RECORD, Counts, split
from collectors.postgres.serverlog.prefix import TIMES, Prefix
from collectors.postgres.serverlog.unpack import Block

LEVELS = (
    "LOG",
    "ERROR",
    "FATAL",
    "PANIC",
    "WARNING",
    "NOTICE",
    "INFO",
    "DEBUG",
    *(f"DEBUG{level}" for level in range(1, 6)),
)
PARTS = {
    "DETAIL": "detail",
    "HINT": "hint",
    "QUERY": "internal_query",
    "CONTEXT": "context",
    "LOCATION": "location",
    "STATEMENT": "statement",
    "BACKTRACE": "backtrace",
}
"""Words before the parts of a message, which follow it."""
INDENT = r"^(?:\t| {8})"
"""Of a further line: elog.c writes a tab, which some tools turn into blanks."""
STRAY = "lines without the prefix that are no part of a message"
ORPHAN = "further lines of a message whose beginning is not at hand"
_HEAD_BYTES = 1 << 13
_LOOK_BACK = 1 << 22
"""Bytes in which the beginning of the last message is looked for."""
_SQLSTATE = r"^([0-9A-Z]{5}): "
# What a client puts into a prefix (an application's name) could look like the rest of a line.
_AGAIN = rf"\b(?:{'|'.join((*LEVELS, *PARTS))}):  "


def holder(prefixes: Sequence[Prefix]) -> Callable[[bytes], int]:
    """Where the last message of some whole lines begins."""
    heads = [re.compile(prefix.pattern) for prefix in prefixes]

    def hold(data: bytes) -> int:
        end = len(data)
        while end > max(0, len(data) - _LOOK_BACK):
            start = data.rfind(b"\n", 0, end - 1) + 1
            line = data[start : min(end, start + _HEAD_BYTES)].rstrip(b"\r\n")
            if is_first(line.decode("utf-8", "backslashreplace"), heads):
                return start
            end = start
        return len(data) if end else 0

    return hold


def is_first(line: str, heads: Sequence[re.Pattern[str]]) -> bool:
    """Whether a line begins a message."""
    found = next(filter(None, (head.match(line) for head in heads)), None)
    return found is not None and found.group("severity") not in PARTS


def records(
    blocks: Iterator[Block], prefixes: Sequence[Prefix], counts: Counts
) -> Iterator[pl.DataFrame]:
    """Messages of each block, as :data:`~collectors.postgres.serverlog.lines.RECORD`."""
    for block in blocks:
        yield _block(split(block, counts), prefixes, counts)


def _block(lines: pl.DataFrame, prefixes: Sequence[Prefix], counts: Counts) -> pl.DataFrame:
    lines = _heads(lines, prefixes).with_columns(
        is_head=pl.col("severity").is_not_null(),
        is_part=pl.col("severity").is_in(list(PARTS)).fill_null(False),
        is_more=pl.col("severity").is_null() & pl.col("text").str.contains(INDENT),
    )
    lines = lines.with_columns(
        # Which message, and which part of it, a line is of; 0 before the first.
        of=(pl.col("is_head") & ~pl.col("is_part")).cum_sum(),
        part=pl.col("is_head").cum_sum(),
    )
    _count(lines, counts)
    read = lines.filter((pl.col("of") > 0) & (pl.col("is_head") | pl.col("is_more")))
    heads = _joined(read)
    first = heads.filter(~pl.col("is_part"))
    spans = read.group_by("of", maintain_order=True).agg(
        lines=pl.col("line").last() - pl.col("line").first() + 1
    )
    first = first.join(spans, on="of", how="left", maintain_order="left")
    first = first.drop(list(PARTS.values()), strict=False)
    for word, name in PARTS.items():
        part = (
            heads.filter(pl.col("severity") == word)
            .group_by("of")
            .agg(pl.col("message").str.join("\n").alias(name))
        )
        first = first.join(part, on="of", how="left", maintain_order="left")
    return _shaped(first)


def _heads(lines: pl.DataFrame, prefixes: Sequence[Prefix]) -> pl.DataFrame:
    """The groups of the first prefix that a line is behind; nulls where it is behind none."""
    names = list(dict.fromkeys(name for prefix in prefixes for name in prefix.groups))
    lines = lines.with_columns(pl.int_range(pl.len()).alias("at"))
    todo, parts = lines, []
    for prefix in prefixes:
        found = todo.with_columns(
            pl.col("text").str.extract_groups(prefix.pattern).alias("groups")
        ).unnest("groups")
        found = found.with_columns(ambiguous=_ambiguous(prefix))
        parts.append(found.filter(pl.col("severity").is_not_null()))
        todo = todo.join(parts[-1].select("at"), on="at", how="anti", maintain_order="left")
        if todo.is_empty():
            break
    found = pl.concat([*parts, todo], how="diagonal").sort("at")
    return found.with_columns(
        pl.lit(None, dtype=pl.String).alias(name)
        for name in dict.fromkeys((*names, *TIMES, *FIELDS, "remote"))
        if name not in found.columns
    ).with_columns(
        ambiguous=pl.col("ambiguous").fill_null(False)
        if "ambiguous" in found.columns
        else pl.lit(False)
    )


def _ambiguous(prefix: Prefix) -> pl.Expr:
    """Whether a text that a client chose may reach further than it was read to.

    Each is read up to where its end first stands; if it held that end itself, what is left of it
    begins the next one, or the message.
    """
    if not prefix.free:
        return pl.lit(False)
    doubts = [pl.col("message").str.contains(_AGAIN)]
    for at, name in enumerate(prefix.free):
        doubts += [
            pl.col(name).str.contains(end, literal=True) for end in prefix.ends[:at] if end.strip()
        ]
    return pl.any_horizontal(doubt.fill_null(False) for doubt in doubts)


def _count(lines: pl.DataFrame, counts: Counts) -> None:
    told = pl.col("of") > 0
    seen = lines.select(
        first=(pl.col("is_head") & ~pl.col("is_part")).sum(),
        joined=(told & (pl.col("is_part") | pl.col("is_more"))).sum(),
        blank=(pl.col("text") == "").sum(),
    ).row(0, named=True)
    counts.first += seen["first"]
    counts.joined += seen["joined"]
    counts.blank += seen["blank"]
    orphan = lines.filter(~told & (pl.col("is_part") | pl.col("is_more")))
    if orphan.height:
        counts.skip_all(ORPHAN, orphan["line"].to_list())
    stray = lines.filter(~pl.col("is_head") & ~pl.col("is_more") & (pl.col("text") != ""))
    if stray.height:
        counts.skip_all(STRAY, stray["line"].to_list())


def _joined(read: pl.DataFrame) -> pl.DataFrame:
    """First lines of messages and parts, their text with that of the lines that follow them."""
    more = (
        read.filter("is_more")
        .group_by("part", maintain_order=True)
        .agg(more=pl.col("text").str.replace(INDENT, "").str.join("\n"))
    )
    heads = read.filter("is_head")
    if more.is_empty():
        return heads
    return heads.join(more, on="part", how="left", maintain_order="left").with_columns(
        message=pl.when(pl.col("more").is_null())
        .then("message")
        .otherwise(pl.col("message") + "\n" + pl.col("more"))
    )


def _shaped(first: pl.DataFrame) -> pl.DataFrame:
    message = pl.col("message")
    # Only with log_error_verbosity = verbose does a message begin with its SQLSTATE.
    verbose = pl.col("location").is_not_null() | message.str.starts_with("00000: ")
    state = pl.when(verbose).then(message.str.extract(_SQLSTATE))
    unknown = ["", "[unknown]"]
    return (
        first.with_columns(
            time=pl.coalesce(*TIMES),
            state=pl.coalesce("state", state),
            message=pl.when(verbose).then(message.str.replace(_SQLSTATE, "")).otherwise(message),
            host=pl.coalesce("host", pl.col("remote").str.replace(r"\([0-9]+\)$", "")),
            record=pl.lit(None, dtype=pl.UInt64),
        )
        .with_columns(
            pl.when(~pl.col(name).is_in(unknown)).then(name).alias(name)
            for name in ("user", "database", "application", "host")
        )
        .select(pl.col(name).cast(dtype) for name, dtype in RECORD.items())
    )
