"""A push of any forge says what the ref pointed to before and after, as a reflog does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.collectors.deploylog.formats import Logs

OLD, NEW, NONE = "6dcb09b5b57875f334f61aebed695e2e4193db5e", "8" * 40, "0" * 40
PUSHES: list[tuple[str, dict[str, Any], str | None]] = [
    ("github", {"ref": "refs/heads/x", "before": OLD, "after": NEW}, f"{OLD} {NEW}"),
    ("github", {"ref": "refs/heads/x", "before": OLD, "after": NONE}, f"{OLD} {NONE}"),
    ("github", {"ref": "refs/heads/x", "before": OLD, "after": NEW, "timestamp": "2026-01-01",
                "activity_type": "push"}, f"{OLD} {NEW}"),
    ("github", {"type": "PushEvent", "created_at": "2026-01-01T00:00:00Z", "repo": {"name": "a/b"},
                "payload": {"ref": "refs/heads/x", "head": NEW, "before": OLD}}, f"{OLD} {NEW}"),
    ("github", {"ref": "refs/heads/x", "after": NEW}, None),
    ("gitlab", {"object_kind": "push", "ref": "refs/heads/x", "before": OLD, "after": NEW},
     f"{OLD} {NEW}"),
    ("gitlab", {"push_data": {"ref_type": "branch", "ref": "x", "commit_from": None,
                              "commit_to": NEW}}, f"{NONE} {NEW}"),
    ("gitlab", {"object_kind": "push", "ref": "refs/heads/x", "before": "x", "after": NEW}, None),
    ("gitea", {"ref": "refs/heads/x", "before": NONE, "after": NEW}, f"{NONE} {NEW}"),
    ("gitea", {"op_type": "commit_repo", "ref_name": "refs/heads/x",
               "content": json.dumps({"CompareURL": f"a/b/compare/{OLD}...{NEW}"})},
     f"{OLD} {NEW}"),
    ("gitea", {"op_type": "delete_branch", "ref_name": "refs/heads/x", "content": ""}, None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "record", "value"), PUSHES)
def test_a_push_is_a_move_of_a_ref(
    tmp_path: Path, name: str, record: dict[str, Any], value: str | None
):
    data = (json.dumps(record) + "\n").encode()
    row = Logs(tmp_path, {"log.json": data}, format=name).records().row(0, named=True)
    assert row["value"] == value
    to = (value or NONE).split(" ")[-1]
    assert row["digest"] == (f"git:{to}" if to != NONE else None)
    assert row["subject"].endswith("refs/heads/x")


def test_a_push_of_a_forge_is_stamped_and_no_claim(tmp_path: Path):
    record = {"ref": "refs/heads/x", "before": OLD, "after": NEW, "activity_type": "push",
              "timestamp": "2026-01-01T00:00:00Z"}  # fmt: skip
    logs = Logs(tmp_path, {"log.json": json.dumps(record).encode()}, format="github")
    (row,) = logs.records().iter_rows(named=True)
    assert (row["basis"], row["kind"], row["attribute"]) == ("stamped", "github.push", None)
