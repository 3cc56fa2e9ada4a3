"""The lineage database: its schema, what the jobs write to it, and the migration of 8 March."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, LiteralString

from tests.corpus.march_8 import story

if TYPE_CHECKING:
    import psycopg

    from tests.servers import Postgres

DATABASE = "lineage"

SCHEMA = """
create role ml_owner;
create role ci login in role ml_owner;
create role dba login superuser;
create role analyst login;
create role examiner login;
grant pg_read_all_data, pg_monitor to examiner;
create schema ml authorization ml_owner;
set role ml_owner;
create table ml.lineage (
    model text not null,
    version text not null,
    artifact_sha256 text not null,
    git_commit text not null,
    registered_at timestamptz not null default now(),
    registered_by text not null,
    constraint lineage_pkey primary key (model, version)
);
create table ml.evaluations (
    id integer generated always as identity constraint evaluations_pkey primary key,
    model text not null,
    version text not null,
    dataset_sha256 text not null,
    auc numeric(4, 3) not null,
    evaluated_at timestamptz not null default now()
);
create table ml.deployments (
    run text constraint deployments_pkey primary key,
    model text not null,
    version text not null,
    finished_at timestamptz not null default now()
);
grant usage on schema ml to analyst;
"""

NEW_TABLE = """
create table ml.lineage_v2 (
    model text not null,
    version text not null,
    artifact_sha256 text not null,
    git_commit text not null,
    registered_at timestamptz not null default now(),
    registered_by text not null,
    framework text not null default 'sklearn',
    constraint lineage_v2_pkey primary key (model, version)
)
"""

INSERT = (
    "insert into ml.lineage_v2"
    " (model, version, artifact_sha256, git_commit, registered_at, registered_by) values "
)

RENAME = """
drop table ml.lineage;
alter table ml.lineage_v2 rename to lineage;
alter table ml.lineage owner to ml_owner;
grant select on ml.lineage to analyst
"""


def connect(server: Postgres, role: str, database: str = DATABASE) -> psycopg.Connection[Any]:
    """A session in autocommit: each statement is its own transaction unless it says BEGIN."""
    import psycopg

    return psycopg.connect(
        host=str(server.folder), port=server.port, user=role, dbname=database, autocommit=True
    )


def run(
    server: Postgres, role: str, statement: LiteralString, values: tuple[object, ...] | None = None
) -> tuple[Any, ...]:
    """One statement in a session of its own; its first row, if it has rows."""
    with connect(server, role) as session:
        cursor = session.execute(statement, values)
        return _one(cursor) if cursor.description else ()


def create(server: Postgres) -> None:
    """The database and its tables, as they were on the first day."""
    with connect(server, "postgres", "postgres") as session:
        session.execute(f"create database {DATABASE}")
    run(server, "postgres", SCHEMA)


def register(
    server: Postgres, release: story.Release, commit: str, when: datetime | None = None
) -> None:
    """The training job registers a model: the time is the server's own ``now()``, or given."""
    run(
        server,
        "ci",
        "insert into ml.lineage"
        " (model, version, artifact_sha256, git_commit, registered_at, registered_by)"
        " values (%s, %s, %s, %s, coalesce(%s, now()), 'ci@acme')",
        (release.model, release.version, release.digest(), commit, when),
    )


def evaluate(server: Postgres, release: story.Release) -> None:
    """The evaluation job writes its result."""
    run(
        server,
        "ci",
        "insert into ml.evaluations (model, version, dataset_sha256, auc) values (%s, %s, %s, %s)",
        (release.model, release.version, release.dataset(), release.auc()),
    )


def deployed(server: Postgres, release: story.Release) -> None:
    """The deploy job's last step before it logs that it has finished."""
    run(
        server,
        "ci",
        "insert into ml.deployments (run, model, version) values (%s, %s, %s)",
        (release.run, release.model, release.version),
    )


def respell(server: Postgres, release: story.Release) -> None:
    """Innocent: an ordinary UPDATE of who registered it."""
    run(
        server,
        "ci",
        "update ml.lineage set registered_by = 'ci@acme.example' where (model, version) = (%s, %s)",
        (release.model, release.version),
    )


