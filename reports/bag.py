"""The production: a BagIt bag of documents, native items, data and logs.

1. Judge the case, and take from it what all documents share.
2. Number every document and native file in one sequence.
3. Copy natives, each checked against its hash on the way.
4. Typeset the exhibits and the report on the case.
5. Write data, logs and guides; seal the bag; move it into place.

The same case gives the same bytes: no date in it is later than the evidence.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from recon import prose
from recon.errors import BadInputError, IntegrityError, UsageError
from recon.exhibitor import Exhibitor, Production, Progress
from recon.instants import interval
from reports import bagit, data, guide
from reports.exhibit import Shared, Told, exhibit
from reports.glyphs import printable
from reports.guide import Facts
from reports.natives import Produced, extension, select
from reports.pdf import Document, render
from reports.record import records
from reports.summary import chosen, summary

if TYPE_CHECKING:
    from recon.case import Case
    from recon.collector import Item
    from recon.findings import Finding
    from recon.reconcile import Findings

_CHUNK = 1 << 20
_PREFIX_LENGTH = 12
# An event's id begins with so many digits of its item's hash: recon.schema.event_id.
_ID_DIGITS = 16
# Documents are typeset in child processes, so threads that wait for them are enough.
_AT_ONCE = min(4, os.cpu_count() or 1)


@dataclass(slots=True)
class _Making:
    """A production on its way: what the steps below pass on."""

    case: Case
    folder: Path
    """Temporary folder beside the final one."""
    findings: Findings
    shared: Shared
    created: datetime
    prefix: str
    told: list[Told]
    natives: dict[str, Produced] = field(default_factory=dict)
    register: list[data.Bates] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def produce(case: Case, folder: Path, progress: Progress) -> Production:
    """Write the production into ``folder``, whole or not at all.

    Raises:
        UsageError: the folder is there already.
        IntegrityError: an item's bytes are not those of its name.
    """
    if folder.exists() or folder.is_symlink():
        raise UsageError(
            "a folder that is not there yet",
            "a folder",
            str(folder),
            "choose another name, as in `recon exhibits NAME`, or move that one away",
        )
    with _beside(folder) as part:
        making = _begin(case, part)
        _natives(making, progress)
        _documents(making, progress)
        _rest(making)
        seal = bagit.seal(
            part,
            {
                "Bag-Software-Agent": f"{making.findings.tool['name']} "
                f"{making.findings.tool['version']}",
                "External-Identifier": printable(case.config.id),
                "Evidence-Root-SHA256": making.findings.evidence,
            },
        )
        part.rename(folder)
    documents = [folder / one.file for one in making.register if one.file.startswith("data/PDF/")]
    making.notes.append(f"SHA-256 of tagmanifest-sha256.txt, the production in one hash: {seal}")
    return Production(folder, documents, making.notes)


@contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """A folder beside the one wanted, gone unless it was renamed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.part-", dir=folder.parent))
    try:
        for name in ("PDF", "NATIVES", "DATA", "LOGS"):
            (part / "data" / name).mkdir(parents=True)
        part.chmod(0o755)
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _begin(case: Case, part: Path) -> _Making:
    findings = case.findings()
    events = case.timeline().select("source", "earliest", "latest").collect()
    shared = Shared(
        events,
        case.coverage().collect(),
        case.warnings(),
        findings.not_run,
        case.asof() if case.config.instant else [],
    )
    prefix = re.sub(r"[^A-Z0-9]", "", case.config.id.upper())[:_PREFIX_LENGTH] or "RECON"
    told = [
        _told(case, finding, number, f"{prefix}-{number + 1:06d}")
        for number, finding in enumerate(findings.findings, start=1)
    ]
    return _Making(case, part, findings, shared, created(case), prefix, told)


def _told(case: Case, finding: Finding, number: int, bates: str) -> Told:
    events = case.events([role.event for role in finding.events])
    return Told(
        number,
        bates,
        finding.finding,
        finding.rule,
        finding.verdict,
        printable(finding.subject),
        printable(prose.statement(finding)),
        records(case, finding, events),
    )


def created(case: Case) -> datetime:
    """The date of the documents: when the newest item was complete, by the examiner's clock."""
    latest = max((item.acquired for item in case.items()), default=None)
    if latest is not None:
        return interval(latest)[0]
    return case.config.instant or datetime(1980, 1, 1, tzinfo=UTC)


