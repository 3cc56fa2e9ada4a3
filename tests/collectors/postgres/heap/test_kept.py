"""What is kept of more pages than memory holds, held against dictionaries."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.postgres.heap import slots
from collectors.postgres.heap.frames import Frames
from collectors.postgres.heap.pages import KEPT, Pages
from collectors.postgres.heap.versions import KEPT as OF_VERSIONS
from collectors.postgres.heap.versions import NO_PLACE, Versions, keys

# Beside each other, at the ends of what stands side by side, and far away.
KEYS = st.sampled_from([0, 1, 1023, 1024, 1025, 2048, 2**32 - 1, 2**32, 2**33 + 5])
PUT = st.tuples(KEYS, st.binary(min_size=1, max_size=9000))
DROP = st.tuples(KEYS, KEYS)


@given(st.lists(PUT | DROP, max_size=30))
def test_a_frame_is_what_was_put_there_last(acts: list[tuple[int, bytes | int]]):
    model: dict[int, bytes] = {}
    with closing(Frames(20_000)) as frames:
        for key, what in acts:
            if isinstance(what, bytes):
                frames.put(key, what)
                model[key] = what
            else:
                frames.drop(key, what)
                model = {one: data for one, data in model.items() if not key <= one < what}
        for key in (0, 1, 1023, 1024, 1025, 2048, 2**32 - 1, 2**32, 2**33 + 5):
            assert frames.get(key) == model.get(key, b"")
        frames.clear()
        assert not any(frames.get(key) for key in model)
        frames.put(1023, b"a")
        assert frames.get(1023) == b"a"
        assert frames.get(1024) == b""


def test_a_frame_as_long_as_it_may_be():
    with closing(Frames(slots.PACKED)) as frames:
        data = bytes(range(256)) * 200
        frames.put(7, data[: slots.PACKED])
        frames.put(8, b"next")
        assert frames.get(7) == data[: slots.PACKED]
        assert frames.get(8) == b"next"


@pytest.mark.parametrize("kind", [Pages, Versions])
def test_what_is_closed_goes_with_its_last_name(kind: type[Pages | Versions]):
    """It is tens of MB, and whoever reads rows writes their events next."""
    one = kind()
    gone = weakref.ref(one)
    gc.disable()
    try:
        one.close()
        del one
        assert gone() is None
    finally:
        gc.enable()


@pytest.fixture
def pages() -> Iterator[Pages]:
    with closing(Pages()) as found:
        yield found


def test_pages_come_back_as_they_were_when_memory_held_others(pages: Pages):
    count = 3 * KEPT
    every = np.arange(count, dtype=np.uint64)
    seeded = []

    def seed(key: int, at: int) -> bytes:
        seeded.append((key, at))
        return bytes([key % 251]) * slots.SIZE

    # As many at a time as records that are gone through together touch.
    for some in np.array_split(every, 6):
        at = pages.place(some, seed)
        assert len(set(at.tolist())) == len(some)
    assert seeded == [(key, key % KEPT % (KEPT // 2)) for key in range(count)]
    for some in np.array_split(every[::-1], 7):
        for key, slot in zip(some.tolist(), pages.place(some, seed).tolist(), strict=True):
            assert pages.slots.image[slot * slots.SIZE] == key % 251
    assert len(seeded) == count
    # A file that is cut short loses what stood behind.
    pages.forget(0, KEPT + 3)
    pages.place(np.array([0, KEPT + 2, KEPT + 3, count - 1], np.uint64), seed)
    assert [key for key, _ in seeded[count:]] == [KEPT + 3, count - 1]


def test_versions_of_more_pages_than_memory_holds():
    count = 2 * OF_VERSIONS + 100
    rng = np.random.default_rng(8)
    with closing(Versions()) as versions:
        model: dict[tuple[int, int, int], tuple[int, int]] = {}
        for lsn in range(0, 160_000, 40_000):
            places = np.stack(
                [
                    rng.integers(0, 2, 40_000),
                    rng.integers(0, count, 40_000),
                    rng.integers(1, 292, 40_000),
                ],
                axis=1,
            )
            ended, made = places[:20_000], places[20_000:]
            expected = []
            for row, (old, new) in enumerate(
                zip(map(tuple, ended.tolist()), map(tuple, made.tolist()), strict=True)
            ):
                expected.append(model.pop(old, (0, -1)))
                model[new] = lsn + row, row % 291
            number = np.arange(20_000)
            lsns, rows = versions.follow(
                keys(ended), keys(made), (number + lsn).astype(np.uint64), number % 291
            )
            assert list(zip(lsns.tolist(), rows.tolist(), strict=True)) == expected
        versions.clear()
        nothing = np.full(len(made), NO_PLACE, np.uint64)
        assert (versions.follow(keys(made), nothing, lsns, number)[1] == -1).all()
