"""Native items of a production: which are produced, and under which number and name.

Produced are the items that a finding cites, those that the two answers of the report rest on, and
the siblings that a reader needs beside these: the other items of the same source and
acquisition (a listing's other pages, the WAL before and after, the bundle beside its refs).
Where those are more than 64 MiB, the items of the same kind; where these are too, only the two
next to each by native locator.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recon.collector import Item

SIBLINGS = 64 << 20
"""Bytes of siblings that are produced whole."""
_SNIFF = 512
# First bytes: pg_dump -Fc (pg_backup_archiver.h), gitformat-bundle, RFC 1952, RFC 8878, Parquet.
_MAGIC = (
    (b"PGDMP", "dump"),
    (b"# v2 git bundle", "bundle"),
    (b"# v3 git bundle", "bundle"),
    (b"\x1f\x8b", "gz"),
    (b"\x28\xb5\x2f\xfd", "zst"),
    (b"PAR1", "parquet"),
)


@dataclass(frozen=True, slots=True)
class Produced:
    """One native file: an item's bytes under a number."""

    item: Item
    bates: str
    name: str
    """File name: the number and an extension of ours, ASCII."""
    why: str
    """``cited``, ``answer`` or ``sibling``."""

    @property
    def path(self) -> str:
        """Path in the bag."""
        return f"data/NATIVES/{self.name}"


def select(
    items: Sequence[Item], cited: Iterable[str], answering: Iterable[str] = ()
) -> list[tuple[Item, str]]:
    """Items to produce, each hash once, with why; sorted by source, kind, locator and hash.

    Args:
        items: all of the case.
        cited: hashes of the items that findings cite.
        answering: hashes of the items that answers rest on.
    """
    wanted, answers = set(cited), set(answering)
    near = _siblings(items, wanted | answers)
    reasons = (("cited", wanted), ("answer", answers), ("sibling", near))
    why: dict[str, tuple[Item, str]] = {}
    for item in items:
        reason = next((name for name, hashes in reasons if item.sha256 in hashes), None)
        if reason is not None:
            why.setdefault(item.sha256, (item, reason))
    return sorted(
        why.values(),
        key=lambda pair: (pair[0].source, pair[0].kind, pair[0].native, pair[0].sha256),
    )


def _siblings(items: Sequence[Item], wanted: set[str]) -> set[str]:
    """Hashes of the items that come along with those wanted."""
    runs: dict[tuple[str, int], list[Item]] = defaultdict(list)
    for item in items:
        runs[item.source, item.acquisition].append(item)
    near: set[str] = set()
    for run in runs.values():
        if not any(item.sha256 in wanted for item in run):
            continue
        kinds: dict[str, list[Item]] = defaultdict(list)
        for item in run:
            kinds["" if _small(run) else item.kind].append(item)
        for group in kinds.values():
            near |= _near(sorted(group, key=lambda item: (item.native, item.sha256)), wanted)
    return near


def _small(group: Sequence[Item]) -> bool:
    return sum(item.size for item in group) <= SIBLINGS


def _near(group: Sequence[Item], wanted: set[str]) -> set[str]:
    """Siblings within a sorted group: all of a small one, the neighbours in a large one."""
    places = [place for place, item in enumerate(group) if item.sha256 in wanted]
    if places and _small(group):
        return {item.sha256 for item in group}
    return {
        group[near].sha256
        for place in places
        for near in (place - 1, place + 1)
        if 0 <= near < len(group)
    }


def extension(path: Path, kind: str) -> str:
    """An extension by the first bytes and the collector's word; never by the item's own name."""
    with path.open("rb") as file:
        head = file.read(_SNIFF)
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if kind == "pg.wal":
        return "wal"
    return _texts(head)


def _texts(head: bytes) -> str:
    """What text it is, or that it is none."""
    try:
        head.decode("utf-8")
        text = b"\0" not in head
    except UnicodeDecodeError as error:
        # The last character may be cut by the end of what was read.
        text = len(head) == _SNIFF and error.start >= _SNIFF - 4
    start = head.lstrip()[:1]
    if not text:
        return "bin"
    if start == b"<":
        return "xml"
    if start in (b"{", b"["):
        # One JSON value a line, or one in the file: the first line closes, or it does not.
        return "jsonl" if head.split(b"\n", 1)[0].rstrip().endswith((b"}", b"]")) else "json"
    return "txt"
