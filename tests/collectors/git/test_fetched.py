"""When a mirror last fetched: FETCH_HEAD's time, which is evidence only where it is no copy's."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from collectors.git import collector
from recon import schema
from recon.time.relations import relations
from tests.collectors.git.repositories import Collected, Repository

CLONED, FETCHED = datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 3, 8, 9, tzinfo=UTC)


def mirrored(work: Repository) -> tuple[Path, str]:
    """A mirror that was made in January and last fetched on March 8 at 09:00; what it fetched."""
    work.commit("A", "2026-02-14T08:00:00Z")
    work("clone", "-q", "--mirror", ".", "../mirror.git")
    new = work.commit("B", "2026-03-07T12:00:00Z")
    mirror = work.path.parent / "mirror.git"
    work("-C", str(mirror), "config", "core.logAllRefUpdates", "true")
    work("-C", str(mirror), "fetch", "-q", when="2026-03-08T09:00:00Z")
    for path in mirror.rglob("*"):
        os.utime(path, (CLONED.timestamp(),) * 2)
    os.utime(mirror / "FETCH_HEAD", (FETCHED.timestamp(),) * 2)
    return mirror, new


def pairs(got: Collected, kind: str) -> set[tuple[str, str]]:
    """Kinds before and after, of the laws that lead to a kind."""
    events = got.events.sort("earliest", nulls_last=True).with_row_index("row")
    events = events.with_columns(pl.col("row").cast(pl.UInt64), domain=pl.lit("platform"))
    events = events.with_columns(source=pl.lit("code"))
    nothing = schema.frame([], schema.COVERAGE).lazy()
    found = relations(events.lazy(), nothing).collect()
    kinds = dict(events.select("row", "kind").iter_rows())
    told = [(kinds[a], kinds[b]) for a, b in found.select("before", "after").iter_rows()]
    return {pair for pair in told if pair[1] == kind}


def test_a_fetch_is_dated_by_its_host_and_after_what_it_fetched(work: Repository, tmp_path: Path):
    """08:00 A; mirror; 12:00 B; the mirror fetches: its file names B, and so is after it."""
    _, new = mirrored(work)
    got = Collected(tmp_path / "case", path="mirror.git")
    (fetch,) = got.kind("git.fetch").iter_rows(named=True)
    assert fetch["earliest"] == FETCHED
    assert fetch["names"] == [f"git:{new}"]
    assert (fetch["clock"], fetch["basis"]) == ("git:code/host:mirror.git", "stamped")
    assert fetch["digest"] is None
    assert ("git.commit", "git.fetch") in pairs(got, "git.fetch")
    assert not got.said()
    (item,) = got.items.of("git.fetched")
    quote = collector.quote(got.source, got.items, item, fetch["citation"])
    assert quote.text.startswith(new)


def test_the_log_of_a_mirror_is_by_its_own_clock_not_by_that_of_the_server(
    work: Repository, tmp_path: Path
):
    mirrored(work)
    server = Repository(tmp_path / "server.git", "--bare")
    server("config", "core.logAllRefUpdates", "true")
    work("push", "-q", "../server.git", "main", when="2026-03-07T13:00:00Z")
    got = Collected(tmp_path / "case", paths=("server.git", "mirror.git"))
    assert set(got.kind("git.reflog")["clock"]) == {"git:code/reflog", "git:code/host:mirror.git"}


@pytest.mark.parametrize("how", ["all alike", "copied later", "nothing older"])
def test_times_of_a_copy_date_no_fetch(work: Repository, tmp_path: Path, how: str):
    """The twin: an archive with one time for all, or a copy that kept none: after, or undated."""
    mirror, new = mirrored(work)
    alike = {"all alike": 315_532_800.0, "copied later": FETCHED.timestamp() + 90_000}
    for path in mirror.iterdir():
        if how == "nothing older":
            if path.name in {"config", "description"}:
                path.unlink() if path.name == "description" else os.utime(path)
        else:
            os.utime(path, (alike[how],) * 2)
    (mirror / "info/exclude").unlink(missing_ok=True)
    got = Collected(tmp_path / "case", path="mirror.git")
    (fetch,) = got.kind("git.fetch").iter_rows(named=True)
    assert (fetch["earliest"], fetch["clock"], fetch["basis"]) == (None, None, None)
    assert fetch["names"] == [f"git:{new}"]
    assert "may be those of a copy" in got.said()


def test_hostile_lines_are_left_out_and_said_and_a_link_is_not_followed(
    work: Repository, tmp_path: Path
):
    mirror, new = mirrored(work)
    (mirror / "FETCH_HEAD").write_bytes(
        f"{new}\t\tbranch 'main' of x\n".encode() + b"\x1b[2J\n" + b"f" * 41 + b"\t\tx\n\n\xff"
    )
    got = Collected(tmp_path / "case", path="mirror.git")
    assert got.kind("git.fetch")["names"].to_list() == [[f"git:{new}"]]
    assert "in 3 lines, the first of which is line 2" in got.said()
    (mirror / "FETCH_HEAD").unlink()
    (mirror / "FETCH_HEAD").symlink_to("/etc/passwd")
    assert Collected(tmp_path / "other", path="mirror.git").kind("git.fetch").is_empty()
