"""Records to events: the record's own, and a claim for each attribute that it asserts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from collectors import times
from collectors.caveats import NAMED
from collectors.lineage import keys as keys_
from collectors.lineage.claims import Mapped, mapped
from collectors.lineage.formats import FORMATS, told
from collectors.lineage.formats.base import File
from collectors.lineage.record import Record, Said
from collectors.reading import names
from collectors.snapshots import snapshot
from collectors.spool import Spool, streamed
from recon.collector import Parsed, Warn
from recon.schema import BASIS, DRAFT

if TYPE_CHECKING:
    from collectors.lineage.options import LineageOptions
    from recon.collector import Item, Items, Source

RECORDS = "lineage.records"
"""Kind of the items that are read; keys are of another."""
_BATCH = 20_000
"""Records whose events are made together."""
_MOST_TEXT = 16 << 20
"""Characters of the words of the records of one batch."""
_MOST_PARTS = 1_000_000
"""Places whose parts are counted. More have only files whose places come one after another, each
once: lines of JSON, rows of a table."""
_ROWS: dict[str, pl.DataType] = {
    **{name: pl.String() for name in (
        "kind", "subject", "attribute", "value", "digest", "clock", "actor", "citation", "time",
        "unit", "text", "problem",
    )},
    "stamped": pl.Boolean(),
    "before": pl.Int64(),
    "named": pl.List(pl.String()),
    "part": pl.UInt32(),
    "record": pl.UInt32(),
}  # fmt: skip


def read(source: Source, items: Items) -> Parsed:
    """Every record of every file of the source, and what could not be read."""
    options: LineageOptions = source.options
    warnings: list[Warn] = []
    wrong: list[tuple[Item, str]] = []
    keys = keys_.read(items, options.keys, wrong)
    warnings += [Warn(item.sha256, "", message, "error") for item, message in wrong]
    files = items.of(RECORDS)
    spool = Spool()
    methods: dict[str, str] = {}
    read_: dict[str, str] = {}
    for item in files:
        if item.sha256 in read_:
            message = f"{item.native}: the same bytes as {read_[item.sha256]}; read once"
            warnings.append(Warn(item.sha256, "", message, "note"))
            continue
        read_[item.sha256] = item.native
        spool.add(snapshot(item, files, f"lineage:{source.id}"))
        name = options.format or told(items.path(item), item.native)
        if name is None:
            known = ", ".join(FORMATS)
            message = f"expected one of {known}; found none that is told by what is in the file; "
            warnings.append(Warn(item.sha256, "", message + "say `format`", "error"))
            continue
        methods[name] = FORMATS[name].method
        said = Said()
        file = File(items.path(item), item.native, source.id, options, keys, said)
        caveats = _Caveats(item)
        parts: dict[str, int] = {}
        for batch in _batches(FORMATS[name].read(file)):
            frame = _frame(batch, source, item, caveats, parts)
            spool.add(frame)
        caveats.take(said)
        warnings += caveats.warnings()
    return Parsed(streamed(lambda: iter(spool), DRAFT), None, tuple(warnings), methods)


def _batches(records: Iterator[Record]) -> Iterator[list[Record]]:
    batch: list[Record] = []
    size = 0
    last = ""
    for record in records:
        # Records of one place stand in one batch, as their parts are counted there.
        if (len(batch) >= _BATCH or size > _MOST_TEXT) and record.citation != last:
            yield batch
            batch, size = [], 0
        if batch and record.text is batch[-1].text:
            size -= len(record.text)
        batch.append(record)
        size += len(record.text)
        last = record.citation
    if batch:
        yield batch


@dataclass(slots=True)
class _Caveats:
    """What is said of one item: of one sort as many as a person reads, the rest counted."""

    item: Item
    sorts: dict[tuple[str, str], list[tuple[str, str]]] = field(default_factory=dict)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, citation: str, message: str, severity: str = "warning") -> None:
        sort = (severity, message.partition(";")[0][:40])
        self.counts[sort] = self.counts.get(sort, 0) + 1
        shown = self.sorts.setdefault(sort, [])
        if len(shown) <= NAMED:
            shown.append((citation, message))

    def take(self, said: Said) -> None:
        for citation, message, severity in said.warnings:
            self.add(citation, message, severity)

    def warnings(self) -> Iterator[Warn]:
        for sort, shown in self.sorts.items():
            for citation, message in shown[:NAMED]:
                yield Warn(self.item.sha256, citation, message, sort[0])
            for citation, message in shown[NAMED:]:
                rest = self.counts[sort] - NAMED
                more = f"{message}; the same sort of warning for {rest} places from here on"
                yield Warn(self.item.sha256, citation, more, sort[0])


def _frame(
    records: Sequence[Record], source: Source, item: Item, caveats: _Caveats, parts: dict[str, int]
) -> pl.DataFrame:
    """Events of the records, as :data:`recon.schema.DRAFT`."""
    options: LineageOptions = source.options
    rows: dict[str, list[Any]] = {name: [] for name in _ROWS}
    if len(parts) > _MOST_PARTS:
        parts.clear()
    for number, one in enumerate(mapped(records, source.claims)):
        first = parts.get(one.record.citation, 0)
        parts[one.record.citation] = _rows(rows, one, number, first, source)
    frame = pl.DataFrame(rows, schema=_ROWS)
    frame = _timed(frame, options)
    _caveats(frame, records, caveats)
    # Of records that share their words, digests are looked for once.
    own = frame.select("text").unique().with_columns(found=names(pl.col("text")))
    frame = frame.join(own, on="text", how="left", nulls_equal=True, maintain_order="left")
    both = pl.concat_list(pl.col("found").fill_null([]), pl.col("named").fill_null([]))
    both = both.list.unique(maintain_order=True)
    return frame.with_columns(
        basis=pl.when("stamped").then(pl.lit("stamped")).otherwise(pl.lit("asserted")).cast(BASIS),
        stream=pl.lit(None, dtype=pl.String),
        position=pl.lit(None, dtype=pl.UInt64),
        names=pl.when(both.list.len() > 0).then(both),
        item=pl.lit(item.sha256),
    ).select(list(DRAFT))


def _rows(rows: dict[str, list[Any]], one: Mapped, number: int, first: int, source: Source) -> int:
    """The rows of one record; gives the part after its last."""
    record = one.record
    time = record.time
    own = f"lineage:{source.id}"
    clock = own
    if time.clock:
        clock = time.clock if time.clock.startswith("rekor:") else f"{own}/{time.clock}"
    stated: list[tuple[str | None, str | None, str | None]] = [(None, None, record.digest)]
    if record.problem is None:
        stated += one.attributes
    for offset, (attribute, value, digest) in enumerate(stated):
        row = {
            "kind": "claim" if offset else record.kind,
            "subject": one.subject,
            "attribute": attribute,
            "value": value if offset else record.value,
            "digest": digest,
            "clock": clock,
            "actor": record.actor,
            "citation": record.citation,
            "time": one.time if one.time is not None else time.text,
            "unit": None if one.time is not None else time.unit,
            "text": record.text,
            "problem": record.problem,
            "stamped": time.stamped,
            "before": time.before,
            "named": list(record.names) or None,
            "part": first + offset,
            "record": number,
        }
        for name, value_ in row.items():
            rows[name].append(value_)
    return first + len(stated)


def _timed(frame: pl.DataFrame, options: LineageOptions) -> pl.DataFrame:
    """With ``earliest`` and ``latest``, by the unit that a format gives, or by what is written."""
    written = times.read(frame.select("time"), zone=options.zone)
    # A count is read in its own unit, and not guessed by its size.
    sized = times.epoch_unit(pl.col("time")) == pl.col("unit")
    counted = times.read_time(pl.when(sized).then("time"), pl.when(sized).then("unit"))
    both = frame.hstack(written.select("earliest", "latest", "note")).with_columns(counted=counted)
    has = pl.col("unit").is_not_null()
    return both.with_columns(
        earliest=pl.when(has).then(pl.col("counted").struct.field("earliest")).otherwise("earliest")
        - pl.duration(seconds=pl.col("before")),
        latest=pl.when(has).then(pl.col("counted").struct.field("latest")).otherwise("latest"),
    )


def _caveats(frame: pl.DataFrame, records: Sequence[Record], caveats: _Caveats) -> None:
    for record in records:
        if record.problem is not None:
            said = f"{record.problem}; kept as an undated event"
            caveats.add(record.citation, said, "error")
    own = frame.filter(pl.col("kind") != "claim")
    undated = own.filter(pl.col("time").is_not_null() & pl.col("earliest").is_null())
    for citation, time, unit in undated.select("citation", "time", "unit").iter_rows():
        wanted = "a time in ISO 8601" if unit is None else f"a count of {times.EPOCHS[unit]}"
        caveats.add(
            citation,
            f"expected {wanted} between 2001 and 2100; found {time[:80]!r}; the event is undated",
        )
    naive = own.filter(pl.col("note").is_in(["naive", "fold", "gap"]) & pl.col("unit").is_null())
    for citation, note in naive.select("citation", "note").iter_rows():
        found = {
            "naive": "none; read as the 26 hours that it covers somewhere on Earth",
            "fold": "an hour that came twice; read as both",
            "gap": "an hour that its clocks left out; read as before and after",
        }[note]
        caveats.add(citation, f"expected a time with its zone; found {found}")
