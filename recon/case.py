"""A case: one inquiry, one folder, and all that can be asked of it."""

from __future__ import annotations

import errno
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from recon import registry, schema, template
from recon import timeline as timelines
from recon.asof import Answer, asof
from recon.collecting import Collected, collect
from recon.collector import Item, Quote, Source
from recon.config import CaseConfig, Domain, load
from recon.custody import Entry
from recon.errors import BadInputError, CaseError, IntegrityError, UsageError
from recon.evidence import CaseItems, Evidence, Progress
from recon.exhibitor import Production
from recon.instants import moment
from recon.reconcile import Findings, reconcile
from recon.rules import Timeline
from recon.time.clocks import Clocks, chosen
from recon.timeline import Built
from recon.written.answers import Version, answers

if TYPE_CHECKING:
    from recon.audit import Audit
    from recon.rehydrate import Rehydrated, Rehydration
    from recon.witnesses import Witnesses

CASE_FILE = "case.toml"
TIMELINE = "timeline"
FINDINGS = "findings.json"
PRODUCTIONS = "productions"


def open_case(path: str | Path = ".") -> Case:
    """Open a case folder.

    Raises:
        CaseError: there is no ``case.toml``, or a wrong one.
    """
    return Case(Path(path))


def init(path: str | Path) -> Path:
    """Write a commented ``case.toml`` into a folder, which is made if need be.

    Raises:
        UsageError: there is one already.
    """
    target = Path(path) / CASE_FILE
    if target.exists():
        raise UsageError(
            "a folder without a case",
            "a case.toml",
            str(target),
            "edit it, or choose another folder",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(template.commented(Path(path).resolve().name), encoding="utf-8")
    return target


class Case:
    """A case folder. Reading never changes it but for what is derived: timeline and findings."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.config: CaseConfig = load(root / CASE_FILE)
        self.evidence = Evidence(root)
        self._checked: Built | None = None

    @property
    def sources(self) -> Sequence[Source]:
        """Sources in the order of ``case.toml``."""
        return self.config.sources

    @property
    def domains(self) -> Mapping[str, Domain]:
        """Administrative domains by name."""
        return self.config.domains

    # Acquire

    def collect(
        self,
        sources: Sequence[str] = (),
        *,
        again: bool = False,
        progress: Progress | None = None,
    ) -> Iterator[Collected]:
        """Acquire the sources named, or all; goes on where an earlier run stopped.

        Each source's outcome comes as it is known. A source that fails does not stop the others.
        A source that each run acquires (the examiner's clock) is acquired as the first of the
        others begins and after the last, named or not.
        """
        chosen = [self.config.source(name) for name in sources] or list(self.sources)
        return collect(self.evidence, self.sources, chosen, again=again, progress=progress)

    def rehydrate(
        self, source: str, asked: Rehydration, *, progress: Progress | None = None
    ) -> Rehydrated:
        """A source as it stood; see :func:`recon.rehydrate.rehydrate`."""
        from recon.rehydrate import rehydrate

        return rehydrate(self, source, asked, progress=progress)

    def items(self) -> list[Item]:
        """All items, in the order in which they were entered."""
        return self.evidence.items()

    def path_of(self, sha256: str) -> Path:
        """Where an item's bytes are."""
        return self.evidence.path(sha256)

    def custody(self) -> list[Entry]:
        """The custody log's entries."""
        return self.evidence.custody.entries()

    @cached_property
    def _root(self) -> str:
        return self.evidence.root()

    def evidence_root(self) -> str:
        """One hash over the names of all items."""
        return self._root

    # Timeline

    def built(self, *, progress: Progress | None = None) -> Built:
        """The record of the timeline, which is built first if it is missing, stale or damaged."""
        folder = self.root / TIMELINE
        built = Built.read(folder)
        if built is not None:
            now = timelines.stamp(self.evidence, self.root / CASE_FILE)
            fresh = {key: getattr(built, key) for key in now} == now
            if fresh and (self._checked == built or timelines.hashes(folder) == built.files):
                self._checked = built
                return built
        return self.build(progress=progress)

    def build(self, *, workers: int | None = None, progress: Progress | None = None) -> Built:
        """Parse all evidence into the timeline anew.

        Raises:
            BadInputError: nothing was collected yet.
            IntegrityError: an item's bytes are not those of its name.
        """
        if not self.items():
            raise BadInputError(
                "evidence",
                "no item",
                str(self.evidence.folder),
                "acquire some with `recon collect`",
            )
        self.check_items()
        self.__dict__.pop("_root", None)
        return timelines.build(
            self.evidence,
            self.sources,
            self.root / CASE_FILE,
            self.root / TIMELINE,
            workers=workers,
            progress=progress,
        )

    def timeline(self) -> pl.LazyFrame:
        """All events, :data:`recon.schema.EVENTS`."""
        return self._events().select(list(schema.EVENTS))

    def coverage(self) -> pl.LazyFrame:
        """What silence would mean, :data:`recon.schema.COVERAGE`."""
        return self._frame(timelines.COVERAGE, schema.COVERAGE)

    def relations(self) -> pl.LazyFrame:
        """Laws between events, :data:`recon.schema.RELATIONS`."""
        return self._frame(timelines.RELATIONS, schema.RELATIONS)

    def warnings(self) -> list[dict[str, Any]]:
        """What could not be read, or only in part: source, item, citation, message, severity."""
        return [dict(warning) for warning in self.built().warnings]

    def methods(self) -> dict[str, dict[str, str]]:
        """By source: which reader read what."""
        return {source: dict(methods) for source, methods in self.built().methods.items()}

    def select(self, **filters: Any) -> pl.LazyFrame:  # noqa: ANN401  (those of timelines.select)
        """Events filtered by ``subjects``, ``sources``, ``kinds``, ``since``, ``until``."""
        return timelines.select(self.timeline(), **filters)

    # Judge

    def findings(self) -> Findings:
        """Run the rules; write ``findings.json`` and give the findings back.

        On a read-only case they are given back alone.
        """
        self.built()
        found = reconcile(self.config, self.evidence_root(), self.judged())
        try:
            found.write(self.root / FINDINGS)
        except OSError as error:
            if error.errno not in {errno.EROFS, errno.EACCES}:
                raise
        return found

    def asof(
        self,
        instant: str | datetime | None = None,
        subjects: Sequence[str] = (),
        clock: str | None = None,
    ) -> list[Answer]:
        """Said then and says now, for the case's instant and subjects if none are given.

        ``clock``: that showed the instant; else it is one of UTC.

        Raises:
            UsageError: no instant is given, and the case asks about none; or no event of the case
                is dated by that clock.
            BadInputError: the text is no one instant.
        """
        if isinstance(instant, str):
            instant = moment(instant, "INSTANT")
        instant = instant or self.config.instant
        if instant is None:
            raise UsageError("an instant", "none", "INSTANT", "give one, or set case.instant")
        timeline = self.judged()
        _check_clock(timeline, clock)
        return asof(timeline, instant, subjects or self.config.subjects, clock)

    def history(  # noqa: PLR0913  (one question, each argument a part of it)
        self,
        since: str | datetime,
        until: str | datetime,
        every: timedelta | None = None,
        subjects: Sequence[str] = (),
        clock: str | None = None,
        *,
        changes: bool = False,
    ) -> pl.DataFrame:
        """The answers from an instant to another; see :func:`recon.asof_history.history`.

        ``changes``: only where an answer differs from that of the instant before.
        """
        from recon import asof_history

        between = (
            moment(since, "--from") if isinstance(since, str) else since,
            moment(until, "--to") if isinstance(until, str) else until,
        )
        timeline = self.judged()
        _check_clock(timeline, clock)
        wanted = subjects or self.config.subjects
        changes = changes or every is None
        return asof_history.history(timeline, between, every, wanted, clock, changes=changes)

    def written(self, subjects: Sequence[str] = ()) -> list[Version]:
        """When each row version was really written, by every basis; all rows if none is named."""
        return answers(self.judged(), subjects)

    def clocks(self, clock: str = "*") -> Clocks:
        """How far apart the clocks are and when, by which records; of those that match a glob."""
        return chosen(self.judged().measured, clock)

    def witnesses(self, subjects: Sequence[str] = ()) -> Witnesses:
        """Who could disagree with whom about what; of subjects that match a glob, or of all."""
        from recon.witnesses import witnesses

        return witnesses(self.config, self.timeline(), subjects)

    def audit(
        self,
        at: datetime | None = None,
        *,
        within: timedelta = timedelta(days=30),
        against: Path | None = None,
    ) -> Audit:
        """The self-audit as of an instant, by default now; kept in ``audits/`` for the next one.

        ``within``: how far ahead "soon" reaches. ``against``: an audit to compare it with, else
        the latest that is kept of an earlier instant.
        """
        from recon.audit import audit, kept

        self.built()
        at = at or datetime.now(UTC).replace(microsecond=0)
        earlier = kept.read(against) if against else kept.before(self.root, at)
        found = audit(self, self.judged(), at, within, earlier)
        kept.write(self.root, found)
        return found

    def events(self, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Rows of the timeline by event id; of sources with equal bytes, the first one's.

        Raises:
            UsageError: an id is not in the timeline.
        """
        wanted = sorted(set(ids))
        rows = (
            self.timeline()
            .filter(pl.col("item").str.slice(0, 16).is_in([one.split(":", 1)[0] for one in wanted]))
            .with_columns(id=schema.event_id())
            .filter(pl.col("id").is_in(wanted))
            .sort("row", descending=True)
            .collect()
        )
        found = {row["id"]: row for row in rows.iter_rows(named=True)}
        for one in wanted:
            if one not in found:
                raise UsageError("the id of an event of the timeline", repr(one), "EVENT")
        return found

    def quote(self, source: str, event: str) -> tuple[Quote, Item]:
        """The source's own words at an event, and the item that holds them."""
        prefix, rest = event.split(":", 1)
        citation = rest.rpartition("#")[0]
        chosen = self.config.source(source)
        items = CaseItems(self.evidence, source)
        for item in items:
            if item.sha256.startswith(prefix):
                return registry.collector(chosen.collector).quote(
                    chosen, items, item, citation
                ), item
        raise UsageError(f"an item of {source}", prefix, event)

    # Show

    def exhibits(
        self,
        name: str | None = None,
        *,
        exhibitor: str = "bag",
        folder: Path | None = None,
        progress: Progress | None = None,
    ) -> Production:
        """Write a production: ``productions/NAME`` unless a folder is given."""
        target = folder or self.root / PRODUCTIONS / (name or self.config.id)
        target.parent.mkdir(parents=True, exist_ok=True)
        return registry.exhibitor(exhibitor).produce(
            self, target, progress or (lambda _what, _done, _total: None)
        )

    def verify(self) -> list[str]:
        """A line for each item or custody entry that does not match; none is well."""
        return list(self.evidence.verify())

    def _frame(
        self, name: str, columns: Mapping[str, pl.DataType], *, beside: Collection[str] = ()
    ) -> pl.LazyFrame:
        self.built()
        path = self.root / TIMELINE / name
        return schema.check(pl.scan_parquet(path), columns, str(path), beside=beside)

    def _events(self) -> pl.LazyFrame:
        return self._frame(timelines.EVENTS, schema.EVENTS, beside=[*schema.PLAIN, *schema.BESIDE])

    def judged(self) -> Timeline:
        """The timeline with the clocks and norms of the case, as rules are given it."""
        return Timeline(
            *(self._events(), self.coverage(), self.config.norms, self.config.tolerance),
            *(self.relations(), self.config.correspondences, self.config.anchors),
            {one.id: (one.domain, self.domains[one.domain]) for one in self.sources},
        )

    def check_items(self) -> None:
        """Raise IntegrityError where an item's bytes are not those of its name."""
        wrong = self.verify()
        if wrong:
            raise IntegrityError(
                "evidence that matches its hashes",
                wrong[0],
                str(self.evidence.folder),
                "see `recon verify`",
            )


def _check_clock(timeline: Timeline, clock: str | None) -> None:
    """Refuse a clock that dates no event of the case."""
    if clock is None:
        return
    known = timeline.events.select(pl.col("clock").drop_nulls().unique().sort()).collect()
    if clock not in known["clock"]:
        names = ", ".join(known["clock"])
        raise UsageError(f"a clock of the case ({names})", clock, "--clock")


__all__ = ["Case", "CaseError", "Collected", "init", "open_case"]
