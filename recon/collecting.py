"""One run of `recon collect`: the sources in their order, and the examiner's clock around them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from recon import registry
from recon.collector import Source
from recon.errors import ReconError
from recon.evidence import Acquiring, Evidence, Progress


@dataclass(frozen=True, slots=True)
class Collected:
    """What one source's acquisition came to."""

    source: str
    acquisition: int
    stored: int
    """Items stored in this run."""
    held: int
    """Items of this acquisition, earlier runs included."""
    failures: Sequence[tuple[str, ReconError]]
    """(native locator or empty, error); the rest of the source was acquired."""
    skipped: bool
    """Whether it had been finished before and was left alone."""


def collect(
    evidence: Evidence,
    sources: Sequence[Source],
    chosen: Sequence[Source],
    *,
    again: bool = False,
    progress: Progress | None = None,
) -> Iterator[Collected]:
    """Acquire the chosen of a case's sources.

    1. Before the first that is not finished, those that each run acquires, named or not.
    2. The chosen ones, in their order.
    3. Those that each run acquires, once more; where they alone are chosen, that is all.
    """
    every = [one for one in sources if registry.collector(one.collector).each_run]
    others = [one for one in chosen if one not in every]
    begun: dict[str, Acquiring] = {}
    acquired = False
    try:
        evidence.sweep()
        for source in others:
            acquiring = Acquiring(evidence, source, again=again, progress=progress)
            skipped = acquiring.finished
            if not skipped:
                if not acquired:
                    begun = {one.id: _anew(evidence, one, progress) for one in every}
                acquired = True
                acquiring.run(registry.collector(source.collector).acquire)
            yield _collected(acquiring, skipped=skipped)
        for source in every:
            if acquired or not others:
                ended = _anew(evidence, source, progress)
                if source.id in begun:
                    ended.stored += begun[source.id].stored
                    ended.failures[:0] = begun[source.id].failures
                yield _collected(ended, skipped=False)
            elif source in chosen:
                yield _collected(Acquiring(evidence, source), skipped=True)
    finally:
        evidence.custody.close()


def _anew(evidence: Evidence, source: Source, progress: Progress | None) -> Acquiring:
    acquiring = Acquiring(evidence, source, again=True, progress=progress)
    acquiring.run(registry.collector(source.collector).acquire)
    return acquiring


def _collected(acquiring: Acquiring, *, skipped: bool) -> Collected:
    return Collected(
        acquiring.source.id,
        acquiring.number,
        acquiring.stored,
        acquiring.held,
        tuple(acquiring.failures),
        skipped,
    )
