r"""Deploy logs: one record a line, as the deploying job wrote them.

A real sample (three lines as a deploy job wrote them; in the file each stands on one line)::

    {"ts": "2026-02-14T09:31:07Z", "event": "deploy.start", "user": "ci@acme",
     "model": "credit-risk", "version": "2.3.1", "run": "r-1187",
     "sha": "5d0c1f3b8a27c0e4e0a35f2d1b7f0a4f6ad1c9e2"}
    {"ts": "2026-02-14T09:33:41.118Z", "event": "deploy.finish", "user": "ci@acme",
     "model": "credit-risk", "version": "2.3.1", "run": "r-1187",
     "sha256": "0f343b0931126a20f133d67c2b018a3b5d0c1f3b8a27c0e4e0a35f2d1b7f0a4f"}
    {"ts": 1771061621, "event": "deploy.finish", "user": "ci@acme",
     "model": "churn", "version": "1.0.4"}

``case.toml`` says which key holds what; ``a.b`` reaches into a nested object.
The item is the file as it was; a citation is ``line N`` as ``sed -n Np`` counts (by line feeds).
Each record gives its own event (part 0, kind in the log's own words) and, for each declared
attribute that it holds, a ``claim`` (part 1 for the first attribute of the mapping, and so on).

A log's times are asserted: the job that deploys writes them.
Lines follow one another in the file, which the stream ``log:ITEM`` keeps by byte offset;
whether the file was only ever appended to, the file cannot say, and so no coverage is claimed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from collectors.jsonlines import check_keys
from collectors.reading import plain_template
from recon.collector import Collector, Quote
from recon.errors import BadInputError

if TYPE_CHECKING:
    from recon.collector import Acquisition, Item, Items, Parsed, Source

FORMATS = ("jsonl",)
KIND = "log.jsonl"


class Fields(BaseModel):
    """Which key of a record holds what. A dot reaches into a nested object: ``actor.login``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    time: str = Field(min_length=1, description="key of the record's time: ISO 8601, or an epoch")
    kind: str | None = Field(None, description="key of the word for what happened; else log.line")
    actor: str | None = Field(None, description="key of who did it")
    subject: str = Field(description="template of the subject: model:{model}@{version}")
    attributes: dict[str, str] = Field(
        default_factory=dict, description="attribute = key: what the record claims of the subject"
    )

    @model_validator(mode="after")
    def _one_shape(self) -> Fields:
        check_keys(self.used())
        return self

    def template(self) -> tuple[str, dict[str, str]]:
        """The subject's template with plain names for its keys, and the key of each name."""
        return plain_template(self.subject)

    def used(self) -> list[str]:
        """Every key that is read, once, in the order of the mapping."""
        own = [self.time, self.kind, self.actor, *self.template()[1].values()]
        return list(dict.fromkeys(k for k in [*own, *self.attributes.values()] if k is not None))


class DeployLogOptions(BaseModel):
    """Keys of ``[[source]]`` for a deploy log."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str | None = Field(None, description="the log, one JSON object a line, not compressed")
    paths: tuple[str, ...] = Field((), description="or several: rotated parts of one log")
    format: str = Field("jsonl", description=f"how it is written: one of {', '.join(FORMATS)}")
    fields: Fields = Field(description="which key of a record holds what")

    @field_validator("format")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in FORMATS:
            raise ValueError(f"expected one of {', '.join(FORMATS)}; found {value!r}")
        return value

    @model_validator(mode="after")
    def _some_path(self) -> DeployLogOptions:
        if not self.files():
            raise ValueError("expected `path` or `paths`; found neither")
        return self

    def files(self) -> list[str]:
        """All paths as written, each once."""
        first = [] if self.path is None else [self.path]
        return list(dict.fromkeys([*first, *self.paths]))


def acquire(acquisition: Acquisition) -> None:
    """Copy each file in as one item; one that cannot be had is recorded, and the others go on."""
    from collectors.files import acquire_files

    options: DeployLogOptions = acquisition.source.options
    acquire_files(acquisition, options.files(), KIND)


def parse(source: Source, items: Items) -> Parsed:
    """Records to events; see :mod:`collectors.deploylog.events`."""
    from collectors.deploylog.events import read

    return read(source, items)


def quote(source: Source, items: Items, item: Item, citation: str) -> Quote:
    """One line as it stands in the file, without its line end.

    Raises:
        BadInputError: the file has no such line.
    """
    del source
    path = items.path(item)
    if not citation:
        with path.open("rb") as file:
            feeds = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
        text = f"{item.native}: {item.size} bytes, {feeds} line feeds"
        return Quote(text, "wc -lc ITEM", verbatim=False)
    word, _, number = citation.partition(" ")
    if (
        word == "line"
        and number.isascii()
        and number.isdigit()
        and 0 < len(number) <= len("9" * 12)
    ):
        with path.open("rb") as file:
            for at, line in enumerate(file, 1):
                if at == int(number):
                    return _quoted(line, at)
    raise BadInputError(
        "a line of the log", repr(citation), f"item {item.sha256[:16]}", "cite as `line N`"
    )


def _quoted(line: bytes, number: int) -> Quote:
    line = line.removesuffix(b"\n").removesuffix(b"\r")
    how = f"sed -n {number}p ITEM"
    try:
        return Quote(line.decode("utf-8"), how)
    except UnicodeDecodeError:
        return Quote(line.decode("utf-8", "backslashreplace"), how, verbatim=False)


_EXAMPLE = """\
[[source]]
id = "deploys"
collector = "deploylog"
domain = "platform"
path = "deploys.jsonl"
format = "jsonl"
[source.fields]
time = "ts"
kind = "event"
actor = "user"
subject = "model:{model}@{version}"
attributes = { artifact = "sha256", commit = "sha" }
"""

collector = Collector(
    "deploylog",
    acquire=acquire,
    parse=parse,
    quote=quote,
    options=DeployLogOptions,
    claim=None,
    example=_EXAMPLE,
)
