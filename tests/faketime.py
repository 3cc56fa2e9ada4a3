"""The clock of a server's processes, by libfaketime: an offset in a file that they read."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

_FAKETIME = (
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
)


def set_offset(file: Path, moment: datetime) -> None:
    # Replaced whole: a running server reads it at every call.
    offset = (moment - datetime.now(UTC)).total_seconds()
    part = file.with_suffix(".part")
    part.write_text(f"{offset:+.3f}\n", encoding="utf-8")
    part.chmod(0o644)
    part.replace(file)


def sweep() -> None:
    """Remove what processes that were killed left of libfaketime's shared memory.

    It is named by process id, and libfaketime ends a new process of that id at once.
    """
    for path in Path("/dev/shm").glob("*faketime_s*"):  # noqa: S108  (libfaketime's place for it)
        number = path.name.rsplit("_", 1)[-1]
        if number.isdigit() and not Path("/proc", number).exists():
            with suppress(OSError):
                path.unlink()


def faketime(file: Path) -> dict[str, str]:
    sweep()
    library = next((path for path in _FAKETIME if Path(path).exists()), None)
    if library is None:
        raise FileNotFoundError("libfaketimeMT.so.1")
    return {
        "LD_PRELOAD": library,
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }
