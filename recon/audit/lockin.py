"""How long after the fact each record left the control of its writer, and what has not yet.

A record has left it, at the latest, as one of these shows:

- ``object-lock``: retention in compliance mode, or a legal hold, read of the version. Since when it
  holds no answer says, so the lag is from nothing to the time of reading. Governance mode does not
  count: who may bypass it can.
- ``token``: a verified RFC 3161 token over its item, or over its digest.
- ``digest``: a source of another account or organisation, which nobody can write who writes this
  one, names its digest, at a time that its own medium or log gave.
- ``copy``: such a source holds the same record (same log, same position), or names its digest at a
  time that came with the copy: from the day on which it was fetched.
- ``case``: this case holds its item, where the case declares that its keeper (the domain of the
  clock source, or one named ``examiner``) is apart from the source's domain.

What none of them shows is unknown, and is not said to be free to change.
Source: design, section 7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from recon.instants import read_iso
from recon.time.corrected import READING, Corrected, Reading
from recon.witnesses.domains import Principals, apart
from recon.witnesses.principals import SYSTEM

if TYPE_CHECKING:
    from recon.collector import Item
    from recon.config import CaseConfig, Domain
    from recon.witnesses import Witnesses

MEANS = ("object-lock", "token", "digest", "copy", "case")
_SAID = ("snapshot", "examiner", "timestamp.token", "clock.measurement", "object.head",
         "object.expires", "object.expires-under-marker", "object.retention", "object.legal-hold",
         "object.expiration", "object.replication", "bucket.configuration")  # fmt: skip
"""Kinds that tell of a reading or of a setting: no records of acts."""
_COLUMNS = ["row", "source", "kind", "item", "clock", "basis", "earliest", "latest", "digest",
            "names", "stream", "position"]  # fmt: skip
_SECOND = 1_000_000
_LAGS = {"row": pl.UInt64(), "means": pl.String(), "least": pl.Int64(), "most": pl.Int64()}


@dataclass(frozen=True, slots=True)
class LockIn:
    """The records of one source, and how long they stayed with their writer."""

    source: str
    records: int
    """Dated records of acts up to the instant of the audit."""
    out: Mapping[str, int]
    """By means: the records that it took out of their writer's control first."""
    least: float | None
    """Seconds: the shortest time any of these records can have stayed; None: none left."""
    half: float | None
    """Seconds within which half of those that left had left, at the latest."""
    most: float | None
    """Seconds: the longest time any of them can have stayed."""
    locks: Mapping[str, int]
    """Versions of objects by the lock last read: ``compliance``, ``hold``, ``governance``,
    ``none``, ``unknown`` (nobody asked, or nobody was allowed to see)."""
    writers: Sequence[str]
    """Principals known to be able to write it; empty: they are not declared."""
    domain: str

    @property
    def alterable(self) -> int:
        """Records of which nothing shows that they left their writer's control."""
        return self.records - sum(self.out.values())

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {**asdict(self), "alterable": self.alterable}


def lock_in(  # noqa: PLR0913, PLR0917  (each argument is a different thing)
    config: CaseConfig,
    events: pl.LazyFrame,
    items: Sequence[Item],
    found: Witnesses,
    clocks: Corrected,
    at: datetime,
) -> list[LockIn]:
    """Every source of a case, in the order of ``case.toml``.

    1. The records that are asked about: dated acts up to the instant.
    2. By each means, the records that it took out, and how late at the most.
    3. Of each record the means that did so first; then by source.
    """
    own = events.filter(
        ~pl.col("kind").is_in(_SAID),
        pl.col("earliest").is_not_null() & pl.col("latest").is_not_null(),
        pl.col("earliest") <= at,
    ).select(_COLUMNS)
    lags = pl.concat(
        [
            _locked(events, own, at),
            _stamped(events, own, clocks, at),
            _named(events, own, items, found, clocks, at),
            _copied(own, items, found, at),
            _held(config, own, items, at),
        ]
    )
    first = (
        lags.with_columns(pl.col("least", "most").clip(lower_bound=0))
        .sort("most", "least", "means", "row")
        .unique("row", keep="first", maintain_order=True)
    )
    rows = (
        own.select("row", "source")
        .join(first, on="row", how="left")
        .group_by("source", "means")
        .agg(
            records=pl.len(),
            least=pl.col("least").min(),
            most=pl.col("most").max(),
        )
        .sort("source", "means")
        .collect(engine="streaming")
    )
    halves = dict(
        own.select("row", "source")
        .join(first, on="row")
        .group_by("source")
        .agg(pl.col("most").quantile(0.5, "higher"))
        .collect(engine="streaming")
        .iter_rows()
    )
    kept = _locks(events, at)
    return [
        _one(one.id, one.domain, rows.filter(pl.col("source") == one.id), halves.get(one.id),
             kept.get(one.id, {}), found.principals[one.id])
        for one in config.sources
    ]  # fmt: skip


