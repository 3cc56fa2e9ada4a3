"""Where chunks of values stand, held against dictionaries; and how much memory that takes."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.postgres.heap import chunkindex, deform
from collectors.postgres.heap.chunkindex import ChunkIndex, Key, Place
from collectors.postgres.heap.deform import Cells

FEW = st.integers(0, 3)
LSNS = st.sampled_from([0, 1, 2, 2**63, 2**64 - 1])
PUT = st.tuples(st.builds(Key, st.sampled_from([0, 7, 2**32 - 1]), FEW, FEW), LSNS)


@given(st.lists(PUT | LSNS, max_size=40), st.integers(0, 5))
@settings(deadline=None, max_examples=60)
def test_a_chunk_is_where_it_was_put_last(acts: list[tuple[Key, int] | int], kept: int):
    model: dict[Key, Place] = {}
    with patch.object(chunkindex, "KEPT", kept), closing(ChunkIndex()) as index:
        for at, act in enumerate(acts):
            if isinstance(act, int):
                index.forget(act)
                model = {key: place for key, place in model.items() if place.lsn < act}
                continue
            key, lsn = act
            assert index.get(key) == model.get(key)
            model[key] = Place(lsn, at, 1)
            index.put(key, model[key])
        for value in (0, 7, 2**32 - 1):
            files = sorted({key.file for key in model if key.value == value}, reverse=True)
            assert [dict(one) for one in index.of(value) if one] == [
                {key.number: place for key, place in model.items() if key[:2] == (value, file)}
                for file in files
            ]


def test_another_thread_may_close_what_one_began():
    key, place = Key(1, 0, 0), Place(1, 2, 3)
    index = ChunkIndex()
    with patch.object(chunkindex, "KEPT", 0):
        index.put(key, place)
    with ThreadPoolExecutor(1) as other:
        assert other.submit(index.get, key).result() == place
        other.submit(index.close).result()


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.usefixtures("traced")
def test_memory_does_not_grow_with_the_chunks():
    """Of 400 MB of values, in chunks of 2 kB: a dictionary of all has 70 MB."""
    count = 200_000
    with closing(ChunkIndex()) as index:
        for number in range(count):
            index.put(Key(number // 3, 0, number % 3), Place(number, 2000 * number, 2000))
        assert tracemalloc.get_traced_memory()[1] < 32 * 2**20
        for value in (0, count // 6, count // 3 - 1):
            (found,) = index.of(value)
            assert found[2] == Place(3 * value + 2, 2000 * (3 * value + 2), 2000)


def test_the_size_of_what_is_not_in_the_row_as_it_stands():
    pointer = b"\x01\x12" + (5_000_004).to_bytes(4, "little") + bytes(12)
    packed = (300 | 1 << 30).to_bytes(4, "little") + b"ab"
    states = [deform.POINTER, deform.VALUE, deform.PACKED, deform.PACKED]
    tuples = np.frombuffer(pointer + packed, np.uint8)
    at = np.array([[0, 0, len(pointer), len(tuples)]], np.int64)
    cells = Cells(tuples, np.array([states], np.uint8), at, np.zeros((1, 4), np.int64))
    rows, size = cells.unpacked(0, np.arange(3))
    assert (rows.tolist(), size.tolist()) == ([0, 2], [5_000_004, 300])
    # A packed value that ends before its size does.
    assert len(cells.unpacked(0, np.array([3]))[1]) == 1
