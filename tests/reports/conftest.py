"""A small real case: two deploy logs of two organisations that name different digests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from recon.case import Case, open_case
from recon.exhibitor import Production
from reports.bag import exhibitor

SHIPPED = "0f343b0931126a20f133d67c2b018a3b5d0c1f3b8a27c0e4e0a35f2d1b7f0a4f"
OTHER = "9b2cf535f27731c974343645a3985328f33d67c2b018a3b5d0c1f3b8a27c0e4e"
HOSTILE = (
    '#read("/etc/passwd") $x$ *b* \x1b[31mred\x1b[0m \u202eevil\u202c \0 \u00e9 e\u0301 '
    "\u6f22\u5b57 \U0001f600 \u05e9\u05dc\u05d5\u05dd \u2039U+0041\u203a ` $(id)\t#panic() "
)

TOML = """
[case]
id = "march-8"
title = "What did the deploy logs say on March 8?"
instant = 2026-03-08T12:00:00Z
subjects = ["model:*"]

[domain.platform]
organisation = "acme"
account = "aws:111122223333"
writers = ["ci@acme", "role/dba"]

[domain.bureau]
organisation = "bureau"

[[source]]
id = "deploys"
collector = "deploylog"
domain = "platform"
path = "deploys.jsonl"
[source.fields]
time = "ts"
kind = "event"
actor = "user"
subject = "model:{model}@{version}"
attributes = { artifact = "sha256" }

[[source]]
id = "mirror"
collector = "deploylog"
domain = "bureau"
paths = ["mirror.jsonl", "gone.jsonl"]
[source.fields]
time = "ts"
kind = "event"
actor = "user"
subject = "model:{model}@{version}"
attributes = { artifact = "sha256" }
"""


def write_case(folder: Path) -> Path:
    """``case.toml`` and the two logs; ``gone.jsonl`` is named and not there."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "case.toml").write_text(TOML, encoding="utf-8")
    deploys = [
        _line("2026-02-13T08:00:00Z", "churn", "1.0.4", OTHER),
        _line("2026-02-14T09:33:41.118Z", "credit-risk", "2.3.1", SHIPPED),
        _line("2026-02-20T10:00:00Z", HOSTILE, "=1+1", SHIPPED),
        "this line is no JSON \x1b[2J",
    ]
    mirror = [
        _line("2026-02-13T08:00:01Z", "churn", "1.0.4", OTHER),
        _line("2026-03-08T20:14:03Z", "credit-risk", "2.3.1", OTHER, note=HOSTILE + "x" * 10_000),
        _line("2026-03-08T20:14:04Z", HOSTILE, "=1+1", OTHER),
    ]
    for name, lines in (("deploys", deploys), ("mirror", mirror)):
        text = "".join(f"{line}\n" for line in lines)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    return folder


def _line(time: str, model: str, version: str, digest: str, **more: str) -> str:
    record = {
        "ts": time,
        "event": "deploy.finish",
        "user": "ci@acme",
        "model": model,
        "version": version,
        "sha256": digest,
        **more,
    }
    return json.dumps(record, ensure_ascii=False)


@pytest.fixture(scope="session")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """The case, collected."""
    opened = open_case(write_case(tmp_path_factory.mktemp("reports") / "march-8"))
    list(opened.collect())
    return opened


@pytest.fixture(scope="session")
def production(case: Case, tmp_path_factory: pytest.TempPathFactory) -> Production:
    """Its production; tests that change one copy it first."""
    return exhibitor.produce(
        case, tmp_path_factory.mktemp("productions") / "one", lambda _what, _done, _total: None
    )
