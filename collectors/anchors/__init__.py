"""Anchors that someone kept: RFC 3161 tokens and logs of NTP daemons. They bind clocks to UTC.

What each can say: :mod:`collectors.anchors.tokens`, :mod:`collectors.anchors.ntplogs`; what to
ask the other side for: ``docs/anchors.md``. What is trusted stands in ``case.toml``: the roots of
tokens, and whether the word of a host's NTP daemon is taken for UTC.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collectors.anchors.options import AnchorsOptions
from recon.collector import Collector, Parsed, Quote, Warn
from recon.errors import BadInputError, ReconError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from collectors.anchors import tokens
    from recon.collector import Acquisition, Item, Items, Source


def acquire(acquisition: Acquisition) -> None:
    """Copy each file in; one that cannot be had is recorded, and the others go on."""
    from collectors.anchors import ntplogs, tokens

    options: AnchorsOptions = acquisition.source.options
    files: list[tuple[str, str, dict[str, Any]]] = []
    files += [(path, tokens.TOKEN, {}) for path in options.tokens]
    files += [(path, tokens.CERTIFICATES, {"trusted": True}) for path in options.roots]
    files += [(path, tokens.CERTIFICATES, {"trusted": False}) for path in options.certificates]
    files += [(path, tokens.DATA, {}) for path in options.data]
    files += [(one.path, ntplogs.KIND, {"format": one.format}) for one in options.ntp]
    for done, (native, kind, meta) in enumerate(files):
        acquisition.progress("files", done, len(files))
        if acquisition.has(native):
            continue
        path = acquisition.source.base / native
        try:
            if path.exists() and not path.is_file():
                raise BadInputError("a regular file", "none", native, "give the file itself")
            with acquisition.call(f"read {native}"):
                acquisition.store_file(native, kind, path, meta=meta)
        except ReconError as error:
            acquisition.failed(native, error)
    acquisition.progress("files", len(files), len(files))


def parse(source: Source, items: Items) -> Parsed:
    """Tokens and readings as events, and what could not be read or does not verify.

    Which certificates are trusted is what ``case.toml`` says now, not what it said when collected.
    """
    import polars as pl

    from collectors.anchors import ntplogs, tokens
    from recon.schema import DRAFT, frame

    options: AnchorsOptions = source.options
    warnings: list[Warn] = []
    read = _tokens(items, warnings)
    trust = tokens.Trust(
        roots=_certificates(items, options.roots, warnings),
        others=_certificates(items, options.certificates, warnings),
        accuracy=options.accuracy,
        clock=f"tsa:{source.id}",
        data=tokens.stamped_files(
            items, {one.algorithm for _, one in read} & set(tokens.ALGORITHMS.values())
        ),
    )
    rows = []
    for item, token in read:
        for one in tokens.event(token, item, trust):
            if isinstance(one, Warn):
                warnings.append(one)
            else:
                rows.append(one)
    frames = [frame(rows, DRAFT)]
    formats = {one.path: one for one in options.ntp}
    for item in items.of(ntplogs.KIND):
        if item.native in formats:
            made, said = ntplogs.read(source, items, item, formats[item.native])
            frames.append(made)
            warnings += said
    methods = {"tokens": _library()} if read else {}
    return Parsed(pl.concat(frames).lazy(), None, tuple(warnings), methods)


def _tokens(items: Items, warnings: list[Warn]) -> list[tuple[Item, tokens.Token]]:
    from collectors.anchors import tokens

    out: dict[str, tuple[Item, tokens.Token]] = {}
    for item in items.of(tokens.TOKEN):
        try:
            # The same token under two names is one.
            out.setdefault(item.sha256, (item, tokens.read(items.read(item))))
        except ValueError as error:
            warnings.append(
                Warn(
                    item.sha256,
                    "",
                    f"expected an RFC 3161 response or token in DER; found {str(error)[:300]}",
                    "error",
                )
            )
    return list(out.values())


def _certificates(items: Items, paths: tuple[str, ...], warnings: list[Warn]) -> list[Certificate]:
    from collectors.anchors import tokens

    out: dict[bytes, Certificate] = {}
    for item in items.of(tokens.CERTIFICATES):
        if item.native not in paths:
            continue
        try:
            found = tokens.certificates(items.read(item))
        except ValueError as error:
            expected = "expected certificates in PEM or DER; found"
            warnings.append(Warn(item.sha256, "", f"{expected} {str(error)[:200]}", "error"))
            continue
        out |= {one.signature: one for one in found}
    return list(out.values())


def _library() -> str:
    from importlib.metadata import version

    return f"rfc3161-client {version('rfc3161-client')}, revocation not checked"


def quote(source: Source, items: Items, item: Item, citation: str) -> Quote:
    """A token's fields, or a line of a log.

    Raises:
        BadInputError: there is no such place.
    """
    from collectors.anchors import ntplogs, tokens

    del source
    word, _, number = citation.partition(" ")
    if item.kind == ntplogs.KIND and word == "line" and number.isascii() and number.isdigit():
        lines = items.read(item).split(b"\n")
        if 0 < int(number[:12]) <= len(lines):
            text = lines[int(number) - 1].decode("utf-8", "backslashreplace")
            return Quote(text, f"sed -n {int(number)}p ITEM")
    if item.kind == tokens.TOKEN and not citation:
        try:
            return _shown(tokens.read(items.read(item)), items.read(item))
        except ValueError as error:
            found, todo = str(error)[:200], "see the warnings of `recon timeline`"
            raise BadInputError("a token", found, f"item {item.sha256[:16]}", todo) from error
    if not citation:
        return Quote(f"{item.native}: {item.size} bytes", "wc -c ITEM", verbatim=False)
    raise BadInputError(
        "a token, or a line of a log", repr(citation), f"item {item.sha256[:16]}", "cite `line N`"
    )


def _shown(token: tokens.Token, data: bytes) -> Quote:
    from collectors.anchors.tokens import signer

    # A response begins with its status, a bare token with an object identifier.
    bare = " -token_in" * (
        data[:1] == b"\x30" and b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02" in data[:16]
    )
    text = (
        f"genTime {token.generated:%Y-%m-%dT%H:%M:%SZ}, accuracy {token.accuracy}, "
        f"{token.algorithm} {token.imprint.hex()}, serial {token.serial}, policy {token.policy}, "
        f"signed by {signer(token, ())}"
    )
    return Quote(text, f"openssl ts -reply -in ITEM{bare} -text", verbatim=False)


EXAMPLE = """\
[[source]]
id = "seals"
collector = "anchors"
domain = "platform"
tokens = ["seals/lineage-2026-03-08.tsr"]
roots = ["seals/tsa-root.pem"]
# data = ["seals/SHA256SUMS"]
# ntp = [{ path = "tracking.log", format = "chrony.tracking", clock = "pg:lineage-db/server" }]
"""

collector = Collector(
    "anchors",
    acquire=acquire,
    parse=parse,
    quote=quote,
    options=AnchorsOptions,
    claim=None,
    example=EXAMPLE,
    kinds=("timestamp.token", "clock.*", "examiner"),
)
