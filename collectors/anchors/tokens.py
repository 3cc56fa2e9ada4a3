"""RFC 3161 timestamps: what a time-stamping authority signed, verified against given roots.

A token says: a TSA saw a digest at ``genTime``, give or take ``accuracy``. With its signature, its
certificate (valid then, for time-stamping alone) and a chain to a root that the case trusts, it is
an anchor: bytes with that digest existed by then in UTC. Without, it is read as asserted.

Signature, chain at ``genTime`` and purpose are checked by ``rfc3161-client``; that the signer is
the certificate that is named in what is signed, by :mod:`collectors.anchors.signing`. The second
reader is ``openssl ts -verify``. Revocation is not checked: a list of then is rarely to be had. A
token over a SHA-1 is no anchor, as whoever asked for it may have made two files of that digest.

Source: RFC 3161, 2.4.2; RFC 5816.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from collectors.anchors import signing
from recon.collector import Warn
from recon.readings import TRUE_TIME
from recon.text import one_line

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from rfc3161_client.tsp import TimeStampResponse

    from recon.collector import Item, Items

TOKEN = "tsp.token"  # noqa: S105  (a kind of item)
CERTIFICATES = "tsp.certificates"
DATA = "tsp.data"
EVENT = "timestamp.token"
_MOST = 1 << 20
"""Bytes of a token or a certificate file that are looked at."""
_MOST_DATA = 64 << 20
"""Bytes of a stamped file that are searched for digests."""
ALGORITHMS = {
    "1.3.14.3.2.26": "sha1",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
_SOUND = ("sha256", "sha384", "sha512")
_GRANTED = {0: "granted", 1: "granted with modifications"}
_DIGEST = re.compile(rb"(?<![0-9A-Za-z])(?:[0-9a-fA-F]{64}|[0-9a-fA-F]{40})(?![0-9A-Za-z])")
_FIRST_YEAR, _LAST_YEAR = 1970, 9990
_LEAST_EXACT = 366 * 86_400.0
"""Seconds; a time that may be off by more says nothing, and the calendar has room for it."""
_SECOND = timedelta(microseconds=999_999)
"""``genTime`` is taken to the second, whatever fraction it holds: the wider reading."""


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says."""

    response: TimeStampResponse
    """Rewritten as granted, so that a bare token and a response are one thing."""
    algorithm: str
    """``sha256``, or the OID where it is none that is known."""
    imprint: bytes
    generated: datetime
    """To the second."""
    accuracy: float | None
    """Seconds; None: the token does not say."""
    serial: int
    policy: str


def read(data: bytes) -> Token:
    """A token or a response.

    Raises:
        ValueError: it is neither in strict DER, or the TSA refused.
    """
    from rfc3161_client import decode_timestamp_response

    if len(data) > _MOST:
        raise ValueError(f"{len(data)} bytes, more than a token has")
    try:
        response = decode_timestamp_response(data)
    except ValueError:
        response = decode_timestamp_response(_granted(data))
    else:
        if response.status not in _GRANTED:
            why = "; ".join(response.status_string)[:200]
            raise ValueError(f"a refusal of the TSA, status {response.status} {why}".strip())
        response = decode_timestamp_response(_granted(response.time_stamp_token()))
    told = response.tst_info
    generated, accuracy = told.gen_time.astimezone(UTC), _accuracy(told.accuracy)
    if not _FIRST_YEAR <= generated.year <= _LAST_YEAR:
        raise ValueError(f"a token of the year {generated.year}")
    if accuracy is not None and not 0 <= accuracy <= _LEAST_EXACT:
        raise ValueError(f"an accuracy of {accuracy:g} seconds")
    oid = told.message_imprint.hash_algorithm.dotted_string
    return Token(
        response=response,
        algorithm=ALGORITHMS.get(oid, oid),
        imprint=bytes(told.message_imprint.message),
        generated=generated,
        accuracy=accuracy,
        serial=told.serial_number,
        policy=told.policy.dotted_string if told.policy is not None else "none",
    )


def _accuracy(told: Any) -> float | None:  # noqa: ANN401  (the library's, or None)
    if told is None:
        return None
    parts = (told.seconds, told.millis, told.micros)
    if all(part is None for part in parts):
        return None
    seconds, millis, micros = (part or 0 for part in parts)
    return float(seconds + millis / 1e3 + micros / 1e6)


def _granted(token: bytes) -> bytes:
    """``TimeStampResp`` with status granted around a bare token (X.690 8.1, definite lengths)."""
    body = b"\x30\x03\x02\x01\x00" + token
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    head = size if len(body) < 0x80 else bytes([0x80 | len(size)]) + size  # noqa: PLR2004
    return b"\x30" + head + body


def verify(token: Token, roots: Sequence[Certificate], others: Sequence[Certificate]) -> str:
    """Empty where signature, purpose and chain at ``genTime`` hold; else why they do not.

    Args:
        token: what :func:`read` gave.
        roots: trusted certificates.
        others: certificates that a chain may lead through; trusted for nothing by themselves.
    """
    if not roots:
        return "the case names no root that it trusts"
    # The library takes whatever it is given as trusted, and a chain ends where a certificate has
    # signed itself: such a one among the others is left out.
    others = [one for one in others if one.subject != one.issuer and one not in roots]
    why = ""
    # A token without certificates is checked with each of the others as its TSA's.
    held = bool(token.response.signed_data.certificates)
    for signer in [None] if held else [None, *others]:
        why = _chained(token, roots, others, signer)
        if why:
            continue
        # OpenSSL compares names more loosely than is done above: by the others alone nothing holds.
        if others and not _chained(token, others, (), signer):
            why = "a chain that ends in one of `certificates`, and in no root"
            continue
        return ""
    return why