def try_migration(server: Postgres) -> int:
    """Innocent: the migration is tried and rolled back. Returns its transaction id."""
    with connect(server, "dba") as session:
        session.execute("begin")
        session.execute(NEW_TABLE)
        session.execute(
            "insert into ml.lineage_v2 select *, 'sklearn' from ml.lineage order by registered_at"
        )
        (xid,) = _one(session.execute("select pg_current_xact_id()::text::bigint"))
        session.execute("rollback")
    return int(xid)


@dataclass(frozen=True, slots=True)
class Table:
    """A table as the catalogue has it."""

    oid: int
    file: int
    """``pg_class.relfilenode``."""


def table(server: Postgres, name: str) -> Table:
    """OID and file of a table today."""
    row = run(
        server,
        "postgres",
        "select oid::bigint, relfilenode::bigint from pg_class where oid = %s::regclass",
        (name,),
    )
    return Table(*row)


@dataclass(frozen=True, slots=True)
class Change:
    """What an innocent act did to a table's file."""

    before: Table
    after: Table
    xid: int
    """The transaction that wrote its row of ``pg_class`` last."""


def change(server: Postgres, name: str, statement: LiteralString) -> Change:
    """Run a statement of the administrator's, and see what it did to a table."""
    before = table(server, name)
    run(server, "dba", statement)
    (xid,) = run(
        server,
        "postgres",
        "select xmin::text::bigint from pg_class where oid = %s::regclass",
        (name,),
    )
    return Change(before, table(server, name), int(xid))


def records(server: Postgres) -> dict[str, dict[str, str]]:
    """:func:`rows` by subject, as JSON can hold them."""
    names = ("artifact_sha256", "git_commit", "registered_at", "registered_by")
    return {
        f"model:{row[0]}@{row[1]}": {
            name: _text(value) for name, value in zip(names, row[2:], strict=True)
        }
        for row in rows(server)
    }


def rows(server: Postgres) -> list[tuple[Any, ...]]:
    """All rows of ``ml.lineage`` without the column that the migration adds, by key."""
    with connect(server, "dba") as session:
        return session.execute(
            "select model, version, artifact_sha256, git_commit, registered_at, registered_by"
            " from ml.lineage order by model, version"
        ).fetchall()


@dataclass(frozen=True, slots=True)
class Migration:
    """What the migration did, told by itself."""

    xid: int
    before: Table
    after: Table
    began: str
    """By the server: its ``now()``, in UTC."""
    committed: str
    """By the server: ``pg_xact_commit_timestamp``, in UTC."""
    rows: int
    """How many rows it wrote."""


def migrate(server: Postgres, wait: Callable[[], None] = lambda: None) -> Migration:
    """8 March: a new table under the old name, its rows given with their old dates.

    One transaction. The script carries the rows as literals, as such scripts do: one digest in
    it is another one, and one row is not in it. ``wait`` is called just before it commits.
    """
    kept = [row for row in rows(server) if (row[0], row[1]) != _key(story.LOST)]
    values = [
        (*row[:2], story.OTHER_DIGEST, *row[3:]) if (row[0], row[1]) == _key(story.ALTERED) else row
        for row in sorted(kept, key=lambda row: row[4])
    ]
    before = table(server, "ml.lineage")
    with connect(server, "dba") as session:
        session.execute("begin")
        session.execute(NEW_TABLE)
        session.execute(
            INSERT + ", ".join(["(%s, %s, %s, %s, %s, %s)"] * len(values)),
            [field for row in values for field in row],
        )
        session.execute(RENAME)
        xid, began = _one(session.execute("select pg_current_xact_id()::text::bigint, now()"))
        wait()
        session.execute("commit")
        (committed,) = _one(
            session.execute("select pg_xact_commit_timestamp(%s::text::xid)", (str(xid),))
        )
    after = table(server, "ml.lineage")
    return Migration(int(xid), before, after, _text(began), _text(committed), len(values))


def _key(release: story.Release) -> tuple[str, str]:
    return release.model, release.version


def _text(value: object) -> str:
    """A value as JSON holds it: times in UTC with a Z."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value)


def _one(cursor: psycopg.Cursor[Any]) -> tuple[Any, ...]:
    row = cursor.fetchone()
    if row is None:
        raise LookupError("expected a row")
    return tuple(row)
