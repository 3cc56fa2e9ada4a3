"""Roughtime: a server's signed word for what time it was between a request and its response.

The response holds MIDP ± RADI seconds, signed by a key that the server's long-term key delegates,
and a Merkle path that proves that the very request (with its nonce) was there before it signed.

Source: RFC 10049 (version 1) and draft-ietf-ntp-roughtime-12 to -19 (version 0x8000000c), which
differ in the signatures' contexts alone: message format, requests, responses, the Merkle tree and
validity of a response. Older versions, Google's included, have other leaves, and are not read.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

_CONTEXTS = {
    1: (b"Roughtime v1 delegation signature\x00", b"Roughtime v1 response signature\x00"),
    0x8000000C: (b"RoughTime v1 delegation signature\x00", b"RoughTime v1 response signature\x00"),
}
"""By version: what a delegation's signature and a response's begin with."""
VERSIONS = tuple(_CONTEXTS)
NONCE = 32
"""Bytes."""
KEY = 32
LEAST_REQUEST = 1024
"""Bytes of a request's message: a server may not answer with more than it was sent."""
MOST = 8192
"""Bytes of a packet that are read."""
_FRAME = b"ROUGHTIM"
_HASH = 32
_SIGNATURE = 64
_MOST_TAGS = 64
_MOST_PATH = 32
_YEAR_9999 = 253_402_300_799


@dataclass(frozen=True, slots=True)
class Told:
    """What a valid response says of the moment in which the server handled the request."""

    midpoint: int
    """Seconds since 1970, UTC."""
    radius: int
    """Seconds, at least 1."""
    version: int


def digest(*parts: bytes) -> bytes:
    """SHA-512, its first 32 bytes."""
    return hashlib.sha512(b"".join(parts)).digest()[:_HASH]


def message(tags: Mapping[bytes, bytes]) -> bytes:
    """A message: number of tags, offsets, tags in numeric order, values (multiples of 4 bytes)."""
    ordered = sorted(tags.items(), key=lambda tag: int.from_bytes(tag[0], "little"))
    offsets: list[int] = []
    at = 0
    for _, value in ordered[:-1]:
        at += len(value)
        offsets.append(at)
    head = struct.pack(f"<{1 + len(offsets)}I", len(ordered), *offsets)
    return head + b"".join(tag for tag, _ in ordered) + b"".join(value for _, value in ordered)


def packet(body: bytes) -> bytes:
    """A message with its frame and length."""
    return _FRAME + struct.pack("<I", len(body)) + body


def request(nonce: bytes, key: bytes) -> bytes:
    """The packet that asks the server of that long-term key."""
    tags = {
        b"VER\x00": struct.pack(f"<{len(VERSIONS)}I", *sorted(VERSIONS)),
        b"SRV\x00": digest(b"\xff", key),
        b"NONC": nonce,
        b"TYPE": struct.pack("<I", 0),
        b"ZZZZ": b"",
    }
    tags[b"ZZZZ"] = bytes(LEAST_REQUEST - len(message(tags)))
    return packet(message(tags))


def read(data: bytes) -> dict[bytes, bytes]:
    """Tags of a message.

    Raises:
        ValueError: it is not of that form.
    """
    if len(data) < 4 or len(data) % 4:  # noqa: PLR2004  (a word)
        raise ValueError("a message of whole words, found another length")
    (count,) = struct.unpack_from("<I", data)
    if not 0 < count <= _MOST_TAGS or len(data) < 8 * count:
        raise ValueError(f"a message with room for its tags, found {count} of them")
    offsets = [0, *struct.unpack_from(f"<{count - 1}I", data, 4)]
    tags = [data[at : at + 4] for at in range(4 * count, 8 * count, 4)]
    values = data[8 * count :]
    ends = [*offsets[1:], len(values)]
    if any(at % 4 or at > end for at, end in zip(offsets, ends, strict=True)):
        raise ValueError("offsets that ascend by whole words")
    numbers = [int.from_bytes(tag, "little") for tag in tags]
    if any(one >= other for one, other in pairwise(numbers)):
        raise ValueError("tags in ascending order, each once")
    return {tag: values[at:end] for tag, at, end in zip(tags, offsets, ends, strict=True)}


