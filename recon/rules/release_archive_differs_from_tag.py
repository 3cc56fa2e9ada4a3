"""Source archives whose files are not those of the tree of their tag."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import polars as pl

from recon.findings import Innocent, Step, Verdict
from recon.rules.base import Draft, Timeline, rule, step
from recon.rules.commits import commits

_VALUE = r"^form=(\S+) ref=([\s\S]*)$"
_SHOWN = 3
"""Files of a sort that a statement names; the others are counted."""


@rule("release-archive-differs-from-tag", needs=("git.archive", "tree.file"))
def release_archive_differs_from_tag(timeline: Timeline) -> Iterator[Draft]:
    """An archive differs from its tag iff a file of it is not the tree's file of that path.

    Compared are bytes, by the names that git gives to them. A file is the tree's too in another
    form that `git archive` gives it (line ends, `$Id$`, `export-subst`), and where the tree has an
    LFS pointer to its bytes. Files that the case says are generated, or that sdists and wheels have
    by their format, and those that attributes leave out or encode, are not compared. Of several
    clones with several trees, the one that differs least is held against it.

    A conflict where a file of one path has other bytes; or where the archive says which commit it
    was made of, as `git archive` writes it, and that is not the tag's.
    Undetermined where the archive has files that the tree has not, and nothing else differs: the
    build may make them, and `generated` of the case says which it does. Undetermined also where
    the archive cannot be read to its end.
    Observation where the tree has files that the archive lacks, which is no sdist and no wheel.
    Innocent: `configure`, `PKG-INFO`, translations and other files that a release's build makes;
    an sdist or a wheel, which leaves out tests; a submodule's files, which the tree does not hold.
    Source: SLSA 1.0, provenance; CVE-2024-3094 (a release archive with files that its tag lacks);
    gitattributes(5), "Creating an archive".
    """
    named = pl.col("value").str.extract_groups(_VALUE).struct
    archives = (
        timeline.kind("git.archive")
        .select(
            "row", "source", "item", "subject", "names", form=named.field("1"), ref=named.field("2")
        )
        .sort("source", "subject", "row")
        .collect()
    )
    kinds = ("tree.file", "tree.ignored", "tree.filtered", "archive.file", "archive.generated")
    files = timeline.kind(*kinds).select(
        "row", "source", "kind", "subject", "item", "value", "digest", "names"
    )
    for archive in archives.iter_rows(named=True):
        own = files.filter(pl.col("item") == archive["item"]).collect()
        place = f"git:{archive['source']}/{archive['ref']}"
        trees = files.filter(pl.col("subject") == place).collect().partition_by("item")
        found = [_compared(own, tree) for tree in trees]
        if found:
            least = min(found, key=lambda one: (len(one.altered), len(one.added), len(one.missing)))
            yield from _told(timeline, archive, least)


@dataclass(frozen=True, slots=True)
class _Differs:
    """An archive against a tree."""

    altered: pl.DataFrame
    """Paths of both whose bytes differ: ``row`` of the archive's, ``row_tree``, ``value``."""
    added: pl.DataFrame
    missing: pl.DataFrame
    same: int


def _compared(own: pl.DataFrame, tree: pl.DataFrame) -> _Differs:
    files = own.filter(pl.col("kind") == "archive.file")
    both = files.join(tree, on="value", suffix="_tree", maintain_order="left")
    agree = pl.col("names").list.set_intersection("names_tree").list.len() > 0
    differ = both.filter(~agree & (pl.col("kind_tree") != "tree.filtered"))
    wanted = tree.filter(pl.col("kind") == "tree.file")
    return _Differs(
        differ.sort("value"),
        files.join(tree, on="value", how="anti").sort("value"),
        wanted.join(own, on="value", how="anti").sort("value"),
        both.height - differ.height,
    )


class _Tag(NamedTuple):
    """What the archive's ref is, as the clones have it."""

    row: int
    subject: str
    """What the case reads out of it, else the archive."""
    commit: str
    made_of: str
    """The commit that the archive says it was made of, where that is another; else empty."""


