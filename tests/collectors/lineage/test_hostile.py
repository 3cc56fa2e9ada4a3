"""Files that would make a reader run, expand or believe something."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collectors.lineage.formats import mlflowdb
from tests.collectors.lineage.lineages import Lineages

CORPUS = Path(__file__).parents[2] / "corpus/lineage"


def store(path: Path, *statements: str) -> bytes:
    """A small database with MLflow's table of models, and whatever else."""
    with sqlite3.connect(path) as made:
        made.execute("create table registered_models (name text, creation_time bigint)")
        made.execute("insert into registered_models values ('m', 1771063500123)")
        for one in statements:
            made.execute(one)
    made.close()
    return path.read_bytes()


def test_aliases_that_expand_to_gigabytes_are_not_followed(tmp_path: Path):
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    for name, before in zip("bcdefghi", "abcdefgh", strict=True):
        bomb += f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    read = Lineages(
        tmp_path, {"dvc.lock": bomb.encode(), "README.md": f"---\n{bomb}---\n".encode()}
    )
    assert read.own()["kind"].to_list() == ["lineage.unread", "lineage.unread"]
    assert all("an alias (*a) in line" in said for said in read.said())


def test_a_tag_makes_no_object(tmp_path: Path):
    text = b"outs:\n- !!python/object/apply:os.system ['touch pwned']\n"
    read = Lineages(tmp_path, {"x.dvc": text})
    assert "expected an entry with its path; found none" in " ".join(read.said())
    assert not Path("pwned").exists()


@pytest.mark.parametrize("deep", ["[" * 100_000, "a: " + "{b: " * 5_000, "- " * 5_000])
def test_depth_is_bounded_in_yaml(tmp_path: Path, deep: str):
    read = Lineages(tmp_path, {"dvc.lock": deep.encode()})
    assert read.own()["kind"].to_list() == ["lineage.unread"]


def test_depth_is_bounded_in_json(tmp_path: Path):
    text = b'{"bomFormat": "CycloneDX", "components": ' + b'[{"components": ' * 100_000
    read = Lineages(tmp_path, {"bom.json": text}, format="cyclonedx")
    assert read.own()["kind"].to_list() == ["lineage.unread"]
    inner: dict[str, object] = {"name": "deepest"}
    for _ in range(150):
        inner = {"name": "n", "components": [inner]}
    bom = {"bomFormat": "CycloneDX", "components": [inner]}
    read = Lineages(tmp_path / "b", {"bom.json": json.dumps(bom).encode()})
    assert read.own().filter(kind="bom.component").height == 101
    assert any("components at most 100 deep" in said for said in read.said())


def test_a_view_of_a_tables_name_is_not_asked(tmp_path: Path):
    data = store(
        tmp_path / "made",
        "create view model_versions as select hex(randomblob(1)) as name, 1 as version",
        "create table runs (a text, run_uuid text generated always as (hex(zeroblob(9))) stored)",
        "create table tags (rowid text, key text, value text, run_uuid text)",
    )
    read = Lineages(tmp_path / "c", {"store.db": data})
    assert read.own()["subject"].to_list() == ["model:m"]
    said = [one for one in read.said() if "not read" in one]
    assert [one.split(" ")[2] for one in said] == ["model_versions", "runs", "tags"]


def test_a_query_may_only_read(tmp_path: Path):
    store(tmp_path / "made")
    connection = mlflowdb.opened(tmp_path / "made")
    for statement in ("delete from registered_models", "create table x (y)"):
        with pytest.raises(sqlite3.Error):
            connection.execute(statement)
    with pytest.raises(sqlite3.Error):
        connection.execute("attach ? as other", (str(tmp_path / "other"),))
    with pytest.raises(sqlite3.Error):
        connection.execute("select load_extension('x')")
    connection.close()


def test_a_damaged_page_keeps_what_was_read(tmp_path: Path):
    rows = ", ".join(f"('model-{n}', {1771063500000 + n})" for n in range(2_000))
    data = bytearray(store(tmp_path / "made", f"insert into registered_models values {rows}"))  # noqa: S608
    size = int.from_bytes(data[16:18], "big")
    data[5 * size : 6 * size] = b"\xff" * size
    read = Lineages(tmp_path / "c", {"store.db": bytes(data)})
    assert 0 < read.own().height < 2_001
    assert any("found a damaged page" in said for said in read.said())


def test_a_write_ahead_log_beside_the_store_is_told_of(tmp_path: Path):
    with sqlite3.connect(tmp_path / "made") as made:
        made.execute("pragma journal_mode=wal")
    made.close()
    data = store(tmp_path / "made")
    read = Lineages(tmp_path / "c", {"store.db": data})
    assert any("FILE-wal" in said for said in read.said())


def test_a_count_is_read_in_its_own_unit(tmp_path: Path):
    """Seconds where milliseconds belong are no time: by its size it would be one."""
    version = {"name": "m", "version": "1", "creation_timestamp": 1771063500}
    read = Lineages(tmp_path, {"a.json": json.dumps({"model_versions": [version]}).encode()})
    assert read.own()["earliest"].to_list() == [None]
    assert "expected a count of milliseconds between 2001 and 2100; found '1771063500'" in (
        " ".join(read.said())
    )


def test_names_with_braces_fill_nothing(tmp_path: Path):
    version = {"name": "{version}", "version": "7"}
    read = Lineages(tmp_path, {"a.json": json.dumps({"model_versions": [version]}).encode()})
    assert read.own()["subject"].unique().to_list() == ["model:{version}@7"]


def test_models_of_another_workspace_are_others(tmp_path: Path):
    versions = [{"name": "m", "version": "1", "workspace": one} for one in ("default", "team-b")]
    read = Lineages(tmp_path, {"a.json": json.dumps({"model_versions": versions}).encode()})
    assert set(read.own()["subject"]) == {"model:m@1", "model:team-b/m@1"}


