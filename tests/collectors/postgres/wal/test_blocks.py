"""Block references of many records at once, held against those of each record by itself."""

from __future__ import annotations

import struct
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.postgres.wal import Segment, read, unpacked
from collectors.postgres.wal.blocks import (
    COUNT,
    DATA,
    DATA_SIZE,
    FILE,
    FIRST,
    HOLE,
    IMAGE,
    IMAGE_SIZE,
    MAIN,
    MAIN_SIZE,
    NUMBER,
    PACKED,
    PAGE,
    RECORD,
    UNFIT,
    WAYS,
    File,
    Registry,
)
from collectors.postgres.wal.record import Block, split
from collectors.postgres.wal.stream import parts
from recon.collector import Sha256

CORPUS = Path(__file__).parents[3] / "corpus" / "postgres" / "wal"
MAJORS = [14, 15, 16, 17, 18]
FILES = [(1663, 5, 100), (1663, 5, 101), (1664, 5, 100), (1663, 6, 102)]
Found = list[tuple[bytes, list[Block]] | None]
"""Of each record: main data and references; None: its lengths do not fit."""


def one_by_one(records: Sequence[bytes], major: int, wanted: Collection[File]) -> Found:
    found: Found = []
    for one in records:
        record = split(one, major)
        blocks = record.blocks if record else ()
        theirs = [block for block in blocks if block.file in wanted and not block.fork]
        found.append((record.main, theirs) if record else None)
    return found


def at_once(records: Sequence[bytes], major: int, wanted: Collection[File]) -> Found:
    lengths = np.array([len(one) for one in records], np.int64)
    # Nothing lies behind the last: it is not read.
    text = np.frombuffer(b"".join(records), np.uint8).copy()
    registry = Registry(
        np.unique(np.array([file[2] for file in wanted], np.uint32)), set(wanted).__contains__
    )
    blocks = registry.blocks(text, np.cumsum(lengths) - lengths, lengths, major)
    assert set(registry.files) <= set(wanted)

    def piece(at: int, size: int) -> bytes:
        assert 0 <= at <= at + size <= len(text)
        return text[at : at + size].tobytes()

    def block(row: list[int]) -> Block:
        return Block(
            *(row[NUMBER], registry.files[row[FILE]], 0, row[PAGE]),
            piece(row[IMAGE], row[IMAGE_SIZE]) if row[IMAGE] >= 0 else None,
            *(row[HOLE], WAYS[row[PACKED]], piece(row[DATA], row[DATA_SIZE])),
        )

    found: Found = []
    for index, one in enumerate(blocks.records.tolist()):
        rows = blocks.rows[one[FIRST] : one[FIRST] + one[COUNT]].tolist()
        assert all(row[RECORD] == index for row in rows)
        fits = one[MAIN] != UNFIT
        assert fits or not rows
        found.append((piece(one[MAIN], one[MAIN_SIZE]), list(map(block, rows))) if fits else None)
    return found


def agree(records: Sequence[bytes], major: int, wanted: Collection[File]) -> Found:
    found = at_once(records, major, wanted)
    assert found == one_by_one(records, major, wanted)
    return found


@st.composite
def heads(draw: st.DrawFn, number: int) -> tuple[bytes, bytes]:
    """A block reference, and the image and data behind all of them."""
    image = draw(st.none() | st.binary(max_size=40))
    data = draw(st.none() | st.binary(max_size=40))
    same = number > 0 and draw(st.booleans())
    flags = draw(st.sampled_from([0, 0, 0, 1, 2, 3]))
    flags |= (image is not None) << 4 | (data is not None) << 5 | same << 7
    head = struct.pack("<BBH", number, flags, len(data or b""))
    if image is not None:
        kind = draw(st.integers(0, 31))
        head += struct.pack("<HHB", len(image), draw(st.integers(0, 8192)), kind)
        head += bytes(2) if draw(st.booleans()) else b""
    if not same:
        head += struct.pack("<III", *draw(st.sampled_from([*FILES, (1, 2, 3)])))
    return head + struct.pack("<I", draw(st.integers(0, 2**32 - 1))), (image or b"") + (data or b"")


