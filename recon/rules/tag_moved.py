"""Tags that were at one commit and are at another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from recon.findings import Innocent, Verdict
from recon.rules.base import Draft, Timeline, rule, step
from recon.rules.commits import Commits, commits
from recon.rules.reaching import ahead
from recon.rules.refs import named
from recon.rules.tags import Moved, tags_moved

_MANY = 3
"""Tags that were moved to one commit, from which on they are told together."""


@rule("tag-moved", needs=("git.commit",))
def tag_moved(timeline: Timeline) -> Iterator[Draft]:
    """A tag was moved iff two records put it at different commits of one repository.

    The records are a move in a server's reflog, in a forge's pushes (a tag that is deleted and
    pushed anew among them) or in gittuf's log; or two clones, or a clone and the forge's last push.
    Three tags or more that were moved to one commit are told together.

    A conflict where the case reads a release out of the tag, or a record of another source names
    the commit that it was at.
    Observation where neither is so: tags such as `latest`, `nightly` or `v1` are moved with every
    release, and are meant to be.
    Undetermined where an object is not at hand: a tag object may stand for the same commit; and
    where a working repository shows the tag at one of the two, as its owner may have set it there,
    unless that is where it was and a record of another source names the commit.
    Innocent: a tag made weeks after its commit; an annotated tag in the place of a plain one at the
    same commit; a working clone's own tag of that name; a correction before anyone fetched it.
    Source: git-tag(1), "On Re-tagging"; gitglossary(7) "tag"; CVE-2025-30066 (many tags of an
    action moved to one commit).
    """
    found = tags_moved(timeline)
    if not found:
        return
    graph, releases = commits(timeline), _releases(timeline)
    sure = list({(one.new, one.old): None for one in found if one.is_certain})
    forward = dict(zip(sure, ahead(timeline, sure), strict=True))
    together: dict[tuple[str, str], list[_Told]] = {}
    for one in found:
        told = _Told(one, releases.get(one.ref), _other(timeline, graph, one.old))
        together.setdefault((one.place, one.new), []).append(told)
    for group in together.values():
        if len(group) >= _MANY:
            # The one that weighs most stands for all of them.
            first = min(group, key=lambda told: (told.named is None, told.release is None))
            yield _draft(first, forward, [told.moved.ref for told in group])
        else:
            yield from (_draft(told, forward, [told.moved.ref]) for told in group)


@dataclass(frozen=True, slots=True)
class _Told:
    """A moved tag and what makes it more than that."""

    moved: Moved
    release: str | None
    """Subject that the case reads out of the tag."""
    named: dict[str, Any] | None
    """Record of another source that names the commit that it was at."""


def _releases(timeline: Timeline) -> dict[str, str]:
    """Subjects that the case reads out of tags, by ref."""
    read = (
        timeline.kind("claim")
        .filter(pl.col("citation").str.starts_with("ref refs/tags/"))
        .select(pl.col("citation").str.strip_prefix("ref "), "subject")
        .unique("citation", keep="first", maintain_order=True)
        .collect()
    )
    return dict(read.iter_rows())


def _other(timeline: Timeline, graph: Commits, commit: str) -> dict[str, Any] | None:
    home = graph.homes.get(commit)
    said = named(timeline).filter((pl.col("name") == commit) & (pl.col("source") != (home or "")))
    return next(said.iter_rows(named=True), None)


def _draft(told: _Told, forwards: Mapping[tuple[str, str], bool], refs: list[str]) -> Draft:
    one, other = told.moved, told.named
    weighs = told.release is not None or other is not None
    verdict: Verdict = "undetermined"
    if one.is_certain:
        doubtful = one.own - ({one.old} if other else set())
        verdict = "observation" if not weighs else "undetermined" if doubtful else "conflict"
    name = f"{one.place}/{one.ref}"
    steps = [
        step("points", role, ref=name, name=end)
        for (role, _), end in zip(one.events, (one.old, one.new), strict=False)
        if role != "moved"
    ] or [step("moved-tag", "moved", ref=name, old=one.old, new=one.new)]
    events = list(one.events)
    said = one.said
    if len(refs) > 1:
        said += f"; so were {len(refs) - 1} more tags, to the same commit"
        steps.append(step("more-tags", events[-1][0], count=len(refs) - 1, name=one.new))
    if other:
        events.append(("named", other["row"]))
        steps.append(step("states", "named", attribute=other["attribute"], value=f"git:{one.old}"))
        said += f"; {other['source']} names {one.old} for {other['subject']}"
    forward = one.is_certain and forwards[one.new, one.old]
    return Draft(
        verdict=verdict,
        subject=told.release or (other["subject"] if other else name),
        statement=said,
        events=events,
        steps=steps,
        excuse="For this to be innocent the tag would have had to be one that is moved by custom, "
        "or one that was put right before anyone took it for a release.",
        alibi="That two names are two commits follows from hashes alone; no clock is involved."
        if one.is_certain
        else "One of the two objects is not at hand, so that what it stands for is not known.",
        innocent=[
            Innocent(
                "The tag is one that is moved with every release, such as `latest` or `v1`.",
                True if told.release and not forward else None,
                "It names one release, and was not moved forward."
                if told.release and not forward
                else "It was moved forward, as such tags are."
                if forward
                else "The project's own custom would say.",
            ),
            Innocent(
                "One of the clones has a tag of its own under that name.",
                True if events[0][0] == "moved" else None,
                "One record has both commits."
                if events[0][0] == "moved"
                else "The server's reflog or the forge's pushes would say.",
            ),
        ],
    )
