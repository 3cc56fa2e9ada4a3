"""Branches whose commits were replaced by others that bear the same dates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from recon.findings import Innocent, Verdict
from recon.rules.base import Draft, Timeline, rule, step
from recon.rules.commits import commits
from recon.rules.reaching import beyond
from recon.rules.refs import named, whole
from recon.rules.rewrites import Rewrite, rewrites
from recon.rules.twins import twins


@rule("history-rewritten-with-dates-kept", needs=("git.commit",))
def history_rewritten_with_dates_kept(timeline: Timeline) -> Iterator[Draft]:
    """History was rewritten with its dates kept iff a branch exchanged commits for their twins.

    A twin has the author, the committer, both dates and the title of a commit, and another name. A
    record (a server's reflog, a forge's push, gittuf's log, or two clones) shows the branch once
    with the commit and without the twin, and then with the twin and without the commit. The
    statement says how many there are and in how many the files differ.

    A conflict where a record of another source names one of the commits that were exchanged.
    Observation where none does: the dates are those of the first writing, and not of this one.
    Undetermined where history is missing behind the branch's new side, or the repository's is not
    whole.
    Innocent: a rebase, an amended commit or a merge in a forge's page, which date the committer
    anew; the same patch mailed and applied on another branch; commits that a script made within one
    second; an import that was done twice; the removal of a large file or a password, which keeps
    dates by its nature, and which the finding cannot tell from another purpose.
    Source: git-filter-branch(1); git-filter-repo; git-fast-export(1); git-rebase(1),
    ``--committer-date-is-author-date``.
    """
    graph, covered = commits(timeline), whole(timeline)
    told: set[tuple[int, int]] = set()
    shared = [one for one in rewrites(timeline) if one.new is not None and not one.is_local]
    sides = beyond(timeline, [(one.old, one.new) for one in shared])
    for one, (lost, gained) in zip(shared, sides, strict=True):
        # A branch that was only set back has nothing in exchange.
        first, second = twins(timeline).kept(lost, gained)
        if not len(first):
            continue
        # Two branches that share what was rewritten share the first exchange.
        if (first[0], second[0]) in told:
            continue
        told.add((first[0], second[0]))
        pairs = twins(timeline).frame(first, second)
        said = named(timeline).filter(pl.col("name").is_in(pairs["name"].implode()))
        others = [
            row for row in said.iter_rows(named=True) if row["source"] != graph.homes[row["name"]]
        ]
        is_whole = graph.homes[one.old] in covered and not one.is_open
        yield _draft((one, len(lost)), pairs, others, is_whole=is_whole)


def _draft(
    rewrite: tuple[Rewrite, int],
    pairs: pl.DataFrame,
    others: list[dict[str, Any]],
    *,
    is_whole: bool,
) -> Draft:
    one, left = rewrite
    said = others[0] if others else None
    differ = pairs.filter(pl.col("tree") != pl.col("tree_twin"))
    # The pair that shows most: the commit that another source names, else one with other files.
    chosen = pairs.filter(pl.col("name") == said["name"]) if said else differ
    pair = (chosen if len(chosen) else pairs).row(0, named=True)
    verdict: Verdict = "undetermined" if not is_whole else "conflict" if said else "observation"
    count = f"{len(pairs)} of the {left} commits that it left"
    events = [*one.events, ("commit", pair["row"]), ("twin", pair["row_twin"])]
    files = "its files" if pair["tree"] == pair["tree_twin"] else "other files"
    steps = [
        one.step(f"{one.place}/{one.ref}", "commit"),
        step("twin", "commit", "twin", files=files, count=count),
    ]
    also = ""
    if said:
        events.append(("named", said["row"]))
        steps.append(
            step("states", "named", attribute=said["attribute"], value=f"git:{said['name']}")
        )
        also = f"; {said['source']} names {said['name']} for {said['subject']}"
    are = "have" if len(pairs) != 1 else "has"
    return Draft(
        verdict=verdict,
        subject=said["subject"] if said else f"{one.place}/{one.ref}",
        statement=f"{one.said}; {count} {are} a twin there, of the same author, committer, dates "
        f"and title under another name, {_of(len(differ))} with other files: "
        f"{pair['name']} and {pair['name_twin']}{also}",
        events=events,
        steps=steps,
        excuse="For this to be innocent the history would have had to be rewritten for a purpose "
        "that its users knew of, such as the removal of a large file or a password.",
        alibi="The names of commits are hashes of all that they say and of their parents' names; "
        "that the two differ needs no clock.",
        innocent=[
            Innocent(
                "The branch was rebased, or the commit amended.",
                True,
                "A rebase and an amended commit date the committer anew, and these bear the old "
                "date.",
            ),
            Innocent(
                "A large file or a password was removed from the history.",
                None if len(differ) else True,
                "The trees of both commits would say."
                if len(differ)
                else "The files of all of them are the same.",
            ),
            Innocent(
                "The history was imported twice from another system.",
                None,
                "The log of the import would say.",
            ),
        ],
    )


def _of(count: int) -> str:
    return "none" if not count else str(count)
