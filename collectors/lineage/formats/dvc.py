"""DVC: ``dvc.lock`` and ``*.dvc`` files, which stage read and wrote which bytes.

A real sample of ``dvc.lock``::

    schema: '2.0'
    stages:
      train:
        cmd: python train.py
        deps:
        - path: data/credit.parquet
          hash: md5
          md5: 22a1a2931c8370d3aeedd7183606fd7f
          size: 14445097
        params:
          params.yaml:
            train.seed: 42
        outs:
        - path: models/credit-risk/2.3.1/model.bin
          hash: md5
          md5: f5ab0c2b98c42e6a7dd8e4e7b7f4f9a3
          size: 37891850

and of ``data.parquet.dvc``, which was imported from another repository::

    deps:
    - path: data/credit.parquet
      repo:
        url: https://git.example.org/acme/features
        rev_lock: 5d0c1f3b8a27c0e4e0a35f2d1b7f0a4f6ad1c9e2
    outs:
    - md5: 22a1a2931c8370d3aeedd7183606fd7f
      size: 14445097
      path: credit.parquet

No time stands in them: their events are undated, and git says when a file came to hold them. An MD5
compares what two records say of one file; it orders nothing, as two files can be made with one MD5.
The MD5 of a folder (``….dir``) is that of a list of its files.
Without ``hash: md5`` an entry is of DVC 2 or earlier, which took the MD5 of a text file with its
line ends made alike: it need be that of no bytes that anyone has, and is claimed as
``md5-dos2unix`` alone.

Source: DVC documentation, ``dvc.lock`` and ``.dvc`` files; dvc-data, ``hashfile/hash.py``
(``md5-dos2unix``) and ``hashfile/state.py`` (a hash without version is such a one).
"""

from __future__ import annotations

from collections.abc import Iterator

from collectors.lineage import yamltree
from collectors.lineage.formats.base import File, Format, unread
from collectors.lineage.record import Record, bare_digest, digest_of, words


def _read(file: File) -> Iterator[Record]:
    try:
        tree = yamltree.read(yamltree.text_of(file.path))
    except (yamltree.NotYamlError, UnicodeDecodeError) as error:
        yield unread("line 1", f"expected YAML; found {error}", file)
        return
    top = tree.value
    if not isinstance(top, dict):
        yield unread("line 1", "expected a map with stages, deps or outs; found another", file)
        return
    found = False
    stages = top.get("stages")
    if isinstance(stages, dict):
        for name, stage in stages.items():
            found = True
            yield from _stage(name, stage, tree, file)
    elif stages is not None:
        file.said.warn("line 1", "expected a map of stages; found another value", "error")
    if "outs" in top or "deps" in top:
        found = True
        yield from _stage(file.native.removesuffix(".dvc"), top, tree, file)
    if not found:
        yield unread("line 1", "expected stages, deps or outs; found none of them", file)


def _stage(name: str, stage: object, tree: yamltree.Tree, file: File) -> Iterator[Record]:
    here = str(tree.where(stage) or "line 1")
    if not isinstance(stage, dict):
        yield unread(here, "expected a stage as a map; found another value", file)
        return
    own = {key: value for key, value in stage.items() if key not in {"deps", "outs"}}
    record = Record(here, "dvc.stage", f"stage:{name}", name, text=words(own))
    record.value = _scalar(stage.get("cmd"))
    for key, value in _params(stage.get("params")):
        record.states(f"param.{key}", value, bare_digest(value))
    yield record
    for key, kind in (("deps", "dvc.dep"), ("outs", "dvc.out")):
        listed = stage.get(key)
        if listed in (None, ""):
            continue
        if not isinstance(listed, list):
            yield unread(here, f"expected a list of {key}; found another value", file)
            continue
        for one in listed:
            yield _artifact(one, kind, name, str(tree.where(one) or here), file)


def _artifact(one: object, kind: str, stage: str, here: str, file: File) -> Record:
    if not isinstance(one, dict) or _scalar(one.get("path")) is None:
        return unread(here, "expected an entry with its path; found none", file)
    path = _scalar(one["path"]) or ""
    record = Record(here, kind, f"file:{path}", path, text=words(one))
    record.states("stage", stage)
    md5 = _scalar(one.get("md5"))
    if md5 is not None and md5.endswith(".dir"):
        record.states("folder", md5)
    elif md5 is not None and _scalar(one.get("hash")) is None:
        record.states("md5-dos2unix", md5)
    elif md5 is not None:
        record.digest = digest_of("md5", md5)
        record.states("artifact", md5, record.digest)
    if any(isinstance(value, yamltree.Twice) for value in one.values()):
        file.said.warn(here, "expected each key once; found one twice; its values are left out")
    for key in ("etag", "checksum", "version_id", "size"):
        record.states(key, _scalar(one.get(key)))
    repo = one.get("repo")
    if isinstance(repo, dict):
        record.states("repo", _scalar(repo.get("url")))
        commit = _scalar(repo.get("rev_lock"))
        record.states("commit", commit, bare_digest(commit))
    return record


def _params(params: object) -> Iterator[tuple[str, str]]:
    """Parameters of a stage, each under its file and name."""
    for name, values in params.items() if isinstance(params, dict) else ():
        for key, value in values.items() if isinstance(values, dict) else ():
            shown = _scalar(value)
            yield f"{name}:{key}", words(value) if shown is None else shown


def _scalar(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def is_file(native: str) -> bool:
    """Whether a file is DVC's by its name."""
    return native.endswith((".dvc", "dvc.lock"))


FORMAT = Format("dvc", "DVC 2.0 and later, YAML", _read)
