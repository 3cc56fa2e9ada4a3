r"""logfmt: pairs of key and value on a line.

A real sample (Argo CD's controller and an application's own log)::

    time="2024-01-10T09:15:32Z" level=info msg="sync \"succeeded\"" application=guestbook
    ts=2026-02-14T09:33:41.118Z event=deploy.finish model=credit-risk version=2.3.1 dry_run

A value in quotes may hold anything, with ``\"``, ``\\``, ``\n``, ``\t`` and ``\u1234`` as in JSON;
one without ends at the next space. A key without a value says ``true``. A key that stands twice
says two things and is left out. A line of which any part is no pair is read as none: it is an
undated event, and named. The time is ``time`` or ``ts``, the kind ``event`` or ``level``, unless
the case maps others.

Source: Brandur Leach, logfmt (2013); the package ``github.com/kr/logfmt``, its grammar.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import polars as pl

from collectors.deploylog.formats.base import Format, Reading, key, plain_lines

_QUOTED = r'"(?:[^"\\]|\\.)*"'
_PAIR = rf'[^\s="]+(?:=(?:{_QUOTED}|[^\s"]*))?'
_LINE = rf"^\s*(?:{_PAIR}(?:\s+|$))+$"
_TRUE = "true"


def _records(reading: Reading) -> Iterator[pl.DataFrame]:
    wanted = list(reading.keys)
    for lines in plain_lines(reading):
        frame = lines.with_columns(
            fine=pl.col("text").str.contains(_LINE).fill_null(False), at=pl.int_range(pl.len())
        )
        pairs = (
            frame.filter("fine")
            .select("at", pair=pl.col("text").str.extract_all(_PAIR))
            .explode("pair", empty_as_null=True)
            .select(
                "at",
                key=pl.col("pair").str.extract(r"^([^=]+)"),
                value=pl.col("pair").str.extract(r"^[^=]+=((?s).*)$"),
            )
            .filter(pl.col("key").is_in(wanted))
        )
        once = pairs.group_by("at", "key", maintain_order=True).agg(
            pl.col("value").first().fill_null(_TRUE), twice=pl.len() > 1
        )
        for name in wanted:
            here = once.filter((pl.col("key") == name) & ~pl.col("twice"))
            column = _unquoted(here["value"]).alias(f"={name}")
            frame = frame.join(
                here.select("at").with_columns(column), on="at", how="left", maintain_order="left"
            )
        odd = once.filter("twice").group_by("at").agg(odd=pl.col("key").sort().str.join(", "))
        frame = frame.drop("odd").join(odd, on="at", how="left", maintain_order="left")
        read = pl.col("fine") | pl.col("text").is_null() | pl.col("blank")
        yield frame.with_columns(
            problem=pl.when(read)
            .then("problem")
            .otherwise(pl.lit("expected pairs of key and value; found text that is none")),
        ).drop("fine", "at")


def _unquoted(values: pl.Series) -> pl.Series:
    """Values without their quotes; null where what is quoted is no text."""
    frame = pl.DataFrame({"v": values}, schema={"v": pl.String})
    v = pl.col("v")
    quoted = v.str.starts_with('"') & v.str.ends_with('"') & (v.str.len_bytes() > 1)
    escaped = quoted & v.str.contains("\\", literal=True)
    plain = frame.select(
        pl.when(quoted & ~escaped).then(v.str.slice(1, v.str.len_chars() - 2)).otherwise(v)
    ).to_series()
    if not frame.select(escaped.any()).item():
        return plain
    # One by one, as an escape may itself be escaped: few values hold one.
    at = frame.select(escaped.arg_true()).to_series()
    return plain.scatter(at, [_unescaped(one) for one in values.gather(at)])


def _unescaped(quoted: str) -> str | None:
    try:
        text: str = json.loads(quoted, strict=False)
        text.encode()
    except ValueError:
        return None
    return text


FORMAT = Format(
    "logfmt",
    "logfmt",
    _records,
    keys=("time", "ts", "event", "level", "msg"),
    derive=lambda _: {
        "time": pl.coalesce(key("time"), key("ts")),
        "kind": pl.coalesce(key("event"), pl.concat_str(pl.lit("logfmt."), key("level"))),
    },
    message="msg",
)
