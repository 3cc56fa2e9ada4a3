"""Commands that write a production, and check what was stored."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recon import messages
from recon.cli.app import CaseOption, Format, FormatOption, app, opened_case, print_json

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""A production's name: it becomes a folder of the case."""


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
    opened = opened_case(case)
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
        print_json({"path": str(path), "checked": checked, "wrong": wrong})
    else:
        from recon.text import one_line

        for line in wrong:
            typer.echo(one_line(line, 600))
        typer.echo(f"{checked}: {'does not match' if wrong else 'all matches'}")
    if wrong:
        raise typer.Exit(5)
