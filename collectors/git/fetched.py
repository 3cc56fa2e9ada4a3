r"""When a mirror last fetched: ``FETCH_HEAD``, and the time that its host's file system gave it.

A sample (git-fetch(1), OUTPUT has no form of it; ``builtin/fetch.c``, append_fetch_head)::

    6a0b4f1e25a07a8f0cd80f3de1f2e6b6a8a6f1d3<TAB>not-for-merge<TAB>branch 'main' of example.org:m

git writes the file anew with each fetch, and names in it what it fetched. So its time is by the
clock of the host that keeps the clone, and after every commit that it names. Whoever owns the
files can give them any time; and a copy that keeps no times, an unpacked archive whose times were
made alike, or a checkout gives all files nearly one. So the time counts only where another file of
the repository, such as its ``config``, is older by :data:`APART`; else the event is undated.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from recon.collector import Warn
from recon.instants import interval
from recon.schema import DRAFT, frame

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import polars as pl

    from recon.collector import Items, Source

KIND = "git.fetched"
NAME = "FETCH_HEAD"
CITATION = f"file {NAME}"
APART = timedelta(hours=1)
"""How much older another file must be. A copy of a large repository takes minutes."""
_OTHERS = ("config", "description", "info/exclude")
"""Files that git writes as a repository is made, and never when it fetches."""
_LINE = re.compile(rb"^([0-9a-f]{64}|[0-9a-f]{40})\t(?:not-for-merge)?\t")


def made(gitdir: Path) -> dict[str, Any]:
    """``made``: the oldest time of the files that were there from the start; empty for none."""
    paths = [gitdir / name for name in _OTHERS]
    times = [path.lstat().st_mtime for path in paths if path.exists() and not path.is_symlink()]
    return {"made": datetime.fromtimestamp(min(times), UTC).isoformat()} if times else {}


def clock(source: Source, clone: str) -> str:
    """The clock of the host that keeps a clone, by the name that the case gives the clone."""
    return f"git:{source.id}/host:{clone}"


def read(source: Source, items: Items, warnings: list[Warn]) -> pl.DataFrame:
    """One event for each clone that has fetched; names: what it fetched last."""
    rows: list[dict[str, Any]] = []
    parts: dict[str, int] = {}
    for item in items.of(KIND):
        lines = [line for line in items.read(item).split(b"\n") if line]
        found = [match[1].decode() for line in lines if (match := _LINE.match(line))]
        bad = [number for number, line in enumerate(lines, 1) if not _LINE.match(line)]
        if bad:
            message = (
                f"expected NAME, a tab, `not-for-merge` or nothing, and a tab; found other bytes in"
                f" {len(bad)} lines, the first of which is line {bad[0]}; left out"
            )
            warnings.append(Warn(item.sha256, CITATION, message))
        clone, time = item.native.removesuffix(f"#{NAME}"), _time(item.meta)
        if time is None:
            message = (
                "expected files of the repository that are older than its FETCH_HEAD; found none:"
                " its times may be those of a copy; the fetch is undated"
            )
            warnings.append(Warn(item.sha256, CITATION, message))
        names = list(dict.fromkeys(f"git:{name}" for name in found))
        rows.append(
            {
                "kind": "git.fetch",
                "subject": f"git:{source.id}",
                "value": f"{len(names)} objects by {clone}",
                "clock": None if time is None else clock(source, clone),
                "basis": None if time is None else "stamped",
                "earliest": None if time is None else time[0],
                "latest": None if time is None else time[1],
                "names": names or None,
                "item": item.sha256,
                "citation": CITATION,
                # Clones that fetched the same share one item.
                "part": parts.setdefault(item.sha256, 0),
            }
        )
        parts[item.sha256] += 1
    return frame(rows, DRAFT)


def _time(meta: Mapping[str, Any]) -> tuple[datetime, datetime] | None:
    """When the file was written, where that is no time of a copy."""
    modified, first = meta.get("modified"), meta.get("made")
    if not isinstance(modified, str) or not isinstance(first, str):
        return None
    if datetime.fromisoformat(modified) - datetime.fromisoformat(first) < APART:
        return None
    return interval(modified)