def unpacked(data: bytes) -> dict[bytes, bytes]:
    """Tags of a packet's message.

    Raises:
        ValueError: it is no packet.
    """
    if len(data) > MOST or data[:8] != _FRAME or len(data) < 12:  # noqa: PLR2004  (the head)
        raise ValueError("a packet that begins with ROUGHTIM")
    if struct.unpack_from("<I", data, 8)[0] != len(data) - 12:
        raise ValueError("a packet as long as it says")
    return read(data[12:])


def verify(asked: bytes, answered: bytes, key: bytes) -> Told:
    """What a response says, if it is valid for the request and the long-term key.

    Raises:
        ValueError: what is not as it must be.
    """
    sent, got = unpacked(asked), unpacked(answered)
    if _sized(got, b"TYPE", 4) != struct.pack("<I", 1):
        raise ValueError("a response")
    if _sized(got, b"NONC", NONCE) != _sized(sent, b"NONC", NONCE):
        raise ValueError("the nonce that was sent")
    certificate, signed = _value(got, b"CERT"), _value(got, b"SREP")
    said, cert = read(signed), read(certificate)
    (version,) = struct.unpack("<I", _sized(said, b"VER\x00", 4))
    if version not in _CONTEXTS:
        raise ValueError(f"version 1 or 0x8000000c, found {version:#x}")
    for_delegation, for_response = _CONTEXTS[version]
    delegation = _value(cert, b"DELE")
    _signed(key, _sized(cert, b"SIG\x00", _SIGNATURE), for_delegation + delegation, "delegation")
    delegated = read(delegation)
    own = _sized(delegated, b"PUBK", KEY)
    _signed(own, _sized(got, b"SIG\x00", _SIGNATURE), for_response + signed, "response")
    path, (index,) = _value(got, b"PATH"), struct.unpack("<I", _sized(got, b"INDX", 4))
    if _root(asked, path, index) != _sized(said, b"ROOT", _HASH):
        raise ValueError("a Merkle path from the request to the signed root")
    (midpoint,) = struct.unpack("<Q", _sized(said, b"MIDP", 8))
    (radius,) = struct.unpack("<I", _sized(said, b"RADI", 4))
    first, last = (struct.unpack("<Q", _sized(delegated, tag, 8))[0] for tag in (b"MINT", b"MAXT"))
    if not first <= midpoint <= last:
        raise ValueError("a midpoint within the time that the key was delegated for")
    if radius == 0 or midpoint + radius > _YEAR_9999 or midpoint < radius:
        raise ValueError("a radius, and a time of this calendar")
    return Told(midpoint, radius, version)


def _root(asked: bytes, path: bytes, index: int) -> bytes:
    if len(path) % _HASH or len(path) > _MOST_PATH * _HASH:
        raise ValueError("a path of at most 32 hashes")
    found = digest(b"\x00", asked)
    for at in range(0, len(path), _HASH):
        node = path[at : at + _HASH]
        pair = (found, node) if index & 1 == 0 else (node, found)
        found = digest(b"\x01", *pair)
        index >>= 1
    if index:
        raise ValueError("an index within its path")
    return found


def _signed(key: bytes, signature: bytes, text: bytes, what: str) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, text)
    except InvalidSignature as error:
        raise ValueError(f"a signature of the {what} that verifies") from error


def _value(tags: Mapping[bytes, bytes], tag: bytes) -> bytes:
    if tag not in tags:
        raise ValueError(f"a tag {tag.rstrip(bytes(1)).decode()}")
    return tags[tag]


def _sized(tags: Mapping[bytes, bytes], tag: bytes, size: int) -> bytes:
    value = _value(tags, tag)
    if len(value) != size:
        raise ValueError(f"{size} bytes of {tag.rstrip(bytes(1)).decode()}, found {len(value)}")
    return value


__all__: Sequence[str] = ("Told", "digest", "message", "packet", "read", "request", "verify")
