"""The seam between the core and the collectors: what a collector is, is given, and gives back.

A collector is a value, not a class to inherit from::

    collector = Collector("deploylog", acquire=acquire, parse=parse, quote=quote,
                          options=DeployLogOptions, claim=None)

and one line under ``[project.entry-points."recon.collectors"]``.

- ``acquire`` is impure and interprets nothing: it talks to the source and stores items.
- ``parse`` is pure: items in, events out, no network, no clock, no file but the items.
- ``quote`` leads from a citation back to the words of the source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NewType, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    import polars as pl
    from pydantic import BaseModel

    from recon.errors import ReconError
    from recon.rehydrate import Rehydrated, Rehydration
    from recon.rules.base import Timeline

Sha256 = NewType("Sha256", str)
"""Lower-case hexadecimal SHA-256 of an item's bytes; also its name."""


@dataclass(frozen=True, slots=True)
class Source:
    """One ``[[source]]`` of ``case.toml``, validated."""

    id: str
    """Its name in the case: short, unique."""
    collector: str
    """Which collector reads it."""
    domain: str
    """The administrative domain that could write or delete its records."""
    options: Any
    """The collector's own options, an instance of :attr:`Collector.options`."""
    claims: Sequence[Any]
    """What its records assert about which subject: instances of :attr:`Collector.claim`."""
    base: Path
    """Folder that relative paths of the options start from; for ``acquire`` alone."""


@dataclass(frozen=True, slots=True)
class Item:
    """Evidence as acquired: bytes named by their SHA-256, and what the custody log says of them."""

    sha256: Sha256
    source: str
    kind: str
    """The collector's word for the format: ``s3.listing``, ``pg.wal``, ``git.bundle``."""
    native: str
    """Where the source keeps it: a path, a URL with version, a query."""
    size: int
    """Bytes."""
    acquired: str
    """UTC instant by the examiner's clock when its bytes were complete, RFC 3339 with µs."""
    acquisition: int
    """Which acquisition of this source it belongs to, from 1."""
    meta: Mapping[str, Any] = field(default_factory=dict)
    """What the call returned beside the bytes (request ids, server date, column types …)."""


class Items(Protocol):
    """The items of one source, and their bytes. All that ``parse`` and ``quote`` may read."""

    def __iter__(self) -> Iterator[Item]:
        """All items, sorted by kind, native locator and hash: never by time of arrival.

        The same bytes acquired twice under one kind and native locator come once,
        as they were first acquired.
        """

    def of(self, *kinds: str) -> list[Item]:
        """Those of the given kinds, in the same order."""

    def path(self, item: Item) -> Path:
        """The item's bytes as a read-only file."""

    def read(self, item: Item) -> bytes:
        """The item's bytes, whole: for small ones."""


class Acquisition(Protocol):
    """What ``acquire`` is given: a way to store, to say what was called, and to fail in part.

    Its methods may be called by several threads at a time.
    """

    source: Source

    def has(self, native: str) -> bool:
        """Whether this acquisition stored ``native`` before it was interrupted: skip it then."""

    def item(self, native: str) -> Item | None:
        """The item stored under ``native`` in this acquisition, to resume from its ``meta``."""

    def read(self, item: Item) -> bytes:
        """Bytes of an item stored before, to page on from it."""

    def path(self, item: Item) -> Path:
        """The same as a read-only file, for a large one."""

    def store(
        self,
        native: str,
        kind: str,
        data: bytes | BinaryIO | Iterable[bytes],
        *,
        meta: Mapping[str, Any] | None = None,
    ) -> Item:
        """Store bytes as an item: hashed while copied, fsynced, then entered in the custody log.

        ``meta`` must be JSON (RFC 8785: integers within ±2⁵³, no NaN).
        """

    def store_file(
        self, native: str, kind: str, path: Path, *, meta: Mapping[str, Any] | None = None
    ) -> Item:
        """Copy a file in as an item. Its size and mtime are added to ``meta``."""

    def call(self, command: str) -> AbstractContextManager[dict[str, Any]]:
        """Enter a call to the source in the custody log: exact, with start, finish and result.

        The block may add to the yielded dictionary what the call returned (request ids, date).
        An exception is entered as the result and raised again.
        Never put a password or a token into ``command``.
        """

    def failed(self, native: str, error: ReconError) -> None:
        """Record that one export or part could not be had; the rest goes on."""

    def progress(self, what: str, done: int, total: int | None = None) -> None:
        """Tell whoever watches how far it is."""


