"""Packed segments as plain files, in a scratch folder, for as long as they are read.

The item stays what was met: packed bytes, under the name that an archive or a backup tool gave it.

    000000010000000000000003.zst                                          archive_command, WAL-G
    000000010000000000000003.gz.partial                                   pg_receivewal
    000000010000000000000003-9d0e41ab1d2f1f0c52fd2c0e7a3b5c1f4e6a7b8c.gz  pgBackRest

What is unpacked is bounded by the segment size in its own header, and zeros take no place on disk.
Bytes that came before a fault are kept: records prove themselves by their CRC-32C, and the
file's length shows that it was cut off.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import BinaryIO

from collectors.postgres import packing
from collectors.postgres.decoders import PackedError
from collectors.postgres.packing import Packing
from collectors.postgres.scratch import FOLDER, WAL, need_room, root, scratch_folder
from collectors.postgres.wal.layout import ARCHIVED, LONG_HEADER, MAGIC, Geometry, plain_name
from collectors.postgres.wal.model import Segment
from recon.collector import Warn

_PAGE = 8192
_TODO = f"free some, or name another disk's folder in {FOLDER}"
_ZEROS = bytes(_PAGE * 8)


@contextmanager
def unpacked(segments: Sequence[Segment]) -> Iterator[tuple[list[Segment], list[Warn]]]:
    """The segments as plain files under PostgreSQL's own names, and what is wrong with them.

    Raises:
        BadInputError: the disk of the scratch folder has no room for the next one.
        UnreachableError: no scratch folder can be made.
    """
    with ExitStack() as stack:
        # Most archives are plain, and need none.
        folder = cache(lambda: stack.enter_context(scratch_folder(WAL, root())))
        found = [
            _plain(segment, lambda at=at: folder() / str(at))  # type: ignore[misc]
            for at, segment in enumerate(segments)
        ]
        yield (
            [one for one, _ in found if one is not None],
            [warning for _, said in found for warning in said],
        )


@dataclass(frozen=True, slots=True)
class _Unpacked:
    size: int
    sha1: str | None
    """Of what came out, where it is asked for."""
    fault: str | None
    whole: bool
    """Nothing of the segment is missing, for all that the packing can tell."""
    known: bool
    """Its header is one of WAL, and bounds its size."""
    over: bool
    """It held more than that."""


def _plain(segment: Segment, place: Callable[[], Path]) -> tuple[Segment | None, list[Warn]]:
    match = ARCHIVED.fullmatch(segment.name)
    with segment.path.open("rb") as file:
        head = file.read(LONG_HEADER.size)
        told = packing.unread(head) or (
            packing.UNREAD_SUFFIXES.get((match and match["suffix"]) or "")
            if packing.packing_of(head) is None and not _is_wal(head)
            else None
        )
        if told:
            message = f"expected a WAL segment; found {told}; its records are missing"
            return None, [_warn(segment, message, "error")]
        if match is None:
            return segment, []
        kind = packing.packing_of(head)
        warnings = list(_misnamed(segment, match["suffix"], kind))
        plain = replace(segment, name=plain_name(segment.name))
        file.seek(0)
        if kind is None:
            if match["sha1"]:
                found = hashlib.file_digest(file, "sha1").hexdigest()
                warnings += _held(segment, match["sha1"], found)
            return plain, warnings
        target = place()
        done = _unpack(file, kind, target, sha1=bool(match["sha1"]))
    if done.size < LONG_HEADER.size or done.fault:
        warnings += _faulty(segment, kind, done)
    if done.size < LONG_HEADER.size or done.over:
        return None, warnings
    if done.sha1 and done.whole and done.known:
        warnings += _held(segment, match["sha1"], done.sha1)
    return (
        replace(
            plain,
            path=target,
            packing=kind.command,
            whole=done.whole,
        ),
        warnings,
    )


def _is_wal(head: bytes) -> bool:
    return len(head) == LONG_HEADER.size and LONG_HEADER.unpack(head)[0] in MAGIC


def _misnamed(segment: Segment, suffix: str | None, kind: Packing | None) -> Iterator[Warn]:
    named = packing.BY_SUFFIX.get(suffix or "")
    if suffix and named is not kind:
        expected = named.name if named else suffix
        found = f"{kind.name}-packed" if kind else "plain"
        yield _warn(
            segment,
            f"expected {expected}-packed bytes, by its name; found {found} bytes; read as these",
        )


def _held(segment: Segment, expected: str, found: str) -> Iterator[Warn]:
    if expected != found:
        yield _warn(
            segment,
            f"expected SHA-1 {expected} of the segment, by its name; found {found}: these are "
            "not the bytes that were archived; read as they are",
            "error",
        )


def _faulty(segment: Segment, kind: Packing, done: _Unpacked) -> Iterator[Warn]:
    if done.size < LONG_HEADER.size:
        yield _warn(
            segment,
            f"expected a WAL segment packed by {kind.name}; found "
            f"{done.fault or f'no more than {done.size} bytes in it'}; not read: its records are "
            "missing",
            "error",
        )
    elif done.over:
        yield _warn(
            segment,
            f"expected {done.size} bytes, the segment size in its header; found more packed in "
            f"{segment.path.stat().st_size} bytes; unpacking stopped there, and it is not read: "
            "its records are missing",
            "error",
        )
    elif done.whole:
        yield _warn(
            segment,
            f"expected the end of the file behind what {kind.name} packed; found {done.fault}; "
            "read without them",
        )
    else:
        yield _warn(
            segment,
            f"expected a whole segment packed by {kind.name}; found {done.fault}; read as far as "
            f"it unpacks, {done.size} bytes: what came after is not known",
            "error",
        )


def _unpack(file: BinaryIO, kind: Packing, target: Path, *, sha1: bool) -> _Unpacked:
    digest = hashlib.sha1(usedforsecurity=False) if sha1 else None
    size, limit, head = 0, None, b""
    fault: str | None = None
    whole = True
    with target.open("wb") as out:
        try:
            for piece in packing.stream(file, kind):
                if limit is None:
                    head += piece
                    if len(head) < LONG_HEADER.size:
                        continue
                    limit = _limit(head)
                    # Of each as it comes: what the whole archive takes, pages of zeros decide.
                    need_room(target.parent, limit, "for unpacked WAL", _TODO)
                    piece = head  # noqa: PLW2901  (all that came so far)
                kept = piece[: (limit or _PAGE) - size]
                if digest:
                    digest.update(kept)
                _sparse(out, kept)
                size += len(kept)
                if len(kept) < len(piece):
                    whole = False
                    break
        except PackedError as error:
            fault, whole = str(error), error.whole
        out.truncate(size)
    over = fault is None and not whole and bool(limit)
    return _Unpacked(
        size=size if limit is not None else len(head),
        sha1=digest.hexdigest() if digest else None,
        fault="more" if over else fault,
        whole=whole,
        known=bool(limit),
        over=over,
    )


def _limit(head: bytes) -> int:
    """Bytes that the file may hold: its segment; 0 where its header is none of WAL."""
    fields = LONG_HEADER.unpack_from(head)
    geometry = Geometry(fields[6], fields[7])
    return geometry.segment if fields[0] in MAGIC and geometry.valid() else 0


def _sparse(out: BinaryIO, piece: bytes) -> None:
    """Pages of zeros, most of a segment that was switched early, take no place on disk."""
    for at in range(0, len(piece), _PAGE * 8):
        part = piece[at : at + _PAGE * 8]
        if part == _ZEROS[: len(part)]:
            out.seek(len(part), 1)
        else:
            out.write(part)


def _warn(segment: Segment, message: str, severity: str = "warning") -> Warn:
    return Warn(segment.sha256, "", f"{segment.name}: {message}", severity)


def copy_command(segment: Segment, name: str) -> str:
    """The stock command that puts a segment under the name that ``pg_waldump`` wants."""
    return f"{segment.packing} ITEM > {name}" if segment.packing else f"cp ITEM {name}"
