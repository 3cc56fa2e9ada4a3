"""Syslog as files keep it: RFC 5424, RFC 3164, and the ISO form that rsyslog writes by default.

A real sample of each::

    <78>1 2021-03-06T04:07:38.268395+00:00 hostname cron 18898 - -  (CRON) INFO (pidfile fd = 3)
    <165>1 2003-10-11T22:14:15.003Z host.example.com app - ID47 [sd@32473 seq="3"] started
    <34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8
    Mar  8 19:12:05 web-01 deploy[4711]: finished 2.3.1
    2021-03-06T04:07:38.251122+00:00 web-01 deploy[4711]: finished 2.3.1

The machine that sent a message dated it: each ``host`` has a clock of its own, ``log:ID/HOST``,
and the order of lines is that of their arrival, which makes no law between senders.
RFC 3164 gives no year and no zone. ``year`` of the case is that of the first such line; a step back
of two months or more begins the next, and that is said; a year without a line is not noticed.
Without ``year`` such lines are undated. ``zone`` of the case says the senders' zone; without it a
time covers 26 hours.
A line that begins like none of these goes on from the message before it, or is damaged: it is an
event of its own, undated, and counted.

Keys: ``pri``, ``time``, ``host``, ``app``, ``pid``, ``msgid``, ``sd``, ``msg``.
A ``pattern`` of the case is matched with ``msg``.

Source: RFC 5424, section 6; RFC 3164, section 4.1; rsyslog documentation, templates
``RSYSLOG_FileFormat`` and ``RSYSLOG_TraditionalFileFormat``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from collectors.deploylog.formats.base import Format, Reading, key, matched, plain_lines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collectors.deploylog.options import DeployLogOptions

_KEYS = ("pri", "time", "host", "app", "pid", "msgid", "sd", "msg")
# SD-ELEMENTs: names without " = ] and spaces, values in quotes with \\ before " \\ ].
_SD = r'(?:-|(?:\[[^\]"= ]{1,32}(?: [^\]"= ]{1,32}="(?:[^"\\\]]|\\.)*")*\])+)'
_5424 = (
    # PRINTUSASCII; without the lengths of the RFC, for which the engine takes thrice as long.
    r"^<(?P<pri>[0-9]{1,3})>[0-9]{1,2} (?P<time>[!-~]+) (?P<host>[!-~]+) (?P<app>[!-~]+)"
    # No two ways to match any part: the engine that then follows groups takes half the time.
    rf" (?P<pid>[!-~]+) (?P<msgid>[!-~]+) (?P<sd>{_SD})(?: (?P<msg>[^\n]*)|\r)?$"
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_OTHER = (
    r"^(?:<(?P<pri>[0-9]{1,3})>)?"
    rf"(?P<time>(?:{'|'.join(_MONTHS)}) [ 0-9][0-9] [0-9:]{{8}}(?:\.[0-9]{{1,9}})?"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.,]{5,18}(?:Z|[+-][0-9:]{2,6})?)"
    r" (?P<host>\S+) (?:(?P<app>[^\s:\[\]]+)(?:\[(?P<pid>[^\]\s]+)\])?: )?"
    r"(?P<msg>.*?)\r?$"
)
_TURN, _LATE = -2, 10
"""Months: a step back that begins a year, and one forth that is a late line of the year before."""
_NO_RECORD = "expected a syslog message; found text that is none"


def _records(reading: Reading) -> Iterator[pl.DataFrame]:
    if reading.options.year is not None and reading.after[0]:
        # The year of what was appended is known from the lines before it alone.
        for frame in _records(replace(reading, after=(0, 0))):
            yield frame.filter(pl.col("offset") >= reading.after[0])
        return
    year, month = reading.options.year, None
    first = True
    for lines in plain_lines(reading):
        frame = matched(lines, _5424, _KEYS)
        if not frame.select((pl.col("hit") | pl.col("text").is_null()).all()).item():
            others = [name for name in _KEYS if name not in {"msgid", "sd"}]
            rest = matched(frame.select("text", old="hit"), _OTHER, others)
            either = [pl.coalesce(key(one), rest[f"={one}"]).alias(f"={one}") for one in others]
            frame = frame.with_columns(*either, hit=frame["hit"] | rest["hit"])
        nil = [pl.when(key(name) != "-").then(key(name)).alias(f"={name}") for name in _KEYS]
        frame, year, month = _dated(frame.with_columns(nil), year, month, reading.options.year)
        text = pl.col("text").is_not_null() & ~pl.col("blank")
        goes_on = text & ~pl.col("hit")
        # Nothing is before the first line for it to go on from.
        alone = goes_on & pl.lit(first) & (pl.int_range(pl.len()) == 0)
        first = False
        yield frame.with_columns(
            continued=goes_on & ~alone,
            problem=pl.when(alone).then(pl.lit(_NO_RECORD)).otherwise("problem"),
        ).drop("hit")


def _dated(
    frame: pl.DataFrame, year: int | None, last: int | None, reading_year: int | None
) -> tuple[pl.DataFrame, int | None, int | None]:
    """Times of RFC 3164 with their year, where the case says that of the first.

    Lines are kept as they arrive, so a month that is two or more before the last begins the next
    year; December or November after January, where a year was begun, is a late line of the old one.
    """
    bsd = r"^([A-Z][a-z]{2}) ([ 0-9][0-9]) (.*)$"
    month = (
        key("time")
        .str.extract(bsd, 1)
        .replace_strict(
            dict(zip(_MONTHS, range(1, 13), strict=True)), default=None, return_dtype=pl.Int32
        )
    )
    found = frame.with_columns(month=month)
    dated = found["month"].drop_nulls()
    if dated.is_empty() or year is None or reading_year is None:
        return frame, year, last
    # Month by month, and only where it changes: what a step means depends on those before it.
    changes = found.with_row_index("at").filter(
        pl.col("month").is_not_null()
        & (pl.col("month") != pl.col("month").forward_fill().shift(1)).fill_null(True)
    )
    first, turns = reading_year, {}
    for at, now in changes.select("at", "month").iter_rows():
        if last is not None and now - last <= _TURN:
            year += 1
        elif last is not None and now - last >= _LATE and year > first:
            year -= 1
        turns[at], last = year, now
    years = found.with_row_index("at").select(
        year=pl.col("at").replace_strict(turns, default=None, return_dtype=pl.Int32)
    )["year"]
    found = found.with_columns(year=years.forward_fill(), yearless=pl.col("month").is_not_null())
    text = key("time")
    whole = pl.concat_str(
        pl.col("year").cast(pl.String),
        pl.lit("-"),
        pl.col("month").cast(pl.String).str.zfill(2),
        pl.lit("-"),
        text.str.extract(bsd, 2).str.replace(" ", "0", literal=True),
        pl.lit("T"),
        text.str.extract(bsd, 3),
    )
    found = found.with_columns(
        pl.when(pl.col("month").is_not_null()).then(whole).otherwise(text).alias("=time")
    )
    return found.drop("month", "year"), year, last


def _derive(_: DeployLogOptions) -> Mapping[str, pl.Expr]:
    return {
        "time": key("time"),
        "kind": pl.concat_str(pl.lit("syslog."), key("app")),
        "host": key("host"),
        "sequence": key("sd").str.extract(r'\[meta [^\]]*sequenceId="([0-9]{1,10})"'),
        "run": key("host"),
    }


FORMAT = Format(
    "syslog",
    "syslog, RFC 5424 and RFC 3164",
    _records,
    keys=_KEYS,
    derive=_derive,
    message="msg",
    ordered=False,
)
