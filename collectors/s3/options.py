"""What ``case.toml`` says of an S3 source: where it is, how it is asked, what its keys claim."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from collectors.objectstore import URL, checked_endpoint
from recon import instants, subjects
from recon.errors import BadInputError

_MAX_PREFIX = 1024


class Export(BaseModel):
    """A folder or file with what somebody else acquired, and when they say they did."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Path = Field(description="A folder or a file.")
    taken: str | None = Field(
        None, description="When it was taken, as the author of the case says: the file does not."
    )
    objects: bool = Field(
        False,
        description="Whether its files are objects as downloaded: each file's path in the folder is"
        " its key, followed by ?versionId=ID where that is known.",
    )

    @field_validator("taken", mode="before")
    @classmethod
    def _is_instant(cls, value: object) -> object:
        if value is None:
            return None
        text = value.isoformat() if hasattr(value, "isoformat") else str(value)
        try:
            instants.interval(text, "taken")
        except BadInputError as error:
            raise ValueError(str(error)) from error
        return text


class S3Options(BaseModel):
    """Keys of an S3 ``[[source]]``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(description="The bucket, and the prefix if not all of it: s3://bucket/prefix.")
    endpoint: str | None = Field(None, description="URL of the server, where it is not AWS.")
    region: str | None = Field(None, description="Region; else as boto3 finds it.")
    profile: str | None = Field(
        None, description="Profile of ~/.aws that holds the credentials; else as boto3 finds them."
    )
    exports: tuple[Export, ...] = Field(
        (),
        description="Folders or files that somebody else made: outputs of the AWS CLI, raw XML"
        " pages, S3 Inventory, server access logs, CloudTrail, objects. Nothing is asked of a"
        " server then. A path, or { path = …, taken = …, objects = true }.",
    )
    head: Literal["claims", "all", "none"] = Field(
        "claims",
        description="Which versions to ask for checksums and locks: those that a claim selects.",
    )
    bytes: bool = Field(
        False, description="Whether to fetch the bytes of those versions too, to hash them here."
    )
    parallel: int = Field(
        8, ge=1, le=64, description="How many requests run beside each other; 1 for none."
    )
    passes: Literal[1, 2] | None = Field(
        None,
        description="How often the bucket is listed, to compare; by default twice up to 100 pages.",
    )

    @field_validator("url")
    @classmethod
    def _is_bucket(cls, value: str) -> str:
        match = URL.fullmatch(value)
        if match is None or len((match["prefix"] or "").encode()) > _MAX_PREFIX:
            raise ValueError("an S3 URL such as s3://bucket/ or s3://bucket/prefix")
        return value

    @field_validator("endpoint")
    @classmethod
    def _is_plain_http(cls, value: str | None) -> str | None:
        """See :func:`collectors.objectstore.checked_endpoint`."""
        return checked_endpoint(value)

    @field_validator("exports", mode="before")
    @classmethod
    def _paths_as_tables(cls, value: object) -> object:
        if not isinstance(value, list | tuple):
            return value
        return tuple({"path": x} if isinstance(x, str | Path) else x for x in value)

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        match = URL.fullmatch(self.url)
        return match["bucket"] if match else ""

    @property
    def prefix(self) -> str:
        """Keys start with it; empty for the whole bucket."""
        match = URL.fullmatch(self.url)
        return (match["prefix"] or "") if match else ""


class S3Claim(BaseModel):
    """What an object at a key asserts: that these bytes are an attribute of that subject."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str = Field(
        description="Pattern of the keys, a field holding no slash: models/{model}/model.bin."
    )
    subject: str = Field(description="Subject, made of the key's fields: model:{model}.")
    attribute: str = Field("artifact", description="Which attribute of it the object's bytes are.")

    @model_validator(mode="after")
    def _fields_are_there(self) -> S3Claim:
        """Every field once in the key: a second one could hold another text."""
        names = subjects.fields(self.key)
        twice = [name for name in names if self.key.count("{" + name + "}") > 1]
        if twice:
            raise ValueError(f"a key in which each field stands once, not {twice} twice")
        missing = [name for name in subjects.fields(self.subject) if name not in names]
        if missing:
            raise ValueError(f"a subject made of the key's fields {names}, not of {missing}")
        return self
