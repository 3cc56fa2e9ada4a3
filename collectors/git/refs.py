"""Refs: what they point to, what they claim, when they were read, and what history they cover."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from collectors.git import gittuf, history
from recon.collector import Warn
from recon.instants import interval
from recon.schema import DRAFT, DRAFT_COVERAGE, frame
from recon.subjects import fill, pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from collectors.git import GitClaim
    from collectors.git.history import Found
    from recon.collector import Item, Items, Source

KIND = "git.refs"
_LINE = re.compile(rb"^([0-9a-f]{40}(?:[0-9a-f]{24})?) ([^ ]+)(?: ([^ ]*))?$")
_LINKS = 16
"""Tags of tags that are followed. git itself follows any number; two is already rare."""
_AGAIN = 2**31
"""Part of the first line that names a ref again: parts below it are the claims of the ref."""


@dataclass(frozen=True, slots=True)
class Ref:
    """One line of a ``git.refs`` item."""

    name: str
    target: str
    """Name of the object."""
    symbolic: str
    """The ref that it stands for, as HEAD does; else empty."""
    line: bytes


@dataclass(frozen=True, slots=True)
class Referred:
    """Events and coverage of the refs."""

    events: Sequence[pl.DataFrame]
    coverage: pl.DataFrame


def lines(data: bytes) -> Iterator[Ref | bytes]:
    """The refs of an item; a line that is none comes as its bytes."""
    for line in data.split(b"\n"):
        if not line:
            continue
        match = _LINE.match(line)
        if match is None:
            yield line
            continue
        target, name, symbolic = match.groups(b"")
        yield Ref(_text(name), target.decode(), _text(symbolic), line)


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")


def read(source: Source, items: Items, found: Found, warnings: list[Warn]) -> Referred:
    """All refs of all acquisitions: each item shows them at its own time."""
    tags = {row["name"]: row for row in found.tags.iter_rows(named=True)}
    events: list[pl.DataFrame] = []
    coverage: list[dict[str, Any]] = []
    whole = _Whole(found)
    logs: list[str] = []
    clones: list[str] = []
    for item in items.of(KIND):
        refs = []
        for number, ref in enumerate(lines(items.read(item)), 1):
            if isinstance(ref, Ref):
                refs.append(ref)
            else:
                message = f"expected OBJECT REF in line {number}; found {_text(ref)[:200]!r}"
                warnings.append(Warn(item.sha256, "", message, "error"))
        moment = _moment(item, _objects(item, items), found)
        events.append(_snapshot(source, item, moment, clones.count(item.sha256)))
        # Clones whose refs are the same share one item: what it says is said once.
        if item.sha256 not in clones:
            events.append(_refs(source, item, refs, warnings))
            logs.extend(ref.target for ref in refs if ref.name == gittuf.REF)
            events.append(_claims(source, item, refs, tags, whole.commits, warnings))
            _misnamed(item, refs, tags, warnings)
        clones.append(item.sha256)
        coverage.extend(_coverage(source, items, item, refs, tags, whole, moment, warnings))
    events.append(gittuf.read(source, found.logged, logs))
    return Referred(events, frame(coverage, DRAFT_COVERAGE))


def _refs(source: Source, item: Item, refs: Sequence[Ref], warnings: list[Warn]) -> pl.DataFrame:
    """Each line an event: a bundle that somebody wrote can list a ref twice."""
    met: dict[str, int] = {}
    parts = []
    for ref in refs:
        again = met.get(ref.name, 0)
        met[ref.name] = again + 1
        parts.append(_AGAIN + again - 1 if again else 0)
        if again == 1:
            message = (
                "expected each ref once; found one that is listed again; the first makes claims"
            )
            warnings.append(Warn(item.sha256, f"ref {ref.name}", message))
    rows = [
        {
            "kind": "git.ref",
            "subject": f"git:{source.id}/{ref.name}",
            "value": ref.symbolic or None,
            "digest": f"git:{ref.target}",
            "names": [f"git:{ref.target}"],
            "item": item.sha256,
            "citation": f"ref {ref.name}",
            "part": part,
        }
        for ref, part in zip(refs, parts, strict=True)
    ]
    return frame(rows, DRAFT)


def _objects(item: Item, items: Items) -> Item | None:
    """The objects of the same clone, as they were acquired with its refs."""
    native = f"{_base(item)}#objects"
    own = [one for one in items.of(history.KIND) if one.native == native]
    # Where nothing was new, the same bytes stand under the acquisition that had them first.
    past = [one for one in own if one.acquisition <= item.acquisition]
    return max(past, key=lambda one: one.acquisition, default=None)


def _base(item: Item) -> str:
    """How the clone is called in the case."""
    return item.native.removesuffix("#refs")


def _moment(item: Item, own: Item | None, found: Found) -> tuple[datetime, datetime]:
    """Between which instants the refs stood so.

    A remote was asked when it was acquired. A bundle or a copy may have been made long before:
    after the newest commit or tag that it holds itself, as far as that one's clock is right, and
    before it was acquired.
    """
    taken = interval(item.acquired)
    if item.meta.get("medium") == "mirror":
        return taken
    held = pl.Series("name", [], pl.String) if own is None else found.held[own.sha256]
    dates = pl.concat(
        [frame.select("name", "earliest") for frame in (found.commits, found.tags)]
    ).join(held.to_frame(), on="name", how="semi")["earliest"]
    past = dates.filter(dates <= taken[0])
    newest = past.max() if past.len() else None
    return (newest if newest is not None else taken[0], taken[1])  # type: ignore[return-value]


def _snapshot(
    source: Source, item: Item, moment: tuple[datetime, datetime], part: int
) -> pl.DataFrame:
    """Value: what kind of clone it is, and how the case calls it.

    ``mirror``: fetched as it was acquired; ``bare``: a server's own, or what looks like it;
    ``fetched``: one that fetched all refs of another, at some time; ``bundle``; ``working``.
    """
    medium = "fetched" if item.meta.get("mirrors") else item.meta.get("medium") or "copy"
    row = {
        "kind": "snapshot",
        "subject": f"git:{source.id}",
        "value": f"{medium} {_base(item)}",
        "clock": "examiner",
        "basis": "stamped",
        "earliest": moment[0],
        "latest": moment[1],
        "item": item.sha256,
        "citation": "",
        "part": part,
    }
    return frame([row], DRAFT)


def peel(target: str, tags: Mapping[str, Mapping[str, Any]]) -> tuple[str, list[str]]:
    """The object behind tags of tags, and the tags passed on the way."""
    passed: list[str] = []
    while target in tags and len(passed) < _LINKS:
        passed.append(target)
        target = tags[target]["object"] or ""
    return target, passed


def _claims(  # noqa: PLR0913, PLR0917  (each argument is a different thing)
    source: Source,
    item: Item,
    refs: Sequence[Ref],
    tags: Mapping[str, Mapping[str, Any]],
    commits: set[str],
    warnings: list[Warn],
) -> pl.DataFrame:
    """What case.toml reads out of ref names: the commit behind each, dated by its tag, if any."""
    parts: dict[str, int] = {}
    rows: list[dict[str, Any]] = []
    by_name: dict[str, Ref] = {}
    for ref in refs:
        by_name.setdefault(ref.name, ref)
    for claim in source.claims:
        for name, subject in _subjects(claim, list(by_name)):
            target, passed = peel(by_name[name].target, tags)
            citation = f"ref {name}"
            if target not in commits:
                message = "expected a ref to a commit that is here; found another object; no claim"
                warnings.append(Warn(item.sha256, citation, message))
                continue
            parts[name] = parts.get(name, 0) + 1
            tag = tags[passed[0]] if passed else {}
            rows.append(
                {
                    "kind": "claim",
                    "subject": subject,
                    "attribute": claim.attribute,
                    "value": target,
                    "digest": f"git:{target}",
                    "clock": tag.get("clock"),
                    "basis": "asserted" if tag.get("clock") is not None else None,
                    "earliest": tag.get("earliest"),
                    "latest": tag.get("latest"),
                    "actor": tag.get("actor"),
                    "names": [f"git:{one}" for one in [*passed, target]],
                    "item": item.sha256,
                    "citation": citation,
                    "part": parts[name],
                }
            )
    return frame(rows, DRAFT)


def _subjects(claim: GitClaim, names: list[str]) -> list[tuple[str, str]]:
    """Refs that match the claim's pattern, each with its subject."""
    matched = (
        pl.DataFrame({"ref": names}, schema={"ref": pl.String})
        .filter(pl.col("ref").str.contains(pattern(claim.ref)))
        .with_columns(found=pl.col("ref").str.extract_groups(pattern(claim.ref)))
    )
    if matched.is_empty():
        return []
    fields = matched.schema["found"]
    if isinstance(fields, pl.Struct) and fields.fields:
        matched = matched.unnest("found")
    filled = matched.select("ref", subject=fill(claim.subject)).drop_nulls()
    return [(row[0], row[1]) for row in filled.iter_rows()]


