"""Whether an old workbook (``.xls``) can be read within bounds: a process of its own finds out.

Nothing in such a file says how large it is before it is read: two cells in two corners of a sheet
make its reader take half a gigabyte, and a file can have many sheets. So it is read first where no
more than :data:`ROOM` can be taken. Nothing of the file is run.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOM = 1 << 30
"""Bytes of memory of the process that reads it first."""
SECONDS = 60
"""Of processor time."""
_REFUSED = 3


def check(path: Path, cells: int, characters: int) -> str:
    """Why it cannot be read within bounds; empty where it can.

    Args:
        path: the file.
        cells: of all sheets together, empty ones between others included, at most.
        characters: of all cells together, at most.
    """
    arguments = [str(path.resolve()), str(ROOM), str(cells), str(characters)]
    # -P: what stands in the folder that recon is run in is evidence, and no module.
    done = subprocess.run(  # noqa: S603  (an argument list of our own making, no shell)
        [sys.executable, "-P", "-m", "collectors.records.oldexcel", *arguments],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode == _REFUSED:
        return done.stdout.strip()
    if done.returncode:
        # Without room its reader ends at once, or is ended.
        return f"expected a workbook that is read in {ROOM >> 20} MiB and {SECONDS} s; found more"
    return ""


def _main(path: str, room: int, cells: int, characters: int) -> int:
    import resource

    # Imported first: what it loads is not the file's.
    from python_calamine import CalamineWorkbook

    resource.setrlimit(resource.RLIMIT_AS, (room, room))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        book = CalamineWorkbook.from_path(path)
    except Exception:  # noqa: BLE001  (who reads it next says what is wrong with it)
        return 0
    for name in book.sheet_names:
        sheet = book.get_sheet_by_name(name)
        # Of the last cell, counted from 0.
        height, width = sheet.total_height + 1, sheet.total_width + 1
        cells -= height * width
        if cells < 0:
            sys.stdout.write(
                f"expected sheets of few cells; found one of {height} rows and {width} columns,"
                " beside others; export it as CSV"
            )
            return _REFUSED
        for row in sheet.iter_rows():
            characters -= sum(len(one) for one in row if isinstance(one, str))
            if characters < 0:
                sys.stdout.write("expected sheets of less text; found more; export them as CSV")
                return _REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1], *map(int, sys.argv[2:])))
