"""What is known of the pages of some relation files, as records are replayed.

A page is known whole from its image, from its making, or from a copy in a base backup; else only
those of its tuples are known that records wrote since. What is not known is never guessed.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Callable, Iterable

from collectors.postgres.heap.model import Tuple
from collectors.postgres.heap.page import line, tuple_of
from collectors.postgres.heap.spool import Spool

File = tuple[int, int, int]
"""Tablespace, database, number of the relation file."""
Key = tuple[File, int]
"""A file and a block of it."""
Seed = Callable[[File, int, int, int, int], bytes | None]
"""A page as a copy holds it, where that is what it was before a record: file, block, the record's
LSN and timeline, and the LSN from which on the archive is whole."""
KEPT = 8192
"""Pages in memory; the others lie in a temporary file."""
_TUPLE = struct.Struct("<HIHHBI")


class Page:
    """One page: the bytes that it was known by, and what records did to it since."""

    __slots__ = ("image", "over")

    def __init__(self, image: bytes | None = None) -> None:
        self.image = image
        self.over: dict[int, Tuple | None] = {}
        """By line pointer; None: no tuple there any more."""

    def get(self, number: int) -> Tuple | None:
        """The tuple of a line pointer; None where there is none, or none that is known."""
        if number in self.over:
            return self.over[number]
        raw = line(self.image, number) if self.image else None
        return tuple_of(raw) if raw else None


class Pages:
    """The pages of all files; close it, or its temporary file stays until the end."""

    def __init__(self, seed: Seed | None = None) -> None:
        self._seed = seed
        self.now = (0, 0, 0)
        """LSN and timeline of the record at hand, and where the archive begins to be whole."""
        self.unread = 0
        """Page images so far that do not unpack, or not to a page of 8192 bytes."""
        self._pages: OrderedDict[Key, Page] = OrderedDict()
        self._spool = Spool()
        self._stored: dict[Key, tuple[int, int]] = {}

    def page(self, key: Key) -> Page:
        """What is known of a page; made empty where nothing is."""
        found = self._pages.get(key)
        if found is not None:
            self._pages.move_to_end(key)
            return found
        place = self._stored.pop(key, None)
        if place is not None:
            return self._keep(key, _read(self._spool.get(place)))
        return self._keep(key, Page(self._seed(*key, *self.now) if self._seed else None))

    def known(self, key: Key, image: bytes | None) -> Page:
        """A page that is known whole from here on: by its image, or as new (None)."""
        self._stored.pop(key, None)
        return self._keep(key, Page(image))

    def forget(self, file: File | None = None, since: int = 0) -> None:
        """Nothing is known any more: of all pages, or of a file's from a block on."""
        if file is None:
            self._pages.clear()
            self._stored.clear()
            return
        for pages in (self._pages, self._stored):
            for key in [key for key in pages if key[0] == file and key[1] >= since]:
                del pages[key]

    def close(self) -> None:
        """Let go of everything."""
        self.forget()
        self._spool.close()

    def _keep(self, key: Key, page: Page) -> Page:
        self._pages[key] = page
        self._pages.move_to_end(key)
        if len(self._pages) > KEPT:
            old, away = self._pages.popitem(last=False)
            self._stored[old] = self._spool.put(_written(away))
        return page


def _written(page: Page) -> bytes:
    parts = [struct.pack("<I", len(page.image or b"")), page.image or b""]
    for number, one in page.over.items():
        head = (one.xmin, one.natts, one.infomask, one.hoff, len(one.body)) if one else (0,) * 5
        parts += [_TUPLE.pack(number, *head), one.body if one else b""]
    return b"".join(parts)


def _read(data: bytes) -> Page:
    (size,) = struct.unpack_from("<I", data)
    page = Page(data[4 : 4 + size] or None)
    at = 4 + size
    while at < len(data):
        number, xmin, natts, mask, hoff, length = _TUPLE.unpack_from(data, at)
        at += _TUPLE.size
        # A tuple's header is never empty: zeros stand for no tuple.
        page.over[number] = Tuple(xmin, natts, mask, hoff, data[at : at + length]) if hoff else None
        at += length
    return page


def gone(page: Page, numbers: Iterable[int]) -> None:
    """Line pointers that hold no tuple any more."""
    page.over.update(dict.fromkeys(numbers))
