"""Frames that several rules start from: claims with the other readings of the same record."""

from __future__ import annotations

import polars as pl

from recon.names import by_xid, named
from recon.rules.base import Timeline
from recon.time.corrected import Reading, certainly_before, possibly_before
from recon.written import BASES, best
from recon.written import written as recon_written
from recon.written.verdict import BEST

__all__ = [
    "LOGGED",
    "RECORD",
    "claims",
    "last_of",
    "logged",
    "named",
    "rows_of_tables",
    "snapshots",
    "versions",
]

RECORD = ["source", "item", "citation"]
"""What one record is known by: events of one record share it."""
LOGGED = ("row.insert", "row.update", "row.before")
"""Kinds of rows that the write-ahead log shows: written, and what stood before they were ended."""


def snapshots(timeline: Timeline) -> pl.LazyFrame:
    """When each item's state was read: ``source``, ``item``, ``seen_from``, ``seen_to``.

    An item that several snapshots date (pages of a listing) is dated by all of them together, by
    ``seen_clock``. ``at_from`` to ``at_to`` is the same time as the clock shows it that stamps the
    source's own records (``log_clock``), to be compared with those; an end that is not bounded is
    null. ``at_low``, ``at_high``, ``at_basis``: by which bounds, see
    :meth:`recon.time.corrected.Corrected.bound`.
    """
    return timeline.once("snapshots", _snapshots)


def _snapshots(timeline: Timeline) -> pl.LazyFrame:
    found = (
        timeline.kind("snapshot")
        .group_by("source", "item")
        .agg(
            seen_from=pl.col("earliest").min(),
            seen_to=pl.col("latest").max(),
            seen_clock=pl.col("clock").min(),
            snapshot=pl.col("row").min(),
        )
    )
    seen = Reading("seen_clock", "seen_from", "seen_to")
    # Few as a rule, and asked for by most rules.
    few = found.limit(FEW + 1).collect(engine="streaming")
    return logged(timeline, few.lazy() if len(few) <= FEW else found, seen, "at")


def logged(timeline: Timeline, frame: pl.LazyFrame, reading: Reading, name: str) -> pl.LazyFrame:
    """With a reading as the clock shows it that stamps what its source stores.

    Adds ``log_clock`` and what :meth:`recon.time.corrected.Corrected.on` adds.
    """
    own = Reading("log_clock", reading.earliest, reading.latest)
    return timeline.clocks.on(
        frame.with_columns(log_clock=timeline.log_clock()), reading, own, name
    )


def last_of(frame: pl.LazyFrame, name: str, key: list[str], reads: tuple[str, str]) -> pl.LazyFrame:
    """By key the first readings that come last, where the second one came after all of them.

    Args:
        frame: with what :meth:`recon.time.corrected.Corrected.apart` added.
        name: as it was called there.
        key: of the second reading and what is asked of it.
        reads: the end of the first reading and the beginning of the second.

    Left out is what did not, or reads so and is not known. Adds ``sure``: whether it is known.
    """
    sure = certainly_before(name).all().over(key)
    possible = possibly_before(name).all().over(key)
    as_read = (pl.col(reads[1]) > pl.col(reads[0])).all().over(key)
    return (
        frame.with_columns(sure=sure, _possible=possible & as_read)
        .filter(pl.col("sure") | pl.col("_possible"))
        .drop("_possible")
        .sort(f"{name}_least", *key, nulls_last=False)
        .unique(key, keep="first", maintain_order=True)
    )


def claims(
    timeline: Timeline, *, logged: bool = False, of: pl.LazyFrame | None = None
) -> pl.LazyFrame:
    """Claims, each with the table it stands in (null outside databases) and its item's snapshot.

    Columns of the timeline, and ``table``, ``xid`` (of the row version), ``written`` (row of the
    event that stamped the record), what :func:`versions` says of when, ``seen_from``, ``seen_to``.
    ``logged``: those also that the write-ahead log alone shows, with ``version``, the kind of the
    row's own event: each was said in its time, and what replaced it is an ordinary update until
    something says otherwise. ``of``: these claims alone; where they are few, the other readings of
    the others are not looked for.
    """
    found = timeline.kind("claim") if of is None else of
    rows = timeline.kind(*LOGGED)
    if logged:
        known = rows.select(
            *RECORD,
            version="kind",
            logged_clock="clock",
            logged_from="earliest",
            logged_to="latest",
        )
        found = found.join(known, on=RECORD, how="left")
    elif timeline.has(*LOGGED):
        found = found.join(rows.select(RECORD), on=RECORD, how="anti")
    return (
        found.join(versions(timeline, None if of is None else found), on=RECORD, how="left")
        .join(snapshots(timeline), on=["source", "item"], how="left")
        .with_columns(
            table=pl.coalesce("table", named("pg:")),
        )
    )


