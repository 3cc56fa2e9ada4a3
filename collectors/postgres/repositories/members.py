"""A backup of pgBackRest as the members of a base backup."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

from collectors.postgres.base import FILE, BaseBackup
from collectors.postgres.members import Member, Refused, safe
from collectors.postgres.repositories.files import listed, opened
from recon.collector import Item


def manifest_members(
    backup: BaseBackup, manifest: Item, tell: Callable[[Refused], object]
) -> Iterator[Member]:
    """Every file and folder that the manifest lists; what is not here goes to ``tell``.

    Links are refused: they stand for tablespaces.
    """
    stored = {str(item.meta.get("path")): item for item in backup.of(FILE)}

    def find(place: str) -> Path | None:
        return backup.source.path(stored[place]) if place in stored else None

    for one in listed(backup.source.path(manifest)):
        path = safe(one.path)
        if not path or one.kind == "link":
            why = "a path that leaves the folder" if not path else "link"
            tell(Refused(one.path, why))
            continue
        if one.kind == "folder":
            yield Member(path, "folder", 0, one.mode, None, io.BytesIO)
            continue
        held = None if one.elsewhere else opened(one, find)
        if held is None:
            tell(Refused(one.path, one.elsewhere or "listed in the manifest, and not there"))
            continue
        held.close()
        yield Member(
            path=path,
            kind="file",
            size=one.size,
            mode=one.mode,
            mtime=one.mtime,
            opened=lambda one=one: opened(one, find) or io.BytesIO(),  # type: ignore[misc]
        )
