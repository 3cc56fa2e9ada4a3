"""Repositories: commits, tags, refs and reflogs, read raw.

A real sample of the three items (``git.objects`` as ``git cat-file --batch`` prints it, here one
commit and one tag; ``git.refs``; ``git.reflog``)::

    6a0b4f1e25a07a8f0cd80f3de1f2e6b6a8a6f1d3 commit 239
    tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904
    parent 27a8f0cd80f3de1f2e6b6a8a6f1d36a0b4f1e25a
    author Ada Byron <ada@acme.example> 1771061621 +0100
    committer Ada Byron <ada@acme.example> 1771061621 +0100

    credit-risk: retrain with January

    e83c5163316f89bfbde7d9ab23ca2e25604af290 tag 152
    object 6a0b4f1e25a07a8f0cd80f3de1f2e6b6a8a6f1d3
    type commit
    tag credit-risk-v2.3.1
    tagger CI <ci@acme.example> 1771062000 +0000

    credit-risk 2.3.1

    6a0b4f1e25a07a8f0cd80f3de1f2e6b6a8a6f1d3 HEAD refs/heads/main
    6a0b4f1e25a07a8f0cd80f3de1f2e6b6a8a6f1d3 refs/heads/main
    e83c5163316f89bfbde7d9ab23ca2e25604af290 refs/tags/credit-risk-v2.3.1

    0000000000000000000000000000000000000000 6a0b4f1e25a07a8f0cd80f3de1f2e6b6a8a6f1d3 \
CI <ci@acme.example> 1771061700 +0000<TAB>push

Author, committer and tagger times are asserted, by clocks of those people; a bare repository's
reflog is stamped by its server. What orders commits without any clock is that each names its
parents' hashes, which every ``git.commit`` event carries in ``names``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, model_validator

from recon.collector import Collector

if TYPE_CHECKING:
    from recon.collector import Acquisition, Item, Items, Parsed, Quote, Source


class GitArchive(BaseModel):
    """A source archive that was made of a ref."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = Field(description="the archive: tar, zip, sdist or wheel")
    ref: str = Field(pattern="^refs/", description="full name of its ref: refs/tags/v1")
    generated: tuple[str, ...] = Field(
        (), description="globs of files that the build makes: configure, dist/*"
    )


class GitOptions(BaseModel):
    """Keys of ``[[source]]`` for a repository."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str | None = Field(None, description="remote to mirror (https, ssh, host:path)")
    path: str | None = Field(None, description="or a bundle, a bare or a working repository")
    paths: tuple[str, ...] = Field(
        (), description="or several; a bundle that builds on another comes after it"
    )

    archives: tuple[GitArchive, ...] = Field(
        (), description="source archives, each held against the tree of its ref, file by file"
    )
    keys: tuple[str, ...] = Field(
        (),
        description="files of keys to verify signatures with: OpenPGP keys, an allowed_signers "
        "file of SSH, PEM roots; no other keys are used",
    )

    @model_validator(mode="after")
    def _something(self) -> GitOptions:
        if self.url is None and not self.files():
            raise ValueError("expected `url`, `path` or `paths`; found none of them")
        return self

    def files(self) -> list[str]:
        """All paths as written, each once."""
        first = [] if self.path is None else [self.path]
        return list(dict.fromkeys([*first, *self.paths]))


class GitClaim(BaseModel):
    """What a ref says about a subject: which commit it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ref: str = Field(description="pattern of full ref names: refs/tags/{model}-v{version}")
    subject: str = Field(description="template of the subject: model:{model}@{version}")
    attribute: str = Field("commit", min_length=1, description="what the commit is of the subject")

    @model_validator(mode="after")
    def _filled(self) -> GitClaim:
        from recon.subjects import fields

        if missing := sorted(set(fields(self.subject)) - set(fields(self.ref))):
            raise ValueError(f"expected the subject's {missing} in `ref`; found {self.ref!r}")
        return self


def acquire(acquisition: Acquisition) -> None:
    """Mirror, unpack or look through; see :mod:`collectors.git.acquire`."""
    from collectors.git.acquire import acquire as run

    run(acquisition)


def parse(source: Source, items: Items) -> Parsed:
    """Objects, refs and reflogs to events; see :mod:`collectors.git.events`."""
    from collectors.git.events import read

    return read(source, items)


def quote(source: Source, items: Items, item: Item, citation: str) -> Quote:
    """The raw object, ref or line; see :mod:`collectors.git.quoting`."""
    from collectors.git.quoting import find

    return find(source, items, item, citation)


_EXAMPLE = """\
[[source]]
id = "code"
collector = "git"
domain = "platform"
url = "git@example.org:acme/models.git"   # or path = "models.bundle"
[[source.claim]]
ref = "refs/tags/{model}-v{version}"
subject = "model:{model}@{version}"
attribute = "commit"
"""

collector = Collector(
    "git",
    acquire=acquire,
    parse=parse,
    quote=quote,
    options=GitOptions,
    claim=GitClaim,
    example=_EXAMPLE,
    kinds=("git.*", "claim", "snapshot"),
)
