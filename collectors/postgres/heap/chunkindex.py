"""Where the chunks of values in TOAST tables stand: the last ones in memory, the others in a file.

The file is an SQLite database of this process alone, in a scratch folder. Values get ascending
numbers: what was stored is asked for a chunk only where its value's number is not above all there.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import NamedTuple

from collectors.postgres.wal.shelf import Folder

KEPT = 65_536
"""Chunks whose places are in memory."""
_MIDDLE = 1 << 63
"""LSNs have 64 bits, and SQLite's numbers a sign."""
_LAYOUT = """
pragma journal_mode = off;
pragma synchronous = off;
create table chunks (
    value integer, file integer, number integer, lsn integer, at integer, size integer,
    primary key (value, file, number)
) without rowid;
"""
_PUT = "insert or replace into chunks values (?, ?, ?, ?, ?, ?)"
_GET = "select lsn, at, size from chunks where value = ? and file = ? and number = ?"
_ALL = "select file, number, lsn, at, size from chunks where value = ?"
_FORGET = "delete from chunks where lsn >= ?"


class Key(NamedTuple):
    """A chunk."""

    value: int
    """``chunk_id``."""
    file: int
    """In which it was seen: later files have higher numbers."""
    number: int
    """``chunk_seq``."""


class Place(NamedTuple):
    """Since when, and where it is."""

    lsn: int
    at: int
    size: int


class ChunkIndex:
    """Places by key. Close it when done."""

    def __init__(self) -> None:
        self._last: dict[int, dict[Key, Place]] = {}
        self._count = 0
        self._stored: sqlite3.Connection | None = None
        self._folder: Folder | None = None
        self._most = -1
        """The highest number of a value in the file."""

    def get(self, key: Key) -> Place | None:
        """Where a chunk is."""
        found = self._last.get(key.value, {}).get(key)
        if found is not None or self._stored is None or key.value > self._most:
            return found
        row = self._stored.execute(_GET, key).fetchone()
        return None if row is None else _place(*row)

    def put(self, key: Key, place: Place) -> None:
        """In place of what was there."""
        kept = self._last.setdefault(key.value, {})
        self._count += key not in kept
        kept[key] = place
        if self._count > KEPT:
            self._store()

    def of(self, value: int) -> Iterator[Mapping[int, Place]]:
        """A value's chunks by number, file by file, from the last file to the first."""
        files: dict[int, dict[int, Place]] = {}
        if self._stored is not None and value <= self._most:
            for file, number, *place in self._stored.execute(_ALL, (value,)):
                files.setdefault(file, {})[number] = _place(*place)
        for key, found in self._last.get(value, {}).items():
            files.setdefault(key.file, {})[key.number] = found
        for _, chunks in sorted(files.items(), reverse=True):
            yield chunks

    def forget(self, since: int) -> None:
        """What came with an LSN or a later one."""
        for kept in self._last.values():
            for key in [key for key, place in kept.items() if place.lsn >= since]:
                del kept[key]
                self._count -= 1
        if self._stored is not None:
            self._stored.execute(_FORGET, (since - _MIDDLE,))

    def _store(self) -> None:
        if self._stored is None:
            self._folder = Folder()
            path = self._folder.path / "chunks"
            # Whoever closes it may be another thread than the one that began.
            self._stored = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._stored.executescript(_LAYOUT)
        with closing(self._stored.cursor()) as cursor:
            cursor.execute("begin")
            # In the order of the file: a page of it is written once.
            rows = sorted((key, one) for kept in self._last.values() for key, one in kept.items())
            cursor.executemany(
                _PUT, ((*key, one.lsn - _MIDDLE, one.at, one.size) for key, one in rows)
            )
            cursor.execute("commit")
        self._most = max((self._most, *self._last))
        self._last, self._count = {}, 0

    def close(self) -> None:
        """Remove the file."""
        if self._stored is not None:
            self._stored.close()
        self._stored = self._folder = None
        self._last, self._count = {}, 0


def _place(lsn: int, at: int, size: int) -> Place:
    return Place(lsn + _MIDDLE, at, size)
