"""Reading a repository into items, in this order.

0. Files of keys that the case gives, for signatures (``git.keys``).
1. A remote is mirrored into a scratch repository; a bundle is stored and unpacked into one; a
   local repository is seen through one (:mod:`collectors.git.shadow`). Nothing is checked out.
2. Refs, as ``git for-each-ref`` prints them, with ``HEAD``: item ``git.refs``.
3. Files of a local repository as they are: reflogs (``git.reflog``), ``HEAD``, ``packed-refs``,
   ``shallow``, ``info/grafts``, ``objects/info/alternates`` (``git.file``), ``FETCH_HEAD`` with
   its time (``git.fetched``).
4. Source archives that the case gives, and the trees of their refs (:mod:`collectors.git.trees`).
5. Every commit and tag, those that no ref reaches too, as ``git cat-file --batch`` prints them,
   sorted by name: item ``git.objects``. Refs are read before objects, so that whatever a ref
   names in a repository that is in use has been written by then. Trees and blobs are left out;
   the item's ``meta`` counts them.
"""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collectors.git import catfile, fetched, objects, shadow, trees
from collectors.git.opening import Opened, masked, open_given
from collectors.git.run import Git, said
from collectors.git.signatures import KIND as KEYS
from collectors.git.signatures import MAX_KEYS
from recon.errors import BadInputError, ReconError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collectors.git import GitOptions
    from recon.collector import Acquisition

_FILES = ("HEAD", "packed-refs", "shallow", "info/grafts", "objects/info/alternates")
_MAX_FILE = 256 << 20
_REF_FORMAT = "--format=%(objectname) %(refname) %(symref)"


def acquire(acquisition: Acquisition) -> None:
    """All that the options name; what cannot be had is recorded, and the others go on."""
    options: GitOptions = acquisition.source.options
    _keys(acquisition, options)
    trees.archives(acquisition, options)
    given = [*options.files(), *([] if options.url is None else [options.url])]
    with tempfile.TemporaryDirectory(prefix="recon-git-") as name:
        scratch = Path(name)
        bundles: list[Path] = []
        todo = [n for n, text in enumerate(given) if not acquisition.has(_objects_of(text))]
        for number, text in enumerate(given):
            acquisition.progress("repositories", number, len(given))
            had = number not in todo
            # One that was had before is opened again where a bundle after it may build on it.
            if had and (number > max(todo, default=-1) or text == options.url):
                continue
            home = scratch / str(number)
            home.mkdir()
            try:
                opened = open_given(acquisition, text, masked(text), home, bundles)
                if not had:
                    _read(acquisition, opened)
            except ReconError as error:
                acquisition.failed(masked(text), error)
        acquisition.progress("repositories", len(given), len(given))


def _keys(acquisition: Acquisition, options: GitOptions) -> None:
    """Files of keys as they are: what a signature is verified with is evidence too."""
    for name in options.keys:
        if acquisition.has(f"{name}#keys"):
            continue
        path = acquisition.source.base / name
        if not path.is_file() or path.stat().st_size > MAX_KEYS:
            found = "one that is too large" if path.is_file() else "nothing that can be read"
            where = f"source {acquisition.source.id}, {name}"
            expected = f"a file of keys of at most {MAX_KEYS} bytes"
            error = BadInputError(expected, found, where, "check `keys`")
            acquisition.failed(name, error)
            continue
        acquisition.store_file(f"{name}#keys", KEYS, path)


def _objects_of(text: str) -> str:
    return f"{masked(text)}#objects"


def _read(acquisition: Acquisition, opened: Opened) -> None:
    git, native = opened.git, opened.native
    version = git.run("version").decode().strip()
    meta: dict[str, Any] = {"medium": opened.medium, "partial": opened.partial, "git": version}
    if opened.local is not None:
        meta["mirrors"] = opened.local.mirrors
    if not acquisition.has(f"{native}#refs"):
        with acquisition.call(shlex.join(git.command("for-each-ref", _REF_FORMAT))) as result:
            refs, errors = _refs(opened)
            result["stderr"] = errors
        acquisition.store(f"{native}#refs", "git.refs", refs, meta=meta)
        if errors:
            _note(acquisition, f"{native}#refs", "refs that git reads", errors)
    if opened.local is not None:
        _files(acquisition, opened, meta)
    trees.trees(acquisition, opened)
    _objects(acquisition, opened, meta)
    if opened.local is not None and opened.local.left_out:
        names = opened.local.left_out
        shown = ", ".join(repr(name) for name in names[:10])
        found = f"{len(names)} that are links, special files or too large: {shown}"
        _note(acquisition, native, "regular files", found)


