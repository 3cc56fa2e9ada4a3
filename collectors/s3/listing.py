"""A page of a version listing, whatever wrote it down: XML as S3 sent it, or the AWS CLI's JSON."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

VERSIONS: dict[str, pl.DataType] = {
    "kind": pl.String(),
    "key": pl.String(),
    "version": pl.String(),
    "modified": pl.String(),
    "etag": pl.String(),
    "latest_version": pl.Boolean(),
    "size": pl.Int64(),
    "storage": pl.String(),
    "owner": pl.String(),
    "citation": pl.String(),
}
"""One row a version or delete marker, in the order of the page: newest first within a key.

``kind`` is ``object.put`` or ``object.delete``; ``key`` is decoded; ``etag`` has no quotes;
``modified`` is ``LastModified`` as it stands; ``latest_version`` is ``IsLatest``.
"""

MAX_BYTES = 512 << 20
"""Larger pages and exports are refused, as parsing them would take several times their size."""


@dataclass(frozen=True, slots=True)
class Note:
    """A warning about a place in one item."""

    citation: str
    message: str
    severity: str = "warning"


@dataclass(frozen=True, slots=True)
class Page:
    """What one page says."""

    versions: pl.DataFrame
    """Rows of :data:`VERSIONS`."""
    ordered: bool
    """Whether versions and delete markers of one key stand in one order (XML), or apart (JSON)."""
    bucket: str | None = None
    prefix: str | None = None
    """Null where the page does not say; empty for the whole bucket."""
    markers: tuple[str, str] | None = None
    """Key and version id that the page starts after, empty at the beginning; null if unsaid."""
    following: tuple[str, str] | None = None
    """Key and version id where the next page starts; null where there is none or it is unsaid."""
    truncated: bool | None = None
    """Null where the page does not say."""
    prefixes: tuple[str, ...] = ()
    """Prefixes below, which the page names instead of listing them (it was given a delimiter)."""
    token: bool = False
    """Whether the AWS CLI says that it stopped early (``NextToken``)."""
    aggregated: bool = False
    """Whether the AWS CLI put several pages into one, and left out which."""
    notes: list[Note] = field(default_factory=list)


class NotAListingError(Exception):
    """The bytes are no version listing; the text says what was expected and found."""
