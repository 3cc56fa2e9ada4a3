"""``case.toml``: the one thing that a person writes, read and checked.

A wrong one is refused with the line, what was expected and what was found; all mistakes at once.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from recon import locate, registry
from recon.collector import Source
from recon.errors import CaseError, UsageError
from recon.instants import interval

NAME = r"^[a-z0-9][a-z0-9._-]{0,63}$"


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
            value = interval(value, "case.instant")[0]
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

    rule: str = Field(description="The rule that judges it.")
    since: datetime | None = Field(
        None, description="Records from before this instant are not judged by it."
    )

    @field_validator("since", mode="before")
    @classmethod
    def _instant(cls, value: object) -> object:
        if isinstance(value, date) and not isinstance(value, datetime):
            value = value.isoformat()
        if isinstance(value, str):
            value = interval(value, "norm.since")[1]
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
    except (OSError, UnicodeDecodeError) as error:
        raise CaseError(
            "a readable UTF-8 case.toml", str(error), str(path), "make one with `recon init DIR`"
        ) from error
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CaseError("TOML 1.0", str(error), str(path), "mend the line") from error
    mistakes = _Mistakes(path, locate.lines(text))
    try:
        top = _Top.model_validate(data)
    except ValidationError as error:
        mistakes.add_all(error)
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
        norms=top.norm,
        tolerance=top.tolerance,
    )


class _Mistakes:
    """Mistakes collected with their lines, so that one run shows all of them."""

    def __init__(self, path: Path, found: Mapping[locate.Path, int]) -> None:
        self.path = path
        self.found = found
        self.all: list[tuple[int, str, str]] = []

    def add(self, at: Sequence[str | int], expected: str, value: str) -> None:
        self.all.append((locate.line_of(at, self.found), expected, value))

    def add_all(self, error: ValidationError, prefix: Sequence[str | int] = ()) -> None:
        for detail in error.errors(include_url=False):
            # pydantic names the branch of a union in the location; the file has no such key.
            at = [part for part in detail["loc"] if not re.search(r"[\[\](){} -]", str(part))]
            dotted = ".".join(str(part) for part in (*prefix, *at))
            if detail["type"] == "missing":
                self.add((*prefix, *at[:-1]), f"`{dotted}`", "nothing")
            elif detail["type"] == "extra_forbidden":
                self.add((*prefix, *at), "no such key", f"`{dotted}`")
            else:
                said = detail["msg"].removeprefix("Value error, ")
                said = said[0].lower() + said[1:]
                self.add((*prefix, *at), f"`{dotted}`: {said}", repr(detail["input"])[:120])

    def stop(self) -> None:
        if not self.all:
            return
        self.all.sort()
        line, expected, value = self.all[0]
        rest = "".join(
            f"\n{self.path}, line {line}: expected {expected}; found {value}"
            for line, expected, value in self.all[1:]
        )
        raise CaseError(expected, value + rest, f"{self.path}, line {line}")


def _source(index: int, head: _SourceHead, base: Path, mistakes: _Mistakes) -> Source | None:
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
        mistakes.add_all(error, at)
    claims = []
    for number, raw in enumerate(head.claim):
        if collector.claim is None:
            mistakes.add((*at, "claim", number), "no claim for this collector", "a claim")
            continue
        try:
            claims.append(collector.claim.model_validate(raw))
        except ValidationError as error:
            mistakes.add_all(error, (*at, "claim", number))
    if len(mistakes.all) > before:
        return None
    return Source(head.id, head.collector, head.domain, options, tuple(claims), base)


def _references(top: _Top, mistakes: _Mistakes) -> None:
    """Names that point elsewhere in the file: domains of sources, ids that must differ, rules."""
    from recon.rules import rule_names

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
    for index, norm in enumerate(top.norm):
        if norm.rule not in rule_names():
            mistakes.add(
                ("norm", index, "rule"), f"a rule ({', '.join(rule_names())})", repr(norm.rule)
            )
