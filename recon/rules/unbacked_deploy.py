"""Deploys of a commit that the repository does not have."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import polars as pl

from recon.findings import Innocent
from recon.rules.base import Draft, Timeline, rule, step

_OPEN = datetime.max.replace(tzinfo=UTC)
_HEX = r"^(?:git:)?([0-9a-f]{7,64})$"


@rule("unbacked-deploy", needs=("claim", "git.commit"))
def unbacked_deploy(timeline: Timeline) -> Iterator[Draft]:
    """A deploy is unbacked iff no repository of the case has the commit that it names.

    A commit is had if its id begins with the id that the deploy names, of 7 digits at least.

    Undetermined where a repository of the case is not covered whole up to the deploy: a shallow
    or partial clone, one that could not be read, or a copy from before the deploy.
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
    named = _named(timeline).collect()
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
        yield _draft(row, {name: _reaches(until, row) for name, until in covered.items()})


def _named(timeline: Timeline) -> pl.LazyFrame:
    """Commits that deploy logs name, once per subject."""
    return (
        timeline.kind("claim")
        .filter(pl.col("clock").str.starts_with("log:"))
        .filter(pl.col("digest").str.starts_with("git:") | (pl.col("attribute") == "commit"))
        .with_columns(commit=pl.col("value").str.to_lowercase().str.extract(_HEX))
        .filter(pl.col("commit").is_not_null())
        .sort("row")
        .unique(["source", "subject", "commit"], keep="first", maintain_order=True)
        .select("row", "source", "subject", "attribute", "commit", "earliest", "latest")
    )


def _covered(timeline: Timeline) -> dict[str, datetime | None]:
    """By repository: the latest time up to which its whole history is covered; None for never."""
    whole = (
        timeline.coverage.filter(pl.col("kind") == "git.commit")
        .group_by("source")
        .agg(until=pl.col("latest").fill_null(_OPEN).max())
        .collect()
    )
    until = dict(zip(whole["source"], whole["until"], strict=True))
    repositories = timeline.kind("git.commit").select("source").unique().collect()["source"]
    return {name: until.get(name) for name in sorted(repositories.to_list())}


def _reaches(until: datetime | None, row: dict[str, Any]) -> bool:
    """Whether a copy of the repository is from after the deploy, and so must have its commit."""
    return until is not None and (row["earliest"] is None or until >= row["earliest"])


def _draft(row: dict[str, Any], covered: dict[str, bool]) -> Draft:
    all_covered = all(covered.values())
    repositories = ", ".join(covered)
    not_whole = [name for name, whole in covered.items() if not whole]
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
        alibi="A commit's id is the hash of its bytes: another commit cannot have it.",
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
