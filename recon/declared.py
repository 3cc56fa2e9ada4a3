"""What ``case.toml`` declares for the self-audit: how long records are kept, and which checks run.

``[[retention]]`` says for how many days a source keeps records of some kinds: a backup window, the
retention of archived WAL, of a trail, of metrics, a reflog's expiry.
``[[check]]`` names a check of the company's own, whose outcomes are records of the case.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

_LONGEST = 366_000
"""Days: what is kept for a thousand years is kept."""


class Retention(BaseModel):
    """``[[retention]]``: records of these kinds are gone so many days after they were made."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = Field(description="The source that keeps them.")
    kind: str = Field(
        "*",
        min_length=1,
        description="Glob of their kinds, such as `backup.*`, `wal.*`, `trail.*`.",
    )
    days: float = Field(gt=0, le=_LONGEST, description="Days for which they are kept.")
    because: str | None = Field(
        None,
        max_length=300,
        description="Where that is set, such as a backup tool's configuration.",
    )


class Check(BaseModel):
    """``[[check]]``: a check whose outcomes are claims of a source; vacuous if it cannot fail."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=200, description="What people call it.")
    source: str = Field(description="The source that records its outcomes.")
    attribute: str = Field(min_length=1, description="The attribute that holds an outcome.")
    subject: str = Field("*", min_length=1, description="Glob of the subjects that it is of.")
    passes: tuple[str, ...] = Field(
        min_length=1, description="Globs of the outcomes with which it is passed."
    )
