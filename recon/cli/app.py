"""What all commands share: the application, its options, and how it prints and fails."""

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


Time = TypeVar("Time")


class Format(StrEnum):
    """How data is printed."""

    table = "table"
    json = "json"


CaseOption = Annotated[
    Path, typer.Option("--case", metavar="DIR", help="The case folder.", show_default="here")
]
FormatOption = Annotated[Format, typer.Option("--format", help="For people or for programs.")]


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


def opened_case(folder: Path) -> Case:
    """The case in a folder."""
    from recon.case import open_case

    return open_case(folder)


def print_json(data: object) -> None:
    """Data for programs."""
    import json

    # Escapes keep terminals safe whatever the evidence holds.
    sys.stdout.write(json.dumps(data, indent=1, ensure_ascii=True) + "\n")


def print_error(text: str) -> None:
    """A message on standard error, whatever it quotes."""
    from recon.text import clean

    print(f"recon: {clean(text, keep=chr(10), limit=8000)}", file=sys.stderr)  # noqa: T201


def asked(read: Callable[[str, str], Time], text: str, option: str) -> Time:
    """A time of the command line: what cannot be read is wrong usage, not bad evidence."""
    from recon.errors import BadInputError, UsageError

    try:
        return read(text, option)
    except BadInputError as error:
        raise UsageError(error.expected, error.found, error.where, error.todo) from error


def failures(results: list[Collected]) -> None:
    """The worst failure decides the exit code; the message is for standard error."""
    codes = [error.exit_code for one in results for _, error in one.failures]
    if codes:
        for one in results:
            for native, error in one.failures:
                print_error(messages.failure(one.source, native, error))
        raise typer.Exit(max(codes))
