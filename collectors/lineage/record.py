"""What every format gives: records, each with its place, what it is about and what it asserts.

A format reads a file to records; one place of the file (a line, a JSON pointer, a row of a table)
may hold several. What cannot be read is a record with a ``problem``: an undated event, and a
warning that names its place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

UNREAD = "lineage.unread"
"""Kind of what stands there and could not be read."""
_HEX_DIGITS = {"md5": 32, "sha1": 40, "sha256": 64, "sha384": 96, "sha512": 128, "git": 40}
_NAMES = {
    "md5": "md5", "sha1": "sha1", "sha256": "sha256", "sha384": "sha384", "sha512": "sha512",
    "gitcommit": "git", "gittag": "git", "gittree": "git", "gitblob": "git",
}  # fmt: skip
BEST = ("sha256", "sha512", "sha384", "git", "sha1", "md5")
"""Algorithms, the one first that most others name too."""


@dataclass(frozen=True, slots=True)
class Time:
    """A written time."""

    text: str | None
    """ISO 8601, or a number of ``unit``; null where the format has a place for it and none is."""
    unit: str | None = None
    """``s``, ``ms``, ``us``, ``ns`` since 1970 where the format's documents say so."""
    clock: str = ""
    """Which of the source's clocks: ``model_versions.creation_time``."""
    stamped: bool = False
    """Whether whoever kept the record wrote the time as it took the record in."""
    before: int = 0
    """Seconds by which what is told may lie before it."""


UNDATED = Time(None)
"""Of what has no place for a time."""


@dataclass(slots=True)
class Record:
    """One thing that a file says."""

    citation: str
    kind: str
    """The format's own word, in small letters: ``run.complete``, ``bom.component``."""
    subject: str
    name: str = ""
    """As the format itself names the thing: what ``name`` of a claim is matched with."""
    time: Time = UNDATED
    actor: str | None = None
    value: str | None = None
    digest: str | None = None
    attributes: list[tuple[str, str, str | None]] = field(default_factory=list)
    """What it asserts: attribute, value as written, digest."""
    text: str = ""
    """The words of the record: whatever digest stands in them was there before it."""
    names: Sequence[str] = ()
    """Digests that it names in another spelling."""
    problem: str | None = None
    """Why it could not be read."""

    def states(self, attribute: str, value: str | None, digest: str | None = None) -> None:
        """One more attribute; an empty value says nothing."""
        if value:
            self.attributes.append((attribute, value, digest))

    def hashes(self, found: Sequence[tuple[str, str]], attribute: str = "artifact") -> None:
        """Digests of the thing by several algorithms, the best one under the attribute's name."""
        known = [(digest_of(name, value), name, value) for name, value in found]
        known.sort(key=lambda one: _rank(one[0]))
        for number, (digest, name, value) in enumerate(known):
            own = attribute if number == 0 and digest else f"{attribute}.{name.lower()}"
            self.states(own, value, digest)
        if known and self.digest is None:
            self.digest = known[0][0]


def _rank(digest: str | None) -> int:
    algorithm = (digest or "").partition(":")[0]
    return BEST.index(algorithm) if algorithm in BEST else len(BEST)


def digest_of(algorithm: str, value: str) -> str | None:
    """``sha256:…`` of an algorithm by any of its names and hexadecimal digits; else null."""
    name = _NAMES.get(re.sub(r"[^a-z0-9]", "", algorithm.lower()))
    digits = value.strip().lower()
    if name is None or not re.fullmatch(rf"[0-9a-f]{{{_HEX_DIGITS[name]}}}", digits):
        return None
    return f"{name}:{digits}"


def bare_digest(value: str | None) -> str | None:
    """``sha256:…`` of 64 digits, ``git:…`` of 40, with or without their prefix; else null."""
    match = re.fullmatch(r"(?:sha256:|git:|sha1:)?([0-9a-fA-F]{40}|[0-9a-fA-F]{64})", value or "")
    if match is None:
        return None
    return ("git:" if len(match[1]) == 40 else "sha256:") + match[1].lower()  # noqa: PLR2004


_FIELD = re.compile(r"\{([^{}]+)\}")


def filled(template: str, fields: Mapping[str, str | None]) -> str | None:
    """A template with its fields' values, whatever braces these hold; None where one is missing."""
    if any(fields.get(name) is None for name in _FIELD.findall(template)):
        return None
    return _FIELD.sub(lambda match: fields[match[1]] or "", template)


@dataclass(slots=True)
class Said:
    """What is said of a file beside its records."""

    warnings: list[tuple[str, str, str]] = field(default_factory=list)
    """Citation (empty for the whole), message, severity."""

    def warn(self, citation: str, message: str, severity: str = "warning") -> None:
        """One more."""
        self.warnings.append((citation, message, severity))


def text(value: object) -> str | None:
    """A string, a number as written, or a truth value as text; null for all else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return None
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:  # half of a surrogate pair is no character
        return None
    return value


def words(value: object) -> str:
    """A decoded value as one text, in which its digests are found."""
    return json.dumps(value, default=str, ensure_ascii=True)


class Node:
    """An object of a document: what is in it, and a word about what is not as it should be."""

    __slots__ = ("_said", "place", "value")

    def __init__(self, value: object, place: str, said: Said) -> None:
        self.value: dict[str, Any] = value if isinstance(value, dict) else {}
        self.place = place
        self._said = said

    def text(self, key: str) -> str | None:
        """The text or number under a key; another value is left out with a warning."""
        value = self.value.get(key)
        found = text(value)
        if value is not None and found is None:
            self.odd(key, "one text or number")
        return found

    def node(self, key: str) -> Node:
        """The object under a key; empty where none is."""
        value = self.value.get(key)
        if value is not None and not isinstance(value, dict):
            self.odd(key, "an object")
        return Node(value, f"{self.place}{step(key)}", self._said)

    def nodes(self, key: str) -> Iterator[Node]:
        """The objects of the list under a key; what is none is told of, and left out."""
        value = self.value.get(key)
        if value is not None and not isinstance(value, list):
            self.odd(key, "a list")
        for number, one in enumerate(value if isinstance(value, list) else ()):
            place = f"{self.place}{step(key)}/{number}"
            if isinstance(one, dict):
                yield Node(one, place, self._said)
            else:
                self._said.warn(place, "expected an object; found another value; left out", "error")

    def scalars(self, key: str) -> list[str]:
        """The texts of the list under a key, or the one text."""
        value = self.value.get(key)
        given = value if isinstance(value, list) else [] if value is None else [value]
        found = [one for one in map(text, given) if one is not None]
        if len(found) < len(given):
            self.odd(key, "texts")
        return found

    def odd(self, key: str, expected: str) -> None:
        """Something else stands there, or the key stands twice."""
        self._said.warn(
            self.place,
            f"expected {expected} in {key[:80]!r}; found another value, or the key twice; left out",
        )

    def __bool__(self) -> bool:
        return bool(self.value)


def step(key: str) -> str:
    """A key as a step of a JSON pointer (RFC 6901)."""
    return "/" + key.replace("~", "~0").replace("/", "~1")
