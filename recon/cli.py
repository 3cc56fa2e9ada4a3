"""The command line: read options, call once, print, choose an exit code.

Exit codes: 0 nothing disagrees, 1 findings, 2 usage, 3 bad case or input, 4 source unreachable
or refused, 5 evidence that does not match its hash; 70 a fault in recon itself.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recon.version import __version__

if TYPE_CHECKING:
    from recon.case import Case, Collected
    from recon.exhibitor import Production

app = typer.Typer(
    name="recon",
    help="What did your records say on March 8? Forensic reconciliation of S3, Postgres, git "
    "and deploy logs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class Format(StrEnum):
    """How data is printed."""

    table = "table"
    json = "json"


class Export(StrEnum):
    """How events are shown or exported."""

    table = "table"
    json = "json"
    csv = "csv"
    timesketch = "timesketch"
    parquet = "parquet"


CaseOption = Annotated[
    Path, typer.Option("--case", metavar="DIR", help="The case folder.", show_default="here")
]
FormatOption = Annotated[Format, typer.Option("--format", help="For people or for programs.")]


def main() -> None:
    """Run the command line; errors that a person can act on become one message and a code."""
    from recon.errors import ReconError

    try:
        app()
    except ReconError as error:
        _print_error(str(error))
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # Whoever read us has seen enough. Python would complain once more while closing.
        sys.stderr.close()
        sys.exit(0)
    except Exception:  # noqa: BLE001  (a fault of ours must not look like exit code 1, findings)
        import traceback

        _print_error(f"a fault in recon, not in the evidence:\n{traceback.format_exc()}")
        sys.exit(70)  # EX_SOFTWARE of sysexits.h


def _version(value: bool | None) -> None:  # noqa: FBT001  (typer's callback)
    if value:
        typer.echo(f"recon {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _: Annotated[
        bool | None, typer.Option("--version", callback=_version, is_eager=True, help="Say which.")
    ] = None,
) -> None:
    pass


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
    from recon import show
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
    _warned(case)
    out.print()
    with show.progress() as told:
        told("rules", 0, None)
        found = case.findings()
        answers = case.asof()
    show.findings(out, found)
    out.print()
    changed = [one for one in answers if one.changed]
    if case.config.instant is not None:
        show.answers(out, changed, case.config.instant, total=len(answers))
    out.print()
    with show.progress() as told:
        production = case.exhibits(progress=told)
    _produced(case, production)
    _failures(results)


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

    opened = _open(case)
    with show.progress() as told:
        results = list(opened.collect(sources or (), again=again, progress=told))
    if form is Format.json:
        _json(
            [
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
        )
    else:
        show.collected(show.console(), results)
    _failures(results)


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
    limit: Annotated[int, typer.Option(help="Rows of a table at most; 0 for all.")] = 200,
    form: Annotated[
        Export, typer.Option("--format", help="Table, or an export (timesketch is JSON lines).")
    ] = Export.table,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write instead of the terminal.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Build anew with this many processes.")
    ] = None,
) -> None:
    """Filter, show or export the timeline; build it if need be."""
    from recon import export, show
    from recon.instants import interval

    opened = _open(case)
    with show.progress() as told:
        if workers is not None:
            opened.build(workers=workers, progress=told)
        else:
            opened.built(progress=told)
    events = opened.select(
        subjects=subject or (),
        sources=source or (),
        kinds=kind or (),
        since=interval(since, "--since")[0] if since else None,
        until=interval(until, "--until")[1] if until else None,
    )
    if form is not Export.table:
        export.write(events, form.value, output)
        return
    rows = (events.limit(limit) if limit else events).collect()
    total = export.count(events)
    show.timeline(show.console(), list(rows.iter_rows(named=True)), total)
    _warned(opened)


@app.command()
def asof(
    instant: Annotated[
        str | None,
        typer.Argument(
            metavar="[INSTANT]", help="2026-03-08T12:00Z; the case's own if none is given."
        ),
    ] = None,
    *,
    case: CaseOption = Path(),
    subject: Annotated[
        list[str] | None, typer.Option(help="Glob of subjects; the case's own if none is given.")
    ] = None,
    changes: Annotated[
        bool, typer.Option("--changes", help="Only lines where the story changed.")
    ] = False,
    form: FormatOption = Format.table,
) -> None:
    """What each source said then, and what it says now about then."""
    from recon import show
    from recon.instants import interval

    opened = _open(case)
    answers = opened.asof(instant, subject or ())
    shown = [one for one in answers if one.changed or not changes]
    if form is Format.json:
        _json([one.to_json() for one in shown])
        return
    at = interval(instant, "INSTANT")[0] if instant else opened.config.instant
    if at is not None:
        show.answers(show.console(), shown, at, total=len(answers))


@app.command()
def reconcile(
    *,
    case: CaseOption = Path(),
    explain: Annotated[
        bool, typer.Option("--explain", help="Each finding's argument, step by step.")
    ] = False,
    form: FormatOption = Format.table,
) -> None:
    """Where the sources disagree, and what would explain it away."""
    from recon import show

    opened = _open(case)
    with show.progress() as told:
        opened.built(progress=told)
        found = opened.findings()
    if form is Format.json:
        _json(found.to_json())
    else:
        out = show.console()
        show.findings(out, found)
        if explain:
            for finding in found.findings:
                out.print(f"\n{finding.finding}  {finding.rule}")
                ids = [role.event for role in finding.events]
                show.explain(out, finding, opened.events(ids))
        _warned(opened)
    if found.disagreements:
        raise typer.Exit(1)


@app.command()
def exhibits(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Name of the production.")
    ] = None,
    *,
    case: CaseOption = Path(),
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Folder to write, instead of productions/NAME of the case."
        ),
    ] = None,
) -> None:
    """Write a production: exhibits, natives, how to check them."""
    from recon import show

    opened = _open(case)
    with show.progress() as told:
        production = opened.exhibits(name, folder=output, progress=told)
    _produced(opened, production)


@app.command()
def verify(
    path: Annotated[
        Path, typer.Argument(metavar="[PATH]", help="A case or a production.")
    ] = Path(),
    *,
    form: FormatOption = Format.table,
) -> None:
    """Check a case or a production from its bytes.

    Exits 5 and names whatever does not match.
    """
    from recon.verify import verify as check

    checked, wrong = check(path)
    if form is Format.json:
        _json({"path": str(path), "checked": checked, "wrong": wrong})
    else:
        from recon.text import one_line

        for line in wrong:
            typer.echo(one_line(line, 600))
        typer.echo(f"{checked}: {'does not match' if wrong else 'all matches'}")
    if wrong:
        raise typer.Exit(5)


def _open(folder: Path) -> Case:
    from recon.case import open_case

    return open_case(folder)


def _json(data: object) -> None:
    import json

    # Escapes keep terminals safe whatever the evidence holds.
    sys.stdout.write(json.dumps(data, indent=1, ensure_ascii=True) + "\n")


def _print_error(text: str) -> None:
    from recon.text import clean

    print(f"recon: {clean(text, keep=chr(10), limit=8000)}", file=sys.stderr)  # noqa: T201


def _warned(case: Case) -> None:
    warnings = case.warnings()
    if warnings:
        errors = sum(one["severity"] == "error" for one in warnings)
        typer.echo(
            f"{len(warnings)} warnings on reading the evidence, {errors} of them errors "
            "(timeline/built.json, and LOGS/exceptions of a production)."
        )


def _produced(case: Case, production: Production) -> None:
    from recon.text import one_line

    first, *others = production.documents
    folder = production.folder
    typer.echo(f"Exhibits: {folder}")
    typer.echo(
        f"  open first {first.relative_to(folder)}, the report on the case; "
        f"{len(others)} exhibits, one a finding, stand beside it"
    )
    for note in production.notes:
        typer.echo(f"  {one_line(note)}")
    typer.echo(
        f"Check them, with what {folder / 'VERIFY.md'} says:\n"
        f"  (cd {folder} && sha256sum -c --quiet manifest-sha256.txt)\n"
        f"  recon verify {case.root}"
    )


def _failures(results: list[Collected]) -> None:
    """The worst failure decides the exit code; the message is for standard error."""
    codes = [error.exit_code for one in results for _, error in one.failures]
    if codes:
        for one in results:
            for native, error in one.failures:
                place = f"{one.source}: {native}: " if native else f"{one.source}: "
                _print_error(f"{place}{error}")
        raise typer.Exit(max(codes))