def test_a_key_that_stands_twice_says_nothing(tmp_path: Path):
    text = b'{"eventTime": "2026-02-14T10:05:00Z", "run": {"runId": "a", "runId": "b"},'
    text += b' "job": {"namespace": "n", "name": "j"}}'
    read = Lineages(tmp_path, {"a.jsonl": text})
    assert read.own()["kind"].to_list() == ["job.event"]
    assert "expected one text or number in 'runId'" in " ".join(read.said())


def signed(key: str = "builder.pem") -> dict[str, bytes]:
    own = CORPUS / "attestation"
    return {
        "a.jsonl": (own / "provenance.intoto.jsonl").read_bytes().split(b"\n")[0],
        key: (own / key).read_bytes(),
    }


def test_a_payload_that_was_changed_is_not_verified(tmp_path: Path):
    files = signed()
    envelope = json.loads(files["a.jsonl"])
    payload = base64.b64decode(envelope["payload"]).replace(b"2026-02-14", b"2026-02-13")
    envelope["payload"] = base64.b64encode(payload).decode()
    files["a.jsonl"] = json.dumps(envelope).encode()
    read = Lineages(tmp_path, files, keys=["builder.pem"])
    (value,) = read.own().filter(kind="attestation")["value"]
    assert value == "signature not verified: made with none of the case's keys"


def test_without_a_key_nothing_is_verified_and_nobody_accused(tmp_path: Path):
    files = signed()
    del files["builder.pem"]
    read = Lineages(tmp_path, files)
    (value,) = read.own().filter(kind="attestation")["value"]
    assert value == "signature not verified: the case gives no key"
    assert [one.severity for one in read.parsed.warnings] == ["note"]


def test_a_certificate_that_came_with_the_signature_is_no_root(tmp_path: Path):
    own = CORPUS / "attestation"
    bundle = json.loads((own / "certified.sig").read_text())
    chain = bundle["verificationMaterial"]["x509CertificateChain"]["certificates"]
    assert len(chain) == 2
    files = {
        "a.sig": json.dumps(bundle).encode(),
        "release.pem": (own / "release.pem").read_bytes(),
    }
    read = Lineages(tmp_path, files, keys=["release.pem"])
    (value,) = read.own().filter(kind="attestation")["value"]
    assert value == "signature not verified: made with none of the case's keys"


def test_no_service_can_call_its_clock_that_of_a_log(tmp_path: Path):
    line = (CORPUS / "otlp/metrics.jsonl").read_bytes().split(b"\n")[0]
    line = line.replace(b'"stringValue": "scorer"', b'"stringValue": "rekor:cc9a8f5526f2d002"')
    read = Lineages(tmp_path, {"a.jsonl": line})
    assert set(read.own()["clock"]) == {"lineage:l/rekor:cc9a8f5526f2d002"}


def logged(change: Callable[[dict[str, Any]], None]) -> dict[str, bytes]:
    """A bundle with an entry that verifies, changed by whoever hands it over."""
    own = CORPUS / "attestation"
    bundle = json.loads((own / "logged.sigstore.json").read_text())
    del bundle["verificationMaterial"]["tlogEntries"][1:]
    change(bundle)
    return {"a.json": json.dumps(bundle).encode(), "log.pem": (own / "log.pem").read_bytes()}


def test_what_stands_beside_the_signed_body_is_no_word_of_the_logs(tmp_path: Path):
    def change(bundle: dict[str, Any]) -> None:
        bundle["verificationMaterial"]["tlogEntries"][0]["note"] = "f" * 64

    read = Lineages(tmp_path, logged(change), keys=["log.pem"])
    (entry,) = read.own().filter(kind="tlog.entry").iter_rows(named=True)
    assert entry["basis"] == "stamped"
    assert f"sha256:{'f' * 64}" not in entry["names"]


def test_a_signature_that_the_log_has_does_not_date_another_payload(tmp_path: Path):
    def change(bundle: dict[str, Any]) -> None:
        sig = bundle["dsseEnvelope"]["signatures"][0]["sig"]
        (entry,) = bundle["verificationMaterial"]["tlogEntries"]
        entry["canonicalizedBody"] = base64.b64encode(
            json.dumps({"kind": "hashedrekord", "spec": {"signature": {"content": sig}}}).encode()
        ).decode()
        key = Ed25519PrivateKey.from_private_bytes(b"l" * 32)
        entry["inclusionPromise"]["signedEntryTimestamp"] = base64.b64encode(
            key.sign(
                rfc8785.dumps(
                    {
                        "body": entry["canonicalizedBody"],
                        "integratedTime": int(entry["integratedTime"]),
                        "logID": base64.b64decode(entry["logId"]["keyId"]).hex(),
                        "logIndex": int(entry["logIndex"]),
                    }
                )
            )
        ).decode()

    read = Lineages(tmp_path, logged(change), keys=["log.pem"])
    (entry,) = read.own().filter(kind="tlog.entry").iter_rows(named=True)
    assert entry["value"] == "not verified: its body is of another signature"
    assert ("digest", "attestation", "tlog.entry") not in read.laws()


def test_a_file_that_is_no_key_is_told_of(tmp_path: Path):
    read = Lineages(tmp_path, {**signed(), "x.pem": b"nothing"}, keys=["builder.pem", "x.pem"])
    assert ": expected a public key or certificate, PEM or DER; found neither" in read.said()


def test_a_file_of_no_format_is_told_of(tmp_path: Path):
    read = Lineages(tmp_path, {"a.bin": b"\x00\x01", "b.json": b'{"x": 1}', "empty": b""})
    assert len([one for one in read.said() if "say `format`" in one]) == 3
