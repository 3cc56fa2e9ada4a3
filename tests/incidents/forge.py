"""A forge of one incident: a server's repository, whoever works with it, and the forge's pushes."""

from __future__ import annotations

import json
from typing import Any

from tests.collectors.git.repositories import Repository
from tests.incidents.stage import Stage

RELEASES = {
    "ref": "refs/tags/{model}-v{version}",
    "subject": "model:{model}@{version}",
    "attribute": "commit",
}
TAG = "refs/tags/m1-v1"
"""Of model m1, version 1."""


class Forge:
    """A server to which one working repository pushes."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.server = Repository(stage.folder / "forge" / "server.git", "--bare")
        self.work = Repository(stage.folder / "forge" / "work")
        self.paths: list[str] = []
        self.pushes: list[dict[str, str]] = []

    def push(self, ref: str, when: str, *options: str) -> None:
        """Push a branch, a tag by its full name, or (``:x``) a deletion; it is written down."""
        name = ref.removeprefix(":")
        full = name if name.startswith("refs/") else f"refs/heads/{name}"
        before = self._at(full)
        self.work("push", "-q", *options, "../server.git", ref, when=when)
        self.pushes.append(
            {
                "before": before,
                "after": self._at(full),
                "ref": full,
                "timestamp": when,
                "activity_type": "push",
            }
        )

    def _at(self, ref: str) -> str:
        return self.server("rev-parse", "--verify", "-q", ref, check=False) or "0" * 40

    def mirror(self, name: str) -> None:
        """Somebody fetches the whole repository."""
        self.work("clone", "-q", "--mirror", "../server.git", f"../{name}.git")
        self.paths.append(f"forge/{name}.git")

    def hand_over(self, *, pushes: bool = True, **options: Any) -> None:
        """The mirrors that were made, the server's own repository, and the forge's pushes."""
        paths = [*self.paths, "forge/server.git"]
        self.stage.source("code", "git", "platform", paths=paths, claims=[RELEASES], **options)
        if pushes:
            text = "".join(json.dumps(one) + "\n" for one in self.pushes)
            (self.stage.folder / "activity.jsonl").write_text(text)
            self.stage.source(
                "activity", "deploylog", "audit", path="activity.jsonl", format="github"
            )
