"""Written times of tables and logs as intervals: ISO 8601, epochs, declared forms and zones.

A text says what it says. What it leaves out widens the interval: the fraction, the second, the
day, the zone. A case may say what a source leaves out (its zone, a coarser precision, the form of
its dates); nothing is guessed: ``03/04/2017`` is no time unless a form says which is the day.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from recon.instants import read_epoch, read_iso

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

# Counts since 1970 that fall into 2001-09-09 … 2099-12-05; outside it a number could as well be
# a date without separators (20260308, 20260308120000), and is not read.
_EPOCH = r"^(?:[1-3][0-9]{9}|40[0-9]{8})"
_UNITS = {"s": "$", "ms": r"[0-9]{3}$", "us": r"[0-9]{6}$", "ns": r"[0-9]{9}$"}
_FRACTION = r"\.([0-9]{1,9})$"
EPOCHS = {
    "s": "seconds",
    "s.": "seconds with a fraction",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds (kept to the microsecond)",
}
"""Which count since 1970 a number is, in words."""
PRECISIONS = {
    "year": "1y",
    "month": "1mo",
    "week": "1w",
    "day": "1d",
    "hour": "1h",
    "minute": "1m",
    "second": "1s",
    "millisecond": "1ms",
    "microsecond": "1us",
}
"""Words for how exact a time is, and polars' own."""
# The zones in use run from UTC-12 to UTC+14 (IANA tz database, theory.html, accuracy).
_AHEAD, _BEHIND = pl.duration(hours=14), pl.duration(hours=12)
_OFFSET = r"^([+-])(0[0-9]|1[0-5]):?([0-5][0-9])?\Z"
_INSTANT = pl.Datetime("us", "UTC")
_LAYOUT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ])[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.([0-9]{1,9}))?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})$"
)
_UTC = ("UTC", "Z", "GMT")
_MONTH = "%Y-%m"
"""ISO 8601 to the month, which needs no declaring: it has no other reading."""
_DIRECTIVES = {
    "Y": "year", "y": "year", "m": "month", "b": "month", "B": "month", "d": "day", "e": "day",
    "H": "hour", "I": "hour", "M": "minute", "S": "second", "f": "second", "z": "", "p": "",
    "%": "", "a": "", "A": "",
}  # fmt: skip
_FINER = ("year", "month", "day", "hour", "minute", "second")


def epoch_unit(time: pl.Expr) -> pl.Expr:
    """``s``, ``ms``, ``us``, ``ns`` or ``s.``: which epoch a number is; null for other text."""
    time = time.str.strip_chars()
    unit = pl.lit(None, dtype=pl.String)
    for name, rest in _UNITS.items():
        unit = pl.when(time.str.contains(_EPOCH + rest)).then(pl.lit(name)).otherwise(unit)
    return pl.when(time.str.contains(_EPOCH + _FRACTION)).then(pl.lit("s.")).otherwise(unit)


