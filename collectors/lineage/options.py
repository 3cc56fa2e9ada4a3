"""What ``case.toml`` says of records of lineage: where they are, how written, which subject."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from collectors.reading import plain_template

NAMES = (
    "mlflow", "openlineage", "dvc", "lakefs", "modelcard", "cyclonedx", "spdx", "attestation",
    "prometheus", "otlp",
)  # fmt: skip
"""Formats; a test holds them to :data:`collectors.lineage.formats.FORMATS`."""
_DAY = 86_400
_LOOKBACK = 300
"""Seconds: Prometheus' default of ``--query.lookback-delta``."""


class LineageOptions(BaseModel):
    """Keys of ``[[source]]`` for lineage."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str | None = Field(None, description="the file, not compressed")
    paths: tuple[str, ...] = Field((), description="or several")
    format: str | None = Field(
        None,
        description=f"how all of them are written: one of {', '.join(NAMES)}; else each is told by"
        " what is in it",
    )
    keys: tuple[str, ...] = Field(
        (),
        description="public keys or certificates, PEM or DER, that signatures are checked with;"
        " one that is not checked is said to be so, and is no finding",
    )
    zone: str | None = Field(
        None, description="zone of times that name none: Europe/Berlin, +01:00; else 26 hours wide"
    )
    lookback: int = Field(
        _LOOKBACK,
        ge=0,
        le=_DAY,
        description="prometheus: seconds by which a sample may be older than the step that shows it"
        " (--query.lookback-delta)",
    )

    @field_validator("format")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        if value is not None and value not in NAMES:
            raise ValueError(f"expected one of {', '.join(NAMES)}; found {value!r}")
        return value

    @field_validator("zone")
    @classmethod
    def _zone(cls, value: str | None) -> str | None:
        from collectors.times import check_zone

        return None if value is None else check_zone(value)

    @model_validator(mode="after")
    def _whole(self) -> LineageOptions:
        if not self.files():
            raise ValueError("expected `path` or `paths`; found neither")
        if both := sorted(set(self.files()) & set(self.keys)):
            raise ValueError(f"expected a file of records or of keys; found {both[0]!r} as both")
        return self

    def files(self) -> list[str]:
        """All paths as written, each once."""
        first = [] if self.path is None else [self.path]
        return list(dict.fromkeys([*first, *self.paths]))


class LineageClaim(BaseModel):
    """A ``[[source.claim]]``: which of the things that are named is which subject of the case."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str | None = Field(
        None,
        min_length=1,
        description="pattern of the name that the format gives the thing, fields in braces:"
        ' "models/{model}/{version}/model.bin"; a field holds no slash; else any name',
    )
    subject: str = Field(
        min_length=1,
        description="template of the subject, of fields of the name and attributes of the record:"
        ' "model:{model}@{version}"',
    )
    time: str | None = Field(
        None, description="attribute that is the time of the record, where its format knows none"
    )
    attributes: dict[str, str] = Field(
        default_factory=dict,
        description='attribute = the record\'s own word for it: artifact = "sha256"; others keep'
        " their own",
    )

    @model_validator(mode="after")
    def _fields(self) -> LineageClaim:
        if not plain_template(self.subject)[1]:
            raise ValueError(
                f"expected a field in the subject; found {self.subject!r}, one for all records"
            )
        own = list(self.attributes.values())
        if twice := sorted({one for one in own if own.count(one) > 1}):
            raise ValueError(f"expected each of the record's words once; found {twice[0]!r} twice")
        return self
