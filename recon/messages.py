"""What the command line says around its data: warnings, what was produced, what was refused."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from recon.text import one_line

if TYPE_CHECKING:
    from recon.case import Case, Collected
    from recon.errors import ReconError
    from recon.exhibitor import Production

_WARNINGS = 5
"""Warnings shown on a terminal."""


def refused(error: OSError) -> str:
    """What the system refused, as any other error: a full disk, no rights, no such folder."""
    where, found = error.filename, error.strerror
    if isinstance(error, shutil.Error) and error.args and isinstance(error.args[0], list):
        # Of many files copied: the first says enough. (from, to, why)
        _, where, found = error.args[0][0]
    return (
        f"{where or 'a file'}: expected a place that can be read and written; "
        f"found {found or error}; mend its path, its rights or the space on its disk"
    )


def collected(results: Sequence[Collected]) -> list[dict[str, Any]]:
    """Outcomes of acquisitions as data, each failure in its four parts."""
    return [
        {
            "source": one.source,
            "acquisition": one.acquisition,
            "stored": one.stored,
            "held": one.held,
            "skipped": one.skipped,
            "failures": [
                {
                    "native": native,
                    "expected": error.expected,
                    "found": error.found,
                    "where": error.where,
                    "todo": error.todo,
                }
                for native, error in one.failures
            ],
        }
        for one in results
    ]


def failure(source: str, native: str, error: ReconError) -> str:
    """A failure with its source and locator, each said once."""
    told = str(error)
    if native and native not in error.where:
        told = f"{native}: {told}"
    return told if source in error.where else f"{source}: {told}"


def warned(case: Case) -> None:
    """The worst of the warnings in words, and where all of them are; notes are counted alone."""
    every = case.warnings()
    warnings = [one for one in every if one["severity"] != "note"]
    warnings.sort(key=lambda one: one["severity"] != "error")
    notes = _count(len(every) - len(warnings), "note")
    built = case.root / "timeline" / "built.json"
    if not warnings:
        if every:
            typer.echo(f"{notes} on how far the evidence reaches, in {built}")
        return
    errors = sum(one["severity"] == "error" for one in warnings)
    shown = warnings[:_WARNINGS]
    beside = f" and {notes}" if len(every) > len(warnings) else ""
    typer.echo(
        f"{_count(len(warnings), 'warning')} on reading the evidence, "
        f"{_count(errors, 'error')} among them; {len(shown)} of {len(warnings)} shown, "
        f"all are in {built}{beside}:"
    )
    for one in shown:
        place = " ".join(filter(None, (one["item"][:16], one.get("citation"))))
        text = f"{one['source']}, {place}: {one['message']}"
        typer.echo(f"  {one['severity']}: {one_line(text, 300)}")


def produced(case: Case, production: Production) -> None:
    """Where a production is, and how to check it."""
    first, *others = production.documents
    folder = production.folder
    typer.echo(f"Exhibits: {folder}")
    typer.echo(
        f"  open first {first.relative_to(folder)}, the report on the case; beside it "
        f"{_count(len(others), 'exhibit')}, one for each finding"
    )
    for note in production.notes:
        typer.echo(f"  {one_line(note)}")
    typer.echo(
        f"Check them, with what {folder / 'VERIFY.md'} says:\n"
        f"  (cd {folder} && sha256sum -c --quiet manifest-sha256.txt)\n"
        f"  recon verify {case.root}"
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
