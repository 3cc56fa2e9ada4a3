"""Commands that look at a case's own footing: who can disagree with whom, and what will be gone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recon.cli.app import CaseOption, Format, FormatOption, app, opened_case, print_json


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
