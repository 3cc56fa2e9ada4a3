"""Signatures checked with the keys and certificates that the case gives, and with no others.

A signature that no given key verifies is *not verified*: the key may be another one, and that is no
word against whoever signed. A key that came with the signature proves that somebody had it, and is
trusted for nothing, unless a given certificate issued it.

Source: FIPS 186-5 (ECDSA, EdDSA); RFC 8017 (RSA); RFC 5280, 6.1 (path validation; of it, names,
signatures and the right to issue are checked here, revocation and the time of signing are not).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recon.text import one_line

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from recon.collector import Item, Items

KEY = "lineage.key"
"""Kind of the items of keys and certificates."""
_MOST = 1 << 20
"""Bytes of a key file that are looked at."""
_LONGEST = 8
"""Certificates of a chain."""


@dataclass(frozen=True, slots=True)
class Key:
    """One public key that the case gives."""

    native: str
    """Its path as the case gives it."""
    public: Any
    """A public key of ``cryptography``."""
    certificate: Certificate | None = None

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the key's SubjectPublicKeyInfo, hexadecimal."""
        return hashlib.sha256(spki(self.public)).hexdigest()

    def hints(self) -> set[str]:
        """By which names signatures refer to it: over DER, and over PEM as model-signing has it."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        pem = self.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return {self.fingerprint, hashlib.sha256(pem).hexdigest()}


@dataclass(frozen=True, slots=True)
class Keys:
    """All of them."""

    keys: Sequence[Key]

    def verdict(
        self, signature: bytes, texts: Sequence[bytes], came: Sequence[Certificate], hint: str
    ) -> str:
        """What is known of a signature, in one line.

        Args:
            signature: as it was made.
            texts: the signed bytes; several where a known program signed them in another way.
            came: certificates that came with it, the signer's first.
            hint: by which the signature names its key; hexadecimal, or empty.
        """
        if not self.keys:
            return "signature not verified: the case gives no key"
        for key in self.keys:
            if any(holds(key.public, signature, text) for text in texts):
                return f"signature verified with {_named(key)}"
        issuer = self._issuer(came)
        if issuer is not None and any(holds(came[0].public_key(), signature, t) for t in texts):
            return (
                f"signature verified with a certificate of {_owner(came[0])}, valid "
                f"{came[0].not_valid_before_utc:%Y-%m-%dT%H:%M:%SZ} to "
                f"{came[0].not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}, issued under {_named(issuer)}"
            )
        for key in self.keys:
            if hint and hint in key.hints():
                return f"signature not verified: it names {_named(key)}, and does not fit it"
        return "signature not verified: made with none of the case's keys"

    def _issuer(self, came: Sequence[Certificate]) -> Key | None:
        """The given certificate under which the first one was issued, through those that came."""
        here = came[0] if came else None
        left = list(came[1 : _LONGEST + 1])
        for _ in range(_LONGEST):
            if here is None:
                return None
            for key in self.keys:
                if key.certificate is not None and _issued(here, key.certificate):
                    return key
            above = next((one for one in left if _issued(here, one)), None)
            left = [one for one in left if one is not above]
            here = above
        return None


def spki(public: Any) -> bytes:  # noqa: ANN401  (any of the library's keys)
    """A public key's SubjectPublicKeyInfo, DER."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    found: bytes = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return found


def holds(public: Any, signature: bytes, text: bytes) -> bool:  # noqa: ANN401  (as above)
    """Whether the key made the signature over the text; False for keys of a kind not known."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    for scheme in _schemes(public):
        try:
            public.verify(signature, text, *scheme)
        except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
            continue
        return True
    return False


def _schemes(public: Any) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401  (as above)
    """What ``verify`` of the key takes beside signature and text: each way in which it may sign."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa

    if isinstance(public, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        yield ()
    elif isinstance(public, ec.EllipticCurvePublicKey):
        for algorithm in (hashes.SHA256(), hashes.SHA384(), hashes.SHA512()):
            yield (ec.ECDSA(algorithm),)
    elif isinstance(public, rsa.RSAPublicKey):
        for algorithm in (hashes.SHA256(), hashes.SHA384(), hashes.SHA512()):
            yield (padding.PKCS1v15(), algorithm)
            yield (padding.PSS(padding.MGF1(algorithm), padding.PSS.AUTO), algorithm)


def _issued(certificate: Certificate, by: Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.x509 import BasicConstraints, ExtensionNotFound

    try:
        certificate.verify_directly_issued_by(by)
        constraints = by.extensions.get_extension_for_class(BasicConstraints)
    except (InvalidSignature, UnsupportedAlgorithm, ExtensionNotFound, ValueError, TypeError):
        return False
    then = certificate.not_valid_before_utc
    return constraints.value.ca and by.not_valid_before_utc <= then <= by.not_valid_after_utc


def _named(key: Key) -> str:
    return f"{key.native} (SHA-256 {key.fingerprint[:16]}…)"


def _owner(certificate: Certificate) -> str:
    from cryptography.x509 import ExtensionNotFound, SubjectAlternativeName

    try:
        found = certificate.extensions.get_extension_for_class(SubjectAlternativeName)
        names = [str(getattr(one, "value", "")) for one in found.value]
    except (ExtensionNotFound, ValueError):
        names = []
    try:
        subject = certificate.subject.rfc4514_string()
    except ValueError:
        subject = ""
    return one_line(", ".join([*names, *([subject] if subject else [])]) or "no name", 200)


def certificate(data: bytes) -> Certificate | None:
    """A certificate in DER; None where the bytes are none that is read whole."""
    from cryptography.x509 import InvalidVersion, load_der_x509_certificate

    try:
        found = load_der_x509_certificate(data)
        # Read as its fields are asked for: what is damaged within shows only here.
        found.public_key()
        _ = (found.extensions, found.not_valid_before_utc, found.not_valid_after_utc)
    except (ValueError, TypeError, KeyError, InvalidVersion, _unsupported()):
        return None
    return found


def _unsupported() -> type[Exception]:
    from cryptography.exceptions import UnsupportedAlgorithm

    return UnsupportedAlgorithm


def read(items: Items, natives: Sequence[str], warn: list[tuple[Item, str]]) -> Keys:
    """The keys of the case; what is none of them is told of in ``warn``."""
    found: list[Key] = []
    for item in items.of(KEY):
        if item.native not in natives:
            continue
        keys = list(_of(items.read(item), item.native)) if item.size <= _MOST else []
        if not keys:
            warn.append((item, "expected a public key or certificate, PEM or DER; found neither"))
        found += keys
    return Keys(found)


def _of(data: bytes, native: str) -> Iterator[Key]:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    try:
        if b"-----BEGIN CERTIFICATE" in data:
            for one in x509.load_pem_x509_certificates(data):
                yield Key(native, one.public_key(), one)
        elif b"-----BEGIN" in data:
            yield Key(native, serialization.load_pem_public_key(data))
        else:
            try:
                yield Key(native, serialization.load_der_public_key(data))
            except ValueError:
                one = x509.load_der_x509_certificate(data)
                yield Key(native, one.public_key(), one)
    except (ValueError, TypeError, KeyError, x509.InvalidVersion, _unsupported()):
        return
