"""The custody log: one entry per act, each holding the hash of the one before.

``evidence/custody.jsonl`` holds one JSON object a line in RFC 8785 form (canonical JSON), appended
with fsync: one for all that several threads add at a time. ``previous`` is the SHA-256 of the line
before, without its newline; the first entry has 64 zeros. So an entry cannot be changed, taken out
or put in without every later line changing.
Entries cut off at the end leave no trace in the log itself: a production seals its head.
"""

from __future__ import annotations

import fcntl
import getpass
import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Any

import rfc8785

from recon.errors import BadInputError, IntegrityError
from recon.version import __version__

FIRST = "0" * 64

Entry = dict[str, Any]


def now() -> str:
    """UTC by this machine's clock, RFC 3339 with microseconds: a claim of the examiner's clock."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def examiner() -> str:
    """Who ran the tool: ``RECON_EXAMINER``, else the login name."""
    named = os.environ.get("RECON_EXAMINER")
    if named:
        return named
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such user in the password database
        return f"uid {os.getuid()}"


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # some file systems refuse to fsync a folder
            os.fsync(handle)
    finally:
        os.close(handle)


class CustodyLog:
    """The log of one case, opened for reading; :meth:`append` takes the lock when first called.

    A line that a crash cut short is taken off by the next append, and entered whole, as
    hexadecimal, in an entry with action ``recovered``: nothing is lost, and the chain goes on.
    """

    def __init__(self, path: Path) -> None:
        self._file: FileIO | None = None
        self.path = path
        self._guard = threading.Lock()
        self._syncing = threading.Lock()
        self._seq = 0
        self._synced = 0
        """Entries, from the first on, that are on disk."""
        self._head = FIRST

    def entries(self) -> list[Entry]:
        """All whole entries, in order, unchecked. A torn last line is left out."""
        return [entry for _, entry in self._lines()]

    def head(self) -> str:
        """Hash of the last whole entry; 64 zeros for an empty log."""
        head = FIRST
        for line, _ in self._lines():
            head = hashlib.sha256(line).hexdigest()
        return head

    def append(self, action: str, **fields: Any) -> Entry:  # noqa: ANN401  (JSON)
        """Add an entry and bring it to disk, with all before it, before returning."""
        entry = self.note(action, **fields)
        self._sync(entry["seq"])
        return entry

    def note(self, action: str, **fields: Any) -> Entry:  # noqa: ANN401  (JSON)
        """Add an entry that outlives this process, and the machine from the next append on.

        For what nothing else rests on: a power cut leaves the log as if it had come a moment
        earlier, and never an entry without those before it.
        """
        with self._guard:
            if self._file is None:
                self._open()
            return self._write(action, fields)

    def lock(self) -> None:
        """Take the lock, where this run does not hold it yet.

        Raises:
            BadInputError: another recon writes to the case.
        """
        with self._guard:
            if self._file is None:
                self._open()

    def close(self) -> None:
        """Bring all of it to disk, and give the lock back."""
        with self._syncing, self._guard:
            if self._file is not None:
                os.fsync(self._file.fileno())
                self._file.close()
                self._file = None

    def __del__(self) -> None:
        if self._file is not None:
            self._file.close()

    def verify(self) -> Iterator[str]:
        """A line for each entry that does not hold: form, number, hash of the one before."""
        if not self.path.exists():
            return
        previous = FIRST
        raw = self.path.read_bytes()
        for number, line in enumerate(raw.split(b"\n")[:-1]):
            where = f"custody entry {number}"
            try:
                entry = json.loads(line)
                canonical = rfc8785.dumps(entry)
            except (ValueError, RecursionError) as error:
                yield f"{where}: expected a JSON object in RFC 8785 form, found {error}"
                previous = hashlib.sha256(line).hexdigest()
                continue
            if canonical != line:
                yield f"{where}: expected RFC 8785 form, found another spelling of the same object"
            if not isinstance(entry, dict) or entry.get("seq") != number:
                found = entry.get("seq") if isinstance(entry, dict) else type(entry).__name__
                yield f"{where}: expected seq {number}, found {found}"
            elif entry.get("previous") != previous:
                yield (
                    f"{where}: expected previous {previous[:16]}…, found "
                    f"{str(entry.get('previous'))[:16]}…; entry {number - 1} or this was changed"
                )
            previous = hashlib.sha256(line).hexdigest()

    def torn(self) -> bytes:
        """Bytes after the last newline: what a crash left of an entry."""
        if not self.path.exists():
            return b""
        return self.path.read_bytes().rsplit(b"\n", 1)[-1]

    def _lines(self) -> Iterator[tuple[bytes, Entry]]:
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            for number, line in enumerate(file):
                if not line.endswith(b"\n"):
                    return
                where = f"{self.path}, entry {number}"
                try:
                    entry = json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise IntegrityError(
                        "a JSON object", str(error), where, "see `recon verify`"
                    ) from error
                if not isinstance(entry, dict) or not isinstance(entry.get("action"), str):
                    raise IntegrityError(
                        "an object with an action", "something else", where, "see `recon verify`"
                    )
                yield line[:-1], entry

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = FileIO(self.path, "a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.close()
            raise BadInputError(
                "a case that no other recon writes to",
                "its custody log is locked",
                str(self.path),
                "wait for the other run to end",
            ) from error
        torn = self.torn()
        if torn:
            os.truncate(self.path, self.path.stat().st_size - len(torn))
        count = 0
        for line, _ in self._lines():
            self._head = hashlib.sha256(line).hexdigest()
            count += 1
        self._seq = count
        self._file = file
        self._synced = 0
        if torn:
            why = "the last entry was cut short by a crash"
            self._write("recovered", {"torn": torn.hex(), "why": why})
            os.fsync(file.fileno())
        elif not count:
            sync_folder(self.path.parent)

    def _write(self, action: str, fields: Mapping[str, Any]) -> Entry:
        entry: Entry = {
            "seq": self._seq,
            "action": action,
            "utc": now(),
            "actor": examiner(),
            "tool": f"recon {__version__}",
            **{key: value for key, value in fields.items() if value is not None},
            "previous": self._head,
        }
        line = rfc8785.dumps(entry)
        if self._file is None:
            raise AssertionError("append() opens the file")
        _whole(self._file, line + b"\n")
        self._seq += 1
        self._head = hashlib.sha256(line).hexdigest()
        return entry

    def _sync(self, seq: int) -> None:
        """Bring an entry to disk: whoever comes first does it for all that wait meanwhile."""
        with self._syncing:
            with self._guard:
                if self._synced > seq or self._file is None:
                    return
                written, file = self._seq, self._file
            os.fsync(file.fileno())
            self._synced = written


def _whole(file: FileIO, line: bytes) -> None:
    """All of a line at the end of a file, or none of it, as where the disk is full."""
    size = os.fstat(file.fileno()).st_size
    try:
        done = 0
        while done < len(line):
            done += file.write(line[done:])
    except BaseException:
        file.truncate(size)
        raise
