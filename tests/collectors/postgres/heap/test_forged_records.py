"""Records with checksums that fit and lengths that no server writes: bounded, and named."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
import pytest

from collectors.postgres.heap import replay
from collectors.postgres.heap.page import SIZE
from collectors.postgres.heap.pages import Pages
from collectors.postgres.heap.prune import Batch
from collectors.postgres.heap.records import Replay
from collectors.postgres.heap.slots import HEAD, LONGEST
from collectors.postgres.wal.blocks import Registry
from collectors.postgres.wal.heaprecords import Chunk

FILE = (1663, 5, 16384)
HEAP, HEAP2 = 10, 9
INSERT, UPDATE, MULTI_INSERT, INIT = 0x00, 0x20, 0x50, 0x80
PREFIX = 0x20
HAS_IMAGE, HAS_DATA = 0x10, 0x20
TUPLE_HEAD = struct.pack("<HHB", 1, 0, 23)


def record(kind: int, main: bytes, data: bytes = b"", image: bytes = b"", page: int = 0) -> bytes:
    """With one block reference; the header says no more than is looked at."""
    flags = (HAS_IMAGE if image else 0) | (HAS_DATA if data else 0)
    head = struct.pack("<BBH", 0, flags, len(data))
    if image:
        head += struct.pack("<HHB", len(image), 0, 0)
    head += struct.pack("<IIII", *FILE, page) + struct.pack("<BI", 0xFE, len(main))
    body = head + image + data + main
    return struct.pack("<IIQHxxI", 24 + len(body), 7, 0, kind, 0) + body


def chunk(records: Sequence[bytes]) -> Chunk:
    lengths = np.array([len(one) for one in records], np.int64)
    kinds = [int.from_bytes(one[16:18], "little") for one in records]
    count = len(records)
    return Chunk(
        major=15,
        lsn=np.arange(count, dtype=np.uint64),
        xid=np.full(count, 7, np.uint32),
        timeline=np.ones(count, np.uint32),
        kind=np.array(kinds, np.uint16),
        text=np.frombuffer(b"".join(records), np.uint8).copy(),
        starts=np.cumsum(lengths) - lengths,
        lengths=lengths,
        run=(),
    )


def insert(line: int, size: int, page: int = 0) -> bytes:
    main = struct.pack("<HB", line, 0)
    return record(HEAP << 8 | INSERT, main, TUPLE_HEAD + bytes([line % 251]) * size, page=page)


def update(was: int, now: int, prefix: int) -> bytes:
    """A new version that is the beginning of the old one, and nothing more."""
    main = struct.pack("<IHBBIH", 0, was, 0, PREFIX, 0, now)
    return record(HEAP << 8 | UPDATE, main, struct.pack("<H", prefix) + TUPLE_HEAD)


def test_the_longest_update_on_the_fullest_page_stays_within_its_room() -> None:
    # Both versions are as long as can be, and the page is tidied: all of it is set aside first.
    filler = 32_752 - HEAD - LONGEST - HEAD
    story = [insert(1, LONGEST), insert(2, filler), update(1, 1, LONGEST)]
    records, pages = chunk(story), Pages()
    registry = Registry(np.array([FILE[2]], np.uint32), {FILE}.__contains__)
    blocks = registry.blocks(records.text, records.starts, records.lengths, records.major)
    slots = pages.place(np.zeros(3, np.uint64), None)
    batch = Batch(
        *(records.text, records.kind, records.xid, blocks.records, blocks.rows, slots),
        *(np.full(3, replay.NO_IMAGE), np.empty(0, np.uint8), 15),
    )
    state, guard = np.zeros(5, np.int64), 4096
    changes, fit = np.empty((8, replay.WIDTH), np.int64), np.empty(3, np.bool_)
    room = 0
    while state[0] < 3:
        # As little room as is said to be enough for the next record, and behind it a fence.
        tuples = np.full(room + guard, 0xA5, np.uint8)
        replay._replay(batch, pages.slots, fit, changes, tuples[:room], state)  # noqa: SLF001  (who calls it gives more)
        assert (tuples[room:] == 0xA5).all()
        room = int(state[2] + state[4])
    assert fit.all()
    pages.close()


def page_of_one_tuple(lines: int) -> bytes:
    """A page whose line pointers are all of the same bytes."""
    pointer = 24 | 1 << 15 | (SIZE - 24) << 17
    head = struct.pack("<QHHHHHHI", 0, 0, 0, 24 + 4 * lines, SIZE, SIZE, SIZE | 4, 0)
    return (head + struct.pack("<I", pointer) * lines).ljust(SIZE, b"\0")


@pytest.mark.parametrize("lines", [291, 2000])
def test_an_image_whose_lines_share_their_bytes_does_not_fill_the_memory(lines: int) -> None:
    main = struct.pack("<BxH", 0, lines)
    kind = HEAP2 << 8 | MULTI_INSERT | INIT
    forged = record(kind, main, image=page_of_one_tuple(lines))
    replay_ = Replay([FILE[2]], {FILE}.__contains__)
    (changes,) = replay_.take(chunk([forged, insert(1, 5, page=1)]))
    assert changes.unfit == [0]
    assert len(changes.tuples) < SIZE
    ((_, one),) = changes.each()
    assert one.made == (1, 1)
    replay_.close()


def test_as_many_tuples_as_a_page_can_have_are_read_from_its_image() -> None:
    """The innocent twin: each of 291 line pointers has its own tuple, of a header alone."""
    lines = 291
    pointers = (1 << 15 | 24 << 17 | (SIZE - 24 * (1 + line)) for line in range(lines))
    head = struct.pack("<QHHHHHHI", 0, 0, 0, 24 + 4 * lines, SIZE - 24 * lines, SIZE, SIZE | 4, 0)
    page = head + b"".join(struct.pack("<I", one) for one in pointers)
    written = record(
        HEAP2 << 8 | MULTI_INSERT | INIT,
        struct.pack("<BxH", 0, lines),
        image=page.ljust(SIZE, b"\0"),
    )
    replay_ = Replay([FILE[2]], {FILE}.__contains__)
    (changes,) = replay_.take(chunk([written]))
    assert not changes.unfit
    assert [one.made for _, one in changes.each()] == [(0, line + 1) for line in range(lines)]
    replay_.close()
