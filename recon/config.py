"""``case.toml``: the one thing that a person writes, read and checked.

A wrong one is refused with the line, what was expected and what was found; all mistakes at once.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from recon import locate, norms, registry
from recon.collector import Source
from recon.declared import Check, Retention
from recon.errors import BadInputError, CaseError, UsageError
from recon.instants import interval, moment
from recon.mistakes import NAME, Mistakes
from recon.time.anchors import DeclaredAnchor
from recon.time.declared import Correspondence

_YEAR = 366 * 86_400
"""Seconds."""


class Strict(BaseModel):
    """A table of ``case.toml``: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CaseTable(Strict):
    """``[case]``."""

    id: str = Field(pattern=NAME, description="Short name; also that of the production.")
    title: str = Field(min_length=1, max_length=300, description="The question, in one line.")
    instant: datetime | None = Field(
        None, description="The instant the question asks about, with its zone."
    )
    subjects: tuple[str, ...] = Field(
        ("*",), description="Globs of the subjects that the question is about."
    )

    @field_validator("instant", mode="before")
    @classmethod
    def _zoned(cls, value: object) -> object:
        if isinstance(value, str):
            try:
                value = moment(value, "case.instant")
            except BadInputError as error:
                raise ValueError(error.expected) from error
        if isinstance(value, datetime) and value.tzinfo is not None:
            return value.astimezone(UTC)
        if value is None:
            return None
        raise ValueError("an instant with its zone, such as 2026-03-08T12:00:00Z")


class Domain(Strict):
    """``[domain.NAME]``: everyone who could write or delete a source's records."""

    organisation: str = Field(min_length=1, description="Who is answerable for it.")
    account: str | None = Field(None, description="Cloud account or tenant.")
    cluster: str | None = Field(None, description="Cluster or host group.")
    team: str | None = Field(None, description="Team.")
    writers: tuple[str, ...] = Field((), description="Principals who can write, where known.")


class Norm(BaseModel):
    """``[[norm]]``: an order or condition that a policy promises; other keys are parameters."""

    model_config = ConfigDict(extra="allow", frozen=True)

    rule: str | None = Field(None, description="The rule that judges it.")
    preset: str | None = Field(None, description="Or several norms by one name: `ml-release`.")
    since: datetime | None = Field(
        None, description="Records from before this instant are not judged by it."
    )
    tolerance: float = Field(
        0.0,
        ge=0,
        le=_YEAR,
        description="Seconds by which it may be broken and is not called a breach.",
    )

    @field_validator("since", mode="before")
    @classmethod
    def _instant(cls, value: object) -> object:
        if isinstance(value, date) and not isinstance(value, datetime):
            value = value.isoformat()
        if isinstance(value, str):
            try:
                value = interval(value, "norm.since")[1]
            except BadInputError as error:
                raise ValueError("an instant with its zone, or a date") from error
        if value is not None and (not isinstance(value, datetime) or value.tzinfo is None):
            raise ValueError("an instant with its zone, or a date")
        return value


class _SourceHead(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)

    id: str = Field(pattern=NAME)
    collector: str
    domain: str
    claim: tuple[dict[str, Any], ...] = ()


class _Top(Strict):
    case: CaseTable
    domain: dict[str, Domain] = Field(default_factory=dict)
    source: tuple[_SourceHead, ...] = Field(min_length=1)
    norm: tuple[Norm, ...] = ()
    correspondence: tuple[Correspondence, ...] = ()
    anchor: tuple[DeclaredAnchor, ...] = ()
    retention: tuple[Retention, ...] = ()
    check: tuple[Check, ...] = ()
    tolerance: dict[str, float] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CaseConfig:
    """A checked ``case.toml``."""

    id: str
    title: str
    instant: datetime | None
    """Aware UTC, or None where the case asks about no one instant."""
    subjects: Sequence[str]
    """Globs."""
    domains: Mapping[str, Domain]
    sources: Sequence[Source]
    """In the order of the file; nothing derived depends on that order."""
    norms: Sequence[Norm]
    tolerance: Mapping[str, float] = field(default_factory=dict)
    """Seconds by glob of clock: widens a clock, never narrows it."""
    correspondences: Sequence[Correspondence] = ()
    """Two records of one act, as declared."""
    anchors: Sequence[DeclaredAnchor] = ()
    """How far clocks are ahead of UTC, as declared."""
    retentions: Sequence[Retention] = ()
    """For how long sources keep records, as declared."""
    checks: Sequence[Check] = ()
    """Checks of the company's own, whose outcomes are records."""

    def source(self, name: str) -> Source:
        """The source of that id.

        Raises:
            UsageError: there is none.
        """
        for source in self.sources:
            if source.id == name:
                return source
        known = ", ".join(source.id for source in self.sources)
        raise UsageError(f"a source of the case ({known})", name, "SOURCE", "see case.toml")


