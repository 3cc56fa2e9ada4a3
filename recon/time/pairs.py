"""Pairs of events that bound the offset between two clocks.

A law *a before b* says T(a) ≤ T(b). With a read on clock A and b on clock B it follows that
D(B) − D(A) ≤ R(b).latest − R(a).earliest. A correspondence says more: least ≤ T(b) − T(a) ≤ most,
which bounds D(B) − D(A) from both sides. Both are brought to one form: for two clocks in
alphabetical order, low ≤ D(second) − D(first) ≤ high.

Which end of a reading holds depends on what wrote it. A time that is written down when something
begins says nothing of how late the record itself came to be; :data:`LATE` lists those.
"""

from __future__ import annotations

from typing import cast

import polars as pl

from recon.beside import record_back

PAIRS: dict[str, pl.DataType] = {
    "first": pl.Categorical(),
    "second": pl.Categorical(),
    "at": pl.Int64(),
    "low": pl.Int64(),
    "high": pl.Int64(),
    "before": pl.UInt64(),
    "after": pl.UInt64(),
    "law": pl.String(),
}
"""One row for a pair, its clocks in alphabetical order. ``at``: the first clock's reading, µs
since 1970. ``low``, ``high``: bounds of D(second) − D(first), µs, null where the pair gives
none. ``before``, ``after``: rows of the timeline, the earlier event first. ``law``: the law's or
the correspondence's name."""

KEYS = ["first", "second"]
"""The clocks of a pair: few names of many rows, so they stand in the frame as numbers."""

CORRESPONDENCES: dict[str, pl.DataType] = {
    "before": pl.UInt64(),
    "after": pl.UInt64(),
    "least": pl.Int64(),
    "most": pl.Int64(),
    "name": pl.String(),
}
"""Two records of one act: ``least`` ≤ T(after) − T(before) ≤ ``most``, in µs."""

LATE = ("wal.checkpoint", "control.checkpoint", "timeline.end-of-recovery", "backup.start")
"""Kinds whose time is of a beginning, while their place in an order is of an end.

A checkpoint's record holds the time at which the checkpoint began, and stands in the log where it
ended (PostgreSQL's ``CreateCheckPoint``)."""

_ODD = 0x9E37_79B1
"""Spreads readings over the numbers by which equal pairs are looked for."""
_AT_ONCE = 2**18
"""Laws whose readings are looked up together: what is made on the way takes little room."""


def readings(events: pl.LazyFrame, *, every: bool = False, **more: pl.Expr) -> pl.LazyFrame:
    """``row``, ``clock``, ``earliest`` and ``latest`` in µs; dated events of a known clock alone.

    ``latest`` is null where the reading gives no upper end to when the record came to be.
    ``every``: all events, with nulls where there is no reading.
    """
    open_ended = pl.col("kind").is_in(LATE)
    read = events.select(
        "row",
        "clock",
        earliest=pl.col("earliest").dt.epoch("us"),
        latest=pl.when(~open_ended).then(pl.col("latest").dt.epoch("us")),
        **more,
    )
    dated = pl.col("clock").is_not_null() & pl.col("earliest").is_not_null()
    return read if every else read.filter(dated)


def law_pairs(
    events: pl.LazyFrame, relations: pl.LazyFrame, read: pl.DataFrame | None = None
) -> pl.LazyFrame:
    """Rows of :data:`PAIRS` from laws between events that two clocks read.

    ``read``: :func:`every_reading` of the events, where it was made already.

    Of pairs that say the same, with equal readings on both sides, the first stands for all. Made
    once, as it is asked for: what is said of clocks goes through its pairs many times.
    """
    # In memory: the streaming engine sorts twice as long.
    laws = relations.select("before", "after", "law").collect()
    if not laws.select(_in_order()).item():
        laws = laws.sort("before", "after", maintain_order=True)
    at, clocks = _by_row(_read(events) if read is None else read)
    parts = [_bounding(part, at) for part in laws.iter_slices(_AT_ONCE)]
    found = pl.concat(parts) if parts else _bounding(laws, at)
    name = pl.lit(clocks.cast(PAIRS["first"]))
    return (
        _distinct(found)
        .lazy()
        .with_columns(name.gather(end).alias(end) for end in KEYS)
        .collect()
        .lazy()
    )


