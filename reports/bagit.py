"""BagIt 1.0 (RFC 8493): the manifests of a production, and their check.

``manifest-sha256.txt`` is input for ``sha256sum -c``, run inside the bag.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

# RFC 8493, 2.1.1: exactly these two lines.
_DECLARATION = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
PAYLOAD = "manifest-sha256.txt"
TAGS = "tagmanifest-sha256.txt"
DECLARATION = "bagit.txt"
INFO = "bag-info.txt"
# Names in a bag are ours: ASCII letters, digits, and three marks; no path leads out of it.
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*\Z")
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)\Z")
_MANIFEST_LIMIT = 256 << 20


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def seal(folder: Path, info: Mapping[str, str]) -> str:
    """Write the tag files of a bag whose ``data/`` and own tag files are there.

    Returns:
        SHA-256 of the tag manifest: the production in one hash.
    """
    payload = sorted(_files(folder / "data"))
    size = sum((folder / "data" / name).stat().st_size for name in payload)
    _manifest(folder, PAYLOAD, [f"data/{name}" for name in payload])
    (folder / DECLARATION).write_bytes(_DECLARATION)
    lines = {**info, "Payload-Oxum": f"{size}.{len(payload)}"}
    (folder / INFO).write_text(
        "".join(f"{name}: {value}\n" for name, value in lines.items()), encoding="utf-8"
    )
    tags = sorted(n for n in _files(folder) if not n.startswith("data/") and n != TAGS)
    _manifest(folder, TAGS, tags)
    return digest(folder / TAGS)


def _manifest(folder: Path, name: str, paths: list[str]) -> None:
    lines = [f"{digest(folder / path)}  {path}\n" for path in paths]
    (folder / name).write_text("".join(lines), encoding="ascii")


def _files(folder: Path) -> list[str]:
    """All that is in a folder and no folder itself, links and the like included, sorted."""
    found = []
    for parent, folders, names in os.walk(folder):
        links = [name for name in folders if (Path(parent) / name).is_symlink()]
        found += [(Path(parent) / name).relative_to(folder).as_posix() for name in names + links]
    return sorted(found)


def recognises(folder: Path) -> bool:
    """Whether a folder looks like a bag of ours."""
    return (folder / DECLARATION).is_file() and (folder / PAYLOAD).is_file()


def verify(folder: Path) -> list[str]:
    """A line for each file that is missing, extra, or other than its manifest says.

    Nothing outside the folder is read: a manifest is as hostile as any file.
    """
    said: list[str] = []
    try:
        if (folder / DECLARATION).read_bytes() != _DECLARATION:
            said.append(f"{DECLARATION}: expected the two lines of BagIt 1.0, found others")
    except OSError as error:
        said.append(f"{DECLARATION}: expected a file, found {error.strerror}")
    listed = _read(folder, TAGS, said) | _read(folder, PAYLOAD, said)
    present = set(_files(folder))
    for path, expected in sorted(listed.items()):
        if path not in present:
            said.append(f"{path}: expected by the manifest, not there")
            continue
        file = folder / path
        if not _regular(folder, path):
            said.append(f"{path}: expected a regular file, found a link or a device")
        elif (found := digest(file)) != expected:
            said.append(f"{path}: expected SHA-256 {expected}, found {found}")
    said += [
        f"{path!a}: there, and in no manifest" for path in sorted(present - {TAGS} - set(listed))
    ]
    return said


def _regular(folder: Path, path: str) -> bool:
    """Whether every part of the path is a folder and the last one a file, none of them a link."""
    at = folder
    for part in path.split("/"):
        at = at / part
        if stat.S_ISLNK(at.lstat().st_mode):
            return False
    return stat.S_ISREG(at.lstat().st_mode)


def _read(folder: Path, name: str, said: list[str]) -> dict[str, str]:
    """A manifest as path to digest; what is wrong with it is said."""
    path = folder / name
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            said.append(f"{name}: expected a regular file")
            return {}
        if path.stat().st_size > _MANIFEST_LIMIT:
            said.append(f"{name}: expected at most {_MANIFEST_LIMIT} bytes")
            return {}
        text = path.read_bytes().decode("ascii", "backslashreplace")
    except OSError as error:
        said.append(f"{name}: expected a manifest, found {error.strerror}")
        return {}
    inside = name == PAYLOAD
    listed: dict[str, str] = {}
    # Not splitlines: it takes a vertical tab, which sha256sum does not, for the end of a line.
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        match = _LINE.match(line)
        target = match.group(2) if match else ""
        if (
            match is None
            or not _NAME.match(target)
            or target.startswith("data/") != inside
            or target in listed
        ):
            said.append(f"{name}, line {number}: expected a digest and a path of the bag, once")
            continue
        listed[target] = match.group(1)
    return listed
