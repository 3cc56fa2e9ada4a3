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
from collectors.lineage.formats import FORMATS, tlog, told
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
_OWN: dict[str, pl.DataType] = {
    **dict.fromkeys(("citation", "clock", "actor", "time", "unit", "text"), pl.String()),
    "stamped": pl.Boolean(),
    "before": pl.Int64(),
    "named": pl.List(pl.String()),
}
"""What all events of a record share."""
_EACH: dict[str, pl.DataType] = {
    "record": pl.UInt32(),
    **dict.fromkeys(("kind", "subject", "attribute", "value", "digest"), pl.String()),
    "part": pl.UInt32(),
}
"""What each event of a record has for itself."""


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
    if len(parts) > _MOST_PARTS:
        parts.clear()
    own: list[tuple[Any, ...]] = []
    each: list[tuple[Any, ...]] = []
    for number, one in enumerate(mapped(records, source.claims)):
        own.append(_own(one, source))
        here = one.record.citation
        first = parts.get(here, 0)
        rows = _rows(one, number, first)
        parts[here] = first + len(rows)
        each += rows
    shared = pl.DataFrame(own, schema=_OWN, orient="row")
    shared = _timed(shared, source.options)
    _caveats(shared, records, caveats)
    both = pl.concat_list(names(pl.col("text")).fill_null([]), pl.col("named").fill_null([]))
    both = both.list.unique(maintain_order=True)
    shared = shared.with_columns(
        basis=pl.when("stamped").then(pl.lit("stamped")).otherwise(pl.lit("asserted")).cast(BASIS),
        names=pl.when(both.list.len() > 0).then(both),
    ).select("citation", "clock", "actor", "earliest", "latest", "basis", "names")
    frame = pl.DataFrame(each, schema=_EACH, orient="row")
    return frame.hstack(shared[frame["record"]]).select(
        pl.lit(item.sha256).alias(name)
        if name == "item"
        else pl.lit(None, dtype=dtype).alias(name)
        if name in {"stream", "position"}
        else pl.col(name)
        for name, dtype in DRAFT.items()
    )


def _own(one: Mapped, source: Source) -> tuple[Any, ...]:
    """The columns of :data:`_OWN`."""
    record, time = one.record, one.record.time
    clock = f"lineage:{source.id}/{time.clock}" if time.clock else f"lineage:{source.id}"
    if record.kind == tlog.ENTRY and time.stamped:
        clock = time.clock  # the log's own; no other word of a file can pass for it
    return (
        record.citation,
        clock,
        record.actor,
        time.text if one.time is None else one.time,
        time.unit if one.time is None else None,
        record.text,
        time.stamped,
        time.before,
        list(record.names),
    )


def _rows(one: Mapped, number: int, first: int) -> list[tuple[Any, ...]]:
    """The columns of :data:`_EACH`: of the record's own event, and of each claim."""
    record, subject = one.record, one.subject
    rows: list[tuple[Any, ...]] = [
        (number, record.kind, subject, None, record.value, record.digest, first)
    ]
    if record.problem is None:
        rows += [
            (number, "claim", subject, attribute, value, digest, part)
            for part, (attribute, value, digest) in enumerate(one.attributes, first + 1)
        ]
    return rows


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
    undated = frame.filter(pl.col("time").is_not_null() & pl.col("earliest").is_null())
    for citation, time, unit in undated.select("citation", "time", "unit").iter_rows():
        wanted = "a time in ISO 8601" if unit is None else f"a count of {times.EPOCHS[unit]}"
        caveats.add(
            citation,
            f"expected {wanted} between 2001 and 2100; found {time[:80]!r}; the event is undated",
        )
    naive = frame.filter(pl.col("note").is_in(["naive", "fold", "gap"]) & pl.col("unit").is_null())
    for citation, note in naive.select("citation", "note").iter_rows():
        found = {
            "naive": "none; read as the 26 hours that it covers somewhere on Earth",
            "fold": "an hour that came twice; read as both",
            "gap": "an hour that its clocks left out; read as before and after",
        }[note]
        caveats.add(citation, f"expected a time with its zone; found {found}")