def _chained(
    token: Token,
    roots: Sequence[Certificate],
    others: Sequence[Certificate],
    signer: Certificate | None,
) -> str:
    from cryptography.x509 import InvalidVersion
    from rfc3161_client import VerificationError, VerifierBuilder

    builder = VerifierBuilder(roots=list(roots), intermediates=list(others), tsa_certificate=signer)
    try:
        builder.build().verify(token.response, token.imprint)
        signers = _signers(token, signer)
    except (VerificationError, ValueError, KeyError, InvalidVersion) as error:
        return _why(str(error)) or "no chain"
    return signing.problem(token.response.time_stamp_token(), signers)


def _signers(token: Token, signer: Certificate | None) -> list[Certificate]:
    """Certificates of the issuer and number that the signature gives: one, where nobody cheats."""
    from cryptography.x509 import load_der_x509_certificate

    (info,) = token.response.signed_data.signer_infos
    held = [load_der_x509_certificate(bytes(x)) for x in token.response.signed_data.certificates]
    name = (info.issuer, info.serial_number)
    return [one for one in held if (one.issuer, one.serial_number) == name] or (
        [] if signer is None else [signer]
    )


def _why(text: str) -> str:
    """The cause out of OpenSSL's list of errors: its words stand in ``reason`` or ``data``."""
    found = re.findall(r'(?:reason|data): "([^"]*)"', text)
    return one_line("; ".join(found) or text, 300)


def signer(token: Token, others: Sequence[Certificate]) -> str:
    """Who signed, by the certificate's subject; ``a TSA`` where no certificate says it."""
    from cryptography.x509 import InvalidVersion, load_der_x509_certificate

    infos = list(token.response.signed_data.signer_infos)
    held: list[bytes | Certificate] = [
        bytes(one) for one in token.response.signed_data.certificates
    ]
    for one in [*held, *others]:
        try:
            # Read as its fields are asked for: what is damaged within shows only here.
            found = load_der_x509_certificate(one) if isinstance(one, bytes) else one
            if infos and (found.issuer, found.serial_number) == (
                infos[0].issuer,
                infos[0].serial_number,
            ):
                return one_line(found.subject.rfc4514_string(), 200)
        except (ValueError, KeyError, InvalidVersion):
            continue
    return "a TSA"


def certificates(data: bytes) -> list[Certificate]:
    """One or more certificates of a PEM or DER file.

    Raises:
        ValueError: there is none.
    """
    from cryptography import x509

    if len(data) > _MOST:
        raise ValueError(f"{len(data)} bytes, more than certificates have")
    if b"-----BEGIN" in data:
        return list(x509.load_pem_x509_certificates(data))
    return [x509.load_der_x509_certificate(data)]


@dataclass(frozen=True, slots=True)
class Trust:
    """What tokens are checked by."""

    roots: Sequence[Certificate]
    others: Sequence[Certificate]
    accuracy: float | None
    """Seconds, for tokens that do not say it."""
    clock: str
    """Clock of what is not verified."""
    data: Mapping[tuple[str, bytes], tuple[str, ...]]
    """By algorithm and digest of a stamped file: names of what it is and holds."""


def stamped_files(items: Items, algorithms: set[str]) -> dict[tuple[str, bytes], tuple[str, ...]]:
    """Names by digest of each stamped file: its SHA-256, and the digests that it lists."""
    out = {}
    for item in items.of(DATA):
        names = [f"sha256:{item.sha256}"]
        if item.size <= _MOST_DATA:
            found = {one.decode().lower() for one in _DIGEST.findall(items.read(item))}
            # Forty digits are an object's id in git, as the rest of the timeline has it.
            names += [f"{'git' if len(one) == 40 else 'sha256'}:{one}" for one in sorted(found)]  # noqa: PLR2004
        for algorithm in sorted(algorithms):
            with items.path(item).open("rb") as file:
                digest = hashlib.file_digest(file, algorithm).digest()
            out[algorithm, digest] = tuple(names)
    return out


def event(token: Token, item: Item, trust: Trust) -> Iterator[dict[str, Any] | Warn]:
    """The token's event, and what must be known of it."""
    known = token.algorithm in _SOUND
    imprint = token.imprint.hex()
    names = list(trust.data.get((token.algorithm, token.imprint), ()))
    if token.algorithm == "sha256":
        names.append(f"sha256:{imprint}")
    elif not names:
        yield Warn(
            item.sha256,
            "",
            f"expected a SHA-256 of bytes in the case; found {token.algorithm}, by which only the "
            "files of `data` are known: name the stamped file there",
        )
    why = (
        "" if known else f"the digest algorithm {token.algorithm}, which none here knows or trusts"
    )
    why = why or verify(token, trust.roots, trust.others)
    accuracy = token.accuracy if token.accuracy is not None else trust.accuracy
    if not why and accuracy is None:
        why = "it does not say how accurate its time is, and neither does `accuracy` of the source"
    if why:
        yield Warn(
            item.sha256,
            "",
            f"expected a token that verifies against the case's roots; found {why}; read as "
            "asserted, no anchor",
        )
    room = timedelta(seconds=accuracy or 0)
    said = "none given" if token.accuracy is None else f"{token.accuracy} s"
    yield {
        "kind": EVENT,
        "subject": f"bytes:{token.algorithm}:{imprint}",
        "value": f"serial={token.serial} policy={token.policy} accuracy={said} "
        + (f"not verified: {why}" if why else "verified"),
        "clock": trust.clock if why else TRUE_TIME,
        "basis": "asserted" if why else "stamped",
        "earliest": token.generated - room,
        "latest": token.generated + _SECOND + room,
        "actor": signer(token, trust.others),
        "names": sorted(set(names)),
        "item": item.sha256,
        "citation": "",
        "part": 0,
    }
