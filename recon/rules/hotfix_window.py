"""Norm: the service that writes lineage does not change between a deploy and its evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from recon.findings import Innocent, Verdict
from recon.instants import say_interval
from recon.names import named
from recon.rules.acts import FINISHED, deploys, judged, parameter
from recon.rules.base import Draft, Timeline, rule, step
from recon.rules.views import versions
from recon.rules.writes import counted
from recon.subjects import glob
from recon.time.corrected import Reading, certainly_before, possibly_before

if TYPE_CHECKING:
    from recon.config import Norm

_NAME = "hotfix-window"
_REPLACING = ("table.recreate", "table.truncate", "table.drop", "row.update", "row.delete")


def _reading(name: str) -> Reading:
    return Reading(f"{name}_clock", f"{name}_from", f"{name}_to")


@rule(_NAME, needs=("deploy.*", "claim"), is_norm=True)
def hotfix_window(timeline: Timeline) -> Iterator[Draft]:
    """There is a hotfix window iff lineage's writer changed before a deployed model was evaluated.

    That is: a log records a deploy of a model, then one of the service that writes the lineage,
    and only then the next evaluation of the model; and rows of the lineage's table were changed
    between the change of the service and that evaluation: updated, deleted, or written anew with
    an older time of their own. The manifest is still older than the artifact, so that a gate that
    compares their times passes.
    Observation: nothing disagrees, and a reader must know that what was evaluated was recorded by
    another program than what was deployed.
    Parameters of the norm: `service` (glob of the subjects of that service's deploys, by default
    `service:*`), `table` (of the lineage), `evaluated` (attribute of an evaluation, by default that
    word), `deployed` (glob of kinds, by default `deploy.finish`), `artifact` and `manifest`
    (attributes, by default those words), `since`.
    Undetermined where nothing covers the table in that window, so that whether rows changed is not
    known, and where the clocks leave the order open. Silent where rows were only added, and where
    the model was not evaluated since.
    Innocent: a release of the service that was planned and reviewed; a correction that was.
    Source: design, section 6 (a service changed in a window); NIST SP 800-53, CM-3; the case's own
    `case.toml` declares it.
    """
    for norm in timeline.norms:
        if norm.rule == _NAME and parameter(norm, "table", ""):
            yield from _judge(timeline, norm)


def _judge(timeline: Timeline, norm: Norm) -> Iterator[Draft]:
    windows = _windows(timeline, norm).collect()
    if windows.is_empty():
        return
    table = parameter(norm, "table", "")
    changed = _changed(timeline, windows.lazy(), _changes(timeline, table)).collect()
    covered = _covered(timeline, windows.lazy(), table)
    gates = _gates(timeline, norm)
    for window in windows.sort("subject", "deployed").iter_rows(named=True):
        own = changed.filter(pl.col("window") == window["window"])
        if own.is_empty() and window["window"] in covered:
            continue
        row = own.row(0, named=True) if len(own) else None
        yield _draft(window, row, len(own), table, gates.get(window["subject"]))


def _read(name: str) -> list[pl.Expr]:
    """An event's reading and row, called by a name."""
    columns = {"clock": "clock", "from": "earliest", "to": "latest"}
    own = [pl.col(of).alias(f"{name}_{end}") for end, of in columns.items()]
    return [*own, pl.col("row").alias(name)]


def _windows(timeline: Timeline, norm: Norm) -> pl.LazyFrame:
    """Deploys of a model with a change of the service between them and the next evaluation."""
    done = deploys(timeline, parameter(norm, "deployed", FINISHED)).filter(
        pl.col("earliest").is_not_null()
    )
    is_service = pl.col("subject").str.contains(glob(parameter(norm, "service", "service:*")))
    models = done.filter(~is_service & judged(norm)).select("subject", *_read("deployed"))
    services = done.filter(is_service).select(*_read("service"), service_subject="subject")
    evaluations = (
        timeline.kind("claim")
        .filter(
            (pl.col("attribute") == parameter(norm, "evaluated", "evaluated"))
            & pl.col("earliest").is_not_null()
        )
        .sort("row")
        .unique(["source", "subject", "earliest", "value"], keep="first", maintain_order=True)
        .select("subject", *_read("evaluated"))
    )
    clocks = timeline.clocks
    nexts = (
        clocks.apart(
            models.join(evaluations, on="subject"),
            _reading("deployed"),
            _reading("evaluated"),
            "waited",
        )
        .filter(_after("waited", "deployed_to", "evaluated_from"))
        .sort("evaluated_from", "evaluated")
        .unique(["subject", "deployed"], keep="first", maintain_order=True)
    )
    between = nexts.join(services, how="cross")
    between = clocks.apart(between, _reading("deployed"), _reading("service"), "since")
    between = clocks.apart(between, _reading("service"), _reading("evaluated"), "until")
    return (
        between.filter(
            _after("since", "deployed_to", "service_from")
            & _after("until", "service_to", "evaluated_from")
        )
        .with_columns(
            sure=certainly_before("waited") & certainly_before("since") & certainly_before("until")
        )
        .sort("service_from", "service")
        .unique(["subject", "deployed"], keep="first", maintain_order=True)
        .with_row_index("window")
    )


def _after(name: str, first: str, second: str) -> pl.Expr:
    """Whether the second reading is certainly later, or may be and reads so."""
    reads = pl.col(second) > pl.col(first)
    return certainly_before(name) | (possibly_before(name) & reads)


