"""What is fuzzed: bytes to the items of a collector, and what must hold of all that it reads.

No parser fails but by :class:`recon.errors.BadInputError`; every event leads back to words of its
source; reading twice gives the same; and lines read are events and warnings.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

import polars as pl

from collectors import jsonlines
from collectors.deploylog import DeployLogOptions
from collectors.deploylog import collector as deploylog
from collectors.deploylog.formats import FORMATS
from collectors.git import GitOptions
from collectors.git import collector as git
from collectors.lineage import collector as lineage
from collectors.lineage.events import RECORDS
from collectors.lineage.options import NAMES, LineageOptions
from collectors.records import collector as records
from collectors.records.options import RecordsOptions
from tests.collectors.deploylog.test_fuzz import CORPUS as LOGS
from tests.collectors.deploylog.test_fuzz import covered
from tests.collectors.lineage.test_fuzz import SAMPLES as LINEAGES
from tests.fuzz.held import read

Target = Callable[[bytes, Path], None]
"""Takes bytes, and a folder of its own; fails where something does not hold."""

FIELDS = {
    "time": "ts",
    "kind": "event",
    "actor": "user",
    "subject": "model:{model}@{version}",
    "attributes": {"artifact": "sha256", "commit": "sha", "inner": "a.b"},
}
COLUMNS = {
    "time": "Checked",
    "subject": "server:{Server}/{Package}",
    "attributes": {"version": "Version"},
}
_WHITE = b" \t\r\n[],\x0b\x0c\x1c\x1d\x1e\x1f\x85"
_CUT = b"\n\xff\n"
"""Between the objects of one input: bytes that no text has."""


def _log(name: str) -> Target:
    options = {"fields": FIELDS}
    if name != "jsonl":
        options = json.loads((LOGS / name / "options.json").read_text())
    model = DeployLogOptions.model_validate({"path": "a.log", "format": name, **options})

    def run(data: bytes, folder: Path) -> None:
        got = read(folder, deploylog, model, {"a.log": (f"log.{name}", data)})
        assert got is not None, "a log is never refused as a whole"
        if name == "jsonl":
            with patch.object(jsonlines, "LARGE", 0):
                large = read(folder, deploylog, model, {"a.log": (f"log.{name}", data)})
            assert large is not None
            assert large.events.equals(got.events), "a large log gives other events"
            assert large.parsed.warnings == got.parsed.warnings
        seen = covered(got, data)
        left = bytes(byte for byte, one in zip(data, seen, strict=True) if not one)
        left = left.replace(b"\xef\xbb\xbf", b"").strip(_WHITE)
        assert not left, "bytes that no event cites"

    return run


def _lineage(name: str) -> Target:
    model = LineageOptions.model_validate({"path": "a", "format": name})

    def run(data: bytes, folder: Path) -> None:
        got = read(folder, lineage, model, {"a": (RECORDS, data)})
        assert got is None or got.cited(), "a file that is read in silence"

    return run


def _table(name: str) -> Target:
    model = RecordsOptions.model_validate({"path": "t", "format": name, "columns": COLUMNS})

    def run(data: bytes, folder: Path) -> None:
        got = read(folder, records, model, {"t": (f"records.{name}", data)})
        if got is None or name != "jsonl":
            return
        lines = [n for n, line in enumerate(data.split(b"\n"), 1) if line.strip(b" \t\r")]
        if len(lines) < 50:
            assert {f"line {n}" for n in lines} <= got.cited(), "a line that nothing speaks of"

    return run


def objects(data: bytes) -> list[tuple[str, bytes]]:
    """Contents of commits and tags, each once."""
    parts = list(dict.fromkeys(data.split(_CUT)))
    return [("tag" if part.startswith(b"object ") else "commit", part) for part in parts]


def batch(found: list[tuple[str, bytes]]) -> bytes:
    """As ``git cat-file --batch`` prints them."""
    out = []
    for kind, content in found:
        head = f"{kind} {len(content)}".encode()
        name = hashlib.sha1(head + b"\0" + content, usedforsecurity=False).hexdigest()
        out.append(b"%b %b\n%b\n" % (name.encode(), head, content))
    return b"".join(out)


def _git_objects(data: bytes, folder: Path) -> None:
    found = objects(data)
    got = read(folder, git, GitOptions(path="r"), {"r#objects": ("git.objects", batch(found))})
    assert got is not None
    kinds = dict(got.events["kind"].value_counts().iter_rows())
    commits = sum(kind == "commit" for kind, _ in found)
    assert kinds.get("git.commit", 0) == kinds.get("git.author", 0) == commits
    assert kinds.get("git.tag", 0) == len(found) - commits


def _git_items(data: bytes, folder: Path) -> None:
    """The same bytes as every kind of item of a repository."""
    items = {
        "r#refs": ("git.refs", data),
        "r#logs/HEAD": ("git.reflog", data),
        "r#objects": ("git.objects", data),
        "r#FETCH_HEAD": ("git.fetched", data),
    }
    got = read(folder, git, GitOptions(path="r"), items, {"medium": "bare", "ref": "HEAD"})
    assert got is not None
    lines = data.removesuffix(b"\n").split(b"\n") if data else []
    if len(lines) < 50:
        said = {w.citation for w in got.parsed.warnings if w.citation.startswith("reflog ")}
        moves = got.events.filter(pl.col("kind") == "git.reflog")["citation"]
        assert {f"reflog HEAD line {n}" for n in range(1, len(lines) + 1)} <= {*said, *moves}


TARGETS: dict[str, Target] = {
    **{f"deploylog-{name}": _log(name) for name in FORMATS},
    **{f"lineage-{name}": _lineage(name) for name in NAMES if name in LINEAGES},
    **{f"records-{name}": _table(name) for name in ("csv", "jsonl")},
    "git-objects": _git_objects,
    "git-items": _git_items,
}

_COMMIT = (
    b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n"
    b"parent 27a8f0cd80f3de1f2e6b6a8a6f1d36a0b4f1e25a\n"
    b"author Ada <ada@acme.example> 1771061621 +0100\n"
    b"committer Ada <ada@acme.example> 1771061621 +0100\n"
)
_TAG = (
    b"object 6a0b4f1e25a07a8f0cd80f3de1f2e6b6a8a6f1d3\ntype commit\ntag v1\n"
    b"tagger CI <ci@acme.example> 1771062000 +0000\n\nv1\n"
)
_ROWS = b'{"Server": "a", "Package": "b", "Version": "1", "Checked": "2017-03-09T14:00Z"}\n'


def seeds(name: str) -> Iterator[bytes]:
    """Honest samples from which a target begins."""
    collector, _, form = name.partition("-")
    yield b""
    if collector == "lineage":
        yield from LINEAGES[form]
    elif name == "deploylog-jsonl":
        yield (LOGS.parent / "traps/deploys.jsonl").read_bytes()
        yield b'{"ts": "2026-02-14T09:31:07Z", "event": "x", "model": "m", "version": "1"}\n' * 3
    elif collector == "deploylog":
        own = {"options.json", "expected.jsonl", "LICENSE-lnav.txt"}
        yield from (p.read_bytes() for p in sorted((LOGS / form).iterdir()) if p.name not in own)
    elif name == "records-csv":
        yield b"Server,Package,Version,Checked\nweb-01,struts,2.3.31,2017-03-09T14:00Z\n"
        yield b'Server,Package,Version,Checked\n"a ""b""\nc",,,\nx\n'
    elif name == "records-jsonl":
        yield _ROWS * 2
    elif name == "git-objects":
        yield _CUT.join(
            [_COMMIT + b"\nretrain\n", _COMMIT + b"gpgsig -----BEGIN\n x\n\nsigned", _TAG]
        )
    else:
        move = b"6a0b4f1e25a07a8f0cd80f3de1f2e6b6a8a6f1d3"
        yield b"%b %b Ada <a@b> 1771061621 +0100\tpush\n" % (b"0" * 40, move)
        yield b"%b HEAD refs/heads/main\n%b refs/tags/v1\n" % (move, move)
        yield b"%b\tnot-for-merge\tbranch 'main' of x\n" % move
        yield batch([("commit", _COMMIT + b"\nretrain\n"), ("tag", _TAG)])
