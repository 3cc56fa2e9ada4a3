"""Rows of a claimed table, whether captured or dumped, as events.

A row gives its own event (part 0: ``row.version`` of a capture, ``row.dumped`` of a dump), and a
``claim`` for each attribute of the source's claims that is not null.

A value is the server's own text. So that a capture (JSON) and a dump (COPY) of one row say the
same, a value that is as a whole a time is written in one way: ``2026-02-14 10:05:00.5+00``,
with an offset always as UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from collectors import times
from collectors.postgres.lists import listed
from collectors.postgres.options import PostgresClaim
from recon.collector import Sha256, Warn
from recon.instants import read_iso
from recon.schema import BASIS, DRAFT, INSTANT
from recon.subjects import fields, fill

COLUMN = "column:"
"""Prefix of a table's own columns in a frame of rows."""
STAMPED = ("row.version", "row.insert", "row.update", "row.delete")
"""Kinds of rows of which the medium tells when they were written."""
SILENT = ("row.delete", "row.ghost")
"""Rows of these kinds say nothing any more, or never did."""

# 64 hexadecimal digits are SHA-256, 40 a git object; before them a word boundary, or the \x of
# bytea. No other lengths: 32 digits are as often a UUID as an MD5.
_DIGESTS = r"(?:\b|\\x)(?:[0-9a-fA-F]{64}|[0-9a-fA-F]{40})\b"
MAY_HOLD = r"[0-9a-fA-F]{40}"
"""What is in every text that holds a digest."""
_SHA256, SHORTEST = 64, 40
_DATED = r"^\d{4}-\d\d-\d\d[T ]"
"""How each of the next two begins."""
_ZONED = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?[+-]\d\d(?::\d\d){0,2}$"
_PLAIN = r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d(?:\.\d{1,6})?)$"


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one table in one item."""

    item: Sha256
    source: str
    table: str
    """``schema.table``."""
    subject: str
    """``pg:SOURCE/DATABASE/schema.table``."""
    kind: str
    """Kind of each row's own event."""
    frame: pl.DataFrame
    """``citation``; ``text`` (the row as the item has it; null where it surely has no digest);
    ``value``, ``stamp`` (instant) and ``xid`` of the row's own event, null where not known; a
    column ``column:NAME`` for each that a claim reads, which is missing if the table has none of
    that name. Where they differ from row to row: ``item``, ``kind``, ``stream``, ``position``; and
    ``ended`` and ``made``, names of row versions."""


