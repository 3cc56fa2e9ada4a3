"""The notebooks run from top to bottom, and show what they promise."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


SHOWS = {
    "march_8.ipynb": (
        2,
        ["CONFLICT re-registered model:credit-risk@2.3.1", "sha256sum: all match"],
    ),
    "self_audit.ipynb": (
        0,
        [
            "going  30-day window, day 28: weekly base-2026-02-10 of lineage-db goes on 12 March",
            " 29 facts `auc`: lineage-db alone",
            "one mirror of lineage-db, kept by another organisation, gives 139 facts",
            "kept         norm manifest-after-artifact",
            "+ 30-day window, past: weekly base-2026-02-10 of lineage-db",
        ],
    ),
}
"""By notebook: how many figures, and which words."""


def test_each_has_its_promises():
    assert {path.name for path in NOTEBOOKS} == set(SHOWS)


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_it_runs(path: Path):
    # Their import takes seconds, of every worker that only looks for tests.
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(FOLDER)}}
    ).execute()
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", ())]
    text = "".join(out.get("text", "") for out in outputs)
    figures, words = SHOWS[path.name]
    for one in words:
        assert one in text
    assert sum("image/png" in out.get("data", {}) for out in outputs) == figures
    assert not re.search(r"Traceback|Warning", text)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_it_is_stored_without_outputs(path: Path):
    cells = json.loads(path.read_text())["cells"]
    assert cells
    assert not any(cell.get("outputs") for cell in cells)
