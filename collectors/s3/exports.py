"""Exports that somebody else made: files of the AWS CLI, and raw XML pages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from collectors.s3.configuration import RESOURCES
from collectors.s3.kinds import CLI_CONFIGURATION, CLI_HEAD, CLI_VERSIONS, PAGE, UNKNOWN
from recon.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from collectors.s3.options import Export, S3Options
    from recon.collector import Acquisition

_LARGEST_UNKNOWN = 1 << 20

_NAMES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"list-object-versions.*\.json"), CLI_VERSIONS),
    (re.compile(r"head-object.*\.json"), CLI_HEAD),
    (re.compile(r".*\.xml"), PAGE),
)


def acquire(acquisition: Acquisition) -> None:
    """Copy in what the exports hold, each file as an item under its path in the case.

    Raises:
        BadInputError: none of the exports is there.
    """
    options: S3Options = acquisition.source.options
    stored = 0
    for export in options.exports:
        try:
            files = list(_files(acquisition.source.base / export.path))
        except OSError as error:
            acquisition.failed(
                str(export.path),
                BadInputError(
                    "a folder or file of exports",
                    error.strerror or str(error),
                    str(export.path),
                    "mend `exports` in case.toml",
                ),
            )
            continue
        for path in files:
            stored += _store(acquisition, export, path)
    if not stored:
        raise BadInputError(
            "exports: list-object-versions*.json, head-object*.json, get-bucket-*.json or *.xml",
            "none",
            acquisition.source.id,
            "mend `exports` in case.toml",
        )


def _store(acquisition: Acquisition, export: Export, path: Path) -> bool:
    """One file; a file that nobody here reads is kept while it is small, and named either way."""
    base = acquisition.source.base
    relative = path.relative_to(base) if path.is_relative_to(base) else path
    native = relative.as_posix()
    if acquisition.has(native):
        return True
    if (path.is_symlink() and path != base / export.path) or not path.is_file():
        # What is left out without a word would be missed by nobody.
        wrong = BadInputError("a regular file", "a link or device", native, "copy the file there")
        acquisition.failed(native, wrong)
        return False
    meta: dict[str, str] = {"folder": relative.parent.as_posix()}
    if export.taken is not None:
        meta["taken"] = export.taken
    kind, resource = classify(path.name)
    if resource is not None:
        meta["resource"] = resource
    if kind == UNKNOWN and path.stat().st_size > _LARGEST_UNKNOWN:
        wrong = BadInputError(
            "a file of the AWS CLI or an XML page", path.name, native, "take it out of exports"
        )
        acquisition.failed(native, wrong)
        return False
    try:
        acquisition.store_file(native, kind, path, meta=meta)
    except BadInputError as error:
        acquisition.failed(native, error)
        return False
    return kind != UNKNOWN


def classify(name: str) -> tuple[str, str | None]:
    """Kind of item by the file's name, and which configuration it holds."""
    lower = name.lower()
    for pattern, kind in _NAMES:
        if pattern.fullmatch(lower):
            return kind, None
    for resource in RESOURCES:
        if lower.endswith(".json") and lower.startswith(resource.command):
            return CLI_CONFIGURATION, resource.name
    return UNKNOWN, None


def _files(path: Path) -> Iterator[Path]:
    """The file, or the folder's entries that are no folders, in order; links are not followed."""
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        raise FileNotFoundError(2, "there is neither file nor folder", str(path))
    for entry in sorted(path.iterdir()):
        if entry.is_dir() and not entry.is_symlink():
            yield from _files(entry)
        else:
            yield entry