def load(path: Path) -> CaseConfig:
    """Read and check a ``case.toml``.

    Raises:
        CaseError: with every mistake, each with its line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise CaseError(
            "text in UTF-8", f"other bytes at byte {error.start}", str(path), "save it as UTF-8"
        ) from error
    except OSError as error:
        raise CaseError(
            "a case.toml that can be read",
            (error.strerror or str(error)).lower(),
            str(path),
            "give the case's folder with --case DIR, or make a case with `recon init DIR`",
        ) from error
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CaseError("TOML 1.0", str(error), str(path), "mend the line") from error
    mistakes = Mistakes(path, locate.lines(text))
    try:
        top = _Top.model_validate(data)
    except ValidationError as error:
        mistakes.add_all(error, _Top)
        _further(data, path.parent, mistakes)
        mistakes.stop()
        raise AssertionError from error  # stop() raised
    sources = [_source(i, head, path.parent, mistakes) for i, head in enumerate(top.source)]
    _references(top, mistakes)
    mistakes.stop()
    return CaseConfig(
        id=top.case.id,
        title=top.case.title,
        instant=top.case.instant,
        subjects=top.case.subjects,
        domains=top.domain,
        sources=tuple(source for source in sources if source is not None),
        norms=tuple(norms.expanded(top.norm)),
        tolerance=top.tolerance,
        correspondences=top.correspondence,
        anchors=top.anchor,
        retentions=top.retention,
        checks=top.check,
    )


def _further(data: Mapping[str, Any], base: Path, mistakes: Mistakes) -> None:
    """Mistakes inside the sources of a file whose frame is wrong already."""
    sources = data.get("source")
    for index, raw in enumerate(sources if isinstance(sources, list) else ()):
        try:
            head = _SourceHead.model_validate(raw)
        except ValidationError:
            continue  # said with the frame
        _source(index, head, base, mistakes)


def _source(index: int, head: _SourceHead, base: Path, mistakes: Mistakes) -> Source | None:
    at = ("source", index)
    if head.collector not in registry.collector_names():
        known = ", ".join(registry.collector_names())
        mistakes.add(
            (*at, "collector"), f"a collector that is installed ({known})", repr(head.collector)
        )
        return None
    collector = registry.collector(head.collector)
    extra = dict(head.model_extra or {})
    before = len(mistakes.all)
    options: Any = None
    try:
        options = collector.options.model_validate(extra)
    except ValidationError as error:
        mistakes.add_all(error, collector.options, at)
    claims = []
    for number, raw in enumerate(head.claim):
        if collector.claim is None:
            mistakes.add((*at, "claim", number), "no claim for this collector", "a claim")
            continue
        try:
            claims.append(collector.claim.model_validate(raw))
        except ValidationError as error:
            mistakes.add_all(error, collector.claim, (*at, "claim", number))
    if len(mistakes.all) > before:
        return None
    return Source(head.id, head.collector, head.domain, options, tuple(claims), base)


def _references(top: _Top, mistakes: Mistakes) -> None:
    """Names that point elsewhere in the file: domains of sources, ids that must differ, norms."""
    seen: set[str] = set()
    for index, head in enumerate(top.source):
        if head.domain not in top.domain:
            known = ", ".join(top.domain) or "none is declared"
            mistakes.add(
                ("source", index, "domain"),
                f"a [domain.…] of this file ({known})",
                repr(head.domain),
            )
        if head.id in seen:
            mistakes.add(("source", index, "id"), "an id that no other source has", repr(head.id))
        seen.add(head.id)
    for index, one in enumerate(top.correspondence):
        for side in ("first", "second"):
            named = getattr(one, side).source
            if named not in seen:
                known = ", ".join(sorted(seen))
                at = ("correspondence", index, side, "source")
                mistakes.add(at, f"a source of this file ({known})", repr(named))
    _sources_named(top, seen, mistakes)
    for index, norm in enumerate(top.norm):
        for key, expected, value in norms.mistakes(norm):
            mistakes.add(("norm", index, key), expected, value)


def _sources_named(top: _Top, seen: set[str], mistakes: Mistakes) -> None:
    named = [("retention", one.source) for one in top.retention]
    named += [("check", one.source) for one in top.check]
    counts: dict[str, int] = {}
    for table, source in named:
        index = counts[table] = counts.get(table, -1) + 1
        if source not in seen:
            known = ", ".join(sorted(seen))
            mistakes.add((table, index, "source"), f"a source of this file ({known})", repr(source))
