"""What a live capture did to the server, as far as the server tells; see docs/footprint.md.

The item is one line of JSON::

    {"database": "lineage", "session": {"in_recovery": false, "read_only": "on", …},
     "before": {"at": "2026-04-02T09:00:00.1+00:00", "wal": "0/3000148", "xact_commit": 41, …},
     "after": {"at": "2026-04-02T09:00:01.3+00:00", "wal": "0/3000148", …}}

Counters are of the whole database, so they also count what others did meanwhile; ``own_wal`` (18
and later) is of the capture's own session. Before is read ahead of the capture's transaction and
after when it is over, as a session's counts are only published between transactions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from recon.collector import Item, Warn
from recon.errors import BadInputError
from recon.instants import interval

if TYPE_CHECKING:
    import psycopg

KIND = "pg.footprint"
_COUNTERS = ("xact_commit", "blks_read", "blks_hit", "temp_files", "temp_bytes")
_READING = """
select row_to_json(r)::text from (
  select clock_timestamp() as at,
         (case when pg_is_in_recovery() then pg_last_wal_replay_lsn()
               else pg_current_wal_insert_lsn() end)::text as wal,
         {own} as own_wal, d.xact_commit, d.blks_read, d.blks_hit, d.temp_files, d.temp_bytes
  from pg_stat_database d where d.datname = current_database()) r"""
_OWN_WAL = "(select wal_records from pg_stat_get_backend_wal(pg_backend_pid()))"
_HAS_FLUSH, _HAS_OWN_WAL = 150000, 180000
_SESSION = """
select row_to_json(r)::text from (
  select pg_is_in_recovery() as in_recovery, now() as snapshot_since,
         current_setting('transaction_read_only') as read_only,
         current_setting('transaction_isolation') as isolation,
         current_setting('default_transaction_read_only') as default_read_only,
         current_setting('lock_timeout') as lock_timeout,
         current_setting('statement_timeout') as statement_timeout,
         current_setting('application_name') as application_name,
         current_setting('hot_standby_feedback') as hot_standby_feedback,
         pg_my_temp_schema() <> 0 as temporary_objects,
         current_user as "user", current_setting('is_superuser') as superuser,
         (select coalesce(json_agg(n.nspname || '.' || c.relname order by 1), '[]')
          from pg_class c join pg_namespace n on n.oid = c.relnamespace
          where n.nspname || '.' || c.relname = any(%s)
            and has_table_privilege(c.oid, 'insert, update, delete, truncate')) as may_write) r"""


def reading(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """The server's counters, outside any transaction."""
    version = connection.info.server_version
    if version >= _HAS_FLUSH:
        # Else a session publishes its counts once a second at most.
        connection.execute("select pg_stat_force_next_flush()")
    own = _OWN_WAL if version >= _HAS_OWN_WAL else "null::bigint"
    return _one(connection.execute(_READING.format(own=own)))


def session(connection: psycopg.Connection[Any], tables: Sequence[str]) -> dict[str, Any]:
    """How the capture's transaction is set, and what its role could do to the tables."""
    return _one(connection.execute(_SESSION, (list(tables),)))


def line(
    database: str, of_session: dict[str, Any], before: dict[str, Any], after: dict[str, Any]
) -> bytes:
    """The item."""
    found = {"database": database, "session": of_session, "before": before, "after": after}
    return json.dumps(found, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def _one(cursor: psycopg.Cursor[Any]) -> dict[str, Any]:
    row = cursor.fetchone()
    found: dict[str, Any] = json.loads(row[0]) if row else {}
    return found


def footprint_events(item: Item, data: bytes, source: str) -> Iterator[dict[str, Any] | Warn]:
    """``footprint``: the capture as the server saw it; a warning where it may have left traces."""
    try:
        found = json.loads(data)
        of_session, before, after = found["session"], found["before"], found["after"]
        first, last = interval(str(before["at"]))[0], interval(str(after["at"]))[1]
        # A clock that was set back in between dates nothing.
        dated = first <= last
        counted = " ".join(f"{name}=+{int(after[name]) - int(before[name])}" for name in _COUNTERS)
        own = after.get("own_wal")
        wrote = "" if own is None else f" own_wal_records={int(own) - int(before['own_wal'])}"
        standby = of_session["in_recovery"] is True
        may_write = [str(name) for name in of_session["may_write"]]
    except (ValueError, KeyError, TypeError, RecursionError, BadInputError) as error:
        message = f"expected what a capture did to its server; found {str(error)[:200]}; not read"
        yield Warn(item.sha256, "line 1", message, "error")
        return
    yield {
        "kind": "footprint",
        "subject": f"pg:{source}/{found.get('database')}",
        "value": f"{'standby' if standby else 'primary'} {_words(of_session)} "
        f"wal={before.get('wal')}..{after.get('wal')}{wrote} {counted}",
        "clock": f"pg:{source}/server",
        "basis": "stamped",
        "earliest": first if dated else None,
        "latest": last if dated else None,
        "actor": str(of_session.get("user")),
        "item": item.sha256,
        "citation": "line 1",
        "part": 0,
    }
    if not standby:
        yield Warn(
            item.sha256,
            "line 1",
            "expected a standby or a copy; found a primary: reading it may have set hint bits and "
            "pruned dead row versions, and held back vacuum while it lasted; no row was changed",
        )
    if of_session.get("superuser") == "on" or may_write:
        could = "a superuser" if of_session.get("superuser") == "on" else ", ".join(may_write[:20])
        yield Warn(
            item.sha256,
            "line 1",
            f"expected a role that can only read; found one that may write ({could}); the session "
            "was read-only by its own setting alone",
        )


def _words(of_session: dict[str, Any]) -> str:
    shown = ("read_only", "isolation", "lock_timeout", "statement_timeout", "temporary_objects")
    return " ".join(f"{name}={str(of_session.get(name)).replace(' ', '-')}" for name in shown)
