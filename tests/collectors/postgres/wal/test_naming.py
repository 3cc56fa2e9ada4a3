"""Tables that the log alone shows bear the name that their row of pg_class gave them."""

from __future__ import annotations

import pytest

from collectors.postgres.wal.model import DEFINED, Relation
from collectors.postgres.wal.naming import named
from recon.schema import frame

LINEAGE = "pg:db/postgres/ml.lineage"
KNOWN = Relation(16400, LINEAGE, None, "r", 5)


def made(oid: int, name: str, namespace: int = 16384, database: int = 5) -> dict[str, object]:
    """A row of pg_class in the log."""
    file = f"1663/{database}/{oid}"
    return {"created": file, "oid": oid, "name": name, "namespace": namespace, "kind": "r"}


def test_an_earlier_table_of_the_name_is_named():
    defined = frame([made(16390, "lineage"), made(16400, "lineage")], DEFINED)
    assert named([KNOWN], defined) == [Relation(16390, LINEAGE, None, "r", 5)]


def test_the_schema_is_known_though_the_table_was_made_under_another_name():
    defined = frame([made(16390, "lineage"), made(16400, "lineage_v2")], DEFINED)
    assert named([KNOWN], defined) == [Relation(16390, LINEAGE, None, "r", 5)]


@pytest.mark.parametrize(
    "other",
    [
        made(16390, "lineage_v2"),
        made(16390, "lineage", namespace=2200),
        made(16390, "lineage", database=6),
    ],
    ids=["another name", "another schema", "another database"],
)
def test_nothing_is_named_after_what_it_is_not(other: dict[str, object]):
    defined = frame([other, made(16400, "lineage_v2")], DEFINED)
    assert named([KNOWN], defined) == []


def test_nothing_is_named_where_the_log_does_not_tell_the_schema():
    assert named([KNOWN], frame([made(16390, "lineage")], DEFINED)) == []
