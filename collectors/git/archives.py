"""Source archives to events: each file of an archive, and each file of the tree of its tag.

A file's digest is the name that git gives to its bytes, in an archive as in a tree, and ``names``
has what else its bytes are: their SHA-256, and the name of the file in the tree where they are only
another form of it, as ``git archive`` makes one (line ends, ``$Id$``, ``export-subst``). Of an LFS
pointer, ``names`` has the SHA-256 of the file that it stands for.

Kinds tell apart what need not agree: ``archive.generated`` (the case or the format of sdists and
wheels says that the build makes it), ``tree.ignored`` (``export-ignore``) and ``tree.filtered``
(the attributes name an encoding or filter, which is not run here).

Source: gitattributes(5), "Creating an archive"; git-lfs, docs/spec.md; PyPA, Source distribution
format and Binary distribution format.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from collectors.git import members, objects
from collectors.git.trees import ARCHIVE, ATTRIBUTES, BLOBS, TREE
from recon.collector import Warn
from recon.schema import DRAFT, frame

if TYPE_CHECKING:
    import polars as pl

    from collectors.git import GitOptions
    from recon.collector import Item, Items, Source

_LFS = re.compile(rb"\Aversion https://git-lfs[^\n]*\n(?:[^\n]*\n)*?oid sha256:([0-9a-f]{64})\n")
_FORMAT = re.compile(rb"\$Format:[^$\n]*\$")
_ID = re.compile(rb"\$Id:[^$\n]*\$")
_COMMIT = re.compile(r"^[0-9a-f]{40}(?:[0-9a-f]{24})?$")
_OF_SDIST = ("PKG-INFO", "setup.cfg", "*.egg-info/*")
_OF_WHEEL = re.compile(r"[^/]+\.dist-info/")
"""At the top alone: a package may have a folder of any name."""
_MOVED = re.compile(r"[^/]+\.data/")
"""Where a wheel has files that are installed elsewhere, scripts for one."""
_FILTERED = ("filter", "working-tree-encoding")

Attributes = Mapping[str, Mapping[str, str]]


def read(source: Source, items: Items, warnings: list[Warn]) -> list[pl.DataFrame]:
    """Trees first: an archive's files are held against what they may be another form of."""
    rows: list[dict[str, Any]] = []
    trees: dict[str, list[_Tree]] = {}
    for item in items.of(TREE):
        ref = str(item.meta.get("ref", ""))
        tree = _Tree(item, items)
        if all(one.item.sha256 != item.sha256 for one in trees.get(ref, [])):
            rows.extend(tree.events(source, ref))
        trees.setdefault(ref, []).append(tree)
    for item in items.of(ARCHIVE):
        ref = str(item.meta.get("ref", ""))
        rows.extend(_archive(source, items, item, trees.get(ref, []), warnings))
    return [frame(rows, DRAFT)]


class _Tree:
    """One tree as a clone has it."""

    def __init__(self, item: Item, items: Items) -> None:
        self.item = item
        entries = [one for one in items.read(item).split(b"\0") if b"\t" in one]
        own = [one.split(b"\t", 1) for one in entries]
        self.files = {
            _text(path): head.split()[2].decode() for head, path in own if b" blob " in head
        }
        self.attributes = self._attributes(items)
        self.blobs = self._blobs(items)

    def _part(self, items: Items, kind: str, word: str) -> bytes:
        native = f"{self.item.native}#{word}"
        return next((items.read(one) for one in items.of(kind) if one.native == native), b"")

    def _attributes(self, items: Items) -> Attributes:
        words = self._part(items, ATTRIBUTES, "attributes").split(b"\0")
        found: dict[str, dict[str, str]] = {}
        for path, name, value in zip(words[::3], words[1::3], words[2::3], strict=False):
            found.setdefault(_text(path), {})[_text(name)] = _text(value)
        return found

    def _blobs(self, items: Items) -> dict[str, bytes]:
        data = self._part(items, BLOBS, "blobs")
        try:
            return {one.name: data[one.start : one.end] for one in objects.walk(data)}
        except objects.BrokenError:
            return {}

    def has(self, path: str, *names: str) -> bool:
        """Whether a path has one of the attributes."""
        own = self.attributes.get(path, {})
        return any(own.get(name, "unset") not in {"unset", "unspecified"} for name in names)

    def is_ignored(self, path: str) -> bool:
        """Whether it, or a folder above it, is left out of archives."""
        above = [f"{one}/" for one in PurePosixPath(path).parents if str(one) != "."]
        return any(self.has(one, "export-ignore") for one in (path, *above))

    def events(self, source: Source, ref: str) -> Iterator[dict[str, Any]]:
        """One for each file."""
        for part, (path, name) in enumerate(self.files.items()):
            kind = "tree.file"
            pointer = _LFS.match(self.blobs.get(name, b""))
            if self.is_ignored(path):
                kind = "tree.ignored"
            elif self.has(path, *_FILTERED) and pointer is None:
                kind = "tree.filtered"
            names = [f"git:{name}", *([f"sha256:{pointer[1].decode()}"] if pointer else [])]
            yield _file(kind, f"git:{source.id}/{ref}", path, names, (self.item, part, path))

    def other_form(self, path: str, content: bytes) -> bool:
        """Whether the bytes are another form of the file that stands here, as archives have it."""
        name = self.files.get(path, "")
        if self.has(path, "export-subst") and name in self.blobs:
            return _substituted(self.blobs[name], content)
        plain = content.replace(b"\r\n", b"\n")
        if self.has(path, "ident"):
            plain = _ID.sub(b"$Id$", plain)
        return plain != content and objects.name_of("blob", plain, len(name)) == name


