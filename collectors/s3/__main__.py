"""What a case's bucket held at an instant, and what of it could be lost, and when.

``python -m collectors.s3 held SOURCE [INSTANT] [--case DIR] [--prefix P] [--format json]``
``python -m collectors.s3 kept SOURCE [--case DIR] [--prefix P] [--format json]``
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from recon.errors import BadInputError, ReconError
from recon.text import clean

if TYPE_CHECKING:
    import polars as pl

    from recon.case import Case


def main(arguments: Sequence[str]) -> int:
    """Read the options, answer, and give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m collectors.s3", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, says in (
        ("held", "the newest version of each key at an instant"),
        ("kept", "of each version what keeps it, and until when"),
    ):
        command = commands.add_parser(name, help=says)
        command.add_argument("source", help="id of a source in case.toml")
        if name == "held":
            command.add_argument("instant", nargs="?", help="by default the case's own")
        command.add_argument("--case", type=Path, default=Path())
        command.add_argument("--prefix", default="", help="of keys")
        command.add_argument("--format", choices=("table", "json"), default="table")
    options = parser.parse_args(arguments)
    try:
        rows = _answer(options)
    except ReconError as error:
        print(clean(str(error), keep="\n", limit=8000), file=sys.stderr)  # noqa: T201  (a command)
        return error.exit_code
    _show(rows, options.format)
    return 0


def _answer(options: argparse.Namespace) -> pl.DataFrame:
    import polars as pl

    from collectors.s3 import held, kept
    from recon.case import open_case
    from recon.instants import moment
    from recon.rules.base import Timeline

    case = open_case(options.case)
    _check(case, options.source)
    timeline = Timeline(case.timeline(), case.coverage())
    if options.command == "held":
        at = moment(options.instant, "INSTANT") if options.instant else case.config.instant
        found = held.at(held.of_timeline(timeline, options.source), at or datetime.now(UTC))
    else:
        found = kept.of_timeline(timeline, options.source)
    return found.filter(pl.col("key").str.starts_with(options.prefix)).sort("key").collect()


def _check(case: Case, source: str) -> None:
    ours = [one.id for one in case.sources if one.collector == "s3"]
    if source not in ours:
        raise BadInputError(
            f"a source of the collector s3: {ours}", repr(source), "case.toml", "name one of them"
        )


def _show(rows: pl.DataFrame, form: str) -> None:
    """As JSON, or as a table in which no key can write to the terminal."""
    from recon import show
    from recon.instants import show as instant

    plain = [
        {name: instant(v) if isinstance(v, datetime) else v for name, v in row.items()}
        for row in rows.iter_rows(named=True)
    ]
    if form == "json":
        print(json.dumps(plain, indent=1))  # noqa: T201  (a command; ASCII alone)
        return
    table = show.plain_table(*rows.columns)
    for row in plain:
        table.add_row(*(show.cell("" if v is None else str(v), 80) for v in row.values()))
    show.console().print(table)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
