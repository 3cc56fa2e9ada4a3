"""Signatures of commits and tags, verified with the keys that the case gives, and no others.

A real sample, in a commit's header (the lines behind the first begin with a space), as git takes
them from OpenPGP, from ``ssh-keygen -Y sign`` and from X.509::

    gpgsig -----BEGIN SSH SIGNATURE-----
     U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgY4VBuPrE8FKJ1Y0pD3i2xLpNYN...
     -----END SSH SIGNATURE-----

Signed is the object without that header; of a tag, all before the signature at its end. Status of
each:

- ``good``: the signature is of these bytes, by a key that is given and was valid when it was made;
- ``bad``: it names a key that is given, or holds its own, and is not of these bytes by that key;
- ``unknown``: the key that it names is not given;
- ``doubtful``: neither can be said, and ``because`` says why (the key had expired by then, …).

The programs are those that git itself calls: ``gpgv`` (with keys imported by ``gpg`` into a folder
of ours), ``ssh-keygen -Y``, ``openssl cms``. None of them sees the examiner's own keys or settings.

Source: git, Documentation/gitformat-signature.txt; gpg-interface.c; ssh-keygen(1), ALLOWED SIGNERS;
GnuPG, doc/DETAILS, "Status lines".
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recon.collector import Sha256, Warn
from recon.schema import DRAFT, frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from recon.collector import Item, Items, Source

KIND = "git.keys"
_WITHIN = timedelta(microseconds=999_999)
MAX_KEYS = 16 << 20
"""Bytes of one file of keys."""
MAX_SIGNATURE = 1 << 20
"""Bytes of one signature; the longest honest ones hold a chain of certificates."""
_HEADER = re.compile(rb"^gpgsig(?:-sha256)? (.*(?:\n .*)*)\n", re.MULTILINE)
_ARMOR = re.compile(
    rb"^-----BEGIN (PGP SIGNATURE|PGP MESSAGE|SSH SIGNATURE|SIGNED MESSAGE)-----\r?$", re.MULTILINE
)
_FORMATS = {
    b"PGP SIGNATURE": "openpgp",
    b"PGP MESSAGE": "openpgp",
    b"SSH SIGNATURE": "ssh",
    b"SIGNED MESSAGE": "x509",
}
SIGNED = r"\n(?:gpgsig|-----BEGIN (?:PGP|SSH|SIGNED) )"
"""What the text of a signed object has somewhere; others are not looked at."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature and what it is to be of."""

    format: str
    signature: bytes
    payload: bytes
    seconds: int | None
    """When the commit or tag says that it was made."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a signature is."""

    status: str
    key: str = ""
    """Fingerprint or id of the key, as its format writes it; empty where it cannot be read."""
    signer: str = ""
    """Whose key it is, as the given keys say."""
    made: int | None = None
    """Seconds since 1970, where the signature says when it was made."""
    because: str = ""

    def text(self, form: str) -> str:
        """``status=… format=… key=… because=…``."""
        parts = [("status", self.status), ("format", form), ("key", self.key)]
        parts.append(("because", self.because))
        return " ".join(f"{name}={value}" for name, value in parts if value)


def read(
    source: Source,
    items: Items,
    signed: pl.DataFrame,
    odd: Mapping[str, bytes],
    warnings: list[Warn],
) -> pl.DataFrame:
    """One ``git.signature`` for each signed object.

    Args:
        source: of the repository.
        items: with its keys (``git.keys``).
        signed: ``name``, ``type``, ``text``, ``item``, ``seconds`` of what may be signed.
        odd: bytes of those whose text is not their bytes.
        warnings: where what is wrong is said.
    """
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="recon-keys-") as scratch:
        keys = Keys.of(items, Path(scratch), warnings)
        # One program a signature: there is no other way that git's own verifiers take them.
        for one in signed.sort("type", "name").iter_rows(named=True):
            content = odd.get(one["name"]) or one["text"].encode("utf-8", "surrogatepass")
            found = split(one["type"], content, one["seconds"])
            if found is None:
                continue
            verdict = keys.verify(found)
            rows.append(_event(source, one, found.format, verdict))
            if verdict.status == "doubtful":
                where = f"{one['type']} {one['name']}"
                said = f"expected a signature that can be verified; found that {verdict.because}"
                warnings.append(Warn(Sha256(one["item"]), where, said))
    return frame(rows, DRAFT)


def _event(source: Source, one: dict[str, Any], form: str, verdict: Verdict) -> dict[str, Any]:
    low = None if verdict.made is None else datetime.fromtimestamp(verdict.made, UTC)
    return {
        "kind": "git.signature",
        "subject": f"git:{source.id}/{one['type']}/{one['name']}",
        "value": verdict.text(form),
        "clock": f"git:signature:{verdict.key}" if low else None,
        "basis": "asserted" if low else None,
        "earliest": low,
        "latest": low and low + _WITHIN,
        "actor": verdict.signer or None,
        "item": one["item"],
        "citation": f"{one['type']} {one['name']}",
        "part": 3,
    }


def split(kind: str, content: bytes, seconds: int | None) -> Signed | None:
    """The signature of a commit or tag and the bytes that it is of; None where it has none."""
    end = content.find(b"\n\n") + 1
    head = content[:end] if end else content
    own = _HEADER.search(head)
    if own is not None:
        signature = own[1].replace(b"\n ", b"\n") + b"\n"
        payload = _HEADER.sub(b"", head) + content[len(head) :]
    else:
        begun = list(_ARMOR.finditer(content, len(head))) if kind == "tag" else []
        if not begun:
            return None
        last = begun[-1]  # as git takes it
        signature, payload = content[last.start() :], content[: last.start()]
    armor = _ARMOR.search(signature)
    form = _FORMATS[armor[1]] if armor else "other"
    return Signed(form, signature[:MAX_SIGNATURE], payload, seconds)


@dataclass(frozen=True, slots=True)
class Keys:
    """The verifiers, each with the keys that the case gives for it."""

    verifiers: Mapping[str, Any]

    @classmethod
    def of(cls, items: Items, scratch: Path, warnings: list[Warn]) -> Keys:
        """Keys of all files that the case names, by what they hold."""
        from collectors.git.signatures import openpgp, ssh, x509

        files = items.of(KIND)
        given = {
            module: [(item, data) for item, data in _read(items, files) if module.is_key(data)]
            for module in (openpgp, x509)
        }
        taken = {item.sha256 for some in given.values() for item, _ in some}
        signers = [(item, data) for item, data in _read(items, files) if item.sha256 not in taken]
        return cls(
            {
                "openpgp": openpgp.Verifier.of(given[openpgp], scratch, warnings),
                "x509": x509.Verifier.of(given[x509], scratch),
                "ssh": ssh.Verifier.of(signers, scratch, warnings),
            }
        )

    def verify(self, signed: Signed) -> Verdict:
        """By the verifier of the signature's format."""
        verifier = self.verifiers.get(signed.format)
        if verifier is None:
            return Verdict("doubtful", because="it is of no format that git knows")
        verdict: Verdict = verifier.verify(signed)
        return verdict


def _read(items: Items, files: Sequence[Item]) -> Iterator[tuple[Item, bytes]]:
    for item in files:
        yield item, items.read(item)