@st.composite
def records(draw: st.DrawFn) -> bytes:
    """A record, or one that has been tampered with."""
    many = [draw(heads(number)) for number in range(draw(st.integers(0, 4)))]
    head = b"".join(one for one, _ in many)
    head += draw(st.sampled_from([b"", b"\xfd\1\0", b"\xfc\1\0\0\0", b"\xfd\1\0\xfc\1\0\0\0"]))
    main = draw(st.binary(max_size=60))
    if main:
        head += bytes([0xFF, len(main)])
    elif draw(st.booleans()):
        head += struct.pack("<BI", 0xFE, len(main))
    out = bytearray(bytes(24) + head + b"".join(one for _, one in many) + main)
    spots = st.tuples(st.integers(0, 120), st.integers(0, 255))
    for at, value in draw(st.lists(spots, max_size=3)):
        if 24 + at < len(out):
            out[24 + at] = value
    out = out[: len(out) - draw(st.sampled_from([0, 0, 0, 1, 2, 5, 30]))]
    return bytes(out.ljust(24, b"\0"))


@given(st.lists(records(), max_size=8), st.sampled_from(MAJORS), st.sets(st.sampled_from(FILES)))
@settings(max_examples=200, deadline=None)
def test_they_are_those_of_each_record(made: list[bytes], major: int, wanted: set[File]) -> None:
    agree(made, major, wanted)


def test_more_than_were_made_room_for() -> None:
    """Room is made for two a record and 512: here are 33, as many as a record can have."""
    file = FILES[0]
    first = struct.pack("<BBHIIII", 0, 0, 0, *file, 0)
    others = b"".join(struct.pack("<BBHI", number, 0x80, 0, number) for number in range(1, 33))
    # Without data of its own no reference would be looked for in what remains.
    one = bytes(24) + first + others + b"\xff\1x"
    found = agree([one] * 100, 18, [file])
    assert all(each is not None and len(each[1]) == 33 for each in found)


def test_files_that_are_met_by_the_thousand() -> None:
    """All have the number of a wanted file, as only hostile records name them; each many times."""
    files = [(space, 16384 * database, 100) for space in range(60) for database in range(60)]
    records = [
        bytes(24) + struct.pack("<BBHIIII", 0, 0, 0, *file, at) + b"\xff\1x"
        for file in files * 2
        for at in range(2)
    ]
    found = agree(records, 18, files[::7])
    assert sum(bool(one and one[1]) for one in found) == 4 * len(files[::7])


@pytest.fixture(scope="module")
def real() -> dict[int, list[bytes]]:
    """Heap, Heap2 and XLOG records of the corpus, by major version."""
    found: dict[int, list[bytes]] = {}
    with ExitStack() as stack:
        for major in MAJORS:
            folder = CORPUS / str(major) / "archive"
            packed = [
                Segment(path.name, path, Sha256(path.name))
                for path in sorted(folder.iterdir())
                if ".history" not in path.name
            ]
            plain, _ = stack.enter_context(unpacked(packed))
            wal = read(plain, source="db", prefer_tool=False)
            found[major] = [
                text
                for stretch in wal.stretches
                for part in parts(stretch.run)
                for text in part.chosen(np.flatnonzero(np.isin(part.rmgr, (0, 9, 10, 11))))
            ]
    return found


def files_of(texts: Sequence[bytes], major: int) -> list[File]:
    found = [record for one in texts if (record := split(one, major))]
    assert len(found) == len(texts)
    return sorted({block.file for one in found for block in one.blocks})


@pytest.mark.parametrize("major", MAJORS)
def test_real_ones(real: dict[int, list[bytes]], major: int) -> None:
    texts = real[major]
    files = files_of(texts, major)
    found = agree(texts, major, files)
    told = [block for one in found if one for block in one[1]]
    assert len(texts) > 400
    assert None not in found
    assert any(block.image for block in told)
    assert any(block.number for block in told)
    # Of some files alone.
    assert agree(texts, major, files[::2]) != found


@pytest.mark.parametrize("seed", range(20))
def test_real_ones_that_were_tampered_with(real: dict[int, list[bytes]], seed: int) -> None:
    chance = np.random.default_rng(seed)
    major = MAJORS[seed % len(MAJORS)]
    texts = real[major]
    files = files_of(texts, major)
    forged = []
    for one in texts:
        text = bytearray(one)
        for _ in range(chance.integers(0, 4)):
            # Mostly in what tells lengths.
            at = int(chance.integers(24, 70 if chance.random() < 0.8 else len(text) + 25))
            if at < len(text):
                text[at] = chance.choice([0, 1, 0x80, 0xFC, 0xFD, 0xFF])
        forged.append(bytes(text))
    found = agree(forged, major, files)
    assert None in found
    assert len([one for one in found if one]) > len(forged) // 4