def _misnamed(
    item: Item,
    refs: Sequence[Ref],
    tags: Mapping[str, Mapping[str, Any]],
    warnings: list[Warn],
) -> None:
    for ref in refs:
        called = tags.get(ref.target, {}).get("called")
        if called is not None and ref.name.startswith("refs/tags/"):
            shown = ref.name.removeprefix("refs/tags/")
            if called != shown:
                message = f"expected a tag object called {shown!r}; found one called {called!r}"
                warnings.append(Warn(item.sha256, f"ref {ref.name}", message))


class _Whole:
    """Whether history is whole: every parent of every commit that refs reach is there."""

    def __init__(self, found: Found) -> None:
        self.commits = set(found.commits["name"].to_list())
        have = found.commits.lazy().select(parent="git:" + pl.col("name"))
        named = found.commits.lazy().select("name", parent="parents").explode("parent")
        gaps = named.drop_nulls().join(have, on="parent", how="anti")
        self.gaps = set(gaps.collect()["name"].to_list())
        """Commits with a parent that is not there."""
        self._found = found
        self._parents: dict[str, list[str]] | None = None

    def missing(self, tips: Sequence[str]) -> list[str]:
        """Commits that the tips reach and that lack a parent, sorted."""
        if not self.gaps:
            return []
        if self._parents is None:
            columns = self._found.commits.select("name", "parents").iter_rows()
            self._parents = dict(columns)
        # A walk of a graph: no join gives a closure. Only where something is missing at all.
        reached: set[str] = set()
        stack = list(tips)
        while stack:
            commit = stack.pop()
            if commit not in reached:
                reached.add(commit)
                named = self._parents.get(commit) or ()
                stack.extend(parent.removeprefix("git:") for parent in named)
        return sorted(self.gaps & reached)


