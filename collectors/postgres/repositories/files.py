"""The files of one pgBackRest backup, as its manifest lists them.

A file is stored packed under its own path, or at an offset of a bundle; one of no bytes is not
stored at all; one with a ``reference`` lies in an earlier backup.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from collectors.postgres import packing
from collectors.postgres.repositories.pgbackrest import entries

DATA = "pg_data/"
SUFFIXES = ("", *(one.suffix for one in packing.PACKINGS))
_MODE = 8


@dataclass(frozen=True, slots=True)
class Listed:
    """One path of the manifest."""

    path: str
    """Relative to the data folder, as it stands there: not checked."""
    kind: str
    """``file``, ``folder`` or ``link``."""
    size: int
    mode: int
    mtime: datetime | None
    packed: bool
    """Whether pgBackRest packed what it stored."""
    fields: Mapping[str, Any]

    @property
    def elsewhere(self) -> str | None:
        """Why its bytes are not in this backup, where they are not."""
        if self.fields.get("reference"):
            return f"stored in the backup {self.fields['reference']!r}"
        if "bims" in self.fields or "bi" in self.fields:
            return "changed blocks alone (block incremental)"
        return None


def listed(manifest: Path) -> Iterator[Listed]:
    """What the manifest lists under its data folder, folders first as they come."""
    defaults: dict[str, dict[str, Any]] = {}
    found: list[tuple[str, str, dict[str, Any]]] = []
    packed = True
    for entry in entries(manifest):
        if isinstance(entry, str):
            continue
        if (entry.section, entry.key) == ("backup:option", "option-compress-type"):
            packed = entry.value != "none"
        if not entry.section.startswith("target:"):
            continue
        _, what, *rest = entry.section.split(":")
        if rest == ["default"]:
            defaults.setdefault(what, {})[entry.key] = entry.value
        elif not rest and isinstance(entry.value, dict):
            found.append((what, entry.key, entry.value))
    kinds = {"path": "folder", "file": "file", "link": "link"}
    for wanted in ("path", "file", "link"):
        for what, key, own in found:
            if what == wanted and key.startswith(DATA):
                fields = {**defaults.get(what, {}), **own}
                yield Listed(
                    path=key.removeprefix(DATA),
                    kind=kinds[what],
                    size=_number(fields.get("size")),
                    mode=_mode(fields.get("mode")),
                    mtime=_moment(fields.get("timestamp")),
                    packed=packed,
                    fields=fields,
                )


def opened(one: Listed, find: Callable[[str], Path | None]) -> BinaryIO | None:
    """The file's plain bytes; None where the repository does not hold them.

    ``find``: a stored file by its path in the backup's folder, ``bundle/1``.
    """
    if one.size == 0:
        return io.BytesIO()
    bundle = one.fields.get("bni")
    if bundle is not None:
        path = find(f"bundle/{bundle}")
        start, length = _number(one.fields.get("bno")), _number(one.fields.get("repo-size"))
    else:
        paths = (find(f"{DATA}{one.path}{suffix}") for suffix in SUFFIXES)
        path = next((path for path in paths if path is not None), None)
        start, length = 0, path.stat().st_size if path else 0
    if path is None:
        return None
    region = io.BufferedReader(_Region(path, start, length))
    # A file of one page of nothing but an LSN could look packed: the manifest says what is.
    kind = packing.packing_of(region.peek(packing.HEAD)[: packing.HEAD]) if one.packed else None
    return packing.opened(region, kind, one.path, own=True) if kind else region


class _Region(io.RawIOBase):
    """Some bytes of a file."""

    def __init__(self, path: Path, start: int, length: int) -> None:
        self._file = path.open("rb")
        self._file.seek(start)
        self._start = start
        self._length = length

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        here = {0: 0, 1: self.tell(), 2: self._length}[whence]
        return self._file.seek(self._start + max(0, here + offset)) - self._start

    def tell(self) -> int:
        return self._file.tell() - self._start

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401  (any writable buffer)
        data = self._file.read(max(0, min(len(buffer), self._length - self.tell())))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


def _number(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value < 2**63 else 0


def _mode(value: object) -> int:
    try:
        return int(str(value), _MODE) & 0o7777 if value else 0
    except ValueError:
        return 0


def _moment(value: object) -> datetime | None:
    try:
        return datetime.fromtimestamp(value, UTC) if isinstance(value, int) else None
    except (ValueError, OverflowError, OSError):
        return None
