"""Acquiring what a source archive is held against: the tree of its ref, and its attributes.

Item ``git.tree`` is what ``git ls-tree -r -t -l -z`` prints; ``git.attributes`` what
``git check-attr -a -z`` says of each path by the ``.gitattributes`` of that tree; ``git.blobs`` the
contents of files that an archive may hold in another form (LFS pointers, ``export-subst``), as
``cat-file --batch`` prints them. Attributes are read as data: no filter that they name is run,
nothing is checked out.
"""

from __future__ import annotations

import shlex
import subprocess
from typing import TYPE_CHECKING

from collectors.git import catfile
from collectors.git.run import Git, said
from recon.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collectors.git import GitOptions
    from collectors.git.opening import Opened
    from recon.collector import Acquisition

TREE, ATTRIBUTES, BLOBS, ARCHIVE = "git.tree", "git.attributes", "git.blobs", "git.archive"
_LIST = ("ls-tree", "-r", "-t", "-l", "-z", "--full-tree")
_OTHER_FORM = (b"export-subst", b"filter")
_MAX_BLOB = 1 << 20
"""Bytes of a file whose other forms are looked for."""
_MAX_BLOBS = 10_000


def archives(acquisition: Acquisition, options: GitOptions) -> None:
    """Archives as they are, each once."""
    for one in options.archives:
        path = acquisition.source.base / one.path
        native = f"{one.path}#archive"
        if acquisition.has(native):
            continue
        if path.is_file():
            acquisition.store_file(native, ARCHIVE, path, meta={"ref": one.ref})
            continue
        where = f"source {acquisition.source.id}, {one.path}"
        error = BadInputError("an archive", "no file", where, "check `archives`")
        acquisition.failed(one.path, error)


def trees(acquisition: Acquisition, opened: Opened) -> None:
    """Of each ref that an archive is made of, what this clone has of it."""
    options: GitOptions = acquisition.source.options
    for ref in dict.fromkeys(one.ref for one in options.archives):
        native = f"{opened.native}#tree/{ref}"
        name = None if acquisition.has(f"{native}#blobs") else _name(opened, ref)
        if name is None:
            continue
        try:
            _tree(acquisition, opened.git, native, (ref, name))
        except BadInputError as error:
            acquisition.failed(native, error)


def _name(opened: Opened, ref: str) -> str | None:
    """The name of the ref's tree; None where this clone has none. A bundle's refs stand in it."""
    word = ref
    if opened.bundle is not None:
        heads = opened.git.run("bundle", "list-heads", str(opened.bundle.resolve()))
        lines = heads.decode("utf-8", "backslashreplace").splitlines()
        word = next((line.split(" ")[0] for line in lines if line.split(" ")[1:] == [ref]), "")
    pipe = subprocess.PIPE
    words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{word}^{{tree}}")
    process = opened.git.start(words, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe)
    out, _ = process.communicate()
    return out.decode().strip() if word and process.returncode == 0 else None


def _tree(acquisition: Acquisition, git: Git, native: str, of: tuple[str, str]) -> None:
    ref, name = of
    meta = {"ref": ref}
    with acquisition.call(shlex.join(git.command(*_LIST, name))):
        listed = git.run(*_LIST, name)
    if not acquisition.has(native):
        acquisition.store(native, TREE, listed, meta=meta)
    entries = [entry.split(b"\t", 1) for entry in listed.split(b"\0") if b"\t" in entry]
    # A pattern for folders matches a path that ends with a slash.
    paths = [path + b"/" * (head.split()[1] == b"tree") for head, path in entries]
    # The index is in the repository of ours, not in the evidence's.
    git.run("read-tree", name)
    words = ("check-attr", "--cached", "-a", "-z", "--stdin")
    with acquisition.call(shlex.join(git.command(*words))):
        attributes = _feed(git, words, b"".join(path + b"\0" for path in paths))
    if not acquisition.has(f"{native}#attributes"):
        acquisition.store(f"{native}#attributes", ATTRIBUTES, attributes, meta=meta)
    wanted = _wanted(entries, attributes)
    with acquisition.call(shlex.join(git.command(*catfile.FETCH))):
        blobs = _feed(git, catfile.FETCH, b"".join(name + b"\n" for name in wanted))
    acquisition.store(f"{native}#blobs", BLOBS, blobs, meta=meta)


def _wanted(entries: list[list[bytes]], attributes: bytes) -> list[bytes]:
    """Names of the files that an archive may hold in another form."""
    words = attributes.split(b"\0")
    pairs = zip(words[::3], words[1::3], strict=False)
    other = {path for path, attribute in pairs if attribute in _OTHER_FORM}
    names = []
    for head, path in entries:
        _, kind, name, size = head.split()
        if path in other and kind == b"blob" and size.isdigit() and int(size) <= _MAX_BLOB:
            names.append(name)
    return list(dict.fromkeys(names))[:_MAX_BLOBS]


def _feed(git: Git, words: Sequence[str], data: bytes) -> bytes:
    pipe = subprocess.PIPE
    process = git.start(words, stdin=pipe, stdout=pipe, stderr=pipe)
    out, err = process.communicate(data)
    if process.returncode:
        found = said(err) or f"exit code {process.returncode}"
        raise BadInputError(f"`git {words[0]}` to succeed", found, "git")
    return out
