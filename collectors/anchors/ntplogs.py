r"""Logs in which an NTP daemon wrote how far its host's clock was off, as that host says.

``tracking.log`` of chronyd 2 and later (on one line each)::

    2026-11-25 16:43:26 127.0.0.1   2  0.137  8.932  6.776e-07 N  1  3.729e-06 -2.500e+00
      3.903e-05  1.005e-05  2.500e+00

Its last column bounds how far the system clock was off, either way, since the line before; a line
that follows one without synchronisation (``?``) bounds nothing.

``loopstats`` of ntpd: day (MJD), second, offset in seconds, and more::

    60745 75440.031 0.000006019 13.778 0.000351733 0.013380 6

The offset is UTC less the clock, as the daemon estimates it; how wrong the estimate can be stands
nowhere in it, and has to be declared (``distance``).

Source: chrony.conf(5), ``log tracking``; ntp.org, *Monitoring Commands and Options*, loopstats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from recon.collector import Warn
from recon.readings import READING, TRUE_TIME
from recon.schema import BASIS, DRAFT

if TYPE_CHECKING:
    from collectors.anchors.options import Statistics
    from recon.collector import Item, Items, Source

KIND = "ntp.log"
_TRACKING = 14
"""Columns of tracking.log; those of chronyd before 2 have no bound of the error."""
_LOOP = 5
_MJD_1970 = 40587
_DAY = 86_400
_LONGEST = 366 * _DAY
"""Seconds; a clock off by more says nothing."""
_SECOND = 1_000_000
_LAST = 8_000_000_000 * _SECOND
"""µs since 1970, in the year 2223: what is dated later, or before 1970, is no line of a daemon."""


def read(
    source: Source, items: Items, item: Item, told: Statistics
) -> tuple[pl.DataFrame, list[Warn]]:
    """Two readings of one instant for each line that says how far the clock was off."""
    text = items.read(item).decode("utf-8", "replace")
    lines = (
        pl.DataFrame({"text": text.split("\n")})
        .with_row_index("line", offset=1)
        .with_columns(words=pl.col("text").str.extract_all(r"\S+"))
        .filter(pl.col("words").list.len() > 0)
    )
    reader = _tracking if told.format == "chrony.tracking" else _loopstats
    found, wrong = reader(lines, told)
    sound = (
        pl.col("at").is_between(0, _LAST)
        & pl.col("least").is_between(-_LONGEST, _LONGEST)
        & pl.col("most").is_between(-_LONGEST, _LONGEST)
    ).fill_null(value=False)
    bad = pl.concat([wrong.select("line"), found.filter(~sound).select("line")]).sort("line")
    warnings = []
    if len(bad):
        warnings.append(
            Warn(
                item.sha256,
                f"line {bad['line'][0]}",
                f"expected a line of {told.format}; found {len(bad)} that are none, this the first",
            )
        )
    good = found.filter(sound)
    if good.is_empty():
        warnings.append(
            Warn(item.sha256, "", f"expected lines of {told.format} that bound a clock; found none")
        )
    return _events(source, item, told, good), warnings


def _tracking(lines: pl.DataFrame, told: Statistics) -> tuple[pl.DataFrame, pl.DataFrame]:
    """``line``, ``at`` (µs), ``least`` and ``most`` (seconds that UTC is ahead); and bad lines."""
    del told
    word = pl.col("words").list
    head = word.first().str.contains(r"^(=+|Date)$")
    rows = lines.filter(~head)
    whole = (word.len() == _TRACKING) & word.get(7, null_on_oob=True).is_in(["N", "+", "-", "?"])
    good = rows.filter(whole)
    error = word.get(13, null_on_oob=True).cast(pl.Float64, strict=False)
    at = pl.format("{} {}", word.get(0), word.get(1, null_on_oob=True)).str.to_datetime(
        "%Y-%m-%d %H:%M:%S", time_unit="us", strict=False
    )
    synchronised = word.get(7, null_on_oob=True) != "?"
    found = good.with_columns(
        at=at.dt.epoch("us"),
        least=-error.abs(),
        most=error.abs(),
        kept=synchronised & synchronised.shift(1, fill_value=False),
    ).filter("kept")
    return found.select("line", "at", "least", "most"), rows.filter(~whole)


def _loopstats(lines: pl.DataFrame, told: Statistics) -> tuple[pl.DataFrame, pl.DataFrame]:
    """As :func:`_tracking`."""
    number = [
        pl.col("words").list.get(place, null_on_oob=True).cast(pl.Float64, strict=False)
        for place in range(3)
    ]
    whole = pl.col("words").list.len() >= _LOOP
    seconds = (number[0] - _MJD_1970) * _DAY + number[1]
    distance = told.distance or 0.0
    # Within what a calendar holds; a number beyond it is no day.
    found = lines.filter(whole).select(
        "line",
        at=pl.when(seconds.is_between(0, _LAST / _SECOND)).then(
            (seconds * _SECOND).round().cast(pl.Int64, strict=False)
        ),
        least=number[2] - distance,
        most=number[2] + distance,
    )
    return found, lines.filter(~whole)


def _events(source: Source, item: Item, told: Statistics, good: pl.DataFrame) -> pl.DataFrame:
    clock = TRUE_TIME if told.trusted else f"ntp:{source.id}"
    micros = {end: (pl.col(end) * _SECOND).round().cast(pl.Int64) for end in ("least", "most")}
    sides = [
        good.with_columns(clock=pl.lit(told.clock), earliest="at", latest="at", part=0),
        good.with_columns(
            clock=pl.lit(clock),
            earliest=pl.col("at") + micros["least"],
            latest=pl.col("at") + micros["most"],
            part=1,
        ),
    ]
    daemon = "chronyd" if told.format == "chrony.tracking" else "ntpd"
    whose = "" if told.trusted else ", the host's own word"
    instant = pl.col("earliest", "latest").cast(pl.Datetime("us", "UTC"))
    filled = {
        "kind": pl.lit(READING),
        "subject": pl.format("clock:{}", "clock"),
        "value": pl.from_epoch("at", "us").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ"),
        "basis": pl.lit("stamped").cast(BASIS),
        "actor": pl.lit(f"NTP as {daemon} logged it in {source.id}{whose}"),
        "item": pl.lit(item.sha256),
        "citation": pl.format("line {}", "line"),
    }
    made = pl.concat(sides).with_columns(instant, **filled)
    empty = [name for name in DRAFT if name not in made.columns]
    return (
        made.with_columns(pl.lit(None, dtype=DRAFT[name]).alias(name) for name in empty)
        .select(pl.col(name).cast(dtype) for name, dtype in DRAFT.items())
        .sort("citation", "part")
    )
