"""Rows of tables to events: the row's own, and a claim for each attribute that it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from collectors import times
from collectors.caveats import named
from collectors.reading import RESERVED, digest, names, plain_template
from collectors.records import delimited, excel, jsonrows, parquet
from collectors.records.parquet import NotParquetError
from collectors.records.rows import HeadingError, Said
from collectors.records.workbook import NotAWorkbookError
from collectors.snapshots import snapshot
from recon.collector import Parsed, Warn
from recon.schema import BASIS, DRAFT
from recon.subjects import fill

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from collectors.records.options import RecordsOptions
    from recon.collector import Item, Items, Source

_READERS = {
    "csv": delimited.read,
    "jsonl": jsonrows.read,
    "parquet": parquet.read,
    "excel": excel.read,
}
METHODS = {
    "csv": "CSV, RFC 4180",
    "jsonl": "JSON lines, RFC 8259",
    "parquet": "Parquet by polars",
    "excel": "workbook by calamine",
}
_NONE = pl.lit(None, dtype=pl.String)
_BASES = BASIS.categories.to_list()
_FEW = 20
"""Domains and the like that are named of those that are left to other sources."""


def read(source: Source, items: Items) -> Parsed:
    """Every row of every table of the source, and what could not be read."""
    options: RecordsOptions = source.options
    frames: list[pl.LazyFrame] = [pl.LazyFrame(schema=DRAFT)]
    warnings: list[Warn] = []
    tables = items.of(f"records.{options.format}")
    for item in tables:
        frames.append(snapshot(item, tables, f"records:{source.id}").lazy())
        frames.extend(part.lazy() for part in _item(source, item, items, warnings))
    return Parsed(pl.concat(frames), None, tuple(warnings), {"table": METHODS[options.format]})


def _item(source: Source, item: Item, items: Items, warnings: list[Warn]) -> Sequence[pl.DataFrame]:
    options: RecordsOptions = source.options
    said = Said()
    parts: list[pl.DataFrame] = []
    try:
        # Kept part by part: where a later one cannot be read, the earlier ones stand.
        parts.extend(_READERS[options.format](items.path(item), options, said))
    except (HeadingError, NotAWorkbookError, NotParquetError) as error:
        said.warn(f"{error}; nothing after that is read of {item.native}", severity="error")
    events: Sequence[pl.DataFrame] = ()
    if parts:
        rows = _read(pl.concat(parts), source)
        warnings.extend(_caveats(rows, item, source))
        events = _events(rows.filter("mine"), source, item)
    elif not said.warnings:
        said.warn("expected rows; found none")
    warnings.extend(
        Warn(item.sha256, where, text, severity) for where, text, severity in said.warnings
    )
    return events


def _cell(name: str | None, otherwise: str | None = None) -> pl.Expr:
    constant = pl.lit(otherwise, dtype=pl.String)
    return constant if name is None else pl.col(f"={name}").fill_null(constant)


def _read(rows: pl.DataFrame, source: Source) -> pl.DataFrame:
    """Add what is read out of the cells: whose row it is, subject, kind, time as an interval."""
    options: RecordsOptions = source.options
    columns = options.columns
    template, keys = plain_template(columns.subject)
    subject = fill(template, {name: pl.col(f"={key}") for name, key in keys.items()})
    read_ = pl.col("problem").is_null()
    mine = pl.lit(True)
    for name, wanted in options.only.items():
        texts = [wanted] if isinstance(wanted, str) else list(wanted)
        mine &= pl.col(f"={name}").is_in(texts).fill_null(False)
    if columns.domain is not None:
        mine &= (pl.col(f"={columns.domain}") == source.domain).fill_null(False)
    kind = _cell(columns.kind, options.kind)
    basis = _cell(columns.basis, options.basis).str.to_lowercase()
    clock = pl.lit(options.clock or f"records:{source.id}")
    if columns.clock is not None:
        # Under the source's own name: no cell can pass its times for those of another's clock.
        clock = pl.concat_str(
            pl.lit(f"records:{source.id}/"), pl.col(f"={columns.clock}")
        ).fill_null(clock)
    rows = rows.with_columns(
        mine=~read_ | mine,
        subject=subject,
        kind=pl.when(kind.str.contains(RESERVED)).then(pl.lit(options.kind)).otherwise(kind),
        reserved=kind.str.contains(RESERVED).fill_null(False),
        basis=pl.when(basis.is_in(_BASES)).then(basis).otherwise(pl.lit("asserted")).cast(BASIS),
        unbased=~basis.is_in(_BASES).fill_null(True),
        clock=clock,
        actor=_cell(columns.actor),
        names=names(pl.col("text")),
        bare=subject.is_null(),
        at=_cell(columns.position).cast(pl.UInt64, strict=False),
    )
    return rows.hstack(_timed(rows, options)).with_columns(
        subject=pl.col("subject").fill_null(f"records:{source.id}")
    )


def _timed(rows: pl.DataFrame, options: RecordsOptions) -> pl.DataFrame:
    columns = options.columns
    exact = _cell(columns.precision, options.precision).str.to_lowercase()
    written = _columns(rows, time=_cell(columns.time), zone=_cell(columns.zone), precision=exact)
    read_ = times.read(written, options.time_formats, options.zone)
    known = written["precision"].is_in(list(times.PRECISIONS)).fill_null(True)
    read_ = read_.with_columns(imprecise=~known)
    if columns.until is None:
        return read_.with_columns(backward=pl.lit(False))
    until = times.read(
        _columns(rows, time=_cell(columns.until), zone=_cell(columns.zone), precision=exact),
        options.time_formats, options.zone,
    )  # fmt: skip
    both = read_.with_columns(last=until["latest"], until=rows[f"={columns.until}"])
    # An end that is empty or unread leaves the time as it stands; one before its start, neither.
    backward = (pl.col("last") < pl.col("earliest")).fill_null(False)
    return (
        both.with_columns(backward=backward)
        .with_columns(
            earliest=pl.when(~pl.col("backward")).then("earliest"),
            latest=pl.when(~pl.col("backward")).then(pl.max_horizontal("latest", "last")),
        )
        .drop("last", "until")
    )


def _columns(rows: pl.DataFrame, **columns: pl.Expr) -> pl.DataFrame:
    """As ``select`` does, but as high as the frame where all are constants."""
    return rows.with_columns(**columns).select(list(columns))


def _events(rows: pl.DataFrame, source: Source, item: Item) -> Sequence[pl.DataFrame]:
    """Part 0 of every row, and a part for each attribute that it holds."""
    options: RecordsOptions = source.options
    columns = options.columns
    own = columns.position is None
    base = rows.with_columns(
        attribute=_NONE,
        value=_NONE,
        digest=digest(_cell(columns.digest)),
        stream=pl.lit(f"records:{item.sha256[:16]}" if own else f"records:{source.id}"),
        position=pl.col("place") if own else pl.col("at"),
        item=pl.lit(item.sha256),
        part=pl.lit(0, dtype=pl.UInt32),
    ).with_columns(stream=pl.when(pl.col("position").is_not_null()).then("stream"))
    out = [base.select(list(DRAFT))]
    stated = base.filter(~pl.col("bare") & pl.col("problem").is_null())
    part = 0
    if columns.attribute is not None:
        part += 1
        out.append(
            _claim(stated, _cell(columns.attribute), _cell(columns.value), part, columns.digest)
        )
    for attribute, name in columns.attributes.items():
        part += 1
        out.append(
            _claim(stated, pl.lit(attribute), _cell(name, columns.empty.get(attribute)), part, None)
        )
    return out


def _claim(
    rows: pl.DataFrame, attribute: pl.Expr, value: pl.Expr, part: int, of: str | None
) -> pl.DataFrame:
    """Claims of one attribute. ``of``: the column whose digest is the value's, where it is none."""
    own = digest(value) if of is None else pl.coalesce(digest(value), digest(_cell(of)))
    return (
        rows.filter(attribute.is_not_null() & value.is_not_null())
        .with_columns(
            kind=pl.lit("claim"),
            attribute=attribute,
            value=value,
            digest=own,
            part=pl.lit(part, dtype=pl.UInt32),
        )
        .select(list(DRAFT))
    )


