"""Columns of a log to events: the record's own, and a claim for each attribute that it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from collectors.deploylog import KIND, lines
from collectors.deploylog.warn import warnings as caveats
from recon.collector import Parsed, Warn
from recon.instants import read_epoch, read_iso
from recon.schema import BASIS, DRAFT, frame
from recon.subjects import fill

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from collectors.deploylog import Fields
    from recon.collector import Item, Items, Source

OWN_KIND = "log.line"
"""Kind of a line that names none, or that could not be read."""
RESERVED = (
    r"^(claim|snapshot|examiner|git\.(commit|author|tag|ref|reflog)"
    r"|(wal|row|table|timeline|object|bucket|backup)\..*)$"
)
"""Kinds by which rules know what a medium itself recorded; a log cannot give them to its lines."""
_HEX = r"\b(?:[0-9a-fA-F]{64}|[0-9a-fA-F]{40})\b"
# Counts since 1970 that fall into 2001-09-09 … 2099-12-05; outside it a number could as well be
# a date without separators (20260308, 20260308120000), and is not read.
_EPOCH = r"^(?:[1-3][0-9]{9}|40[0-9]{8})"
_UNITS = {"s": "$", "ms": r"[0-9]{3}$", "us": r"[0-9]{6}$", "ns": r"[0-9]{9}$"}
_FRACTION = r"\.([0-9]{1,9})$"


def read(source: Source, items: Items) -> Parsed:
    """Every record of every log of the source, and what could not be read."""
    frames: list[pl.LazyFrame] = [pl.LazyFrame(schema=DRAFT)]
    warnings: list[Warn] = []
    for item in items.of(KIND):
        snapshot = {
            "kind": "snapshot",
            "subject": f"log:{source.id}",
            "clock": "examiner",
            "basis": "stamped",
            "item": item.sha256,
            "citation": "",
            "part": 0,
        }
        taken = pl.lit(item.acquired)
        frames.append(
            frame([snapshot], DRAFT)
            .lazy()
            .with_columns(
                earliest=read_iso(taken).struct.field("earliest"),
                latest=read_iso(taken).struct.field("latest"),
            )
        )
        found = _read_item(source, item, items.path(item), warnings)
        frames.extend(part.lazy() for part in found)
    return Parsed(pl.concat(frames), None, tuple(warnings), {"log": "JSON lines, RFC 8259"})


def _read_item(source: Source, item: Item, path: Path, warnings: list[Warn]) -> list[pl.DataFrame]:
    fields: Fields = source.options.fields
    records: list[pl.DataFrame] = []
    events: list[pl.DataFrame] = []
    for raw in lines.read(path, fields.used()):
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
    template, names = fields.template()
    subject = fill(template, {name: pl.col(f"={key}") for name, key in names.items()})
    kind = pl.lit(None, dtype=pl.String) if fields.kind is None else pl.col(f"={fields.kind}")
    own = pl.lit(f"log:{source.id}")
    return (
        block.with_columns(
            unit=_unit(pl.col(f"={fields.time}")), time=pl.col(f"={fields.time}").str.strip_chars()
        )
        .with_columns(reading=_reading())
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
            names=_names(pl.col("text")),
        )
    )


def _unit(time: pl.Expr) -> pl.Expr:
    """``s``, ``ms``, ``us``, ``ns`` or ``s.``: which epoch a number is; null for other text."""
    time = time.str.strip_chars()
    unit = pl.lit(None, dtype=pl.String)
    for name, rest in _UNITS.items():
        unit = pl.when(time.str.contains(_EPOCH + rest)).then(pl.lit(name)).otherwise(unit)
    return pl.when(time.str.contains(_EPOCH + _FRACTION)).then(pl.lit("s.")).otherwise(unit)


def _reading() -> pl.Expr:
    """Interval of ``time`` by its ``unit``; nulls where it is neither ISO nor a known epoch."""
    time, unit = pl.col("time"), pl.col("unit")
    number = time.str.extract(r"^([0-9]+)").cast(pl.Int64, strict=False)
    digits = time.str.extract(_FRACTION).str.slice(0, 6)
    micros = number * 1_000_000 + digits.str.pad_end(6, "0").cast(pl.Int64, strict=False)
    start = micros.cast(pl.Datetime("us", "UTC"))
    width = pl.lit(10, dtype=pl.Int64).pow(6 - digits.str.len_chars().cast(pl.Int64))
    fraction = pl.struct(earliest=start, latest=start + pl.duration(microseconds=width - 1))
    numbers = {
        "s": read_epoch(number, "s"),
        "ms": read_epoch(number, "ms"),
        "us": read_epoch(number, "us"),
        "ns": read_epoch(number // 1000, "us"),
        "s.": fraction,
    }
    reading = read_iso(time)
    for name, interval in numbers.items():
        reading = pl.when(unit == name).then(interval).otherwise(reading)
    return reading


def digest(value: pl.Expr) -> pl.Expr:
    """``sha256:…`` of 64 hexadecimal digits, ``git:…`` of 40, by their length; null for others."""
    plain = value.str.to_lowercase().str.extract(r"^(?:sha256:|git:|sha1:)?([0-9a-f]{40,64})$")
    return _prefixed(plain)


def _prefixed(digits: pl.Expr) -> pl.Expr:
    size = digits.str.len_bytes()
    return pl.when(size == 64).then("sha256:" + digits).when(size == 40).then("git:" + digits)  # noqa: PLR2004


def _names(text: pl.Expr) -> pl.Expr:
    """Digests that the line holds, each once, in the order in which they stand; null if none."""
    # No regular expression and no sort within lists: each takes ten times as long as the rest.
    found = text.str.extract_all(_HEX).list.eval(_prefixed(pl.element().str.to_lowercase()))
    return pl.when(found.list.len() > 0).then(found.list.unique(maintain_order=True))


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
