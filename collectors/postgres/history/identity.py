"""Whether two views show one database, or one that was moved: restored from a dump, or upgraded.

- The system identifier is the cluster's, the OID of ``pg_database`` the database's: where both are
  known of both views they decide. A dump tells the second alone.
- Else the objects that both show. OIDs are given out in ascending order by one counter of the
  cluster, so in one database some object keeps its OID, and one that was made anew has an OID
  above all that were there. In a database that was loaded from a dump all objects are new.
- ``pg_upgrade`` makes a new cluster, with another identifier, and keeps the OIDs of tables and the
  rows with their xmin. (PostgreSQL documentation, pg_upgrade; ``pg_upgrade.c``.)
"""

from __future__ import annotations

from typing import Literal

from collectors.postgres.history.sightings import FIRST_OID, FIRST_XID, Table, View

Identity = Literal["same", "upgraded", "moved", "unknown"]
"""``unknown``: what both show does not tell."""


def identity(before: View, after: View, table: Table) -> Identity:
    """What became of the database between two views, as far as it bears on one table."""
    systems, bases = _both(before, after)
    if systems is False:
        return "upgraded" if _is_upgrade(before, after) else "moved"
    if bases is False:
        # Of two clusters the OIDs of two databases are no more alike than those of any objects;
        # pg_upgrade keeps them only from 15 on.
        return "moved" if systems else _by_objects(before, after, table)
    if systems and bases:
        return "same"
    return _by_objects(before, after, table)


def _both(before: View, after: View) -> tuple[bool | None, bool | None]:
    """Whether clusters and databases are equal; None where one view does not tell."""
    systems = {before.system_id, after.system_id}
    bases = {before.database_oid, after.database_oid}
    return (
        None if None in systems else len(systems) == 1,
        None if None in bases else len(bases) == 1,
    )


def _is_upgrade(before: View, after: View) -> bool:
    common = before.tables.keys() & after.tables.keys()
    if not common or any(before.tables[one].oid != after.tables[one].oid for one in common):
        return False
    return any(kept_rows(before, after, one) for one in common)


def kept_rows(before: View, after: View, table: Table) -> bool:
    """Whether rows of the later view have an xmin that rows of the earlier one had."""
    old, new = before.tables[table].writers, after.tables[table].writers
    return any(xid >= FIRST_XID for xid in (old or {}) if xid in (new or {}))


def _by_objects(before: View, after: View, table: Table) -> Identity:
    schema, name = table
    common = before.objects.keys() & after.objects.keys()
    # What belongs to the table goes and comes with it.
    others = {
        key for key in common if not (key[1] == schema and key[2].split(" ")[0].startswith(name))
    }
    if before.database_oid and before.database_oid == after.database_oid:
        # The first databases of every cluster have the same OIDs.
        others |= {("", "", "")} if before.database_oid >= FIRST_OID else set()
    kept = {key for key in others if before.objects.get(key) == after.objects.get(key)}
    changed = (common - kept) | ({("1259", *table)} & common)
    changed = {key for key in changed if before.objects[key] != after.objects[key]}
    old = set(before.objects.values())
    highest = max(old, default=0)
    found = {after.objects[key] for key in changed}
    if kept and all(oid > highest for oid in found):
        return "same"
    # A table that was renamed has an OID of before, as one of another cluster may by chance.
    if len(kept) > len(changed) and all(oid > highest or oid in old for oid in found):
        return "same"
    if len(others) > 1 and not kept:
        return "moved"
    return "unknown"
