"""ORC of S3 Inventory: rows by their stripes, and what a file says of itself."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

import polars as pl
import pytest
import zstandard
from pyarrow import orc

from collectors.s3 import orczones, packed
from collectors.s3.kinds import INVENTORY
from collectors.s3.listing import NotAListingError
from recon.collector import Item, Sha256
from recon.errors import BadInputError
from tests.collectors.s3.test_inventory import ROWS, frame


def test_a_row_of_orc_is_quoted_from_its_stripe(tmp_path: Path) -> None:
    rows = [{**ROWS[0], "version_id": hashlib.sha256(b"%d" % n).hexdigest()} for n in range(40_000)]
    path = tmp_path / "9a5f.orc"
    table = frame(rows).to_arrow(compat_level=pl.CompatLevel.oldest())
    orc.write_table(table, str(path), stripe_size=1 << 16)
    assert orc.ORCFile(path).nstripes > 1
    item = Item(Sha256("0" * 64), "models", INVENTORY, "x/9a5f.orc", 1, "2026-03-08T12:00:00Z", 1)
    for number in (1, 39_999):
        quote = packed.quote(path, item, f"row {number}")
        assert hashlib.sha256(b"%d" % (number - 1)).hexdigest() in quote.text
    with pytest.raises(BadInputError):
        packed.quote(path, item, "row 40001")


@pytest.mark.parametrize("packed_by", ["uncompressed", "zlib", "snappy", "lz4", "zstd"])
def test_a_stripe_names_a_time_zone_and_no_other_file(tmp_path: Path, packed_by: str) -> None:
    """Its reader opens a file of that name below `/usr/share/zoneinfo`."""
    path = tmp_path / "9a5f.orc"
    table = frame(ROWS).to_arrow(compat_level=pl.CompatLevel.oldest())
    orc.write_table(table, str(path), compression=packed_by)
    assert sum(part.height for part in packed.stripes(path)) == len(ROWS)
    whole = path.read_bytes()
    assert packed_by != "uncompressed" or whole.count(b"\x1a\x03GMT") == 1
    path.write_bytes(whole.replace(b"\x1a\x03GMT", b"\x1a\x03../"))
    if path.read_bytes() != whole:
        with pytest.raises(
            NotAListingError, match=r"name of a time zone in a stripe, found b'\.\./'"
        ):
            list(packed.stripes(path))
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        with contextlib.suppress(NotAListingError):
            orczones.check(path)


def orc_of(path: Path, footer: bytes, kind: int, block: bytes, before: bytes = b"ORC") -> None:
    """A file as far as its time zones are looked for; lengths below 16384."""
    length = bytes([len(footer) & 0x7F | 0x80, len(footer) >> 7])
    post = b"\x08" + length + bytes([0x10, kind, 0x18]) + block
    path.write_bytes(before + footer + post + bytes([len(post)]))


def test_a_footer_of_orc_unpacks_within_its_blocks_and_within_a_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks of no length, a frame that gives its own, and one footer for very many stripes."""
    path = tmp_path / "9a5f.orc"
    orc_of(path, b"", 0, b"\0")
    orczones.check(path)
    orc_of(path, b"", 1, b"\0")
    with pytest.raises(NotAListingError, match="found blocks of no length"):
        orczones.check(path)
    large = zstandard.ZstdCompressor().compress(bytes(1 << 20))
    orc_of(path, (len(large) << 1).to_bytes(3, "little") + large, 5, b"\x80\x80\x10")
    with pytest.raises(NotAListingError, match="expected blocks of at most 262144 bytes"):
        orczones.check(path)
    stripes = b"\x1a\x04\x08\x03\x20\x05" * 20
    orc_of(path, stripes, 0, b"\0", b"ORC" + b"\x1a\x03GMT")
    orczones.check(path)
    monkeypatch.setattr(orczones, "_MOST", 19 * 256)
    with pytest.raises(NotAListingError, match="expected stripes' footers of 4864 bytes"):
        orczones.check(path)
