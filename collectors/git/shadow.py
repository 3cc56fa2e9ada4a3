"""A bare repository of our own through which git reads a local repository of the evidence.

It has our configuration, links to the evidence's object files, and copies of its refs. So git
never sees the evidence's ``config``, hooks, attributes, alternates, commit graph, promisor marks or
index, and has nowhere to write in the evidence. Links and special files among the evidence's own
are left out and named: an object file that is a link could lead to a file of the examiner.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from recon.errors import BadInputError

_FANOUT = re.compile(r"^[0-9a-f]{2}$")
_LOOSE = re.compile(r"^[0-9a-f]{38}(?:[0-9a-f]{24})?$")
_PACK = re.compile(r"^pack-[0-9a-f]{40,64}\.(?:pack|idx)$")
_FORMAT = re.compile(rb"(?im)^[ \t]*objectformat[ \t]*=[ \t]*\"?(sha1|sha256)\b")
_PROMISOR = re.compile(rb"(?im)^[ \t]*(?:partialclone|promisor)[ \t]*=")
_MIRRORS = re.compile(rb"(?im)^[ \t]*fetch[ \t]*=[ \t]*\+?refs/\*:refs/\*[ \t\r]*$")
MAX_REF = 4096
"""Bytes of a loose ref. One holds a hash or ``ref: NAME``, and a name is at most a path long."""
MAX_CONFIG = 1 << 20
"""Bytes of a configuration that are looked through for the object format."""


@dataclass(slots=True)
class Local:
    """A repository of the evidence on disk, looked at and not yet read."""

    gitdir: Path
    """Folder with ``HEAD`` and ``objects``."""
    bare: bool
    """Whether it has no working tree: a server's, or a mirror."""
    format: str
    """``sha1`` or ``sha256``."""
    partial: bool
    """Whether it says that it left objects with another repository (a partial clone)."""
    mirrors: bool
    """Whether it says that it fetches all refs of another repository as they are."""
    left_out: list[str] = field(default_factory=list)
    """What was not read because it is a link or a special file, or is too large."""


def find(path: Path, where: str) -> Local:
    """The repository at a path.

    Raises:
        BadInputError: there is none, or its objects are elsewhere.
    """
    inner = path / ".git"
    bare = not inner.is_dir()
    if inner.is_file():
        raise BadInputError(
            "a repository",
            "a linked working tree or submodule (`.git` is a file)",
            where,
            "give the repository that it belongs to",
        )
    gitdir = path if bare else inner
    if not is_file(gitdir / "HEAD") and not (gitdir / "HEAD").is_symlink():
        raise BadInputError(
            "a repository, or a bundle",
            "a folder without `HEAD`",
            where,
            "give the folder that holds `.git`, a bare repository, or a bundle",
        )
    objects = gitdir / "objects"
    if objects.is_symlink() or not objects.is_dir() or (gitdir / "commondir").exists():
        raise BadInputError(
            "a repository with its own `objects` folder",
            "one whose objects are elsewhere",
            where,
            "give the repository that holds the objects",
        )
    config = read_small(gitdir / "config", MAX_CONFIG) or b""
    found = _FORMAT.search(config)
    partial = _PROMISOR.search(config) is not None
    form = found.group(1).decode().lower() if found else "sha1"
    return Local(gitdir, bare, form, partial, mirrors=_MIRRORS.search(config) is not None)


def build(local: Local, target: Path) -> None:
    """Make the repository of our own."""
    objects = target / "objects"
    (objects / "pack").mkdir(parents=True)
    (objects / "info").mkdir()
    (target / "refs").mkdir()
    config = "[core]\n\trepositoryformatversion = 1\n\tbare = true\n"
    (target / "config").write_text(f"{config}[extensions]\n\tobjectformat = {local.format}\n")
    _link_objects(local, objects)
    head = local.gitdir / "HEAD"
    if head.is_symlink():  # how git wrote HEAD before 2005's end; it still reads it
        (target / "HEAD").write_bytes(b"ref: " + os.fsencode(head.readlink()) + b"\n")
    else:
        (target / "HEAD").write_bytes(read_small(head, MAX_REF) or b"ref: refs/heads/.none\n")
    if is_file(local.gitdir / "packed-refs"):
        (target / "packed-refs").symlink_to((local.gitdir / "packed-refs").resolve())
    for name, path in files(local.gitdir / "refs", local):
        data = read_small(path, MAX_REF)
        if data is None:
            local.left_out.append(f"refs/{name}")
            continue
        copy = target / "refs" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(data)


def _link_objects(local: Local, objects: Path) -> None:
    source = (local.gitdir / "objects").resolve()
    with os.scandir(source) as entries:
        fans = sorted((e for e in entries if _FANOUT.match(e.name)), key=lambda e: e.name)
    for fan in fans:
        if not fan.is_dir(follow_symlinks=False):
            local.left_out.append(f"objects/{fan.name}")
            continue
        with os.scandir(fan.path) as loose:
            odd = [e.name for e in loose if not e.is_file(follow_symlinks=False)]
        if not odd:
            (objects / fan.name).symlink_to(fan.path)
            continue
        local.left_out.extend(f"objects/{fan.name}/{name}" for name in sorted(odd))
        (objects / fan.name).mkdir()
        for name in sorted(path.name for path in Path(fan.path).iterdir()):
            if _LOOSE.match(name) and name not in odd:
                (objects / fan.name / name).symlink_to(Path(fan.path, name))
    packs = source / "pack"
    if packs.is_symlink() or not packs.is_dir():
        return
    with os.scandir(packs) as entries:
        for entry in entries:
            if not _PACK.match(entry.name):
                continue
            if entry.is_file(follow_symlinks=False):
                (objects / "pack" / entry.name).symlink_to(entry.path)
            else:
                local.left_out.append(f"objects/pack/{entry.name}")


def files(folder: Path, local: Local) -> Iterator[tuple[str, Path]]:
    """Regular files below a folder, by name; links and special files are named as left out."""
    if folder.is_symlink():
        local.left_out.append(folder.name)
        return
    for top, folders, names in os.walk(folder):
        folders.sort()
        here = Path(top)
        for name in sorted(names):
            path = here / name
            relative = path.relative_to(folder).as_posix()
            if is_file(path):
                yield relative, path
            else:
                local.left_out.append(f"{folder.name}/{relative}")
        local.left_out.extend(
            f"{folder.name}/{(here / name).relative_to(folder).as_posix()}"
            for name in folders
            if (here / name).is_symlink()
        )


def is_file(path: Path) -> bool:
    """Whether it is a regular file, and no link to one."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def read_small(path: Path, limit: int) -> bytes | None:
    """A regular file's bytes; None where it is none, or is larger than the limit."""
    if not is_file(path):
        return None
    with path.open("rb") as file:
        data = file.read(limit + 1)
    return data if len(data) <= limit else None
