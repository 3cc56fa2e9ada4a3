"""SSH: verified by ``ssh-keygen -Y`` with the allowed signers that the case gives.

Source: OpenSSH, PROTOCOL.sshsig; ssh-keygen(1), ALLOWED SIGNERS.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from collectors.git.signatures import Signed, Verdict
from collectors.git.signatures.program import run
from recon.collector import Warn

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from recon.collector import Item

_MAGIC = b"SSHSIG"
_TYPES = (b"ssh-", b"ecdsa-", b"sk-")
_LAST = 253_402_300_799


@dataclass(frozen=True, slots=True)
class Verifier:
    """The given lines as one file of allowed signers."""

    scratch: Path
    keys: frozenset[bytes] = frozenset()
    """Keys that a line names, as ``base64``."""

    @classmethod
    def of(
        cls, given: Sequence[tuple[Item, bytes]], scratch: Path, warnings: list[Warn]
    ) -> Verifier:
        """All lines of all files; a file without one is named."""
        keys: set[bytes] = set()
        for item, data in given:
            words = [line.split() for line in data.splitlines()]
            own = {
                line[at + 1]
                for line in words
                for at, word in enumerate(line[:-1])
                if word.startswith(_TYPES)
            }
            if not own:
                said = "expected OpenPGP keys, PEM certificates or allowed signers; found neither"
                warnings.append(Warn(item.sha256, "", said, "error"))
            keys |= own
        (scratch / "allowed").write_bytes(b"\n".join(data for _, data in given) + b"\n")
        return cls(scratch, frozenset(keys))

    def verify(self, signed: Signed) -> Verdict:
        """As git does: which signer has the key at the commit's time, then whether it is his."""
        public = public_key(signed.signature)
        if public is None:
            return Verdict("doubtful", because="it is no signature of SSH that holds a key")
        digest = base64.b64encode(hashlib.sha256(public).digest()).rstrip(b"=").decode()
        key = f"SHA256:{digest}"
        if base64.b64encode(public) not in self.keys:
            return Verdict("unknown", key)
        (self.scratch / "signature").write_bytes(signed.signature)
        keygen = ("ssh-keygen", "-Y")
        own = run(
            self.scratch,
            *(*keygen, "check-novalidate", "-n", "git", "-s", "signature"),
            stdin=signed.payload,
        )
        if own.returncode:
            return Verdict("bad", key)
        when = ""
        if signed.seconds is not None and 0 <= signed.seconds <= _LAST:
            when = f"{datetime.fromtimestamp(signed.seconds, UTC):%Y%m%d%H%M%S}"
        at = ("-Overify-time=" + when,) if when else ()
        found = run(
            self.scratch, *keygen, "find-principals", *at, "-s", "signature", "-f", "allowed"
        )
        for name in found.stdout.decode("utf-8", "backslashreplace").splitlines():
            words = ("verify", *at, "-n", "git", "-s", "signature", "-f", "allowed", "-I", name)
            if not run(self.scratch, *keygen, *words, stdin=signed.payload).returncode:
                return Verdict("good", key, name)
        because = "its key is allowed for other purposes or at other times alone"
        return Verdict("doubtful", key, because=because)


def public_key(armored: bytes) -> bytes | None:
    """The key that a signature holds, as it is on the wire."""
    lines = armored.replace(b"\r\n", b"\n").strip().split(b"\n")
    try:
        data = base64.b64decode(b"".join(line.strip() for line in lines[1:-1]), validate=True)
    except (ValueError, binascii.Error):
        return None
    start = len(_MAGIC) + 4
    size = int.from_bytes(data[start : start + 4], "big")
    public = data[start + 4 : start + 4 + size]
    return public if data.startswith(_MAGIC) and public and len(public) == size else None
