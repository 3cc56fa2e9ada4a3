"""The packaged case of March 8, whose real records are changed in one place."""

from __future__ import annotations

import json
from typing import Any

from tests.incidents.stage import Found, Stage


def packaged(stage: Stage) -> set[Found]:
    """Its evidence, ready to be changed, and all that is to be found in it as it is."""
    stage.packaged()
    told = json.loads((stage.folder / "expected.json").read_text())
    due = [*told["must_find"], *told["may_find"]]
    return {(one["rule"], one["verdict"], one["subject"]) for one in due}


def log(stage: Stage) -> list[dict[str, Any]]:
    """The lines of its deploy log."""
    lines = (stage.folder / "deploys.jsonl").read_text().splitlines()
    return [json.loads(one) for one in lines]


def write(stage: Stage, lines: list[dict[str, Any]]) -> None:
    """The deploy log with these lines."""
    text = "".join(json.dumps(one) + "\n" for one in lines)
    (stage.folder / "deploys.jsonl").write_text(text)
