"""Views whose lines lie: nothing is raised, and no act is made of what is no table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from collectors.postgres.history.identity import identity
from collectors.postgres.history.sightings import Sighting, View
from recon.collector import Sha256
from tests.collectors.postgres.conftest import Bench, Make

if TYPE_CHECKING:
    import polars as pl

TABLE = ("ml", "lineage")
CLAIM = {"table": "ml.lineage", "subject": "model:{model}", "attributes": {"v": "v"}}
JUNK = [None, "", -1, 2**70, 1.5, [], {"a": 1}, True, "\u0000", "\ud800", "x" * 5000, "NaN"]


def capture(
    folder: Path, name: str, day: int, oid: int, more: Mapping[str, Any] | None = None
) -> None:
    """A catalogue of one table, taken on a day of March."""
    moment = f"2026-03-{day:02}T09:00:00+00:00"
    head = {
        "capture": "catalogue",
        "system_identifier": "7604000000000000000",
        "database": "mlops",
        "started": moment,
        "read": moment,
    }
    more = more or {}
    place = {"schema": "ml", "table": "lineage"}
    lines: list[Mapping[str, Any]] = [
        head,
        {"what": "asked", **place},
        {
            "what": "relation",
            **place,
            "role": "table",
            "oid": oid,
            "own_schema": "ml",
            "name": "lineage",
            "relkind": "r",
            "file": "base/16384/16390",
            "database_oid": 16384,
            **more,
        },
        {
            "what": "attribute",
            **place,
            "oid": oid,
            "attnum": -1,
            "name": "ctid",
            "xmin": 700,
            **more,
        },
        {"what": "constraint", **place, "oid": 16400, "name": "lineage_pkey", "xmin": 700, **more},
        {"what": "subscription", **place, "oid": oid, "name": "s", **more},
        {"end": "catalogue", "rows": None},
    ]
    (folder / name).mkdir()
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / name / "catalogue.jsonl").write_text(text)


def acts(case: Bench) -> pl.DataFrame:
    case.acquire()
    return case.events("table.recreate", "table.replaced", "table.drop", "table.create")


@pytest.mark.parametrize("junk", JUNK, ids=range(len(JUNK)))
@pytest.mark.parametrize(
    "key", ["oid", "file", "database_oid", "xmin", "attnum", "name", "committed"]
)
def test_a_line_with_junk_is_read_as_far_as_it_goes(
    key: str, junk: Any, tmp_path: Path, bench: Make
) -> None:
    capture(tmp_path, "one", 1, 16390)
    capture(tmp_path, "two", 2, 16390, {key: junk})
    found = acts(bench([CLAIM], capture=[str(tmp_path / "one"), str(tmp_path / "two")]))
    assert found.is_empty()


def test_another_oid_in_the_same_database_is_another_table(tmp_path: Path, bench: Make) -> None:
    capture(tmp_path, "one", 1, 16390)
    capture(tmp_path, "two", 2, 16500)
    found = acts(bench([CLAIM], capture=[str(tmp_path / "one"), str(tmp_path / "two")]))
    assert found["kind"].to_list() == ["table.recreate"]


def test_a_capture_of_before_recon_asked_which_tables_proves_no_absence(
    tmp_path: Path, bench: Make
) -> None:
    capture(tmp_path, "one", 1, 16390)
    capture(tmp_path, "two", 2, 16390)
    old = tmp_path / "two" / "catalogue.jsonl"
    head, *_, end = old.read_text().splitlines(keepends=True)
    old.write_text(head + end)
    assert acts(bench([CLAIM], capture=[str(tmp_path / "one"), str(tmp_path / "two")])).is_empty()


def view(base: int | None, **oids: int) -> View:
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    found = View("dump", "pg:db/dump", moment, moment, "mlops", Sha256("0" * 64), None, base)
    found.objects = {("1259", "ml", name): oid for name, oid in oids.items()}
    found.tables = {TABLE: Sighting(oids["lineage"], Sha256("0" * 64), "toc 1")}
    return found


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        # One table has another OID, above all of before: it was made anew.
        ({"lineage": 16390, "runs": 16395}, {"lineage": 16500, "runs": 16395}, "same"),
        # All have others: the database was loaded from a dump, or all of it made anew.
        (
            {"lineage": 16390, "runs": 16395, "users": 16396},
            {"lineage": 16500, "runs": 16505, "users": 16506},
            "moved",
        ),
        # Nothing but the table itself is in both.
        ({"lineage": 16390}, {"lineage": 16500}, "unknown"),
        # Loaded into a new cluster, one object has its OID by chance, and the table a lower one.
        (
            {"lineage": 16390, "runs": 16395, "users": 16396},
            {"lineage": 16387, "runs": 16395, "users": 16391},
            "unknown",
        ),
    ],
)
def test_objects_tell_one_database_from_another(
    before: dict[str, int], after: dict[str, int], said: str
) -> None:
    assert identity(view(5, **before), view(5, **after), TABLE) == said


def test_another_database_of_the_same_cluster_is_another() -> None:
    first, second = view(16384, lineage=16390), view(20000, lineage=16500)
    first.system_id = second.system_id = 7
    assert identity(first, second, TABLE) == "moved"
