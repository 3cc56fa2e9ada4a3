"""Options of ``collector = "clock"``."""

from __future__ import annotations

import base64
import binascii

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from collectors.clock.roughtime import KEY

_STRICT = ConfigDict(extra="forbid", frozen=True)
_MOST_PORT = 65535


class Server(BaseModel):
    """``roughtime = [{ … }]``: a Roughtime server that is asked and trusted."""

    model_config = _STRICT

    name: str = Field(min_length=1, max_length=100, description="what it is called")
    address: str = Field(description="HOST:PORT, over UDP")
    key: str = Field(description="its long-term public key: 32 bytes, base64")

    @field_validator("address")
    @classmethod
    def _endpoint(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) <= _MOST_PORT:
            raise ValueError("an address HOST:PORT")
        return value

    @field_validator("key")
    @classmethod
    def _long_term(cls, value: str) -> str:
        try:
            raw = base64.b64decode(value, validate=True)
        except binascii.Error as error:
            raise ValueError("32 bytes in base64") from error
        if len(raw) != KEY:
            raise ValueError("32 bytes in base64")
        return value

    @property
    def raw_key(self) -> bytes:
        """The key's 32 bytes."""
        return base64.b64decode(self.key)


class ClockOptions(BaseModel):
    """Keys of ``[[source]]``."""

    model_config = _STRICT

    ntp: bool = Field(
        default=True, description="ask the NTP daemon of this machine, whichever is there"
    )
    chronyd: str | None = Field(
        None, min_length=1, description="address or socket of chronyd, where it is not the usual"
    )
    roughtime: tuple[Server, ...] = Field(
        (), description="Roughtime servers to ask: name, address, key"
    )

    @field_validator("chronyd")
    @classmethod
    def _no_option(cls, value: str | None) -> str | None:
        if value is not None and value.startswith("-"):
            raise ValueError("an address or the path of a socket")
        return value

    @model_validator(mode="after")
    def _something(self) -> ClockOptions:
        if not self.ntp and not self.roughtime:
            raise ValueError("`ntp` or `roughtime`, and not neither")
        names = [one.name for one in self.roughtime]
        if len(set(names)) < len(names):
            raise ValueError("names that differ in `roughtime`")
        return self
