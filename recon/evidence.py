"""The evidence store: items under their SHA-256, and the acquisitions that fill it."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

from recon.collector import Item, Sha256, Source
from recon.custody import CustodyLog, Entry, now, sync_folder
from recon.errors import BadInputError, IntegrityError, ReconError

_CHUNK = 1 << 20
_PART = ".part-"

Progress = Callable[[str, int, int | None], None]


class Evidence:
    """``evidence/`` of a case: ``items/ab/abcd…`` (mode 0444) and the custody log.

    An item is in the case when the custody log says so: bytes are written to a temporary file,
    fsynced and renamed first, and entered after. A crash between the two leaves bytes that the
    next acquisition stores again under the same name.
    """

    def __init__(self, case: Path) -> None:
        self.folder = case / "evidence"
        self.items_folder = self.folder / "items"
        self.custody = CustodyLog(self.folder / "custody.jsonl")
        self._made: set[Path] = set()
        """Folders that this run made sure are on disk."""

    def path(self, sha256: str) -> Path:
        """Where an item's bytes are, whether they are there or not."""
        return self.items_folder / sha256[:2] / sha256

    def put(self, chunks: Iterable[bytes]) -> tuple[Sha256, int]:
        """Bytes into the store, hashed while copied: (name, size). Stored once however often."""
        self._make(self.items_folder)
        digest = hashlib.sha256()
        size = 0
        handle, name = tempfile.mkstemp(prefix=_PART, dir=self.items_folder)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                for chunk in chunks:
                    digest.update(chunk)
                    size += file.write(chunk)
                file.flush()
                os.fchmod(file.fileno(), 0o444)
                os.fsync(file.fileno())
            sha256 = Sha256(digest.hexdigest())
            target = self.path(sha256)
            if target.exists():
                temporary.unlink()
            else:
                self._make(target.parent)
                temporary.rename(target)
            # Of what was there already too: another thread may have put it there just now.
            sync_folder(target.parent)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        return sha256, size

    def _make(self, folder: Path) -> None:
        """Make a folder, once; its name is on disk before anything is put there."""
        if folder not in self._made:
            folder.mkdir(parents=True, exist_ok=True)
            sync_folder(folder.parent)
            self._made.add(folder)

    def items(self, source: str | None = None) -> list[Item]:
        """Items that the custody log names, in the order of its entries; of one source or all."""
        return [
            _item(entry)
            for entry in self.custody.entries()
            if entry["action"] == "store" and source in (None, entry.get("source"))
        ]

    def root(self) -> str:
        """SHA-256 over the sorted names of all items, one a line: the evidence in one hash."""
        names = sorted({item.sha256 for item in self.items()})
        return hashlib.sha256("".join(f"{name}\n" for name in names).encode()).hexdigest()

    def verify(self) -> Iterator[str]:
        """A line for each item or entry that does not match."""
        yield from self.custody.verify()
        try:
            items = self.items()
        except (IntegrityError, KeyError, TypeError) as error:
            yield f"custody log: cannot be read as entries: {error}"
            return
        for sha256, native in sorted({item.sha256: item.native for item in items}.items()):
            path = self.path(sha256)
            try:
                with path.open("rb") as file:
                    found = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                yield f"item {sha256} ({native!r}): expected its bytes, found {error.strerror}"
                continue
            if found != sha256:
                yield f"item {sha256} ({native!r}): its bytes have SHA-256 {found}"
        known = self._entered()
        for path in sorted(self.items_folder.glob("*/*")):
            if path.name not in known:
                yield (
                    f"item {path.name!r}: is in the store, but no custody entry names it; where a "
                    "run was interrupted, `recon collect` enters it"
                )

    def sweep(self) -> None:
        """Delete what a crash left half written, and enter whole items that it left unentered.

        Takes the case's lock first: what another run is writing just now is no crash's rest.
        """
        self.custody.lock()
        for path in self.items_folder.glob(f"{_PART}*"):
            path.unlink()
        known = self._entered()
        for path in sorted(self.items_folder.glob("*/*")):
            if path.name not in known:
                self.custody.append(
                    "recovered",
                    item=path.name,
                    why="an interrupted run left it in the store before its entry was made",
                )

    def _entered(self) -> set[str]:
        """Names of all items that the log speaks of, those left by an interrupted run included."""
        return {
            entry["item"]
            for entry in self.custody.entries()
            if entry["action"] in {"store", "recovered"} and "item" in entry
        }


class CaseItems:
    """Implements :class:`recon.collector.Items` over the store."""

    def __init__(self, evidence: Evidence, source: str) -> None:
        self._evidence = evidence
        first: dict[tuple[str, str, str], Item] = {}
        for item in evidence.items(source):
            first.setdefault((item.kind, item.native, item.sha256), item)
        self._items = [first[key] for key in sorted(first)]

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items)

    def of(self, *kinds: str) -> list[Item]:
        """Items of the given kinds."""
        return [item for item in self._items if item.kind in kinds]

    def path(self, item: Item) -> Path:
        """The item's bytes as a file."""
        return self._evidence.path(item.sha256)

    def read(self, item: Item) -> bytes:
        """The item's bytes."""
        return self.path(item).read_bytes()


