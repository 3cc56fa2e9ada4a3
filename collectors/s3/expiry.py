"""The day on which a bucket's own lifecycle removes each version, by the rules as they were read.

- A noncurrent version: the creation of its successor and the rule's days, rounded up to the next
  midnight UTC; where the rule keeps some newer noncurrent versions, not before there are so many.
- A current one: its own creation and the days, or the rule's date, rounded likewise. On that day a
  bucket with versioning puts a delete marker over it; the version itself then is noncurrent, and
  goes by a rule for those. Without versioning the object is removed.
- What retention keeps stays until it ends; what has a legal hold stays.

S3 removes on that day or some time after it. Rules change: those of the evidence hold for the time
when they were read.
Source: Amazon S3 User Guide, "Lifecycle configuration elements" and "How S3 calculates how long an
object has been noncurrent".
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from collectors.s3 import drafts, times
from recon.schema import DRAFT, INSTANT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collectors.s3.lifecycle import Rule
    from recon.collector import Sha256, Source

DUE: dict[str, pl.DataType] = {
    "key": pl.String(),
    "version": pl.String(),
    "what": pl.String(),
    "earliest": INSTANT,
    "latest": INSTANT,
    "why": pl.String(),
    "sure": pl.Boolean(),
    "citation": pl.String(),
}
"""One row a version and act: ``what`` is ``removed`` or ``marked``, from ``earliest`` on.

