"""Make ``deploys.jsonl`` and ``expected.jsonl`` beside this file.

Traps met in real deploy logs: epochs and ISO times in one file, three and six digits of fraction,
no zone, the hour that comes twice in autumn, a line cut by a full disk, a second log written into
the first, Windows line ends, a digest in capitals. ``expected.jsonl`` is written from this table,
not from what any reader gave.

    python make.py
"""

from __future__ import annotations

import json
from pathlib import Path

HERE = Path(__file__).parent
SHA = "5d0c1f3b8a27c0e4e0a35f2d1b7f0a4f6ad1c9e2"
DIGEST = "0f343b0931126a20f133d67c2b018a3b" * 2
RECORD = '"event": "deploy.finish", "model": "churn", "version": "1.0"'

LINES: list[tuple[bytes, str, str | None, str | None, list[str]]] = [
    # bytes, kind, earliest, latest, names
    (b'{"ts": "2026-02-14T09:31:07Z", %b}\n', "deploy.finish",
     "2026-02-14T09:31:07.000000", "2026-02-14T09:31:07.999999", []),
    (b'{"ts": 1771061621, %b}\r\n', "deploy.finish",
     "2026-02-14T09:33:41.000000", "2026-02-14T09:33:41.999999", []),
    (b'{"ts": "2026-02-14T10:33:41.118+01:00", %b}\n', "deploy.finish",
     "2026-02-14T09:33:41.118000", "2026-02-14T09:33:41.118999", []),
    (b'{"ts": 1771061621118001, %b, "sha256": "' + DIGEST.upper().encode() + b'"}\n',
     "deploy.finish",
     "2026-02-14T09:33:41.118001", "2026-02-14T09:33:41.118001", [f"sha256:{DIGEST}"]),
    # No zone, in the hour that Europe's clocks show twice: anywhere on Earth.
    (b'{"ts": "2026-10-25 02:30:00", %b}\n', "deploy.finish",
     "2026-10-24T12:30:00.000000", "2026-10-25T14:30:00.999999", []),
    (b'{"ts": "2026-03-08T19:12:0', "log.line", None, None, []),
    (b"\n", "", None, None, []),
    (b'{"ts": "2026-03-08T19:12:04Z", %b, "sha": "' + SHA.encode() + b'"}\n', "deploy.finish",
     "2026-03-08T19:12:04.000000", "2026-03-08T19:12:04.999999", [f"git:{SHA}"]),
    (b"Mar  8 19:12:05 host kernel: out of memory\n", "log.line", None, None, []),
    (b'{"ts": 20260308, %b}\n', "deploy.finish", None, None, []),
]  # fmt: skip


def main() -> None:
    """Write the two files. The cut line and the line feed after it are one line of the log."""
    log = b""
    expected = []
    number = 1
    for template, kind, earliest, latest, names in LINES:
        if kind:
            row = {"line": number, "kind": kind, "earliest": earliest, "latest": latest}
            expected.append({**row, "position": len(log), "names": names})
        log += template.replace(b"%b", RECORD.encode())
        number += log.endswith(b"\n")
    (HERE / "deploys.jsonl").write_bytes(log)
    (HERE / "expected.jsonl").write_text("".join(json.dumps(row) + "\n" for row in expected))


if __name__ == "__main__":
    main()
