"""What a WAL record of a heap did to which tuples, for PostgreSQL 14 to 18.

Source: ``heapam_xlog.h``, ``heapam.c`` and ``heapam_xlog.c`` (``heap_xlog_insert``,
``heap_xlog_update``, ``heap_xlog_multi_insert``, ``heap_xlog_prune_freeze``); held against
``pg_waldump`` and the server's own rows in the tests.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from collectors.postgres.heap.model import HEADER, NATTS, Tuple
from collectors.postgres.heap.page import line, tuple_of
from collectors.postgres.heap.pages import File, Page, Pages, gone
from collectors.postgres.wal.image import page_of
from collectors.postgres.wal.layout import HEAP, HEAP2, STORAGE
from collectors.postgres.wal.record import Block, Malformed, Record

_INSERT, _DELETE, _UPDATE, _HOT_UPDATE, _INPLACE = 0x00, 0x10, 0x20, 0x40, 0x70
_PRUNE, _VACUUM, _FREEZE, _MULTI_INSERT = 0x10, 0x20, 0x30, 0x50
_OP_MASK, _INIT_PAGE = 0x70, 0x80
_DELETE_OLD_TUPLE, _DELETE_OLD_KEY, _DELETE_SUPER = 0x02, 0x04, 0x08
_UPDATE_OLD_TUPLE, _UPDATE_OLD_KEY, _PREFIX, _SUFFIX = 0x04, 0x08, 0x20, 0x40
_UPDATE_HEAD, _DELETE_HEAD = struct.Struct("<IHBBIH"), struct.Struct("<IHBB")
_TUPLE_HEAD = struct.Struct("<HHB")
_MULTI_HEAD = struct.Struct("<HHHB")
# 17 and later: one record for pruning, freezing and both passes of VACUUM.
_ONE_PRUNE_SINCE = 17
_HAS_PLANS, _HAS_REDIRECTED, _HAS_DEAD, _HAS_UNUSED = 0x10, 0x20, 0x40, 0x80
_PLAN_SIZE = 12


class Change(NamedTuple):
    """What happened to one row version."""

    op: str
    """``insert``, ``update``, ``delete``; ``unmade``: a speculative insert that was taken back."""
    xid: int
    """Of the writer, which may be a subtransaction."""
    file: File
    made: tuple[int, int] | None
    """Block and line pointer of the new version."""
    ended: tuple[int, int] | None
    """Of the version that it ended."""
    new: Tuple | None
    """None: it cannot be put together from what is at hand."""
    old: Tuple | None
    """None: not in the archive."""
    key_only: bool = False
    """The old one holds no more than the columns of its key."""
    row: int = 0
    """Which of the rows of one record it is, from 0."""


def replay(record: Record, pages: Pages, files: frozenset[File], major: int) -> list[Change]:
    """What the record did to rows of the files; ``pages`` are as they are after it.

    A record whose lengths do not fit together changes nothing that is known, and what was known
    of its pages is forgotten.

    Raises:
        Malformed: such a record.
    """
    if record.rmgr == STORAGE:
        _storage(record, pages)
        return []
    touched = [one for one in record.blocks if one.file in files and one.fork == 0]
    if not touched:
        return []
    images = {
        (block.file, block.page): page_of(block) for block in touched if block.image is not None
    }
    if None in images.values():
        pages.unread += sum(image is None for image in images.values())
    try:
        found = _heap(record, pages, images, touched, major)
    except (struct.error, IndexError, ValueError) as error:
        for block in touched:
            pages.known((block.file, block.page), images.get((block.file, block.page)))
        raise Malformed from error
    for key, image in images.items():
        # Of an image that does not unpack, nothing is known of the page.
        pages.known(key, image)
    return found


_Images = dict[tuple[File, int], bytes | None]


def _heap(
    record: Record, pages: Pages, images: _Images, touched: Sequence[Block], major: int
) -> list[Change]:
    op = record.info & _OP_MASK
    if record.rmgr == HEAP:
        match op:
            case 0x00:
                return [_insert(record, pages, images, touched[0])]
            case 0x10:
                return [_delete(record, pages, images, touched[0])]
            case 0x20 | 0x40:
                return [_update(record, pages, images, touched)]
            case 0x70:
                _inplace(record, pages, touched[0])
    elif record.rmgr == HEAP2:
        if op == _MULTI_INSERT:
            return list(_multi_insert(record, pages, images, touched[0]))
        if op in {_PRUNE, _VACUUM, _FREEZE} and touched[0].image is None:
            page = pages.page((touched[0].file, touched[0].page))
            gone(page, _pruned(record, touched[0].data, op, major))
    return []


def _insert(record: Record, pages: Pages, images: _Images, block: Block) -> Change:
    (number,) = struct.unpack_from("<H", record.main)
    image = images.get((block.file, block.page))
    if block.data:
        new: Tuple | None = _stored(block.data, record.xid)
    else:
        new = _on(image, number)
    _page(record, pages, block).over[number] = new
    return Change("insert", record.xid, block.file, (block.page, number), None, new, None)


def _multi_insert(record: Record, pages: Pages, images: _Images, block: Block) -> Iterator[Change]:
    (count,) = struct.unpack_from("<H", record.main, 2)
    if record.info & _INIT_PAGE:
        numbers: Sequence[int] = range(1, count + 1)
    else:
        numbers = struct.unpack_from(f"<{count}H", record.main, 4)
    image = images.get((block.file, block.page))
    page = _page(record, pages, block)
    at = 0
    for index, number in enumerate(numbers):
        if block.data:
            at = at + 1 & ~1
            length, mask2, mask, hoff = _MULTI_HEAD.unpack_from(block.data, at)
            at += _MULTI_HEAD.size
            if at + length > len(block.data):
                raise ValueError
            new: Tuple | None = Tuple(
                record.xid, mask2 & NATTS, mask, hoff, block.data[at : at + length]
            )
            at += length
        else:
            new = _on(image, number)
        page.over[number] = new
        place = (block.page, number)
        yield Change("insert", record.xid, block.file, place, None, new, None, row=index)


def _delete(record: Record, pages: Pages, images: _Images, block: Block) -> Change:
    _, number, _, flags = _DELETE_HEAD.unpack_from(record.main)
    place = (block.page, number)
    old = pages.page((block.file, block.page)).get(number) or _on(
        images.get((block.file, block.page)), number
    )
    key_only = False
    if old is None and flags & (_DELETE_OLD_TUPLE | _DELETE_OLD_KEY):
        old = _stored(record.main[_DELETE_HEAD.size :], 0)
        key_only = not flags & _DELETE_OLD_TUPLE
    op = "unmade" if flags & _DELETE_SUPER else "delete"
    return Change(op, record.xid, block.file, None, place, None, old, key_only)


def _update(record: Record, pages: Pages, images: _Images, touched: Sequence[Block]) -> Change:
    _, was, _, flags, _, now = _UPDATE_HEAD.unpack_from(record.main)
    block = touched[0]
    before = touched[1] if len(touched) > 1 and touched[1].number == 1 else block
    old = pages.page((before.file, before.page)).get(was) or _on(
        images.get((before.file, before.page)), was
    )
    key_only = False
    logged = record.main[_UPDATE_HEAD.size :]
    if old is None and flags & (_UPDATE_OLD_TUPLE | _UPDATE_OLD_KEY) and logged:
        old = _stored(logged, 0)
        key_only = not flags & _UPDATE_OLD_TUPLE
    if block.data:
        new = _updated(block.data, flags, None if key_only else old, record.xid)
    else:
        new = _on(images.get((block.file, block.page)), now)
    _page(record, pages, block).over[now] = new
    return Change(
        "update",
        record.xid,
        block.file,
        (block.page, now),
        (before.page, was),
        new,
        old,
        key_only,
    )


def _updated(data: bytes, flags: int, old: Tuple | None, xid: int) -> Tuple | None:
    """The new tuple, whose beginning and end may be those of the old one."""
    at = prefix = suffix = 0
    if flags & _PREFIX:
        (prefix,) = struct.unpack_from("<H", data, at)
        at += 2
    if flags & _SUFFIX:
        (suffix,) = struct.unpack_from("<H", data, at)
        at += 2
    mask2, mask, hoff = _TUPLE_HEAD.unpack_from(data, at)
    at += _TUPLE_HEAD.size
    rest = data[at:]
    if prefix or suffix:
        if old is None:
            return None
        same = old.body[old.hoff - HEADER :]
        if prefix > len(same) or suffix > len(same) or hoff - HEADER > len(rest):
            raise ValueError
        # What is alike are bytes of values, behind the null bitmap.
        nulls, middle = rest[: hoff - HEADER], rest[hoff - HEADER :]
        rest = nulls + same[:prefix] + middle + (same[len(same) - suffix :] if suffix else b"")
    return Tuple(xid, mask2 & NATTS, mask, hoff, rest)


def _inplace(record: Record, pages: Pages, block: Block) -> None:
    (number,) = struct.unpack_from("<H", record.main)
    page = pages.page((block.file, block.page))
    old = page.get(number)
    if old is not None and block.data:
        page.over[number] = old._replace(body=old.body[: old.hoff - HEADER] + block.data)


def _pruned(record: Record, data: bytes, op: int, major: int) -> Sequence[int]:
    """Line pointers that have no tuple of their own any more."""
    words = struct.unpack(f"<{len(data) // 2}H", data[: len(data) // 2 * 2])
    if major >= _ONE_PRUNE_SINCE:
        return list(_pruned_or_frozen(record.main[1], data, words))
    if op == _PRUNE:
        (redirected,) = struct.unpack_from("<H", record.main, 4)
        return words[: redirected * 2 : 2] + words[redirected * 2 :]
    return words if op == _VACUUM else ()


def _pruned_or_frozen(flags: int, data: bytes, words: Sequence[int]) -> Iterator[int]:
    at = 0
    if flags & _HAS_PLANS:
        (plans,) = struct.unpack_from("<H", data)
        at = (4 + plans * _PLAN_SIZE) // 2
    for bit, width in ((_HAS_REDIRECTED, 2), (_HAS_DEAD, 1), (_HAS_UNUSED, 1)):
        if flags & bit:
            count = words[at] * width
            if at + 1 + count > len(words):
                raise ValueError
            yield from words[at + 1 : at + 1 + count : width]
            at += 1 + count


def _storage(record: Record, pages: Pages) -> None:
    """A file that is made has no pages; one that is cut short loses those behind."""
    op = record.op
    if op == "CREATE" and len(record.main) >= 16:  # noqa: PLR2004  (file and fork)
        space, database, number, fork = struct.unpack_from("<IIIi", record.main)
        if fork == 0:
            pages.forget((space, database, number))
    elif op == "TRUNCATE" and len(record.main) >= 16:  # noqa: PLR2004  (pages that stay, file)
        blocks, space, database, number = struct.unpack_from("<IIII", record.main)
        pages.forget((space, database, number), blocks)


def _page(record: Record, pages: Pages, block: Block) -> Page:
    key = (block.file, block.page)
    return pages.known(key, None) if record.info & _INIT_PAGE else pages.page(key)


def _on(image: bytes | None, number: int) -> Tuple | None:
    raw = line(image, number) if image else None
    return tuple_of(raw) if raw else None


def _stored(data: bytes, xid: int) -> Tuple:
    """A tuple as records hold it: three fields of its header, and what stands behind that."""
    mask2, mask, hoff = _TUPLE_HEAD.unpack_from(data)
    return Tuple(xid, mask2 & NATTS, mask, hoff, data[_TUPLE_HEAD.size :])
