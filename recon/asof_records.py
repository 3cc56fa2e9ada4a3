"""Every claim with what dates it, as numbers: what both answers are chosen from, at any instant.

Read once, in one pass over claims and rows. Names that recur stand as codes, and what holds of all
claims of one table in one item stands once, in :attr:`Records.states`. Words are fetched at the
end, for the few records that the answers rest on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from recon import rowlog
from recon.asof_exports import gone
from recon.asof_states import code, in_states, number, of_state, placed, tables
from recon.names import named
from recon.rules.base import Timeline
from recon.rules.buckets import version_key, version_name
from recon.rules.views import LOGGED, RECORD, snapshots, versions
from recon.subjects import glob

ROWS = ("row.version", "row.dumped")
KEY = ["subject", "attribute", "source"]
SPAN = ["source", "table", "subject", "seen_from", "seen_to"]
"""A row in a state of its table."""
_ENDS = ["from", "to", "clock"]
_WRITTEN, _LOGGED = ([f"{name}_{end}" for end in _ENDS] for name in ("written", "logged"))
_LIFE = ["began", "ended_from", "ended_to", "followed_to"]


@dataclass(frozen=True, slots=True)
class Records:
    """Claims about the subjects that were asked for, whatever the instant.

    A clock's number is its place in :attr:`clocks`, from 1; 0 is none.
    """

    rows: pl.DataFrame
    """``row``; ``key`` (a number for subject, attribute and source) and ``state`` (a place in
    :attr:`states`); ``earliest`` and ``latest``, by ``clock``; ``stored_from`` to ``stored_to``,
    by ``store``: stamped as stored; ``commit``: clock of what ends it; ``logged``: whether the
    write-ahead log alone shows it; ``here``: whether it is said now. Where there is a log of rows,
    what :func:`recon.rowlog.ended` says, and ``about``; where a later state gives any record no
    more, ``gone_to``, by ``end``."""
    states: pl.DataFrame
    """See :func:`recon.asof_states.in_states`."""
    tables: pl.DataFrame
    """See :func:`recon.asof_states.tables`."""
    clocks: Sequence[str]
    """In alphabetical order."""
    read_by: Sequence[str]
    """Those of them that date an event."""
    over: pl.DataFrame
    """``row``, and ``earliest``, ``latest``, ``clock`` of a delete marker put over it since."""
    spans: pl.DataFrame
    """:data:`SPAN`, and ``about``: its number. Empty where there is no log of rows."""

    @property
    def alive(self) -> bool:
        """Whether a log says anything of the lives of rows."""
        return "began" in self.rows.columns

    @property
    def ending(self) -> bool:
        """Whether a later state gives any record no more."""
        return "gone_to" in self.rows.columns


def records(timeline: Timeline, subjects: Sequence[str] = ()) -> Records:
    """Claims about subjects that match one of the globs; about all where there is none."""
    about = pl.lit(value=True)
    if subjects:
        about = pl.any_horizontal(pl.col("subject").str.contains(glob(one)) for one in subjects)
    stamps = versions(timeline).select(*RECORD, *_WRITTEN)
    stamps = stamps.filter(pl.any_horizontal(pl.col(_WRITTEN).is_not_null()))
    written = stamps.collect(engine="streaming")
    known, read_by = _clocks(timeline, written["written_clock"])
    alive = rowlog.has_rows(timeline)
    read = _read(timeline, about, known, alive=alive)
    found = read.filter("wanted").drop("claim", "wanted")
    unnamed = found.filter(pl.col("table").is_null()).select(pl.col("item").unique())
    rows = read.filter(~pl.col("claim")).select(pl.col("item").unique())
    lacking = not unnamed.join(rows, on="item", how="semi").is_empty()
    if lacking:
        # As a rule a claim names the table that its row does, and need not be told it.
        written = versions(timeline).select(*RECORD, *_WRITTEN, of="table").collect()
    found = _told(timeline, about, found, written)
    if lacking:
        own = pl.col("of").cast(found.schema["table"])
        found = found.with_columns(table=pl.coalesce(own, "table")).drop("of")
    shots = snapshots(timeline).collect()
    of_tables = tables(read, shots)
    found, places = placed(found)
    states = in_states(timeline, places, of_tables, shots, known)
    found = _stored(timeline, about, found.with_columns(key=number(found, KEY)), states, known)
    spans = pl.DataFrame(schema=[*SPAN, "about"])
    if alive:
        found, spans = _lived(timeline, about, found, states)
    found = found.drop("subject", "attribute", "source", "table", "value", strict=False)
    in_table, newest = of_state(states, "in_table"), of_state(states, "newest")
    here = pl.when(in_table).then(newest).otherwise(~pl.col("logged")).fill_null(value=False)
    ended = gone(timeline)
    if not ended.is_empty():
        by = code(pl.col("gone_by"), known)
        found = found.join(ended.select("row", "gone_to", end=by), on="row", how="left")
        found = found.with_columns(pl.col("end").fill_null(0))
        here &= pl.col("gone_to").is_null()
    return Records(
        rows=found.with_columns(here=here),
        states=states,
        tables=of_tables,
        clocks=known.categories.to_list(),
        read_by=read_by,
        over=_over(timeline, about),
        spans=spans,
    )


def _clocks(timeline: Timeline, more: pl.Series) -> tuple[pl.Enum, list[str]]:
    """All clocks that may date anything, and those that date an event."""
    told = timeline.events.select(pl.col("clock", "source").unique().implode())
    own, sources = told.collect(engine="streaming").row(0)
    read_by = sorted(one for one in own if one is not None)
    commits = {f"pg:{one}/commit" for one in sources}
    return pl.Enum(sorted({*read_by, *commits, *more.drop_nulls().unique()})), read_by


def _read(timeline: Timeline, about: pl.Expr, known: pl.Enum, *, alive: bool) -> pl.DataFrame:
    """Claims, and rows as far as they say which table an item holds a state of."""
    names = ["source", "item", "subject", "attribute", *(["value"] if alive else [])]
    claim = pl.col("kind") == "claim"
    return (
        timeline.kind("claim", *ROWS)
        .select(
            *("row", "earliest", "latest"),
            *(pl.col(name).cast(_coded()) for name in names),
            table=named("pg:").cast(_coded()),
            clock=code(pl.col("clock"), known),
            stamped=(pl.col("basis") == "stamped").fill_null(value=False),
            claim=claim,
            wanted=claim & about,
        )
        .collect(engine="streaming")
    )


def _coded() -> pl.Categorical:
    # Names of one column alone, so that their numbers are dense and go with the frame.
    return pl.Categorical(pl.Categories.random())


def _told(
    timeline: Timeline, about: pl.Expr, found: pl.DataFrame, told: pl.DataFrame
) -> pl.DataFrame:
    """Claims with what other events of their records tell; null where none does."""
    held = told["item"].unique().implode()
    claims = timeline.kind("claim") if told.height else timeline.events.clear()
    by_row = (
        claims.filter(about & pl.col("item").is_in(held))
        .select("row", *RECORD)
        .join(told.lazy(), on=RECORD)
        .drop(RECORD)
        .collect(engine="streaming")
    )
    return found.join(by_row, on="row", how="left")


def _stored(
    timeline: Timeline,
    about: pl.Expr,
    found: pl.DataFrame,
    states: pl.DataFrame,
    known: pl.Enum,
) -> pl.DataFrame:
    """With what stamps a claim as stored: the log, its row's version, or its own clock."""
    log = timeline.kind(*LOGGED).select(
        *RECORD,
        logged=pl.lit(value=True),
        logged_from="earliest",
        logged_to="latest",
        logged_clock="clock",
    )
    found = _told(timeline, about, found, log.collect(engine="streaming"))
    own = {name: pl.when("stamped").then(name) for name in ("earliest", "latest", "clock")}
    logged_by, written_by = (code(pl.col(f"{one}_clock"), known) for one in ("logged", "written"))
    commit = pl.coalesce(logged_by, of_state(states, "commits"), own["clock"])
    return found.with_columns(
        pl.col("logged").fill_null(value=False),
        pl.col("clock").fill_null(0),
        stored_from=pl.coalesce("logged_from", "written_from", own["earliest"]),
        stored_to=pl.coalesce("logged_to", "written_to", own["latest"]),
        store=pl.coalesce(logged_by, written_by, own["clock"]).fill_null(0),
        commit=commit.fill_null(0),
    ).drop("stamped", *_WRITTEN, *_LOGGED)


