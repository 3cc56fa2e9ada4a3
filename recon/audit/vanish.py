"""What will be gone when: backup windows, retention of logs, lifecycle rules, locks that end.

Declared in ``case.toml`` (``[[retention]]``), computed from a bucket's own rules
(``object.expires``), read of locks (``object.retention``), or by a program's default (git's
reflogs, ``gc.reflogExpire``). A tool removes on that day or some time after it: a day is the first
on which the record need not be there any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from recon.instants import read_iso
from recon.subjects import glob

if TYPE_CHECKING:
    from recon.config import CaseConfig
    from recon.declared import Retention

State = Literal["gone", "going", "later"]
_REFLOG_DAYS = 90
"""``gc.reflogExpire``, git-gc(1); entries that no branch reaches go after 30."""
_LABEL = r"^label=(.*?) lsn="
_WINDOW = r": ([0-9]{1,6}) days after"
_DAY = timedelta(days=1)
_EDGE = timedelta(days=366_001)


@dataclass(frozen=True, slots=True)
class Vanishing:
    """Records of one source that go by one rule, of one state."""

    source: str
    what: str
    """A backup's label, an object, or the kinds of the records."""
    state: State
    """``gone`` at the instant of the audit, ``going`` within its horizon, ``later``."""
    first: datetime
    """When the first of them need not be there any more."""
    last: datetime
    records: int
    window_days: float | None
    """For how long such records are kept; None: not by age."""
    by: str
    """``declared``, ``lifecycle``, ``lock`` or ``default``."""
    because: str

    @property
    def key(self) -> str:
        """The same in each audit as long as nothing changed."""
        return f"{self.state}:{self.source}:{self.what}:{self.by}"

    def day(self, at: datetime) -> int | None:
        """Days of its window that the first of them has behind it."""
        if self.window_days is None:
            return None
        return int((at - (self.first - timedelta(days=self.window_days))) / _DAY)


def vanishing(
    config: CaseConfig, events: pl.LazyFrame, at: datetime, horizon: timedelta
) -> list[Vanishing]:
    """All that goes, what goes first foremost.

    Args:
        config: the case, with what it declares of retention.
        events: :data:`recon.schema.EVENTS`.
        at: the instant of the audit; records of later times are not looked at.
        horizon: how far ahead ``going`` reaches.
    """
    parts = [
        *(_declared(events, one, at) for one in config.retentions),
        *(_reflogs(config, events, at)),
        _lifecycle(events),
        _locks(events),
    ]
    state = (
        pl.when(pl.col("goes") <= at)
        .then(pl.lit("gone"))
        .when(pl.col("goes") <= at + min(horizon, _EDGE))
        .then(pl.lit("going"))
        .otherwise(pl.lit("later"))
    )
    found = (
        pl.concat(parts)
        .with_columns(state=state)
        .group_by("source", "what", "state", "window", "by", "because")
        .agg(first=pl.col("goes").min(), last=pl.col("goes").max(), records=pl.col("records").sum())
        .sort("first", "source", "what", "by")
        .collect(engine="streaming")
    )
    return [
        Vanishing(
            *(row["source"], row["what"], row["state"], row["first"], row["last"]),
            *(row["records"], row["window"], row["by"], row["because"]),
        )
        for row in found.iter_rows(named=True)
    ]


def _rows(frame: pl.LazyFrame, by: str, because: pl.Expr, window: pl.Expr) -> pl.LazyFrame:
    return frame.select(
        "source",
        "what",
        "goes",
        records=pl.lit(1, pl.UInt32),
        by=pl.lit(by),
        because=because,
        window=window.cast(pl.Float64),
    )


def _declared(events: pl.LazyFrame, one: Retention, at: datetime) -> pl.LazyFrame:
    """Backups one by one, by their labels, and once however often the evidence shows them."""
    rows = events.filter(
        pl.col("source") == one.source,
        pl.col("kind").str.contains(glob(one.kind)),
        pl.col("latest").is_not_null(),
        pl.col("earliest") <= at,
        # A promise is no record, and what the examiner did is not kept by the source.
        ~pl.col("kind").is_in(["object.expires", "object.expires-under-marker", "snapshot"]),
    )
    label = pl.col("value").str.extract(_LABEL)
    is_backup = pl.col("kind").str.starts_with("backup.") & label.is_not_null()
    backups = (
        rows.filter(is_backup)
        .group_by("source", what=label)
        .agg(goes=pl.col("latest").max() + _span(one.days))
    )
    others = rows.filter(~is_backup.fill_null(value=False)).select(
        "source", what=pl.lit(one.kind), goes=pl.col("latest") + _span(one.days)
    )
    because = pl.lit(one.because or "the case declares it")
    return _rows(pl.concat([backups, others]), "declared", because, pl.lit(one.days))


def _span(days: float) -> pl.Expr:
    return pl.lit(timedelta(days=days), pl.Duration("us"))


def _reflogs(config: CaseConfig, events: pl.LazyFrame, at: datetime) -> Iterator[pl.LazyFrame]:
    """Reflogs by git's default, of sources for which the case declares nothing of the kind."""
    import re

    said = {
        one.source
        for one in config.retentions
        if re.match(glob(one.kind).replace(r"\z", r"\Z"), "git.reflog")
    }
    rows = events.filter(
        pl.col("kind") == "git.reflog",
        ~pl.col("source").is_in(sorted(said)),
        pl.col("latest").is_not_null(),
        pl.col("earliest") <= at,
    ).select("source", what=pl.lit("git.reflog"), goes=pl.col("latest") + _span(_REFLOG_DAYS))
    because = pl.lit("git's default (gc.reflogExpire); the repository may be set otherwise")
    yield _rows(rows, "default", because, pl.lit(_REFLOG_DAYS))


def _lifecycle(events: pl.LazyFrame) -> pl.LazyFrame:
    """Versions that a bucket's own rules remove, as they stood when they were read."""
    rows = events.filter(
        pl.col("kind") == "object.expires", pl.col("earliest").is_not_null()
    ).select("source", "value", what=pl.col("subject"), goes=pl.col("earliest"))
    window = pl.col("value").str.extract(_WINDOW).cast(pl.Float64, strict=False)
    return _rows(rows, "lifecycle", pl.col("value").fill_null("a rule of the bucket"), window)


def _locks(events: pl.LazyFrame) -> pl.LazyFrame:
    """When retention ends: nothing goes by itself on that day, and it can be removed from then."""
    until = read_iso(pl.col("value").str.extract(r" until (.{1,40})$")).struct.field("earliest")
    rows = (
        events.filter(pl.col("kind") == "object.retention", pl.col("value").is_not_null())
        .with_columns(version=pl.col("names").list.last(), goes=until)
        .filter(pl.col("goes").is_not_null())
        # The last answer stands: retention can be prolonged.
        .sort("latest", "row")
        .group_by("source", "version", maintain_order=True)
        .last()
        .select("source", "goes", what=pl.lit("retention of objects ends"))
    )
    because = pl.lit("from then on whoever may delete can delete them")
    return _rows(rows, "lock", because, pl.lit(None))


def to_json(found: Sequence[Vanishing], at: datetime) -> list[dict[str, Any]]:
    """For programs."""
    from recon.instants import show

    return [
        {
            "source": one.source,
            "what": one.what,
            "state": one.state,
            "first": show(one.first),
            "last": show(one.last),
            "records": one.records,
            "window_days": one.window_days,
            "day": one.day(at),
            "by": one.by,
            "because": one.because,
        }
        for one in found
    ]
