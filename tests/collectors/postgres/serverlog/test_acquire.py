"""Server logs as a source: a folder of them, copied in and read with the rest."""

from __future__ import annotations

import gzip

import polars as pl
import pytest

from tests.collectors.postgres.conftest import Make

STAMP = "2026-03-08 12:00:00.123 CET"
LINE = f"{STAMP} [41] LOG:  statement: drop table ml.t\n"


def test_a_folder_of_rotated_logs(bench: Make) -> None:
    case = bench((), log="log/", log_timezone="Europe/Berlin")
    folder = case.folder / "log"
    folder.mkdir()
    (folder / "postgresql-2026-03-08.log").write_text(LINE)
    (folder / "postgresql-15-main.log.2.gz").write_bytes(gzip.compress(LINE.encode()))
    (folder / "notes.txt").write_text("not a log")
    (folder / "link.log").symlink_to("/etc/passwd")
    ((native, _),) = case.acquire().failures
    assert native == "log/link.log"
    assert "'notes.txt'" in case.custody()
    events = case.events("log.statement")
    assert events["clock"].unique().to_list() == ["pg:db/log"]
    assert {f"{at:%H:%M:%S.%f}" for at in events["earliest"]} == {"11:00:00.123000"}
    assert events["stream"].n_unique() == 2
    assert case.events("log.file").height == 2
    assert case.parse().methods["serverlog"] == "recon's own reader (stderr)"
    assert case.parse().coverage is not None
    assert case.parse().coverage.is_empty()  # type: ignore[union-attr]


def test_events_are_the_same_bytes_each_time(bench: Make) -> None:
    case = bench((), log="server.log")
    (case.folder / "server.log").write_text(LINE * 3)
    assert case.acquire().failures == []
    assert case.events().equals(case.events())
    item = case.item("server.log")
    citations = case.events("log.statement")["citation"].to_list()
    assert citations == ["line 1", "line 2", "line 3"]
    assert case.events().filter(pl.col("item") != item.sha256).is_empty()


@pytest.mark.parametrize(
    "options",
    [{"log": "x", "log_timezone": "Mars/Olympus"}, {"log": "x", "log_line_prefix": "a\nb"}, {}],
)
def test_options_that_cannot_be_are_refused(bench: Make, options: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"expected|no such|at least one"):
        _ = bench((), **options).source