def _one(  # noqa: PLR0913, PLR0917  (what a row is made of)
    source: str,
    domain: str,
    rows: pl.DataFrame,
    half: float | None,
    locks: Mapping[str, int],
    writers: Principals,
) -> LockIn:
    left = rows.filter(pl.col("means").is_not_null())
    least, most = left["least"].min(), left["most"].max()
    return LockIn(
        source,
        int(rows["records"].sum()),
        dict(left.select("means", "records").iter_rows()),
        None if least is None else int(least) / _SECOND,  # type: ignore[arg-type]  # integers
        None if half is None else half / _SECOND,
        None if most is None else int(most) / _SECOND,  # type: ignore[arg-type]  # integers
        locks,
        tuple(sorted(writers.known)),
        domain,
    )


def _span(end: pl.Expr, begin: pl.Expr) -> pl.Expr:
    return (end - begin).dt.total_microseconds()


def _until() -> pl.Expr:
    return read_iso(pl.col("value").str.extract(r" until (.{1,40})$")).struct.field("earliest")


def _readings(events: pl.LazyFrame, kind: str, at: datetime) -> pl.LazyFrame:
    """The last reading of each version up to the instant: ``version``, ``value``, ``seen``."""
    return (
        events.filter(pl.col("kind") == kind, pl.col("earliest") <= at)
        .select("source", "value", "row", version=pl.col("names").list.last(), seen="latest")
        .sort("seen", "row")
        .group_by("source", "version", maintain_order=True)
        .last()
        .drop("row")
    )


def _firm(events: pl.LazyFrame, at: datetime) -> pl.LazyFrame:
    """Versions that nobody can change or remove at the instant, with when that was read."""
    retained = _readings(events, "object.retention", at).filter(
        pl.col("value").str.starts_with("COMPLIANCE ") & (_until() > at)
    )
    held = _readings(events, "object.legal-hold", at).filter(pl.col("value") == "ON")
    return pl.concat([retained, held]).group_by("source", "version").agg(pl.col("seen").min())


def _locked(events: pl.LazyFrame, own: pl.LazyFrame, at: datetime) -> pl.LazyFrame:
    """A version, and what is claimed of it: any event whose names hold the version's."""
    stored = own.filter(pl.col("kind").is_in(["object.put", "claim"])).explode(
        "names", empty_as_null=True, keep_nulls=True
    )
    return stored.join(
        _firm(events, at), left_on=["source", "names"], right_on=["source", "version"]
    ).select(
        "row",
        means=pl.lit("object-lock"),
        least=pl.lit(0, pl.Int64),
        most=_span(pl.col("seen"), pl.col("earliest")),
    )


def _stamped(
    events: pl.LazyFrame, own: pl.LazyFrame, clocks: Corrected, at: datetime
) -> pl.LazyFrame:
    """Records in an item that a verified token is over, or whose digest it is."""
    tokens = (
        events.filter(
            pl.col("kind") == "timestamp.token",
            pl.col("basis") == "stamped",
            pl.col("earliest") <= at,
        )
        .select("names", late_clock="clock", late_from="earliest", late_to="latest")
        .explode("names", empty_as_null=True, keep_nulls=True)
        .sort("late_to")
        .unique("names", keep="first", maintain_order=True)
    )
    whole = own.with_columns(by=pl.lit("sha256:") + pl.col("item"))
    both = pl.concat(
        [
            whole.join(tokens, left_on="by", right_on="names").drop("by"),
            own.join(tokens, left_on="digest", right_on="names"),
        ],
        how="diagonal",
    )
    return _late(both, "token", clocks)


def _late(both: pl.LazyFrame, means: str, clocks: Corrected) -> pl.LazyFrame:
    """By how much the later record came after the first, with the clocks' offset taken off."""
    found = clocks.apart(both, READING, Reading("late_clock", "late_from", "late_to"), "late")
    return found.filter(pl.col("late_most").is_not_null()).select(
        "row",
        means=pl.lit(means),
        least=pl.col("late_least").fill_null(0).clip(lower_bound=0),
        most=pl.col("late_most"),
    )


