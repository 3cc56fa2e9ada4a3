"""A job's log and a table of releases tell of one model."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from tests.incidents.stage import BAD, GOOD, M1, Stage, Truth, line, sha, when

COLUMNS = {"time": "At", "subject": "model:{Model}@1", "attributes": {"artifact": "SHA-256"}}


def told(stage: Stage, digest: str) -> None:
    stage.log(line("09:00", digest=GOOD))
    rows = {"Model": "m1", "SHA-256": digest, "At": when("09:01")}
    stage.table(rows, name="releases", columns=COLUMNS, domain="audit")


def incident(stage: Stage) -> Truth:
    """They give different digests."""
    told(stage, BAD)
    return {("digest-conflict", "conflict", M1)}


def innocent(stage: Stage) -> Truth:
    """They give the same one, in other letters."""
    told(stage, GOOD.upper())
    return set()


def innocent_one_path_in_two_trees(stage: Stage) -> Truth:
    """Two teams' lists of files have an `x.csv` each, in folders that the lists do not name."""
    for name, letter in (("train", "a"), ("test", "b")):
        path = stage.folder / name / "x.csv.dvc"
        path.parent.mkdir()
        path.write_text(f"outs:\n- md5: {letter * 32}\n  hash: md5\n  path: x.csv\n")
        stage.source(name, "lineage", "platform", paths=[f"{name}/x.csv.dvc"])
    return {("digest-conflict", "undetermined", "file:x.csv")}


def registry(stage: Stage, name: str, digest: str, *, made: str, run: str, **options: Any) -> None:
    """What ``model-versions/search`` of an MLflow gives: of m1, and of a model that is its own."""

    def version(model: str, sha256: str, minute: int, by: str) -> dict[str, Any]:
        at = round(datetime.fromisoformat(when(made)).timestamp() * 1000) + 60_000 * minute
        return {
            "name": model,
            "version": "1",
            "creation_timestamp": at,
            "last_updated_timestamp": at,
            "current_stage": "None",
            "source": f"s3://mlflow/{by}/artifacts/model",
            "run_id": by,
            "status": "READY",
            "tags": [{"key": "artifact_sha256", "value": sha256}],
        }

    versions = [version("m1", digest, 0, run), version(f"of-{run}", GOOD, 1, run[::-1])]
    folder = stage.folder / name
    folder.mkdir()
    (folder / "model-versions.json").write_text(json.dumps({"model_versions": versions}))
    paths = [f"{name}/model-versions.json"]
    stage.source(name, "lineage", "platform", paths=paths, **options)


RUN, OTHER_RUN = "37e57f6f159c4caab71e8c697309debc", "9d1c0b6a2f8e4d7c8b5a4f3e2d1c0b9a"


def incident_registry(stage: Stage) -> Truth:
    """One registry, asked twice: the digest that its version is tagged with is another one."""
    registry(stage, "registry", GOOD, made="08:00", run=RUN)
    registry(stage, "again", BAD, made="08:00", run=RUN)
    return {("digest-conflict", "conflict", M1)}


def incident_registry_made_anew(stage: Stage) -> Truth:
    """It was filled anew: the version was made at another time, by the same run."""
    registry(stage, "registry", GOOD, made="08:00", run=RUN)
    registry(stage, "again", BAD, made="08:30", run=RUN)
    return {("digest-conflict", "conflict", M1)}


def innocent_two_registries(stage: Stage) -> Truth:
    """Two teams have a model of one name, each in a registry of its own; one of them is deployed.

    That they are two nobody said: it is left open, and nobody is said to contradict the log.
    """
    registry(stage, "risk", GOOD, made="08:00", run=RUN)
    registry(stage, "fraud", BAD, made="08:10", run=OTHER_RUN)
    stage.log(line("09:00", digest=GOOD))
    return {("digest-conflict", "undetermined", M1)}


def innocent_two_registries_declared(stage: Stage) -> Truth:
    """The case gives the models of one of them a name of their own."""
    own = {"name": "{model}@{version}", "subject": "model:fraud/{model}@{version}"}
    registry(stage, "risk", GOOD, made="08:00", run=RUN)
    registry(stage, "fraud", BAD, made="08:10", run=OTHER_RUN, claims=[own])
    stage.log(line("09:00", digest=GOOD))
    return set()


def incident_two_registries(stage: Stage) -> Truth:
    """What is deployed is the model of neither."""
    registry(stage, "risk", GOOD, made="08:00", run=RUN)
    registry(stage, "fraud", BAD, made="08:10", run=OTHER_RUN)
    stage.log(line("09:00", digest=sha("of neither")))
    return {("digest-conflict", "conflict", M1)}