def read_time(time: pl.Expr, unit: pl.Expr) -> pl.Expr:
    """Interval of a text by its ``unit``; nulls where it is neither ISO nor a known epoch."""
    number = time.str.extract(r"^([0-9]+)").cast(pl.Int64, strict=False)
    digits = time.str.extract(_FRACTION).str.slice(0, 6)
    micros = number * 1_000_000 + digits.str.pad_end(6, "0").cast(pl.Int64, strict=False)
    start = micros.cast(_INSTANT)
    width = pl.lit(10, dtype=pl.Int64).pow(6 - digits.str.len_chars().cast(pl.Int64))
    fraction = pl.struct(earliest=start, latest=start + pl.duration(microseconds=width - 1))
    numbers = {
        "s": read_epoch(number, "s"),
        "ms": read_epoch(number, "ms"),
        "us": read_epoch(number, "us"),
        "ns": read_epoch(number // 1000, "us"),
        "s.": fraction,
    }
    reading = read_iso(time)
    for name, interval in numbers.items():
        reading = pl.when(unit == name).then(interval).otherwise(reading)
    return reading


def read(frame: pl.DataFrame, forms: Sequence[str] = (), zone: str | None = None) -> pl.DataFrame:
    """Columns ``earliest``, ``latest``, ``unit`` and ``note`` for a frame with a text ``time``.

    A column ``zone`` (an IANA name or an offset) or else the argument speaks for times that name
    none; a column ``precision`` (:data:`PRECISIONS`) says how exact a time is, and only widens.
    ``forms`` are tried in order on what is no ISO time: ``%d.%m.%Y %H:%M``.

    ``note``: ``naive`` (no zone: 26 hours), ``zone`` (it names one that is not known: as naive),
    ``fold`` (an hour that came twice: both), ``gap`` (an hour that the zone left out: either side).
    """
    if not {"zone", "precision"} & set(frame.columns):
        uniform = _uniform(frame["time"])
        if uniform is not None:
            return uniform
    time = pl.col("time").str.strip_chars()
    work = frame.select(
        time=time,
        zone=pl.col("zone") if "zone" in frame.columns else pl.lit(None, dtype=pl.String),
        precision=pl.col("precision")
        if "precision" in frame.columns
        else pl.lit(None, dtype=pl.String),
    ).with_columns(zone=pl.col("zone").str.strip_chars().fill_null(pl.lit(zone, dtype=pl.String)))
    work = (
        work.with_columns(unit=epoch_unit(pl.col("time")))
        .with_columns(reading=read_time(pl.col("time"), pl.col("unit")))
        .unnest("reading")
    )
    naive = pl.col("unit").is_null() & (
        pl.col("latest") - pl.col("earliest") >= pl.duration(hours=26)
    )
    work = work.with_columns(naive=naive.fill_null(False)).with_columns(
        earliest=pl.when("naive").then(pl.col("earliest") + _AHEAD).otherwise("earliest"),
        latest=pl.when("naive").then(pl.col("latest") - _BEHIND).otherwise("latest"),
    )
    for form in (*forms, _MONTH):
        work = _formed(work, form)
    return _zoned(_widened(work)).select("earliest", "latest", "unit", "note")


def _uniform(time: pl.Series) -> pl.DataFrame | None:
    """The same where all are written alike, as one program writes them; None where they are not.

    A layout is taken from the first: date, time, as many digits of fraction, one zone for all.
    """
    dated = time.drop_nulls()
    layout = None if dated.is_empty() else _LAYOUT.match(dated[0])
    if layout is None:
        return None
    between, digits, zone = layout[1], len(layout[2] or ""), layout[3]
    fraction = rf"\.[0-9]{{{digits}}}" if digits else ""
    alike = (
        rf"^(?:19|20|21)[0-9]{{2}}-[01][0-9]-[0-3][0-9]{between}[0-2][0-9]:[0-5][0-9]:[0-5][0-9]"
        rf"{fraction}{re.escape(zone)}$"
    )
    if not dated.str.contains(alike).all():
        return None
    # Times of a log are mostly distinct, and each digit has one place: read by places they take a
    # third of the time.
    text = np.frombuffer(dated.str.join("").item().encode(), np.uint8)
    letters = text.reshape(len(dated), -1).T[: 20 + 6].astype(np.int32, order="C") - ord("0")
    seconds = _seconds(letters)
    if seconds is None:
        return None
    offset = 0
    if zone[0] in "+-":
        minutes = int(zone[1:3]) * 60 + int(zone[-2:])
        offset = minutes if zone[0] == "+" else -minutes
    kept = min(digits, 6)
    width = 10 ** (6 - kept)
    start = (seconds - offset * 60) * 1_000_000
    if kept:
        start += _number(letters, 20, 20 + kept) * width
    found = pl.DataFrame({"earliest": start, "latest": start + (width - 1)})
    if len(dated) < len(time):
        here = time.is_not_null()
        at = pl.when(here).then(here.cast(pl.Int64).cum_sum() - 1)
        found = found.select(pl.all().gather(pl.select(at).to_series()))
    return found.select(
        pl.all().cast(_INSTANT),
        unit=pl.lit(None, dtype=pl.String),
        note=pl.lit(None, dtype=pl.String),
    )


def _number(digits: npt.NDArray[np.int32], start: int, end: int) -> npt.NDArray[np.int32]:
    """What the digits of these places write, a row each."""
    number: npt.NDArray[np.int32] = digits[start]
    for place in range(start + 1, end):
        number = number * 10 + digits[place]
    return number


@cache
def _months() -> npt.NDArray[np.int64]:
    """Days from 1970 to the first of each month from 1900 to 2200."""
    return np.arange("1900-01", "2200-02", dtype="M8[M]").astype("M8[D]").astype(np.int64)


def _seconds(digits: npt.NDArray[np.int32]) -> npt.NDArray[np.int64] | None:
    """Seconds since 1970 of ``YYYY-MM-DD HH:MM:SS``; None where one is no day or hour."""
    year, month, day, hour = (_number(digits, *at) for at in ((0, 4), (5, 7), (8, 10), (11, 13)))
    if month.min() < 1 or month.max() > 12 or day.min() < 1 or hour.max() > 23:  # noqa: PLR2004
        return None
    number = (year - 1900) * 12 + month
    days = _months()[number - 1] + (day - 1)
    if (days >= _months()[number]).any():
        return None
    clock = hour * 3600 + _number(digits, 14, 16) * 60 + _number(digits, 17, 19)
    seconds: npt.NDArray[np.int64] = days * 86_400 + clock
    return seconds


def check_form(form: str) -> str:
    """A form of dates as it came, where it gives a whole date.

    Raises:
        ValueError: it has an unknown directive, or no year.
    """
    found = re.findall(r"%(.?)", form)
    if unknown := [one for one in found if one not in _DIRECTIVES]:
        known = " ".join(f"%{one}" for one in _DIRECTIVES)
        raise ValueError(f"expected the directives {known}; found %{unknown[0]}")
    if not {"Y", "y"} & set(found):
        raise ValueError(f"expected a year (%Y) in the form; found {form!r}")
    if "m" not in found and not {"b", "B"} & set(found) and {"d", "e"} & set(found):
        raise ValueError(f"expected a month (%m) in the form; found {form!r}")
    return form


def check_zone(zone: str) -> str:
    """A zone as it came, where it is known.

    Raises:
        ValueError: it is neither an IANA name nor an offset.
    """
    if not known_zone(zone):
        raise ValueError(
            f"expected an IANA name such as Europe/Berlin, UTC, or an offset such as +01:00;"
            f" found {zone!r}"
        )
    return zone


@cache
def known_zone(zone: str) -> bool:
    """Whether it names one offset at a time: an abbreviation such as CST names several."""
    if zone in _UTC or re.match(_OFFSET, zone):
        return True
    if "/" not in zone:
        return False
    try:
        pl.select(pl.lit(0).cast(pl.Datetime("us")).dt.replace_time_zone(zone))
    except pl.exceptions.PolarsError:
        return False
    return True


def _formed(work: pl.DataFrame, form: str) -> pl.DataFrame:
    """Read by one form what nothing before has read."""
    found = [_DIRECTIVES[one] for one in re.findall(r"%(.)", form)]
    finest = max((one for one in found if one), key=_FINER.index)
    text, rust = pl.col("time"), form.replace(".%f", "%.f").replace("%e", "%d")
    if "day" not in found:
        text, rust = text + " 01", rust + " %d"
    if "month" not in found:
        text, rust = text + " 01", rust + " %m"
    if "hour" not in found:
        text, rust = text + " 00", rust + " %H"
    if "minute" not in found:
        text, rust = text + " 00", rust + " %M"
    todo = pl.col("earliest").is_null() & text.is_not_null()
    if not work.select(todo.any()).item():
        return work
    aware = "%z" in form
    start = text.str.to_datetime(rust, time_unit="us", strict=False)
    start = start.dt.convert_time_zone("UTC") if aware else start.dt.replace_time_zone("UTC")
    # A year of two digits or of none is read as one of the first century; no log is that old.
    start = pl.when(start.dt.year().is_between(2, 9998)).then(start)
    end = start.dt.offset_by(PRECISIONS[finest])
    if ".%f" in form:
        digits = pl.col("time").str.extract(r"\d\.(\d{1,9})").str.slice(0, 6).str.len_bytes()
        width = pl.lit(10, dtype=pl.Int64).pow(6 - digits.cast(pl.Int64))
        end = start + pl.duration(microseconds=width)
    here = todo & start.is_not_null()
    return work.with_columns(
        earliest=pl.when(here).then(start).otherwise("earliest"),
        latest=pl.when(here).then(end - pl.duration(microseconds=1)).otherwise("latest"),
        naive=pl.when(here).then(pl.lit(not aware)).otherwise("naive"),
    )


def _widened(work: pl.DataFrame) -> pl.DataFrame:
    """Times as exact as their precision says, where that is less than what is written."""
    for word in work["precision"].drop_nulls().unique().sort():
        unit = PRECISIONS.get(word)
        if unit is None:
            continue
        here = pl.col("precision") == word
        low, high = pl.col("earliest"), pl.col("latest")
        # Where the text has its own zone, its days and hours begin elsewhere than those of UTC.
        shifted = low.dt.offset_by(f"-{unit}") + pl.duration(microseconds=1)
        whole = pl.col("naive") | pl.lit(word in {"minute", "second", "millisecond", "microsecond"})
        work = work.with_columns(
            earliest=pl.when(here)
            .then(
                pl.when(whole)
                .then(low.dt.truncate(unit))
                .otherwise(pl.min_horizontal(low, shifted))
            )
            .otherwise(low),
            latest=pl.when(here)
            .then(
                pl.when(whole)
                .then(
                    pl.max_horizontal(
                        high,
                        low.dt.truncate(unit).dt.offset_by(unit) - pl.duration(microseconds=1),
                    )
                )
                .otherwise(high.dt.offset_by(unit) - pl.duration(microseconds=1))
            )
            .otherwise(high),
        )
    return work


def _zoned(work: pl.DataFrame) -> pl.DataFrame:
    """Local readings to UTC: by their zone where it is known, else anywhere on Earth."""
    low, high = (pl.col(name).dt.replace_time_zone(None) for name in ("earliest", "latest"))
    anywhere = work.with_columns(
        low=pl.when("naive").then(low),
        high=pl.when("naive").then(high),
        earliest=pl.when("naive").then(pl.col("earliest") - _AHEAD).otherwise("earliest"),
        latest=pl.when("naive").then(pl.col("latest") + _BEHIND).otherwise("latest"),
        note=pl.when("naive").then(
            pl.when(pl.col("zone").is_null()).then(pl.lit("naive")).otherwise(pl.lit("zone"))
        ),
    )
    local = anywhere.filter("naive")["zone"].drop_nulls().unique().sort()
    zones = [zone for zone in local if known_zone(zone)]
    if len(zones) <= 1:
        return _localised(anywhere, zones[0]) if zones else anywhere
    # Zone by zone its own rows alone, however many zones a table names.
    numbered = anywhere.with_row_index("at")
    here = (pl.col("naive") & pl.col("zone").is_in(zones)).fill_null(False)
    parts = numbered.filter(here).partition_by("zone")
    done = [_localised(part, part["zone"][0]) for part in parts]
    return pl.concat([numbered.filter(~here), *done]).sort("at").drop("at")


def _localised(work: pl.DataFrame, zone: str) -> pl.DataFrame:
    """The rows of one zone, which is known, as UTC; others as they are."""
    here = pl.col("naive") & (pl.col("zone") == zone)
    first, last, note = _in_zone(pl.col("low"), pl.col("high"), zone)
    return work.with_columns(
        earliest=pl.when(here).then(first).otherwise("earliest"),
        latest=pl.when(here).then(last).otherwise("latest"),
        note=pl.when(here).then(note).otherwise("note"),
    )


def _in_zone(low: pl.Expr, high: pl.Expr, zone: str) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """First and last instant of a local interval, and whether it met a fold or a gap."""
    nothing = pl.lit(None, dtype=pl.String)
    if zone in _UTC:
        return low.dt.replace_time_zone("UTC"), high.dt.replace_time_zone("UTC"), nothing
    if match := re.match(_OFFSET, zone):
        minutes = int(match[2]) * 60 + int(match[3] or 0)
        shift = pl.duration(minutes=minutes if match[1] == "+" else -minutes)
        both = [(one - shift).dt.replace_time_zone("UTC") for one in (low, high)]
        return both[0], both[1], nothing

    def at(local: pl.Expr, which: str) -> pl.Expr:
        aware = local.dt.replace_time_zone(zone, ambiguous=pl.lit(which), non_existent="null")
        return aware.dt.convert_time_zone("UTC")

    def offset(local: pl.Expr) -> pl.Expr:
        return local - at(local, "earliest").dt.replace_time_zone(None)

    # A clock in a gap had either not been put forward yet, or had been too early: both offsets,
    # of the day before and of the day after.
    day = pl.duration(days=1)
    first = pl.coalesce(
        at(low, "earliest"),
        (low - pl.max_horizontal(offset(low - day), offset(low + day))).dt.replace_time_zone("UTC"),
    )
    last = pl.coalesce(
        at(high, "latest"),
        (high - pl.min_horizontal(offset(high - day), offset(high + day))).dt.replace_time_zone(
            "UTC"
        ),
    )
    gap = low.is_not_null() & (at(low, "earliest").is_null() | at(high, "latest").is_null())
    fold = (at(low, "earliest") != at(low, "latest")) | (at(high, "earliest") != at(high, "latest"))
    note = pl.when(gap).then(pl.lit("gap")).when(fold).then(pl.lit("fold"))
    return first, last, note
