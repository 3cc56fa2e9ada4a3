"""Options of ``collector = "anchors"``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from recon.readings import not_utc

_STRICT = ConfigDict(extra="forbid", frozen=True)
FORMATS = ("chrony.tracking", "ntpd.loopstats")
_MOST_ACCURACY = 3600.0


class Statistics(BaseModel):
    """``ntp = [{ … }]``: a log in which a host's NTP daemon wrote how far its clock was off."""

    model_config = _STRICT

    path: str = Field(min_length=1, description="the log")
    format: str = Field(description=f"one of {', '.join(FORMATS)}")
    clock: str = Field(min_length=1, description="the clock of that host, as recon names it")
    trusted: bool = Field(
        default=False,
        description="whether its word is taken for UTC; else it is a clock of its own, ntp:SOURCE",
    )
    distance: float | None = Field(
        None,
        gt=0,
        le=_MOST_ACCURACY,
        description="seconds by which the daemon's own time may be off: loopstats do not say it",
    )

    @field_validator("format")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in FORMATS:
            raise ValueError(f"one of {', '.join(FORMATS)}")
        return value

    _other = field_validator("clock")(not_utc)

    @model_validator(mode="after")
    def _bounded(self) -> Statistics:
        if (self.distance is None) == (self.format == "ntpd.loopstats"):
            raise ValueError(
                "`distance` with ntpd.loopstats, which do not hold it"
                if self.distance is None
                else "no `distance`: chrony.tracking holds it"
            )
        return self


class AnchorsOptions(BaseModel):
    """Keys of ``[[source]]``."""

    model_config = _STRICT

    tokens: tuple[str, ...] = Field(
        (), description="RFC 3161 responses (.tsr) or tokens (.tst), DER"
    )
    roots: tuple[str, ...] = Field(
        (), description="CA certificates that are trusted for tokens, PEM or DER"
    )
    certificates: tuple[str, ...] = Field(
        (), description="further certificates, where tokens do not hold them, PEM or DER"
    )
    data: tuple[str, ...] = Field(
        (),
        description="stamped files that no other source has, such as a list of SHA-256 digests",
    )
    accuracy: float | None = Field(
        None,
        gt=0,
        le=_MOST_ACCURACY,
        description="seconds by which a token's time may be off where it does not say so itself, "
        "by its TSA's policy; without it such a token is no anchor",
    )
    ntp: tuple[Statistics, ...] = Field((), description="logs of NTP daemons")

    @model_validator(mode="after")
    def _something(self) -> AnchorsOptions:
        if not self.tokens and not self.ntp:
            raise ValueError("`tokens` or `ntp`, and not neither")
        paths = [*self.tokens, *self.roots, *self.certificates, *self.data]
        paths += [one.path for one in self.ntp]
        if twice := sorted({path for path in paths if paths.count(path) > 1}):
            raise ValueError(f"each file once, and not {twice[0]!r} twice")
        return self
