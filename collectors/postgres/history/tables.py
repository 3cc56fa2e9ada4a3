"""What happened to tables between two views of a database: ``table.*`` without a log.

Each act lies somewhere between the two views, so its interval is as wide as their distance; where
the server kept the commit time of the transaction that created the table, it is that instant. It
has no stream. Its value ends with what it rests on, and it names the item of the earlier view:
``item:SHA-256``.

- **recreate**: a name has another OID than before, in the same database.
- **rename**: an OID has another name than before.
- **create**, **drop**: a complete catalogue lacks the table that another one has.
- **rewrite**, **truncate**, **replaced**: another file under one OID, see
  :mod:`~collectors.postgres.history.storage`. ``table.replaced`` says that it cannot be told what
  it was, and no rule takes it for more.

A database that was moved whole gives ``database.moved`` or ``database.upgraded`` and nothing of
its tables. A dump that lacks a table says nothing: it may have been left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from collectors.postgres.captures import table_subject
from collectors.postgres.history.identity import Identity, identity
from collectors.postgres.history.sightings import FIRST_OID, FIRST_XID, Sighting, Table, View
from collectors.postgres.history.storage import cause

OIDS_AHEAD = 8192
_NEAR = 64

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two views, the earlier one first, and the table that is looked at in both."""

    first: View
    second: View
    table: Table
    source: str

    @property
    def identity(self) -> Identity:
        return identity(self.first, self.second, self.table)


def table_acts(views: Sequence[View], tables: Sequence[Table], source: str) -> list[Row]:
    """Events (see :data:`recon.schema.DRAFT`) of the tables, from views in order of time."""
    found: list[Row] = []
    for database in dict.fromkeys(view.database for view in views):
        of_database = [view for view in views if view.database == database]
        for table in dict.fromkeys(tables):
            seen = list(_seen(of_database, table))
            for (first, old), (second, new) in pairwise(seen):
                found += _between(_Pair(first, second, table, source), old, new)
            files = [(view, one) for view, one in seen if one is not None and one.file]
            for (first, old), (second, new) in pairwise(files):
                found += _stored(_Pair(first, second, table, source), old, new)
            found += _born(seen, table, source)
    return found


def _seen(views: Sequence[View], table: Table) -> Iterator[tuple[View, Sighting | None]]:
    """The views that tell of a table, None where it was not there."""
    for view in views:
        if table in view.tables:
            yield view, view.tables[table]
        elif view.catalogue is not None and table in view.asked:
            yield view, None


def _between(pair: _Pair, old: Sighting | None, new: Sighting | None) -> Iterator[Row]:
    if old is None and new is None:
        return
    if old and new and _unordered(pair) and old.oid > new.oid:
        # Either view may be the earlier one; OIDs are given out in ascending order.
        pair, old, new = replace(pair, first=pair.second, second=pair.first), new, old
    same = pair.identity
    if same in {"moved", "upgraded"}:
        yield _moved(pair, same)
    elif old is None and new is not None:
        was = _named(pair.first, new.oid)
        if was:
            yield _act("table.rename", f"oid={new.oid} was {was}", pair, new)
        else:
            value = f"oid={new.oid}; the catalogue had no table of that name"
            yield _act("table.create", value, pair, new)
    elif old is not None and new is None:
        now = _named(pair.second, old.oid)
        value = f"oid={old.oid} is {now} now" if now else f"oid={old.oid}; dropped or renamed"
        second = pair.second
        cited = Sighting(old.oid, second.catalogue or second.item, second.asked[pair.table])
        yield _act("table.rename" if now else "table.drop", value, pair, cited)
    elif old is not None and new is not None and old.oid != new.oid:
        yield _other_oid(pair, old, new, same)


def _other_oid(pair: _Pair, old: Sighting, new: Sighting, same: Identity) -> Row:
    """One name, two OIDs: another table took the place of the one that had the name."""
    value = f"oid {old.oid} to {new.oid}{_jump(pair.first, new.oid)}"
    now, was = _named(pair.second, old.oid), _named(pair.first, new.oid)
    value += f"; the old one is {now} now" if now else ""
    if same == "unknown":
        value += "; recreated, or the whole database was moved: no other object tells"
        return _act("table.replaced", value, pair, new)
    if was:
        return _act("table.rename", f"{value}; the new one was {was}", pair, new)
    return _act("table.recreate", value, pair, new)


def _unordered(pair: _Pair) -> bool:
    """Whether the order of two views is not certain. Two dumps are ordered as they say."""
    media = {pair.first.medium, pair.second.medium}
    return pair.first.latest >= pair.second.earliest and media != {"dump"}