def row_events(rows: Rows, claims: Sequence[PostgresClaim]) -> tuple[pl.DataFrame, list[Warn]]:
    """Events of the rows, as :data:`recon.schema.DRAFT`, and what could not be read."""
    if not claims:
        return pl.DataFrame(schema=DRAFT), []
    warnings = []
    missing = sorted(
        {c for claim in claims for c in claim.columns()}
        - {one.removeprefix(COLUMN) for one in rows.frame.columns if one.startswith(COLUMN)}
    )
    if missing and not rows.frame.is_empty():
        warnings.append(
            Warn(
                rows.item,
                "",
                f"expected the columns that the claim names in {rows.table}; found none called "
                f"{', '.join(missing)}; nothing is claimed from them",
                "error",
            )
        )
    # A column that is not there is null in every row.
    frame = rows.frame.with_columns(
        pl.lit(None, pl.String).alias(COLUMN + name) for name in missing
    )
    optional = {
        "item": pl.lit(rows.item),
        "kind": pl.lit(rows.kind),
        "stream": pl.lit(None, pl.String),
        "position": pl.lit(None, pl.UInt64),
        "ended": pl.lit(None, pl.String),
        "made": pl.lit(None, pl.String),
    }
    frame = frame.with_columns(
        **{name: given for name, given in optional.items() if name not in frame.columns}
    )
    frame = frame.with_columns(names=_names(frame, rows.subject))
    events = [_own(frame, rows, claims[0])]
    # To filter is to copy: mostly all rows stay.
    silent = frame["kind"].is_in(SILENT)
    whole = frame.filter(~silent) if silent.any() else frame
    part = 1
    for claim in claims:
        frame = whole.filter(_spoken_of(claim)) if claim.only else whole
        if left := whole.height - frame.height:
            of = ", ".join(f"{column} {text!r}" for column, text in claim.only.items())
            message = f"{left} of {rows.frame.height} rows of {rows.table} are not of {of}; the"
            warnings.append(Warn(rows.item, "", f"{message} claim leaves them", "note"))
        read = frame.with_columns(read=_time(claim), subject=_subject(claim))
        if read["subject"].null_count():
            unnamed = read.filter(pl.col("subject").is_null())
            warnings.append(
                _first(rows, unnamed, f"no subject {claim.subject}: a column of it is null")
            )
        if claim.time is not None and claim.time not in missing:
            given, found = read[COLUMN + claim.time], read["read"].struct.field("earliest")
            if (lost := given.is_not_null() & found.is_null()).any():
                undated = read.filter(lost)
                warnings.append(
                    _first(rows, undated, f"no time that can be read in {claim.time}: undated")
                )
        for attribute, column in claim.attributes.items():
            named = pl.lit(attribute)
            events.append(_claims(read, rows, claim, (named, column), part=part))
            part += 1
        if claim.attribute is not None and claim.value is not None:
            named = _attribute(claim, claim.attribute)
            events.append(_claims(read, rows, claim, (named, claim.value), part=part))
            part += 1
    return pl.concat(events), warnings


def _own(frame: pl.DataFrame, rows: Rows, claim: PostgresClaim) -> pl.DataFrame:
    stamped = pl.col("stamp")
    # A dump says nothing of when a row was written; a capture may know.
    knows = pl.col("kind").is_in(STAMPED)
    return frame.select(
        **_columns(
            kind=pl.col("kind"),
            subject=pl.coalesce(_subject(claim), pl.lit(rows.subject)),
            value=pl.col("value"),
            clock=pl.when(knows).then(pl.lit(f"pg:{rows.source}/commit")),
            basis=pl.when(knows).then(pl.lit("stamped")),
            earliest=stamped,
            latest=stamped,
            stream=pl.col("stream"),
            position=pl.col("position"),
            names=pl.col("names"),
            item=pl.col("item"),
            citation=pl.col("citation"),
            part=pl.lit(0),
        )
    )


def _claims(
    frame: pl.DataFrame,
    rows: Rows,
    claim: PostgresClaim,
    stated: tuple[pl.Expr, str],
    *,
    part: int,
) -> pl.DataFrame:
    """``stated``: the attribute's name, and the column of its value."""
    attribute, column = stated
    values = frame[COLUMN + column]
    time = pl.col("read")
    clock = f"pg:{rows.source}/{rows.table}.{claim.time}" if claim.time else None
    return frame.select(
        **_columns(
            kind=pl.lit("claim"),
            subject=pl.col("subject"),
            attribute=attribute,
            value=_same_way(values),
            digest=_digest(values),
            clock=pl.lit(clock),
            basis=pl.lit("asserted"),
            earliest=time.struct.field("earliest"),
            latest=time.struct.field("latest"),
            actor=pl.col(COLUMN + claim.actor) if claim.actor else pl.lit(None),
            names=pl.col("names"),
            item=pl.col("item"),
            citation=pl.col("citation"),
            part=pl.lit(part),
        )
    ).filter(pl.all_horizontal(pl.col("subject", "attribute", "value").is_not_null()))


def _attribute(claim: PostgresClaim, template: str) -> pl.Expr:
    """The attribute that each row names."""
    named = fill(template, {name: pl.col(COLUMN + name) for name in fields(template)})
    return named.replace(claim.words) if claim.words else named


