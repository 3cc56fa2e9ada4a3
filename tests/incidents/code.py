"""A repository of one incident, made by git."""

from __future__ import annotations

from typing import Any

from tests.collectors.git.repositories import Repository
from tests.incidents.stage import Stage


def repository(stage: Stage) -> Repository:
    """A repository, empty."""
    return Repository(stage.folder / "work" / "code")


def hand_over(stage: Stage, code: Repository, **options: Any) -> None:
    """As it lies there, with its reflogs."""
    path = str(code.path.relative_to(stage.folder))
    stage.source("code", "git", "platform", path=path, **options)
