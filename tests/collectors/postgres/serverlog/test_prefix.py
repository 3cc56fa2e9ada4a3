"""log_line_prefix as an expression, by Python and by polars alike."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from collectors.postgres.serverlog.prefix import compile_prefix
from tests.collectors.postgres.serverlog.reading import read

M = "2026-03-08 12:00:00.123 UTC"
T = "2026-03-08 12:00:00 UTC"
CASES = [
    ("%m [%p] ", f"{M} [41] LOG:  hi", {"m": M, "pid": "41"}),
    ("%t [%p-%l] %u@%d ", f"{T} [41-1] ann@db LOG:  hi", {"t": T, "user": "ann"}),
    ("%n %c ", "1772971200.123 69ad64c6.67d0 LOG:  hi", {"n": "1772971200.123"}),
    ("%m [%p] %q%u@%d ", f"{M} [41] LOG:  hi", {"user": None, "database": None}),
    ("%m [%p] %q%u@%d ", f"{M} [41] ann@db LOG:  hi", {"user": "ann", "database": "db"}),
    ("%m %-8u|%8d|%a ", f"{M} ann     |      db|my app LOG:  hi", {"application": "my app"}),
    ("%m %-8u|%8d|", f"{M}         |        |LOG:  hi", {"pid": None}),
    ("%m %r %h %b %i ", f"{M} ::1(40022) ::1 client backend DROP TABLE LOG:  hi", {"host": "::1"}),
    ("%m %e %x %v %P %Q %s ", f"{M} 42P01 755 3/14  -9 {T} LOG:  hi", {"xid": "755"}),
    ("100%% %m ", f"100% {M} LOG:  hi", {"m": M}),
    ("%k%m ", f"{M} LOG:  hi", {"m": M}),
    ("[.*](%p)+ ", "[.*](7)+ LOG:  hi", {"pid": "7"}),
    ("", "LOG:  hi", {}),
    ("%m %m ", f"{M} {M} LOG:  hi", {"m": M}),
    ("%m [%p] ", "2026-03-08 12:00:00.123 -03 [41] FEHLER:  hi", {"severity": "FEHLER"}),
]


@pytest.mark.parametrize(("prefix", "line", "expected"), CASES)
def test_every_escape_is_read(prefix: str, line: str, expected: dict[str, str | None]) -> None:
    pattern = compile_prefix(prefix).pattern
    match = re.match(pattern, line)
    assert match is not None
    by_python = match.groupdict()
    by_polars = pl.select(pl.lit(line).str.extract_groups(pattern)).item()
    assert by_polars == by_python
    assert by_python["message"] == "hi"
    assert {name: by_python.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    "line",
    [
        "LOG:  hi",
        f" {M} [41] LOG:  hi",
        f"{M} [41] ann@db LOG:  hi",
        f"{M} [4x1] LOG:  hi",
        "\t2026-03-08 12:00:00.123 UTC [41] LOG:  a line within a statement",
    ],
)
def test_a_line_that_only_resembles_it_is_not_behind_it(line: str) -> None:
    assert re.match(compile_prefix("%m [%p] ").pattern, line) is None


def test_a_name_that_holds_the_end_of_the_prefix_accuses_nobody(tmp_path: Path) -> None:
    """A role may be called ``ann@prod``: then who and where can be read in two ways."""
    log = f"{M} [41] ann@prod@db LOG:  statement: drop table ml.t\n"
    found = read(tmp_path, log, log_line_prefix="%m [%p] %u@%d ")
    (row,) = found.events.iter_rows(named=True)
    assert (row["actor"], row["subject"], row["attribute"]) == (None, "pg:db", "DROP TABLE")
    assert "reads in one way" in found.messages()


def test_an_application_that_calls_itself_a_message_is_noticed(tmp_path: Path) -> None:
    log = f"{M} [41] x LOG:  statement: drop table ml.t; LOG:  statement: select 1\n"
    found = read(tmp_path, log, log_line_prefix="%m [%p] %a ")
    assert "reads in one way" in found.messages()


def test_the_prefix_may_have_changed(tmp_path: Path) -> None:
    log = (
        f"{M} [41] LOG:  received SIGHUP, reloading configuration files\n"
        f"{T} ann LOG:  statement: vacuum\n"
    )
    found = read(tmp_path, log, log_line_prefix=["%m [%p] ", "%t %u "])
    assert found.events["actor"].to_list() == [None, "ann"]
    assert found.warnings == []