@dataclass(frozen=True, slots=True)
class Warn:
    """Something in an item that could not be read, or had to be read with less precision.

    Or, as a note, what is as it should be and yet sets a bound to what the item proves.
    """

    item: Sha256
    citation: str
    """Where in the item; empty for the whole of it."""
    message: str
    """Expected, found, consequence. Evidence text in it is escaped when shown, not here."""
    severity: str = "warning"
    """``note``: nothing is amiss. ``warning``: read with a caveat. ``error``: this item, or a part,
    could not be read."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What ``parse`` gives back."""

    events: pl.LazyFrame
    """Rows of :data:`recon.schema.DRAFT`; source, domain and row are added by the timeline."""
    coverage: pl.DataFrame | None = None
    """Rows of :data:`recon.schema.DRAFT_COVERAGE`; only what the source proves."""
    warnings: Sequence[Warn] = ()
    methods: Mapping[str, str] = field(default_factory=dict)
    """Which reader read what, for the exhibit: ``{"wal": "pg_waldump 15.18"}``.

    The events must be the same whichever it was.
    """


@dataclass(frozen=True, slots=True)
class Quote:
    """The words of the source at one citation."""

    text: str
    """Verbatim where the bytes are text; a faithful rendering (named in ``how``) where not.

    Hostile: whoever shows it escapes it.
    """
    how: str
    """The stock command that shows the same, with ``ITEM`` for the item's file.

    It is given to people to paste: any evidence text in it must be quoted by ``shlex.quote``.
    """
    verbatim: bool = True
    """False where ``text`` is a rendering of binary bytes."""


STATEMENTS = (
    *("*", "!examiner", "!git.commit", "!git.author", "!git.tag", "!git.ref", "!git.reflog"),
    "!git.fetch",
    *("!wal.*", "!row.*", "!table.*", "!database.*", "!timeline.*"),
    *("!object.*", "!bucket.*", "!backup.*"),
)
""":attr:`Collector.kinds` of what reads any log or table: what no medium recorded by itself."""


@dataclass(frozen=True, slots=True)
class Collector:
    """One kind of source."""

    name: str
    """As in ``collector = "…"`` of ``case.toml``."""
    acquire: Callable[[Acquisition], None]
    """Talk to ``acquisition.source`` and store items. Raises ReconError where all of it fails."""
    parse: Callable[[Source, Items], Parsed]
    """Items to events. Never raises for what an item holds: it warns."""
    quote: Callable[[Source, Items, Item, str], Quote]
    """The source's words at a citation of an item. Raises BadInputError if it is not there."""
    options: type[BaseModel]
    """Pydantic model of the keys that this collector takes in ``[[source]]``; extra forbidden.

    Field descriptions become the comments that ``recon init`` writes.
    """
    claim: type[BaseModel] | None = None
    """Pydantic model of ``[[source.claim]]``, where the collector takes claims."""
    example: str = ""
    """A ``[[source]]`` stanza as TOML, for ``recon init``."""
    each_run: bool = False
    """Acquired anew by every run that acquires something, as it begins and as it ends."""
    kinds: Sequence[str] = ("*",)
    """Globs of the kinds of events that it can give, less those of globs behind a ``!``.

    A check is vacuous where no collector of a case can give what it needs.
    """
    rehydrate: Callable[[Acquisition, Items, Rehydration], Rehydrated] | None = None
    """Rebuild the source as it stood, from items alone, and store what it says as items.

    Only where the source can be rebuilt from its own backups. Raises ReconError where not.
    """
    held: Callable[[Timeline, Source, datetime], pl.LazyFrame] | None = None
    """What the source held at an instant, by its events: a row a thing with ``key``, ``state``,
    ``version``, ``earliest``, ``latest``, ``certainty`` and ``because``, in no order.

    Only where it keeps things under keys. The instant is aware UTC.
    """
    kept: Callable[[Timeline, Source], pl.LazyFrame] | None = None
    """What keeps each thing that it holds, and until when: a row a version with its ``key``."""
    settings: Callable[[Timeline, Source], pl.LazyFrame] | None = None
    """What the source was set to over time: a row a state of a ``setting``."""
