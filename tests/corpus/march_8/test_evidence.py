"""Stock tools read the packaged evidence and tell the story that ``expected.json`` tells."""

from __future__ import annotations

import base64
import io
import json
import re
import subprocess
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import zstandard

from tests.servers import binaries

PACKAGED = Path(__file__).parents[3] / "recon" / "packaged" / "march_8"


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PACKAGED / "expected.json").read_text(encoding="utf-8"))
    return found


def tool(name: str, *arguments: str | Path) -> str:
    folder = binaries(15)
    assert folder is not None, "PostgreSQL 15 is installed by the project's own script"
    program = folder / name if (folder / name).exists() else name
    done = subprocess.run(
        [str(program), *map(str, arguments)],
        env={"PATH": "/usr/bin:/bin", "TZ": "UTC", "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def wal(*options: str) -> str:
    names = sorted(p.name for p in (PACKAGED / "wal-archive").iterdir() if "." not in p.name)
    return tool("pg_waldump", *options, "-p", PACKAGED / "wal-archive", names[0], names[-1])


def dumped(night: str) -> dict[str, str]:
    """Digest by ``model@version`` in the dump of a night."""
    text = tool(
        *("pg_restore", "-a", "-n", "ml", "-t", "lineage", "-f", "-"),
        PACKAGED / "dumps" / f"lineage-{night}.dump",
    )
    rows = [line.split("\t") for line in text.splitlines() if line.count("\t") >= 5]
    return {f"model:{row[0]}@{row[1]}": row[2] for row in rows}


def test_wal_is_whole_and_ends_with_a_switch() -> None:
    text = wal("-r", "XLOG")
    assert "error" not in text
    assert text.rstrip().endswith("desc: SWITCH")


def test_wal_has_the_migration_as_one_transaction(expected: dict[str, Any]) -> None:
    incident = expected["incident"]
    text = wal("-x", str(incident["xid"]), "-r", "Transaction", "-r", "Storage")
    commit = next(line for line in text.splitlines() if "desc: COMMIT" in line)
    when = re.search(r"COMMIT (\S+ \S+) UTC", commit)
    assert when is not None
    committed = datetime.fromisoformat(when.group(1)).replace(tzinfo=UTC)
    assert committed == datetime.fromisoformat(incident["committed"])
    assert re.search(rf"rels: [^;]*/{incident['before']['file']}\b", commit)
    assert re.search(rf"dropped stats:[^;]*/{incident['before']['oid']}\b", commit)
    assert re.search(rf"CREATE base/\d+/{incident['after']['file']}\n", text)


def test_wal_has_the_attempt_as_an_abort_and_the_twins_as_commits(expected: dict[str, Any]) -> None:
    silent = {entry["what"].split()[0]: entry for entry in expected["must_stay_silent"]}
    attempt = next(e for e in expected["must_stay_silent"] if "rolled back" in e["what"])
    assert "desc: ABORT 2026-03-07 18:40:05" in wal("-x", str(attempt["xid"]), "-r", "Transaction")
    for what, date in (("VACUUM", "2026-03-01 03:00:00"), ("ALTER", "2026-02-23 21:00:00")):
        text = wal("-x", str(silent[what]["xid"]), "-r", "Transaction")
        assert f"desc: COMMIT {date}" in text
        assert not re.search(rf"dropped stats:[^;]*/{silent[what]['before']['oid']}\b", text)


def test_dumps_differ_in_one_oid_one_digest_and_one_row(expected: dict[str, Any]) -> None:
    incident = expected["incident"]
    before, after = dumped("2026-03-08"), dumped("2026-03-09")
    altered, lost = incident["altered"], incident["lost"]
    assert before[altered["subject"]] == altered["was"]
    assert before.pop(lost["subject"]) == lost["artifact"]
    assert after == before | {altered["subject"]: altered["is"]}
    for night, side in (("2026-03-08", "before"), ("2026-03-09", "after")):
        toc = tool("pg_restore", "-l", PACKAGED / "dumps" / f"lineage-{night}.dump")
        assert re.search(rf"; 1259 {incident[side]['oid']} TABLE ml lineage ", toc)
        assert f"Archive created at {night} 02:00:03 UTC" in toc


def test_control_file_is_of_the_cluster_that_the_capture_names(
    expected: dict[str, Any], tmp_path: Path
) -> None:
    packed = (PACKAGED / "base-2026-02-10" / "base.tar.zst").open("rb")
    with packed, zstandard.ZstdDecompressor().stream_reader(packed) as plain:
        whole = io.BytesIO(plain.read())
    with tarfile.open(fileobj=whole) as tar:
        tar.extract("global/pg_control", tmp_path, filter="data")
    control = tool("pg_controldata", tmp_path)
    assert re.search(rf"system identifier: +{expected['system_identifier']}\n", control)
    capture = PACKAGED / "capture-2026-04-02" / "rows.ml.lineage.jsonl"
    head, *rows, end = map(json.loads, capture.read_text(encoding="utf-8").splitlines())
    assert head["system_identifier"] == expected["system_identifier"]
    assert end["rows"] == len(rows) == 28
    written = [row for row in rows if row["xmin"] == expected["incident"]["xid"]]
    assert len(written) == expected["incident"]["rows_written"]
    assert len({row["cmin"] for row in written}) == 1


def test_repository_has_every_commit_that_was_tagged(
    expected: dict[str, Any], tmp_path: Path
) -> None:
    tool("git", "init", "-q", "--bare", "-b", "main", tmp_path)
    assert "The bundle records a complete history" in tool(
        "git", "-C", tmp_path, "bundle", "verify", PACKAGED / "code.bundle"
    )
    tool("git", "-C", tmp_path, "fetch", "-q", PACKAGED / "code.bundle", "+refs/*:refs/*")
    assert tool("git", "-C", tmp_path, "fsck", "--full", "--strict").strip() == ""
    for tag, commit in expected["commits"].items():
        assert tool("git", "-C", tmp_path, "rev-parse", f"{tag}^{{commit}}").strip() == commit


def test_bucket_and_log_hold_the_old_digest_and_nothing_the_new_one(
    expected: dict[str, Any],
) -> None:
    altered, lost = expected["incident"]["altered"], expected["incident"]["lost"]
    heads = [
        json.loads(path.read_bytes())
        for path in (PACKAGED / "models-2026-04-02" / "head-object").iterdir()
    ]
    digests = {base64.b64decode(head["ChecksumSHA256"]).hex() for head in heads}
    log = (PACKAGED / "deploys.jsonl").read_text(encoding="utf-8")
    for digest in (altered["was"], lost["artifact"]):
        assert digest in digests
        assert f'"sha256":"{digest}"' in log
    assert altered["is"] not in digests
    assert altered["is"] not in log


def test_every_manifest_is_older_than_its_model() -> None:
    listing = json.loads(
        (PACKAGED / "models-2026-04-02" / "list-object-versions.json").read_bytes()
    )
    dates = {v["Key"]: v["LastModified"] for v in listing["Versions"] if "models/" in v["Key"]}
    models = [key for key in dates if key.endswith("/model.bin")]
    assert len(models) == 29
    for key in models:
        assert dates[key.replace("model.bin", "manifest.json")] < dates[key]


def test_no_record_has_the_date_of_the_machine_that_made_it() -> None:
    for path in PACKAGED.rglob("*.json*"):
        years = re.findall(r'"(20\d\d-\d\d)-\d\d[T ]\d', path.read_text(encoding="utf-8"))
        assert set(years) <= {"2025-11", "2025-12", *(f"2026-0{month}" for month in range(1, 5))}
    manifest = (PACKAGED / "base-2026-02-10" / "backup_manifest").read_text(encoding="utf-8")
    dates = re.findall(r'"Last-Modified": "([\d-]+)', manifest)
    assert set(dates) == {"2025-11-30", "2026-02-10"}
