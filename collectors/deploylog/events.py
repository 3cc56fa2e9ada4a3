"""Records of a log to events: the record's own, and a claim for each attribute that it holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import polars as pl

from collectors import times
from collectors.ahead import ahead
from collectors.deploylog import integrity
from collectors.deploylog.formats import FORMATS
from collectors.deploylog.formats.base import NONE, Format, Reading, matched
from collectors.deploylog.patterns import groups_of
from collectors.deploylog.warn import Watch
from collectors.reading import RESERVED, beside, digest_of, names, prefixed
from collectors.snapshots import snapshot
from collectors.spool import Spool, streamed
from recon.collector import Parsed, Warn
from recon.instants import read_iso
from recon.schema import BASIS, DRAFT, frame
from recon.subjects import fill

if TYPE_CHECKING:
    from collectors.deploylog.integrity import Known, Rewritten
    from collectors.deploylog.options import DeployLogOptions, Fields
    from recon.collector import Item, Items, Source

OWN_KIND = "log.line"
"""Kind of a record that names none, or that could not be read."""
_MOVED_TO = r" ([0-9a-f]*[1-9a-f][0-9a-f]*)$"
"""Where a push moved a ref to, but to nothing."""
_KEPT = (
    "citation", "sub", "offset", "kind", "subject", "clock", "earliest", "latest", "actor", "names",
    "bare", "stream", "item", "moved", "held",
)  # fmt: skip
"""Columns of a block that events are made of."""


def read(source: Source, items: Items) -> Parsed:
    """Every record of every log of the source, and what could not be read.

    Blocks of records are read once and spooled; events are made of them as they are asked for.
    """
    options: DeployLogOptions = source.options
    format_ = FORMATS[options.format]
    logs = items.of(f"log.{options.format}")
    first: list[pl.DataFrame] = [snapshot(item, logs, f"log:{source.id}") for item in logs]
    warnings: list[Warn] = []
    known = integrity.known(logs, items) if format_.lines else {}
    # A listing is made anew each time, its newest record first or its oldest left out.
    for one in integrity.rewritten(logs, items) if format_.lines else ():
        warnings.append(integrity.said(one))
        first.append(_rewritten(one, source))
    spool = Spool(packed=False)
    for item in logs:
        start = known.get((item.sha256, item.native), integrity.Known())
        watch = Watch(item, options, format_)
        for block in _blocks(source, item, items, start, watch):
            spool.add(block)
        if item.size > start.size or not start.first:
            warnings.extend(watch.warnings())
            # A number that a format has by itself counts what an export leaves out as well.
            counted = watch.gaps if options.fields.sequence else ()
            first += [_gaps(gaps, item, source) for gaps in counted if gaps.height]

    def events() -> Iterator[pl.DataFrame]:
        yield from first
        for block in spool:
            yield from _events(block, options.fields, format_)

    return Parsed(streamed(events, DRAFT), None, tuple(warnings), {"log": format_.method})


def _blocks(
    source: Source, item: Item, items: Items, start: Known, watch: Watch
) -> Iterator[pl.DataFrame]:
    options: DeployLogOptions = source.options
    format_ = FORMATS[options.format]
    groups = groups_of(options.pattern or "") if options.pattern else ()
    keys = [one for one in options.fields.used() if one not in groups]
    keys = list(dict.fromkeys([*keys, *format_.keys]))
    reading = Reading(items.path(item), keys, options, (start.size, start.lines))
    # Lines that were appended later go on in the stream of the item that had the first of them.
    stream = f"{'log' if options.append_only else 'lines'}:{(start.first or item.sha256)[:16]}"
    for raw in ahead(format_.records(reading)):
        block = _read_block(raw, source, format_)
        block = block.with_columns(stream=pl.lit(stream), item=pl.lit(item.sha256))
        watch.see(block)
        columns = [f"={key}" for key in options.fields.attributes.values()]
        columns += _held(block)
        kept = block.select(*_KEPT, *dict.fromkeys(columns), "blank")
        # A copy of it all would be made for nothing.
        yield (kept.filter(~pl.col("blank")) if kept["blank"].any() else kept).drop("blank")


def _read_block(block: pl.DataFrame, source: Source, format_: Format) -> pl.DataFrame:
    """Add what is read out of the keys: kind, subject, time as an interval, the digests named."""
    options: DeployLogOptions = source.options
    fields = options.fields
    block = block.with_columns(hit=pl.lit(True))
    if options.pattern is not None and format_.message is not None:
        groups = groups_of(options.pattern)
        block = matched(block.drop("hit"), options.pattern, groups, f"={format_.message}")
    missing = [key for key in (*fields.used(), *format_.keys) if f"={key}" not in block.columns]
    block = block.with_columns(NONE.alias(f"={key}") for key in missing)
    derived = dict(format_.derive(options))
    chosen = {
        name: NONE if key is None else pl.col(f"={key}")
        for name, key in (("time", fields.time), ("kind", fields.kind), ("actor", fields.actor))
    }
    for name, own in chosen.items():
        if getattr(fields, name) is None:
            chosen[name] = derived.get(name, own)
    if fields.subject is not None:
        template, keys = fields.template()
        subject = fill(template, {name: pl.col(f"={key}") for name, key in keys.items()})
    else:
        subject = derived.get("subject", NONE)
    own_clock = f"log:{source.id}"
    host = derived.get("host", NONE)
    sequence = (
        derived.get("sequence", NONE) if fields.sequence is None else pl.col(f"={fields.sequence}")
    )
    clock = pl.concat_str(pl.lit(f"{own_clock}/"), host)
    # Of what is no record, nothing is read.
    read_ = pl.col("problem").is_null() & ~pl.col("continued")
    block = block.with_columns(
        time=pl.when(read_).then(chosen["time"].str.strip_chars()),
        word=pl.when(read_).then(chosen["kind"]),
        actor=pl.when(read_).then(chosen["actor"]),
        subject=pl.when(read_).then(subject),
        clock=pl.when(read_).then(clock).fill_null(pl.lit(own_clock)),
        sequence=sequence.cast(pl.UInt64, strict=False),
        run=derived.get("run", NONE) if fields.sequence is None else NONE,
        moved=pl.when(read_).then(derived.get("moved", NONE)),
    )
    block = block.hstack(times.read(block.select("time"), options.time_formats, options.zone))
    kind = pl.col("word")
    reserved = kind.str.contains(RESERVED).fill_null(False)
    return block.with_columns(
        reserved=reserved,
        kind=pl.when(reserved | kind.eq("") | kind.is_null())
        .then(pl.lit(OWN_KIND))
        .otherwise(kind),
        # Where nothing says what a record is about, it is about the log itself.
        lacking=pl.col("subject").is_null() & pl.lit(bool(fields.subject or fields.attributes)),
        bare=pl.col("subject").is_null(),
        subject=pl.col("subject").fill_null(pl.lit(own_clock)),
    ).with_columns(_names(block))


def _names(block: pl.DataFrame) -> list[pl.Series]:
    """``names``: the digests that each record names, as its reader found them, else from its text.

    And ``held``: the columns that hold them, where they do for every record: no list is made yet.
    """
    held = block.get_column("held", default=None)
    nothing = pl.repeat(None, block.height, dtype=pl.List(pl.String), eager=True)
    if held is not None and not held.null_count():
        return [nothing.alias("names"), held]
    sure = pl.repeat(False, block.height, dtype=pl.Boolean, eager=True)
    found = nothing
    if "digested" in block.columns:
        sure, found = block["digested"].fill_null(False), block["digests"]
    if held is not None and held.null_count() < block.height:
        here = held.is_not_null()
        listed = beside([prefixed(block[name]) for name in _held(block)], block.height)
        sure, found = sure | here, found.zip_with(~here, listed)
    found = found.alias("names")
    if not sure.all():
        own = pl.when(sure).then(pl.lit(None, dtype=pl.String)).otherwise("text")
        other = block.select(names=names(own)).to_series()
        found = found.zip_with(sure, other)
    return [found, pl.repeat(None, block.height, dtype=pl.String, eager=True).alias("held")]


def _held(block: pl.DataFrame) -> list[str]:
    """Columns of a block that hold the digests of its records."""
    for held in block.get_column("held", default=pl.Series(dtype=pl.String)).drop_nulls().head(1):
        return str(held).split("\r") if held else []
    return []


def _events(block: pl.DataFrame, fields: Fields, format_: Format) -> Sequence[pl.DataFrame]:
    """Part 0 of every record that is not blank, and a part for each attribute that it holds.

    Records of one place follow one another: each takes as many parts as it could fill.
    """
    span = len(fields.attributes) + 1
    text = pl.String()
    known = {name: prefixed(block[name]) for name in _held(block)}
    if known:
        block = block.with_columns(beside(list(known.values()), block.height).alias("names"))
    base = block.with_columns(
        attribute=pl.lit(None, dtype=text),
        value="moved",
        digest="git:" + pl.col("moved").str.extract(_MOVED_TO),
        basis=pl.lit("stamped" if format_.stamped else "asserted").cast(BASIS),
        position=pl.col("offset"),
        part=(pl.col("sub") * span).cast(pl.UInt32),
    )
    out = [base.select(list(DRAFT))]
    # A claim needs a subject of its own: the case's template, or what the format names.
    records = base.filter(~pl.col("bare")) if base["bare"].any() else base
    for part, (attribute, key) in enumerate(fields.attributes.items(), 1):
        here = records
        if records[f"={key}"].null_count():
            here = records.filter(pl.col(f"={key}").is_not_null())
        value = here[f"={key}"]
        digest = known.get(f"={key}")
        if digest is None or here.height < block.height:
            digest = digest_of(value)
        out.append(
            here.with_columns(
                kind=pl.lit("claim"),
                attribute=pl.lit(attribute),
                value=value,
                digest=digest,
                part=(pl.col("part") + part).cast(pl.UInt32),
            ).select(list(DRAFT))
        )
    return out


def _rewritten(one: Rewritten, source: Source) -> pl.DataFrame:
    """A log that was written over, at some time between the two acquisitions that show it."""
    row = {
        "kind": "log.rewritten",
        "subject": f"log:{source.id}",
        "value": f"line {one.line}" if not one.cut else f"ends before line {one.line}",
        "clock": "examiner",
        "basis": "stamped",
        # What was there before, as it was kept then.
        "names": [f"item:{one.before.sha256}"],
        "item": one.after.sha256,
        "citation": "" if one.cut else f"line {one.line}",
        # No part of any record: the item's own event, the snapshot, has part 0 of no place.
        "part": 2**31,
    }
    times_ = (read_iso(pl.lit(item.acquired)) for item in (one.before, one.after))
    first, last = times_
    return frame([row], DRAFT).with_columns(
        earliest=first.struct.field("earliest"), latest=last.struct.field("latest")
    )


def _gaps(gaps: pl.DataFrame, item: Item, source: Source) -> pl.DataFrame:
    """Numbers that the log counts by and that are not there, each at the record that follows.

    ``attribute`` is the key by which the case says that it counts.
    """
    options: DeployLogOptions = source.options
    found = gaps.select(
        "clock",
        "earliest",
        "latest",
        "citation",
        kind=pl.lit("log.gap"),
        subject=pl.lit(f"log:{source.id}"),
        attribute=pl.lit(options.fields.sequence, dtype=pl.String()),
        value=pl.format("{} to {}", pl.col("before") + 1, pl.col("sequence").cast(pl.Int64) - 1),
        basis=pl.lit("asserted").cast(BASIS),
        names=pl.lit([], dtype=DRAFT["names"]),
        item=pl.lit(item.sha256),
        part=pl.lit(2**31 + 1, dtype=pl.UInt32),
    )
    missing = [pl.lit(None, dtype=DRAFT[one]).alias(one) for one in DRAFT if one not in found]
    return found.with_columns(missing).select(list(DRAFT))