def _spoken_of(claim: PostgresClaim) -> pl.Expr:
    """Whether a row is one that the claim speaks of."""
    wanted = [pl.col(COLUMN + column).eq(text) for column, text in claim.only.items()]
    return pl.all_horizontal([pl.lit(True), *wanted]).fill_null(False)


def _columns(**given: pl.Expr) -> dict[str, pl.Expr]:
    """Every column of an event, of its type, null where not given."""
    return {
        name: given.get(name, pl.lit(None)).cast(BASIS if name == "basis" else dtype)
        for name, dtype in DRAFT.items()
    }


def _subject(claim: PostgresClaim) -> pl.Expr:
    return fill(claim.subject, {name: pl.col(COLUMN + name) for name in fields(claim.subject)})


def _time(claim: PostgresClaim) -> pl.Expr:
    if claim.time is None:
        nothing = pl.lit(None, INSTANT)
        return pl.struct(earliest=nothing, latest=nothing)
    column = pl.col(COLUMN + claim.time)
    if claim.epoch is None:
        return read_iso(column)
    # A count that lies elsewhere is none of this unit.
    counted = times.epoch_unit(column) == claim.epoch
    return times.read_time(pl.when(counted).then(column), pl.lit(claim.epoch))


def _names(frame: pl.DataFrame, table: str) -> pl.Series:
    """Digests in the row's text, the table, the transaction that wrote the row, row versions."""
    others = [pl.select(pl.repeat(table, frame.height)).to_series()]
    others += frame.select("xid", "ended", "made").get_columns()
    # To say yes or no is much faster than to extract, and most rows hold none.
    if not frame["text"].str.contains(MAY_HOLD).any():
        return listed(others)
    found = pl.col("text").str.extract_all(_DIGESTS)
    bare = pl.element().str.strip_prefix("\\x").str.to_lowercase()
    prefixed = (
        pl.when(bare.str.len_bytes() == _SHA256)
        .then(pl.format("sha256:{}", bare))
        .otherwise(pl.format("git:{}", bare))
    )
    digests = found.list.eval(prefixed).list.unique(maintain_order=True)
    return frame.select(pl.concat_list(digests, *others).list.drop_nulls()).to_series()


def _digest(values: pl.Series) -> pl.Expr:
    if int(values.str.len_bytes().max() or 0) < SHORTEST:  # type: ignore[arg-type]
        return pl.lit(None, pl.String)
    value = pl.col(values.name)
    # Prefixes are cut off first: a pattern that only says yes or no is ten times faster.
    bare = value.str.to_lowercase().str.strip_prefix("\\x")
    sha256 = bare.str.strip_prefix("sha256:")
    commit = bare.str.strip_prefix("git:").str.strip_prefix("sha1:")
    return (
        pl.when(sha256.str.contains(r"^[0-9a-f]{64}$"))
        .then(pl.format("sha256:{}", sha256))
        .when(commit.str.contains(r"^[0-9a-f]{40}$"))
        .then(pl.format("git:{}", commit))
    )


def _same_way(values: pl.Series) -> pl.Expr:
    """One spelling for a value that is a time: COPY and JSON write the same one differently."""
    value = pl.col(values.name)
    if not values.str.contains(_DATED).any():
        return value
    zoned = read_iso(pl.when(value.str.contains(_ZONED)).then(value)).struct.field("earliest")
    fraction = zoned.dt.strftime("%6f").str.strip_chars_end("0")
    shown = pl.concat_str(
        zoned.dt.strftime("%Y-%m-%d %H:%M:%S"),
        pl.when(fraction.str.len_bytes() > 0)
        .then(pl.format(".{}", fraction))
        .otherwise(pl.lit("")),
        pl.lit("+00"),
    )
    return pl.coalesce(shown, value.str.replace(_PLAIN, "$1 $2"))


def _first(rows: Rows, frame: pl.DataFrame, found: str) -> Warn:
    return Warn(
        Sha256(frame["item"][0]),
        str(frame["citation"][0]),
        f"in {frame.height} of {rows.frame.height} rows of {rows.table}: {found}",
    )