def _caveats(rows: pl.DataFrame, item: Item, source: Source) -> Iterator[Warn]:
    """What could not be read, or was read with a caveat, by row."""
    options: RecordsOptions = source.options
    columns = options.columns

    def each(which: pl.Expr, text: pl.Expr | str, severity: str = "warning") -> Iterator[Warn]:
        message = pl.lit(text) if isinstance(text, str) else text
        yield from named(item, rows.filter(which), message, severity, "rows")

    fine = pl.col("problem").is_null() & pl.col("mine")
    unread = pl.col("problem") + "; kept as an undated event"
    yield from each(pl.col("problem").is_not_null(), unread, "error")
    yield from each(fine & pl.col("said").is_not_null(), pl.col("said"))
    yield from each(
        fine & pl.col("bare"),
        f"expected the columns of the subject {columns.subject!r}; found an empty cell; the row is"
        " kept without subject and makes no claim",
    )
    yield from each(
        fine & pl.col("reserved"),
        f"expected a kind of the table's own; found one that is reserved; read as {options.kind}",
    )
    yield from each(
        fine & pl.col("unbased"),
        "expected stamped or asserted; found another word; read as asserted",
    )
    if columns.time is not None:
        yield from _of_times(rows, item, options)
    if columns.position is not None:
        yield from each(
            fine & pl.col("at").is_null(),
            f"expected a whole number in {columns.position!r}; found none; the row has no place in"
            " the order",
        )
    if columns.digest is not None:
        yield from each(
            fine & _cell(columns.digest).is_not_null() & digest(_cell(columns.digest)).is_null(),
            f"expected a digest of 40 or 64 hexadecimal digits in {columns.digest!r}; found another"
            " text; left out",
        )
    yield from _left(rows, item, options, source)


