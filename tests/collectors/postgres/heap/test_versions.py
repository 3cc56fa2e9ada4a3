"""What stands at which place, held against a dictionary."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from collectors.postgres.heap.versions import Versions, keys

NOWHERE = (0, -1, 0)
# Few blocks, so that places come again; far ones, which differ in a key's upper bits alone.
PLACES = st.tuples(
    st.integers(0, 2),
    st.sampled_from([0, 1, 2, 2**16, 2**24, 2**31]),
    st.integers(1, 3),
)
CHANGES = st.tuples(st.none() | PLACES, st.none() | PLACES)
"""The place that a change ended, and the one that it made."""


@given(st.lists(st.lists(CHANGES, max_size=60), max_size=4))
def test_each_place_has_what_was_made_there_last(batches: list[list[tuple[object, object]]]):
    versions, model = Versions(), dict[object, tuple[int, int]]()
    lsn = 0
    for changes in batches:
        expected = []
        for row, (ended, made) in enumerate(changes):
            expected.append(model.pop(ended, (0, -1)) if ended else (0, -1))
            if made:
                model[made] = (lsn + row, row)
        columns = [
            keys(np.array([place or NOWHERE for place in side], np.int64).reshape(-1, 3))
            for side in ([ended for ended, _ in changes], [made for _, made in changes])
        ]
        numbers = np.arange(len(changes))
        lsns, rows = versions.follow(*columns, (numbers + lsn).astype(np.uint64), numbers)
        assert list(zip(lsns.tolist(), rows.tolist(), strict=True)) == expected
        lsn += len(changes)


def test_places_by_the_ten_thousand():
    versions = Versions()
    places = np.array([(0, block, line) for block in range(200) for line in range(60)], np.int64)
    nothing = np.full(len(places), 2**64 - 1, np.uint64)
    number = np.arange(len(places))
    versions.follow(nothing, keys(places), number.astype(np.uint64), number)
    lsns, rows = versions.follow(keys(places), nothing, number.astype(np.uint64), number)
    assert rows.tolist() == lsns.tolist() == number.tolist()
    _, rows = versions.follow(keys(places), nothing, number.astype(np.uint64), number)
    assert (rows == -1).all()
