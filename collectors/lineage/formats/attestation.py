"""In-toto attestations, in DSSE envelopes or bare, and Sigstore bundles such as model-signing's.

A real sample (``model_signing sign key``, in one line; the payload is decoded below)::

    {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
     "verificationMaterial": {"publicKey": {"hint": "9b1c…"}, "tlogEntries": []},
     "dsseEnvelope": {"payload": "ewogICJfdHlwZSI6ICJodHRwczovL2luLXRvdG8uaW8vU3RhdGVtZW50L3YxIiw…",
        "payloadType": "application/vnd.in-toto+json",
        "signatures": [{"sig": "MEUCIQDk…", "keyid": ""}]}}

    {"_type": "https://in-toto.io/Statement/v1",
     "subject": [{"name": "credit-risk", "digest": {"sha256": "143cc6…"}}],
     "predicateType": "https://model_signing/signature/v1.0",
     "predicate": {"serialization": {"method": "files", "hash_type": "sha256", …},
        "resources": [{"name": "model.bin", "algorithm": "sha256", "digest": "fdd892…"}]}}

The statement is a record, and each of its subjects, materials and signed files. Times are those of
its predicate (SLSA's ``startedOn`` and ``finishedOn``): asserted, whoever signed them. The digest
of a model as a whole is one over the digests of its files (``tree``), and of no bytes.

A signature is checked with the case's keys (:mod:`collectors.lineage.keys`); what came of it is the
value of the statement's event. An entry of a transparency log is stamped where its promise of
inclusion verifies with a given key and it is of this very signature; else it is asserted.

Source: in-toto Attestation Framework 1.0; DSSE 1.0.0, protocol; SLSA 1.0, provenance; OpenSSF Model
Signing 1.0; Sigstore protobuf-specs, ``sigstore_bundle.proto``; Rekor, ``signed_entry_timestamp``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collectors import exactjson
from collectors.lineage.documents import Document
from collectors.lineage.formats import tlog
from collectors.lineage.formats.base import File, Format, of_json, unread
from collectors.lineage.keys import certificate
from collectors.lineage.record import Node, Record, Said, Time, digest_of, words

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_IN_TOTO = "application/vnd.in-toto+json"
_MODEL_SIGNING = "https://model_signing/"
_DEPTH = (
    ("metadata", "buildStartedOn", "buildFinishedOn"),
    ("metadata", "startedOn", "finishedOn"),
)


@dataclass(frozen=True, slots=True)
class _Signed:
    """A statement, and what is known of its signature."""

    verdict: str
    payload: bytes


def _records(top: Node, document: Document, file: File) -> Iterator[Record]:
    here = document.citation if document.line else document.place("")
    envelope = top.node("dsseEnvelope") if "dsseEnvelope" in top.value else top
    material = top.node("verificationMaterial")
    if "payload" in envelope.value:
        payload = _decoded(envelope.text("payload"))
        if payload is None:
            yield unread(here, "expected a payload in base64; found another text", file)
            return
        signed = _checked(envelope, payload, material, file, here)
        yield from _payload(envelope, signed, here, file)
        yield from tlog.entries(material, here, _signatures(envelope), payload, file)
    elif "messageSignature" in top.value:
        yield _message(top.node("messageSignature"), material, here, file)
        signature = _decoded(top.node("messageSignature").text("signature")) or b""
        yield from tlog.entries(material, here, [signature], None, file)
    elif "signed" in top.value:
        yield from _link(top.node("signed"), here, file)
    elif "_type" in top.value:
        text = words(top.value)
        for record in _statement(top, "no signature", here, hashlib.sha256(text.encode()), text):
            if record.kind == "attestation":
                record.digest = None  # of bytes that are laid out anew, and so nobody's
            yield record


def _decoded(text: str | None) -> bytes | None:
    try:
        return base64.b64decode(text or "", validate=True) if text is not None else None
    except (binascii.Error, ValueError):
        return None


def _signatures(envelope: Node) -> list[bytes]:
    return [_decoded(one.text("sig")) or b"" for one in envelope.nodes("signatures")]


def _came(material: Node) -> list[Certificate]:
    """Certificates of a bundle, the signer's first."""
    chain = [
        one.text("rawBytes") for one in material.node("x509CertificateChain").nodes("certificates")
    ]
    raw = [material.node("certificate").text("rawBytes"), *chain]
    found = (certificate(_decoded(one) or b"") for one in raw if one is not None)
    return [one for one in found if one is not None]


