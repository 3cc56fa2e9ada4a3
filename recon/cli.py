"""The command line: read options, call once, print, choose an exit code.

Exit codes: 0 nothing disagrees, 1 findings, 2 usage, 3 bad case or input, 4 source unreachable
or refused, 5 evidence that does not match its hash; 70 a fault in recon itself.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from recon import messages
from recon.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

    from recon.case import Case, Collected

app = typer.Typer(
    name="recon",
    help="What did your records say on March 8? Forensic reconciliation of S3, Postgres, git "
    "and deploy logs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


_Time = TypeVar("_Time")


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


_INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 and the number of SIGINT."""

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""A production's name: it becomes a folder of the case."""


def main() -> None:
    """Run the command line; errors that a person can act on become one message and a code."""
    from recon.errors import ReconError

    try:
        app()
    except SystemExit as stop:
        if stop.code == _INTERRUPTED:
            _print_error("interrupted; what was stored stays, and the same command goes on")
        raise
    except ReconError as error:
        _print_error(str(error))
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # Whoever read us has seen enough. Python would complain once more while closing.
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        _print_error(messages.refused(error))
        sys.exit(3)
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
        _json(messages.collected(results))
    else:
        from recon.examiner import said

        show.collected(show.console(), results)
        typer.echo(said(opened))
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
        since=_asked(interval, since, "--since")[0] if since else None,
        until=_asked(interval, until, "--until")[1] if until else None,
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
def asof(  # noqa: PLR0913  (one option each)
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
    clock: Annotated[
        str | None, typer.Option(help="The clock that showed the instant; UTC if none is given.")
    ] = None,
    changes: Annotated[
        bool, typer.Option("--changes", help="Only lines where the story changed.")
    ] = False,
    form: FormatOption = Format.table,
) -> None:
    """What each source said then, and what it says now about then.

    An answer is certain whatever the clocks within their bounds, and else possible (~).
    A clock that nothing bounds is taken to be right within an hour, which is told.
    """
    from recon import show, show_said
    from recon.instants import moment

    opened = _open(case)
    at = _asked(moment, instant, "INSTANT") if instant else opened.config.instant
    answers = opened.asof(at, subject or (), clock)
    shown = [one for one in answers if one.changed or not changes]
    if form is Format.json:
        _json([one.to_json() for one in shown])
        return
    if at is not None:
        show_said.answers(show.console(), shown, at, total=len(answers), clock=clock)


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

    opened = _open(case)
    with show.progress() as told:
        opened.built(progress=told)
        versions = opened.written(subject or ())
    if form is Format.json:
        _json([one.to_json() for one in versions])
        return
    show_said.written(show.console(), versions, explain=explain)


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
    from recon import show, show_findings

    opened = _open(case)
    with show.progress() as told:
        opened.built(progress=told)
        found = opened.findings()
    if form is Format.json:
        _json(found.to_json())
    else:
        out = show.console()
        show_findings.findings(out, found)
        if explain:
            for finding in found.findings:
                out.print(f"\n{finding.finding}  {finding.rule}")
                ids = [role.event for role in finding.events]
                show_findings.explain(out, finding, opened.events(ids))
        messages.warned(opened)
    if found.disagreements:
        raise typer.Exit(1)


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
        stood = _open(case).rehydrate(source, asked, progress=told)
    if form is Format.json:
        _json(stood.to_json())
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
    opened = _open(case)
    with show.progress() as told:
        opened.built(progress=told)
        told("clocks", 0, None)
        found = opened.clocks(clock)
    if form is Format.json:
        _json(clocks_json.to_json(found))
    else:
        show_clocks.table(show.console(), found)
        messages.warned(opened)
    if figure is not None:
        from recon.figure_clocks import draw

        draw(found, figure)


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
    import re

    from recon import show
    from recon.errors import UsageError

    if name is not None and re.fullmatch(_NAME, name) is None:
        raise UsageError(
            "a name of letters, digits, '.', '_' and '-'", repr(name), "NAME", "add --output DIR"
        )
    opened = _open(case)
    with show.progress() as told:
        production = opened.exhibits(name, folder=output, progress=told)
    messages.produced(opened, production)


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


def _asked(read: Callable[[str, str], _Time], text: str, option: str) -> _Time:
    """A time of the command line: what cannot be read is wrong usage, not bad evidence."""
    from recon.errors import BadInputError, UsageError

    try:
        return read(text, option)
    except BadInputError as error:
        raise UsageError(error.expected, error.found, error.where, error.todo) from error


def _failures(results: list[Collected]) -> None:
    """The worst failure decides the exit code; the message is for standard error."""
    codes = [error.exit_code for one in results for _, error in one.failures]
    if codes:
        for one in results:
            for native, error in one.failures:
                _print_error(messages.failure(one.source, native, error))
        raise typer.Exit(max(codes))