class Acquiring:
    """Implements :class:`recon.collector.Acquisition`: one run over one source.

    An acquisition is finished when it ended with nothing failed. One that is not goes on, under
    its number, with what it has.
    """

    def __init__(
        self,
        evidence: Evidence,
        source: Source,
        *,
        again: bool = False,
        progress: Progress | None = None,
    ) -> None:
        self.source = source
        self._evidence = evidence
        self._progress = progress or (lambda _what, _done, _total: None)
        self.failures: list[tuple[str, ReconError]] = []
        entries = [e for e in evidence.custody.entries() if e.get("source") == source.id]
        numbers = [e["acquisition"] for e in entries if "acquisition" in e]
        self.number = max(numbers, default=0)
        self.finished = any(
            e["action"] == "collect.finish" and e["acquisition"] == self.number and not e["failed"]
            for e in entries
        )
        if not numbers or (self.finished and again):
            self.number += 1
            self.finished = False
        self._have = {
            e["native"]: _item(e)
            for e in entries
            if e["action"] == "store" and e["acquisition"] == self.number
        }
        self.stored = 0
        self._guard = Lock()

    @property
    def held(self) -> int:
        """Items of this acquisition."""
        return len(self._have)

    def has(self, native: str) -> bool:
        """Whether ``native`` was stored in this acquisition."""
        return utf8(native) in self._have

    def item(self, native: str) -> Item | None:
        """The item stored under ``native`` in this acquisition."""
        return self._have.get(utf8(native))

    def read(self, item: Item) -> bytes:
        """Bytes of an item."""
        return self._evidence.path(item.sha256).read_bytes()

    def path(self, item: Item) -> Path:
        """Bytes of an item as a file."""
        return self._evidence.path(item.sha256)

    def store(
        self,
        native: str,
        kind: str,
        data: bytes | BinaryIO | Iterable[bytes],
        *,
        meta: Mapping[str, Any] | None = None,
    ) -> Item:
        """Store bytes and enter them; what was stored before is given back as it is."""
        native = utf8(native)
        if native in self._have:
            return self._have[native]
        started = now()
        sha256, size = self._evidence.put(_chunks(data))
        entry = self._evidence.custody.append(
            "store",
            source=self.source.id,
            acquisition=self.number,
            item=sha256,
            kind=kind,
            native=native,
            size=size,
            started=started,
            meta=dict(meta or {}),
        )
        item = _item(entry)
        with self._guard:
            self._have[native] = item
            self.stored += 1
        return item

    def store_file(
        self, native: str, kind: str, path: Path, *, meta: Mapping[str, Any] | None = None
    ) -> Item:
        """Copy a file in."""
        try:
            with path.open("rb") as file:
                status = os.fstat(file.fileno())
                modified = datetime.fromtimestamp(status.st_mtime, UTC).isoformat()
                return self.store(native, kind, file, meta={"modified": modified, **(meta or {})})
        except OSError as error:
            raise BadInputError(
                "a readable file", error.strerror or str(error), native, "mend the path or rights"
            ) from error

    @contextmanager
    def call(self, command: str) -> Iterator[dict[str, Any]]:
        """Enter a call with start, finish and result: on disk no later than what it fetched."""
        started = now()
        said: dict[str, Any] = {}
        result = "ok"
        try:
            yield said
        except BaseException as error:
            result = type(error).__name__
            if isinstance(error, ReconError):
                result = f"{result}: {error.found}"
            raise
        finally:
            self._evidence.custody.note(
                "call",
                source=self.source.id,
                acquisition=self.number,
                command=command,
                started=started,
                result=result,
                said=said or None,
            )

    def failed(self, native: str, error: ReconError) -> None:
        """Record that one part could not be had."""
        self.failures.append((native, error))
        self._evidence.custody.append(
            "failed",
            source=self.source.id,
            acquisition=self.number,
            native=utf8(native),
            expected=error.expected,
            found=error.found,
            where=error.where,
            exit_code=error.exit_code,
        )

    def progress(self, what: str, done: int, total: int | None = None) -> None:
        """Pass progress on."""
        self._progress(what, done, total)

    def run(self, acquire: Callable[[Acquiring], None]) -> None:
        """Start or go on, acquire, finish. What stops all of it is recorded as a failure."""
        custody = self._evidence.custody
        custody.append(
            "collect.start",
            source=self.source.id,
            acquisition=self.number,
            resumed=True if self._have else None,
        )
        try:
            acquire(self)
        except ReconError as error:
            self.failed("", error)
        custody.append(
            "collect.finish",
            source=self.source.id,
            acquisition=self.number,
            stored=self.stored,
            failed=len(self.failures),
        )
        self.finished = not self.failures


def utf8(native: str) -> str:
    r"""A native locator as the log can hold it: bytes of a path that are no UTF-8 as ``\xff``."""
    return native.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _item(entry: Entry) -> Item:
    try:
        return Item(
            sha256=Sha256(entry["item"]),
            source=entry["source"],
            kind=entry["kind"],
            native=entry["native"],
            size=entry["size"],
            acquired=entry["utc"],
            acquisition=entry["acquisition"],
            meta=entry.get("meta", {}),
        )
    except KeyError as error:
        raise IntegrityError(
            f"a key {error} in an entry that stores an item",
            "none",
            f"custody log, entry {entry.get('seq')}",
            "see `recon verify`",
        ) from error


def _chunks(data: bytes | BinaryIO | Iterable[bytes]) -> Iterator[bytes]:
    if isinstance(data, bytes | bytearray | memoryview):
        yield bytes(data)
    elif isinstance(data, io.IOBase) or hasattr(data, "read"):
        while chunk := data.read(_CHUNK):
            yield chunk
    else:
        yield from data
