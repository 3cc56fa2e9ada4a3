r"""The records by ``pg_waldump``, the server's own reader, where the matching version is installed.

A real sample of its words (PostgreSQL 15; each record stands on one line)::

    rmgr: Transaction len (rec/tot):    437/   437, tx:        731, lsn: 0/00A4F438,
        prev 0/00A4F3F8, desc: COMMIT 2026-11-23 06:30:37.579776 UTC;
        rels: base/16384/16387 base/16384/16391; dropped stats: 2/16384/16391 2/16384/16387;
        inval msgs: catcache 80 catcache 79 relcache 16387
    rmgr: Standby     len (rec/tot):     42/    42, tx:        732, lsn: 0/00A50208,
        prev 0/00A4F438, desc: LOCK xid 732 db 16384 rel 16396
    rmgr: Storage     len (rec/tot):     42/    42, tx:        732, lsn: 0/00A50238,
        prev 0/00A50208, desc: CREATE base/16384/16404

Text is parsed by columns. Two things it does not print (the time of a checkpoint and of a restore
point) are read from the bytes at the LSN that it gives. The name of a prepared transaction is free
text, printed as it is: a line break in it could forge a record, so the line after such a record
counts only if the bytes at its LSN say the same.
"""

from __future__ import annotations

import subprocess
import tempfile
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from typing import IO

from collectors.postgres import binaries
from collectors.postgres.scratch import WAL, root, scratch_folder
from collectors.postgres.wal.dumptext import Settler, count
from collectors.postgres.wal.fetch import Fetch
from collectors.postgres.wal.foreign import CUSTOM, Foreign
from collectors.postgres.wal.model import WRITES
from collectors.postgres.wal.segment import Checked
from collectors.postgres.wal.shelf import Pile, Shelf
from recon.collector import Warn

_RMGRS = ("Storage", "Database", "Standby", "XLOG", "Transaction")
_PICKS_RELATIONS_SINCE = 15
_MAX_PASSES = 20
"""As many passes as take about the time that our own reader needs for one over everything."""
_ONE_RMGR_BEFORE = 15
"""In 14 a second ``-r`` overrides the first, so it runs once for each."""
_CHUNK = 4 * 1024 * 1024


def find(major: int) -> Path | None:
    """``pg_waldump`` of that major version; None where none is installed."""
    return binaries.find("pg_waldump", major)


@dataclass(frozen=True, slots=True)
class Dump:
    """How it went; ``problem`` holds the tool's complaint, where it has one."""

    problem: str | None
    foreign: Foreign
    warnings: Sequence[Warn] = ()


@contextmanager
def linked(run: Sequence[Checked]) -> Iterator[Path]:
    """A folder in which the items have the names that PostgreSQL gives to segments."""
    with scratch_folder(WAL, root()) as folder:
        for one in run:
            (folder / one.name).symlink_to(one.segment.path.resolve())
        yield folder


def dump(tool: Path, run: Sequence[Checked], folder: Path, shelf: Shelf) -> Dump:
    """Put the kept records of a run on a shelf, as far as the tool comes."""
    filters = [[f"--rmgr={name}" for name in _RMGRS]]
    if run[0].major < _ONE_RMGR_BEFORE:
        # Transactions last: which of them are kept in memory is told by the others.
        filters = [[one] for one in filters[0]]
    else:
        filters[0] += [f"--rmgr=custom{number}" for number in CUSTOM]
    foreign = Foreign()
    refused = 0
    problem = None
    with Fetch.of(run) as fetch:
        for options in filters:
            running = Pass(tool, [*options, run[0].name, run[-1].name], folder)
            only = options[0].removeprefix("--rmgr=") if len(options) == 1 else None
            settler = Settler(fetch, run[0].major, only)
            for text in running.chunks():
                if left := foreign.take(text, fetch):
                    shelf.add(*settler.take(left))
            problem = problem or running.complaint
            refused += settler.refused
    shelf.close()
    warnings = [
        Warn(
            run[0].segment.sha256,
            "",
            f"from {run[0].name} on: {refused} line(s) of pg_waldump look like records, and no "
            "record stands at their LSN: text within the name of a prepared transaction or of a "
            "restore point; left out",
        )
    ]
    return Dump(problem, foreign, warnings if refused else ())


def writes(
    tool: Path, run: Sequence[Checked], files: Sequence[str], said: str | None
) -> list[Pile] | None:
    """Rows of :data:`WRITES` of the given relation files: one pass and one pile for each.

    None where the tool cannot pick by relation, where that would take too many passes, or where it
    complains of something else than it ``said`` in the first pass.
    """
    if run[0].major < _PICKS_RELATIONS_SINCE or len(files) > _MAX_PASSES:
        return None
    found: list[Pile] = []
    with linked(run) as folder:
        for file in files:
            options = ["--rmgr=Heap", "--rmgr=Heap2", f"--relation={file}"]
            running = Pass(tool, [*options, run[0].name, run[-1].name], folder)
            pile = Pile(WRITES)
            for text in running.chunks():
                pile.add(count(text, file))
            pile.close()
            if running.complaint != said:
                return None
            found.append(pile)
    return found


class Pass:
    """One run of the tool: its output in pieces of whole lines, and then its complaint."""

    def __init__(self, tool: Path, arguments: list[str], folder: Path) -> None:
        self.complaint: str | None = None
        self._command = [str(tool), f"--path={folder}", *arguments]
        self._folder = folder

    def chunks(self) -> Generator[bytes, None, None]:
        """Pieces of whole lines; when they end, :attr:`complaint` is set."""
        with (
            tempfile.TemporaryFile() as errors,
            subprocess.Popen(  # noqa: S603  (an argument list of our own making, no shell)
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=binaries.ENVIRONMENT,
                cwd=self._folder,
            ) as running,
        ):
            pieces: Queue[bytes | None] = Queue(maxsize=4)
            # Read beside the parsing, so that the tool need not wait for us.
            reading = threading.Thread(target=_pump, args=(running.stdout, pieces))
            reading.start()
            piece: bytes | None = b""
            rest = b""
            try:
                while (piece := pieces.get()) is not None:
                    cut = piece.rfind(b"\n") + 1
                    if cut:
                        yield rest + piece[: cut - 1]
                        rest = piece[cut:]
                    else:
                        rest += piece
                if rest:
                    yield rest
            finally:
                # Where whoever asked goes away early, the tool and the thread are ended too.
                if piece is not None:
                    running.kill()
                while piece is not None:
                    piece = pieces.get()
                reading.join()
            code = running.wait()
            errors.seek(0)
            said = errors.read(1 << 16).decode("utf-8", "replace")
        said = said.replace(f"{self._folder}/", "").strip()
        if code or said:
            self.complaint = said or f"exit code {code}"


def _pump(source: IO[bytes] | None, pieces: Queue[bytes | None]) -> None:
    while source is not None and (piece := source.read(_CHUNK)):
        pieces.put(piece)
    pieces.put(None)
