"""Commands that ask a case what its sources say."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from recon import messages
from recon.cli.app import CaseOption, Format, FormatOption, app, asked, opened_case, print_json


class Export(StrEnum):
    """How events are shown or exported."""

    table = "table"
    json = "json"
    csv = "csv"
    timesketch = "timesketch"
    parquet = "parquet"


@app.command()
def timeline(  # noqa: PLR0913  (one option each)
    *,
    case: CaseOption = Path(),
    subject: Annotated[
        list[str] | None, typer.Option(help="Glob of subjects; may be given more than once.")
    ] = None,
    source: Annotated[list[str] | None, typer.Option(help="Glob of sources.")] = None,
    kind: Annotated[list[str] | None, typer.Option(help="Glob of kinds of events.")] = None,
    since: Annotated[str | None, typer.Option(help="Not before this instant.")] = None,
    until: Annotated[str | None, typer.Option(help="Not after this instant.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="Rows of a table at most; 0 for all.")] = 200,
    form: Annotated[
        Export, typer.Option("--format", help="Table, or an export (timesketch is JSON lines).")
    ] = Export.table,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write instead of the terminal.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Build anew with this many processes.")
    ] = None,
) -> None:
    """Filter, show or export the timeline; build it if need be."""
    from recon import export, show
    from recon.instants import interval

    opened = opened_case(case)
    with show.progress() as told:
        if workers is not None:
            opened.build(workers=workers, progress=told)
        else:
            opened.built(progress=told)
    events = opened.select(
        subjects=subject or (),
        sources=source or (),
        kinds=kind or (),
        since=asked(interval, since, "--since")[0] if since else None,
        until=asked(interval, until, "--until")[1] if until else None,
    )
    if form is not Export.table:
        export.write(events, form.value, output)
        return
    rows = (events.limit(limit) if limit else events).collect()
    total = export.count(events)
    of = export.count(opened.timeline())
    show.timeline(show.console(), list(rows.iter_rows(named=True)), total, of=of)
    messages.warned(opened)


@app.command()
def written(
    *,
    case: CaseOption = Path(),
    subject: Annotated[
        list[str] | None, typer.Option(help="Glob of subjects; all rows if none is given.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Why each interval is what it is.")
    ] = False,
    form: FormatOption = Format.table,
) -> None:
    """When each row of a database was really written, by every basis there is, best first.

    An interval holds the time at which the row's transaction committed; ~ marks an estimate.
    """
    from recon import show, show_said

    opened = opened_case(case)
    with show.progress() as told:
        opened.built(progress=told)
        versions = opened.written(subject or ())
    if form is Format.json:
        print_json([one.to_json() for one in versions])
        return
    show_said.written(show.console(), versions, explain=explain)


@app.command()
def rehydrate(  # noqa: PLR0913  (one option each)
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A source with base backups.")],
    *,
    at: Annotated[
        str, typer.Option("--at", metavar="INSTANT|LSN", help="2026-03-08T12:00Z, or 0/16B3740.")
    ],
    table: Annotated[
        list[str] | None,
        typer.Option(help="schema.table; may be given more than once; else the claimed ones."),
    ] = None,
    query: Annotated[
        str | None, typer.Option(help="One query over plain tables, instead of tables.")
    ] = None,
    database: Annotated[str | None, typer.Option(help="Where more than one has the table.")] = None,
    branch: Annotated[
        int | None,
        typer.Option("--timeline", min=1, help="Where the log does not say which was current."),
    ] = None,
    case: CaseOption = Path(),
    form: FormatOption = Format.table,
) -> None:
    """The database as it stood, from backup and log, in a scratch server.

    Nothing of the evidence is run, and what cannot be proved is refused with the reason.
    The answer becomes an item of the case, and part of what the source said then.
    """
    from recon import show
    from recon.errors import UsageError
    from recon.rehydrate import Rehydration

    if query is not None and table:
        raise UsageError("--table or --query", "both", "rehydrate")
    asked = Rehydration(at, tuple(table or ()), query, database, branch)
    with show.progress() as told:
        stood = opened_case(case).rehydrate(source, asked, progress=told)
    if form is Format.json:
        print_json(stood.to_json())
    else:
        from recon.show_stood import stood as show_stood

        show_stood(show.console(), stood)


@app.command()
def clocks(
    *,
    case: CaseOption = Path(),
    clock: Annotated[str, typer.Option(help="Glob of clocks.")] = "*",
    form: FormatOption = Format.table,
    figure: Annotated[
        Path | None,
        typer.Option("--figure", metavar="FILE", help="Draw offsets over time: .svg or .png."),
    ] = None,
) -> None:
    """How far apart the clocks are and when, and which records say otherwise.

    A positive offset: the second clock reads later than the first at one moment.
    """
    from recon import clocks_json, show, show_clocks
    from recon.errors import UsageError

    if figure is not None and figure.suffix not in {".svg", ".png"}:
        raise UsageError("a name that ends in .svg or .png", repr(figure.name), "--figure")
    opened = opened_case(case)
    with show.progress() as told:
        opened.built(progress=told)
        told("clocks", 0, None)
        found = opened.clocks(clock)
    if form is Format.json:
        print_json(clocks_json.to_json(found))
    else:
        show_clocks.table(show.console(), found)
        messages.warned(opened)
    if figure is not None:
        from recon.figure_clocks import draw

        draw(found, figure)