def _coverage(  # noqa: PLR0913, PLR0917  (each argument is a different thing)
    source: Source,
    items: Items,
    item: Item,
    refs: Sequence[Ref],
    tags: Mapping[str, Mapping[str, Any]],
    whole: _Whole,
    moment: tuple[datetime, datetime],
    warnings: list[Warn],
) -> Iterator[dict[str, Any]]:
    """One row where the history behind the refs is whole; a warning that says why it is not."""
    tips = [peel(ref.target, tags)[0] for ref in refs]
    known = [tip for tip in tips if tip in whole.commits]
    base = _base(item)
    said = {
        str(i.meta.get("name"))
        for i in items.of("git.file")
        if i.native.removesuffix(f"#{i.meta.get('name')}") == base
    }
    reasons = []
    if gaps := whole.missing(known):
        reasons.append(f"{len(gaps)} commits lack a parent, {gaps[0]} for one")
    if item.meta.get("partial"):
        reasons.append("it says that it is a partial clone")
    if "shallow" in said:
        reasons.append("it is a shallow clone")
    if "info/grafts" in said:
        reasons.append("it has grafts, which give commits other parents")
    if reasons:
        message = f"expected whole history behind the refs; found that {'; '.join(reasons)}"
        warnings.append(
            Warn(item.sha256, "", f"{message}; silence of this repository says nothing")
        )
        return
    if replaced := sum(ref.name.startswith("refs/replace/") for ref in refs):
        message = f"expected no replaced objects; found {replaced} refs/replace/, which git log"
        warnings.append(Warn(item.sha256, "", f"{message} follows; read here are the originals"))
    if known:
        yield {
            "kind": "git.commit",
            "subject": f"git:{source.id}/*",
            "earliest": moment[0],
            "latest": moment[0],
            "item": item.sha256,
            "because": f"every parent of every commit behind its {len(refs)} refs is there",
        }
