"""Checksums of uploads in parts, recomputed from the bytes.

``COMPOSITE``: the checksum of the parts' checksums, their raw bytes one after another, and ``-N``
(S3 User Guide, "Checking object integrity", composite checksums). The ETag of such an upload is
made in the same way of the parts' MD5s, where S3 did not encrypt with KMS; AWS promises no form.
Where the parts' sizes are not known, those that common clients use are tried for the ETag: a match
is a proof of the bytes, no match says nothing.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

MIB = 1 << 20
COMMON = tuple(size * MIB for size in (8, 5, 16, 10, 15, 32, 50, 64, 100, 128, 512))
"""Bytes of a part: the AWS CLI and boto3 use 8 MiB; the others are those of other clients."""
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Whole:
    """Digests of all bytes of a file."""

    sha256: str
    md5: str
    size: int


def whole(path: Path) -> Whole:
    """Both digests in one reading, in hexadecimal."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    size = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            sha256.update(chunk)
            md5.update(chunk)
            size += len(chunk)
    return Whole(sha256.hexdigest(), md5.hexdigest(), size)


def composite(path: Path, sizes: Sequence[int], algorithm: str = "sha256") -> str:
    """Base64 of the digest of the parts' digests, with ``-N``; sizes in bytes, in order.

    Empty where the sizes do not add up to the file's.
    """
    digests = list(_digests(path, sizes, algorithm))
    if sum(sizes) != path.stat().st_size or not digests:
        return ""
    outer = hashlib.new(algorithm, b"".join(digests), usedforsecurity=False)
    return f"{base64.b64encode(outer.digest()).decode()}-{len(digests)}"


def etag_of_parts(path: Path, etag: str) -> int | None:
    """The size of parts with which the bytes give this ETag (``md5-N``); null where none does."""
    wanted, _, count = etag.partition("-")
    size = path.stat().st_size
    number = int(count) if count.isascii() and count.isdigit() and len(count) < 6 else 0  # noqa: PLR2004  (10,000 parts)
    for part in COMMON:
        if number and (number - 1) * part < size <= number * part:
            sizes = [min(part, size - start) for start in range(0, size, part)]
            digests = b"".join(_digests(path, sizes, "md5"))
            if hashlib.md5(digests, usedforsecurity=False).hexdigest() == wanted:
                return part
    return None


def _digests(path: Path, sizes: Sequence[int], algorithm: str) -> Iterator[bytes]:
    with path.open("rb") as file:
        for size in sizes:
            digest = hashlib.new(algorithm, usedforsecurity=False)
            left = size
            while left and (chunk := file.read(min(left, _CHUNK))):
                digest.update(chunk)
                left -= len(chunk)
            yield digest.digest()
