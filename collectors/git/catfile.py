"""``git cat-file``: which commits and tags there are, and their bytes, whatever is damaged.

The quick way lists and fetches at once, straight into an item. git stops at the first object that
it cannot read; then the careful way lists again, fetches into a file of ours, cuts it after the
last whole object and starts git anew behind the damaged one. Both give the same bytes where
nothing is damaged: objects sorted by name.
"""

from __future__ import annotations

import mmap
import subprocess
import tempfile
from contextlib import closing, suppress
from dataclasses import dataclass, field
from threading import Thread
from typing import IO, TYPE_CHECKING

from collectors.git import objects
from collectors.git.run import Git, said

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

LIST = (
    "cat-file",
    "--batch-all-objects",
    "--buffer",
    "--batch-check=%(objecttype) %(objectname) %(objectsize)",
)
FETCH = ("cat-file", "--buffer", "--batch")

_DIGITS = len(str(objects.MAX_OBJECT))
_TYPES = ("commit", "tag", "tree", "blob")
_OWN = (b"commit ", b"tag ")
_READ = 1 << 20
_BROKEN = 100
"""Objects that cannot be read before a repository counts as damaged as a whole."""


class DamagedError(Exception):
    """git stopped before the end: nothing that it gave is kept."""


@dataclass(slots=True)
class Listing:
    """What a repository holds, counted while its names pass by."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_TYPES, 0))
    large: list[str] = field(default_factory=list)
    """Commits and tags that are too large to be read."""
    complaints: str = ""
    """git's own words on what it could not read."""

    def wanted(self, git: Git) -> Generator[bytes]:
        """Names of commits and tags, sorted, some lines at a time."""
        # Into a file, not a pipe: nobody empties a pipe of complaints while the names are read.
        with tempfile.TemporaryFile(dir=git.scratch) as complaints:
            process = git.start(
                LIST, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints
            )
            rest = b""
            with process:
                pipe = process.stdout
                while pipe is not None and (block := pipe.read(_READ)):
                    lines, feed, rest = (rest + block).rpartition(b"\n")
                    yield self._pick(lines + feed)
            complaints.seek(0)
            self.complaints = said(complaints.read(1 << 16))
            if process.returncode and not self.complaints:
                self.complaints = f"exit code {process.returncode}"

    def _pick(self, lines: bytes) -> bytes:
        for word in _TYPES:
            self.counts[word] += lines.count(b"\n%b " % word.encode())
            self.counts[word] += lines.startswith(b"%b " % word.encode())
        # Others are of trees and blobs, or say that a name is missing, which may begin as any word.
        own = [line for line in lines.split(b"\n") if line.startswith(_OWN)]
        names = []
        for line in own:
            _, name, size = line.split(b" ")
            if len(size) <= _DIGITS:
                names.append(name)
            else:
                self.large.append(name.decode())
        return b"\n".join([*names, b""])


def stream(git: Git, listing: Listing) -> Iterator[bytes]:
    """All commits and tags in ``--batch`` form, while they are still being listed.

    Raises:
        DamagedError: git could not read one of them.
    """
    pipe = subprocess.PIPE
    failed: list[Exception] = []
    with git.start(FETCH, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as process:
        feeder = Thread(target=_feed, args=(git, listing, process.stdin, failed), daemon=True)
        feeder.start()
        while process.stdout is not None and (block := process.stdout.read(_READ)):
            yield block
        feeder.join()
    if failed:
        # Names that were not asked for would be missing without a word.
        raise failed[0]
    if process.returncode:
        raise DamagedError


def _feed(git: Git, listing: Listing, into: IO[bytes] | None, failed: list[Exception]) -> None:
    if into is None:
        return
    try:
        # A broken pipe: git has stopped, and its exit code says so.
        with closing(listing.wanted(git)) as names, suppress(BrokenPipeError), into:
            for lines in names:
                into.write(lines)
    except Exception as error:  # noqa: BLE001  (it is raised again by the other thread)
        failed.append(error)


def carefully(git: Git, listing: Listing, out: IO[bytes]) -> list[str]:
    """The same into a file; names of the objects that git could not give."""
    names = b"".join(listing.wanted(git)).decode().split()
    broken: list[str] = []
    at, written = 0, 0
    while at < len(names):
        code = _fetch(git, names[at:], out)
        given, written = _intact(out, written, names[at:])
        at += given
        if code == 0 and at == len(names):
            break
        out.seek(written)
        out.truncate()
        if at < len(names):
            broken.append(names[at])
            at += 1
        if len(broken) >= _BROKEN:
            broken.extend(names[at:])
            break
    return broken


def _fetch(git: Git, names: list[str], out: IO[bytes]) -> int:
    with tempfile.TemporaryFile(dir=git.scratch) as asked:
        asked.write("".join(f"{name}\n" for name in names).encode())
        asked.seek(0)
        out.flush()
        return git.start(FETCH, stdin=asked, stdout=out, stderr=subprocess.DEVNULL).wait()


def _intact(out: IO[bytes], start: int, names: list[str]) -> tuple[int, int]:
    """How many of the names stand in the file from ``start`` on, and where the last one ends."""
    size = out.seek(0, 2)
    if size == start:
        return 0, start
    count, end = 0, start
    with mmap.mmap(out.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            for record, name in zip(objects.walk(data, start), names, strict=False):
                if record.name != name:
                    break
                count, end = count + 1, record.end + 1
        except objects.BrokenError:
            pass
    return count, end