def _bounding(laws: pl.DataFrame, at: pl.DataFrame) -> pl.DataFrame:
    """Laws between events that two clocks read, as rows of ``PAIRS`` whose clocks are numbers.

    ``at``: what :func:`_by_row` gives.
    """
    needed = {"before": ("clock", "earliest"), "after": ("clock", "earliest", "latest")}
    ends = [
        # Of an event that is not there nothing is known.
        at.select(
            pl.col(name).gather(pl.lit(laws[end]), null_on_oob=True).alias(f"{end}_{name}")
            for name in names
        )
        for end, names in needed.items()
    ]
    both = pl.concat([laws, *ends], how="horizontal").filter(
        pl.col("before_clock") != pl.col("after_clock")
    )
    most = pl.col("after_latest") - pl.col("before_earliest")
    return (
        _sided(both.lazy(), least=None, most=most)
        .filter(pl.col("low").is_not_null() | pl.col("high").is_not_null())
        .collect()
    )


def _in_order() -> pl.Expr:
    """Whether rows are in the order of ``before`` and ``after``."""
    before, after = pl.col("before"), pl.col("after")
    earlier = before.shift(1)
    return ((before > earlier) | ((before == earlier) & (after >= after.shift(1)))).all()


def _distinct(found: pl.DataFrame) -> pl.DataFrame:
    """The first of pairs that say the same; clocks are numbers.

    A record gives several events, and stands in several snapshots: that is one pair, not many.
    """
    # Pairs of different readings are different, and readings mostly come in their order.
    at = found["at"].sort()
    again = at.filter(at == at.shift(1)).unique()
    if again.is_empty():
        return found
    # One number is compared five times as fast as six columns; equal numbers are looked at closer.
    key = pl.col("at") * _ODD + pl.coalesce("low", "high")
    numbered = found.select(key=key).to_series()
    if numbered.n_unique() == len(numbered):
        return found
    same = ["first", "second", "at", "low", "high", "law"]
    alike = found.with_row_index("place").filter(numbered.is_duplicated())
    kept = alike.unique(same, keep="first", maintain_order=True)["place"]
    out = alike["place"].filter(~alike["place"].is_in(kept.implode()))
    return (
        found.with_row_index("place")
        .join(out.to_frame(), on="place", how="anti", maintain_order="left")
        .drop("place")
    )


_RECORD = ["source", "item", "citation", "clock", "earliest", "latest"]


def by_record(
    events: pl.LazyFrame, relations: pl.LazyFrame, beside: pl.LazyFrame | None = None
) -> pl.DataFrame:
    """Laws between records: events of one record with one reading are one, by their first row.

    Columns ``before``, ``after``, ``law``, and ``place``, that of the law among the relations.
    ``beside``: the events with the columns of :data:`recon.schema.BESIDE`, where these are there.
    """
    key = ["before", "after", "law"]
    laws = relations.select(key).collect().with_row_index("place")
    first = pl.lit(_first_rows(events, laws, beside))
    laws = laws.with_columns(first.gather(end).alias(end) for end in ("before", "after"))
    laws = laws.filter(pl.col("before") != pl.col("after"))
    # Few pairs come to be alike, and numbers sort five times as fast as words. Equal numbers, of
    # one pair or past four thousand million events, are put in order by their words.
    number = pl.col("before") * 2**32 + pl.col("after")
    laws = laws.sort(number)
    numbers = laws.select(number=number).to_series()
    same = (numbers == numbers.shift(1)).fill_null(value=False)
    again = same | same.shift(-1, fill_value=False)
    if not again.any():
        return laws
    # The first of those that say the same.
    some = laws.filter(again)
    words = relations.select("because").collect()["because"].gather(some["place"])
    some = some.with_columns(words).sort(*key, "because").drop("because")
    some = some.unique(key, keep="first", maintain_order=True)
    return pl.concat([laws.filter(~again), some]).sort("before", "after", maintain_order=True)


def _first_rows(
    events: pl.LazyFrame, laws: pl.DataFrame, beside: pl.LazyFrame | None = None
) -> pl.Series:
    """By row the first row of its record, of those that laws speak of; of all others their own."""
    import numpy as np

    ends = [laws[end].to_numpy() for end in ("before", "after")]
    spoken = np.zeros(max(int(end.max(initial=0)) for end in ends) + 1, dtype=bool)
    for end in ends:
        spoken[end] = True
    first = np.arange(len(spoken), dtype=np.uint64)
    if beside is not None:
        read = beside.filter(pl.col("record_back") > 0, pl.col("row") < len(spoken))
        told = read.select("row", "record_back").collect(engine="streaming")
        rows = told["row"].to_numpy()
        # Of each record the first that is spoken of: what is written last stays.
        first[rows] = rows - told["record_back"].to_numpy()
        rows = np.flatnonzero(spoken)[::-1]
        least = np.empty(len(first), dtype=np.uint64)
        least[first[rows]] = rows
        first[rows] = least[first[rows]]
        return pl.Series("first", first)
    dated = pl.col("clock").is_not_null() & pl.col("earliest").is_not_null()
    found = (
        events.filter(dated, pl.col("row") < len(spoken))
        .select("row", *_RECORD)
        .collect(engine="streaming")
    )
    # In one piece: rows are looked up in many pieces for five times as much.
    found = found.filter(spoken[found["row"].to_numpy()]).rechunk()
    # In a timeline events of one record and time stand side by side.
    if not found["row"].is_sorted() or not found.select(_in_time()).item():
        found = found.sort("earliest", "item", "citation", "row")
    rows = found["row"].to_numpy()
    first[rows] = rows[np.arange(len(rows)) - record_back(found).to_numpy()]
    return pl.Series("first", first)


