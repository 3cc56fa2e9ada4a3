"""Deploys of a commit that the repository does not have."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import polars as pl

from recon.findings import Innocent
from recon.rules.alibis import compared, witnessed
from recon.rules.base import Draft, Timeline, rule, step
from recon.rules.views import snapshots
from recon.time.corrected import Apart

_OPEN = datetime.max.replace(tzinfo=UTC)
_HEX = r"^(?:git:)?([0-9a-f]{7,64})$"


@rule("unbacked-deploy", needs=("claim", "git.commit"))
def unbacked_deploy(timeline: Timeline) -> Iterator[Draft]:
    """A deploy is unbacked iff no repository of the case has the commit that it names.

    A commit is had if its id begins with the id that the deploy names, of 7 digits at least.

    Undetermined where a repository of the case is not covered whole up to the deploy: a shallow
    or partial clone, one that could not be read, or a copy from before the deploy,
    or one of which the clocks do not say that it was made after it.
    Innocent: force-push and garbage collection after the deploy; a shallow clone; a deploy from
    a repository that is not part of the case.
    Source: SLSA 1.0, provenance, ``resolvedDependencies`` (a build names the source it came from).
    """
    commits = (
        timeline.kind("git.commit")
        .select(commit=pl.col("digest").str.strip_prefix("git:"))
        .unique()
        .collect()
    )
    named = _named(timeline, commits)
    unbacked = named.filter(
        ~pl.col("commit").is_in(commits["commit"].implode())
        & ~pl.col("commit").str.len_chars().is_between(7, 39)
    )
    short = named.filter(pl.col("commit").str.len_chars().is_between(7, 39))
    if not short.is_empty():
        known = [commits["commit"].str.slice(0, n).unique() for n in range(40)]
        backed = [
            commit in known[len(commit)] for commit in short["commit"]
        ]  # short ids are few, and each has a length of its own
        unbacked = pl.concat([unbacked, short.filter(~pl.Series(backed, dtype=pl.Boolean))])
    covered = _covered(timeline)
    for row in unbacked.sort("row").iter_rows(named=True):
        held = (
            witnessed(timeline.measured, row["clock"], row["earliest"]) if row["earliest"] else None
        )
        reached = {name: _reaches(timeline, one, row) for name, one in covered.items()}
        yield _draft(row, reached, held)


def _named(timeline: Timeline, commits: pl.DataFrame) -> pl.DataFrame:
    """Commits that deploy logs name, once per subject.

    Left out are those that give the whole id of a commit that is had, as most do.
    """
    had = commits.filter(pl.col("commit").str.contains("^[0-9a-f]{7,64}$")).lazy()
    naming = (
        timeline.kind("claim")
        .filter(pl.col("clock").str.starts_with("log:"))
        .filter(pl.col("digest").str.starts_with("git:") | (pl.col("attribute") == "commit"))
    )
    others = (
        naming.select("row", "value")
        .join(had, left_on="value", right_on="commit", how="anti")
        .select("row")
        .collect(engine="streaming")
    )
    if others.is_empty():
        naming = naming.clear()
    return (
        naming.join(others.lazy(), on="row", how="semi")
        .with_columns(commit=pl.col("value").str.to_lowercase().str.extract(_HEX))
        .filter(pl.col("commit").is_not_null())
        .sort("row")
        .unique(["source", "subject", "commit"], keep="first", maintain_order=True)
        .select("row", "source", "subject", "attribute", "commit", "clock", "earliest", "latest")
        .collect()
    )


class _Reach(NamedTuple):
    """Whether a repository is at hand whole up to a deploy."""

    whole: bool
    apart: Apart | None
    """The deploy and the copy; None: no times are compared."""

    @property
    def rests(self) -> str | None:
        """What their order rests on."""
        one = self.apart
        if one is None:
            return None
        return compared(one.basis, (one.low, one.high), one.first, one.second)


class _Until(NamedTuple):
    """Up to when the whole history of a repository is covered."""

    clock: str | None
    """That says when the copy was made."""
    time: datetime
    """The latest there is, where nothing ends it."""


def _covered(timeline: Timeline) -> dict[str, list[_Until]]:
    """By repository: of each copy that holds its whole history, up to when; empty for none."""
    dated = snapshots(timeline).select("source", "item", "seen_clock")
    whole = (
        timeline.coverage.filter(pl.col("kind") == "git.commit")
        .join(dated, on=["source", "item"], how="left")
        .group_by("source", "seen_clock")
        .agg(until=pl.col("latest").fill_null(_OPEN).max())
        .sort("source", "seen_clock", "until")
        .collect()
    )
    until: dict[str, list[_Until]] = {}
    for source, clock, time in whole.iter_rows():
        until.setdefault(source, []).append(_Until(clock, time))
    repositories = timeline.kind("git.commit").select("source").unique().collect()["source"]
    return {name: until.get(name, []) for name in sorted(repositories.to_list())}


def _reaches(timeline: Timeline, copies: list[_Until], row: dict[str, Any]) -> _Reach:
    """Whether a copy of the repository is from after the deploy, and so must have its commit."""
    if row["earliest"] is None or any(one.time == _OPEN for one in copies):
        return _Reach(bool(copies), None)
    deployed = row["clock"], row["earliest"], row["earliest"]
    found = [timeline.clocks.compare(deployed, (one.clock, one.time, one.time)) for one in copies]
    best = next((one for one in found if one.not_after), found[0] if found else None)
    return _Reach(best is not None and best.not_after, best)


def _draft(row: dict[str, Any], covered: dict[str, _Reach], held: str | None) -> Draft:
    all_covered = all(one.whole for one in covered.values())
    repositories = ", ".join(covered)
    not_whole = [name for name, one in covered.items() if not one.whole]
    alibi = ["A commit's id is the hash of its bytes: another commit cannot have it."]
    # Several repositories are copied by one clock, mostly.
    alibi += sorted({f"{one.rests}." for one in covered.values() if one.rests})
    alibi += [held] if held else []
    return Draft(
        verdict="missing" if all_covered else "undetermined",
        subject=row["subject"],
        statement=f"{row['source']} records a deploy of {row['subject']} from commit "
        f"{row['commit']}; no commit of {repositories} has that id"
        + ("" if all_covered else f", and {', '.join(not_whole)} is not at hand whole up to then"),
        events=[("deployed", row["row"])],
        steps=[
            step("states", "deployed", attribute=row["attribute"], value=row["commit"]),
            step(
                "no-commit",
                commit=row["commit"],
                repositories=repositories,
                whole="yes" if all_covered else f"no: {', '.join(not_whole)}",
            ),
        ],
        excuse="For this to be innocent the commit would have had to be in a repository that is "
        "not part of the case, or to have been removed from it after the deploy.",
        alibi=" ".join(alibi),
        innocent=[
            Innocent(
                "The branch was force-pushed after the deploy and the commit was collected.",
                None,
                "The server's reflog, another clone or the forge's push events would say.",
            ),
            Innocent(
                "The repository at hand is a shallow or partial clone, or older than the deploy.",
                all_covered,
                "Every parent that its commits name is there, and it is from after the deploy."
                if all_covered
                else f"{', '.join(not_whole)} is not whole.",
            ),
        ],
    )