def _checked(envelope: Node, payload: bytes, material: Node, file: File, here: str) -> _Signed:
    kind = envelope.text("payloadType") or ""
    hint = material.node("publicKey").text("hint") or ""
    verdicts = []
    texts = [_pae(kind, payload)]
    if kind == _IN_TOTO:
        # model-signing 0.2 signed a text of the bytes as Python writes them; 1.0 still takes it.
        texts.append(f"DSSEV1 {len(kind)} {kind} {len(payload)} {payload!r}".encode())
    came = _came(material)
    for one in envelope.nodes("signatures"):
        signature = _decoded(one.text("sig"))
        named = hint or (one.text("keyid") or "").removeprefix("SHA256:")
        if signature is None:
            file.said.warn(here, "expected a signature in base64; found another text; not checked")
        else:
            verdicts.append(file.keys.verdict(signature, texts, came, named))
    verdict = "; ".join(dict.fromkeys(verdicts)) or "no signature"
    if "not verified" in verdict:
        severity = "note" if "gives no key" in verdict else "warning"
        file.said.warn(here, f"expected a signature that a key of the case verifies; {verdict}",
                       severity)  # fmt: skip
    return _Signed(verdict, payload)


def _pae(kind: str, payload: bytes) -> bytes:
    """Pre-authentication encoding (DSSE 1.0.0, protocol, "Signature definition")."""
    encoded = kind.encode()
    return b"DSSEv1 %d %s %d %s" % (len(encoded), encoded, len(payload), payload)


def _payload(envelope: Node, signed: _Signed, here: str, file: File) -> Iterator[Record]:
    digest = hashlib.sha256(signed.payload)
    try:
        text = signed.payload.decode("utf-8")
    except UnicodeDecodeError:
        yield unread(here, "expected a payload in UTF-8; found other bytes", file)
        return
    value = exactjson.decode(text)
    if isinstance(value, str):
        yield unread(here, f"expected a statement as payload; {value}", file)
        return
    node = Node(value, here, _Within(file.said, here))
    if "_type" not in value:
        own = f"attestation:{digest.hexdigest()}"
        kind = envelope.text("payloadType")
        yield Record(here, "attestation", own, kind or "", value=signed.verdict, text=text)
        return
    yield from _statement(node, signed.verdict, here, digest, text)


class _Within(Said):
    """What is said of a payload is said of its envelope."""

    __slots__ = ("_here", "_said")

    def __init__(self, said: Said, here: str) -> None:
        super().__init__()
        self._said = said
        self._here = here

    def warn(self, citation: str, message: str, severity: str = "warning") -> None:
        within = citation.removeprefix(self._here)
        where = f" at {within[:120]}" if within else ""
        self._said.warn(self._here, f"in the payload{where}: {message}", severity)


def _statement(
    statement: Node, verdict: str, here: str, digest: hashlib._Hash, text: str
) -> Iterator[Record]:
    kind = statement.text("predicateType") or statement.text("_type") or "unnamed"
    predicate = statement.node("predicate")
    started, finished, builder = _provenance(predicate)
    time = Time(finished or started, clock="predicate") if started or finished else Time(None)
    own = Record(
        here, "attestation", f"attestation:{digest.hexdigest()}", kind, time, builder, verdict,
        text=text,
    )  # fmt: skip
    own.digest = f"sha256:{digest.hexdigest()}"
    own.states("predicate", kind)
    own.states("builder", builder)
    if started and finished:
        own.states("started", started)
    yield own
    tree = kind.startswith(_MODEL_SIGNING) and "resources" in predicate.value
    for one in statement.nodes("subject"):
        record = _described(one, here, "attestation.subject", time, builder)
        record.states("predicate", kind)
        if tree:
            _as_tree(record)
        yield record
    for one in _materials(predicate):
        yield _described(one, here, "attestation.material", time, builder)
    for one in predicate.nodes("resources"):
        record = Record(here, "attestation.file", "", one.text("name") or "unnamed", time, builder,
                        text=words(one.value))  # fmt: skip
        record.subject = f"file:{record.name}"
        record.hashes([(one.text("algorithm") or "", one.text("digest") or "")])
        yield record


