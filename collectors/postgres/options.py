"""What ``case.toml`` says of a PostgreSQL source."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from collectors.objectstore import checked_endpoint
from collectors.postgres.serverlog import DEFAULT_PREFIXES
from recon import subjects

Paths = Annotated[list[str], Field(default_factory=list)]
# NAMEDATALEN is 64, so an identifier holds at most 63 bytes.
_MAX_NAME = 63
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class PostgresOptions(BaseModel):
    """Keys of a ``[[source]]`` with ``collector = "postgres"``; at least one of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dsn_env: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="name of the environment variable that holds the DSN of the live server; "
        "the DSN itself is never stored",
    )
    dump: Paths = Field(default_factory=list, description="pg_dump -Fc files, or folders of them")
    wal: Paths = Field(
        default_factory=list,
        description="archived WAL with its .history and .backup files, plain or packed (gzip, "
        "zstd, lz4, bzip2, xz): folders, repositories of pgBackRest, Barman or WAL-G, or "
        "s3://bucket/prefix of either",
    )
    backups: Paths = Field(
        default_factory=list,
        description="base backups: plain folders, folders of tar files, or tar files, "
        "each plain or packed with gzip, zstd or lz4; repositories of pgBackRest, Barman or WAL-G; "
        "or s3://bucket/prefix of any of these",
    )
    backup_files: Literal["all", "headers"] = Field(
        default="all",
        description="what of them is copied into the case: all files, which `recon rehydrate` "
        "needs; or headers alone: label, manifest, control file and WAL",
    )
    capture: Paths = Field(
        default_factory=list, description="folders of captures made with psql, without recon"
    )
    s3_endpoint: str | None = Field(
        default=None, description="URL of the S3 server of s3:// prefixes, where it is not AWS"
    )
    s3_region: str | None = Field(default=None, description="its region; else as boto3 finds it")
    s3_profile: str | None = Field(
        default=None,
        description="profile of ~/.aws that holds the credentials; else as boto3 finds them",
    )
    log: Paths = Field(
        default_factory=list,
        description="server logs, or folders of them: stderr, csvlog or jsonlog, plain or packed",
    )
    log_line_prefix: list[str] = Field(
        default_factory=lambda: list(DEFAULT_PREFIXES),
        min_length=1,
        description="the server's log_line_prefix, for stderr logs; several where it was changed "
        '(default: PostgreSQL\'s "%m [%p] " and Debian\'s "%m [%p] %q%u@%d ")',
    )
    log_timezone: str | None = Field(
        default=None,
        description="the server's log_timezone (Europe/Berlin, UTC): logs hold local times with an "
        "abbreviation, which alone is not an offset",
    )
    mlflow: str | None = Field(
        default=None,
        description="schema of an MLflow store, whose tables need no claims; captures and dumps"
        " show one by themselves, archived WAL alone does not",
    )
    dump_zone: str | None = Field(
        default=None,
        description="time zone of the machine that ran pg_dump, as the examiner knows it "
        "(Europe/Berlin, UTC): a dump records its local time without a zone",
    )

    @field_validator("dump", "wal", "backups", "capture", "log", "log_line_prefix", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

    @field_validator("s3_endpoint")
    @classmethod
    def _without_credentials(cls, value: str | None) -> str | None:
        return checked_endpoint(value)

    @field_validator("log_line_prefix")
    @classmethod
    def _one_line(cls, value: list[str]) -> list[str]:
        for text in value:
            if "\n" in text or "\r" in text:
                raise ValueError(f"expected a log_line_prefix of one line; found {text!r}")
        return value

    @field_validator("dump_zone", "log_timezone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                ZoneInfo(value)
            except (ZoneInfoNotFoundError, ValueError, OSError) as error:
                raise ValueError(f"no such time zone: {value!r}") from error
        return value

    @model_validator(mode="after")
    def _something(self) -> PostgresOptions:
        exports = (self.dump, self.wal, self.backups, self.capture, self.log)
        if not (self.dsn_env or any(exports)):
            raise ValueError("give at least one of dsn_env, dump, wal, backups, capture, log")
        return self


class PostgresClaim(BaseModel):
    """A ``[[source.claim]]``: what the rows of one table assert about which subject."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: str = Field(description='the table, as "schema.table"')
    subject: str = Field(
        description='template of the subject, filled from columns: "model:{model}@{version}"'
    )
    time: str | None = Field(
        default=None, description="column of the time that the row asserts, if it has one"
    )
    attributes: dict[str, str] = Field(
        default_factory=dict, description="attribute = column, for each that is a claim"
    )
    actor: str | None = Field(
        default=None, description="column that says who did it, if there is one"
    )
    epoch: Literal["s", "ms", "us"] | None = Field(
        default=None, description="unit of `time`, where it is a count since 1970"
    )
    attribute: str | None = Field(
        default=None,
        description="where a row holds one attribute and its value: template of the attribute's"
        ' name, filled from columns: "tag.{key}"',
    )
    value: str | None = Field(default=None, description="column of its value")
    words: dict[str, str] = Field(
        default_factory=dict,
        description="attribute's name as `attribute` gives it = the one by which it goes here:"
        ' "tag.sha256" = "artifact"',
    )
    only: dict[str, str] = Field(
        default_factory=dict,
        description="column = text: rows that the claim speaks of; others are left",
    )

    @field_validator("table")
    @classmethod
    def _schema_and_table(cls, value: str) -> str:
        parts = value.split(".")
        if len(parts) != 2 or not all(map(_is_name, parts)):  # noqa: PLR2004
            raise ValueError(f'expected "schema.table", found {value!r}')
        return value

    @field_validator("subject")
    @classmethod
    def _has_fields(cls, value: str) -> str:
        if not subjects.fields(value):
            raise ValueError(f"a subject without a {{column}} names every row the same: {value!r}")
        return value

    @model_validator(mode="after")
    def _columns(self) -> PostgresClaim:
        if (self.attribute is None) != (self.value is None):
            raise ValueError("expected both `attribute` and `value`, or neither; found one")
        if self.epoch is not None and self.time is None:
            raise ValueError("expected `time` beside `epoch`; found none")
        for column in self.columns():
            if not _is_name(column):
                raise ValueError(f"expected the name of a column, found {column!r}")
        return self

    def columns(self) -> list[str]:
        """Every column that the claim reads, each once."""
        optional = [one for one in (self.time, self.actor, self.value) if one is not None]
        named = [*subjects.fields(self.subject), *subjects.fields(self.attribute or "")]
        own = [*named, *optional, *self.attributes.values(), *self.only]
        return list(dict.fromkeys(own))


def _is_name(text: str) -> bool:
    return 0 < len(text.encode("utf-8", "replace")) <= _MAX_NAME and not _CONTROL.search(text)


EXAMPLE = """\
[[source]]
id = "lineage-db"
collector = "postgres"
domain = "platform"
dsn_env = "LINEAGE_DSN"            # live; and, or instead, what was exported:
# dump = ["dumps/"]                # pg_dump -Fc
# wal = "wal-archive/"
# backups = ["base-2026-02-10/"]  # plain or tar; copied whole, so that it can be rehydrated
# capture = ["capture-2026-04-02/"]
# log = ["log/"]                   # server logs
# log_timezone = "Europe/Berlin"
[[source.claim]]                   # what a table's rows assert about which subject
table = "ml.lineage"
subject = "model:{model}@{version}"
time = "registered_at"
attributes = { artifact = "artifact_sha256", commit = "git_commit" }
"""