``latest`` is null where the time is open. ``sure`` is false where the rule asks for tags, which no
listing shows.
"""

_DAY = timedelta(days=1)


def table(versions: pl.DataFrame, rules: Sequence[Rule], versioning: str | None) -> pl.DataFrame:
    """Rows of :data:`DUE`, the first that comes of each version and act.

    Args:
        versions: rows of :data:`collectors.s3.versions.LISTED`, of any listings.
        rules: enabled ones.
        versioning: ``Enabled``, ``Suspended``, or null for never.
    """
    rows = _followed(versions)
    parts = [pl.DataFrame(schema=DUE)]
    for rule in rules:
        chosen = rows.filter(_selects(rule))
        parts.append(_current(chosen, rule, versioning))
        if rule.noncurrent_days is not None:
            parts.append(_noncurrent(chosen, rule))
            marked = parts[1:]
            parts.append(_after_marker(marked, rule, chosen))
    return (
        pl.concat(parts)
        .sort("key", "version", "what", "earliest", "sure", "citation")
        .unique(["key", "version", "what"], keep="first", maintain_order=True)
    )


def _followed(versions: pl.DataFrame) -> pl.DataFrame:
    """Each version once, newest first within its key, with when its successor was created."""
    once = (
        versions.drop_nulls("earliest")
        .unique(["key", "version", "earliest"], keep="first", maintain_order=True)
        .sort(
            "key",
            "earliest",
            pl.col("position").fill_null(0),
            descending=[False, True, True],
            maintain_order=True,
        )
    )
    return once.with_columns(
        since=pl.col("earliest").shift(1).over("key"),
        since_latest=pl.col("latest").shift(1).over("key"),
        rank=pl.int_range(pl.len()).over("key"),
    )


def _selects(rule: Rule) -> pl.Expr:
    chosen = pl.col("key").str.starts_with(rule.prefix)
    if rule.larger is not None:
        chosen &= pl.col("size") > rule.larger
    if rule.smaller is not None:
        chosen &= pl.col("size") < rule.smaller
    return chosen


def midnight(instant: pl.Expr) -> pl.Expr:
    """The next midnight UTC after an instant."""
    return instant.dt.truncate("1d") + _DAY


def _current(rows: pl.DataFrame, rule: Rule, versioning: str | None) -> pl.DataFrame:
    """What becomes of the newest version of a key."""
    if rule.days is not None:
        days = pl.duration(days=rule.days)
        start, end = midnight(pl.col("earliest") + days), midnight(pl.col("latest") + days)
        why = f"{rule.days} days after it was created"
    elif rule.date is not None:
        dated = times.modified(pl.Series([rule.date]))
        start = end = pl.lit(dated["earliest"][0], INSTANT)
        why = f"the rule's date, {rule.date}"
    else:
        return pl.DataFrame(schema=DUE)
    # An expiring `null` of a suspended bucket is overwritten by its marker, which is `null` too.
    is_marked = pl.lit(versioning == "Enabled") | (
        pl.lit(versioning == "Suspended") & (pl.col("version") != "null")
    )
    what = pl.when(is_marked).then(pl.lit("marked")).otherwise(pl.lit("removed"))
    newest = rows.filter((pl.col("rank") == 0) & (pl.col("kind") == "object.put"))
    return _due(newest, rule, what, start, end, why)


def _noncurrent(rows: pl.DataFrame, rule: Rule) -> pl.DataFrame:
    """What becomes of the others, delete markers included."""
    days = pl.duration(days=rule.noncurrent_days or 0)
    why = f"{rule.noncurrent_days} days after its successor was created"
    start, end = pl.col("since") + days, pl.col("since_latest") + days
    if rule.newer:
        # The version `newer` places above became noncurrent, as its own successor was created.
        enough = [pl.col(name).shift(rule.newer).over("key") for name in ("since", "since_latest")]
        rows = rows.with_columns(enough_from=enough[0], enough_to=enough[1]).filter(
            pl.col("enough_from").is_not_null()
        )
        start = pl.max_horizontal(start, "enough_from")
        end = pl.max_horizontal(end, "enough_to")
        why = f"{why}, with {rule.newer} newer ones kept"
    others = rows.filter(pl.col("rank") > 0)
    return _due(others, rule, pl.lit("removed"), midnight(start), midnight(end), why)


def _after_marker(marked: Sequence[pl.DataFrame], rule: Rule, chosen: pl.DataFrame) -> pl.DataFrame:
    """A current version that is marked by a rule becomes noncurrent on that day."""
    if rule.newer:
        return pl.DataFrame(schema=DUE)
    days = pl.duration(days=rule.noncurrent_days or 0)
    why = f"{rule.noncurrent_days} days after its delete marker is due"
    rows = pl.concat(marked).filter(pl.col("what") == "marked").drop("citation", "sure")
    rows = rows.join(chosen.select("key").unique(), on="key", how="semi")
    start, end = pl.col("earliest") + days, pl.col("latest") + days
    return _due(rows, rule, pl.lit("removed"), midnight(start), midnight(end), why)


def _due(  # noqa: PLR0913, PLR0917  (what a row is made of)
    rows: pl.DataFrame, rule: Rule, what: pl.Expr, start: pl.Expr, end: pl.Expr, why: str
) -> pl.DataFrame:
    return rows.select(
        key="key",
        version="version",
        what=what,
        earliest=start.cast(INSTANT),
        latest=end.cast(INSTANT),
        why=pl.lit(f"rule {rule.name!r}: {why}"),
        sure=pl.lit(not rule.tagged),
        citation=pl.lit(rule.citation),
    )


def kept(due: pl.DataFrame, locks: pl.DataFrame) -> pl.DataFrame:
    """The same, with what locks put off: ``key``, ``version``, ``until`` and ``held`` of locks."""
    joined = due.join(locks, on=["key", "version"], how="left", maintain_order="left")
    later = pl.col("until") > pl.col("earliest")
    is_put_off = (pl.col("what") == "removed") & later.fill_null(False)
    is_free = ~pl.col("held").fill_null(False) | (pl.col("what") == "marked")
    return (
        joined.filter(is_free)
        .with_columns(
            why=pl.when(is_put_off)
            .then(pl.format("{}; put off by its retention", "why"))
            .otherwise("why"),
            earliest=pl.when(is_put_off).then("until").otherwise("earliest"),
            latest=pl.when(is_put_off)
            .then(pl.max_horizontal("until", "latest"))
            .otherwise("latest"),
        )
        .select(list(DUE))
    )


def events(source: Source, item: Sha256, due: pl.DataFrame) -> pl.DataFrame:
    """``object.expires`` or ``object.expires-under-marker``, on the day on which it is due.

    Asserted: a rule promises it, and nothing shows yet that it happened. No clock has shown that
    day: a calendar names it, and so nothing corrects it.
    """
    bucket = source.options.bucket
    if due.is_empty():
        return pl.DataFrame(schema=DRAFT)
    return drafts.draft(
        due.with_columns(item=pl.lit(item)),
        kind=pl.when(pl.col("what") == "removed")
        .then(pl.lit("object.expires"))
        .otherwise(pl.lit("object.expires-under-marker")),
        citation=pl.col("citation"),
        part=pl.int_range(1, pl.len() + 1).over("citation"),
        subject=pl.format("s3:{}/{}", pl.lit(bucket), "key"),
        attribute=pl.when("sure").then(pl.lit("rule")).otherwise(pl.lit("rule by tags")),
        value=pl.col("why"),
        basis=pl.lit("asserted"),
        earliest=pl.col("earliest"),
        latest=pl.col("latest"),
        names=pl.concat_list(drafts.version(bucket)),
    )
