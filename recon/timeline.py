"""The timeline: parse every source's items, and bring the events into one order.

The same evidence gives the same bytes, whatever the number of workers or the order of sources:
events are sorted by ``earliest`` (undated last), then by id, source and kind, and written by one
writer in groups of a fixed size.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from recon import registry, schema
from recon.beside import differing, no_subjects, record_back, subject_number
from recon.collector import Parsed, Source, Warn
from recon.evidence import CaseItems, Evidence, Progress
from recon.names import plain
from recon.subjects import glob
from recon.version import __version__

if TYPE_CHECKING:
    from datetime import datetime

EVENTS = "events.parquet"
COVERAGE = "coverage.parquet"
RELATIONS = "relations.parquet"
BUILT = "built.json"

_ORDER = ["earliest", "item", "citation", "part", "source", "kind", "attribute", "value"]
PARQUET: dict[str, Any] = {"row_group_size": 262_144, "maintain_order": True}
"""How frames are written: without a size of row groups, they would be cut as threads happen to."""
_BUCKET = 1_000_000
"""Rows sorted at a time. Ten million events sorted whole take 6.9 GB; in buckets, 1.1 GB."""
_LARGE = 64 << 20
"""Bytes of evidence from which parsing in several processes is worth their start."""


@dataclass(frozen=True, slots=True)
class Built:
    """What a timeline was built from, and what was said on the way."""

    evidence: str
    """Root hash of the evidence."""
    config: str
    """SHA-256 of ``case.toml``."""
    tool: str
    methods: Mapping[str, Mapping[str, str]]
    """By source: which reader read what."""
    warnings: Sequence[Mapping[str, Any]]
    """``source`` and the fields of :class:`recon.collector.Warn`."""
    counts: Mapping[str, int]
    """Events by source."""
    files: Mapping[str, str]
    """SHA-256 of each file of the timeline."""

    @classmethod
    def read(cls, folder: Path) -> Built | None:
        """The record beside a timeline, or None where there is none that can be read."""
        try:
            return cls(**json.loads((folder / BUILT).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None


def stamp(evidence: Evidence, config: Path) -> dict[str, str]:
    """What a timeline depends on. A timeline built from something else is stale."""
    return {
        "evidence": evidence.root(),
        "config": hashlib.sha256(config.read_bytes()).hexdigest(),
        "tool": f"recon {__version__}",
    }


def build(  # noqa: PLR0913  (one call, each argument a different thing)
    evidence: Evidence,
    sources: Sequence[Source],
    config: Path,
    folder: Path,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Built:
    """Parse, merge, relate, write; the folder is replaced whole.

    1. Each source's items are parsed to a part of its own (in parallel where it is worth it).
    2. The parts are merged in order and numbered.
    3. Laws between events are derived.
    """
    from recon.time.relations import relations

    progress = progress or (lambda _what, _done, _total: None)
    ordered = sorted(sources, key=lambda source: source.id)
    with _replacing(folder) as new:
        parts = new / "parts"
        parts.mkdir()
        results = list(_parse_all(evidence, ordered, parts, workers, progress))
        progress("timeline", 0, None)
        merge([parts / f"{source.id}.parquet" for source in ordered], new / EVENTS)
        coverage = [pl.read_parquet(parts / f"{source.id}.coverage.parquet") for source in ordered]
        pl.concat(coverage).sort(list(schema.COVERAGE)).write_parquet(new / COVERAGE)
        shutil.rmtree(parts)
        events = pl.scan_parquet(new / EVENTS)
        schema.check(
            relations(events, pl.scan_parquet(new / COVERAGE)), schema.RELATIONS, RELATIONS
        ).sink_parquet(new / RELATIONS, **PARQUET)
        built = Built(
            **stamp(evidence, config),
            methods={r["source"]: r["methods"] for r in results if r["methods"]},
            warnings=[warn for r in results for warn in r["warnings"]],
            counts={r["source"]: r["count"] for r in results},
            files=hashes(new),
        )
        text = json.dumps(asdict(built), indent=1, sort_keys=True, ensure_ascii=False)
        (new / BUILT).write_text(text + "\n", encoding="utf-8")
    return built


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of each frame of a timeline; what is not there is left out."""
    found = {}
    for name in (EVENTS, COVERAGE, RELATIONS):
        if (folder / name).is_file():
            with (folder / name).open("rb") as file:
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def merge(parts: Sequence[Path], target: Path) -> None:
    """Parts of :data:`schema.EVENTS` without ``row`` to one file in order, in bounded memory.

    The parts are cut at quantiles of ``earliest`` into buckets that are sorted one by one.
    Events with equal ``earliest`` fall into one bucket, so the cuts never touch the order.
    """
    lazy = pl.scan_parquet(list(parts))
    count = lazy.select(pl.len()).collect().item()
    buckets = max(1, -(-count // _BUCKET))
    cuts = sorted(
        {
            value
            for value in lazy.select(
                pl.col("earliest").quantile(i / buckets, "nearest").alias(str(i))
                for i in range(1, buckets)
            )
            .collect(engine="streaming")
            .row(0)
            if value is not None
        }
        if buckets > 1
        else ()
    )
    subjects = no_subjects()
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        for number, condition in enumerate(_between(cuts)):
            bucket = (
                lazy.filter(condition)
                .collect(engine="streaming")
                .sort(_ORDER, nulls_last=[name == "earliest" for name in _ORDER])
            )
            # Events of one reading are of one bucket.
            bucket.with_columns(
                record_back(bucket), subject_number(bucket, subjects)
            ).write_parquet(f"{scratch}/{number:06}.parquet")
            del bucket
        whole = pl.scan_parquet(f"{scratch}/*.parquet").with_row_index("row")
        whole = whole.with_columns(pl.col("row").cast(pl.UInt64))
        events = schema.check(
            whole, schema.EVENTS, "events of the collectors", beside=schema.BESIDE
        )
        pl.concat(
            [
                plain(events.drop("record_back", "subject_number")),
                events.select("record_back", "subject_number"),
                pl.scan_parquet(_differing(events, count, Path(scratch))),
            ],
            how="horizontal",
        ).sink_parquet(target, **PARQUET)


def _differing(events: pl.LazyFrame, count: int, scratch: Path) -> Path:
    """Whether each event is a claim that may differ, in a file of its own."""
    import numpy as np

    found = np.zeros(count, dtype=bool)
    claims = events.filter(pl.col("kind") == "claim")
    found[differing(claims, "row", by="subject_number").to_numpy()] = True
    target = scratch / "differing"
    pl.DataFrame({"may_differ": found}).write_parquet(target)
    return target


def select(  # noqa: PLR0913  (one filter each)
    events: pl.LazyFrame,
    *,
    subjects: Sequence[str] = (),
    sources: Sequence[str] = (),
    kinds: Sequence[str] = (),
    since: datetime | None = None,
    until: datetime | None = None,
) -> pl.LazyFrame:
    """Events that match any glob of each kind given and whose interval meets [since, until].

    Undated events are left out only where a time is asked for.
    """
    for column, globs in (("subject", subjects), ("source", sources), ("kind", kinds)):
        if globs:
            events = events.filter(
                pl.any_horizontal(pl.col(column).str.contains(glob(one)) for one in globs)
            )
    if since is not None:
        # A start without an end (the begin of an upload) may reach to any later time.
        open_ended = pl.col("latest").is_null() & pl.col("earliest").is_not_null()
        events = events.filter((pl.col("latest") >= since) | open_ended)
    if until is not None:
        events = events.filter(pl.col("earliest") <= until)
    return events


def _between(cuts: Sequence[datetime]) -> Iterator[pl.Expr]:
    earliest = pl.col("earliest")
    if not cuts:
        yield pl.lit(True)
        return
    yield earliest < cuts[0]
    for low, high in pairwise(cuts):
        yield (earliest >= low) & (earliest < high)
    yield (earliest >= cuts[-1]) | earliest.is_null()


def _parse_all(
    evidence: Evidence,
    sources: Sequence[Source],
    parts: Path,
    workers: int | None,
    progress: Progress,
) -> Iterator[dict[str, Any]]:
    size = sum(item.size for item in evidence.items())
    if workers is None:
        workers = min(os.cpu_count() or 1, len(sources)) if size > _LARGE else 1
    folder = evidence.folder.parent
    total = len(sources)
    if workers <= 1:
        for done, source in enumerate(sources):
            progress(f"parse {source.id}", done, total)
            yield _parse_one(folder, source, parts)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    # Spawned, not forked: polars' threads do not survive a fork.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(_parse_one, folder, source, parts) for source in sources]
        for done, (job, source) in enumerate(zip(jobs, sources, strict=True)):
            progress(f"parse {source.id}", done, total)
            yield job.result()


def _parse_one(case: Path, source: Source, parts: Path) -> dict[str, Any]:
    """One source to ``ID.parquet`` and ``ID.coverage.parquet``; what was said on the way."""
    items = CaseItems(Evidence(case), source.id)
    parsed: Parsed = registry.collector(source.collector).parse(source, items)
    events = schema.check(parsed.events, schema.DRAFT, f"events of {source.id}").with_columns(
        source=pl.lit(source.id),
        domain=pl.lit(source.domain),
        names=pl.col("names").fill_null(pl.lit([], dtype=schema.DRAFT["names"])),
    )
    target = parts / f"{source.id}.parquet"
    events.select([name for name in schema.EVENTS if name != "row"]).sink_parquet(target)
    coverage = parsed.coverage
    if coverage is None:
        coverage = pl.DataFrame(schema=schema.DRAFT_COVERAGE)
    schema.check(
        coverage.lazy().with_columns(source=pl.lit(source.id)).select(list(schema.COVERAGE)),
        schema.COVERAGE,
        f"coverage of {source.id}",
    ).sink_parquet(parts / f"{source.id}.coverage.parquet")
    return {
        "source": source.id,
        "methods": dict(parsed.methods),
        "warnings": [_warning(source, warn) for warn in parsed.warnings],
        "count": pl.scan_parquet(target).select(pl.len()).collect().item(),
    }


def _warning(source: Source, warn: Warn) -> dict[str, Any]:
    return {"source": source.id, **asdict(warn)}


@contextmanager
def _replacing(folder: Path) -> Iterator[Path]:
    """A new folder that takes the place of the old one when the block ends well."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    name = f".{folder.name}-{secrets.token_hex(6)}"
    new, old = folder.parent / name, folder.parent / f"{name}-old"
    # Named before it is made: whenever an interrupt comes, what is there is taken away.
    try:
        new.mkdir()
        yield new
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
    finally:
        if old.exists() and not folder.exists():
            old.rename(folder)
        for left in (new, old):
            if left.exists():
                shutil.rmtree(left)
