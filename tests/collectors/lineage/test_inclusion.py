"""Proofs of inclusion against trees that are made here by the definition, and what is not proved.

The tree is RFC 9162's, 2.1.1; the checkpoint is a signed note with the log's own key.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from collectors.lineage.formats.inclusion import leads_to
from tests.collectors.lineage.lineages import Lineages

CORPUS = Path(__file__).parents[2] / "corpus/lineage"
ORIGIN = "log.example.org - 1"
LOG = ed25519.Ed25519PrivateKey.from_private_bytes(b"l" * 32)
"""The log of the corpus, whose key is ``log.pem``."""
OTHER = ed25519.Ed25519PrivateKey.from_private_bytes(b"o" * 32)


def h(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def split(size: int) -> int:
    """The largest power of two below the size."""
    return 1 << (size - 1).bit_length() - 1


def root(entries: Sequence[bytes]) -> bytes:
    """MTH (RFC 9162, 2.1.1)."""
    if not entries:
        return h()
    if len(entries) == 1:
        return h(b"\0", entries[0])
    k = split(len(entries))
    return h(b"\1", root(entries[:k]), root(entries[k:]))


def path(index: int, entries: Sequence[bytes]) -> list[bytes]:
    """PATH (RFC 9162, 2.1.3.1)."""
    if len(entries) == 1:
        return []
    k = split(len(entries))
    if index < k:
        return [*path(index, entries[:k]), root(entries[k:])]
    return [*path(index - k, entries[k:]), root(entries[:k])]


@given(st.data(), st.integers(1, 70))
def test_every_entry_of_a_tree_is_proved_and_no_other_is(data: st.DataObject, size: int):
    entries = [b"%d" % n for n in range(size)]
    index = data.draw(st.integers(0, size - 1))
    top, way = root(entries), path(index, entries)
    leaf = h(b"\0", entries[index])
    assert leads_to(top, leaf, index, size, way)
    assert not leads_to(top, h(b"\0", b"another"), index, size, way)
    assert not leads_to(top, leaf, index, size, [*way, h(b"more")])
    assert not leads_to(top, leaf, size, size, way)
    assert not leads_to(h(top), leaf, index, size, way)
    if way:
        assert not leads_to(top, leaf, index, size, way[:-1])
        assert not leads_to(top, leaf, index ^ 1, size, way) or index ^ 1 >= size
        at = data.draw(st.integers(0, len(way) - 1))
        assert not leads_to(top, leaf, index, size, [*way[:at], h(way[at]), *way[at + 1 :]])


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def note(size: int, top: bytes, sign: Callable[[bytes], bytes], more: str = "") -> str:
    """A checkpoint, signed."""
    text = f"{ORIGIN}\n{size}\n{b64(top)}\n{more}"
    return f"{text}\n— {ORIGIN.partition(' ')[0]} {b64(b'hint' + sign(text.encode()))}\n"


def proved(entry: dict[str, Any], sign: Callable[[bytes], bytes] = LOG.sign) -> dict[str, Any]:
    """A proof of the entry as the sixth of eleven."""
    entries = [b"entry %d" % n for n in range(11)]
    entries[5] = base64.b64decode(entry["canonicalizedBody"])
    top = root(entries)
    entry["inclusionProof"] = {
        "logIndex": "5",
        "treeSize": "11",
        "rootHash": b64(top),
        "hashes": [b64(one) for one in path(5, entries)],
        "checkpoint": {"envelope": note(11, top, sign, "Timestamp: 1771063999\n")},
    }
    return entry["inclusionProof"]  # type: ignore[no-any-return]


def read(folder: Path, change: Callable[[dict[str, Any]], None], *keys: str) -> Lineages:
    """A bundle whose entry has a promise that holds and a proof, changed."""
    own = CORPUS / "attestation"
    bundle = json.loads((own / "logged.sigstore.json").read_text())
    entries = bundle["verificationMaterial"]["tlogEntries"]
    del entries[1:]
    change(entries[0])
    files = {"a.json": json.dumps(bundle).encode(), "log.pem": (own / "log.pem").read_bytes()}
    return Lineages(folder, files, keys=list(keys or ["log.pem"]))


def said(got: Lineages) -> str:
    (value,) = got.own().filter(kind="tlog.entry")["value"]
    return str(value)


def test_a_proof_that_leads_to_a_signed_root_is_told_and_stamps_nothing_by_itself(tmp_path: Path):
    got = read(tmp_path / "a", lambda entry: proved(entry) and None)
    assert said(got) == "verified; included in the log's tree of 11"
    assert not [one for one in got.said() if "proof" in one]

    def no_promise(entry: dict[str, Any]) -> None:
        proved(entry)
        del entry["inclusionPromise"]

    got = read(tmp_path / "b", no_promise)
    assert said(got) == "not verified: no promise of inclusion; included in the log's tree of 11"
    assert got.own().filter(kind="tlog.entry")["basis"].to_list() == ["asserted"]


def first(text: str, by: str) -> Callable[[dict[str, Any]], None]:
    def change(proof: dict[str, Any]) -> None:
        envelope = proof["checkpoint"]["envelope"]
        assert text in envelope
        proof["checkpoint"]["envelope"] = envelope.replace(text, by, 1)

    return change


ROOT = "its hashes do not lead to the root that it gives"
TREE, PART = "its checkpoint is of another tree", "its proof lacks a part"
UNSIGNED = "its checkpoint is not signed by the log's key"
TAMPERED: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "another index": (lambda proof: proof.update(logIndex="4"), ROOT),
    "past the end": (lambda proof: proof.update(logIndex="11"), ROOT),
    "one hash less": (lambda proof: proof["hashes"].pop(), ROOT),
    "hashes swapped": (lambda proof: proof["hashes"].reverse(), ROOT),
    "another root": (lambda proof: proof.update(rootHash=b64(h(b"x"))), ROOT),
    "a short hash": (lambda proof: proof["hashes"].append(b64(b"short")), PART),
    "no base64": (lambda proof: proof["hashes"].append("\x1b[2J"), PART),
    "a number that is none": (lambda proof: proof.update(treeSize="1_1"), PART),
    "a huge number": (lambda proof: proof.update(logIndex="9" * 5000), PART),
    "no root": (lambda proof: proof.pop("rootHash"), PART),
    "no checkpoint": (lambda proof: proof.pop("checkpoint"), "it has no signed checkpoint"),
    "no note": (lambda proof: proof.update(checkpoint={"envelope": "x"}), "none that can be read"),
    "another size signed": (first("\n11\n", "\n12\n"), TREE),
    "another name signed": (first(ORIGIN, "evil"), UNSIGNED),
    "another line signed": (first("Timestamp: 1771063999", "Timestamp: 1"), UNSIGNED),
    "a large note": (first("Timestamp", "x" * 70_000), "its checkpoint is too large"),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_a_proof_that_does_not_hold_says_why_and_the_promise_still_stamps(how: str, tmp_path: Path):
    change, why = TAMPERED[how]
    got = read(tmp_path, lambda entry: change(proved(entry)) and None)
    assert said(got).startswith("verified; inclusion not verified: ")
    assert why in said(got)
    assert [one for one in got.said() if "proof that the log has the entry" in one]
    assert got.own().filter(kind="tlog.entry")["basis"].to_list() == ["stamped"]


def test_another_signature_and_a_log_whose_key_is_not_given_prove_nothing(tmp_path: Path):
    got = read(tmp_path / "a", lambda entry: proved(entry, OTHER.sign) and None)
    assert UNSIGNED in said(got)
    (tmp_path / "b").mkdir()
    builder = (CORPUS / "attestation/builder.pem").read_bytes()
    (tmp_path / "b/builder.pem").write_bytes(builder)
    got = read(tmp_path / "b", lambda entry: proved(entry) and None, "builder.pem")
    assert "inclusion not verified: the case gives no key of that log" in said(got)


def test_a_proof_of_another_body_does_not_speak_of_this_one(tmp_path: Path):
    def change(entry: dict[str, Any]) -> None:
        proved(entry)
        entry["canonicalizedBody"] = b64(base64.b64decode(entry["canonicalizedBody"]) + b" ")

    assert ROOT in said(read(tmp_path, change))


@pytest.mark.parametrize("kind", ["ecdsa", "ed25519 by its note"])
def test_logs_are_named_by_their_key_or_by_key_and_origin(kind: str, tmp_path: Path):
    ecdsa = ec.generate_private_key(ec.SECP256R1())
    public = ecdsa.public_key() if kind == "ecdsa" else LOG.public_key()
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.der").write_bytes(der)
    raw = LOG.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    name = h(der) if kind == "ecdsa" else h(ORIGIN.encode(), b"\n\x01", raw)

    def change(entry: dict[str, Any]) -> None:
        entry["logId"] = {"keyId": b64(name)}
        del entry["inclusionPromise"]
        proved(entry, (lambda text: ecdsa.sign(text, ec.ECDSA(SHA256()))) if kind == "ecdsa"
               else LOG.sign)  # fmt: skip

    assert said(read(tmp_path, change, "key.der")).endswith("included in the log's tree of 11")
