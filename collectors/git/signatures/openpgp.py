"""OpenPGP: verified by ``gpgv`` with the given keys; what a signature names is read here.

Source: RFC 9580, 4.2 (packet headers), 5.2 (signatures), 6.2 (armor); GnuPG, doc/DETAILS.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from collectors.git.signatures import Signed, Verdict
from collectors.git.signatures.program import run
from recon.collector import Warn

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from recon.collector import Item

_SIGNATURE, _V3, _V4 = 2, 3, 4
_ISSUER, _FINGERPRINT = 16, 33
_ID = 16
"""Hexadecimal digits of a key's id: the last of its fingerprint (of version 4)."""


def is_key(data: bytes) -> bool:
    """Whether a file holds OpenPGP keys, in armor or as packets (RFC 9580, 4.2: bit 7, tag 6)."""
    tag = data[:1]
    return b"-----BEGIN PGP PUBLIC KEY BLOCK-----" in data or tag in {b"\x98", b"\x99", b"\xc6"}


@dataclass(frozen=True, slots=True)
class _Key:
    whose: str
    until: int | None
    """Seconds since 1970 of its expiry; None: never."""
    is_revoked: bool


@dataclass(frozen=True, slots=True)
class Verifier:
    """The given keys as a keyring of ours."""

    scratch: Path
    keys: dict[str, _Key] = field(default_factory=dict)
    """By id."""

    @classmethod
    def of(
        cls, given: Sequence[tuple[Item, bytes]], scratch: Path, warnings: list[Warn]
    ) -> Verifier:
        """Import what is given; a file that gpg refuses is named."""
        if not given:
            return cls(scratch)
        gpg = ("gpg", "--homedir", scratch, "--no-options", "--batch", "--quiet", "--no-autostart")
        for number, (item, data) in enumerate(given):
            path = scratch / f"keys-{number}"
            path.write_bytes(data)
            if run(scratch, *gpg, "--import", path).returncode:
                said = "expected OpenPGP keys; found some that gpg does not import; read without"
                warnings.append(Warn(item.sha256, "", said, "error"))
        ring = run(scratch, *gpg, "--export").stdout
        (scratch / "ring.gpg").write_bytes(ring)
        listed = run(scratch, *gpg, "--with-colons", "--list-keys").stdout
        return cls(scratch, _keys(listed.decode("utf-8", "backslashreplace")))

    def verify(self, signed: Signed) -> Verdict:
        """By ``gpgv``, where the key that the signature names is given."""
        issuer = issuer_of(signed.signature)
        key = self.keys.get(issuer[-_ID:])
        if key is None:
            if not issuer:
                return Verdict("doubtful", because="it is no signature of OpenPGP that names a key")
            return Verdict("unknown", issuer)
        (self.scratch / "signature").write_bytes(signed.signature)
        words = ("gpgv", "--homedir", self.scratch, "--keyring", self.scratch / "ring.gpg")
        done = run(
            self.scratch,
            *(*words, "--ignore-time-conflict", "--status-fd", "1", "signature", "-"),
            stdin=signed.payload,
        )
        return _judged(done.stdout.decode("utf-8", "backslashreplace"), issuer, key)


def _judged(status: str, issuer: str, key: _Key) -> Verdict:
    said: dict[str, list[str]] = {}
    for line in status.splitlines():
        words = line.removeprefix("[GNUPG:] ").split(" ")
        said.setdefault(words[0], words[1:])
    if "BADSIG" in said:
        return Verdict("bad", issuer, key.whose)
    if "VALIDSIG" not in said:
        return Verdict("doubtful", issuer, key.whose, because="gpgv gives no verdict on it")
    fingerprint, made = said["VALIDSIG"][0].lower(), int(said["VALIDSIG"][2])
    because = ""
    if key.is_revoked:
        because = "its key is revoked"
    elif key.until is not None and made > key.until:
        because = "its key had expired when it was made"
    return Verdict("doubtful" if because else "good", fingerprint, key.whose, made, because)


def _keys(listed: str) -> dict[str, _Key]:
    """Ids of keys and subkeys from gpg's list (doc/DETAILS, "Format of the colon listings")."""
    rows = [line.split(":") for line in listed.splitlines()]
    found: dict[str, _Key] = {}
    own: list[tuple[str, int | None, bool]] = []
    whose = ""
    for row in [*rows, ["pub"]]:
        if row[0] == "pub":
            found |= {name: _Key(whose, until, revoked) for name, until, revoked in own}
            own, whose = [], ""
        if row[0] in {"pub", "sub"} and len(row) > 6:  # noqa: PLR2004  (field 7: expiry)
            until = int(row[6]) if row[6].isdigit() else None
            own.append((row[4].lower(), until, row[1] == "r"))
        elif row[0] == "uid" and not whose:
            whose = row[9]
    return found


def issuer_of(armored: bytes) -> str:
    """Fingerprint of the key that a signature names, else its id; empty where it names none."""
    try:
        body = _packet(_unarmored(armored))
        if body[0] == _V3:
            return body[7:15].hex()
        if body[0] != _V4:
            return ""
        hashed = int.from_bytes(body[4:6], "big")
        rest = 6 + hashed
        unhashed = int.from_bytes(body[rest : rest + 2], "big")
        areas = (body[6:rest], body[rest + 2 : rest + 2 + unhashed])
        named = {kind: data for area in areas for kind, data in _subpackets(area)}
    except (IndexError, ValueError, binascii.Error):
        return ""
    if _FINGERPRINT in named:
        return named[_FINGERPRINT][1:].hex()
    return named.get(_ISSUER, b"").hex()


def _unarmored(text: bytes) -> bytes:
    lines = text.replace(b"\r\n", b"\n").split(b"\n")
    start = lines.index(b"", 1) + 1
    body: list[bytes] = []
    for line in lines[start:]:
        if line.startswith((b"=", b"-----END")):
            break
        body.append(line.strip())
    return base64.b64decode(b"".join(body), validate=True)


def _packet(data: bytes) -> bytes:
    """The body of the first packet, which is a signature."""
    tag = data[0]
    if tag & 0x40:  # the newer form
        if tag & 0x3F != _SIGNATURE:
            raise ValueError(tag)
        size, at = _length(data, 1)
        return data[at : at + size]
    if (tag >> 2) & 0xF != _SIGNATURE or tag & 3 == 3:  # noqa: PLR2004  (of unknown length)
        raise ValueError(tag)
    width = 1 << (tag & 3)
    size = int.from_bytes(data[1 : 1 + width], "big")
    return data[1 + width : 1 + width + size]


def _length(data: bytes, at: int) -> tuple[int, int]:
    """A length of one, two or five bytes, and where what it is of begins (RFC 9580, 4.2.1)."""
    first = data[at]
    if first < 192:  # noqa: PLR2004
        return first, at + 1
    if first < 224:  # noqa: PLR2004
        return ((first - 192) << 8) + data[at + 1] + 192, at + 2
    return int.from_bytes(data[at + 1 : at + 5], "big"), at + 5


def _subpackets(area: bytes) -> list[tuple[int, bytes]]:
    found, at = [], 0
    while at < len(area):
        first = area[at]
        # Here lengths of two bytes go up to 254 (RFC 9580, 5.2.3.7).
        if 192 <= first < 255:  # noqa: PLR2004
            size, at = ((first - 192) << 8) + area[at + 1] + 192, at + 2
        else:
            size, at = _length(area, at)
        found.append((area[at] & 0x7F, area[at + 1 : at + size]))
        at += max(size, 1)
    return found
