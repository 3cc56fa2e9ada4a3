"""What ``case.toml`` says of a log: where it is, how it is written, which key holds what."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from collectors.jsonlines import check_keys
from collectors.reading import plain_template

NAMES = (
    "jsonl", "github", "gitlab", "gitea", "argocd", "kubernetes", "jenkins", "journal", "syslog",
    "docker", "logfmt", "otlp", "text",
)  # fmt: skip
"""Formats; a test holds them to :data:`collectors.deploylog.formats.FORMATS`."""


class Fields(BaseModel):
    """Which key of a record holds what. A dot reaches into a nested object: ``actor.login``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    time: str | None = Field(
        None, min_length=1, description="key of the record's time; else the format's own"
    )
    kind: str | None = Field(None, description="key of the word for what happened; else log.line")
    actor: str | None = Field(None, description="key of who did it")
    subject: str | None = Field(
        None, description="template of the subject: model:{model}@{version}"
    )
    sequence: str | None = Field(
        None, description="key of a number that the log counts up: what is missing is said"
    )
    attributes: dict[str, str] = Field(
        default_factory=dict, description="attribute = key: what the record claims of the subject"
    )

    @model_validator(mode="after")
    def _one_shape(self) -> Fields:
        check_keys(self.used())
        return self

    def template(self) -> tuple[str, dict[str, str]]:
        """The subject's template with plain names for its keys, and the key of each name."""
        return plain_template(self.subject or "")

    def used(self) -> list[str]:
        """Every key that is read, once, in the order of the mapping."""
        own = [self.time, self.kind, self.actor, self.sequence, *self.template()[1].values()]
        return list(dict.fromkeys(k for k in [*own, *self.attributes.values()] if k is not None))


class DeployLogOptions(BaseModel):
    """Keys of ``[[source]]`` for a deploy log."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str | None = Field(None, description="the log, not compressed")
    paths: tuple[str, ...] = Field((), description="or several: rotated parts of one log")
    append_only: bool = Field(
        False,
        description="whether one writer, and nothing else, appends to it, so that the order of its "
        "lines is that of their writing; several jobs or a relay: no",
    )
    format: str = Field("jsonl", description=f"how it is written: one of {', '.join(NAMES)}")
    fields: Fields = Field(
        default_factory=Fields,
        description="which key of a record holds what; jsonl needs time and subject",
    )
    pattern: str | None = Field(
        None,
        description="text: regular expression (Rust's syntax) whose named groups are the keys;"
        " docker, journal, syslog, logfmt, otlp: the same, of a record's message",
    )
    zone: str | None = Field(
        None, description="zone of times that name none: Europe/Berlin, +01:00; else 26 hours wide"
    )
    year: int | None = Field(
        None, ge=1970, le=2200, description="syslog: year of the first line whose time has none"
    )
    time_formats: tuple[str, ...] = Field(
        (),
        description='forms of times that are not ISO 8601, tried in order: "%d/%b/%Y:%H:%M:%S %z"',
    )

    @field_validator("format")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in NAMES:
            raise ValueError(f"expected one of {', '.join(NAMES)}; found {value!r}")
        return value

    @field_validator("zone")
    @classmethod
    def _zone(cls, value: str | None) -> str | None:
        from collectors.times import check_zone

        return None if value is None else check_zone(value)

    @field_validator("time_formats")
    @classmethod
    def _forms(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        from collectors.times import check_form

        return tuple(check_form(form) for form in value)

    @field_validator("pattern")
    @classmethod
    def _pattern(cls, value: str | None) -> str | None:
        from collectors.deploylog.patterns import check_pattern

        return None if value is None else check_pattern(value)

    @model_validator(mode="after")
    def _whole(self) -> DeployLogOptions:
        if not self.files():
            raise ValueError("expected `path` or `paths`; found neither")
        if self.format == "jsonl" and (self.fields.time is None or self.fields.subject is None):
            raise ValueError(
                "expected `fields.time` and `fields.subject` for jsonl; found not both"
            )
        if self.year is not None and self.format != "syslog":
            raise ValueError(f"expected `year` for syslog alone; found it for {self.format}")
        self._check_format()
        return self

    def _check_format(self) -> None:
        from collectors.deploylog.formats import FORMATS
        from collectors.deploylog.patterns import groups_of

        format_ = FORMATS[self.format]
        if self.append_only and not format_.ordered:
            raise ValueError(
                f"expected `append_only` for a log of one writer; {self.format} has records of "
                "several, or such as a queue brought"
            )
        groups = groups_of(self.pattern or "")
        if self.format == "text":
            if self.pattern is None:
                raise ValueError("expected `pattern` for text; found none")
            if unknown := sorted(set(self.fields.used()) - set(groups)):
                raise ValueError(f"expected a group of the pattern; found {unknown[0]!r}")
        elif self.pattern is not None and format_.message is None:
            raise ValueError(f"expected no `pattern` for {self.format}; found one")
        elif same := sorted(set(groups) & set(format_.keys)):
            raise ValueError(f"expected groups with names of their own; found {same[0]!r}")
        if self.format == "syslog":
            known = {*format_.keys, *groups}
            if unknown := sorted(set(self.fields.used()) - known):
                raise ValueError(
                    f"expected one of {', '.join(sorted(known))}; found {unknown[0]!r}"
                )

    def files(self) -> list[str]:
        """All paths as written, each once."""
        first = [] if self.path is None else [self.path]
        return list(dict.fromkeys([*first, *self.paths]))
