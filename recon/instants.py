"""Readings as intervals: what a written time says, and no more.

A time given to the second covers that second; to the minute, that minute; a date, that day.
A time without a zone could be anywhere from UTC-12 to UTC+14, so it covers 14 hours before to
12 hours after the same reading in UTC. Intervals are closed, in microseconds UTC.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import polars as pl

from recon.errors import BadInputError

_ISO = (
    r"^\s*(?P<date>\d{4}-\d{2}-\d{2})"
    r"(?:[T ](?P<hm>\d{2}:\d{2})(?::(?P<s>\d{2})(?:[.,](?P<f>\d{1,9}))?)?"
    r"\s*(?P<zone>Z|z|UTC|[+-]\d{2}(?::?\d{2})?(?::?\d{2})?)?)?\s*$"
)
# To the microsecond, as our own clock is written; thousands of such are read one by one.
_STAMP = re.compile(r"(?:19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{6}(?:Z|\+00:00)")
# As programs write it: in UTC, and no leap second.
_USUAL = (
    r"^[0-9]{4}-[0-9][0-9]-[0-9][0-9][T ][0-9][0-9]:[0-9][0-9]:[0-5][0-9]"
    r"(?:\.[0-9]{1,6})?(?:Z|\+00)$"
)
_SECOND, _MICRO = 19, 6
"""Characters up to the second, and digits of a microsecond."""
# The zones in use run from UTC-12 to UTC+14 (IANA tz database, theory.html, accuracy).
_AHEAD = timedelta(hours=14)
_BEHIND = timedelta(hours=12)
# Not strftime: its month names depend on the locale of whoever runs it.
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_INTERVAL = pl.Struct({"earliest": pl.Datetime("us", "UTC"), "latest": pl.Datetime("us", "UTC")})
_US_PER = {"s": 1_000_000, "ms": 1_000, "us": 1}


def read_iso(text: pl.Expr) -> pl.Expr:
    """Struct of ``earliest`` and ``latest`` from ISO 8601 / RFC 3339 text; null where it is none.

    Takes ``2026-03-08``, ``2026-03-08T12:00``, with seconds, 1 to 9 digits of fraction, ``T`` or
    a space, and ``Z``, ``UTC``, ``+01``, ``+0100``, ``+01:00`` or no zone.
    Digits past the microsecond are cut, as the timeline's resolution is one microsecond.
    The years 0001 and 9999 are no times: people write them for "always" and "never".
    """
    return text.map_batches(_read_iso, return_dtype=_INTERVAL, is_elementwise=True)


def _read_iso(text: pl.Series) -> pl.Series:
    """The expressions of :func:`read_iso` over parts that are matched once.

    Written as one expression, every use of a part would run the regular expression again.
    """
    if text.null_count() == len(text):
        return pl.Series(text.name, [None], dtype=_INTERVAL).new_from_index(0, len(text))
    if text.str.contains(_USUAL).all():
        return _usual(text)
    parts = pl.DataFrame({"text": text}, schema={"text": pl.String}).select(
        part=pl.col("text").str.extract_groups(_ISO)
    )
    hm, second, zone = pl.col("hm"), pl.col("s"), pl.col("zone")
    plain = zone.str.replace_all(":", "", literal=True)
    hours, minutes, seconds = (
        plain.str.slice(at, 2).cast(pl.Int64, strict=False).fill_null(0) for at in (1, 3, 5)
    )
    sign = pl.when(plain.str.starts_with("-")).then(-1).otherwise(1)
    named = zone.str.to_uppercase().is_in(["Z", "UTC"])
    digits = pl.col("fraction").str.len_chars().cast(pl.Int64)
    width = (
        pl.when(hm.is_null())
        .then(86_400_000_000)
        .when(second.is_null())
        .then(60_000_000)
        .when(digits.is_null())
        .then(1_000_000)
        .otherwise(pl.lit(10, dtype=pl.Int64).pow(6 - digits))
    )
    start, end = pl.col("start"), pl.col("start") + pl.duration(microseconds=pl.col("width") - 1)
    return (
        parts.unnest("part")
        .with_columns(
            # A leap second is read as the second after :59, as POSIX time has no room for it.
            leap=second == "60",
            fraction=pl.col("f").str.slice(0, 6),
            offset=pl.when(named | zone.is_null())
            .then(0)
            .otherwise((hours * 3600 + minutes * 60 + seconds) * sign),
        )
        .with_columns(
            base=pl.concat_str(
                pl.col("date"),
                pl.lit(" "),
                hm.fill_null("00:00"),
                pl.lit(":"),
                pl.when("leap").then(pl.lit("59")).otherwise(second.fill_null("00")),
            )
            .str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", strict=False)
            .dt.replace_time_zone("UTC"),
            micros=pl.col("fraction").str.pad_end(6, "0").cast(pl.Int64).fill_null(0)
            + pl.when("leap").then(1_000_000).otherwise(0),
            width=width,
        )
        # The first and the last year stand for "always" and "never".
        .with_columns(base=pl.when(pl.col("base").dt.year().is_between(2, 9998)).then("base"))
        .with_columns(
            start=pl.col("base")
            + pl.duration(microseconds=pl.col("micros") - pl.col("offset") * 1_000_000)
        )
        .select(
            interval=pl.struct(
                earliest=pl.when(zone.is_null()).then(start - _AHEAD).otherwise(start),
                latest=pl.when(zone.is_null()).then(end + _BEHIND).otherwise(end),
            )
        )
        .to_series()
    )


def _usual(text: pl.Series) -> pl.Series:
    """The same where all of a column, as one program wrote it, has the usual form.

    By the places of its letters, which is three times faster than to match its parts.
    """
    fraction = pl.col("text").str.slice(_SECOND + 1).str.strip_suffix("Z").str.strip_suffix("+00")
    digits = fraction.str.len_bytes().cast(pl.Int64)
    # Where there is none the zone begins there, and has lost its first letter.
    bare = pl.col("text").str.slice(_SECOND, 1) != "."
    day, clock = pl.col("text").str.head(10), pl.col("text").str.slice(11, 8)
    second = pl.concat_str(day, pl.lit(" "), clock)
    return (
        pl.DataFrame({"text": text}, schema={"text": pl.String})
        .select(
            base=second.str.to_datetime(
                "%Y-%m-%d %H:%M:%S", time_unit="us", strict=False
            ).dt.replace_time_zone("UTC"),
            micros=pl.when(bare)
            .then(0)
            .otherwise(fraction.str.pad_end(_MICRO, "0").cast(pl.Int64, strict=False)),
            width=pl.when(bare)
            .then(1_000_000)
            .otherwise(pl.lit(10, dtype=pl.Int64).pow(_MICRO - digits)),
        )
        .with_columns(base=pl.when(pl.col("base").dt.year().is_between(2, 9998)).then("base"))
        .select(start=pl.col("base") + pl.duration(microseconds="micros"), width="width")
        .select(
            interval=pl.struct(
                earliest="start",
                latest=pl.col("start") + pl.duration(microseconds=pl.col("width") - 1),
            )
        )
        .to_series()
    )


def read_epoch(number: pl.Expr, unit: str = "s") -> pl.Expr:
    """Struct of ``earliest`` and ``latest`` from an integer count since 1970-01-01 UTC.

    ``unit`` is ``s``, ``ms`` or ``us``: also the precision, and so the width of the interval.
    """
    scale = _US_PER[unit]
    start = (number.cast(pl.Int64) * scale).cast(pl.Datetime("us", "UTC"))
    return pl.struct(earliest=start, latest=start + timedelta(microseconds=scale - 1))


def interval(text: str, where: str = "an instant") -> tuple[datetime, datetime]:
    """One text as (earliest, latest), aware UTC.

    Raises:
        BadInputError: it is not a time that :func:`read_iso` reads.
    """
    found = _interval(text)
    if found is None:
        raise BadInputError(
            "a time such as 2026-03-08T12:00:00Z", repr(text), where, "give the zone with it"
        )
    return found


@lru_cache(maxsize=4096)
def _interval(text: str) -> tuple[datetime, datetime] | None:
    # One commit wrote all columns of a table: a catalogue says the same time for each of them.
    if _STAMP.fullmatch(text):
        with suppress(ValueError):  # no day of the calendar: told by the caller
            exact = datetime.fromisoformat(text).astimezone(UTC)
            return exact, exact
    value = pl.select(read_iso(pl.lit(text))).item()
    return (
        None if value is None or value["earliest"] is None else (value["earliest"], value["latest"])
    )


def moment(text: str, where: str) -> datetime:
    """One instant from text: the start of what it covers, which may be a minute at most.

    Raises:
        BadInputError: it is no time, or covers more: a day, or a time without its zone.
    """
    first, last = interval(text, where)
    if last - first > timedelta(minutes=1):
        raise BadInputError(
            "one instant, such as 2026-03-08T12:00:00Z",
            f"{text!r}, which may be any from {first:%Y-%m-%dT%H:%MZ} to {last:%Y-%m-%dT%H:%MZ}",
            where,
            "give the time of day and its zone",
        )
    return first


_SPAN = re.compile(r"\s*(\d{1,9})\s*(s|m|h|d|w)\s*")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


def span(text: str, where: str) -> timedelta:
    """A length of time from ``90s``, ``15m``, ``6h``, ``1d``, ``2w``.

    Raises:
        BadInputError: it is none of these, or none at all.
    """
    found = _SPAN.fullmatch(text)
    if found is None or int(found[1]) == 0:
        raise BadInputError("a length of time such as 6h or 1d", repr(text), where, "s, m, h, d, w")
    try:
        return timedelta(seconds=int(found[1]) * _UNITS[found[2]])
    except OverflowError as error:
        raise BadInputError("a length of time such as 6h", repr(text), where) from error


def show(instant: datetime) -> str:
    """RFC 3339 in UTC; fractions only where there are any."""
    moment = instant.astimezone(UTC)
    timespec = "microseconds" if moment.microsecond else "seconds"
    return moment.replace(tzinfo=None).isoformat(timespec=timespec) + "Z"


def show_interval(earliest: datetime | None, latest: datetime | None) -> str:
    """An interval for people: one reading where it covers no more than a unit of writing."""
    if earliest is None or latest is None:
        return "undated" if earliest is None else f"{show(earliest)} or later"
    width = latest - earliest
    if width < timedelta(seconds=1):
        return show(earliest)
    if width < timedelta(seconds=1, microseconds=1):
        return show(earliest)
    return f"{show(earliest)} … {show(latest)}"


def say_interval(earliest: datetime | None, latest: datetime | None) -> str:
    """An interval in a sentence: ``14 February 2026, 11:30:30 UTC``; fractions are left out."""
    if earliest is None or latest is None:
        return "a time that is not known" if earliest is None else f"{_say(earliest)} or later"
    first, last = (_say(moment) for moment in (earliest, latest))
    return first if first == last else f"between {first} and {last}"


def say_day(moment: datetime) -> str:
    """The day in UTC, in a sentence: ``12 March 2026``."""
    utc = moment.astimezone(UTC)
    return f"{utc.day} {_MONTHS[utc.month - 1]} {utc.year}"


def _say(moment: datetime) -> str:
    utc = moment.astimezone(UTC)
    return f"{utc.day} {_MONTHS[utc.month - 1]} {utc.year}, {utc:%H:%M:%S} UTC"


def show_span(seconds: float) -> str:
    """A length of time for people: ``21 d 04 h 03 m``, ``2.1 s``, ``0.6 ms``."""
    sign = "−" if seconds < 0 else ""
    whole = abs(seconds)
    if 0 < whole < 1:
        return f"{sign}{whole * 1000:.3f}".rstrip("0").rstrip(".") + " ms"
    if whole < 60:  # noqa: PLR2004  (a minute)
        return f"{sign}{whole:.3f}".rstrip("0").rstrip(".") + " s"
    minutes = round(whole / 60)
    days, minutes = divmod(minutes, 24 * 60)
    hours, minutes = divmod(minutes, 60)
    if days:
        return f"{sign}{days} d {hours:02d} h {minutes:02d} m"
    return f"{sign}{hours} h {minutes:02d} m" if hours else f"{sign}{minutes} m"