def versions(timeline: Timeline, of: pl.LazyFrame | None = None) -> pl.LazyFrame:
    """Row versions with the transaction that wrote them, dated by whatever dates it.

    ``written_from`` to ``written_by`` by firm bases alone, ``guess_from`` to ``guess_basis`` by the
    best estimate (:data:`recon.written.verdict.BEST`). No rule may call a conflict what rests on a
    guess. ``of``: those of these records alone.
    """
    rows = rows_of_tables(timeline)
    if of is not None:
        few = of.select("citation").limit(FEW + 1).collect(engine="streaming").to_series()
        if len(few) <= FEW:
            # What one column rules out is not joined.
            rows = rows.filter(pl.col("citation").is_in(few.unique().implode()))
        rows = rows.join(of.select(RECORD), on=RECORD, how="semi")
    own = {"written": pl.col("row"), "table": pl.col("table"), "xid": pl.col("xid")}
    stamped = (pl.col("kind") == "row.version") & pl.col("earliest").is_not_null()
    # Where the server kept all times, and its log says no other, nothing else is asked.
    if timeline.once("kept-commit-times", _kept):
        return rows.select(
            *RECORD,
            **own,
            written_from=pl.when(stamped).then("earliest"),
            written_to=pl.when(stamped).then("latest"),
            written_clock="clock",
            written_basis=pl.when(stamped).then(pl.lit(BASES[0])),
            written_by=pl.when(stamped).then("row"),
        ).with_columns(
            pl.lit(None, dtype).alias(name)
            for name, dtype in BEST.items()
            if name.startswith("guess_")
        )
    dated = (
        rows_of_tables(timeline)
        .filter(pl.col("kind") == "row.version")
        .select("row", "clock")
        .join(best(recon_written(timeline)).lazy(), on="row", how="left")
        .with_columns(written_clock=pl.coalesce("written_clock", "clock"))
        .drop("clock")
    )
    rows = rows.select(*RECORD, **own)
    return rows.join(dated, left_on="written", right_on="row", how="left")


FEW = 200_000
"""Rows that are kept in memory without a second thought."""
_HELD = 4_000_000
"""Rows of tables that are kept in memory, some 150 bytes each: what they name is slow to read."""


def rows_of_tables(timeline: Timeline) -> pl.LazyFrame:
    """Events ``row.version`` and ``row.dumped`` with the ``table`` and the ``xid`` that they name.

    Columns besides: those of :data:`RECORD`, ``row``, ``kind``, ``subject``, ``clock``,
    ``earliest``, ``latest``.
    """
    return timeline.once("rows of tables", _rows_of_tables)


def _rows_of_tables(timeline: Timeline) -> pl.LazyFrame:
    own = timeline.kind("row.version", "row.dumped")
    rows = own.select(
        *(*RECORD, "row", "kind", "subject", "clock", "earliest", "latest"),
        table=named("pg:"),
        xid=named("xid:"),
    )
    count: int = own.select(pl.len()).collect(engine="streaming").item()
    return rows.collect(engine="streaming").lazy() if count <= _HELD else rows


def _any(frame: pl.LazyFrame) -> bool:
    return not frame.select("row").limit(1).collect(engine="streaming").is_empty()


def _kept(timeline: Timeline) -> bool:
    """Whether every row version has the time of its commit, as its own server kept it."""
    versions = rows_of_tables(timeline).filter(pl.col("kind") == "row.version")
    undated = versions.filter(pl.col("earliest").is_null())
    # A time that a server kept is another server's where a subscription applied the transaction.
    if timeline.has("table.subscribed"):
        return False
    return not (_any(undated) or _contradicted(timeline))


def _contradicted(timeline: Timeline) -> bool:
    """Whether a COMMIT record has another time than the server kept of its transaction.

    After a restore a number may have several records: one that agrees is enough.
    """
    stamped = (
        rows_of_tables(timeline)
        .filter((pl.col("kind") == "row.version") & pl.col("earliest").is_not_null())
        .select("source", "earliest", "latest", "xid")
    )
    records = by_xid(timeline.kind("wal.commit").filter(pl.col("earliest").is_not_null())).select(
        "source", "xid", low="earliest", high="latest"
    )
    agrees = (pl.col("low") <= pl.col("latest")) & (pl.col("earliest") <= pl.col("high"))
    key = ["source", "xid", "earliest"]
    both = stamped.join(records, on=["source", "xid"]).select(*key, agrees=agrees)
    denied = both.filter(~pl.col("agrees")).select(key).unique().collect(engine="streaming")
    if denied.is_empty():
        return False
    told = both.filter("agrees").select(key)
    return not denied.lazy().join(told, on=key, how="anti").collect(engine="streaming").is_empty()
