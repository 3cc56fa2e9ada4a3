"""Opening what the options name, as a repository of our own that git can read safely."""

from __future__ import annotations

import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from collectors.git import shadow
from collectors.git.run import Git, said
from recon.errors import BadInputError, UnreachableError

if TYPE_CHECKING:
    from collectors.git import GitOptions
    from recon.collector import Acquisition

PROTOCOLS = ("https", "ssh", "http", "git")
"""Transports of a remote. ``ext::`` and others that run a program are refused; a ``file://`` URL
is read as the folder that it names, so that no program runs in that folder."""
BUNDLE = re.compile(rb"# v([23]) git bundle\n")
_BUNDLE_FORMAT = re.compile(rb"^@object-format=(sha1|sha256)$", re.MULTILINE)
_BUNDLE_FILTER = re.compile(rb"^@filter=", re.MULTILINE)
_HEAD_BYTES = 1 << 16
_SCP = re.compile(r"^(?:[A-Za-z0-9._-]+@)?[A-Za-z0-9][A-Za-z0-9.-]*:(?!/?/)[^\x00-\x1f]+$")


@dataclass(frozen=True, slots=True)
class Opened:
    """A repository of ours that shows one of the evidence."""

    native: str
    """How the source is called in the case; items are named ``NATIVE#part``."""
    git: Git
    medium: str
    """``mirror``, ``bundle``, ``bare`` or ``working``."""
    partial: bool
    local: shadow.Local | None = None
    bundle: Path | None = None


def masked(url: str) -> str:
    """A URL without the password or token that it may hold; other text as it is."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    if parts.password is None:
        return url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username}:***@{host}"))


def transport(url: str) -> str | None:
    """The protocol of a remote, ``file`` for a folder; None where it is no URL that is fetched."""
    if "::" in url or url.startswith("-") or any(ord(letter) < ord(" ") for letter in url):
        return None
    if "://" in url:
        scheme = url.partition("://")[0].lower()
        return scheme if scheme in {*PROTOCOLS, "file"} else None
    return "ssh" if _SCP.match(url) else "file"


def open_given(
    acquisition: Acquisition, text: str, native: str, home: Path, bundles: list[Path]
) -> Opened:
    """One path or URL of the options. ``bundles``: object folders of those opened before.

    Raises:
        BadInputError: it is no repository, or one that is not read.
        UnreachableError: a remote does not answer, or refuses.
    """
    where = f"source {acquisition.source.id}, {native}"
    options: GitOptions = acquisition.source.options
    path = acquisition.source.base / text
    if text == options.url:
        protocol = transport(text)
        if protocol is None:
            raise BadInputError(
                f"a URL of {', '.join(PROTOCOLS)}, or host:path",
                "another kind of remote, which could run a program",
                where,
                "mirror it yourself and give the mirror as `path`",
            )
        if protocol != "file":
            return _mirror(acquisition, text, native, home, protocol)
        path = acquisition.source.base / text.removeprefix("file://")
    if path.is_dir():
        local = shadow.find(path, where)
        shadow.build(local, home / "shadow")
        medium = "bare" if local.bare else "working"
        return Opened(native, Git(home / "shadow", home), medium, local.partial, local)
    if not path.is_file():
        raise BadInputError(
            "a repository or a bundle", "nothing that can be read", where, "check `path`"
        )
    return _unbundle(acquisition, path, native, home, bundles)


def _mirror(acquisition: Acquisition, url: str, native: str, home: Path, protocol: str) -> Opened:
    from git.cmd import Git as GitPython
    from git.exc import UnsafeProtocolError

    try:
        GitPython.check_unsafe_protocols(url)  # a second opinion beside transport()
    except UnsafeProtocolError as error:
        raise BadInputError("a URL that is fetched", str(error), native) from error
    git = Git(home / "mirror", home, (protocol,))
    # The remote's refs are taken as they are; nothing is followed into submodules or bundles.
    words = ["clone", "--mirror", "--template=", "--no-local", "--quiet", "--"]
    with acquisition.call(shlex.join([*git.command(*words), native])):
        process = git.start(
            [*words, url, str(git.folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        _, err = process.communicate()
        if process.returncode:
            raise UnreachableError(
                "a repository that can be fetched",
                said(err.replace(url.encode(), native.encode())),
                f"source {acquisition.source.id}, {native}",
                "check `url`, the network and the right to read; or mirror it and give `path`",
            )
    return Opened(native, git, "mirror", partial=False)


def _unbundle(
    acquisition: Acquisition, path: Path, native: str, home: Path, bundles: list[Path]
) -> Opened:
    where = f"source {acquisition.source.id}, {native}"
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if BUNDLE.match(head) is None:
        raise BadInputError(
            "a bundle (`# v2 git bundle`) or a repository",
            "a file that is neither",
            where,
            "make one with `git bundle create FILE --all`",
        )
    acquisition.store_file(f"{native}#bundle", "git.bundle", path)
    head = head[: head.find(b"\n\n") + 1]
    declared = _BUNDLE_FORMAT.search(head)
    git = Git(home / "bundle", home, borrowed=tuple(bundles))
    form = declared.group(1).decode() if declared else "sha1"
    _git_init(git, form)
    words = ("bundle", "unbundle", str(path.resolve()))
    with acquisition.call(shlex.join(git.command(*words[:2], native))):
        try:
            git.run(*words)
        except BadInputError as error:
            raise BadInputError(
                "a whole bundle",
                error.found,
                where,
                "where it builds on an earlier bundle, name that one before it in `paths`",
            ) from error
    bundles.append(git.folder / "objects")
    partial = _BUNDLE_FILTER.search(head) is not None
    return Opened(native, git, "bundle", partial, bundle=path)


def _git_init(git: Git, form: str) -> None:
    """A bare repository of ours; ``init`` wants to be told, not to find GIT_DIR there."""
    folder = git.folder
    for part in ("objects/info", "objects/pack", "refs"):
        (folder / part).mkdir(parents=True)
    (folder / "HEAD").write_text("ref: refs/heads/.none\n")
    (folder / "config").write_text(
        "[core]\n\trepositoryformatversion = 1\n\tbare = true\n"
        f"[extensions]\n\tobjectformat = {form}\n"
    )
