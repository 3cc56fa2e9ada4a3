"""A server of a scenario: what is done on it, and what it answers about that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql as quoting

from tests.scenarios.truth import Act, Interval, Row, Transaction, Writes
from tests.servers import Postgres

if TYPE_CHECKING:
    from tests.scenarios.claims import Claim

MADE = ("table.create",)
REMADE = ("table.create", "table.drop", "table.recreate")
EMPTIED = ("table.truncate",)
REWRITTEN = ("table.rewrite",)
DROPPED = ("table.drop",)
"""What the collector calls what befalls a table."""

_COUNTED = """
select schemaname || '.' || relname, n_tup_ins, n_tup_upd, n_tup_del
from pg_stat_xact_user_tables where n_tup_ins + n_tup_upd + n_tup_del > 0
"""
# Of a standby that was promoted the control file knows the timeline only at its next checkpoint.
_WHERE = """
select pg_walfile_name(pg_current_wal_insert_lsn()), pg_current_wal_insert_lsn() - '0/0'
"""


_NEVER = datetime.min.replace(tzinfo=UTC)


def instant(time: str) -> datetime:
    """``2026-03-08 19:12`` in UTC; seconds may follow."""
    return datetime.fromisoformat(time).replace(tzinfo=UTC)


@dataclass(slots=True)
class Cluster:
    """A running server under a chosen clock, and the transactions that it ran."""

    server: Postgres
    claims: Sequence[Claim]
    transactions: list[Transaction]
    """Of all clusters of the scenario, in the order in which they ended."""
    unwatched: list[tuple[str, int]]
    """System identifier and xid of what programs ran by themselves."""
    system: str = ""
    keeps_times: bool = field(default=False)
    """``track_commit_timestamp``."""

    asked: psycopg.Connection[Any] = field(init=False)
    """The one connection that all questions go through."""

    def __post_init__(self) -> None:
        self.asked = self.session()
        (self.system, keeps) = one(
            self.asked,
            "select system_identifier::text, current_setting('track_commit_timestamp')"
            " from pg_control_system()",
        )
        self.keeps_times = keeps == "on"

    def session(self, database: str = "postgres") -> psycopg.Connection[Any]:
        """A connection of the superuser, in autocommit."""
        return psycopg.connect(
            dbname=database,
            host=str(self.server.folder),
            port=self.server.port,
            user="postgres",
            autocommit=True,
            prepare_threshold=None,  # a table that was recreated has other plans
        )

    def close(self) -> None:
        """End the connection that questions go through."""
        self.asked.close()

    def at(self, time: str) -> Cluster:
        """Move the clock; for chains: ``db.at("2026-03-08 19:12").do(…)``."""
        self.server.move(instant(time))
        return self

    def do(self, text: str, **acts: Sequence[str]) -> Transaction:
        """One transaction.

        ``acts`` are what the author knows that it does, by table: ``lineage=REMADE``.
        """
        with self.begun() as open_one:
            open_one.run(text)
        return self.note(open_one, acts)

    def rolled_back(self, text: str) -> Transaction:
        """One transaction, rolled back."""
        with self.session() as session:
            session.execute("begin")
            session.execute(_plain(text))
            (xid,) = one(session, "select pg_current_xact_id()::text::bigint")
            session.execute("rollback")
        return self._ended(xid, None, {}, {})

    def alone(self, text: str, table: str, **acts: Sequence[str]) -> Transaction:
        """A statement that runs in no transaction block and writes its table's ``pg_class``."""
        with self.session() as session:
            before = self.now()
            session.execute(_plain(text))
        after = self.now()
        (xid,) = one(
            self.asked, "select xmin::text::bigint from pg_class where oid = %s::regclass", table
        )
        return self._ended(xid, self._committed(xid, before, after), acts, {})

    def make_database_anew(self, **gone: Sequence[str]) -> None:
        """DROP DATABASE and CREATE DATABASE of the one that all is in; ``gone``: what goes along.

        Both run in no transaction block, and have the number behind the last one.
        """
        self.asked.close()
        self.asked = self.session("template1")
        for text, acts in (
            ("drop database postgres", gone),
            ("create database postgres template template0", {}),
        ):
            (last,) = one(self.asked, "select pg_current_xact_id()::text::bigint")
            before = self.now()
            self.asked.execute(_plain(text))
            after = self.now()
            self._ended(last + 1, self._committed(last + 1, before, after), acts, {})
        self.asked.close()
        self.asked = self.session()

    @contextmanager
    def begun(self) -> Iterator[Open]:
        """A transaction that is open for as long as the block lasts, and then commits."""
        before = self.rows()
        with self.session() as session:
            session.execute("begin")
            open_one = Open(session, before)
            yield open_one
            open_one.end()

    def note(self, done: Open, acts: Mapping[str, Sequence[str]]) -> Transaction:
        """Record a transaction that :meth:`begun` gave and that has committed."""
        committed = self._committed(done.xid, done.before, done.after)
        return self._ended(done.xid, committed, acts, done.writes, done.rows)

    def note_others(self, since: datetime) -> None:
        """Record the transactions of the server's own processes that wrote rows since a time."""
        known = {one.xid for one in self.transactions if one.cluster == self.system}
        span = Interval(since, self.now())
        counts = Counter((table, row.xid) for table, rows in self.rows().items() for row in rows)
        for (table, xid), number in sorted(counts.items()):
            if xid not in known:
                self._ended(xid, span, {}, {table: Writes(number, 0, 0)})

    def restore(self, dump: Path, *options: str) -> None:
        """pg_restore, whose transactions nobody watches one by one."""
        last = "select pg_current_xact_id()::text::bigint"
        (first,) = one(self.asked, last)
        self.server.run("pg_restore", *options, "-d", self.server.dsn, dump)
        (end,) = one(self.asked, last)
        self.unwatched += [(self.system, xid) for xid in range(first + 1, end)]

    def rows(self) -> dict[str, list[Row]]:
        """Every row of the claimed tables that are there, by table."""
        return {
            claim.table: claim.rows(self.asked)
            for claim in self.claims
            if one(self.asked, "select to_regclass(%s) is not null", claim.table)[0]
        }

    def now(self) -> datetime:
        """The server's clock."""
        moment: datetime = one(self.asked, "select clock_timestamp()")[0]
        return moment

    def segment(self) -> str:
        """Name of the WAL segment that it writes to."""
        name: str = one(self.asked, _WHERE)[0]
        return name

    def _committed(self, xid: int, before: datetime, after: datetime) -> Interval:
        if not self.keeps_times:
            return Interval(before, after)
        (kept,) = one(self.asked, "select pg_xact_commit_timestamp(%s::text::xid)", str(xid))
        if not before <= kept <= after:
            raise AssertionError(f"the server's clock: {before} <= {kept} <= {after}")
        return Interval(kept, kept)

    def _ended(
        self,
        xid: int,
        committed: Interval | None,
        acts: Mapping[str, Sequence[str]],
        writes: Mapping[str, Writes],
        before: Mapping[str, Sequence[Row]] | None = None,
    ) -> Transaction:
        segment, lsn = one(self.asked, _WHERE)
        claimed = {claim.table for claim in self.claims}
        now = self.rows() if writes else {}
        then = before or {}
        done = Transaction(
            xid=xid,
            cluster=self.system,
            timeline=int(segment[:8], 16),
            lsn=int(lsn),
            committed=committed,
            acts=[Act(kind, f"ml.{table}") for table, kinds in acts.items() for kind in kinds],
            writes={table: counts for table, counts in writes.items() if table in claimed},
            came={table: [row for row in now[table] if row.xid == xid] for table in now},
            went={
                table: [row for row in then[table] if row not in now.get(table, [])]
                for table in then
                if writes
            },
        )
        self.transactions.append(done)
        return done


