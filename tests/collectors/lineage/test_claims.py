"""Which named thing is which subject of the case, and laws from what records name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from collectors.lineage import LineageClaim, LineageOptions
from tests.collectors.lineage.lineages import Lineages

CORPUS = Path(__file__).parents[2] / "corpus/lineage"
PATH = {"name": "models/{model}/{version}/model.bin", "subject": "model:{model}@{version}"}
MODEL = "model:credit-risk@2.3.1"


def test_a_path_becomes_a_model(tmp_path: Path):
    lock = (CORPUS / "dvc/dvc.lock").read_bytes()
    read = Lineages(tmp_path, {"dvc.lock": lock}, claims=[PATH])
    assert read.stated()[MODEL, "artifact"] == ["0fb35cae3613c9467d5ecc610993a926"] * 2
    assert ("file:src", "folder") in read.stated()


def test_labels_become_a_model_and_a_word_another(tmp_path: Path):
    claim = {"subject": "model:{model}@{version}", "attributes": {"artifact": "sha256"}}
    answer = (CORPUS / "prometheus/range.json").read_bytes()
    read = Lineages(tmp_path, {"range.json": answer}, claims=[claim])
    (first, last) = read.stated()[MODEL, "artifact"]
    assert first == last
    # A series without those labels keeps its own name.
    assert "series:up" in set(read.own()["subject"])


def test_a_claim_says_what_of_a_card_is_its_time(tmp_path: Path):
    claim = {"subject": "model:{model_name}@{version}", "time": "created"}
    card = (CORPUS / "modelcard/README.md").read_bytes()
    read = Lineages(tmp_path, {"README.md": card}, claims=[claim], zone="UTC")
    (row,) = read.own().iter_rows(named=True)
    assert (row["subject"], str(row["earliest"])) == (MODEL, "2026-02-14 00:00:00+00:00")
    naive = Lineages(tmp_path / "b", {"README.md": card}, claims=[claim])
    assert any("expected a time with its zone" in said for said in naive.said())


def test_a_dataset_of_a_run_becomes_a_model(tmp_path: Path):
    claim = {**PATH, "name": "s3://acme-models/models/{model}/{version}/model.bin"}
    events = (CORPUS / "openlineage/events.jsonl").read_bytes()
    read = Lineages(tmp_path, {"events.jsonl": events}, claims=[claim])
    assert len(read.stated()[MODEL, "artifact"]) == 1


def test_a_claim_is_checked():
    for wrong in ({"subject": "model:x"}, {**PATH, "attributes": {"a": "x", "b": "x"}}):
        with pytest.raises(ValidationError):
            LineageClaim.model_validate(wrong)
    for wrong_ in ({}, {"path": "a", "format": "xml"}, {"path": "a", "keys": ["a"]}):
        with pytest.raises(ValidationError):
            LineageOptions.model_validate(wrong_)


def test_a_run_ends_after_it_starts(tmp_path: Path):
    events = (CORPUS / "openlineage/events.jsonl").read_bytes()
    read = Lineages(tmp_path, {"events.jsonl": events})
    assert ("run", "run.start", "run.complete") in read.laws()


def test_a_log_entry_comes_after_the_attestation_that_it_names(tmp_path: Path):
    own = CORPUS / "attestation"
    files = {one: (own / one).read_bytes() for one in ("logged.sigstore.json", "log.pem")}
    read = Lineages(tmp_path, files, keys=["log.pem"])
    assert ("digest", "attestation", "tlog.entry") in read.laws()


def test_an_entry_that_is_not_verified_has_not_the_logs_clock(tmp_path: Path):
    data = (CORPUS / "attestation/logged.sigstore.json").read_bytes()
    read = Lineages(tmp_path, {"a.json": data})
    entries = read.own().filter(kind="tlog.entry")
    assert set(entries["clock"]) == {"lineage:l/tlog"}
    assert set(entries["basis"]) == {"asserted"}


def test_the_digest_of_a_signed_model_is_no_artifact(tmp_path: Path):
    """It is one over the digests of its files, and conflicts with the digest of none of them."""
    read = Lineages(tmp_path, {"model.sig": (CORPUS / "attestation/model.sig").read_bytes()})
    assert ("file:credit-risk", "artifact") not in read.stated()
    assert len(read.stated()["file:credit-risk", "tree"]) == 1
    assert ("file:model.bin", "artifact") in read.stated()


def test_the_same_bytes_are_read_once(tmp_path: Path):
    line = json.dumps({"results": [{"id": "main", "commit_id": "c"}]}).encode()
    read = Lineages(tmp_path, {"a.json": line, "b.json": line})
    assert read.own().height == 1
    assert any("b.json: the same bytes as a.json; read once" in said for said in read.said())


def test_an_md5_of_dvc_2_is_that_of_no_bytes(tmp_path: Path):
    """DVC 2 made line ends alike before it hashed: what a bucket has of the file may differ."""
    old = b"outs:\n- md5: 22a1a2931c8370d3aeedd7183606fd7f\n  path: a.csv\n"
    read = Lineages(tmp_path / "old", {"a.dvc": old})
    claims = read.events.filter(kind="claim").select("attribute", "value", "digest").rows()
    assert ("md5-dos2unix", "22a1a2931c8370d3aeedd7183606fd7f", None) in claims
    assert not [one for one in claims if one[0] == "artifact"]
    assert read.own().filter(kind="dvc.out")["digest"].to_list() == [None]
    new = old.replace(b"  path", b"  hash: md5\n  path")
    read = Lineages(tmp_path / "new", {"a.dvc": new})
    (claim,) = read.events.filter(kind="claim", attribute="artifact").iter_rows(named=True)
    assert claim["digest"] == "md5:22a1a2931c8370d3aeedd7183606fd7f"


def test_what_is_not_read_of_an_mlflow_store_is_named(tmp_path: Path):
    """Tables that have rows, and a run's inputs in an answer; empty tables are nothing."""
    import sqlite3

    store = tmp_path / "store.db"
    store.write_bytes((CORPUS / "mlflow/store.db").read_bytes())
    read = Lineages(tmp_path / "a", {"s.db": store.read_bytes()})
    assert not [one for one in read.said() if "nothing is read" in one]
    with sqlite3.connect(store) as made:
        made.execute('create table "x; drop" (a)')
        made.execute("create table mine (a)")
        made.execute("insert into mine values (1)")
    made.close()
    read = Lineages(tmp_path / "b", {"s.db": store.read_bytes()})
    (said,) = [one for one in read.said() if "nothing is read" in one]
    assert said.endswith("nothing is read: 'mine', 'x; drop'")
    runs = (CORPUS / "mlflow/runs.json").read_text()
    answer = json.loads(runs)
    answer["runs"][0]["inputs"] = {"dataset_inputs": [{"dataset": {"name": "d", "digest": "ab"}}]}
    read = Lineages(tmp_path / "c", {"r.json": json.dumps(answer).encode()})
    assert [one for one in read.said() if "its inputs or outputs too" in one]
