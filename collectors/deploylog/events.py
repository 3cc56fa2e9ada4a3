"""Columns of a log to events: the record's own, and a claim for each attribute that it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from collectors import jsonlines
from collectors.deploylog import KIND
from collectors.deploylog.warn import warnings as caveats
from collectors.reading import RESERVED, digest, names
from collectors.snapshots import snapshot
from collectors.times import epoch_unit, read_time
from recon.collector import Parsed, Warn
from recon.schema import BASIS, DRAFT
from recon.subjects import fill

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from collectors.deploylog import Fields
    from recon.collector import Item, Items, Source

OWN_KIND = "log.line"
"""Kind of a line that names none, or that could not be read."""


def read(source: Source, items: Items) -> Parsed:
    """Every record of every log of the source, and what could not be read."""
    frames: list[pl.LazyFrame] = [pl.LazyFrame(schema=DRAFT)]
    warnings: list[Warn] = []
    logs = items.of(KIND)
    for item in logs:
        frames.append(snapshot(item, logs, f"log:{source.id}").lazy())
        found = _read_item(source, item, items.path(item), warnings)
        frames.extend(part.lazy() for part in found)
    return Parsed(pl.concat(frames), None, tuple(warnings), {"log": "JSON lines, RFC 8259"})


def _read_item(source: Source, item: Item, path: Path, warnings: list[Warn]) -> list[pl.DataFrame]:
    fields: Fields = source.options.fields
    records: list[pl.DataFrame] = []
    events: list[pl.DataFrame] = []
    for raw in jsonlines.read(path, fields.used()):
        block = _read_block(raw, source)
        events.extend(_events(block, source, item))
        records.append(block.select(*_KEPT, *(f"={key}" for key in fields.used())))
    if not records:
        warnings.append(Warn(item.sha256, "", "expected JSON lines; found an empty file"))
        return []
    warnings.extend(caveats(pl.concat(records), item, fields))
    return events


_KEPT = (
    "line",
    "ended",
    "problem",
    "blank",
    "odd",
    "unit",
    "earliest",
    "latest",
    "bare",
    "reserved",
)


def _read_block(block: pl.DataFrame, source: Source) -> pl.DataFrame:
    """Add what is read out of the keys: kind, subject, time as an interval, the digests named."""
    fields: Fields = source.options.fields
    missing = [key for key in fields.used() if f"={key}" not in block.columns]
    block = block.with_columns(pl.lit(None, dtype=pl.String).alias(f"={key}") for key in missing)
    if "odd" not in block.columns:
        block = block.with_columns(odd=pl.lit(None, dtype=pl.String))
    template, keys = fields.template()
    subject = fill(template, {name: pl.col(f"={key}") for name, key in keys.items()})
    kind = pl.lit(None, dtype=pl.String) if fields.kind is None else pl.col(f"={fields.kind}")
    own = pl.lit(f"log:{source.id}")
    return (
        block.with_columns(
            unit=epoch_unit(pl.col(f"={fields.time}")),
            time=pl.col(f"={fields.time}").str.strip_chars(),
        )
        .with_columns(reading=read_time(pl.col("time"), pl.col("unit")))
        .with_columns(
            earliest=pl.col("reading").struct.field("earliest"),
            latest=pl.col("reading").struct.field("latest"),
            reserved=kind.str.contains(RESERVED).fill_null(False),
            kind=pl.when(kind.str.contains(RESERVED) | kind.eq("")).then(None).otherwise(kind),
            subject=pl.when(pl.col("problem").is_null()).then(subject),
        )
        .with_columns(
            bare=pl.col("subject").is_null(),
            kind=pl.col("kind").fill_null(OWN_KIND),
            subject=pl.col("subject").fill_null(own),
            names=names(pl.col("text")),
        )
    )


def _events(block: pl.DataFrame, source: Source, item: Item) -> Sequence[pl.DataFrame]:
    """Part 0 of every line that is not blank, and a part for each attribute that it holds."""
    fields: Fields = source.options.fields
    text = pl.String()
    actor = pl.lit(None, dtype=text) if fields.actor is None else pl.col(f"={fields.actor}")
    base = block.filter(~pl.col("blank")).with_columns(
        attribute=pl.lit(None, dtype=text),
        value=pl.lit(None, dtype=text),
        digest=pl.lit(None, dtype=text),
        clock=pl.lit(f"log:{source.id}"),
        basis=pl.lit("asserted").cast(BASIS),
        stream=pl.lit(f"log:{item.sha256[:16]}"),
        position=pl.col("offset"),
        actor=actor,
        item=pl.lit(item.sha256),
        citation=pl.format("line {}", pl.col("line")),
        part=pl.lit(0, dtype=pl.UInt32),
    )
    out = [base.select(list(DRAFT))]
    records = base.filter(~pl.col("bare"))
    for part, (attribute, key) in enumerate(fields.attributes.items(), 1):
        value = pl.col(f"={key}")
        out.append(
            records.filter(value.is_not_null())
            .with_columns(
                kind=pl.lit("claim"),
                attribute=pl.lit(attribute),
                value=value,
                digest=digest(value),
                part=pl.lit(part, dtype=pl.UInt32),
            )
            .select(list(DRAFT))
        )
    return out
