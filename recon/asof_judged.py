"""Every claim beside the instant: whether it was said then, whether it is said now, and how surely.

Of each subject, attribute and source the claim that counts has the largest number, and what is the
least sure of how it stands to the instant has the smallest: one grouping answers both questions.
"""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from recon import schema
from recon.asof_clocks import Instant, distance, unpacked, whole
from recon.asof_records import Records
from recon.asof_shown import covered, shown, untouched
from recon.asof_states import of_state
from recon.rules.base import Timeline

EXACT = "held at that very instant"
_UNKNOWN = "what was written up to then is not known"
CASES = sorted(
    [
        f"3 {EXACT}",
        f"2 held before; {_UNKNOWN}",
        "3 written before, and the log records no end of it up to then",
        f"2 written before; {_UNKNOWN}",
        "1 stored before, in a table that may have had another name then",
        "3 stored before, and held after",
        "3 stored before",
        "3 held before, and the log records no write to the table up to then",
        "3 held before, and the log records no change of that row up to then",
        "1 stored about then",
        "1 dated before by its writer; nothing stamps it",
    ]
)
"""How surely a claim was there, and why; of two that are equally new the last of these counts."""
_AT_ONCE = 2_000_000
"""Claims judged at a time, so that what is worked out in between takes no more memory."""
_ROW, _SMALL, _ORDER = 1 << 40, 1 << 8, 1 << 24
_FIRST = datetime.min.replace(tzinfo=UTC)


