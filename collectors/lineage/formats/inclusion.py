"""Proofs of inclusion: that a transparency log's signed tree has an entry.

A real sample (shortened; a Sigstore bundle has it in each entry; ``envelope`` is one text)::

    "inclusionProof": {"logIndex": "4086", "treeSize": "4087",
      "rootHash": "uMSX1kEyNcBr0B3VnJqHIHlNzlhxkXJ6tBnkO7KNXh8=", "hashes": ["m0Vz…", "VE1c…"],
      "checkpoint": {"envelope": "rekor.sigstore.dev - 2605736670972794746
    4087
    uMSX1kEyNcBr0B3VnJqHIHlNzlhxkXJ6tBnkO7KNXh8=

    — rekor.sigstore.dev wNI9ajBFAiEA…
    "}}

The hashes lead from the entry to the root of the tree, and the log signs the root with the tree's
size. Whoever has the log's key so knows that the log holds the entry, and can ask it later to
prove that its tree has only grown. Neither speaks of time.

Source: RFC 9162, 2.1.1 and 2.1.3.2 (the same tree as RFC 6962's); C2SP, ``signed-note`` and
``tlog-checkpoint``; Sigstore protobuf-specs, ``sigstore_rekor.proto``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from collectors.lineage.keys import holds, spki

if TYPE_CHECKING:
    from collectors.lineage.keys import Key
    from collectors.lineage.record import Node

_LEAF, _NODE = b"\0", b"\1"
"""What stands before the bytes of an entry, and before two hashes (RFC 9162, 2.1.1)."""
_HASH = 32
_MOST = 2**63
"""Trees are smaller than this, and so a proof has at most 63 hashes (RFC 9162, 4.11)."""
_NOTE = 1 << 16
"""Characters of the longest checkpoint that is read."""
_HINT = 4
"""Bytes before a signature by which a note says whose it is. A hint alone: all keys are tried."""
_NUMBER = re.compile(r"(?:0|[1-9][0-9]{0,18})\Z")
_SIGNED = re.compile(r"— \S+ ([A-Za-z0-9+/]+={0,2})\Z")
_ED25519 = b"\x01"
"""Kind of an Ed25519 key in the hash that is its name (C2SP, signed-note, "Signature types")."""


def verdict(entry: Node, body: bytes | None, log: bytes, keys: Sequence[Key]) -> str:
    """``included in …`` where the proof holds, else ``inclusion not verified: …``; empty for none.

    Args:
        entry: the log's entry as the bundle has it.
        body: its signed body; None where there is none that can be read.
        log: the name of the log, as the entry has it.
        keys: those that the case gives.
    """
    proof = entry.node("inclusionProof")
    if not proof:
        return ""
    why, size = _checked(proof, body, log, keys)
    return f"inclusion not verified: {why}" if why else f"included in the log's tree of {size}"


def _checked(
    proof: Node, body: bytes | None, log: bytes, keys: Sequence[Key]
) -> tuple[str, int | None]:
    """Why the proof does not hold, and the size of the tree."""
    index, size = _number(proof.text("logIndex")), _number(proof.text("treeSize"))
    root = _hash(proof.text("rootHash"))
    path = [_hash(one) for one in proof.scalars("hashes")]
    hashes = [one for one in path if one is not None]
    if body is None or index is None or size is None or root is None or len(hashes) < len(path):
        return "its proof lacks a part, or has one that cannot be read", size
    if not leads_to(root, hashlib.sha256(_LEAF + body).digest(), index, size, hashes):
        return "its hashes do not lead to the root that it gives", size
    return _signed(proof.node("checkpoint").text("envelope"), (size, root), log, keys), size


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and _NUMBER.match(text) and int(text) < _MOST else None


def _bytes(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _hash(text: str | None) -> bytes | None:
    found = None if text is None else _bytes(text)
    return found if found is not None and len(found) == _HASH else None


def leads_to(root: bytes, leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bool:
    """Whether hashes lead from a leaf, the hash of an entry, to the root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    here, last, found = index, size - 1, leaf
    for one in path:
        if last == 0:
            return False
        if here & 1 or here == last:
            found = hashlib.sha256(_NODE + one + found).digest()
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            found = hashlib.sha256(_NODE + found + one).digest()
        here, last = here >> 1, last >> 1
    return last == 0 and found == root


def _signed(note: str | None, tree: tuple[int, bytes], log: bytes, keys: Sequence[Key]) -> str:
    """Empty where the log signed that tree; else why that is not known."""
    if note is None or len(note) > _NOTE:
        return "it has no signed checkpoint" if note is None else "its checkpoint is too large"
    text, gap, signatures = note.rpartition("\n\n")
    lines = text.split("\n")
    if not gap or len(lines) < 3 or not lines[0]:  # noqa: PLR2004  (origin, size, root)
        return "its checkpoint is none that can be read"
    if (_number(lines[1]), _hash(lines[2])) != tree:
        return "its checkpoint is of another tree"
    own = [key for key in keys if log in _names(key, lines[0])]
    if not own:
        return "the case gives no key of that log"
    for line in signatures.removesuffix("\n").split("\n"):
        match = _SIGNED.match(line)
        raw = None if match is None else _bytes(match[1])
        signature = b"" if raw is None else raw[_HINT:]
        if signature and any(holds(k.public, signature, f"{text}\n".encode()) for k in own):
            return ""
    return "its checkpoint is not signed by the log's key"


def _names(key: Key, origin: str) -> list[bytes]:
    """How a log is named by its key: by the key alone, or by that and what the log calls itself."""
    from cryptography.hazmat.primitives.asymmetric import ed25519
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    found = [hashlib.sha256(spki(key.public)).digest()]
    if isinstance(key.public, ed25519.Ed25519PublicKey):
        raw = key.public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        found.append(hashlib.sha256(origin.encode() + b"\n" + _ED25519 + raw).digest())
    return found
