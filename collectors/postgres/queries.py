"""The fixed list of queries that a capture runs: one file of JSON lines for each.

They run in one read-only, repeatable-read transaction, so all files show one state of the
database, and the server itself writes every line: ``row_to_json``, one object a line.
Identifiers and literals enter through ``psycopg.sql`` alone.
What each file holds, with the lines as PostgreSQL 15 makes them, wrapped here::

    {"capture":"rows","system_identifier":"7604…","database":"mlops","user":"examiner",
     "version":150020,"in_recovery":false,"snapshot":"779:779:",
     "started":"2026-04-02T09:00:00.1+00:00","read":"2026-04-02T09:00:00.2+00:00",
     "schema":"ml","table":"lineage","types":{"model":"text","version":"text",…}}
    {"tableoid":16391,"ctid":"(0,1)","xmin":768,"cmin":3,"committed":"2026-03-08T19:12:…",
     "row":{"model":"credit-risk","version":"2.3.1",…}}
    {"end":"rows","rows":1}

The first line makes a file speak for itself wherever it is found; the last one shows that nothing
was cut off. ``started`` is the transaction's begin and ``read`` a later reading of the same clock:
the state that the file shows lies between them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from psycopg.sql import Composed

SETTINGS = {
    "client_encoding": "UTF8",
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "search_path": "pg_catalog",
    # A policy that hides rows must be an error: a capture is whole, or says that it is not.
    "row_security": "off",
    "default_transaction_read_only": "on",
    "statement_timeout": "15min",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "0",
    "application_name": "recon",
}
"""Of the session, whatever the role or the database sets; all of them may be set by any role."""

BEGIN = "begin isolation level repeatable read read only"

CLOCK = "select clock_timestamp()"

# A value of type json keeps its own line breaks, which may stand only between its tokens.
_LINE = "select translate(row_to_json(line)::text, E'\\n\\r', '  ') from ({query}) line"

_HEADER = """
select {capture} as capture,
       (select system_identifier::text from pg_control_system()) as system_identifier,
       current_database() as database, current_user as "user",
       current_setting('server_version_num')::int as version,
       pg_is_in_recovery() as in_recovery, pg_current_snapshot()::text as snapshot,
       now() as started, clock_timestamp() as read{table}"""

_OF_TABLE = """,
       {schema} as schema, {table} as "table",
       (select json_object_agg(a.attname, format_type(a.atttypid, a.atttypmod) order by a.attnum)
        from pg_attribute a join pg_class c on c.oid = a.attrelid
        join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = {schema} and c.relname = {table}
          and a.attnum > 0 and not a.attisdropped) as types"""

# The alias is one that hardly a column has: a column of that name would be read in its place.
_ROWS = """
select "the whole row".tableoid::bigint as tableoid, "the whole row".ctid::text as ctid,
       "the whole row".xmin::text::bigint as xmin, "the whole row".cmin::text::bigint as cmin,
       case when current_setting('track_commit_timestamp') = 'on'
            then pg_xact_commit_timestamp("the whole row".xmin) end as committed,
       row_to_json("the whole row") as "row"
from {relation} as "the whole row" """

_COUNT = "select 'rows' as end, count(*) as rows from {relation}"
_END = "select {capture} as end, null::bigint as rows"

_CLAIMED = """
select c.oid, c.reltoastrelid, n.nspname, c.relname from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where (n.nspname, c.relname) in ({tables})"""

_RELATIONS = """
select 'relation' as what, t.nspname as schema, t.relname as "table",
       case when c.oid = t.oid then 'table' when c.oid = t.reltoastrelid then 'toast'
            else 'index' end as role,
       c.oid::bigint as oid, n.nspname as own_schema, c.relname as name,
       c.relkind::text as relkind, c.relfilenode::bigint as relfilenode,
       pg_relation_filepath(c.oid) as file, c.xmin::text::bigint as xmin,
       pg_get_userbyid(c.relowner) as owner, c.reltuples::text as reltuples,
       (select d.oid::bigint from pg_database d
        where d.datname = current_database()) as database_oid
from ({claimed}) t
join pg_class c on c.oid = t.oid or c.oid = t.reltoastrelid
  or c.oid in (select indexrelid from pg_index where indrelid in (t.oid, t.reltoastrelid))
join pg_namespace n on n.oid = c.relnamespace
order by t.nspname, t.relname, c.oid"""

_ATTRIBUTES = """
select 'attribute' as what, t.nspname as schema, t.relname as "table", t.oid::bigint as oid,
       a.attnum, a.attname as name, format_type(a.atttypid, a.atttypmod) as type,
       a.attisdropped as dropped, a.xmin::text::bigint as xmin,
       case when current_setting('track_commit_timestamp') = 'on'
            then pg_xact_commit_timestamp(a.xmin) end as committed,
       a.atttypid::bigint as type_oid, b.oid::bigint as base_oid, a.attlen as length,
       a.attalign::text as align, a.attmissingval::text as missing,
       (select json_object_agg(e.oid::bigint, e.enumlabel) from pg_enum e
        where e.enumtypid = b.oid) as labels
