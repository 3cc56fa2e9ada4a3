import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.postgres.wal.crc import AT_ONCE, crc32c, intact, record_crc

BODIES = st.lists(
    st.one_of(st.binary(min_size=24, max_size=60), st.binary(min_size=250, max_size=2000)),
    min_size=1,
    max_size=12,
)


WAYS = pytest.mark.parametrize("at_once", [True, False] if AT_ONCE else [False])
"""By the processor's instruction, where it has one, and by tables."""


def sealed(body: bytes) -> bytes:
    """A record with the checksum that it must hold."""
    crc = record_crc(body).to_bytes(4, "little")
    return body[:20] + crc + body[24:]


Numbers = npt.NDArray[np.int64]


def laid_out(records: list[bytes]) -> tuple[npt.NDArray[np.uint64], Numbers, Numbers]:
    """Records one after the other, each from a multiple of 8 bytes."""
    text = b""
    starts = []
    for record in records:
        starts.append(len(text) // 8)
        text += record + bytes(-len(record) % 8)
    lengths = [len(record) for record in records]
    return np.frombuffer(text, np.uint64), np.array(starts), np.array(lengths)


def test_the_check_value_of_crc_32c():
    # RFC 3720, appendix B.4, and the catalogue's check value.
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA


@WAYS
@settings(deadline=None)
@given(bodies=BODIES)
def test_all_records_at_once_give_what_one_after_the_other_gives(
    bodies: list[bytes], *, at_once: bool
):
    laid = laid_out([sealed(body) for body in bodies])
    assert intact(*laid, at_once=at_once).tolist() == [True] * len(bodies)


@WAYS
@settings(deadline=None)
@given(bodies=BODIES, data=st.data())
def test_a_flipped_bit_is_found_in_its_record_alone(
    *, bodies: list[bytes], data: st.DataObject, at_once: bool
):
    records = [sealed(body) for body in bodies]
    which = data.draw(st.integers(0, len(records) - 1))
    bit = data.draw(st.integers(0, len(records[which]) * 8 - 1))
    broken = bytearray(records[which])
    broken[bit // 8] ^= 1 << bit % 8
    laid = laid_out([*records[:which], bytes(broken), *records[which + 1 :]])
    found = intact(*laid, at_once=at_once).tolist()
    assert found == [index != which for index in range(len(records))]


@WAYS
def test_long_records(*, at_once: bool):
    records = [sealed(bytes(24) + bytes([n % 251 for n in range(size)])) for size in (9, 70_000, 3)]
    laid = laid_out(records)
    assert intact(*laid, at_once=at_once).all()