def _substituted(blob: bytes, content: bytes) -> bool:
    """Whether content is the blob with something in the place of each ``$Format:…$``.

    Piece by piece from the left, which finds a way where there is one, and takes time in
    proportion to the text.
    """
    first, *rest = _FORMAT.split(blob)
    if not rest:
        return blob == content
    at = len(first)
    if not content.startswith(first):
        return False
    for piece in rest[:-1]:
        at = content.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return content.endswith(rest[-1]) and len(content) - len(rest[-1]) >= at


def _archive(
    source: Source, items: Items, item: Item, trees: Sequence[_Tree], warnings: list[Warn]
) -> Iterator[dict[str, Any]]:
    name = item.native.removesuffix("#archive")
    subject = f"git:{source.id}/archive/{PurePosixPath(name).name}"
    commit, found, whole = _files(items, item, trees, warnings)
    form = _form(name, [path for path, _ in found]) if whole else "broken"
    yield {
        "kind": "git.archive", "subject": subject, "digest": f"sha256:{item.sha256}",
        "value": f"form={form} ref={item.meta.get('ref', '')}", "item": item.sha256,
        "names": [f"git:{commit}"] if commit else [], "citation": "", "part": 0,
    }  # fmt: skip
    generated = _generated(source.options, name, form)
    blobs = {one for tree in trees for one in tree.files.values()}
    prefix = "" if form == "wheel" else _prefix([path for path, _ in found])
    known = {path for tree in trees for path in tree.files}
    for part, (path, names) in enumerate(found):
        own = path.removeprefix(prefix)
        made = any(fnmatchcase(own, glob) for glob in generated)
        if form == "wheel" and not made:
            moved = _MOVED.match(own) is not None and names[0].removeprefix("git:") in blobs
            made = moved or _OF_WHEEL.match(own) is not None
        made = made and own not in known
        place = own if form != "wheel" or own in known else f"src/{own}"
        place = place if place in known else own
        kind = "archive.generated" if made else "archive.file"
        yield _file(kind, subject, place, names, (item, part, path))


def _files(
    items: Items, item: Item, trees: Sequence[_Tree], warnings: list[Warn]
) -> tuple[str, list[tuple[str, list[str]]], bool]:
    """The commit that the archive names, each path with its names, and whether all was read."""
    commit, odd, whole = "", list[str](), True
    found: list[tuple[str, list[str]]] = []
    is_sha256 = any(len(one) > objects.SHA1 for tree in trees for one in tree.files.values())
    try:
        for one in members.read(items.path(item)):
            if isinstance(one, str):
                commit = one if _COMMIT.match(one) else commit
            elif isinstance(one, members.Odd):
                odd.append(one.what)
            else:
                names = [f"git:{one.sha256 if is_sha256 else one.sha1}", f"sha256:{one.digest}"]
                names += [name for tree in trees for name in _forms(one, tree)]
                found.append((one.path, list(dict.fromkeys(names))))
    except members.ERRORS as error:
        said = f"expected an archive that can be read; found {error} behind {len(found)} files"
        warnings.append(Warn(item.sha256, "", f"{said}; the rest is not read", "error"))
        whole = False
    if odd:
        said = f"expected files, folders and links; found {len(odd)} others: {'; '.join(odd[:3])}"
        warnings.append(Warn(item.sha256, "", f"{said}; left out", "error"))
    return commit, found, whole


def _forms(one: members.Member, tree: _Tree) -> list[str]:
    """Names of files of a tree that the bytes are another form of."""
    if one.content is None:
        return []
    # By either path: which folder is in front of all is known at the end.
    paths = {path for path in (one.path, one.path.partition("/")[2]) if tree.files.get(path)}
    forms = sorted(path for path in paths if tree.other_form(path, one.content))
    return [f"git:{tree.files[path]}" for path in forms]


def _form(name: str, paths: Sequence[str]) -> str:
    if name.endswith(".whl"):
        return "wheel"
    prefix = _prefix(paths)
    return "sdist" if prefix and f"{prefix}PKG-INFO" in paths else "archive"


def _prefix(paths: Sequence[str]) -> str:
    """The folder in front of all files, with its slash; empty where there is none."""
    tops = {path.partition("/")[0] for path in paths if "/" in path}
    return f"{tops.pop()}/" if len(tops) == 1 and all("/" in path for path in paths) else ""


def _generated(options: GitOptions, name: str, form: str) -> list[str]:
    own = [glob for one in options.archives if one.path == name for glob in one.generated]
    return [*own, *(_OF_SDIST if form == "sdist" else ())]


def _file(
    kind: str, subject: str, path: str, names: Sequence[str], where: tuple[Item, int, str]
) -> dict[str, Any]:
    item, part, cited = where
    return {
        "kind": kind, "subject": subject, "value": path, "digest": names[0], "names": list(names),
        "item": item.sha256, "citation": f"file {cited}", "part": part,
    }  # fmt: skip


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