def _changes(timeline: Timeline, table: str) -> pl.LazyFrame:
    """What changed rows of the table, or wrote old ones anew; ``asserted`` is null where no row."""
    own = (pl.col("table") == table) | pl.col("table").str.ends_with(f"/{table}")
    acts = timeline.kind(*_REPLACING, "table.write").with_columns(
        table=pl.when(pl.col("kind").str.starts_with("table."))
        .then("subject")
        .otherwise(named("pg:"))
    )
    wrote = pl.col("kind") == "table.write"
    acts = acts.filter(own & (~wrote | (counted("update") + counted("delete") > 0)))
    rows = (
        versions(timeline)
        .filter(own & pl.col("written_from").is_not_null())
        .join(
            timeline.kind("claim")
            .filter((pl.col("basis") == "asserted") & pl.col("latest").is_not_null())
            .group_by("source", "item", "citation")
            .agg(asserted=pl.col("latest").max()),
            on=["source", "item", "citation"],
        )
    )
    old = rows.select(
        "asserted",
        change_clock="written_clock",
        change_from="written_from",
        change_to="written_to",
        change="written",
    )
    none = pl.lit(None, pl.Datetime("us", "UTC")).alias("asserted")
    columns = ["asserted", "change_clock", "change_from", "change_to", "change"]
    dated = acts.filter(pl.col("earliest").is_not_null())
    return pl.concat([dated.select(none, *_read("change")).select(columns), old.select(columns)])


def _changed(timeline: Timeline, windows: pl.LazyFrame, changes: pl.LazyFrame) -> pl.LazyFrame:
    """Changes in each window, one an instant; rows that are no older by their word are new."""
    both = windows.join(changes, how="cross")
    both = timeline.clocks.apart(both, _reading("service"), _reading("change"), "begun")
    both = timeline.clocks.apart(both, _reading("change"), _reading("evaluated"), "ended")
    return (
        both.filter(
            _after("begun", "service_to", "change_from")
            & _after("ended", "change_to", "evaluated_from")
            & (pl.col("asserted") < pl.col("deployed_from")).fill_null(value=True)
        )
        .with_columns(ordered=certainly_before("begun") & certainly_before("ended"))
        .sort("window", pl.col("asserted").is_not_null(), "change_from", "change")
        .unique(["window", "change_from"], keep="first", maintain_order=True)
    )


def _covered(timeline: Timeline, windows: pl.LazyFrame, table: str) -> set[int]:
    """Windows in which every change of the table would have been recorded."""
    stretches = timeline.coverage.filter(
        pl.col("kind").is_in(["table.*", "row.*"])
        & (pl.col("subject").str.ends_with(f"/{table}") | pl.col("subject").str.ends_with("/*"))
        & pl.col("earliest").is_not_null()
    ).select(begins="earliest", ends="latest")
    return set(
        windows.join(stretches, how="cross")
        .filter(
            (pl.col("begins") <= pl.col("service_from"))
            & (pl.col("ends") >= pl.col("evaluated_to"))
        )
        .select("window")
        .unique()
        .collect()["window"]
    )


def _gates(timeline: Timeline, norm: Norm) -> dict[str, tuple[int, int]]:
    """By subject manifest and artifact (rows), where the manifest is the older: the gate passes."""
    stamped = (
        timeline.kind("claim")
        .filter((pl.col("basis") == "stamped") & pl.col("earliest").is_not_null())
        .sort("earliest", "row")
        .unique(["subject", "attribute"], keep="first", maintain_order=True)
        .select("subject", "attribute", "earliest", "row")
    )
    artifact, manifest = (
        stamped.filter(pl.col("attribute") == parameter(norm, name, name))
        for name in ("artifact", "manifest")
    )
    found = (
        manifest.join(artifact, on="subject", suffix="_artifact")
        .filter(pl.col("earliest") <= pl.col("earliest_artifact"))
        .select("subject", "row", "row_artifact")
        .collect()
    )
    return {subject: (first, second) for subject, first, second in found.iter_rows()}


def _draft(
    window: Mapping[str, Any],
    change: Mapping[str, Any] | None,
    count: int,
    table: str,
    gate: tuple[int, int] | None,
) -> Draft:
    sure = window["sure"] and change is not None and change["ordered"]
    verdict: Verdict = "observation" if sure else "undetermined"
    deployed, service, evaluated = (
        say_interval(window[f"{name}_from"], window[f"{name}_to"])
        for name in ("deployed", "service", "evaluated")
    )
    rows = (
        f"rows of {table} were changed in between ({count})"
        if change is not None
        else f"nothing covers {table} in between"
    )
    passes = ", and its manifest is older than its artifact all the same" if gate else ""
    events = [(name, window[name]) for name in ("deployed", "service", "evaluated")]
    events += [("changed", change["change"])] if change is not None else []
    events += [("manifest", gate[0]), ("artifact", gate[1])] if gate else []
    return Draft(
        verdict=verdict,
        subject=window["subject"],
        statement=f"{window['subject']} was deployed on {deployed} and next evaluated on "
        f"{evaluated}; {window['service_subject']} changed on {service}, and {rows}{passes}",
        events=events,
        steps=[
            step("norm", rule=_NAME, promises="what writes lineage does not change in between"),
            step("between", "deployed", "service", "evaluated"),
            *([step("between", "service", "changed", "evaluated")] if change is not None else []),
            *([step("gate-passes", "manifest", "artifact")] if gate else []),
        ],
        excuse="Nothing disagrees: a service may be released, and rows may be corrected."
        if sure
        else "For this to be innocent no row would have had to be changed in that time.",
        alibi="Their times are in that order, with what is known of their clocks taken off."
        if sure
        else "What changed in that time, or in which order, is not known.",
        innocent=[
            Innocent(
                "The release of the service and the change of the rows were planned and reviewed.",
                None,
                "The change's own ticket or review would say.",
            )
        ],
    )
