"""Why a table has another file than before: what its rows and the server's counters allow to say.

| | VACUUM FULL, CLUSTER, SET TABLESPACE | ALTER rewrite | TRUNCATE, then loaded |
|---|---|---|---|
| xmin of rows that were there | kept | new | new |
| column with the xmin of the rows | none | the altered one, mostly | none, mostly |
| rows counted as inserted | none | none | as many as were loaded |
| number of rows | the same | the same | any, without a delete counted |

Rows that were rolled back count as inserted, and all rows deleted, then VACUUM FULL, looks like
TRUNCATE but for the deletes. So only two things are certain beside kept rows: a column altered by
the rows' own transaction while none was inserted, and fewer rows while none was deleted. Held
against servers of all versions in the tests.
"""

from __future__ import annotations

from collections.abc import Mapping

from collectors.postgres.history.sightings import FIRST_XID, Sighting

_UNKNOWN = "table.replaced", "storage replaced, by TRUNCATE or a rewrite"


def cause(before: Sighting, after: Sighting) -> tuple[str, str]:
    """Kind of the act that gave a table its new file, and what says so."""
    old, new = before.writers, after.writers
    if old is None or new is None:
        return _UNKNOWN[0], f"{_UNKNOWN[1]}; its rows were not captured both times"
    had = {xid for xid in old if xid >= FIRST_XID}
    if had & new.keys():
        moved = (before.file or "").split("/")[0] != (after.file or "").split("/")[0]
        done = "SET TABLESPACE" if moved else "VACUUM FULL or CLUSTER"
        return "table.rewrite", f"{done}; rows keep the xmin that they had"
    if not had:
        return _UNKNOWN[0], f"{_UNKNOWN[1]}; it had no rows to tell by"
    return _counted(before, after, old.total(), new)


def _counted(
    before: Sighting, after: Sighting, rows: int, new: Mapping[int, int]
) -> tuple[str, str]:
    """By the counters, where no row keeps its xmin."""
    counted, left = _difference(before, after), sum(new.values())
    if counted is None:
        return _UNKNOWN[0], f"{_UNKNOWN[1]}; the counters do not span the time"
    inserted, updated, deleted = counted
    said = f"inserted={inserted} updated={updated} deleted={deleted} since"
    altered = sorted(
        column.name for at, column in after.columns.items() if at > 0 and column.xmin in new
    )
    if altered and not inserted and not updated and left == rows:
        names = ", ".join(altered)
        return "table.rewrite", f"ALTER TABLE; the rows' own transaction altered {names}; {said}"
    if not deleted and left < rows:
        return "table.truncate", f"rows={rows} before and {left} after; {said}"
    return _UNKNOWN[0], f"{_UNKNOWN[1]}; no row keeps its xmin; {said}"


def _difference(before: Sighting, after: Sighting) -> tuple[int, int, int] | None:
    """Rows inserted, updated and deleted in between; None where the counters cannot tell."""
    old, new = before.counted, after.counted
    if old is None or new is None or old.since != new.since or not old.since[0]:
        return None
    found = (
        new.inserted - old.inserted,
        new.updated - old.updated,
        new.deleted - old.deleted,
    )
    return None if min(found) < 0 else found
