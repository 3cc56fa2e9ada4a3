"""Norm: every deploy is in the table that records them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from recon.findings import Innocent
from recon.instants import say_interval
from recon.rules.acts import FINISHED, acts, judged, keyed, parameter, rows_of
from recon.rules.alibis import witnessed
from recon.rules.base import Draft, Timeline, rule, step
from recon.rules.copies import later_copies

if TYPE_CHECKING:
    from recon.config import Norm

_NAME = "deploy-without-record"


@rule(_NAME, needs=("claim",), is_norm=True)
def deploy_without_record(timeline: Timeline) -> Iterator[Draft]:
    """A deploy is without record iff a log records it and no copy of the table has a row of it.

    A row that any snapshot shows, or the write-ahead log alone, counts. A deploy and its row are
    one act by their subject, or by an attribute that names it, such as a run.
    Parameters of the norm: `table` (its name, or the id of the source whose table it is), `by`
    (attribute, or scheme of the subject, that names the act; by default the subject), `deployed`
    (glob of kinds, by default `deploy.finish`), `since`.
    Undetermined where no complete snapshot of the table is known to be from after the deploy; all
    such deploys of one log are one finding.
    Innocent: a deploy that was tried again, whose row is of another run; a row that was written,
    and removed before anything showed it; a table that was moved; a record that is written late.
    Source: SLSA 1.0, verification summary; NIST SP 800-53, CM-3 (configuration change control);
    the case's own `case.toml` declares it.
    """
    for norm in timeline.norms:
        if norm.rule == _NAME and parameter(norm, "table", ""):
            yield from _judge(timeline, norm)


def _judge(timeline: Timeline, norm: Norm) -> Iterator[Draft]:
    table, by = parameter(norm, "table", ""), parameter(norm, "by", "") or None
    rows = rows_of(timeline, table)
    without = (
        acts(timeline, by, parameter(norm, "deployed", FINISHED))
        .filter(judged(norm))
        .join(keyed(rows, by).select("key").unique(), on="key", how="anti")
        .sort("source", "earliest", "row", nulls_last=True)
        .collect()
    )
    if without.is_empty():
        return
    places = rows.select("source", "table").drop_nulls().unique().sort("source", "table").collect()
    copies = later_copies(timeline, "claim")
    open_: dict[str, list[Mapping[str, Any]]] = {}
    for row in without.iter_rows(named=True):
        reads = row["clock"], row["earliest"], row["latest"]
        if any(copies.after(place[0], place[1], reads) for place in places.iter_rows()):
            held = witnessed(timeline.measured, row["clock"], row["earliest"])
            yield _draft(table, [row], held, whole=True)
        else:
            open_.setdefault(row["source"], []).append(row)
    for found in open_.values():
        yield _draft(table, found, None, whole=False)


def _draft(
    table: str, rows: Sequence[Mapping[str, Any]], held: str | None, *, whole: bool
) -> Draft:
    row = rows[0]
    dated = row["earliest"] is not None
    when = f" on {say_interval(row['earliest'], row['latest'])}" if dated else ""
    more = f" and {len(rows) - 1} more" if len(rows) > 1 else ""
    run = f" ({row['key']})" if row["key"] != row["subject"] else ""
    hand = "" if whole else ", and no complete copy of it is known to be from after that"
    return Draft(
        verdict="breach" if whole else "undetermined",
        subject=row["subject"],
        statement=f"{row['source']} records a deploy of {row['subject']}{run}{when}{more}; no copy "
        f"of {table} has a row of it{hand}",
        events=[("deployed", row["row"])],
        steps=[
            step("norm", rule=_NAME, promises=f"every deploy has its row in {table}"),
            step("no-row", "deployed", table=table, key=row["key"], whole=whole),
            *([step("and-more", count=len(rows) - 1)] if more else []),
        ],
        excuse="For this to be innocent the row would have had to be written, and to be gone "
        "before any copy was made.",
        alibi=" ".join(
            [
                "A complete copy of the table is from after the deploy."
                if whole
                else "Without a complete copy from after the deploy its absence says nothing.",
                *([held] if held else []),
            ]
        ),
        innocent=[
            Innocent(
                "The row is written late, and was not there yet.",
                True if whole else None,
                "A complete copy is from after the deploy."
                if whole
                else "A later copy of the table would say.",
            ),
            Innocent(
                "The row was written and removed before any copy was made.",
                None,
                "The write-ahead log of that time would say.",
            ),
        ],
    )
