"""Files of a source copied in as they are, one item each."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from recon.errors import BadInputError, ReconError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recon.collector import Acquisition

PACKED = {
    b"\x1f\x8b": ("gzip", "gunzip -k"),
    b"\x28\xb5\x2f\xfd": ("zstd", "zstd -d"),
    b"BZh": ("bzip2", "bunzip2 -k"),
    b"\xfd7zXZ": ("xz", "unxz -k"),
    b"PK\x03\x04": ("zip", "unzip"),
}
"""First bytes of packed data, its name, and what unpacks it."""


def acquire_files(
    acquisition: Acquisition, files: Sequence[str], kind: str, *, zipped: bool = False
) -> None:
    """Each file as one item; one that cannot be had is recorded, and the others go on.

    ``zipped``: files of this kind are zip files by themselves, as workbooks are.
    """
    for done, native in enumerate(files):
        acquisition.progress("files", done, len(files))
        if acquisition.has(native):
            continue
        try:
            _acquire_file(acquisition, native, kind, zipped=zipped)
        except ReconError as error:
            acquisition.failed(native, error)
    acquisition.progress("files", len(files), len(files))


def _acquire_file(acquisition: Acquisition, native: str, kind: str, *, zipped: bool) -> None:
    path = acquisition.source.base / native
    where = f"source {acquisition.source.id}, {native}"
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise BadInputError("a regular file", "none", where, "give the file itself")
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as error:
        raise BadInputError(
            "a readable file", error.strerror or str(error), where, "check `path` and its rights"
        ) from error
    for magic, (name, command) in PACKED.items():
        if head.startswith(magic) and not (zipped and name == "zip"):
            raise BadInputError(
                f"a plain file ({kind})",
                f"{name} data",
                where,
                f"unpack a copy of it (`{command}`) first",
            )
    with acquisition.call(f"read {native}"):
        acquisition.store_file(native, kind, path)
