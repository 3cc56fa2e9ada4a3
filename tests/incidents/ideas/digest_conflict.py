"""A job's log and a table of releases tell of one model."""

from __future__ import annotations

from tests.incidents.stage import BAD, GOOD, M1, Stage, Truth, line, when

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
