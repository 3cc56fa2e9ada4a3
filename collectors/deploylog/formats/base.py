"""What a format of a log is: how its records are found, and what the format itself says of them.

A reader gives frames with the columns of :func:`collectors.jsonlines.text_lines`, and

- ``citation``: where the record stands; ``sub``: which of several records of one place, from 0;
- one column of text for each key that is asked for, under the key's name behind ``=``;
- ``odd``: keys whose value is none that can be read as one text; null where there is none;
- ``continued``: whether the line is no record by itself, and goes on from the one before.

A format derives from the keys what it knows by its own documents: the columns of :data:`DERIVED`.
What a record says about which subject of the case is for the case to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from collectors.deploylog.patterns import HIT, wrapped

if TYPE_CHECKING:
    from collectors.deploylog.options import DeployLogOptions

DERIVED = ("time", "kind", "actor", "subject", "host", "sequence", "run", "moved")
"""``host``: whose clock gave the time, under the log's own. ``sequence``: a number that the log
counts up, as decimal digits, within ``run``. ``moved``: of the push of a ref ``OLD NEW``, the names
of what it pointed to, 0 for nothing, as a reflog has them. All text, null where the record does
not say."""
_BATCH = 10_000
BATCH_TEXT = 64 << 20
"""Characters of the records of one frame."""
NONE = pl.lit(None, dtype=pl.String)
NOTHING = "0" * 40
"""What git gives for the side of a move on which there is no ref."""
_NAME = "^(?:[0-9a-f]{64}|[0-9a-f]{40})$"
_NOTHING = "^0+$"
Derive = Callable[["DeployLogOptions"], Mapping[str, pl.Expr]]


@dataclass(frozen=True, slots=True)
class Reading:
    """One file that is read."""

    path: Path
    keys: Sequence[str]
    """Those that the format and the case read."""
    options: DeployLogOptions
    after: tuple[int, int] = (0, 0)
    """Bytes and lines at its start that an earlier item holds, and that are not read again."""


@dataclass(frozen=True, slots=True)
class Format:
    """One way in which logs are written."""

    name: str
    """As in ``format = "…"`` of ``case.toml``."""
    method: str
    """Its definition, for the exhibit."""
    records: Callable[[Reading], Iterator[pl.DataFrame]]
    keys: tuple[str, ...] = ()
    """Keys that :attr:`derive` reads."""
    derive: Derive = lambda _: {}
    """Columns of :data:`DERIVED` from the keys."""
    message: str | None = None
    """Key of the text that a `pattern` of the case is matched with."""
    stamped: bool = False
    """Whether the program that keeps the log wrote the time as it took the record in."""
    ordered: bool = True
    """Whether the lines of a file follow one another as their times were taken: the writer that
    dates a line appends it. Where lines come from several writers, or through a queue, the order
    of lines is that of their arrival, and says nothing of when they were dated."""
    lines: bool = True
    """Whether records are lines, so that what was appended can be read by itself."""


def key(name: str) -> pl.Expr:
    """The column of a key."""
    return pl.col(f"={name}")


def joined(separator: str, *parts: pl.Expr) -> pl.Expr:
    """Those that are there, with something between them; null where none is."""
    text = pl.concat_str(parts, separator=separator, ignore_nulls=True)
    return pl.when(pl.any_horizontal(part.is_not_null() for part in parts)).then(text)


def moved(old: pl.Expr, new: pl.Expr) -> pl.Expr:
    """``OLD NEW`` of a push; null where it does not name both."""
    both = pl.all_horizontal(side.str.contains(_NAME) for side in (old, new))
    return pl.when(both.fill_null(value=False)).then(pl.concat_str(old, new, separator=" "))


def how_moved(old: pl.Expr, new: pl.Expr) -> pl.Expr:
    """``create`` or ``delete``, where one side of a push is nothing."""
    return (
        pl.when(new.str.contains(_NOTHING)).then(pl.lit("delete"))
        .when(old.str.contains(_NOTHING)).then(pl.lit("create"))
        .otherwise(NONE)
    )  # fmt: skip


def plain_lines(reading: Reading) -> Iterator[pl.DataFrame]:
    """Lines as they stand, without keys."""
    from collectors.jsonlines import text_lines

    for frame in text_lines(reading.path, after=reading.after):
        yield cited(frame)


def json_lines(reading: Reading) -> Iterator[pl.DataFrame]:
    """One JSON object a line."""
    from collectors.jsonlines import read

    for frame in read(reading.path, reading.keys, after=reading.after, texts=False):
        yield cited(frame)


def cited(frame: pl.DataFrame) -> pl.DataFrame:
    """Lines with their citation, and the columns that most formats leave empty."""
    lacking = {
        "odd": NONE,
        "sub": pl.lit(0, dtype=pl.UInt32),
        "continued": pl.lit(False),
        "citation": pl.concat_str(pl.lit("line "), pl.col("line").cast(pl.String)),
    }
    return frame.with_columns(
        **{name: value for name, value in lacking.items() if name not in frame.columns}
    )


def frame_of(rows: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> pl.DataFrame:
    """Records that were met one by one, each a row; what is left out is null."""
    schema: dict[str, pl.DataType] = {
        "line": pl.UInt64(),
        "offset": pl.UInt64(),
        "text": pl.String(),
        "ended": pl.Boolean(),
        "problem": pl.String(),
        "blank": pl.Boolean(),
        "continued": pl.Boolean(),
        "citation": pl.String(),
        "sub": pl.UInt32(),
        "odd": pl.String(),
        **{f"={name}": pl.String() for name in keys},
    }
    frame = pl.DataFrame(rows, schema=schema)
    return frame.with_columns(
        pl.col("continued").fill_null(False),
        pl.col("sub").fill_null(0),
        pl.col("blank").fill_null(False),
    )


def batches(rows: Iterator[dict[str, Any]], keys: Sequence[str]) -> Iterator[pl.DataFrame]:
    """The same, a frame for as many as memory has room for."""
    batch: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += len(row["text"] or "")
        if len(batch) == _BATCH or size > BATCH_TEXT:
            yield frame_of(batch, keys)
            batch, size = [], 0
    if batch:
        yield frame_of(batch, keys)


def matched(
    frame: pl.DataFrame, pattern: str, names: Sequence[str], text: str = "text"
) -> pl.DataFrame:
    """The named groups of a regular expression as keys, and ``hit``: whether it matched.

    polars' regular expressions take time in proportion to the text, whatever the pattern: there is
    no line on which one of them runs for ever.
    """
    groups = frame[text].str.extract_groups(wrapped(pattern)).struct.unnest()
    return frame.with_columns(
        *(groups[name].alias(f"={name}") for name in names), hit=groups[HIT].is_not_null()
    )
