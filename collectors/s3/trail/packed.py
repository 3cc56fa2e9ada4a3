"""JSON of CloudTrail's files: packed with gzip as AWS delivers them, or not."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from typing import Any

from collectors.s3.listing import MAX_BYTES, NotAListingError


def unpacked(data: bytes) -> bytes:
    """The bytes that CloudTrail hashed: those of the JSON, not of the packed file.

    Raises:
        NotAListingError: it does not unpack, or is larger than any that CloudTrail delivers.
    """
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        with gzip.open(io.BytesIO(data)) as file:
            found = file.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise NotAListingError(f"expected a file packed with gzip ({error})") from error
    if len(found) > MAX_BYTES:
        raise NotAListingError(f"expected at most {MAX_BYTES} bytes unpacked, found more")
    return found


def load(data: bytes) -> dict[str, Any]:
    """The JSON object of a file, packed or not.

    Raises:
        NotAListingError: it is none.
    """
    try:
        value = json.loads(unpacked(data))
    except (ValueError, RecursionError) as error:
        raise NotAListingError(f"expected JSON, found {data[:40]!r} ({error})") from error
    if not isinstance(value, dict):
        raise NotAListingError(f"expected a JSON object, found a {type(value).__name__}")
    return value