def _jump(before: View, oid: int) -> str:
    """What an OID says that begins a stretch of the counter, far above all OIDs of before.

    The server writes ahead to its log that 8192 OIDs may be in use, and goes on behind them when
    it recovers (``varsup.c``, GetNewObjectId).
    """
    begin = oid - (oid - FIRST_OID) % OIDS_AHEAD
    highest = max(before.objects.values(), default=oid)
    if highest >= begin or oid - begin > _NEAR or begin - highest < _NEAR:
        return ""
    return f"; OIDs go on at {begin}, as after a crash, an immediate stop or a restore"


def _named(view: View, oid: int) -> str | None:
    """The table that has an OID in a view."""
    for (schema, name), one in view.tables.items():
        if one.oid == oid:
            return f"{schema}.{name}"
    return None


def _stored(pair: _Pair, old: Sighting, new: Sighting) -> Iterator[Row]:
    if old.oid == new.oid and old.file != new.file and pair.identity == "same":
        kind, why = cause(old, new)
        yield _act(kind, f"file {old.file} to {new.file}; {why}", pair, new)


def _born(seen: Sequence[tuple[View, Sighting | None]], table: Table, source: str) -> Iterator[Row]:
    """The creation of the table that is seen first, where the server kept its time."""
    present = [(view, one) for view, one in seen if one is not None]
    if not present or seen[0][1] is None:
        return
    eldest, oldest = present[0]
    for view, one in present:
        creator, writers = one.creator, [xid for xid in one.writers or () if xid >= FIRST_XID]
        if one.oid != oldest.oid or one.born is None or creator is None or not writers:
            continue
        # The catalogue of a cluster that pg_upgrade made is younger than the tables in it.
        if min(writers) >= creator and (view is eldest or eldest.latest >= one.born):
            pair = _Pair(view, view, table, source)
            yield _act("table.create", f"oid={one.oid}", pair, one)
        return


def _moved(pair: _Pair, same: Identity) -> Row:
    first, second = pair.first, pair.second
    words = {
        "upgraded": "OIDs of tables and xmin of rows are kept, as by pg_upgrade",
        "moved": "its objects have other OIDs: loaded from a dump or replicated into another "
        "database, or all of it made anew",
    }
    return {
        "kind": f"database.{same}",
        "subject": f"pg:{pair.source}/{second.database}",
        "value": f"system identifier {first.system_id or '?'} to {second.system_id or '?'}; "
        f"{words[same]}",
        "clock": second.clock,
        "basis": "stamped",
        "earliest": max(min(first.earliest, second.earliest), _made(second, first)),
        "latest": max(first.latest, second.latest),
        "names": [f"item:{first.item}"],
        "item": second.item,
        "citation": "",
    }


def _made(later: View, earlier: View) -> datetime:
    """When the later cluster was made, by its identifier; the earlier view where that is no help.

    The upper half of a system identifier is the second of initdb (``xlog.c``, BootStrapXLOG).
    """
    if later.system_id is None or later.system_id == earlier.system_id:
        return earlier.earliest
    made = datetime.fromtimestamp(later.system_id >> 32, UTC)
    return made if made <= later.latest else earlier.earliest


def _act(kind: str, value: str, pair: _Pair, cited: Sighting) -> Row:
    first, second = pair.first, pair.second
    subject = table_subject(pair.source, second.database, *pair.table)
    is_new = kind in {"table.create", "table.recreate"}
    names = [subject]
    if is_new and cited.creator is not None and second.system_id is not None:
        names.append(f"xid:{second.system_id}/{cited.creator}")
    basis = "its system columns"
    if first is not second:
        names.append(f"item:{first.item}")
        basis = f"{first.medium} and {second.medium} of two times"
    earliest = min(first.earliest, second.earliest)
    latest = max(first.latest, second.latest)
    clock, born = second.clock, cited.born if is_new else None
    if born is not None and born <= latest and (first is second or born >= earliest):
        earliest, latest, clock = born, born, f"pg:{pair.source}/commit"
    return {
        "kind": kind,
        "subject": subject,
        "value": f"{value}; basis: {basis}",
        "clock": clock,
        "basis": "stamped",
        "earliest": earliest,
        "latest": latest,
        "names": names,
        "item": cited.item,
        "citation": cited.citation,
    }


def numbered(rows: Sequence[Row]) -> list[Row]:
    """Each event once, with a part of its own at its place; the medium's own event is part 0."""
    parts: dict[tuple[str, str], int] = {}
    out: list[Row] = []
    for row in rows:
        if row in out:
            continue
        out.append(row)
    for row in out:
        place = row["item"], row["citation"]
        parts[place] = row["part"] = parts.get(place, 0) + 1
    return out
