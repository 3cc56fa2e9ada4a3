"""What ``recon written`` answers: each version of a row once, with every basis of its time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from recon import schema
from recon.instants import show
from recon.names import named
from recon.subjects import glob
from recon.written.frame import written

if TYPE_CHECKING:
    from recon.rules.base import Timeline

_RECORD = ["source", "item", "citation"]


@dataclass(frozen=True, slots=True)
class Basis:
    """One interval, and what it rests on."""

    basis: str
    """One of :data:`recon.written.BASES`."""
    firm: bool
    """It holds whatever the transaction did; else it is an estimate."""
    earliest: datetime | None
    latest: datetime | None
    """None: an open end."""
    clock: str | None
    because: str
    from_event: str | None
    to_event: str | None
    """Ids of the events that give the ends."""
    disagrees: bool
    """It has no instant in common with a firm one of the same row."""

    def to_json(self) -> dict[str, Any]:
        """Plain data; instants as RFC 3339."""
        plain = asdict(self)
        for end in ("earliest", "latest"):
            plain[end] = show(plain[end]) if plain[end] is not None else None
        return plain


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a row, as the first item that shows it has it."""

    subject: str
    source: str
    table: str | None
    transaction: str | None
    """``xid:SYSTEM/NUMBER``; None in a dump, which knows none."""
    event: str
    """Id of the row's event."""
    asserts_earliest: datetime | None
    asserts_latest: datetime | None
    """The time that the row itself gives, if any."""
    bases: Sequence[Basis]
    """Best first."""

    def to_json(self) -> dict[str, Any]:
        """Plain data; instants as RFC 3339."""
        asserts = [
            show(one) if one is not None else None
            for one in (self.asserts_earliest, self.asserts_latest)
        ]
        return {
            "subject": self.subject,
            "source": self.source,
            "table": self.table,
            "transaction": self.transaction,
            "event": self.event,
            "asserts": {"earliest": asserts[0], "latest": asserts[1]},
            "bases": [basis.to_json() for basis in self.bases],
        }


def answers(timeline: Timeline, subjects: Sequence[str] = ()) -> list[Version]:
    """Every version of every row, or of the rows whose subject matches a glob.

    A version that several captures show is given once, by the first of them; rows of dumps, which
    know no transaction, once for each time that their values appear, if no capture shows the row.
    """
    rows = _rows(timeline, subjects)
    bases = written(timeline).join(rows.select("row"), on="row", how="semi")
    ids = _ids(timeline, rows, bases)
    of_row: dict[int, list[Basis]] = {}
    for one in bases.iter_rows(named=True):
        of_row.setdefault(one["row"], []).append(
            Basis(
                basis=one["basis"],
                firm=one["firm"],
                earliest=one["earliest"],
                latest=one["latest"],
                clock=one["clock"],
                because=one["because"],
                from_event=ids.get(one["from_event"]),
                to_event=ids.get(one["to_event"]),
                disagrees=one["disagrees"],
            )
        )
    return [
        Version(
            subject=one["subject"],
            source=one["source"],
            table=one["table"],
            transaction=one["transaction"],
            event=ids[one["row"]],
            asserts_earliest=one["asserts_earliest"],
            asserts_latest=one["asserts_latest"],
            bases=of_row.get(one["row"], []),
        )
        for one in rows.iter_rows(named=True)
    ]


def _rows(timeline: Timeline, subjects: Sequence[str]) -> pl.DataFrame:
    versions = timeline.kind("row.version", "row.dumped")
    if subjects:
        versions = versions.filter(
            pl.any_horizontal(pl.col("subject").str.contains(glob(one)) for one in subjects)
        )
    seen = timeline.kind("snapshot").group_by("source", "item").agg(seen=pl.col("earliest").min())
    said = (
        timeline.kind("claim")
        .group_by(_RECORD)
        .agg(
            asserts_earliest=pl.col("earliest").filter(pl.col("basis") == "asserted").min(),
            asserts_latest=pl.col("latest").filter(pl.col("basis") == "asserted").max(),
            values=pl.concat_str("attribute", pl.lit("="), "value").sort().str.join("\n"),
        )
    )
    found = (
        versions.select(
            *("row", "subject", "kind", *_RECORD),
            table=named("pg:"),
            transaction=named("xid:"),
        )
        .join(said, on=_RECORD, how="left")
        .join(seen, on=["source", "item"], how="left")
        .collect(engine="streaming")
        .sort("source", "table", "subject", "seen", "row", nulls_last=True)
    )
    key = ["source", "table", "subject"]
    captured = found.filter(pl.col("kind") == "row.version").unique(
        [*key, "transaction", "asserts_earliest"], keep="first", maintain_order=True
    )
    dumped = (
        found.filter(pl.col("kind") == "row.dumped")
        .join(captured.select(*key, "values"), on=[*key, "values"], how="anti", nulls_equal=True)
        .filter((pl.col("values") != pl.col("values").shift().over(key)).fill_null(True))
    )
    return pl.concat([captured, dumped]).sort(*key, "seen", "row", nulls_last=True)


def _ids(timeline: Timeline, rows: pl.DataFrame, bases: pl.DataFrame) -> dict[int, str]:
    """Event ids by row of the timeline."""
    wanted = pl.concat([rows["row"], bases["from_event"], bases["to_event"]]).drop_nulls().unique()
    found = (
        timeline.events.select("row", id=schema.event_id())
        .join(wanted.to_frame("row").lazy(), on="row", how="semi")
        .collect(engine="streaming")
    )
    return dict(found.rows())
