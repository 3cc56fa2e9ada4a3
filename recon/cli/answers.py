"""Commands that give answers: what was said when, what disagrees, and one finding in full."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recon import messages
from recon.cli.app import CaseOption, Format, FormatOption, app, asked, opened_case, print_json

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


@app.command()
def reconcile(  # noqa: PLR0913  (one option each)
    *,
    case: CaseOption = Path(),
    explain: Annotated[
        bool, typer.Option("--explain", help="Each finding's argument, step by step.")
    ] = False,
    rule: Annotated[list[str] | None, typer.Option(help="Glob of rules to show.")] = None,
    subject: Annotated[list[str] | None, typer.Option(help="Glob of subjects to show.")] = None,
    verdict: Annotated[list[str] | None, typer.Option(help="Glob of verdicts to show.")] = None,
    form: FormatOption = Format.table,
) -> None:
    """Where the sources disagree, and what would explain it away.

    Findings that rest on one transaction, act or record stand together, what matters most first.
    All rules are run whatever is shown, and the exit code is that of all findings.
    """
    from recon import show, show_findings

    opened = opened_case(case)
    with show.progress() as told:
        opened.built(progress=told)
        found = opened.findings()
    shown = found.chosen(rules=rule or (), subjects=subject or (), verdicts=verdict or ())
    if form is Format.json:
        print_json(shown.to_json())
    else:
        out = show.console()
        show_findings.findings(out, shown, of=len(found.findings))
        if explain:
            for finding in shown.findings:
                out.print(f"\n{finding.finding}  {finding.rule}")
                ids = [role.event for role in finding.events]
                show_findings.explain(out, finding, opened.events(ids))
        messages.warned(opened)
    if found.disagreements:
        raise typer.Exit(1)


@app.command()
def explain(
    finding: Annotated[
        str,
        typer.Argument(metavar="FINDING", help="Its id, or the first digits that no other has."),
    ],
    *,
    case: CaseOption = Path(),
    form: FormatOption = Format.table,
) -> None:
    """One finding in full: the records in their own words, the argument, and how to check it.

    Also what else would explain it, and whether the evidence rules that out.
    """
    from recon import show, show_explain
    from recon.explain import explain as explained

    opened = opened_case(case)
    with show.progress() as told:
        opened.built(progress=told)
        told("rules", 0, None)
        whole = explained(opened, opened.findings(), finding)
    if form is Format.json:
        print_json(whole.to_json())
    else:
        show_explain.explained(show.console(), whole)
