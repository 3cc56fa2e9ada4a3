"""What ``case.toml`` says of a table: where it is, how it is written, which column holds what."""

from __future__ import annotations

import codecs
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from collectors import times
from collectors.jsonlines import check_keys
from collectors.reading import RESERVED, plain_template

_NO_LINES = {"utf-7", "idna", "punycode"}
Format = Literal["csv", "jsonl", "parquet", "excel"]


class Columns(BaseModel):
    """Which column (in JSON lines: which key) holds what. All but the subject may be left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject: str = Field(
        min_length=1, description="template of the subject, columns in braces: server:{Host name}"
    )
    time: str | None = Field(None, description="column of the time; without one rows are undated")
    until: str | None = Field(None, description="column of the end, where the time is a stretch")
    zone: str | None = Field(None, description="column of the zone of times that name none")
    precision: str | None = Field(None, description="column of how exact the time is: day, hour")
    kind: str | None = Field(None, description="column of the word for what happened")
    actor: str | None = Field(None, description="column of who is said to have done it")
    attribute: str | None = Field(None, description="column of the attribute's name, or")
    value: str | None = Field(None, description="column of its value")
    attributes: dict[str, str] = Field(
        default_factory=dict, description="attribute = column: what a row claims of its subject"
    )
    empty: dict[str, str] = Field(
        default_factory=dict,
        description="attribute = what an empty cell says of it, such as none; else it says nothing,"
        " and what an earlier row said stands",
    )
    digest: str | None = Field(None, description="column of a digest of what the row is about")
    clock: str | None = Field(None, description="column of whose clock gave the time")
    basis: str | None = Field(None, description="column that says stamped or asserted")
    domain: str | None = Field(
        None, description="column of the domain: rows of other domains are left to other sources"
    )
    position: str | None = Field(None, description="column of a number that the system counted up")

    @model_validator(mode="after")
    def _pairs(self) -> Columns:
        if (self.attribute is None) != (self.value is None):
            raise ValueError("expected both `attribute` and `value`, or neither; found one")
        if self.until is not None and self.time is None:
            raise ValueError("expected `time` beside `until`; found none")
        if unknown := sorted(set(self.empty) - set(self.attributes)):
            raise ValueError(
                f"expected an attribute of `attributes` in `empty`; found {unknown[0]!r}"
            )
        return self

    def used(self) -> list[str]:
        """Every column that is read, once."""
        own = [getattr(self, name) for name in type(self).model_fields]
        single = [one for one in own[1:] if isinstance(one, str)]
        found = [*plain_template(self.subject)[1].values(), *single, *self.attributes.values()]
        return list(dict.fromkeys(found))


class RecordsOptions(BaseModel):
    """Keys of ``[[source]]`` for records."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str | None = Field(None, description="the table, not compressed")
    paths: tuple[str, ...] = Field((), description="or several of one shape")
    format: Format = Field(description="how it is written: csv, jsonl, parquet or excel")
    columns: Columns = Field(description="which column holds what")
    only: dict[str, str | tuple[str, ...]] = Field(
        default_factory=dict,
        description="column = text, or a list of them: rows that are this source's; several"
        " sources can read one table, each its own rows",
    )
    zone: str | None = Field(
        None, description="zone of times that name none: Europe/Berlin, +01:00; else 26 hours wide"
    )
    precision: str | None = Field(
        None, description=f"how exact all times are at best: {', '.join(times.PRECISIONS)}"
    )
    time_formats: tuple[str, ...] = Field(
        (), description='forms of times that are not ISO 8601, tried in order: "%d.%m.%Y %H:%M"'
    )
    kind: str = Field("record", min_length=1, description="kind of rows whose column names none")
    clock: str | None = Field(None, description="whose clock gave the times; else the table's own")
    basis: Literal["asserted", "stamped"] = Field(
        "asserted", description="asserted, or stamped where a system wrote the time by itself"
    )
    delimiter: str = Field(",", min_length=1, max_length=1, description="csv: between fields")
    encoding: str = Field(
        "utf-8", description="csv: how the text is encoded; a byte order mark goes before it"
    )
    header: int = Field(1, ge=1, le=10_000, description="csv, excel: line or row of the headings")
    sheets: tuple[str, ...] = Field((), description="excel: sheets to read; else all that fit")

    @field_validator("zone")
    @classmethod
    def _zone(cls, value: str | None) -> str | None:
        return None if value is None else times.check_zone(value)

    @field_validator("precision")
    @classmethod
    def _precision(cls, value: str | None) -> str | None:
        if value is not None and value not in times.PRECISIONS:
            raise ValueError(f"expected one of {', '.join(times.PRECISIONS)}; found {value!r}")
        return value

    @field_validator("time_formats")
    @classmethod
    def _forms(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(times.check_form(form) for form in value)

    @field_validator("kind")
    @classmethod
    def _kind(cls, value: str) -> str:
        import re

        if re.match(RESERVED, value):
            raise ValueError(f"expected a kind of the table's own; found {value!r}, reserved")
        return value

    @field_validator("delimiter")
    @classmethod
    def _delimiter(cls, value: str) -> str:
        if value in {'"', "\n", "\r", "\0"} or not value.isascii():
            raise ValueError(f"expected a character such as ',' ';' or a tab; found {value!r}")
        return value

    @field_validator("encoding")
    @classmethod
    def _encoding(cls, value: str) -> str:
        try:
            found = codecs.lookup(value)
            # Only encodings in which a line feed is always one are read by lines.
            by_lines = "\n".encode(found.name) == b"\n" and found.name not in _NO_LINES
        except (LookupError, UnicodeError):
            by_lines = False
        if not by_lines:
            raise ValueError(
                f"expected an encoding of bytes such as utf-8 or cp1252; found {value!r}; UTF-16"
                " is told by its byte order mark"
            )
        return found.name

    @model_validator(mode="after")
    def _some_path(self) -> RecordsOptions:
        if not self.files():
            raise ValueError("expected `path` or `paths`; found neither")
        if self.format == "jsonl":
            check_keys(self.used())
        return self

    def files(self) -> list[str]:
        """All paths as written, each once."""
        first = [] if self.path is None else [self.path]
        return list(dict.fromkeys([*first, *self.paths]))

    def used(self) -> list[str]:
        """Every column that is read, once."""
        return list(dict.fromkeys([*self.columns.used(), *self.only]))
