"""Events for other programs: JSON, CSV, Timesketch JSON lines, Parquet."""

from __future__ import annotations

import codecs
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING

import polars as pl

from recon import schema
from recon.errors import UsageError
from recon.text import clean
from recon.timeline import PARQUET

if TYPE_CHECKING:
    from collections.abc import Callable

FORMULA = r"^([=+\-@\t\r])"
"""Cells that a spreadsheet would run (OWASP, "CSV Injection")."""

_ODD = r"[\p{C}\p{Zl}\p{Zp}‹]"
"""What :func:`recon.text.clean` escapes, as a class of Rust's regular expressions."""

_BATCH = 100_000
_ISO = "%Y-%m-%dT%H:%M:%S%.6f+00:00"


def write(events: pl.LazyFrame, form: str, output: Path | None) -> None:
    """Write events in a format: ``json``, ``csv``, ``timesketch`` or ``parquet``.

    Raises:
        UsageError: Parquet without a file to write.
    """
    if form == "parquet":
        if output is None:
            raise UsageError("a file for Parquet", "none", "--output", "add --output FILE")
        events.sink_parquet(output, **PARQUET)
        return
    target: IO[bytes] = output.open("wb") if output else sys.stdout.buffer
    try:
        _WRITERS[form](events, target)
    finally:
        if output:
            target.close()


def count(events: pl.LazyFrame) -> int:
    """How many events there are."""
    return int(events.select(pl.len()).collect().item())


def harmless(column: str) -> pl.Expr:
    """Text that neither a terminal nor a spreadsheet acts on: cleaned, and no formula."""
    return (
        pl.col(column)
        .map_batches(_cleaned, return_dtype=pl.String, is_elementwise=True)
        .str.replace(FORMULA, "'$1")
    )


def _cleaned(column: pl.Series) -> pl.Series:
    """Only what needs it goes through Python: nearly all text is plain."""
    odd = column.str.contains(_ODD).fill_null(value=False)
    if not odd.any():
        return column
    return column.scatter(odd.arg_true(), [clean(text) for text in column.filter(odd)])


def flat(events: pl.LazyFrame) -> pl.LazyFrame:
    """Events with an id, times as text and names joined: columns that a CSV can hold."""
    strings = [name for name, dtype in schema.EVENTS.items() if dtype == pl.String()]
    return (
        events.with_columns(
            id=schema.event_id(),
            earliest=pl.col("earliest").dt.strftime(_ISO),
            latest=pl.col("latest").dt.strftime(_ISO),
            names=pl.col("names").list.join(" "),
            basis=pl.col("basis").cast(pl.String),
        )
        .with_columns(harmless(name) for name in [*strings, "names", "id"])
        .select("id", *[name for name in schema.EVENTS if name != "row"])
    )


def _csv(events: pl.LazyFrame, target: IO[bytes]) -> None:
    flat(events).sink_csv(target)


def _json(events: pl.LazyFrame, target: IO[bytes]) -> None:
    shown = events.with_columns(
        id=schema.event_id(),
        earliest=pl.col("earliest").dt.strftime(_ISO),
        latest=pl.col("latest").dt.strftime(_ISO),
    ).drop("row")
    target.write(_ascii(shown.collect().write_json()))
    target.write(b"\n")


def _timesketch(events: pl.LazyFrame, target: IO[bytes]) -> None:
    """Timesketch's mandatory fields beside ours; undated events have no place there."""
    says = pl.coalesce("value", "digest", pl.lit(""))
    message = pl.format("{} {} {}", pl.col("kind"), pl.col("subject"), says)
    lines = (
        events.filter(pl.col("earliest").is_not_null())
        .with_columns(message=message)
        .with_columns(
            message=harmless("message"),
            datetime=pl.col("earliest").dt.strftime(_ISO),
            timestamp=pl.col("earliest").dt.epoch("us"),
            timestamp_desc=pl.format(
                "{} ({})", pl.col("clock").fill_null("no clock"), pl.col("basis").cast(pl.String)
            ),
            id=schema.event_id(),
            latest=pl.col("latest").dt.strftime(_ISO),
        )
        .drop("row", "earliest")
        .collect()
    )
    for batch in lines.iter_slices(_BATCH):
        target.write(_ascii(batch.write_ndjson()))


def _ascii(text: str) -> bytes:
    """JSON text with all but ASCII as escapes: the same data, and safe on a terminal."""
    return text.encode("ascii", "recon-json").replace(b"\x7f", b"\\u007f")


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    pairs = (units[i : i + 2].hex() for i in range(0, len(units), 2))
    return "".join(f"\\u{pair}" for pair in pairs), error.end


codecs.register_error("recon-json", _escape)


_WRITERS: dict[str, Callable[[pl.LazyFrame, IO[bytes]], None]] = {
    "csv": _csv,
    "json": _json,
    "timesketch": _timesketch,
}
