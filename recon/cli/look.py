"""Commands that look at a case's own footing: who can disagree with whom, and what will be gone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recon.cli.app import CaseOption, Format, FormatOption, app, asked, opened_case, print_json


@app.command()
def witnesses(
    *,
    case: CaseOption = Path(),
    subject: Annotated[
        list[str] | None, typer.Option(help="Glob of subjects; all if none is given.")
    ] = None,
    form: FormatOption = Format.table,
) -> None:
    """Who could disagree with whom, and what is witnessed only by itself.

    A fact is one attribute of one subject, as good as the domains that could not have arranged it.
    """
    from recon import show

    opened = opened_case(case)
    with show.progress() as told:
        opened.built(progress=told)
        told("witnesses", 0, None)
        found = opened.witnesses(subject or ())
    if form is Format.json:
        print_json({"case": opened.config.id, "subjects": subject or ["*"], **found.to_json()})
        return
    from recon.show_witnesses import table

    table(show.console(), found)


@app.command()
def audit(
    *,
    case: CaseOption = Path(),
    at: Annotated[
        str | None, typer.Option("--at", metavar="INSTANT", help="What today is; now if not given.")
    ] = None,
    within: Annotated[
        int, typer.Option(min=1, max=3660, help="Days ahead that count as soon.")
    ] = 30,
    against: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="An audit's JSON to compare with; else the last one."),
    ] = None,
    form: FormatOption = Format.table,
) -> None:
    """The self-audit: witnesses, lock-in, what vanishes when, norms, and what of it is new.

    Kept in audits/ of the case, and compared with the latest one of an earlier instant.
    Exits 1 where something is new that a person has to look at, 0 where nothing is.
    """
    from datetime import timedelta

    from recon import show
    from recon.instants import moment

    instant = asked(moment, at, "--at") if at else None
    opened = opened_case(case)
    with show.progress() as told:
        opened.built(progress=told)
        told("audit", 0, None)
        found = opened.audit(instant, within=timedelta(days=within), against=against)
    if form is Format.json:
        print_json(found.to_json())
    else:
        from recon.show_audit import page

        page(show.console(), found)
    if found.new:
        raise typer.Exit(1)


@app.command()
def domains(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE…", help="What `terraform show -json` printed."),
    ],
    *,
    organisation: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who is answerable; else as the state says.")
    ] = None,
    form: FormatOption = Format.table,
) -> None:
    """Domains from Terraform's state, as tables to paste into case.toml.

    Accounts, clusters, who could write each bucket and database by IAM, and backup windows.
    """
    from recon.cli.app import print_error
    from recon.terraform import domains as read
    from recon.terraform.write import toml

    found = read(files, organisation)
    if form is Format.json:
        print_json(found.to_json())
    else:
        typer.echo(toml(found, [one.name for one in files]), nl=False)
    for warning in found.warnings:
        print_error(warning)