def judged(timeline: Timeline, own: Records, instant: Instant) -> pl.DataFrame:
    """By ``key`` what was said then and is said now; null where nothing was.

    For either, with ``then_`` or ``now_`` before: ``row`` of the claim that counts, ``near``,
    ``margin``, ``clock`` and ``measured`` of the reading whose order to the instant is the least
    sure. ``case``: a place in :data:`CASES`. ``marked``: whether a delete marker was put over it
    about then. ``sure``: whether what is said now is, by its own word, from before.
    """
    faces = instant.faces(own.clocks)
    states = shown(timeline, own, instant, faces)
    ended, about = covered(own, instant)
    lost, _ = covered(own)
    rows = own.rows
    if own.alive:
        rows = rows.join(untouched(timeline, own, instant), on="about", how="left")
    # Of no claims there is no slice.
    parts = [
        _least(_packed(part.lazy(), own, (states, faces), (ended, lost)).collect())
        for part in list(rows.iter_slices(_AT_ONCE)) or [rows]
    ]
    found = parts[0] if len(parts) == 1 else _least(pl.concat(parts))
    then, now = pl.col("then"), pl.col("now")
    return (
        found.lazy()
        .filter(then.is_not_null() | now.is_not_null())
        .select(
            "key",
            then_row=(then & whole(_ROW - 1)).cast(pl.UInt64),
            case=(then // whole(_ROW) & whole(_SMALL - 1)).cast(pl.UInt32),
            now_row=(now // whole(2) & whole(_ROW - 1)).cast(pl.UInt64),
            sure=now & whole(1) == whole(1),
            **{
                f"{when}_{name}": one
                for when in ("then", "now")
                for name, one in unpacked(f"{when}_near", own.clocks, faces).items()
            },
        )
        .with_columns(marked=pl.col("then_row").is_in(about.implode()))
        .collect()
    )


def _least(found: pl.DataFrame) -> pl.DataFrame:
    return (
        found.lazy()
        .group_by("key")
        .agg(pl.col("then", "now").max(), pl.col("then_near", "now_near").min())
        .collect(engine="streaming")
    )


def _packed(
    rows: pl.LazyFrame,
    own: Records,
    seen: tuple[pl.DataFrame, pl.DataFrame],
    marked: tuple[pl.Series, pl.Series],
) -> pl.LazyFrame:
    """Of each claim the numbers that are compared, null where it is none: ``then``, ``now``.

    And ``then_near``, ``now_near``: :func:`recon.asof_clocks.distance` of what dates it.
    """
    (states, faces), (ended, lost) = seen, marked
    clocks = ["store", "commit", "clock", *(["end"] if own.ending else [])]
    rows = rows.with_columns(
        *(of_state(states, name) for name in states.columns),
        *(
            pl.lit(faces[name]).gather(clock).alias(f"{clock}_{name}")
            for clock in clocks
            for name in ("from", "to", "at")
        ),
        order=pl.lit(faces["order"]).gather("clock"),
    )
    dates = [
        distance("store", pl.col("store"), "stored_from", "stored_to"),
        pl.col("distance"),
    ]
    if own.alive:
        commit = pl.col("commit")
        dates += [
            distance("commit", commit, "ended_from", "ended_to"),
            distance("commit", commit, "began", "began"),
        ]
    early = pl.col("earliest").is_null() | (pl.col("earliest") <= pl.col("clock_at"))
    rows = rows.with_columns(
        case=_case(own),
        newest=_newest(own),
        said=(pl.col("here") & early).fill_null(value=False) & ~_among(lost),
        sure=(pl.col("latest") <= pl.col("clock_at")).fill_null(value=False),
        own_near=distance("clock", pl.col("clock"), "earliest", "latest"),
    )
    there = pl.col("case").is_not_null() & ~_among(ended)
    then = _micros("newest") * whole(_SMALL) + pl.col("case").cast(pl.Int128)
    now = (_micros("latest") * whole(_ORDER) + pl.col("order").cast(pl.Int128)) * whole(_ROW)
    row = pl.col("row").cast(pl.Int128)
    return rows.select(
        "key",
        then=pl.when(there).then(then * whole(_ROW) + row),
        now=pl.when("said").then((now + row) * whole(2) + pl.col("sure").cast(pl.Int128)),
        then_near=pl.when(~pl.col("exact")).then(pl.min_horizontal(dates)),
        now_near=pl.when("here").then("own_near"),
    )


def _among(rows: pl.Series) -> pl.Expr:
    return pl.col("row").is_in(rows.implode()) if len(rows) else pl.lit(value=False)


def _micros(name: str) -> pl.Expr:
    first = pl.lit(_FIRST).cast(schema.INSTANT)
    return pl.col(name).fill_null(first).dt.epoch("us").cast(pl.Int128)


def _is(case: str) -> pl.Expr:
    return pl.lit(CASES.index(case), pl.UInt8)


def _case(own: Records) -> pl.Expr:
    """How surely a claim was there, and why, as a place in :data:`CASES`; null: it was not."""
    nothing = pl.lit(None, pl.UInt8)
    of_log, stored_at = pl.col("commit_at"), pl.col("store_at")
    held, before, logged = pl.col("held"), pl.col("before"), pl.col("logged")
    stored = pl.col("stored_to") <= stored_at
    held_before = _is(f"2 held before; {_UNKNOWN}")
    written_before = _is(f"2 written before; {_UNKNOWN}")
    cases = pl.when("exact").then(_is(f"3 {EXACT}")).when("whole").then(nothing)
    if own.alive:
        cases = cases.when((pl.col("ended_to") <= of_log) & (~held).fill_null(True)).then(nothing)
    if own.ending:
        gone = pl.col("gone_to")
        cases = cases.when(gone <= pl.col("end_at")).then(nothing)
        cases = cases.when(gone.is_not_null() & before).then(held_before)
    if own.alive:
        still = pl.col("ended_from").is_null() | (pl.col("ended_from") > of_log)
        blind = pl.col("blind_since")
        followed = pl.col("followed_to") >= of_log
        followed &= blind.is_null() | (blind < pl.col("began"))
        began = logged & (pl.col("began") <= of_log)
        whole_life = _is("3 written before, and the log records no end of it up to then")
        cases = cases.when(began & still & followed).then(whole_life)
        cases = cases.when(began | (logged & stored)).then(written_before)
        cases = cases.when(logged).then(nothing)
    other_name = pl.col("stored_to") >= pl.col("misnamed_since")
    renamed = _is("1 stored before, in a table that may have had another name then")
    cases = (
        cases.when(stored & other_name & held)
        .then(renamed)
        .when(stored & (held | pl.col("seen_to").is_null()))
        .then(_is("3 stored before, and held after"))
        .when(stored & ~pl.col("tabled"))
        .then(_is("3 stored before"))
        .when(before & pl.col("quiet"))
        .then(_is("3 held before, and the log records no write to the table up to then"))
    )
    if own.alive:
        unchanged = _is("3 held before, and the log records no change of that row up to then")
        cases = cases.when(before & pl.col("untouched")).then(unchanged)
    return (
        cases.when(before)
        .then(held_before)
        .when(pl.col("stored_from") > stored_at)
        .then(nothing)
        .when(pl.col("stored_from") <= stored_at)
        .then(_is("1 stored about then"))
        .when("tabled")
        .then(nothing)
        .when(pl.col("earliest") <= pl.col("clock_at"))
        .then(_is("1 dated before by its writer; nothing stamps it"))
    )


def _newest(own: Records) -> pl.Expr:
    """Of what was there, the newest counts: by when it was stored, then by when it was seen.

    When a table or log was taken that its writer dated says nothing of which line is newer.
    """
    taken = pl.when("tabled").then("seen_to")
    began = ["began"] if own.alive else []
    newest = pl.coalesce("stored_to", *began, taken, "latest")
    latest = pl.max_horizontal(newest, "seen_to")
    return pl.when("before").then(latest).otherwise(newest)