def _as_tree(record: Record) -> None:
    """A digest over digests is one of no bytes."""
    record.digest = None
    record.attributes = [
        ("tree" if name.startswith("artifact") else name, value, None if name.startswith("artifact")
         else digest)
        for name, value, digest in record.attributes
    ]  # fmt: skip


def _provenance(predicate: Node) -> tuple[str | None, str | None, str | None]:
    """Start, finish and builder, as SLSA 1.0, SLSA 0.2 and others have them."""
    details = predicate.node("runDetails")
    started = finished = None
    for holder in (details, predicate):
        for within, first, last in _DEPTH:
            metadata = holder.node(within)
            started = started or metadata.text(first)
            finished = finished or metadata.text(last)
    finished = finished or predicate.text("timeVerified") or predicate.text("createdAt")
    builder = details.node("builder").text("id") or predicate.node("builder").text("id")
    return started, finished, builder or predicate.node("verifier").text("id")


def _materials(predicate: Node) -> Iterator[Node]:
    yield from predicate.node("buildDefinition").nodes("resolvedDependencies")
    if isinstance(predicate.value.get("materials"), list):
        yield from predicate.nodes("materials")


def _described(one: Node, here: str, kind: str, time: Time, actor: str | None) -> Record:
    """A ResourceDescriptor: its name or URI, and its digests."""
    name = one.text("name") or one.text("uri") or "unnamed"
    record = Record(here, kind, f"file:{name}", name, time, actor, text=words(one.value))
    digests = one.node("digest")
    found = [(key, digests.text(key) or "") for key in digests.value]
    commits = [pair for pair in found if (digest_of(*pair) or "").startswith("git:")]
    record.hashes([pair for pair in found if pair not in commits])
    for algorithm, value in commits:
        record.states("commit", value, digest_of(algorithm, value))
    return record


def _message(signature: Node, material: Node, here: str, file: File) -> Record:
    """A signature over a file's digest: the file itself is not in the bundle."""
    digest = signature.node("messageDigest")
    raw = _decoded(digest.text("digest")) or b""
    algorithm = (digest.text("algorithm") or "").replace("SHA2_", "SHA")
    found = digest_of(algorithm, raw.hex())
    record = Record(
        here, "attestation.message", f"bytes:{found or 'unknown'}", found or "unknown",
        value="signature over a file that is not here: not checked",
        names=[found] if found and found.startswith("sha256:") else (),
    )  # fmt: skip
    record.states("artifact", raw.hex() or None, found)
    for one in _came(material)[:1]:
        record.states("certificate", hashlib.sha256(_der(one)).hexdigest())
    file.said.warn(here, "expected a signature that can be checked; found one over a file, which is"
                   " not in the bundle; not checked", "note")  # fmt: skip
    return record


def _der(one: Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return one.public_bytes(Encoding.DER)


def _link(signed: Node, here: str, file: File) -> Iterator[Record]:
    """Metadata of in-toto 0.9: what a step took and made. Its signature is not checked."""
    text = words(signed.value)
    name = signed.text("name") or "unnamed"
    record = Record(
        here, "attestation.link", f"attestation:{hashlib.sha256(text.encode()).hexdigest()}", name,
        value="signature not verified: of in-toto 0.9, which is not checked", text=text,
    )  # fmt: skip
    record.states("predicate", signed.text("_type"))
    file.said.warn(here, "expected an attestation of in-toto 1.0; found metadata of 0.9; its"
                   " signature is not checked", "note")  # fmt: skip
    yield record
    for key, kind in (("materials", "attestation.material"), ("products", "attestation.subject")):
        things = signed.node(key)
        for path in things.value:
            digests = things.node(path)
            one = Record(here, kind, f"file:{path}", path, text=words({path: digests.value}))
            one.hashes([(each, digests.text(each) or "") for each in digests.value])
            yield one


def _is(head: dict[str, Any]) -> bool:
    kind = head.get("_type")
    media = head.get("mediaType")
    return (
        {"payload", "payloadType"} <= set(head)
        or (isinstance(media, str) and media.startswith("application/vnd.dev.sigstore.bundle"))
        or (isinstance(kind, str) and kind.startswith("https://in-toto.io/Statement/"))
        or {"signed", "signatures"} <= set(head)
    )


FORMAT = Format(
    "attestation", "in-toto 1.0, DSSE 1.0.0, Sigstore bundle 0.3", of_json(_records), _is
)
