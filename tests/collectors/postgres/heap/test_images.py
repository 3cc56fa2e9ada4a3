"""Page images that do not unpack: named, counted, and no claim that all rows are known."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from collectors.postgres.wal.layout import show_lsn
from recon.collector import Parsed
from tests.collectors.postgres.conftest import Bench, psql_capture
from tests.collectors.postgres.wal.archives import break_image
from tests.servers import postgres

pytestmark = pytest.mark.live
CLAIM = {"table": "public.t", "subject": "row:{id}", "attributes": {"a": "a"}}
STORY = """
create table t (id int primary key, a text);
insert into t select g, 'before' from generate_series(1, 20) g;
checkpoint; set wal_compression = pglz;
update t set a = 'changed' where id = 3;
insert into t values (21, 'later');
create table done (); drop table done;
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with an archive and a capture; and the table's file."""
    folder = tmp_path_factory.mktemp("images")
    with postgres(None, {}, initdb=["--wal-segsize=1"]) as server:
        server.psql(STORY)
        file = server.psql("select pg_relation_filepath('t')").strip().replace("base/", "1663/")
        server.switch_wal()
        shutil.copytree(server.archive, folder / "archive")
        psql_capture(server, folder / "capture", "public.t")
    return folder, file


def parsed(folder: Path) -> Parsed:
    bench = Bench(folder, {"wal": ["archive"], "capture": ["capture"]}, [CLAIM])
    bench.acquire()
    return bench.parse()


def test_an_image_that_does_not_unpack_is_named_and_ends_what_is_known_of_rows(
    made: tuple[Path, str], tmp_path: Path
) -> None:
    folder, file = made
    sound = parsed(shutil.copytree(folder, tmp_path / "sound"))
    assert not [one for one in sound.warnings if "page images" in one.message]
    broken = shutil.copytree(folder, tmp_path / "broken")
    lsn = break_image(broken / "archive", file)
    found = parsed(broken)
    (warning,) = [one for one in found.warnings if "page images" in one.message]
    assert (warning.citation, warning.severity) == (f"lsn {show_lsn(lsn)}", "error")
    assert "found 1 that do not" in warning.message
    ends = [_followed(one) for one in (sound, found)]
    assert ends[0].height == ends[1].height == 1
    assert ends[1]["latest"][0] < ends[0]["latest"][0]
    changes = found.events.collect().filter(pl.col("kind").str.starts_with("row."))
    assert changes.filter(pl.col("kind") == "row.update").height == 1
    inserted = changes.filter(pl.col("kind") == "row.insert")["earliest"]
    # Up to the commit before the image, and no further.
    assert ends[1]["latest"][0] == inserted.sort()[-2]


def _followed(one: Parsed) -> pl.DataFrame:
    assert one.coverage is not None
    return one.coverage.filter(pl.col("kind") == "row.*")
