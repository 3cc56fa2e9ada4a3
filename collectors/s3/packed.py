"""Words of what lies in rows or lines: reports of S3 Inventory, access logs; packed or not."""

from __future__ import annotations

import gzip
import re
import zlib
from itertools import islice
from typing import TYPE_CHECKING

from collectors.s3.kinds import ACCESS_LOG, INVENTORY
from collectors.s3.listing import NotAListingError
from recon.collector import Item, Quote
from recon.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import polars as pl

ROWS = frozenset({INVENTORY, ACCESS_LOG})
_PLACE = re.compile(r"(row|line) (\d{1,10})")
_LONGEST = 1 << 20
MOST_UNPACKED = 2 << 30
"""Bytes that a packed file may unpack to: a few kilobytes of gzip can unpack to a terabyte."""
MOST_ROWS = 20_000_000
"""Of one file. S3 splits reports and logs into files far below it."""


def is_packed(path: Path) -> bool:
    """Whether a file is one of gzip."""
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def unpacked(path: Path) -> bytes:
    """All bytes of a file of gzip.

    Raises:
        NotAListingError: it does not unpack, or to more than :data:`MOST_UNPACKED`.
    """
    try:
        with gzip.open(path) as file:
            found = file.read(MOST_UNPACKED + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise NotAListingError(f"expected a file packed with gzip ({error})") from error
    if len(found) > MOST_UNPACKED:
        raise NotAListingError(f"expected at most {MOST_UNPACKED} bytes unpacked, found more")
    return found


def lines(path: Path) -> Iterator[bytes]:
    """Lines of a file, unpacked where it is packed.

    Raises:
        NotAListingError: it does not unpack, or to more than :data:`MOST_UNPACKED`, or has more
            lines than :data:`MOST_ROWS`.
    """
    packed = is_packed(path)
    left = MOST_UNPACKED if packed else path.stat().st_size
    try:
        with gzip.open(path) if packed else path.open("rb") as file:
            for _ in range(MOST_ROWS):
                line = file.readline(left + 1)
                left -= len(line)
                if not line:
                    return
                if left < 0:
                    raise NotAListingError(
                        f"expected at most {MOST_UNPACKED} bytes unpacked, found more"
                    )
                yield line
    except (OSError, EOFError, zlib.error) as error:
        text = f"expected lines, or lines packed with gzip ({error})"
        raise NotAListingError(text) from error
    raise NotAListingError(f"expected at most {MOST_ROWS} lines, found more")


def quote(path: Path, item: Item, citation: str) -> Quote:
    """A row or line, or what the whole is.

    Raises:
        BadInputError: nothing is there.
    """
    if not citation:
        how = "zcat ITEM" if is_packed(path) else "cat ITEM"
        return Quote(f"{item.kind}, {item.size} bytes", how, verbatim=False)
    match = _PLACE.fullmatch(citation)
    number = int(match[2]) if match else 0
    found = _row(path, item.native.lower(), number) if number else None
    if found is None:
        raise BadInputError("a row", "nothing", f"{item.native}, {citation}", "cite another place")
    return found


def _row(path: Path, name: str, number: int) -> Quote | None:
    if name.endswith((".parquet", ".orc")):
        return _columns(path, number, is_orc=name.endswith(".orc"))
    try:
        line = next(islice(lines(path), number - 1, None), None)
    except NotAListingError:
        return None
    if line is None:
        return None
    cat = "zcat" if is_packed(path) else "cat"
    text = line[:_LONGEST].rstrip(b"\r\n").decode("utf-8", "replace")
    return Quote(text, f"{cat} ITEM | sed -n {number}p")


def _columns(path: Path, number: int, *, is_orc: bool) -> Quote | None:
    import polars as pl

    if is_orc:
        row = _orc_row(path, number)
        read = f"orc.read_table('ITEM')[{number - 1}:{number}]"
        how = f'python -c "from pyarrow import orc; print({read})"'
    else:
        row = _parquet_row(path, number)
        how = f"duckdb -c \"from 'ITEM' limit 1 offset {number - 1}\""
    if not isinstance(row, pl.DataFrame) or row.is_empty():
        return None
    said = [f"{name}: {value}" for name, value in row.row(0, named=True).items()]
    return Quote("\n".join(said), how, verbatim=False)


def stripes(path: Path, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
    """Rows of an ORC file, a frame for each of its stripes.

    Raises:
        NotAListingError: they take more memory than :data:`MOST_UNPACKED`, or name zones that
            are none.
    """
    import polars as pl
    from pyarrow import Table, orc

    from collectors.s3 import orczones

    orczones.check(path)
    file = orc.ORCFile(path)
    left = MOST_UNPACKED
    for number in range(file.nstripes):
        batch = file.read_stripe(number, columns=columns)
        left -= batch.nbytes
        if left < 0:
            raise NotAListingError(f"expected at most {MOST_UNPACKED} bytes unpacked, found more")
        frame = pl.from_arrow(Table.from_batches([batch]))
        yield frame if isinstance(frame, pl.DataFrame) else frame.to_frame()


def _parquet_row(path: Path, number: int) -> pl.DataFrame | None:
    """One row, of a file that can be read and does not unpack beyond all measure."""
    import polars as pl

    from collectors import parquetpages

    try:
        parquetpages.check(path, None, MOST_UNPACKED, MOST_ROWS)
        return pl.scan_parquet(path, glob=False).slice(number - 1, 1).collect()
    except (
        pl.exceptions.PolarsError,
        pl.exceptions.PanicException,
        parquetpages.TooMuchError,
        OSError,
    ):
        return None


def _orc_row(path: Path, number: int) -> pl.DataFrame | None:
    """One row, from the stripe that holds it."""
    before = 0
    try:
        for frame in stripes(path):
            if number <= before + frame.height:
                return frame.slice(number - before - 1, 1)
            before += frame.height
    except NotAListingError:
        pass
    return None
