"""A release is tagged, and an archive of its sources is published."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from typing import Any

from tests.collectors.git.repositories import Repository
from tests.incidents.code import hand_over, repository
from tests.incidents.forge import RELEASES, TAG
from tests.incidents.stage import M1, Stage, Truth

IS_LONG = True
RULE = "release-archive-differs-from-tag"
FILES = {
    "src/train.py": "train()\n",
    "win.bat": "echo\n",
    "version.txt": "$Format:%H$\n",
    "tests/test_train.py": "test()\n",
    ".gitattributes": "version.txt export-subst\n*.bat text eol=crlf\n.git* export-ignore\n",
}
_SENT = "2026-02-14T09:30:00Z"


def tagged(stage: Stage) -> Repository:
    """A repository of these files, tagged."""
    code = repository(stage)
    for name, text in FILES.items():
        path = code.path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    code("add", ".")
    code("commit", "-q", "-m", "m1 1", when=_SENT)
    code("tag", "m1-v1", when=_SENT)
    return code


def archived(code: Repository, ref: str, *options: str, form: str = "tar.gz") -> str:
    """What `git archive` makes of it; the name of the file beside the repository."""
    name = f"m1.{form}"
    code(*options, "archive", f"--format={form}", "--prefix=m1-1/", "-o", f"../{name}", ref)
    return name


def packed_again(code: Repository, files: Mapping[str, bytes], *, without: str = "-") -> str:
    """The archive of the tag as a tar, with other files or more, less those that begin so."""
    path = code.path.parent / archived(code, "m1-v1", form="tar")
    with tarfile.open(path) as old:
        own = {
            one.name.removeprefix("m1-1/"): file.read()
            for one in old
            if (file := old.extractfile(one)) is not None
        }
    kept = {name: data for name, data in own.items() if not name.startswith(without)}
    with tarfile.open(path.with_name("m1-1.tar.xz"), "w:xz") as new:
        for name, data in (kept | files).items():
            info = tarfile.TarInfo(f"m1-1/{name}")
            info.size = len(data)
            new.addfile(info, io.BytesIO(data))
    return "m1-1.tar.xz"


def published(stage: Stage, code: Repository, name: str, **more: Any) -> None:
    archive = {"path": f"work/{name}", "ref": TAG, **more}
    hand_over(stage, code, archives=[archive], claims=[RELEASES])


def incident(stage: Stage) -> Truth:
    """One file was changed before it was packed, and one put beside it."""
    code = tagged(stage)
    files = {"src/train.py": b"train(); send()\n", "m4/build-to-host.m4": b"eval\n"}
    published(stage, code, packed_again(code, files))
    return {(RULE, "conflict", M1)}


def incident_of_another_commit(stage: Stage) -> Truth:
    """The archive is what `git archive` made of the next commit."""
    code = tagged(stage)
    code.commit("two", "2026-02-15T09:30:00Z")
    published(stage, code, archived(code, "main"))
    return {(RULE, "conflict", M1)}


def incident_more_files(stage: Stage) -> Truth:
    """Nothing is changed, and a script is in it that the tag lacks: the build may have made it."""
    code = tagged(stage)
    published(stage, code, packed_again(code, {"m4/build-to-host.m4": b"eval\n"}))
    return {(RULE, "undetermined", M1)}


def innocent(stage: Stage) -> Truth:
    """It is what `git archive` makes of the tag: line ends and a commit's name are put in."""
    code = tagged(stage)
    published(stage, code, archived(code, "m1-v1"))
    return set()


def innocent_annotated_since(stage: Stage) -> Truth:
    """The tag was signed off later, at the same commit, and the archive packed as a zip."""
    code = tagged(stage)
    name = archived(code, "m1-v1", form="zip")
    code("tag", "-f", "-a", "-m", "m1 1", "m1-v1", "m1-v1^{commit}", when="2026-03-01T09:30:00Z")
    published(stage, code, name)
    return set()


def innocent_on_windows(stage: Stage) -> Truth:
    """Git of the host that made it gives all text files the line ends of that host."""
    code = tagged(stage)
    published(stage, code, archived(code, "m1-v1", "-c", "core.autocrlf=true", form="zip"))
    return set()


def innocent_build(stage: Stage) -> Truth:
    """The build makes `configure`, as the case says."""
    code = tagged(stage)
    name = packed_again(code, {"configure": b"#!/bin/sh\n"})
    published(stage, code, name, generated=["configure", "m4/*"])
    return set()


def innocent_sdist(stage: Stage) -> Truth:
    """An sdist has metadata of its own, and leaves out tests."""
    code = tagged(stage)
    metadata = b"Metadata-Version: 2.1\nName: m1\nVersion: 1\n"
    name = packed_again(code, {"PKG-INFO": metadata}, without="tests/")
    published(stage, code, name)
    return set()


def innocent_without_tests(stage: Stage) -> Truth:
    """Whoever packed it left the tests out: an observation."""
    code = tagged(stage)
    published(stage, code, packed_again(code, {}, without="tests/"))
    return {(RULE, "observation", M1)}