def _of_times(rows: pl.DataFrame, item: Item, options: RecordsOptions) -> Iterator[Warn]:
    columns = options.columns
    fine = rows.filter(pl.col("problem").is_null() & pl.col("mine"))
    time = pl.col(f"={columns.time}")

    def each(which: pl.Expr, text: pl.Expr | str) -> Iterator[Warn]:
        message = pl.lit(text) if isinstance(text, str) else text
        yield from named(item, fine.filter(which), message, "warning", "rows")

    yield from each(
        time.is_null(), f"expected a time in {columns.time!r}; found none; the event is undated"
    )
    yield from each(
        time.is_not_null() & pl.col("earliest").is_null() & ~pl.col("backward"),
        pl.format(
            "expected a time (ISO 8601, an epoch between 2001 and 2100, or a form of"
            " `time_formats`); found {}; the event is undated",
            time.str.slice(0, 80),
        ),
    )
    yield from each(
        pl.col("backward"),
        f"expected an end in {columns.until!r} that is not before its start; found an earlier one;"
        " the event is undated",
    )
    zone = _cell(columns.zone, options.zone).str.slice(0, 80)
    yield from each(
        pl.col("note") == "zone",
        pl.format(
            "expected an IANA name or an offset as zone; found {}; the time is read as the 26 hours"
            " that it covers somewhere on Earth", zone,
        ),
    )  # fmt: skip
    yield from each(
        pl.col("note") == "fold",
        pl.format(
            "expected a time that came once in {}; found one that came twice; read as both", zone
        ),
    )
    yield from each(
        pl.col("note") == "gap",
        pl.format("expected a time that was in {}; found one that its clocks left out; read as"
                  " before and after", zone),
    )  # fmt: skip
    yield from each(
        pl.col("imprecise"),
        pl.format(
            "expected one of " + ", ".join(times.PRECISIONS) + "; found {}; read as precise as it"
            " is written", _cell(columns.precision).str.slice(0, 80),
        ),
    )  # fmt: skip
    naive = fine.filter(pl.col("note") == "naive")
    if naive.height:
        yield Warn(
            item.sha256,
            naive["citation"][0],
            f"expected times with a zone; found {naive.height} without; each is read as the 26"
            " hours that it covers somewhere on Earth",
        )
    for unit, count in fine["unit"].drop_nulls().value_counts(name="n").sort("unit").iter_rows():
        yield Warn(
            item.sha256,
            "",
            f"expected times with a zone; found {count} plain numbers, which by their size are"
            f" {times.EPOCHS[unit]} since 1970; read as such",
        )


def _left(
    rows: pl.DataFrame, item: Item, options: RecordsOptions, source: Source
) -> Iterator[Warn]:
    """Rows that are other sources', by what they say; nothing is left out without a word."""
    others = rows.filter(~pl.col("mine"))
    if others.is_empty():
        return
    by = [*options.only, *([options.columns.domain] if options.columns.domain else [])]
    text = pl.concat_str([pl.col(f"={name}").fill_null("(empty)") for name in by], separator=", ")
    counts = others.select(text=text.str.slice(0, 80)).group_by("text").len().sort("text")
    shown = "; ".join(f"{count} of {name!r}" for name, count in counts.head(_FEW).iter_rows())
    more = f"; and {counts.height - _FEW} more" if counts.height > _FEW else ""
    yield Warn(
        item.sha256,
        "",
        f"expected rows of {source.id}, as the case says by {', '.join(map(repr, by))}; found"
        f" {others.height} others, which are left to other sources: {shown}{more}",
    )
