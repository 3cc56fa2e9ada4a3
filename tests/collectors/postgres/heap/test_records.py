"""Heap records of WAL: held against pg_waldump one by one, and against the rows they left."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from collectors.postgres.wal.layout import show_lsn
from tests.collectors.postgres.heap.replays import Replayed, files_of, replayed, run, segments
from tests.collectors.postgres.heap.tables import copied, table_of
from tests.servers import Postgres, needs, postgres
from tests.versions import EACH

pytestmark = pytest.mark.live

# What writes page images and tuples in other ways.
WAYS = {
    14: {"wal_compression": "on"},
    15: {"wal_compression": "pglz", "wal_level": "minimal", "max_wal_senders": "0"},
    16: {"wal_compression": "lz4", "wal_level": "logical"},
    17: {"wal_compression": "zstd", "wal_log_hints": "on"},
    18: {},
}
LINE = re.compile(
    r"rmgr: Heap2? .*, tx: +(?P<xid>\d+), lsn: (?P<lsn>[0-9A-F]+/[0-9A-F]+), .*"
    r"desc: (?P<op>INSERT|MULTI_INSERT|DELETE|UPDATE|HOT_UPDATE)(?:\+INIT)? (?P<rest>.*), "
    r"blkref #0: rel (?P<file>[0-9/]+) blk (?P<block>\d+)(?P<more>.*)"
)


@pytest.fixture(scope="module", params=EACH, ids=lambda major: f"pg{major}")
def server(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """A server on which the story has run, its WAL in the archive."""
    needs(request.param)
    major = request.param
    ways = dict(WAYS[major])
    if ways.get("wal_level") == "minimal":
        ways["archive_mode"] = "off"
    with postgres(None, ways, major=major, initdb=["--wal-segsize=1"]) as running:
        run(running)
        if ways.get("archive_mode") == "off":
            running.psql("select pg_switch_wal()")
            for path in sorted((running.data / "pg_wal").iterdir()):
                if len(path.name) == 24:
                    (running.archive / path.name).write_bytes(path.read_bytes())
        else:
            running.switch_wal()
        yield running


@pytest.fixture(scope="module")
def story(server: Postgres) -> Iterator[Replayed]:
    """The records of the table, replayed."""
    found = replayed(segments(server), files_of(server, "t"))
    yield found
    found.chunks.close()


def test_the_rows_that_wal_leaves_are_those_that_the_server_has(
    server: Postgres, story: Replayed
) -> None:
    theirs = copied(server, "select ctid, xmin, * from t order by ctid")
    assert story.rows(table_of(server, "t")) == theirs
    assert len(theirs) > 1000


def test_every_old_row_is_known_where_each_page_has_an_image_in_the_archive(
    story: Replayed,
) -> None:
    unknown = [one for _, one in story.changes if one.op != "insert" and one.old is None]
    assert not unknown


def test_an_old_row_is_what_was_written_there_before(story: Replayed) -> None:
    stood: dict[tuple[int, int], bytes] = {}
    compared = 0
    for _, one in story.changes:
        if one.ended and one.ended in stood and one.old:
            assert one.old.body == stood[one.ended]
            compared += 1
        if one.made and one.new:
            stood[one.made] = one.new.body
    assert compared > 300


def test_records_are_those_of_pg_waldump(server: Postgres, story: Replayed) -> None:
    main, _ = files_of(server, "t")
    names = [one.name for one in segments(server)]
    try:
        text = server.run("pg_waldump", "-p", server.archive, names[0], names[-1])
    except RuntimeError as error:  # the last segment is not full
        text = str(error)
    theirs = []
    for line in text.splitlines():
        found = LINE.match(line)
        if found and found["file"] == main:
            theirs.append(_said(found))
    ours = []
    for lsn, one in story.changes:
        if one.op == "insert" and one.row:
            continue
        was = one.ended[1] if one.ended else None
        now = one.made[1] if one.made else None
        op = {"insert": "INSERT", "unmade": "DELETE"}.get(one.op, one.op.upper())
        block = (one.made or one.ended or (None,))[0]
        ours.append((show_lsn(lsn), one.xid, op, block, was, now))
    multi = {lsn for lsn, *_, was, now in theirs if was is now is None}
    ours = [(*one[:4], *((None, None) if one[0] in multi else one[4:])) for one in ours]
    assert ours == theirs
    assert len(multi) > 3


def _said(found: re.Match[str]) -> tuple[str, int, str, int, int | None, int | None]:
    rest, op = found["rest"], found["op"].replace("HOT_", "")
    offsets = [
        int(one) for one in re.findall(r"\boff:? (\d+)|old_off: (\d+)", rest) for one in one if one
    ]
    new = re.search(r"new[_ ]off:? (\d+)", rest)
    was = now = None
    if op == "UPDATE":
        was, now = offsets[0], int(new[1]) if new else None
    elif op == "DELETE":
        was = offsets[0]
    elif op == "INSERT":
        now = offsets[0]
    lsn = "{:X}/{:X}".format(*(int(half, 16) for half in found["lsn"].split("/")))
    return lsn, int(found["xid"]), op.replace("MULTI_", ""), int(found["block"]), was, now


@pytest.mark.parametrize("part", [0.3, 0.5, 0.7])
def test_what_a_cut_archive_does_not_hold_is_not_known_and_not_guessed(
    server: Postgres, story: Replayed, part: float
) -> None:
    """Records from the middle on: each row is the same as with all of them, or not known."""
    since = story.changes[int(len(story.changes) * part)][0]
    found = replayed(segments(server), files_of(server, "t"), since=since)
    found.chunks.close()
    whole = {(lsn, one.row): one for lsn, one in story.changes}
    unknown = 0
    for lsn, one in found.changes:
        same = whole[lsn, one.row]
        for ours, all_of_it in ((one.old, same.old), (one.new, same.new)):
            if ours is not None and all_of_it is not None and not one.key_only:
                assert ours.body == all_of_it.body
        unknown += one.op != "insert" and one.old is None
    assert found.changes
    assert part > 0.4 or unknown > 0 or any(one.key_only for _, one in found.changes)
