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

from recon.audit import means
from recon.audit.locks import locks
from recon.witnesses.domains import Principals, apart

if TYPE_CHECKING:
    from recon.collector import Item
    from recon.config import CaseConfig, Domain
    from recon.time.corrected import Corrected
    from recon.witnesses import Witnesses

MEANS = ("object-lock", "token", "digest", "copy", "case")
_SAID = ("snapshot", "examiner", "timestamp.token", "clock.measurement", "object.head",
         "object.expires", "object.expires-under-marker", "object.retention", "object.legal-hold",
         "object.expiration", "object.replication", "object.unseen", "bucket.configuration",
         "bucket.unseen")  # fmt: skip
"""Kinds that tell of a reading or of a setting: no records of acts."""
_COLUMNS = ["row", "source", "kind", "item", "clock", "basis", "earliest", "latest", "digest",
            "names", "stream", "position"]  # fmt: skip
_SECOND = 1_000_000


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
    shown = pl.concat(
        [
            means.locked(events, own, at),
            means.stamped(events, own, clocks, at),
            means.named(events, own, items, found, clocks, at),
            means.copied(own, items, found, at),
        ]
    )
    away = _away(config)
    chosen = _first(own, shown, means.fetched(items, at).filter(pl.col("source").is_in(away)))
    by = (
        chosen.group_by("source", "means")
        .agg(records=pl.len(), least=pl.col("least").min(), most=pl.col("most").max())
        .sort("source", pl.col("means").cast(pl.String))
    )
    halves = dict(
        chosen.filter(pl.col("means").is_not_null())
        .group_by("source")
        .agg(pl.col("most").quantile(0.5, "higher"))
        .iter_rows()
    )
    kept = locks(events, at)
    return [
        _one(one.id, one.domain, by.filter(pl.col("source") == one.id), halves.get(one.id),
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


def keeper(config: CaseConfig) -> tuple[str, Domain] | None:
    """The domain of whoever keeps the case: that of its clock source, or one named ``examiner``."""
    names = [one.domain for one in config.sources if one.collector == "clock"] + ["examiner"]
    return next(((one, config.domains[one]) for one in names if one in config.domains), None)


def _away(config: CaseConfig) -> list[str]:
    """Sources that nobody known writes who keeps the case; none where no keeper is declared."""
    kept = keeper(config)
    if kept is None:
        return []
    mine = (*kept, Principals(dict.fromkeys(kept[1].writers, "declared")))
    theirs = {
        one.id: (one.domain, config.domains[one.domain],
                 Principals(dict.fromkeys(config.domains[one.domain].writers, "declared")))
        for one in config.sources
    }  # fmt: skip
    return [name for name, side in theirs.items() if apart(mine, side).witness != "self"]


def _first(own: pl.LazyFrame, shown: pl.LazyFrame, held: pl.LazyFrame) -> pl.DataFrame:
    """``source``, ``means``, ``least``, ``most`` of each record: what took it out first, or nulls.

    What the case holds is known by item, so it meets the records as a column; of what else took a
    record out there is little, as a rule, and that alone is sorted.
    """
    others = (
        shown.with_columns(pl.col("least", "most").clip(lower_bound=0))
        .sort("most", "least", "means", "row")
        .unique("row", keep="first", maintain_order=True)
        .rename({"means": "other", "least": "other_least", "most": "other_most"})
        .collect(engine="streaming")
    )
    # The examiner's clock against the source's: nothing is taken off, and said so.
    least = means.span(pl.col("fetched"), pl.col("latest")).clip(lower_bound=0)
    most = means.span(pl.col("fetched"), pl.col("earliest")).clip(lower_bound=0)
    rival = pl.col("other_most") - pl.col("most")
    case = pl.col("most").is_not_null() & (
        (rival > 0) | ((rival == 0) & (pl.col("least") <= pl.col("other_least")))
    ).fill_null(value=True)
    return (
        own.select("row", "source", "item", "earliest", "latest")
        .join(held, on=["source", "item"], how="left")
        .join(others.lazy(), on="row", how="left")
        .select("source", "other", "other_least", "other_most", least=least, most=most)
        .select(
            "source",
            means=pl.when(case).then(pl.lit("case")).otherwise("other").cast(pl.Enum(MEANS)),
            least=pl.when(case).then("least").otherwise("other_least"),
            most=pl.when(case).then("most").otherwise("other_most"),
        )
        .collect(engine="streaming")
    )
