"""Make ``objects``, ``refs`` and ``expected.jsonl`` beside this file.

The shapes were met in public repositories: years past 2106, zones of five to eight digits and of
three, identities without name, e-mail or time, a tag of a tag, of a file and without a tagger, a
message that looks like a record of its own. Names and times are made up. ``expected.jsonl`` is
written from this table, not from what any reader gave.

    python make.py
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

HERE = Path(__file__).parent
TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
BLOB = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"

COMMITTERS: list[tuple[bytes, int | None, str, str]] = [
    # committer line, seconds that it says, who it says, clock
    (b"Ada <ada@x> 1771061621 +0100", 1771061621, "Ada <ada@x>", "ada@x"),
    (b"Far <far@x> 4300000000 +0000", 4300000000, "Far <far@x>", "far@x"),
    (b"Zone <z@x> 1771061621 +051800", 1771061621, "Zone <z@x>", "z@x"),
    (b"Short <z@x> 1771061621 -700", 1771061621, "Short <z@x>", "z@x"),
    (b"Long <z@x> 1771061621 -13068837", 1771061621, "Long <z@x>", "z@x"),
    (b"<> 1771061621 +0000", 1771061621, "<>", ""),
    (b"Two> <two@x>> 1771061621 +0000", 1771061621, "Two> <two@x>>", "two@x"),
    (b"None <none@x>", None, "None <none@x>", "none@x"),
    (b"Before <b@x> -86400 +0000", None, "Before <b@x>", "b@x"),
    (b"Zo\xeb <zoe@x> 1771061621 +0000", 1771061621, "Zo\\xeb <zoe@x>", "zoe@x"),
]
SPOOF = b"\n\n" + b"f" * 40 + b" commit 9\ntree none\n\n"


def main() -> None:
    """Write the three files."""
    objects: dict[str, bytes] = {}
    expected: list[dict[str, object]] = []

    def add(kind: str, content: bytes) -> str:
        head = b"%b %d" % (kind.encode(), len(content))
        name = hashlib.sha1(head + b"\0" + content, usedforsecurity=False).hexdigest()
        objects[name] = name.encode() + b" " + head + b"\n" + content + b"\n"
        return name

    parent = b""
    first = ""
    for line, seconds, who, mail in COMMITTERS:
        content = b"tree " + TREE.encode() + b"\n" + parent
        content += b"author Ada <ada@x> 1771000000 +0000\ncommitter " + line + SPOOF
        name = add("commit", content)
        names = [f"git:{TREE}", *([f"git:{parent[7:47].decode()}"] if parent else [])]
        expected.append(
            {
                "kind": "git.commit",
                "digest": f"git:{name}",
                "seconds": seconds,
                "actor": who,
                "clock": f"git:committer:{mail}",
                "names": [*names, "git:" + "f" * 40],
            }
        )
        first = first or name
        parent = b"parent " + name.encode() + b"\n"
    release = b"object %b\ntype commit\ntag v1\ntagger CI <ci@x> 1771062000 +0000\n\nv1\n"
    one = add("tag", release % first.encode())
    two = add(
        "tag",
        b"object %b\ntype tag\ntag again\ntagger CI <ci@x> 1771063000 +0000\n\n." % one.encode(),
    )
    old = add("tag", b"object %b\ntype blob\ntag v0.99\n\nold" % BLOB.encode())
    for name, target, seconds in (
        (one, first, 1771062000),
        (two, one, 1771063000),
        (old, BLOB, None),
    ):
        expected.append(
            {
                "kind": "git.tag",
                "digest": f"git:{name}",
                "seconds": seconds,
                "actor": "CI <ci@x>" if seconds else None,
                "clock": "git:tagger:ci@x" if seconds else None,
                "names": [f"git:{target}"],
            }
        )
    (HERE / "objects").write_bytes(b"".join(objects[name] for name in sorted(objects)))
    tip = parent[7:47].decode()
    refs = [
        f"{tip} HEAD refs/heads/main",
        f"{tip} refs/heads/main",
        f"{two} refs/tags/credit-risk-v1",
    ]
    (HERE / "refs").write_text("".join(f"{line}\n" for line in refs))
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in expected)
    (HERE / "expected.jsonl").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
