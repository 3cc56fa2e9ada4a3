"""Which certificate a token says that it was signed with, in what is signed.

RFC 3161, 2.4.1: the identifier of the TSA's certificate MUST be a signed attribute. Without it
another certificate of the same issuer and number, or of the same key, could be put beside the
signature, with another name or another time in it. It is ``SigningCertificate`` with a SHA-1 (RFC
2634, 5.4), or ``SigningCertificateV2`` with any digest (RFC 5035, 3; RFC 5816). The second reader
is ``openssl ts -verify``, which checks the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_SEQUENCE, _OCTETS, _SIGNED = 0x30, 0x04, 0xA0
_ATTRIBUTES = {
    bytes.fromhex("2a864886f70d010910020c"): "sha1",
    bytes.fromhex("2a864886f70d010910022f"): "sha256",
}
"""1.2.840.113549.1.9.16.2.12 and .47, with the digest of a certificate that names no algorithm."""
_ALGORITHMS = {
    bytes.fromhex("608648016503040201"): "sha256",
    bytes.fromhex("608648016503040202"): "sha384",
    bytes.fromhex("608648016503040203"): "sha512",
}


class _Part(NamedTuple):
    tag: int
    body: bytes


def problem(token: bytes, certificates: Sequence[Certificate]) -> str:
    """Empty where the signed attributes name each of the certificates; else what they do.

    Args:
        token: in DER, one whose signature was verified.
        certificates: those that the signer may be: of one issuer and number.
    """
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        named = list(_named(token))
    except (ValueError, IndexError):
        return "signed attributes that cannot be read"
    if not named:
        return "no signed attribute that names the TSA's certificate (RFC 3161, 2.4.1)"
    for algorithm, digest, serial in named:
        for one in certificates:
            if algorithm is None:
                return "a certificate that is named by a digest algorithm that none here knows"
            made = hashlib.new(algorithm, one.public_bytes(Encoding.DER), usedforsecurity=False)
            if made.digest() != digest or serial not in (None, one.serial_number):
                return "another certificate than the one that the signed attributes name"
    return ""


def _named(token: bytes) -> Iterator[tuple[str | None, bytes, int | None]]:
    """Digest algorithm, digest and serial number of the first certificate of each attribute."""
    (whole,) = _parts(token)
    signed = _parts(_parts(_parts(whole.body)[1].body)[0].body)
    (info,) = _parts(signed[-1].body)
    attributes = [one for one in _parts(info.body) if one.tag == _SIGNED]
    for attribute in _parts(attributes[0].body) if attributes else ():
        oid, values = _parts(attribute.body)
        if oid.body not in _ATTRIBUTES:
            continue
        (value,) = _parts(values.body)
        first = _parts(_parts(_parts(value.body)[0].body)[0].body)
        algorithm: str | None = _ATTRIBUTES[oid.body]
        if first[0].tag == _SEQUENCE:
            algorithm = _ALGORITHMS.get(_parts(first.pop(0).body)[0].body)
        if first[0].tag != _OCTETS:
            raise ValueError("no digest of a certificate")
        serial = _parts(first[1].body)[-1] if len(first) > 1 else None
        number = None if serial is None else int.from_bytes(serial.body, "big", signed=True)
        yield algorithm, first[0].body, number


def _parts(data: bytes) -> list[_Part]:
    """Elements side by side (X.690, 8.1), definite lengths alone.

    Raises:
        ValueError, IndexError: they are cut off, or of another form.
    """
    found = []
    at = 0
    while at < len(data):
        tag, size = data[at], data[at + 1]
        at += 2
        if size & 0x80:
            count = size & 0x7F
            if not 0 < count <= 4:  # noqa: PLR2004  (a token has no 4 GiB)
                raise ValueError("a length of another form")
            size = int.from_bytes(data[at : at + count], "big")
            at += count
        if at + size > len(data):
            raise ValueError("an element that is cut off")
        found.append(_Part(tag, data[at : at + size]))
        at += size
    return found
