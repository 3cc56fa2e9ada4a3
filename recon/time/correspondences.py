"""Two records of one act, in two sources: proposed where many pairs of one shape agree closely.

A shape is a source's records of one kind (of one table, where they are rows) by one clock.
Records of two shapes that name the same act (:data:`ACTS`) and one run of it
(:data:`~recon.time.laws.acts.RUN_IDS`), or speak of one subject with one digest, once on either
side, are taken for records of one act, if the differences between their two readings lie close
together for most of them. A request's id names one act by itself. That is an assumption, and is
shown as one: nothing in the bytes forces it. It says no more than that the two records were made
within :attr:`Proposal.within` of each other, and so gives the second side of a bound; a latency
within that room is never taken for an offset.

A steady interval alone proves no act: a pipeline that deploys three hours after every upload has
one too. So the words must agree, and where a shape has two partners in one source (the start and
the finish of a deployment, say) nothing is proposed, and the case can declare which is meant.

Laws need no such thing, and a proof by laws alone is the stronger one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import polars as pl

from recon.names import named, plain
from recon.time.laws.acts import RUN_IDS
from recon.time.pairs import CORRESPONDENCES, LATE

MANY = 8
"""Pairs below which a shape is not proposed."""
_CLOSE = 60_000_000
"""µs; the differences of that share may spread by no more than a minute."""
ACTS = ("deploy", "regist", "upload", "evaluat", "releas", "train", "promot", "approv", "push")
"""Stems of words for acts, as they stand in names of kinds and tables."""
_ROOM = 2
"""How often the spread the two records may lie apart: the least latency is not known."""
_LEAST_ROOM = 1_000_000
"""µs; sources write whole seconds."""
_TWO = 2
_NUMBERS = pl.DataFrame(schema={"number": pl.UInt64()})
_ACTS_OF = {"source": pl.String(), "what": pl.String(), "act": pl.String()}
_RECORDS = {
    **{name: pl.String() for name in ("source", "what", "shape", "act", "clock", "key")},
    "earliest": pl.Int64(),
    "latest": pl.Int64(),
    "row": pl.UInt64(),
}


@dataclass(frozen=True, slots=True)
class Proposal:
    """One shape whose pairs agree, shown as the assumption that it is."""

    first: str
    """``SOURCE KIND by CLOCK``, of rows ``SOURCE TABLE by CLOCK``; alphabetically the first."""
    second: str
    pairs: int
    close: int
    """Pairs whose difference lies in the densest stretch that holds three quarters of them."""
    spread: int
    """µs; the width of that stretch."""
    offset: int
    """µs; second reading less first, in the middle of that stretch: clocks and latency together."""

    @property
    def within(self) -> int:
        """µs by which the true times of the two records may differ."""
        return max(_ROOM * self.spread, _LEAST_ROOM)

    @property
    def name(self) -> str:
        """What the correspondence is called where a pair of it is shown."""
        return f"one act in {self.first} and {self.second}"


def records(events: pl.LazyFrame) -> pl.LazyFrame:
    """What may correspond: ``shape``, ``act``, ``row``, ``key`` (what names it), reading.

    Two keys: subject and digest; the run or the request.

    A claim stands for its record. Where the medium stamped the record as it was stored, that
    reading is taken and not the one that its writer put in. Left out is what can have no partner:
    see :func:`_partnered` and :func:`_shared`.
    """
    acts = _partnered(events)
    of_source = pl.col("source").is_in(acts["source"].unique().implode())
    claims = events.filter((pl.col("kind") == "claim") & of_source)
    shared = _shared(claims, acts["source"]) if len(acts) else _NUMBERS
    if shared.is_empty():
        return pl.LazyFrame(schema=_RECORDS)
    place = ["source", "item", "citation"]
    prompt = (
        (pl.col("basis") == "stamped")
        & pl.col("earliest").is_not_null()
        & ~pl.col("kind").is_in(LATE)
    )
    own = events.filter((pl.col("part") == 0) & of_source).select(
        *place,
        own_kind="kind",
        stamp=pl.when(prompt).then("row"),
        stamp_clock=pl.when(prompt).then("clock"),
        stamp_from=pl.when(prompt).then("earliest"),
        stamp_to=pl.when(prompt).then("latest"),
    )
    what = pl.coalesce("of_table", "own_kind")
    clock = pl.coalesce("stamp_clock", "clock")
    words = acts["what"].drop_nulls().unique().implode()
    is_request = (pl.col("request") & pl.col("run").is_not_null()).fill_null(value=False)
    keyed = pl.concat(
        claims.filter(number.is_not_null())
        .join(shared.lazy(), left_on=number, right_on="number", how="semi")
        .select(
            *(*place, "row", "clock", "earliest", "latest"),
            of_table=_last(named("pg:")),
            run=_run(),
            request=pl.col("attribute").str.starts_with("request"),
            key=key,
        )
        # Of few records the words are those of an act: the others are not looked up.
        .filter(is_request | pl.col("of_table").is_null() | pl.col("of_table").is_in(words))
        .with_columns(request=is_request if of_run else pl.lit(value=False))
        .drop("run")
        .collect(engine="streaming")
        for number, key, of_run in (
            (_OF_DIGEST, pl.format("{} {}", "subject", "digest"), False),
            (_OF_RUN, pl.format("run {}", _run()), True),
        )
    )
    by_kind = ~pl.col("request") & pl.col("of_table").is_null()
    parts = [
        keyed.lazy().filter(by_kind).join(own.filter(pl.col("own_kind").is_in(words)), on=place)
    ]
    if not keyed.filter(~by_kind).is_empty():
        parts.append(keyed.lazy().filter(~by_kind).join(own, on=place, how="left"))
    return (
        pl.concat(parts)
        .select(
            "source",
            row=pl.coalesce("stamp", "row"),
            clock=clock,
            earliest=pl.coalesce("stamp_from", "earliest").dt.epoch("us"),
            latest=pl.coalesce("stamp_to", "latest").dt.epoch("us"),
            what=what,
            shape=pl.format("{} {} by {}", "source", what, clock),
            act=pl.when("request").then(pl.lit("request")).otherwise(_act(what)),
            key="key",
        )
        .filter(pl.col("clock").is_not_null() & pl.col("latest").is_not_null())
        # A record met in several snapshots is one record.
        .filter(pl.col("act").is_not_null())
        .group_by("source", "what", "shape", "act", "clock", "key", "earliest", "latest")
        .agg(pl.col("row").min())
    )


def _partnered(events: pl.LazyFrame) -> pl.DataFrame:
    """Kinds and tables of acts that more than one source tells of: ``source``, ``what``, ``act``.

    And requests, by whatever records: their sources' acts are kept, as one run may have both.
    """
    claims = events.filter(pl.col("kind") == "claim")
    speaking = claims.select(pl.col("source").unique()).collect(engine="streaming")
    if len(speaking) < _TWO:
        return pl.DataFrame(schema=_ACTS_OF)
    kinds = events.filter(pl.col("part") == 0).select("source", what="kind").unique()
    tables = claims.select("source", what=named("pg:")).unique()
    requests = (
        claims.filter(pl.col("attribute").str.starts_with("request"))
        .select("source", what=pl.lit(None, pl.String), act=pl.lit("request"))
        .unique()
        .collect(engine="streaming")
    )
    told = pl.concat(
        [
            kinds.collect(engine="streaming"),
            tables.collect(engine="streaming").with_columns(_last(pl.col("what"))),
        ]
    )
    acts = told.with_columns(act=_act("what")).drop_nulls().unique()
    acts = pl.concat([acts.filter(pl.col("source").is_in(speaking["source"].implode())), requests])
    several = acts.filter(pl.col("source").n_unique().over("act") >= _TWO)
    asked = several.filter(pl.col("act") == "request")["source"]
    kept = acts.filter(pl.col("source").is_in(asked.implode()))
    return pl.concat([several, kept]).unique().sort("source", "what", "act")


def _shared(claims: pl.LazyFrame, sources: pl.Series) -> pl.DataFrame:
    """The ``number`` of each key that more than one source names, and of a few more by chance."""
    source = pl.col("source").cast(pl.Enum(sources.unique().sort())).to_physical()
    return (
        pl.concat(
            claims.select(number=number, source=source).drop_nulls()
            for number in (_OF_DIGEST, _OF_RUN)
        )
        .group_by("number")
        .agg(first=pl.col("source").min(), last=pl.col("source").max())
        .filter(pl.col("first") != pl.col("last"))
        .select("number")
        .collect(engine="streaming")
    )


def _last(table: pl.Expr) -> pl.Expr:
    """The table without its database."""
    return table.str.extract(r"([^/]*)$")


def _run() -> pl.Expr:
    """The run, or the request, that a claim names; null for none."""
    named = pl.when(pl.col("attribute").is_in(RUN_IDS)).then("value")
    return pl.coalesce(named, pl.col("subject").str.extract(r"^run:(.*)$"))


_OF_DIGEST = pl.when(pl.col("digest").is_not_null()).then(
    pl.col("subject").hash(1) + pl.col("digest").hash(2)
)
"""A number for subject and digest: equal where they are, and null where there is no digest."""
_OF_RUN = pl.when(_run().is_not_null()).then(_run().hash(3))


def _act(what: str | pl.Expr) -> pl.Expr:
    """The act that a word is of; null for none."""
    word = pl.col(what) if isinstance(what, str) else what
    return word.str.to_lowercase().str.extract(f"({'|'.join(ACTS)})")


def propose(
    events: pl.LazyFrame, besides: Collection[frozenset[tuple[str, str]]] = ()
) -> tuple[list[Proposal], pl.DataFrame]:
    """Proposals, and their pairs as rows of :data:`~recon.time.pairs.CORRESPONDENCES`.

    Args:
        events: the timeline.
        besides: sides of which nothing is proposed, as the case declares what corresponds: the
            (source, kind or table) of each of the two.
    """
    both = _matched(records(plain(events)), besides).collect(engine="streaming")
    shapes = sorted(
        both.partition_by("first", "second", as_dict=True).items(), key=lambda one: one[0]
    )
    judged = [(_judged(str(first), str(second), pairs), pairs) for (first, second), pairs in shapes]
    partners = Counter(
        one
        for found, _ in judged
        if found
        for one in ((found.first, _source(found.second)), (found.second, _source(found.first)))
    )
    proposals: list[Proposal] = []
    rows = [pl.DataFrame(schema=CORRESPONDENCES)]
    for found, pairs in judged:
        if found is None:
            continue
        own = partners[found.first, _source(found.second)]
        if max(own, partners[found.second, _source(found.first)]) > 1:
            continue
        proposals.append(found)
        rows.append(
            pairs.select(
                "before",
                "after",
                least=pl.lit(-found.within, dtype=pl.Int64),
                most=pl.lit(found.within, dtype=pl.Int64),
                name=pl.lit(found.name),
            )
        )
    return proposals, pl.concat(rows)


def _matched(
    records: pl.LazyFrame, besides: Collection[frozenset[tuple[str, str]]]
) -> pl.LazyFrame:
    """Pairs of records that speak of one subject and digest, once on each side of a shape."""
    once = records.filter(pl.len().over("shape", "key") == 1)
    side = ["source", "what", "row", "clock", "earliest", "latest", "shape"]
    first = once.rename({name: f"first_{name}" for name in side})
    second = once.rename({name: f"second_{name}" for name in side})
    said = pl.lit(value=False)
    for sides in besides:
        one, other = min(sides), max(sides)
        for first_is, second_is in ((one, other), (other, one)):
            said |= _is("first", first_is) & _is("second", second_is)
    return (
        first.join(second, on=["key", "act"])
        .filter(~said)
        .filter(
            (pl.col("first_source") != pl.col("second_source"))
            & (pl.col("first_clock") != pl.col("second_clock"))
            & (pl.col("first_shape") < pl.col("second_shape"))
        )
        .select(
            first="first_shape",
            second="second_shape",
            before="first_row",
            after="second_row",
            difference=(
                pl.col("second_earliest")
                + pl.col("second_latest")
                - pl.col("first_earliest")
                - pl.col("first_latest")
            )
            // 2,
        )
        .unique(["first", "second", "before", "after"])
        .sort("first", "second", "before", "after")
    )


def _is(side: str, what: tuple[str, str]) -> pl.Expr:
    # A declared table may be named with its database.
    named = what[1].rsplit("/", 1)[-1]
    return (pl.col(f"{side}_source") == what[0]) & (pl.col(f"{side}_what") == named)


def _source(shape: str) -> str:
    return shape.split(" ", 1)[0]


def _judged(first: str, second: str, pairs: pl.DataFrame) -> Proposal | None:
    """The densest stretch that holds most of the differences, if it is narrow enough."""
    count = len(pairs)
    if count < MANY:
        return None
    ordered = pairs["difference"].sort().to_numpy()
    held = -(-count * 3 // 4)
    widths = ordered[held - 1 :] - ordered[: count - held + 1]
    begin = int(widths.argmin())
    spread = int(widths[begin])
    if spread > _CLOSE:
        return None
    low, high = int(ordered[begin]), int(ordered[begin + held - 1])
    close = int(((ordered >= low) & (ordered <= high)).sum())
    return Proposal(first, second, count, close, spread, (low + high) // 2)
