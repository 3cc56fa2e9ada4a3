"""On a terminal: what a bucket held, what keeps it, and what it was set to."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.text import Text

from recon.instants import show as instant
from recon.instants import show_interval
from recon.show import cell, console, plain_table
from recon.text import one_line

if TYPE_CHECKING:
    import polars as pl

_CELL = 60


def plain(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON has them: instants in RFC 3339."""
    return [
        {name: instant(v) if isinstance(v, datetime) else v for name, v in row.items()}
        for row in rows.iter_rows(named=True)
    ]


def table(rows: pl.DataFrame, title: str, limit: int) -> None:
    """A row a key or version, under a line that counts them; columns of nothing are left out."""
    out = console()
    out.print(Text(one_line(title, 200), "bold"))
    rows = _shorter(rows)
    full = [name for name in rows.columns if rows[name].null_count() < rows.height]
    shown = rows.select(full).head(limit or rows.height)
    made = plain_table(*(name.replace("_", " ") for name in full))
    for row in plain(shown):
        made.add_row(*(cell(_word(value), _CELL) for value in row.values()))
    if shown.height:
        out.print(made)
    if shown.height < rows.height:
        text = f"{shown.height} of {rows.height} rows; --limit 0 or --format json has all of them"
        out.print(Text(text, "dim"))


def _shorter(rows: pl.DataFrame) -> pl.DataFrame:
    """One reading for an interval, and reasons only where something is not certain.

    Of settings, what was read on one line.
    """
    import polars as pl

    if "setting" in rows.columns:
        when = [show_interval(*pair) for pair in rows.select("first", "last").iter_rows()]
        # Exports lay their JSON and XML out over many lines.
        value = pl.col("value").str.replace_all(r"\s+", " ").str.strip_chars()
        return rows.select(*("setting", "state"), value, pl.Series("when", when), *("times", "by"))
    if "latest" not in rows.columns:
        return rows
    when = [show_interval(*pair) for pair in rows.select("earliest", "latest").iter_rows()]
    doubt = pl.when(pl.col("certainty") != "certain").then("because")
    return rows.select(
        "key", "state", "version", pl.Series("put", when), "certainty", because=doubt
    )


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
