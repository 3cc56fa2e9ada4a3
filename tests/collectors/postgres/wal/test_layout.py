import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.postgres.wal.layout import (
    Geometry,
    read_lsn,
    read_name,
    segment_name,
    show_lsn,
)
from collectors.postgres.wal.stream import to_lsn

GEOMETRIES = [Geometry(2**20), Geometry(2**24), Geometry(2**24, 4096), Geometry(2**30, 65536)]


@given(st.sampled_from(GEOMETRIES), st.integers(0, 2**50))
def test_a_place_and_its_lsn_lead_to_each_other(geometry: Geometry, place: int):
    lsn = geometry.lsn(place)
    assert geometry.place(lsn) == place
    assert geometry.lsn(place + 1) > lsn


@given(st.sampled_from(GEOMETRIES), st.integers(0, 2**40), st.lists(st.integers(0, 2**22)))
def test_a_column_of_places_gives_the_same_lsns(geometry: Geometry, word: int, starts: list[int]):
    found = to_lsn(np.array(starts, np.int64), word * 8, geometry)
    assert found.tolist() == [geometry.lsn(word * 8 + start * 8) for start in starts]


@given(st.integers(0, 2**64 - 1))
def test_an_lsn_is_read_as_it_is_shown(lsn: int):
    assert read_lsn(show_lsn(lsn)) == lsn


def test_lsns_are_shown_as_postgresql_does():
    assert show_lsn(0x16B3740) == "0/16B3740"
    assert show_lsn(0x1_0000_0028) == "1/28"
    assert read_lsn("0/") is None
    assert read_lsn("0/123456789") is None
    assert read_lsn("lsn 0/1") is None


@pytest.mark.parametrize(
    ("timeline", "number", "size", "name"),
    [
        (1, 1, 2**24, "000000010000000000000001"),
        (2, 256, 2**24, "000000020000000100000000"),
        (1, 0xC, 2**20, "00000001000000000000000C"),
        (1, 4096, 2**20, "000000010000000100000000"),
    ],
)
def test_segments_are_named_as_postgresql_does(timeline: int, number: int, size: int, name: str):
    assert segment_name(timeline, number, size) == name
    read = read_name(name)
    assert read is not None
    assert read[0] == timeline
    assert read[1] * (2**32 // size) + read[2] == number


def test_a_name_in_small_letters_is_none():
    assert read_name("00000001000000000000000c") is None
    assert read_name("00000001000000000000000C.partial") is None
