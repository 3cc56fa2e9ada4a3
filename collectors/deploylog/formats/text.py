r"""Lines of text that a regular expression of the case takes apart by its named groups.

A real sample (an application's own log), and its pattern::

    2026-02-14 09:33:41,118 INFO [deployer] model=credit-risk version=2.3.1

    ^(?P<time>\S+ \S+) [A-Z]+ \[(?P<what>[^\]]+)\] model=(?P<model>\S+) version=(?P<v>\S+)

The syntax is that of Rust's ``regex``: no look-around and no back-references, and so no pattern and
no line on which it runs for ever. A group ``time`` dates the line, unless `fields.time` names
another; `time_formats` and `zone` say how it is written. A line that the pattern does not match is
an event of its own, undated, and counted: nothing is left out for not being foreseen.

Source: the documentation of the Rust crate ``regex``, syntax; the case's own pattern.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from collectors.deploylog.formats.base import Format, Reading, key, matched, plain_lines
from collectors.deploylog.patterns import groups_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collectors.deploylog.options import DeployLogOptions


def _records(reading: Reading) -> Iterator[pl.DataFrame]:
    pattern = reading.options.pattern or ""
    names = groups_of(pattern)
    first = True
    for lines in plain_lines(reading):
        frame = matched(lines, pattern, names)
        other = pl.col("text").is_not_null() & ~pl.col("blank") & ~pl.col("hit")
        alone = other & pl.lit(first) & (pl.int_range(pl.len()) == 0)
        first = False
        yield frame.with_columns(
            continued=other & ~alone,
            problem=pl.when(alone)
            .then(pl.lit("expected a line that the pattern matches; found another"))
            .otherwise("problem"),
        ).drop("hit")


def _derive(options: DeployLogOptions) -> Mapping[str, pl.Expr]:
    return {
        name: key(name)
        for name in ("time", "kind", "actor")
        if name in groups_of(options.pattern or "")
    }


FORMAT = Format(
    "text", "text by the case's own regular expression (Rust regex)", _records, derive=_derive
)
