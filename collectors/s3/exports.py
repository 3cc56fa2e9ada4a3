"""Exports that somebody else made: files of the AWS CLI, raw XML pages, inventories, logs, objects.

A file is known by its name, as its maker gives it. What the AWS CLI says instead of an answer is
known by its first words.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from collectors.s3 import clierror
from collectors.s3.configuration import RESOURCES
from collectors.s3.kinds import (
    ACCESS_LOG,
    CLI_ATTRIBUTES,
    CLI_CONFIGURATION,
    CLI_ERROR,
    CLI_HEAD,
    CLI_LEGAL_HOLD,
    CLI_RETENTION,
    CLI_VERSIONS,
    DIGEST,
    INVENTORY,
    MANIFEST,
    MANIFEST_CHECKSUM,
    OBJECT,
    PAGE,
    PUBLIC_KEYS,
    TRAIL,
    UNKNOWN,
)
from recon.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from collectors.s3.options import Export, S3Options
    from recon.collector import Acquisition

_LARGEST_UNKNOWN = 1 << 20

_NAMES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        (r"list-object-versions.*\.json", CLI_VERSIONS),
        (r"head-object.*\.json", CLI_HEAD),
        (r"get-object-attributes.*\.json", CLI_ATTRIBUTES),
        (r"get-object-retention.*\.json", CLI_RETENTION),
        (r"get-object-legal-hold.*\.json", CLI_LEGAL_HOLD),
        (r"manifest\.json", MANIFEST),
        (r"manifest\.checksum", MANIFEST_CHECKSUM),
        (r".*\.(csv|csv\.gz|orc|parquet)", INVENTORY),
        # ACCOUNT_CloudTrail[-Digest]_REGION_TIME_UNIQUE.json.gz (CloudTrail User Guide)
        (r".*_CloudTrail-Digest_.*\.json(\.gz)?", DIGEST),
        (r".*_CloudTrail_.*\.json(\.gz)?", TRAIL),
        (r"lookup-events.*\.json", TRAIL),
        (r"list-public-keys.*\.json", PUBLIC_KEYS),
        # [PREFIX]YYYY-MM-DD-hh-mm-ss-UNIQUE (S3 User Guide, server access logging)
        (r".*\d{4}(-\d{2}){5}-[0-9A-F]{16}(\.gz)?", ACCESS_LOG),
        (r".*access.*\.log(\.gz)?", ACCESS_LOG),
        (r".*\.xml", PAGE),
    )
)
EXPECTED = (
    "list-object-versions*.json, head-object*.json, get-object-*.json, get-bucket-*.json, *.xml,"
    " an S3 Inventory, server access logs or CloudTrail files"
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
            f"exports: {EXPECTED}",
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
    if export.objects:
        kind, resource = OBJECT, None
        folder = base / export.path
        below = path.relative_to(folder).as_posix() if path != folder else path.name
        key, _, version = below.partition("?versionId=")
        meta |= {"key": key, **({"version": version} if version else {})}
    elif _is_error(path):
        kind = CLI_ERROR
    if resource is not None:
        meta["resource"] = resource
    if kind == UNKNOWN and path.stat().st_size > _LARGEST_UNKNOWN:
        wrong = BadInputError(EXPECTED, path.name, native, "take it out of exports")
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
        if pattern.fullmatch(name):
            return kind, None
    for resource in RESOURCES:
        if lower.endswith(".json") and lower.startswith(resource.command):
            return CLI_CONFIGURATION, resource.name
    return UNKNOWN, None


def _is_error(path: Path) -> bool:
    """Whether the AWS CLI wrote an error there, where both its outputs went to one file."""
    with path.open("rb") as file:
        return clierror.find(file.read(clierror.LONGEST)) is not None


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
