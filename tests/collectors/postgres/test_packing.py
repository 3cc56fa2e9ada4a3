"""Packed bytes come out as they went in, in bounded pieces, and what is wrong has its place."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import lz4.frame
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from collectors.postgres.decoders import PIECE, PackedError
from collectors.postgres.packing import (
    PACKINGS,
    Packing,
    opened,
    packing_of,
    stream,
)
from recon.errors import BadInputError

PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "lz4": lambda data: lz4.frame.compress(data, content_checksum=True),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}
TEXT = bytes(3 << 20) + os.urandom(200_000) + b"end"
each = pytest.mark.parametrize("name", PACK)


def unpack(packed: bytes) -> tuple[bytes, PackedError | None]:
    """What comes out, and the fault that ended it."""
    packing = packing_of(packed)
    assert packing
    out = bytearray()
    try:
        for piece in stream(io.BytesIO(packed), packing):
            out += piece
    except PackedError as error:
        return bytes(out), error
    return bytes(out), None


@each
@given(data=st.binary(max_size=300))
def test_what_went_in_comes_out(name: str, data: bytes):
    assert unpack(PACK[name](data)) == (data, None)


@pytest.mark.parametrize("packing", PACKINGS, ids=lambda one: one.name)
def test_the_stock_program_and_its_command_agree(packing: Packing, tmp_path: Path):
    plain = tmp_path / "plain"
    plain.write_bytes(TEXT)
    program = packing.command.split()[0]
    with (tmp_path / "packed").open("wb") as out:
        subprocess.run([program, "-c", plain], stdout=out, stderr=subprocess.DEVNULL, check=True)
    packed = (tmp_path / "packed").read_bytes()
    assert packing_of(packed) is packing
    assert unpack(packed) == (TEXT, None)
    command = [*packing.command.split(), tmp_path / "packed"]
    # The programs go by the suffix unless they read standard input or are told to write to it.
    assert subprocess.run(command, capture_output=True, check=True).stdout == TEXT


@each
def test_a_packed_file_reads_as_a_file(name: str):
    packed = PACK[name](TEXT)
    packing = packing_of(packed)
    assert packing
    with opened(io.BytesIO(packed), packing) as file:
        assert file.read(100) == TEXT[:100]
        assert file.read() == TEXT[100:]
    with (
        opened(io.BytesIO(packed[:-200]), packing, "here") as file,
        pytest.raises(BadInputError, match="here: expected a packed file that is whole"),
    ):
        file.read()


@each
def test_several_members_are_one_text(name: str):
    assert unpack(PACK[name](TEXT) + PACK[name](b"more")) == (TEXT + b"more", None)


@each
def test_a_cut_off_file_gives_what_came_before_and_says_where_it_ends(name: str):
    packed = PACK[name](TEXT)
    out, fault = unpack(packed[:-100_000])
    assert TEXT.startswith(out)
    assert fault
    assert not fault.whole
    assert f"after {len(packed) - 100_000} bytes" in str(fault)


@each
@pytest.mark.parametrize("tail", [b"x", b"trailing garbage", bytes(512)])
def test_what_follows_the_end_is_said_with_its_place(name: str, tail: bytes):
    packed = PACK[name](TEXT)
    out, fault = unpack(packed + tail)
    assert out == TEXT
    assert fault
    assert fault.whole
    assert f"{len(tail)} other byte(s)" in str(fault)
    assert f"from byte {len(packed)}" in str(fault)


@each
def test_a_changed_byte_is_found_by_the_checksum(name: str):
    packed = bytearray(PACK[name](TEXT))
    packed[-60_000] ^= 0xFF
    _, fault = unpack(bytes(packed))
    assert fault
    assert not fault.whole


@each
def test_a_bomb_comes_in_small_pieces_and_no_further_than_it_is_asked_for(name: str):
    packing = packing_of(packed := PACK[name](bytes(200 << 20)))
    assert packing
    taken = 0
    for piece in stream(io.BytesIO(packed), packing):
        # Of zstd: what its 512 packed bytes can hold.
        assert len(piece) <= (PIECE if name != "zstd" else 32 << 20)
        taken += len(piece)
        if taken > 40 << 20:
            break
    assert taken < 73 << 20


def test_a_window_larger_than_the_zstd_program_allows_is_refused():
    parameters = zstandard.ZstdCompressionParameters(window_log=30, compression_level=1)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    packed = packer.compress(b"x") + packer.flush()
    out, fault = unpack(packed)
    assert out == b""
    assert "zstd that cannot be unpacked" in str(fault)