def _natives(making: _Making, progress: Progress) -> None:
    """Copy the items that are produced, and number them after the documents."""
    cited = {
        record.item.sha256
        for told in making.told
        for record in told.records
        if record.item is not None
    }
    picked = select(making.case.items(), cited, _answering(making))
    first = len(making.told) + 2
    for place, (item, why) in enumerate(picked):
        progress("native items", place, len(picked))
        path = making.case.path_of(item.sha256)
        bates = f"{making.prefix}-{first + place:06d}"
        name = f"{bates}.{extension(path, item.kind)}"
        making.natives[item.sha256] = produced = Produced(item, bates, name, why)
        _copy(path, making.folder / produced.path, item)


def _answering(making: _Making) -> set[str]:
    """Hashes of the items that the answers on paper rest on."""
    wanted = {
        (one.source, said.event.partition(":")[0])
        for one in chosen(making.shared.answers)
        for said in (one.said_then, one.says_now)
        if said is not None
    }
    return {
        item.sha256
        for item in making.case.items()
        if (item.source, item.sha256[:_ID_DIGITS]) in wanted
    }


def _copy(source: Path, target: Path, item: Item) -> None:
    digest = hashlib.sha256()
    with source.open("rb") as file, target.open("wb") as out:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            out.write(chunk)
    if digest.hexdigest() != item.sha256:
        raise IntegrityError(
            f"SHA-256 {item.sha256}",
            digest.hexdigest(),
            f"item of {item.source}",
            "see `recon verify`; restore the item from a copy",
        )


def _documents(making: _Making, progress: Progress) -> None:
    """Typeset the report and the exhibits; one that cannot be is noted, its number void."""

    def native(item: Item) -> str:
        produced = making.natives.get(item.sha256)
        return produced.path if produced else ""

    total = len(making.told) + 1
    report = f"{making.prefix}-000001"
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        jobs: list[tuple[str, str, Future[Document]]] = []
        page = summary(
            making.case,
            making.findings,
            bates=report,
            told=making.told,
            natives=making.natives,
            shared=making.shared,
        )
        jobs.append(
            (
                report,
                "report on the case",
                pool.submit(
                    render, "case", page.data, created=making.created, figures=page.figures
                ),
            )
        )
        for told, finding in zip(making.told, making.findings.findings, strict=True):
            progress("documents", told.number, total)
            page = exhibit(
                making.case,
                finding,
                making.findings,
                told=told,
                native=native,
                shared=making.shared,
            )
            jobs.append(
                (
                    told.bates,
                    f"exhibit {told.number}",
                    pool.submit(
                        render, "exhibit", page.data, created=making.created, figures=page.figures
                    ),
                )
            )
        for bates, what, job in jobs:
            _document(making, bates, what, job)


def _document(making: _Making, bates: str, what: str, job: Future[Document]) -> None:
    file = f"data/PDF/{bates}.pdf"
    try:
        document = job.result()
    except BadInputError as error:
        making.notes.append(f"{what} ({bates}) could not be typeset: {error}")
        making.register.append(data.Bates(bates, what, "", 0, "void"))
        return
    (making.folder / file).write_bytes(document.data)
    making.register.append(data.Bates(bates, what, file, document.pages, "used"))


def _rest(making: _Making) -> None:
    """Data, logs and guides."""
    case, folder = making.case, making.folder
    making.register += [
        data.Bates(one.bates, f"native item, {one.why}", one.path, 0, "used")
        for one in making.natives.values()
    ]
    changed = data.write(
        case,
        folder,
        findings=making.findings,
        told=making.told,
        natives=making.natives,
        register=making.register,
        notes=making.notes,
    )
    items = {item.sha256 for item in case.items()}
    left = len(items) - len(making.natives)
    facts = Facts(
        case=printable(case.config.id),
        title=printable(case.config.title),
        summary=f"{making.prefix}-000001",
        tool=f"{making.findings.tool['name']} {making.findings.tool['version']}",
        root=making.findings.evidence,
        head=case.evidence.custody.head(),
        items=len(items),
        custody=len(case.custody()),
        methods=_methods(case),
        not_produced=left,
        changed_cells=changed,
        exhibits=making.told,
        natives=making.natives,
    )
    (folder / "README.txt").write_text(guide.readme(facts), encoding="utf-8")
    (folder / "VERIFY.md").write_text(guide.verify(facts), encoding="utf-8")
    making.notes.append(f"{len(making.natives)} of {len(items)} items are produced as native files")
    if changed:
        making.notes.append(f"{changed} CSV cells were made harmless for spreadsheets")


def _methods(case: Case) -> Sequence[str]:
    return [
        printable(f"{source}: {what} by {reader}")
        for source, methods in sorted(case.methods().items())
        for what, reader in sorted(methods.items())
    ]


exhibitor = Exhibitor("bag", produce, bagit.verify, bagit.recognises)
