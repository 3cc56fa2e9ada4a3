"""The cases of this folder read by the collector, as one JSON line an event."""

from __future__ import annotations

import json
import tempfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collectors.s3 import collector
from recon.collector import Source
from recon.evidence import Acquiring, CaseItems, Evidence

if TYPE_CHECKING:
    from recon.collector import Parsed

HERE = Path(__file__).parent
CLAIMS = [
    {"key": "models/{model}/{version}/model.bin", "subject": "model:{model}@{version}"},
]
CASES: dict[str, list[dict[str, str]]] = {
    "two-exports": [
        {"path": "2026-03-10", "taken": "2026-03-10T09:00Z"},
        {"path": "2026-04-02", "taken": "2026-04-02T09:00Z"},
    ],
    "one-second": [
        {"path": "xml", "taken": "2026-11-23T07:00Z"},
        {"path": "json", "taken": "2026-11-23T07:00Z"},
    ],
}


def source(case: str) -> Source:
    """The case as a source."""
    options = {"url": "s3://acme-models/", "exports": CASES[case]}
    assert collector.claim is not None
    return Source(
        id="models",
        collector="s3",
        domain="storage",
        options=collector.options.model_validate(options),
        claims=tuple(collector.claim.model_validate(claim) for claim in CLAIMS),
        base=HERE / case,
    )


def read(case: str, folder: Path) -> tuple[Parsed, CaseItems]:
    """Its exports acquired into a folder, and parsed."""
    evidence = Evidence(folder)
    acquiring = Acquiring(evidence, source(case))
    acquiring.run(collector.acquire)
    assert not acquiring.failures
    items = CaseItems(evidence, "models")
    return collector.parse(source(case), items), items


def lines(case: str) -> str:
    """Its events, in a fixed order; the item's file for its hash."""
    with tempfile.TemporaryDirectory() as scratch:
        parsed, items = read(case, Path(scratch))
    native = {item.sha256: item.native for item in items}
    rows = [
        {name: _plain(value) for name, value in row.items() if value not in (None, [])}
        | {"item": native[row["item"]]}
        for row in parsed.events.collect().iter_rows(named=True)
    ]
    written = [json.dumps(row, ensure_ascii=False, sort_keys=True) for row in rows]
    return "".join(f"{line}\n" for line in sorted(written))


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
