"""``data/DATA`` and ``data/LOGS`` of a production: findings, indexes, exceptions, custody."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from recon import timeline as timelines
from recon.case import FINDINGS, TIMELINE
from recon.schema import EVENTS
from reports import tables

if TYPE_CHECKING:
    from recon.case import Case
    from recon.reconcile import Findings
    from reports.exhibit import Told
    from reports.natives import Produced


@dataclass(frozen=True, slots=True)
class Bates:
    """One number of the production. A number is never used twice."""

    bates: str
    what: str
    file: str
    """Path in the bag; empty where the number is void."""
    pages: int
    """Pages, numbered ``BATES.001`` and so on; 0 for a native file, which has none."""
    status: str
    """``used`` or ``void``."""


def write(  # noqa: PLR0913  (each argument is another table)
    case: Case,
    folder: Path,
    *,
    findings: Findings,
    told: Sequence[Told],
    natives: Mapping[str, Produced],
    register: Sequence[Bates],
    notes: Sequence[str],
) -> int:
    """Write all of it; gives the number of CSV cells that were made harmless."""
    data, logs = folder / "data" / "DATA", folder / "data" / "LOGS"
    shutil.copyfile(case.root / FINDINGS, data / "findings.json")
    # Without the columns that recon's own file has beside the events.
    case.timeline().sink_parquet(data / "timeline.parquet", **timelines.PARQUET)
    for name, target in (
        (timelines.COVERAGE, "coverage.parquet"),
        (timelines.RELATIONS, "relations.parquet"),
    ):
        shutil.copyfile(case.root / TIMELINE / name, data / target)
    hashes = sorted({item.sha256 for item in case.items()})
    (data / "items.txt").write_text("".join(f"{one}\n" for one in hashes), encoding="ascii")
    _custody(case, logs)
    tabled = {
        data / "bates.csv": tables.from_dicts(
            [each.name for each in fields(Bates)], map(asdict, register)
        ),
        data / "natives.csv": _natives(natives),
        data / "items.csv": _items(case, natives),
        data / "events.csv": _events(told),
        logs / "exceptions.csv": _exceptions(case, findings, notes),
    }
    for path, (content, _) in tabled.items():
        path.write_bytes(content)
    return sum(changed for _, changed in tabled.values())


def _custody(case: Case, logs: Path) -> None:
    """The log as it stands, whole lines alone: what a crash cut short is no entry."""
    raw = case.evidence.custody.path.read_bytes()
    (logs / "custody.jsonl").write_bytes(raw[: raw.rfind(b"\n") + 1])


def _natives(natives: Mapping[str, Produced]) -> tuple[bytes, int]:
    return tables.write(
        ["bates", "file", "sha256", "source", "kind", "native", "size", "acquired", "why"],
        (
            (
                one.bates,
                one.path,
                sha,
                one.item.source,
                one.item.kind,
                one.item.native,
                one.item.size,
                one.item.acquired,
                one.why,
            )
            for sha, one in natives.items()
        ),
    )


def _items(case: Case, natives: Mapping[str, Produced]) -> tuple[bytes, int]:
    return tables.write(
        ["sha256", "source", "acquisition", "kind", "native", "size", "acquired", "bates"],
        (
            (
                item.sha256,
                item.source,
                item.acquisition,
                item.kind,
                item.native,
                item.size,
                item.acquired,
                natives[item.sha256].bates if item.sha256 in natives else "",
            )
            for item in case.items()
        ),
    )


def _events(told: Sequence[Told]) -> tuple[bytes, int]:
    """One row for each record of each finding, with what the timeline holds of it."""
    columns = [name for name in EVENTS if name != "row"]
    rows = []
    for one in told:
        for record in one.records:
            frame = pl.DataFrame(
                [{name: record.event.get(name) for name in columns}],
                schema={name: EVENTS[name] for name in columns},
            )
            plain = tables.plain(frame).row(0)
            rows.append(
                (one.number, one.finding, record.label, record.role, record.event["id"], *plain)
            )
    return tables.write(["exhibit", "finding", "record", "role", "event", *columns], rows)


def _exceptions(case: Case, findings: Findings, notes: Sequence[str]) -> tuple[bytes, int]:
    columns = ["exception", "source", "item", "place", "severity", "message"]
    rows: list[tuple[str, ...]] = [
        ("warning", w["source"], w["item"], w.get("citation") or "", w["severity"], w["message"])
        for w in case.warnings()
    ]
    rows += [
        (
            "failed",
            str(entry.get("source", "")),
            "",
            str(entry.get("native") or ""),
            "error",
            f"expected {entry.get('expected')}; found {entry.get('found')}",
        )
        for entry in case.custody()
        if entry["action"] == "failed"
    ]
    rows += [("rule not run", "", "", one["rule"], "", one["because"]) for one in findings.not_run]
    rows += [("production", "", "", "", "", note) for note in notes]
    return tables.write(columns, rows)
