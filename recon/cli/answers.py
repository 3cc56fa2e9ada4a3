"""Commands that give answers whole: what was said when, and one finding in full."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recon.cli.app import CaseOption, app, asked, opened_case, print_json

if TYPE_CHECKING:
    from recon.case import Case


class Answers(StrEnum):
    """How answers are given."""

    table = "table"
    json = "json"
    parquet = "parquet"


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
    since: Annotated[
        str | None, typer.Option("--from", metavar="INSTANT", help="A history from here on.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="INSTANT", help="And up to here.")
    ] = None,
    every: Annotated[
        str | None,
        typer.Option(metavar="SPAN", help="Its step: 6h, 1d; without it, wherever answers change."),
    ] = None,
    changes: Annotated[
        bool,
        typer.Option(
            "--changes",
            help="Only lines where the story changed; of a history, only instants that differ.",
        ),
    ] = False,
    form: Annotated[
        Answers, typer.Option("--format", help="For people, or for programs.")
    ] = Answers.table,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write, for Parquet.")
    ] = None,
) -> None:
    """What each source said then, and what it says now about then.

    An answer is certain whatever the clocks within their bounds, and else possible (~).
    A clock that nothing bounds is taken to be right within an hour, which is told.
    With --from and --to, the answers across that time: at each step, or wherever they change.
    """
    from recon import asof_files, show, show_said
    from recon.errors import UsageError
    from recon.instants import moment

    if form is Answers.parquet and output is None:
        raise UsageError("a file for Parquet", "none", "--output", "add --output FILE")
    opened = opened_case(case)
    if since is not None or until is not None or every is not None:
        if instant is not None:
            raise UsageError("one instant, or --from and --to", "both", "INSTANT")
        _history(opened, (since, until, every), subject or [], clock, (changes, form, output))
        return
    at = asked(moment, instant, "INSTANT") if instant else opened.config.instant
    answers = opened.asof(at, subject or (), clock)
    shown = [one for one in answers if one.changed or not changes]
    if form is Answers.json:
        print_json([one.to_json() for one in shown])
    elif form is Answers.parquet and output is not None:
        asof_files.write(shown, output)
    elif at is not None:
        show_said.answers(show.console(), shown, at, total=len(answers), clock=clock)


def _history(
    case: Case,
    when: tuple[str | None, str | None, str | None],
    subjects: list[str],
    clock: str | None,
    how: tuple[bool, Answers, Path | None],
) -> None:
    from recon import asof_files, show, show_history
    from recon.errors import UsageError
    from recon.instants import moment, span

    since, until, every = when
    changes, form, output = how
    if since is None or until is None:
        missing = "--from" if since is None else "--to"
        raise UsageError("--from and --to", f"no {missing}", missing)
    first, last = asked(moment, since, "--from"), asked(moment, until, "--to")
    step = asked(span, every, "--every") if every else None
    with show.progress() as told:
        case.built(progress=told)
        told("answers", 0, None)
        # For people a line says since when; one for each instant would be the same again.
        brief = changes or form is Answers.table
        found = case.history(first, last, step, subjects, clock, changes=brief)
    if form is Answers.json:
        print_json(asof_files.plain(found))
    elif form is Answers.parquet and output is not None:
        found.write_parquet(output)
    else:
        out = show.console()
        show_history.history(out, found, first, last, step, clock=clock, only=changes)