def _in_time() -> pl.Expr:
    """Whether events are in the order of a timeline."""
    at, item, citation = (pl.col(name) for name in ("earliest", "item", "citation"))
    later = at > at.shift(1)
    item_later = item > item.shift(1)
    same = (item == item.shift(1)) & (citation >= citation.shift(1))
    return (later | ((at == at.shift(1)) & (item_later | same))).fill_null(value=True).all()


def every_reading(events: pl.LazyFrame) -> pl.DataFrame:
    """:func:`readings` of every event in memory, some 30 bytes each, and whether it is ``stamped``.

    Clocks are of an Enum in alphabetical order, so that numbers are in the order of names.
    """
    return _read(events, stamped=(pl.col("basis") == "stamped").fill_null(value=False))


def _read(events: pl.LazyFrame, **more: pl.Expr) -> pl.DataFrame:
    names = events.select("clock").unique().collect(engine="streaming")["clock"]
    clock = pl.col("clock").cast(pl.Enum(names.drop_nulls().sort()))
    return readings(events.with_columns(clock), every=True, **more).collect(engine="streaming")


def _by_row(read: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    """``clock``, ``earliest`` and ``latest`` of every event, at the position of its row.

    A clock is a number, its place among the names of all clocks in alphabetical order, which are
    the second value.
    """
    names = cast("pl.Enum", read.schema["clock"]).categories
    found = read.select("row", pl.col("clock").to_physical(), "earliest", "latest")
    begin = 0
    for part in found["row"].to_frame().iter_slices(_AT_ONCE):
        rows = pl.int_range(begin, begin + len(part), dtype=pl.UInt64, eager=True)
        if not (part["row"] == rows).all():
            # Part of a timeline, or in another order.
            last = pl.col("row").max().fill_null(0) + 1
            every = read.select(row=pl.int_range(last, dtype=pl.UInt64))
            found = every.join(found, on="row", how="left", maintain_order="left")
            break
        begin += len(part)
    # In one piece: rows are looked up in many pieces for five times as much.
    return found.drop("row").rechunk(), names


def act_pairs(events: pl.LazyFrame, correspondences: pl.LazyFrame) -> pl.LazyFrame:
    """Rows of :data:`PAIRS` from two records of one act, bounded from both sides."""
    read = readings(events)
    both = (
        correspondences.rename({"name": "law"})
        .join(_named(read, "before"), on="before")
        .join(_named(read, "after"), on="after")
        .filter(pl.col("before_clock") != pl.col("after_clock"))
    )
    most = pl.col("after_latest") - pl.col("before_earliest") - pl.col("least")
    least = pl.col("after_earliest") - pl.col("before_latest") - pl.col("most")
    sided = _sided(both, least=least, most=most)
    return sided.with_columns(pl.col(KEYS).cast(PAIRS["first"]))


def _named(read: pl.LazyFrame, end: str) -> pl.LazyFrame:
    return read.rename(
        {"row": end} | {name: f"{end}_{name}" for name in ("clock", "earliest", "latest")}
    )


def _sided(both: pl.LazyFrame, *, least: pl.Expr | None, most: pl.Expr) -> pl.LazyFrame:
    """The pair with its clocks in alphabetical order, and the bounds turned to fit."""
    forward = pl.col("before_clock") < pl.col("after_clock")
    nothing = pl.lit(None, dtype=pl.Int64)
    low = nothing if least is None else least
    return both.select(
        first=pl.when(forward).then("before_clock").otherwise("after_clock"),
        second=pl.when(forward).then("after_clock").otherwise("before_clock"),
        at=pl.when(forward).then("before_earliest").otherwise("after_earliest"),
        low=pl.when(forward).then(low).otherwise(-most),
        high=pl.when(forward).then(most).otherwise(-low),
        before="before",
        after="after",
        law="law",
    ).select(list(PAIRS))