@dataclass(slots=True)
class Open:
    """A transaction in the middle; after its end, what the server said of it."""

    session: psycopg.Connection[Any]
    rows: Mapping[str, Sequence[Row]]
    """What the claimed tables held before it."""
    xid: int = 0
    writes: dict[str, Writes] = field(default_factory=dict)
    before: datetime = _NEVER
    after: datetime = _NEVER

    def run(self, text: str) -> None:
        """Statements in it."""
        self.session.execute(_plain(text))

    def copy(self, text: str, lines: str) -> None:
        """A ``COPY … FROM STDIN`` in it."""
        with self.session.cursor().copy(_plain(text)) as into:
            into.write(lines)

    def end(self) -> None:
        """Ask who it is and what it wrote, and commit."""
        self.xid, self.before = one(
            self.session, "select pg_current_xact_id()::text::bigint, clock_timestamp()"
        )
        counted = self.session.execute(_COUNTED).fetchall()
        self.writes = {table: Writes(*map(int, counts)) for table, *counts in counted}
        self.session.execute("commit")
        (self.after,) = one(self.session, "select clock_timestamp()")


def one(session: psycopg.Connection[Any], text: str, *values: object) -> tuple[Any, ...]:
    """The one row of a query."""
    row = session.execute(_plain(text), values or None).fetchone()
    if row is None:
        raise LookupError(text)
    return tuple(row)


def _plain(text: str) -> quoting.SQL:
    # Scenarios are programs: their SQL is their own.
    return quoting.SQL(text)  # type: ignore[arg-type]
