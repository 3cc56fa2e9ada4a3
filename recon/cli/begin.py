"""Commands that begin a case and fill it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recon import messages
from recon.cli.app import CaseOption, Format, FormatOption, app, failures, opened_case, print_json


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to put the case.")] = Path(
        "march-8"
    ),
) -> None:
    """Run the whole case of March 8 on packaged evidence.

    No server is needed.
    Exits 0 although the case has findings: showing them is what it is for.
    """
    from recon import show, show_findings, show_said
    from recon.packaged_case import demo as copy

    out = show.console()
    case = copy(folder)
    show.sources(out, case)
    out.print()
    with show.progress() as told:
        results = list(case.collect(progress=told))
        built = case.build(progress=told)
    items = sum(one.held for one in results)
    out.print(
        f"{items} items of evidence stored under their SHA-256; "
        f"{sum(built.counts.values())} events on one timeline."
    )
    messages.warned(case)
    out.print()
    with show.progress() as told:
        told("rules", 0, None)
        found = case.findings()
        answers = case.asof()
    show_findings.findings(out, found)
    out.print()
    changed = [one for one in answers if one.changed]
    if case.config.instant is not None:
        show_said.answers(out, changed, case.config.instant, total=len(answers))
    out.print()
    with show.progress() as told:
        production = case.exhibits(progress=told)
    messages.produced(case, production)
    failures(results)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the new case.")],
) -> None:
    """Write a commented case.toml."""
    from recon.case import init as write

    typer.echo(f"wrote {write(folder)}; say there which sources to ask, then `recon collect`")


@app.command()
def collect(
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="[SOURCE]…", help="Sources; all if none given.")
    ] = None,
    *,
    case: CaseOption = Path(),
    again: Annotated[
        bool, typer.Option("--again", help="Acquire finished sources once more.")
    ] = False,
    form: FormatOption = Format.table,
) -> None:
    """Acquire evidence from the sources.

    Goes on where an earlier run stopped, and stores nothing twice.
    """
    from recon import show

    opened = opened_case(case)
    with show.progress() as told:
        results = list(opened.collect(sources or (), again=again, progress=told))
    if form is Format.json:
        print_json(messages.collected(results))
    else:
        from recon.examiner import said

        show.collected(show.console(), results)
        typer.echo(said(opened))
    failures(results)
