"""What holds of a chain of digest files, from saved files alone.

1. Each digest's signature, from the next digest or from saved metadata, against the public key
   that it names: SHA256withRSA over end time, place, own hash and the previous signature.
2. Each digest's link: the next one holds its place and the SHA-256 of its bytes.
3. Each log file: the SHA-256 of its unpacked bytes is the one that a digest names.
4. What is not there: digests that a link names, log files that a digest names, hours that no
   digest spans; log files that no digest names.

A key list that the same hand could have written proves no more than that hand: whoever needs more
fetches the keys from AWS.
Source: CloudTrail User Guide, "Custom implementations of CloudTrail log file integrity validation".
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from collectors.s3.kinds import TRAIL
from collectors.s3.listing import NotAListingError
from collectors.s3.trail import digests
from collectors.s3.trail.packed import unpacked
from recon.collector import Item, Items, Warn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from collectors.s3.trail.digests import Digest

Status = Literal["valid", "unsigned", "altered", "missing", "gap", "unnamed"]


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found of one file, or of a stretch between two."""

    status: Status
    """``valid``; ``unsigned``: nothing saved proves it; ``altered``: it is not what was signed or
    linked; ``missing``: named, and not there; ``gap``: hours that no digest spans; ``unnamed``: a
    log file that no digest names."""
    what: str
    """Key of the file, or of the digest after a gap."""
    why: str
    by: Digest | None
    """The digest that shows it."""
    item: Item | None = None
    """The file itself, where it is there."""


@dataclass(frozen=True, slots=True)
class _Log:
    item: Item
    sha256: str


def check(items: Items, warnings: list[Warn]) -> tuple[list[Digest], list[Checked]]:
    """All digests, and what holds of them and of the log files."""
    found = digests.read(items, warnings)
    if not found:
        return [], []
    keys = digests.public_keys(items, warnings)
    saved = digests.signatures(items)
    # The same bytes may lie here twice, packed and not: copies are one link of the chain.
    once = {(one.trail, one.key, one.sha256): one for one in reversed(found)}
    chains: dict[str, list[Digest]] = defaultdict(list)
    for one in reversed(once.values()):
        chains[one.trail].append(one)
    checked = [result for name in sorted(chains) for result in _chain(chains[name], keys, saved)]
    return found, checked + _logs(items, list(reversed(once.values())))


def _chain(
    chain: Sequence[Digest], keys: Mapping[str, Any], saved: Sequence[bytes]
) -> list[Checked]:
    by_key = {one.key: one for one in chain}
    following = {one.previous_key: one for one in chain if one.previous_key}
    results: list[Checked] = []
    for one in chain:
        results.append(_digest(one, following.get(one.key), keys, saved))
        if one.previous_key and one.previous_key not in by_key:
            begins = one is chain[0]
            why = "the first digest here names one before it" if begins else "the next one names it"
            results.append(Checked("missing", one.previous_key, f"{why}; it is not there", one))
    for before, after in pairwise(chain):
        if after.key == before.key:
            # Copies that differ: which of them was signed is said above.
            continue
        if after.begins > before.ends and after.previous_key in (None, before.key):
            why = f"no digest spans the time from {before.ends:%FT%TZ} to {after.begins:%FT%TZ}"
            results.append(Checked("gap", after.key, why, after))
        elif after.previous_key is None:
            why = "a digest names no previous one, though one is there: logging began anew"
            results.append(Checked("gap", after.key, why, after))
    return results


def _digest(
    one: Digest, after: Digest | None, keys: Mapping[str, Any], saved: Sequence[bytes]
) -> Checked:
    if after is not None and after.previous_sha256 not in (None, one.sha256):
        why = f"the next digest holds the SHA-256 {after.previous_sha256}, found {one.sha256}"
        return Checked("altered", one.key, why, after, one.item)
    key = keys.get(one.fingerprint)
    if key is None:
        why = f"no public key with the fingerprint {one.fingerprint} was saved"
        return Checked("unsigned", one.key, why, one, one.item)
    held = digests.unhex(after.previous_signature) if after is not None else b""
    signatures = [held] if held else list(saved)
    if any(_verifies(key, signature, one.signed) for signature in signatures):
        return Checked("valid", one.key, "its signature verifies", one, one.item)
    if held:
        why = "its signature, from the next digest, does not verify"
        return Checked("altered", one.key, why, after, one.item)
    why = "no saved signature verifies it: the newest digest's stands in its object's metadata"
    return Checked("unsigned", one.key, why, one, one.item)


def _verifies(key: Any, signature: bytes, signed: bytes) -> bool:  # noqa: ANN401  (an RSAPublicKey)
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        key.verify(signature, signed, PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def _logs(items: Items, found: Sequence[Digest]) -> list[Checked]:
    """Log files by the end of their key: copies keep their names, which hold time and chance."""
    here: dict[str, list[_Log]] = defaultdict(list)
    for item in items.of(TRAIL):
        try:
            data = unpacked(items.read(item))
        except NotAListingError:
            data = b""
        name = item.native.rsplit("/", 1)[-1].removesuffix(".gz")
        here[name].append(_Log(item, hashlib.sha256(data).hexdigest()))
    results: list[Checked] = []
    named: set[str] = set()
    for digest in found:
        for log in digest.logs:
            name = log.key.rsplit("/", 1)[-1].removesuffix(".gz")
            named.add(name)
            copies = here.get(name, [])
            if not copies:
                why = "a digest names it; it is not there"
                results.append(Checked("missing", log.key, why, digest))
            for copy in copies:
                if copy.sha256 == log.sha256:
                    why = "its SHA-256 is the digest's"
                    results.append(Checked("valid", log.key, why, digest, copy.item))
                else:
                    why = f"a digest holds the SHA-256 {log.sha256}, found {copy.sha256}"
                    results.append(Checked("altered", log.key, why, digest, copy.item))
    results += [
        Checked("unnamed", name, "no digest here names it", None, copy.item)
        for name in sorted(here.keys() - named)
        for copy in here[name]
        if "_CloudTrail_" in name
    ]
    return results
