"""Who could disagree with whom, and what has no witness but itself: design, section 7."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from recon.witnesses.domains import LEVELS, Apart, Principals, apart, strongest
from recon.witnesses.facts import Spoken, about, spoken
from recon.witnesses.principals import principals, systems

if TYPE_CHECKING:
    import polars as pl

    from recon.config import CaseConfig
    from recon.findings import Witness

CLASSES: tuple[Witness, ...] = ("none", "self", "account", "organisation")
WEAK = frozenset({"none", "self"})
"""What nobody outside the domain that recorded it bears out."""


@dataclass(frozen=True, slots=True)
class System:
    """A bucket, a cluster, a repository, and who records what befalls it."""

    name: str
    holders: tuple[str, ...]
    events: Mapping[str, int]
    """By source: events about it."""
    witness: Witness


@dataclass(frozen=True, slots=True)
class Copy:
    """What a copy of one source, kept by another organisation, would give."""

    source: str
    gains: int
    """Facts that nobody outside their domain speaks of, which it would give a witness."""
    after: int
    """Of them, those that the copies listed before it do not give already."""
    raises: int
    """Facts borne out by another account alone, which it would give another organisation."""


@dataclass(frozen=True, slots=True)
class Witnesses:
    """What ``recon witnesses`` prints."""

    levels: Mapping[str, Mapping[str, str | None]]
    """By source: its domain by name, and what it declares at each level."""
    principals: Mapping[str, Principals]
    pairs: Mapping[tuple[str, str], Apart]
    spoken: Sequence[Spoken]
    systems: Sequence[System]
    copies: Sequence[Copy]
    """Most useful first."""

    def witness(self, sources: Sequence[str]) -> Witness:
        """The class of what these sources speak of."""
        return _class(sources, self.pairs)

    def facts(self, *classes: Witness) -> int:
        """How many facts are of these classes; all if none is named."""
        wanted = classes or CLASSES
        return sum(one.facts for one in self.spoken if self.witness(one.sources) in wanted)

    @property
    def by_attribute(self) -> dict[str, dict[str, int]]:
        """By attribute: facts of each class."""
        out: dict[str, dict[str, int]] = {}
        for one in self.spoken:
            row = out.setdefault(one.attribute, dict.fromkeys(CLASSES, 0))
            row[self.witness(one.sources)] += one.facts
        return out

    def shared(self, first: str, second: str) -> dict[str, int]:
        """By attribute: the facts of which both sources speak, and so could disagree."""
        out: dict[str, int] = {}
        for one in self.spoken:
            if first in one.sources and second in one.sources:
                out[one.attribute] = out.get(one.attribute, 0) + one.facts
        return out

    @property
    def alone(self) -> list[Spoken]:
        """Self-recorded: of whom nobody outside one domain speaks; most facts first."""
        weak = [one for one in self.spoken if self.witness(one.sources) in WEAK]
        return sorted(weak, key=lambda one: (-one.facts, one.attribute, one.sources))

    def to_json(self) -> dict[str, Any]:
        """For programs: lists of plain tables."""
        return {
            "sources": [
                {
                    "source": source,
                    **levels,
                    "principals": dict(self.principals[source].known),
                    "perhaps": dict(self.principals[source].perhaps),
                }
                for source, levels in self.levels.items()
            ],
            "pairs": [
                {"sources": list(pair), **asdict(one), "facts": self.shared(*pair)}
                for pair, one in self.pairs.items()
            ],
            "facts": {
                "all": self.facts(),
                **{name: self.facts(name) for name in CLASSES},
                "by_attribute": self.by_attribute,
            },
            "spoken": [
                {**asdict(one), "witness": self.witness(one.sources)} for one in self.spoken
            ],
            "systems": [asdict(one) for one in self.systems],
            "copies": [asdict(one) for one in self.copies],
        }


def witnesses(config: CaseConfig, events: pl.LazyFrame, subjects: Sequence[str] = ()) -> Witnesses:
    """Which sources of a case can disagree about what.

    1. Who holds which system, and who could write each source.
    2. How far each two sources are apart.
    3. Who speaks of which fact, and who of which system.
    4. What a copy kept by another organisation would buy, the best one first.
    """
    held = systems(events)
    writers = principals(config, events, held)
    pairs = distances(config, writers)
    facts = spoken(events, list(writers), writers, subjects)
    seen = [
        System(name, tuple(sorted(held[name])), counts, _class(sorted(counts), pairs))
        for name, counts in about(events, held).items()
    ]
    return Witnesses(
        {one.id: _levels(config, one.domain) for one in config.sources},
        writers,
        pairs,
        facts,
        seen,
        _copies(facts, pairs),
    )


def distances(
    config: CaseConfig, writers: Mapping[str, Principals]
) -> dict[tuple[str, str], Apart]:
    """How far each two sources are apart, by their names in order."""
    sides = {
        one.id: (one.domain, config.domains[one.domain], writers[one.id]) for one in config.sources
    }
    return {pair: apart(sides[pair[0]], sides[pair[1]]) for pair in combinations(sorted(sides), 2)}


def _class(sources: Sequence[str], pairs: Mapping[tuple[str, str], Apart]) -> Witness:
    return strongest(pairs[pair].witness for pair in combinations(sorted(set(sources)), 2))


def _levels(config: CaseConfig, name: str) -> dict[str, str | None]:
    domain = config.domains[name]
    return {"domain": name, **{level: getattr(domain, level) for level in LEVELS[:-1]}}


def _copies(facts: Sequence[Spoken], pairs: Mapping[tuple[str, str], Apart]) -> list[Copy]:
    """The source whose copy gives most facts a witness, then the one that gives most of the rest.

    A copy is kept by an organisation that no domain of the case is of, so that it is apart from
    every source.
    """
    weak = [one for one in facts if _class(one.sources, pairs) in WEAK]
    middle = [one for one in facts if _class(one.sources, pairs) == "account"]
    left = {name for one in [*weak, *middle] for name in one.sources}
    out: list[Copy] = []
    covered: set[int] = set()

    def new(name: str) -> int:
        return sum(
            one.facts for place, one in enumerate(weak)
            if name in one.sources and place not in covered
        )  # fmt: skip

    def all_of(name: str, among: Sequence[Spoken]) -> int:
        return sum(one.facts for one in among if name in one.sources)

    while left:
        best = min(left, key=lambda name: (-new(name), -all_of(name, middle), name))
        out.append(Copy(best, all_of(best, weak), new(best), all_of(best, middle)))
        covered |= {place for place, one in enumerate(weak) if best in one.sources}
        left.discard(best)
    return out
