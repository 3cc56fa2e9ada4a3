"""Entries of a transparency log (Rekor) that a Sigstore bundle carries.

A real sample (shortened)::

    "tlogEntries": [{"logIndex": "25915956", "logId": {"keyId": "wNI9atQGlz+VWfO6LRygH4QU…"},
      "kindVersion": {"kind": "dsse", "version": "0.0.1"}, "integratedTime": "1771063530",
      "inclusionPromise": {"signedEntryTimestamp": "MEUCIQCNdYZ3v9XrTn…"},
      "canonicalizedBody": "eyJhcGlWZXJzaW9uIjoiMC4wLjEiLCJraW5kIjoiZHNzZSIsInNwZWMiOnsiZW52ZWxv…"}]

The log signs body, time, its own name and the index together (RFC 8785): a promise that verifies
with a key that the case gives, and whose name is the log's, says when the log took the entry in.
A proof of inclusion is held against the log's signed tree beside that (:mod:`.inclusion`); it says
that the log has the entry, and not since when.
The promise speaks of this signature only where the body holds itself or, of an envelope, the
digest of its payload: a signature alone can be copied from another entry. What the bundle writes
beside the body (whoever made the bundle can) was not there by the log's time, and is no word of
the log's.

Source: Rekor, ``pkg/signer`` and ``types/dsse``, ``types/hashedrekord``, ``types/intoto``;
Sigstore protobuf-specs, ``sigstore_rekor.proto``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

from collectors import exactjson
from collectors.lineage.formats import inclusion
from collectors.lineage.formats.base import File
from collectors.lineage.keys import holds
from collectors.lineage.record import Node, Record, Time, words

ENTRY = "tlog.entry"
"""Kind of an entry."""
_MOST = 2**53
"""RFC 8785 knows no larger integer."""


def entries(
    material: Node, here: str, signatures: Sequence[bytes], payload: bytes | None, file: File
) -> Iterator[Record]:
    """A record for each entry: stamped where the log's promise holds, and is of this signature."""
    for entry in material.nodes("tlogEntries"):
        body = _decoded(entry.text("canonicalizedBody"))
        log = _decoded(entry.node("logId").text("keyId")) or b""
        why = _why_not(entry, body, log, file)
        if not why and not _speaks_of(body or b"", signatures, payload):
            why = "its body is of another signature"
        if why:
            file.said.warn(here, "expected an entry of a transparency log that verifies with a key"
                           f" of the case; found one that does not: {why}; its time is asserted",
                           "note")  # fmt: skip
        included = inclusion.verdict(entry, body, log, file.keys.keys)
        if "not verified" in included:
            severity = "note" if "gives no key" in included else "warning"
            file.said.warn(here, "expected a proof that the log has the entry; found one that does"
                           f" not hold: {included}", severity)  # fmt: skip
        name = log.hex()[:16] or "unnamed"
        index = entry.text("logIndex") or ""
        clock = "tlog" if why else f"rekor:{name}"
        record = Record(
            here, ENTRY, f"tlog:{name}/{index}", index,
            value="; ".join(
                [f"not verified: {why}" if why else "verified", *([included] if included else [])]
            ),
            time=Time(entry.text("integratedTime"), "s", clock, stamped=not why),
            # Where the log's time counts, only what the log signed was there by then.
            text=("" if not why else words(entry.value)) + (body or b"").decode("utf-8", "replace"),
        )  # fmt: skip
        yield record


def _decoded(text: str | None) -> bytes | None:
    try:
        return None if text is None else base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _why_not(entry: Node, body: bytes | None, log: bytes, file: File) -> str:
    """Empty where the log's promise verifies; else why it does not."""
    import rfc8785

    promise = _decoded(entry.node("inclusionPromise").text("signedEntryTimestamp"))
    if promise is None:
        return "no promise of inclusion"
    key = next((one for one in file.keys.keys if one.fingerprint == log.hex()), None)
    if key is None:
        return "the case gives no key of that log"
    try:
        numbers = {
            "integratedTime": int(entry.text("integratedTime") or ""),
            "logIndex": int(entry.text("logIndex") or ""),
        }
    except ValueError:
        return "no time or index"
    if body is None or max(map(abs, numbers.values())) >= _MOST:
        return "no body, or a number that is too large"
    encoded = base64.b64encode(body).decode()
    signed = rfc8785.dumps({"body": encoded, "logID": log.hex(), **numbers})
    return "" if holds(key.public, promise, signed) else "its promise does not verify"


def _speaks_of(body: bytes, signatures: Sequence[bytes], payload: bytes | None) -> bool:
    """Whether an entry's body holds the digest of the payload or, without one, a signature."""
    try:
        value: Any = exactjson.decode(body.decode("utf-8"))
    except UnicodeDecodeError:
        return False
    if isinstance(value, str):
        return False
    found = _texts(value.get("spec"))
    if payload is not None:
        return hashlib.sha256(payload).hexdigest() in found
    return bool(found & {base64.b64encode(one).decode() for one in signatures if one})


def _texts(value: object) -> set[str]:
    """Every text within a value; one that is JSON itself (an envelope) is opened."""
    found: set[str] = set()
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            left += one.values()
        elif isinstance(one, list):
            left += one
        elif isinstance(one, str):
            found.add(one)
            if one.startswith("{") and len(one) < 1 << 20:
                try:
                    left.append(json.loads(one))
                except (ValueError, RecursionError):
                    continue
    return found
