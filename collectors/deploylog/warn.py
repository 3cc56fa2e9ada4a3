"""What could not be read of a log, or was read with a caveat, named by line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from collectors.caveats import named
from collectors.times import EPOCHS
from recon.collector import Warn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collectors.deploylog import Fields
    from recon.collector import Item


def warnings(lines: pl.DataFrame, item: Item, fields: Fields) -> Iterator[Warn]:
    """Caveats of one item, from its lines as :mod:`collectors.deploylog.events` read them."""
    lines = lines.with_columns(citation=pl.format("line {}", pl.col("line")))
    read = lines.filter(pl.col("problem").is_null() & ~pl.col("blank"))
    time = f"={fields.time}"

    broken = lines.filter(pl.col("problem").is_not_null())
    yield from named(item, broken, pl.col("problem") + "; kept as an undated event", "error")
    odd = "expected one text or number in {}; found a key that stands twice, an object, a list or"
    odd += " half a character; the value is left out"
    yield from named(item, read.filter(pl.col("odd").is_not_null()), pl.format(odd, "odd"))
    yield from named(
        item,
        read.filter("bare"),
        pl.lit(f"expected the keys of the subject {fields.subject!r}; found not all of them;")
        + " the record is kept without subject and makes no claim",
    )
    yield from named(
        item,
        read.filter("reserved"),
        pl.lit("expected a kind of the log's own; found one that is reserved; read as log.line"),
    )
    yield from named(
        item,
        read.filter(pl.col(time).is_null() & pl.col("odd").is_null()),
        pl.lit(f"expected a time in {fields.time!r}; found none; the event is undated"),
    )
    yield from named(
        item,
        read.filter(pl.col(time).is_not_null() & pl.col("earliest").is_null()),
        pl.format(
            "expected a time (ISO 8601, or an epoch between 2001 and 2100); found {};"
            " the event is undated",
            pl.col(time).str.slice(0, 80),
        ),
    )
    yield from _whole(lines, read, item, fields)


def _whole(lines: pl.DataFrame, read: pl.DataFrame, item: Item, fields: Fields) -> Iterator[Warn]:
    """Caveats that concern the log as a whole."""
    if blank := lines["blank"].sum():
        first = lines.filter("blank")["line"][0]
        yield Warn(item.sha256, f"line {first}", f"expected records; found {blank} blank lines")
    if not lines["ended"][-1]:
        yield Warn(
            item.sha256,
            f"line {lines['line'][-1]}",
            "expected a line feed at the end; found none; the log may have been cut while written",
        )
    for unit, count in read["unit"].drop_nulls().value_counts(name="n").sort("unit").iter_rows():
        yield Warn(
            item.sha256,
            "",
            f"expected times with a zone; found {count} plain numbers, which by their size are"
            f" {EPOCHS[unit]} since 1970; read as such",
        )
    naive = read.filter(
        (pl.col("latest") - pl.col("earliest") >= pl.duration(hours=26)) & pl.col("unit").is_null()
    )
    if naive.height:
        yield Warn(
            item.sha256,
            f"line {naive['line'][0]}",
            f"expected times with a zone; found {naive.height} without; each is read as the 26"
            " hours that it covers somewhere on Earth",
        )
    dated = read.filter(pl.col("latest").is_not_null())
    back = dated.filter(pl.col("latest") < pl.col("earliest").cum_max().shift(1))
    if back.height:
        yield Warn(
            item.sha256,
            f"line {back['line'][0]}",
            f"expected times that do not go back from line to line; found {back.height} lines"
            " earlier than one before; kept as they stand",
        )
    for attribute, key in fields.attributes.items():
        if read.height and read[f"={key}"].null_count() == read.height:
            yield Warn(
                item.sha256,
                "",
                f"expected {key!r} (attribute {attribute!r}) in some record; found it in none",
            )