from ({claimed}) t join pg_attribute a on a.attrelid = t.oid
left join lateral (
  with recursive below(oid, base) as (
    select y.oid, y.typbasetype from pg_type y where y.oid = a.atttypid
    union all select y.oid, y.typbasetype from below join pg_type y on y.oid = below.base)
  select below.oid from below where below.base = 0) b on true
order by t.nspname, t.relname, a.attnum"""

_CONSTRAINTS = """
select 'constraint' as what, t.nspname as schema, t.relname as "table", c.oid::bigint as oid,
       c.conname as name, c.contype::text as type, c.xmin::text::bigint as xmin
from ({claimed}) t join pg_constraint c on c.conrelid = t.oid
order by t.nspname, t.relname, c.conname"""

# Which tables were asked for: one of them that has no line of its own was not there.
_ASKED = """
select 'asked' as what, v.* from (values {tables}) v (schema, "table")
order by v.schema, v."table\""""

# Tables that a subscription fills: their rows are written by its apply worker.
_SUBSCRIPTIONS = """
select 'subscription' as what, t.nspname as schema, t.relname as "table", t.oid::bigint as oid,
       s.subname as name, s.subenabled as enabled, r.srsubstate::text as state
from ({claimed}) t join pg_subscription_rel r on r.srrelid = t.oid
join pg_subscription s on s.oid = r.srsubid
order by t.nspname, t.relname, s.subname"""

_SERVER = """
select 'server' as what, version() as version, pg_postmaster_start_time() as started,
       pg_conf_load_time() as configured,
       case when not pg_is_in_recovery()
            then pg_walfile_name(pg_current_wal_insert_lsn()) end as wal_file,
       case when current_setting('track_commit_timestamp') = 'on' and not pg_is_in_recovery()
            then (select row_to_json(l) from pg_last_committed_xact() l) end as last_committed"""
_SYSTEM = "select 'control-system' as what, s.* from pg_control_system() s"
_CHECKPOINT = "select 'control-checkpoint' as what, c.* from pg_control_checkpoint() c"
_SHOWN = """
select 'setting' as what, name, setting, source from pg_settings
where name in ('archive_mode', 'server_version', 'track_commit_timestamp', 'wal_level',
               'wal_segment_size', 'data_checksums', 'log_timezone', 'vacuum_freeze_min_age')
   or name like 'recovery\\_target%'
order by name"""

_TABLES = """
select 'table' as what, s.schemaname as schema, s.relname as "table", s.*
from pg_stat_user_tables s where (s.schemaname, s.relname) in ({tables})
order by s.schemaname, s.relname"""
_DATABASE = """
select 'database' as what, s.* from pg_stat_database s where s.datname = current_database()"""
_ARCHIVER = "select 'archiver' as what, s.* from pg_stat_archiver s"


@dataclass(frozen=True, slots=True)
class File:
    """One file of a capture: its name, and the queries whose lines it holds, in order."""

    name: str
    """``rows.ml.lineage.jsonl``; characters other than letters, digits, ``_-.`` percent-coded."""
    capture: str
    """``rows``, ``catalogue``, ``statistics`` or ``control``."""
    queries: tuple[str, ...]
    tables: tuple[tuple[str, str], ...] = field(default=())
    """The claimed tables it is about, as (schema, table)."""

    def statements(self) -> Iterator[Composed]:
        """The queries, composed: each gives one text column, one line a row."""
        from psycopg.sql import SQL, Identifier, Literal

        tables = SQL(", ").join(
            SQL("({}, {})").format(Literal(schema), Literal(table)) for schema, table in self.tables
        )
        schema, table = self.tables[0] if self.capture == "rows" else ("", "")
        shown = SQL(_OF_TABLE).format(schema=Literal(schema), table=Literal(table))
        values = {
            "capture": Literal(self.capture),
            "table": shown if self.capture == "rows" else SQL(""),
            "relation": Identifier(schema, table),
            "tables": tables,
        }
        for query in self.queries:
            # Two steps, for a query that holds another one.
            inner = SQL(query.replace("{claimed}", _CLAIMED)).format(**values)
            yield SQL(_LINE).format(query=inner)


def files(tables: list[str]) -> list[File]:
    """The files of a capture of these tables ("schema.table"), in the order they are made."""
    names = tuple(
        (schema, table) for schema, _, table in (t.partition(".") for t in dict.fromkeys(tables))
    )
    rows = [
        File(f"rows.{_safe(s)}.{_safe(t)}.jsonl", "rows", (_HEADER, _ROWS, _COUNT), ((s, t),))
        for s, t in names
    ]
    of_tables = [
        File(
            "catalogue.jsonl",
            "catalogue",
            (_HEADER, _ASKED, _RELATIONS, _ATTRIBUTES, _CONSTRAINTS, _SUBSCRIPTIONS, _END),
            names,
        ),
        File(
            "statistics.jsonl",
            "statistics",
            (_HEADER, _TABLES, _DATABASE, _ARCHIVER, _END),
            names,
        ),
    ]
    control = File(
        "control.jsonl", "control", (_HEADER, _SERVER, _SYSTEM, _CHECKPOINT, _SHOWN, _END)
    )
    return [*rows, *(of_tables if names else []), control]


def _safe(name: str) -> str:
    return quote(name, safe="").replace(".", "%2E").replace("~", "%7E")