def _tag(timeline: Timeline, archive: dict[str, Any]) -> _Tag | None:
    place = f"git:{archive['source']}/{archive['ref']}"
    refs = timeline.kind("git.ref").filter(pl.col("subject") == place).select("row", "digest")
    claims = timeline.kind("claim").filter(
        (pl.col("source") == archive["source"]) & (pl.col("citation") == f"ref {archive['ref']}")
    )
    subjects = claims.select("subject").limit(1).collect()["subject"].to_list()
    graph = commits(timeline)
    own = [
        (row, graph.peel(digest.removeprefix("git:")) or "")
        for row, digest in refs.collect().rows()
    ]
    if not own:
        return None
    made = next((name.removeprefix("git:") for name in archive["names"]), "")
    # Of clones that disagree, one that has the commit that the archive names is enough.
    row, commit = next((one for one in own if one[1] == made), own[0])
    subject = subjects[0] if subjects else archive["subject"]
    return _Tag(row, subject, commit, made if made != commit else "")


@dataclass(slots=True)
class _Told:
    """The finding as it comes together."""

    events: list[tuple[str, int]]
    steps: list[Step] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def files(self, sort: str, frame: pl.DataFrame, word: str) -> None:
        """Files of one sort, the first of which stands for all."""
        if frame.is_empty():
            return
        row, count = frame.row(0, named=True), len(frame)
        self.events.append((sort, row["row"]))
        if sort == "altered":
            self.events.append(("tree", row["row_tree"]))
        self.steps.append(step("file-of", sort, path=row["value"], what=word, count=count))
        files = "file" if count == 1 else "files"
        self.said.append(f"{count} {files} {word} ({_list(frame)})")


def _told(timeline: Timeline, archive: dict[str, Any], found: _Differs) -> Iterator[Draft]:
    tag = _tag(timeline, archive)
    told = _Told([("archive", archive["row"])])
    told.files("altered", found.altered, "of it with other bytes than the tag has there")
    told.files("added", found.added, "of it that the tag lacks")
    if archive["form"] == "archive":
        told.files("missing", found.missing, "of the tag that it lacks")
    if tag and tag.made_of:
        told.events.append(("tag", tag.row))
        told.steps.append(step("made-of", "archive", "tag", made=tag.made_of, commit=tag.commit))
        told.said.append(f"it says that it was made of {tag.made_of}, and the tag is {tag.commit}")
    if archive["form"] == "broken":
        told.steps.append(step("unread", "archive"))
        told.said.append("it could not be read to its end")
    verdict: Verdict = "observation"
    if len(found.altered) or (tag and tag.made_of):
        verdict = "conflict"
    elif len(found.added) or archive["form"] == "broken":
        verdict = "undetermined"
    if told.said:
        yield Draft(
            verdict=verdict,
            subject=tag.subject if tag else archive["subject"],
            statement=f"{archive['subject']} is held against {archive['ref']}: "
            f"{'; '.join(told.said)}; {found.same} of its files are the tag's",
            events=told.events,
            steps=told.steps,
            excuse="For this to be innocent the build of the release would have had to make or "
            "change these files, or the archive would have had to be made of something else on "
            "purpose.",
            alibi="That two files differ follows from the hashes of their bytes; no clock is "
            "involved.",
            innocent=[
                Innocent(
                    "The build of the release makes these files.",
                    None,
                    "`generated` of the case, or building the release anew from the tag, would "
                    "say.",
                ),
                Innocent(
                    "They differ in the form alone that git gives to files of an archive.",
                    True,
                    "Line ends, `$Id$`, `export-subst` and LFS pointers were accounted for.",
                ),
            ],
        )


def _list(frame: pl.DataFrame) -> str:
    names = ", ".join(frame["value"].head(_SHOWN).to_list())
    return f"{names}, …" if len(frame) > _SHOWN else names
