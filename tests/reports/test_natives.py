"""Which items are produced beside the exhibits, and what their files are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from recon.collector import Item, Sha256
from reports import natives


def item(name: str, *, kind: str = "pg.wal", size: int = 1, acquisition: int = 1) -> Item:
    digest = Sha256(name.encode().hex().ljust(64, "0"))
    return Item(digest, "db", kind, name, size, "2026-11-20T10:00:00Z", acquisition)


def chosen(items: list[Item], cited: list[Item]) -> list[tuple[str, str]]:
    found = natives.select(items, [one.sha256 for one in cited])
    return [(one.native, why) for one, why in found]


def test_a_cited_item_brings_the_others_of_its_acquisition():
    a, b, other = item("a"), item("b"), item("c", kind="pg.dump")
    later = item("d", acquisition=2)
    assert chosen([b, a, other, later], [a]) == [
        ("c", "sibling"),
        ("a", "cited"),
        ("b", "sibling"),
    ]


def test_of_a_large_acquisition_only_the_same_kind_comes_along():
    a, b = item("a"), item("b")
    large = item("c", kind="pg.dump", size=natives.SIBLINGS)
    assert chosen([b, a, large], [a]) == [("a", "cited"), ("b", "sibling")]


def test_of_many_large_ones_only_the_neighbours_come_along():
    items = [item(f"{n}", size=natives.SIBLINGS // 4) for n in range(9)]
    assert chosen(items, [items[4]]) == [("3", "sibling"), ("4", "cited"), ("5", "sibling")]


def test_bytes_that_two_acquisitions_hold_are_produced_once():
    first, again = item("a"), item("a", acquisition=2)
    assert chosen([first, again], [first]) == [("a", "cited")]


def test_what_an_answer_rests_on_comes_with_its_siblings_too():
    a, b = item("a"), item("b")
    found = natives.select([a, b], [], [b.sha256])
    assert [(one.native, why) for one, why in found] == [
        ("a", "sibling"),
        ("b", "answer"),
    ]


def test_nothing_cited_nothing_produced():
    assert chosen([item("a")], []) == []


@pytest.mark.parametrize(
    ("content", "kind", "name"),
    [
        (b"PGDMP\x01\x0e", "pg.dump", "dump"),
        (b"# v2 git bundle\n", "git.bundle", "bundle"),
        (b'{"a": 1}\n{"a": 2}\n', "log.jsonl", "jsonl"),
        (b'{\n "Versions": []}', "s3.listing", "json"),
        (b'<?xml version="1.0"?>', "s3.listing", "xml"),
        (b"\x10\xd1\x00\x00", "pg.wal", "wal"),
        (b"\xff\xfe\x00", "x", "bin"),
        ("é".encode() * 300, "x", "txt"),
        (b"", "x", "txt"),
    ],
)
def test_an_extension_is_of_ours_by_the_first_bytes(
    tmp_path: Path, content: bytes, kind: str, name: str
):
    path = tmp_path / "item.exe"
    path.write_bytes(content)
    assert natives.extension(path, kind) == name