def _spelled(own: pl.LazyFrame, wanted: pl.LazyFrame) -> pl.LazyFrame:
    """Each digest that is asked about, with every record that states or contains it."""
    columns = ["source", "item", "digest", "clock", "basis", "earliest", "latest", "row"]
    return pl.concat(
        [
            own.filter(pl.col("digest").is_not_null()).select(columns),
            own.drop("digest")
            .explode("names", empty_as_null=True, keep_nulls=True)
            .rename({"names": "digest"})
            .join(wanted, on="digest", how="semi")
            .select(columns),
        ]
    ).rename({"source": "other"})


def _named(  # noqa: PLR0913, PLR0917  (each argument is a different thing)
    events: pl.LazyFrame,
    own: pl.LazyFrame,
    items: Sequence[Item],
    found: Witnesses,
    clocks: Corrected,
    at: datetime,
) -> pl.LazyFrame:  # fmt: skip
    """The first record of each source that names a digest, against what others say of it.

    By its own time where its medium, or its own log, gave it. What a copy holds keeps the times of
    its origin (commits, rows, archived log, replicas): such a record counts from when the copy was
    fetched.
    """
    pairs = _pairs(found)
    if pairs is None:
        return pl.LazyFrame(schema=_LAGS)
    stated = own.filter(pl.col("digest").is_not_null())
    spelled = _spelled(own, stated.select("digest").unique())
    first = (
        spelled.filter(_OWN_TIME)
        .join(_replicas(events, own), on="row", how="anti")
        .sort("latest", "earliest", "clock")
        .unique(["other", "digest"], keep="first", maintain_order=True)
        .select("other", "digest", late_clock="clock", late_from="earliest", late_to="latest")
    )
    apart_ = pairs.join(_copies(own), on=["source", "other"], how="anti")
    dated = stated.join(apart_, on="source").join(first, on=["other", "digest"])
    held = (
        spelled.join(_fetched(items, at), left_on=["other", "item"], right_on=["source", "item"])
        .group_by("other", "digest")
        .agg(pl.col("fetched").min())
    )
    fetched = (
        stated.join(pairs, on="source")
        .join(held, on=["other", "digest"])
        .select(
            "row",
            means=pl.lit("copy"),
            least=pl.lit(0, pl.Int64),
            most=_span(pl.col("fetched"), pl.col("earliest")),
        )
    )
    return pl.concat([_late(dated, "digest", clocks), fetched])


_OWN_TIME = pl.col("clock").str.contains("^(?:log|records):") | (
    (pl.col("basis") == "stamped")
    & ~pl.col("clock").str.contains("^git:(?:author|committer|tagger):")
)
"""Whether a record's time was given where it is held, and not where it was copied from."""


def _copies(own: pl.LazyFrame) -> pl.LazyFrame:
    """Pairs of sources that hold the log of one cluster: one is a copy, with the times of both."""
    held = (
        own.filter(pl.col("stream").str.starts_with("pg:"))
        .select("source", system=pl.col("stream").str.extract(r"^(pg:[^/]+)"))
        .unique()
    )
    both = held.join(held.rename({"source": "other"}), on="system")
    return both.filter(pl.col("source") != pl.col("other")).select("source", "other").unique()


def _replicas(events: pl.LazyFrame, own: pl.LazyFrame) -> pl.LazyFrame:
    """Rows of versions that S3 replicated: they keep the date of their origin."""
    versions = events.filter(
        (pl.col("kind") == "object.replication") & (pl.col("value") == "REPLICA")
    ).select("source", names=pl.col("names").list.last())
    return (
        own.select("source", "row", "names")
        .explode("names", empty_as_null=True, keep_nulls=True)
        .join(versions, on=["source", "names"], how="semi")
        .select("row")
    )


def _pairs(found: Witnesses) -> pl.LazyFrame | None:
    """Pairs, both ways, that nobody known could write together; None: there are none."""
    pairs = [
        pair for pair, one in found.pairs.items() if one.witness in {"account", "organisation"}
    ]
    both = [two for first, second in pairs for two in ((first, second), (second, first))]
    return pl.LazyFrame(both, schema=["source", "other"], orient="row") if both else None