def _note(acquisition: Acquisition, native: str, expected: str, found: str) -> None:
    where = f"source {acquisition.source.id}, {native}"
    todo = "the rest was read; look at these in a copy"
    acquisition.failed(native, BadInputError(expected, found, where, todo))


def _refs(opened: Opened) -> tuple[bytes, str]:
    """``NAME-OF-OBJECT REF TARGET-OF-SYMBOLIC-REF`` a line, HEAD first; git's complaints."""
    git = opened.git
    if opened.bundle is not None:
        return git.run("bundle", "list-heads", str(opened.bundle.resolve())), ""
    out, err = _loose(git, "for-each-ref", _REF_FORMAT)
    head, _ = _loose(git, "rev-parse", "--verify", "--quiet", "HEAD")
    target, _ = _loose(git, "symbolic-ref", "--quiet", "HEAD")
    first = head.strip() + b" HEAD " + target.strip() + b"\n" if head.strip() else b""
    return first + out, said(err)


def _loose(git: Git, *arguments: str) -> tuple[bytes, bytes]:
    """What git prints and what it complains of, whether it failed or not."""
    pipe = subprocess.PIPE
    process = git.start(arguments, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe)
    return process.communicate()


def _files(acquisition: Acquisition, opened: Opened, meta: dict[str, Any]) -> None:
    local = opened.local
    if local is None:
        return
    for name in _FILES:
        data = shadow.read_small(local.gitdir / name, _MAX_FILE)
        if data is not None and not acquisition.has(f"{opened.native}#{name}"):
            acquisition.store(
                f"{opened.native}#{name}", "git.file", data, meta={**meta, "name": name}
            )
    native, path = f"{opened.native}#{fetched.NAME}", local.gitdir / fetched.NAME
    # A working repository's owner has its clock and its files alike.
    if local.bare and shadow.is_file(path) and not acquisition.has(native):
        if path.lstat().st_size > _MAX_FILE:
            local.left_out.append(fetched.NAME)
        else:
            more = {**meta, **fetched.made(local.gitdir)}
            acquisition.store_file(native, fetched.KIND, path, meta=more)
    if (local.gitdir / "objects/info/alternates").exists():
        _note(
            acquisition,
            opened.native,
            "a repository with all its objects",
            "one that borrows objects from others (objects/info/alternates), which were not read",
        )
    if (local.gitdir / "reftable").exists():
        _note(acquisition, opened.native, "refs as files", "a reftable, which is not read")
    for ref, path in _reflogs(local):
        native = f"{opened.native}#logs/{ref}"
        if not acquisition.has(native):
            acquisition.store_file(native, "git.reflog", path, meta={**meta, "ref": ref})


def _reflogs(local: shadow.Local) -> Iterator[tuple[str, Path]]:
    """Reflogs of the repository, and of the working trees linked to it."""
    if (local.gitdir / "logs").is_dir():
        yield from shadow.files(local.gitdir / "logs", local)
    trees = local.gitdir / "worktrees"
    if trees.is_dir() and not trees.is_symlink():
        for name, path in shadow.files(trees, local):
            tree, _, rest = name.partition("/")
            if rest.startswith("logs/"):
                yield f"worktrees/{tree}/{rest.removeprefix('logs/')}", path


def _objects(acquisition: Acquisition, opened: Opened, meta: dict[str, Any]) -> None:
    git, native = opened.git, f"{opened.native}#objects"
    acquisition.progress("objects", 0)
    held = "commits and tags, whether a ref reaches them or not; trees and blobs are left out"
    meta = {**meta, "holds": held}
    command = (
        f"{shlex.join(git.command(*catfile.LIST))} | {shlex.join(git.command(*catfile.FETCH))}"
    )
    listing = catfile.Listing()
    broken: list[str] = []
    try:
        with acquisition.call(command) as result:
            acquisition.store(native, "git.objects", catfile.stream(git, listing), meta=meta)
            result.update(listing.counts)
    except catfile.DamagedError:
        listing = catfile.Listing()
        with tempfile.TemporaryFile(dir=git.scratch) as out:
            with acquisition.call(f"{command}  # object by object") as result:
                broken = catfile.carefully(git, listing, out)
                result.update({**listing.counts, "broken": len(broken)})
            out.seek(0)
            acquisition.store(native, "git.objects", out, meta=meta)
    if listing.complaints:
        _note(acquisition, native, "objects that git reads", listing.complaints)
    for names, what in (
        (listing.large, f"commits and tags of at most {objects.MAX_OBJECT} bytes"),
        (broken, "commits and tags that git reads"),
    ):
        if names:
            found = f"{len(names)} others: {', '.join(names[:10])}"
            _note(acquisition, native, what, found)
