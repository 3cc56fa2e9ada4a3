"""A case whose log is stamped by a real TSA, and what recon says of the token."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

import recon
from recon.case import Case
from tests.cases import line, write_case
from tests.tsa import Authority

MADE = datetime(2026, 1, 1, tzinfo=UTC)
NOON = datetime(2026, 3, 8, 12, tzinfo=UTC)
ROOM = timedelta(seconds=1.5)
SECOND = timedelta(microseconds=999_999)
SOURCE = """
[[source]]
id = "seals"
collector = "anchors"
domain = "other"
{options}
"""


def case(folder: Path, stamp: dict[str, Any], rows: list[dict[str, str]] | None = None) -> Case:
    """A log `deploys.jsonl` with records up to noon by its own clock, and the options given."""
    rows = rows or [line("2026-03-08T11:59:00Z"), line("2026-03-08T11:59:50Z", version="2")]
    options = "".join(f"{key} = {json.dumps(value)}\n" for key, value in stamp.items())
    write_case(folder, logs={"deploys": rows}, extra=SOURCE.format(options=options))
    return recon.open(folder)


def stamped(folder: Path, tsa: Authority, at: datetime = NOON, **how: Any) -> Case:
    """The case with one token over its log, in ``log.tsr``, and the TSA's root trusted."""
    made = case(folder, {"tokens": ["log.tsr"], "roots": ["ca.pem"]})
    (folder / "ca.pem").write_bytes(tsa.root.read_bytes())
    tsa.stamp(folder / "deploys.jsonl", folder / "log.tsr", at, **how)
    return made


def collected(made: Case) -> Case:
    assert [one.failures for one in made.collect() if one.failures] == []
    return made


def token(made: Case) -> dict[str, Any]:
    (row,) = made.timeline().filter(pl.col("kind") == "timestamp.token").collect().to_dicts()
    return row


def said(made: Case) -> str:
    return " ".join(one["message"] for one in made.warnings() if one["source"] == "seals")


def openssl(folder: Path, response: str = "log.tsr", *more: str) -> bool:
    """The second reader: whether it verifies over the log, by the root, at the token's time."""
    command = ["openssl", "ts", "-verify", "-data", "deploys.jsonl", "-in", response]
    command += ["-CAfile", "ca.pem", "-attime", str(int(NOON.timestamp())), *more]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode == 0
