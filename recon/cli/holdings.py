"""Commands that ask a bucket's history: what it held, what keeps it, and how it was set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recon.cli.app import CaseOption, Format, FormatOption, app, asked, opened_case, print_json

if TYPE_CHECKING:
    import polars as pl

SourceArgument = Annotated[
    str, typer.Argument(metavar="SOURCE", help="A source that keeps things under keys: a bucket.")
]
PrefixOption = Annotated[str, typer.Option(help="Only keys that start with it.")]
LimitOption = Annotated[int, typer.Option(min=0, help="Rows of a table at most; 0 for all.")]


@app.command()
def held(  # noqa: PLR0913  (one option each)
    source: SourceArgument,
    instant: Annotated[
        str | None,
        typer.Argument(metavar="[INSTANT]", help="2026-03-08T12:00Z; else the case's own, or now."),
    ] = None,
    *,
    prefix: PrefixOption = "",
    limit: LimitOption = 200,
    case: CaseOption = Path(),
    form: FormatOption = Format.table,
) -> None:
    """What a bucket held at an instant: each key's newest version then, or its delete marker.

    By the bucket's own clock, from all that the evidence shows of its versions.
    A version that was deleted by its id before anybody listed it has left no trace here.
    """
    from datetime import UTC, datetime

    from recon import holdings, show
    from recon.instants import moment
    from recon.instants import show as shown

    opened = opened_case(case)
    given = asked(moment, instant, "INSTANT") if instant else opened.config.instant
    at = given or datetime.now(UTC)
    with show.progress() as told:
        opened.built(progress=told)
        rows = holdings.held(opened, source, at, prefix)
    objects = rows.filter(state="object").height
    title = f"{source} at {shown(at)}: {objects} objects, {rows.height - objects} keys deleted"
    _print(rows, form, title, limit)


@app.command()
def kept(
    source: SourceArgument,
    *,
    prefix: PrefixOption = "",
    limit: LimitOption = 200,
    case: CaseOption = Path(),
    form: FormatOption = Format.table,
) -> None:
    """What keeps each version of a bucket, and until when: locks, holds, its own lifecycle.

    "not locked" is what the server said; an empty lock says nothing, as nobody asked.
    Who was "not allowed to see" has not seen that it is not locked.
    """
    from recon import holdings, show

    opened = opened_case(case)
    with show.progress() as told:
        opened.built(progress=told)
        rows = holdings.kept(opened, source, prefix)
    _print(rows, form, f"{source}: {rows.height} versions", limit)


@app.command()
def settings(
    source: SourceArgument,
    *,
    limit: LimitOption = 200,
    case: CaseOption = Path(),
    form: FormatOption = Format.table,
) -> None:
    """What a bucket was set to over time: versioning, Object Lock, lifecycle, replication.

    A setting is known for when it was read, as no answer says since when it is set.
    A row "changed" is a log's record of who set it; "not known" is a refusal, not "not set".
    """
    from recon import holdings, show

    opened = opened_case(case)
    with show.progress() as told:
        opened.built(progress=told)
        rows = holdings.settings(opened, source)
    _print(rows, form, f"{source}: {rows['setting'].n_unique()} settings", limit)


def _print(rows: pl.DataFrame, form: Format, title: str, limit: int) -> None:
    from recon import show_held

    if form is Format.json:
        print_json(show_held.plain(rows))
        return
    show_held.table(rows, title, limit)