def _lived(
    timeline: Timeline, about: pl.Expr, found: pl.DataFrame, states: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Claims with what the log tells of the lives of their rows, and :attr:`Records.spans`."""
    lives = rowlog.lives(timeline).select(*RECORD, *_LIFE).collect(engine="streaming")
    found = _told(timeline, about, found, lives)
    in_words = found.with_columns(
        *(of_state(states, name) for name in ("source", "table", "seen_from", "seen_to")),
        began=pl.coalesce("stored_to", "began"),
    )
    ended = rowlog.ended(timeline, in_words.lazy()).collect(engine="streaming")
    ended = ended.with_columns(about=number(ended, ["subject"]))
    spans = (
        ended.filter(pl.col("table").is_not_null())
        .unique(["state", "about"])
        .with_row_index("span")
    )
    ended = ended.join(spans.select("state", "about", "span"), on=["state", "about"], how="left")
    words = pl.col("subject").cast(pl.String)
    shown = spans.with_columns(words).select(*SPAN, about="span")
    return ended.drop("about", "seen_from", "seen_to").rename({"span": "about"}), shown


def _over(timeline: Timeline, about: pl.Expr) -> pl.DataFrame:
    """Delete markers put over what claims are of, since."""
    markers = timeline.kind("object.delete").filter(pl.col("earliest").is_not_null())
    claims = timeline.kind("claim") if timeline.has("object.delete") else timeline.events.clear()
    return (
        claims.filter(about)
        .select("row", "source", of="latest", version=version_name())
        .with_columns(key=version_key())
        .filter(pl.col("key").is_not_null())
        .join(
            markers.select("source", "earliest", "latest", "clock", key="subject"),
            on=["source", "key"],
        )
        .filter(pl.col("earliest") >= pl.col("of"))
        .select("row", "earliest", "latest", "clock")
        .collect(engine="streaming")
    )
