"""X.509 (gpgsm, smimesign): verified by ``openssl cms`` with the roots that the case gives.

Source: RFC 5652 (CMS), 5; openssl-cms(1).
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING

from collectors.git.signatures import Signed, Verdict
from collectors.git.signatures.program import run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from recon.collector import Item

_BEGIN = b"-----BEGIN CERTIFICATE-----"
_NOT_ITS = (b"verification failure", b"digest verification", b"content verify error")
"""What OpenSSL says where the bytes are not those that were signed."""


def is_key(data: bytes) -> bool:
    """Whether a file holds certificates in PEM."""
    return _BEGIN in data


@dataclass(frozen=True, slots=True)
class Verifier:
    """The given roots as one file."""

    scratch: Path
    is_given: bool

    @classmethod
    def of(cls, given: Sequence[tuple[Item, bytes]], scratch: Path) -> Verifier:
        """All certificates of all files, each a root."""
        (scratch / "roots.pem").write_bytes(b"\n".join(data for _, data in given))
        return cls(scratch, bool(given))

    def verify(self, signed: Signed) -> Verdict:
        """First whether the bytes are those that were signed, then by whose certificate."""
        der = _der(signed.signature)
        if der is None:
            return Verdict("doubtful", because="it is no signature of X.509")
        (self.scratch / "signature").write_bytes(der)
        (self.scratch / "payload").write_bytes(signed.payload)
        words = (
            *("openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", "signature"),
            *("-content", "payload", "-out", "/dev/null"),
        )
        own = run(self.scratch, *words, "-noverify", "-signer", "signer.pem")
        if own.returncode:
            if any(said in own.stderr.lower() for said in _NOT_ITS):
                return Verdict("bad")
            return Verdict("doubtful", because="OpenSSL gives no verdict on it")
        key, whose = self._signer()
        if not self.is_given:
            return Verdict("unknown", key, whose)
        # Judged when the object says that it was made, not by the examiner's clock.
        at = () if signed.seconds is None else ("-attime", str(signed.seconds))
        chain = ("-CAfile", "roots.pem", "-no-CApath", "-no-CAstore", "-purpose", "any", *at)
        if run(self.scratch, *words, *chain).returncode:
            return Verdict("unknown", key, whose)
        return Verdict("good", key, whose)

    def _signer(self) -> tuple[str, str]:
        """SHA-256 of the signer's certificate, and its subject."""
        from cryptography import x509
        from cryptography.hazmat.primitives.hashes import SHA256

        try:
            data = (self.scratch / "signer.pem").read_bytes()
            certificate = x509.load_pem_x509_certificate(data)
            return certificate.fingerprint(SHA256()).hex(), certificate.subject.rfc4514_string()
        except (OSError, ValueError):
            return "", ""


def _der(armored: bytes) -> bytes | None:
    lines = armored.replace(b"\r\n", b"\n").strip().split(b"\n")
    try:
        return base64.b64decode(b"".join(line.strip() for line in lines[1:-1]), validate=True)
    except (ValueError, binascii.Error):
        return None
