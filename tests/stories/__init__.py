"""Timelines told as stories: each call is one record of one source, at a time of one day.

``story.at("10:05")`` is 2026-03-08T10:05:00Z; ``"2026-02-14 10:05"`` another day.
"""

from __future__ import annotations

from recon.config import Domain
from tests.stories.database import Database
from tests.stories.media import Media, commit
from tests.stories.telling import DAY, TABLE, at

__all__ = ["BAD", "DAY", "GOOD", "PLATFORM", "TABLE", "Story", "at", "commit"]
GOOD = "sha256:" + "a" * 64
BAD = "sha256:" + "b" * 64
PLATFORM = Domain(organisation="acme", account="1")


class Story(Database, Media):
    """Events and coverage, in the order in which they are told."""