def _copied(
    own: pl.LazyFrame, items: Sequence[Item], found: Witnesses, at: datetime
) -> pl.LazyFrame:
    """Records that an independent source holds at the same place of the same log."""
    pairs = _pairs(found)
    if pairs is None:
        return pl.LazyFrame(schema=_LAGS)
    placed = own.filter(
        pl.col("stream").str.starts_with("pg:"), pl.col("position").is_not_null(),
        pl.col("kind").str.starts_with("wal."),
    )  # fmt: skip
    others = placed.select("stream", "position", "kind", "item", other="source").join(
        _fetched(items, at), left_on=["other", "item"], right_on=["source", "item"]
    )
    return (
        placed.drop("item")
        .join(pairs, on="source")
        .join(others, on=["other", "stream", "position", "kind"])
        .select(
            "row",
            means=pl.lit("copy"),
            least=pl.lit(0, pl.Int64),
            most=_span(pl.col("fetched"), pl.col("earliest")),
        )
    )


def _fetched(items: Sequence[Item], at: datetime) -> pl.LazyFrame:
    """When each item was first acquired, up to the instant, by the custody log."""
    rows = [(one.source, one.sha256, one.acquired) for one in items]
    schema = ["source", "item", "acquired"]
    return (
        pl.LazyFrame(rows, schema=dict.fromkeys(schema, pl.String), orient="row")
        .with_columns(fetched=read_iso(pl.col("acquired")).struct.field("latest"))
        .filter(pl.col("fetched") <= at)
        .group_by("source", "item")
        .agg(pl.col("fetched").min())
    )


def keeper(config: CaseConfig) -> tuple[str, Domain] | None:
    """The domain of whoever keeps the case: that of its clock source, or one named ``examiner``."""
    names = [one.domain for one in config.sources if one.collector == "clock"] + ["examiner"]
    return next(((one, config.domains[one]) for one in names if one in config.domains), None)


def _held(
    config: CaseConfig, own: pl.LazyFrame, items: Sequence[Item], at: datetime
) -> pl.LazyFrame:
    kept = keeper(config)
    if kept is None:
        return pl.LazyFrame(schema=_LAGS)
    mine = (*kept, Principals(dict.fromkeys(kept[1].writers, "declared")))
    theirs = {
        one.id: (one.domain, config.domains[one.domain],
                 Principals(dict.fromkeys(config.domains[one.domain].writers, "declared")))
        for one in config.sources
    }  # fmt: skip
    away = [name for name, side in theirs.items() if apart(mine, side).witness != "self"]
    return (
        own.filter(pl.col("source").is_in(away))
        .join(_fetched(items, at), on=["source", "item"])
        .select(
            "row",
            means=pl.lit("case"),
            # The examiner's clock against the source's: nothing is taken off, and said so.
            least=_span(pl.col("fetched"), pl.col("latest")),
            most=_span(pl.col("fetched"), pl.col("earliest")),
        )
    )


def _locks(events: pl.LazyFrame, at: datetime) -> dict[str, dict[str, int]]:
    """By source: versions of objects by the lock that was last read of them."""
    versions = (
        events.filter(pl.col("kind") == "object.put", pl.col("subject").str.contains(SYSTEM))
        .filter(pl.col("earliest") <= at)
        .select("source", version=pl.col("names").list.first())
        .unique()
    )
    retention = _readings(events, "object.retention", at).select(
        "source", "version", lock="value", ends=_until(), asked=pl.lit(value=True)
    )
    hold = _readings(events, "object.legal-hold", at).select("source", "version", hold="value")
    word = (
        pl.when(pl.col("lock").str.starts_with("COMPLIANCE ") & (pl.col("ends") > at))
        .then(pl.lit("compliance"))
        .when(pl.col("hold") == "ON")
        .then(pl.lit("hold"))
        .when(pl.col("lock").str.starts_with("GOVERNANCE ") & (pl.col("ends") > at))
        .then(pl.lit("governance"))
        .when(pl.col("asked"))
        .then(pl.lit("none"))
        .otherwise(pl.lit("unknown"))
    )
    rows = (
        versions.join(retention, on=["source", "version"], how="left")
        .join(hold, on=["source", "version"], how="left")
        .group_by("source", word=word)
        .len()
        .sort("source", "word")
        .collect(engine="streaming")
    )
    out: dict[str, dict[str, int]] = {}
    for source, name, count in rows.iter_rows():
        out.setdefault(source, {})[name] = count
    return out
