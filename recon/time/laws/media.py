"""The law of media: what stands later in a stream was put there later."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from recon.time.laws.base import Seen, law

_WORDS = {
    "pg": "write-ahead log, by LSN",
    "log": "lines of one append-only log",
    "s3": "versions of one key, in the order of the listing",
}
_STAMP_TO_PLACE = 60_000_000
"""µs; a commit's time is read before its record gets its place in the log."""
_SECOND = 1_000_000
OUTCOMES = ("wal.commit", "wal.abort", "wal.prepare")


@law("order")
def ORDER(seen: Seen) -> list[pl.LazyFrame]:  # noqa: N802  (a law is a constant)
    """Within one stream of one source, each record came after the one before it.

    Forced by the medium: records of write-ahead log get their places (LSNs) one after another on
    one timeline; the listing of a bucket gives the versions of a key in the order in which they
    were stored; a log that one writer alone appends to (`append_only` of its source) has its lines
    in the order of writing. Neighbours alone are related, as the rest follows.

    No law: among records at one place; between two timelines, two clusters or two sources; across
    a gap in the log at hand, as a data folder that was copied back overwrites its log under the
    same numbers; for a record that reads up to a minute before one ahead of it in the log, as a
    transaction's time is taken before its record gets its place and others may come between; for
    the start and stop that a backup's label or tool tells, whose times are not of those places;
    for uploads in parts, which a listing places by when they began; for lines of a log that
    several processes write or a relay may reorder, which is every log that is not declared.
    Source: PostgreSQL's `xlog.c` (XLogInsertRecord) and `xact.c` (RecordTransactionCommit); Amazon
    S3 API, ListObjectVersions; POSIX.1-2017, open (O_APPEND).
    """
    if not seen.media & set(_WORDS):
        return []
    records = placed(seen)
    is_log = pl.col("medium") == "pg"
    others = _neighbours(records.filter(~is_log))
    return [others.lazy(), _log(_pieces(records.filter(is_log), seen)).lazy()]


def placed(seen: Seen) -> pl.DataFrame:
    """Records that have a place of their own, in order.

    ``source``, ``stream``, ``item``, ``medium``, ``position``, ``row``, ``at`` (µs), ``is_row`` (a
    row's change, at the place of its commit), ``is_outcome``.
    """
    if "placed" not in seen.memo:
        seen.memo["placed"] = _placed(seen)
    return seen.memo["placed"]


def _placed(seen: Seen) -> pl.DataFrame:
    kind, stream = pl.col("kind"), pl.col("stream")
    heads = {head: stream.str.starts_with(f"{head}:") for head in _WORDS}
    of_its_own = ~kind.str.starts_with("backup.") | pl.col("citation").str.starts_with("lsn ")
    whole = (pl.col("latest") - pl.col("earliest")).dt.total_microseconds() < _SECOND
    medium = pl.lit(None, pl.String())
    for head, is_it in heads.items():
        medium = pl.when(is_it).then(pl.lit(head)).otherwise(medium)
    return (
        seen.events.filter(pl.col("position").is_not_null() & pl.any_horizontal(*heads.values()))
        .filter(of_its_own & (~heads["s3"] | whole.fill_null(value=False)))
        .select(
            pl.col("source", "stream", "item").cast(pl.Categorical),
            "position",
            "row",
            medium=medium.cast(pl.Enum(list(_WORDS))),
            at=pl.col("earliest").dt.epoch("us"),
            is_row=kind.str.starts_with("row."),
            is_outcome=kind.is_in(OUTCOMES),
        )
        .collect(engine="streaming")
        # By numbers, whose order says nothing: only what belongs together must stand together.
        .sort(pl.col("source").to_physical(), pl.col("stream").to_physical(), "position", "row")
    )


def _neighbours(records: pl.DataFrame) -> pl.DataFrame:
    """Of streams with a record at each place; of several at one, the first stands for all."""
    place = ["source", "stream", "position"]
    lone = records.filter(_new(place))
    return (
        lone.with_columns(before=pl.col("row").shift(1))
        .filter(~_new(["source", "stream"]))
        .select("before", after="row", because=_because())
    )


def _new(columns: Sequence[str]) -> pl.Expr:
    """Whether a record is not as the one before it in these columns."""
    return pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift(1)) for name in columns)


def _because() -> pl.Expr:
    return pl.col("medium").cast(pl.String).replace_strict(_WORDS, return_dtype=pl.String)


def _log(records: pl.DataFrame) -> pl.DataFrame:
    """Of write-ahead log, where of the records at one place one stands for all but rows' changes.

    A row's change has the time and the place of its commit, and names digests of its own; so it
    is set between the same neighbours.
    """
    key = ["source", "stream", "piece"]
    records = records.with_columns(place=_new([*key, "position"]).cum_sum())
    lone = records.filter(pl.col("place").is_first_distinct())
    ahead = pl.col("at").cum_max().shift(1).forward_fill().over(key) - pl.col("at")
    early = ((ahead > 0) & (ahead <= _STAMP_TO_PLACE)).fill_null(value=False)
    lone = lone.with_columns(early=early)
    kept = pl.when(~pl.col("early")).then("row")
    lone = lone.with_columns(
        earlier=kept.shift(1).forward_fill().over(key),
        later=kept.shift(-1).backward_fill().over(key),
    )
    is_chief = pl.col("row") == pl.col("chief")
    both = records.join(
        lone.select("place", "early", "earlier", "later", chief="row"),
        on="place",
        maintain_order="left",
    ).filter(pl.col("is_row") | is_chief)
    return pl.concat(
        [
            both.filter(~pl.col("early")).select(before="earlier", after="row", because=_because()),
            # Its successor has a chief that is not early as its own predecessor already.
            both.filter(pl.col("early") | ~is_chief).select(
                before="row", after="later", because=_because()
            ),
        ]
    ).drop_nulls(["before", "after"])


def _pieces(records: pl.DataFrame, seen: Seen) -> pl.DataFrame:
    """Add ``piece``: a number for each stretch of a stream without a gap.

    What lies between the last outcome before a gap and the first behind it is of neither.
    """
    key = ["source", "stream"]
    records = records.with_columns(piece=pl.lit(0, pl.UInt32()))
    if seen.coverage is None:
        return records
    begun = (
        seen.coverage.filter((pl.col("kind") == "wal.*") & pl.col("stream").is_not_null())
        .select(pl.col(*key, "item").cast(pl.Categorical))
        .unique()
        .collect(engine="streaming")
    )
    several = begun.filter(pl.len().over(key) > 1)
    if several.is_empty():
        return records
    first = (
        records.filter("is_outcome")
        .join(several, on=[*key, "item"], how="semi")
        .group_by(*key, "item")
        .agg(pl.col("row").sort_by("position").first())
    )
    own = pl.when("is_outcome").then("piece")
    return (
        records.with_columns(piece=pl.col("row").is_in(first["row"].implode()).cast(pl.UInt32))
        .with_columns(pl.col("piece").cum_sum().over(key))
        .with_columns(own=own)
        .with_columns(
            last=pl.col("own").forward_fill().over(key),
            next=pl.col("own").backward_fill().over(key),
        )
        .filter((pl.col("last") == pl.col("next")).fill_null(value=False))
        .drop("own", "last", "next")
    )
