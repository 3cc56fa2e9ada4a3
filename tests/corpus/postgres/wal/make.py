"""Make the WAL corpus anew: ``python -m tests.corpus.postgres.wal.make [MAJOR …]``.

One story on a real server of each major version, its clock chosen. Per version, in ``MAJOR/``:

- ``archive/``: the archived segments of 1 MB and the history file, each packed with Zstandard;
- ``first.dump``, ``last.dump``: ``pg_dump -Fc`` before the table is loaded anew and at the end;
- ``expected.jsonl``: a line for each step, with what the server answered;
- ``waldump-N.txt.zst``: what ``pg_waldump`` of that version prints of timeline N.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import psycopg
import zstandard

from tests import servers
from tests.corpus.postgres.wal.story import AFTER, COLUMNS, RESTORED, STARTED, STORY, TABLE, Step

if TYPE_CHECKING:
    from typing import LiteralString

    from tests.servers import Postgres

HERE = Path(__file__).parent
SETTINGS = {
    "track_commit_timestamp": "on",
    "max_prepared_transactions": "5",
    "min_wal_size": "2MB",
    "wal_level": "replica",
}
_WHERE = "select pg_current_wal_insert_lsn()"


def make(major: int) -> None:
    """The story on one version, into its folder."""
    target = HERE / str(major)
    shutil.rmtree(target, ignore_errors=True)
    (target / "archive").mkdir(parents=True)
    lines: list[dict[str, Any]] = []
    with servers.postgres(
        None, SETTINGS, clock=STARTED, major=major, initdb=["--wal-segsize=1"]
    ) as server:
        # The archive begins with a segment of its own: initdb's megabytes are of no interest.
        server.psql("checkpoint; select pg_switch_wal()")
        first = server.psql("select pg_walfile_name(pg_current_wal_insert_lsn() + 1)").strip()
        for number, step in enumerate(STORY):
            server.move(STARTED + timedelta(hours=number + 1))
            lines.append(play(server, step, 1, lines))
            if step.name == "backup":
                server.backup("base")
            if step.name == "after the columns":
                _dump(server, target / "first.dump")
        server.switch_wal()
        server.stop()
        _restore(server)
        lines.append(play(server, RESTORED, 2, lines))
        for number, step in enumerate(AFTER):
            server.move(STARTED + timedelta(days=3, hours=number))
            lines.append(play(server, step, 2, lines))
        _dump(server, target / "last.dump")
        server.switch_wal()
        system = server.psql("select system_identifier from pg_control_system()").strip()
        version = server.psql("show server_version").strip()
        kept = [path for path in sorted(server.archive.iterdir()) if path.name >= first]
        kept = [path for path in kept if path.suffix in {"", ".history"}]
        for path in kept:
            _pack(path.read_bytes(), target / "archive" / f"{path.name}.zst")
        for timeline in (1, 2):
            names = [p.name for p in kept if p.suffix == "" and int(p.name[:8], 16) == timeline]
            _pack(_dumped(server, names), target / f"waldump-{timeline}.txt.zst")
    head = {"system_identifier": system, "version": version, "columns": COLUMNS}
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in [head, *_told(lines)])
    (target / "expected.jsonl").write_text(text, encoding="utf-8")


def play(
    server: Postgres, step: Step, timeline: int, earlier: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """One step, and what the server answers about it."""
    with _session(server) as session:
        (before,) = _one(session, _WHERE)
        xid = None
        for statement in step.statements:
            if statement.lower().startswith("copy "):
                head, _, body = statement.partition("\n")
                with session.cursor().copy(_sql(head)) as into:
                    into.write(body)
            else:
                session.execute(_sql(statement))
            if xid is None and step.in_block and not statement.startswith("savepoint"):
                (xid,) = _one(session, "select pg_current_xact_id_if_assigned()::text::bigint")
        (after,) = _one(session, _WHERE)
        if step.ends_previous:
            xid = earlier[-1]["xid"]
        if xid is None and step.catalogue:
            (xid,) = _one(
                session,
                f"select xmin::text::bigint from pg_class where oid = '{TABLE}'::regclass",
            )
        committed = None
        if xid is not None and not step.aborted and not _is_prepared(step):
            (committed,) = _one(
                session, f"select pg_xact_commit_timestamp('{xid}'::xid) at time zone 'UTC'"
            )
        return {
            "step": step.name,
            "statements": list(step.statements),
            "timeline": timeline,
            "lsn": [before, after],
            "xid": xid,
            "committed": committed.isoformat() + "Z" if committed else None,
            "acts": list(step.acts),
            "writes": step.writes._asdict() if step.writes else None,
            "table": _table(session),
            "rows": _rows(session),
        }


def _is_prepared(step: Step) -> bool:
    return step.in_block and step.statements[-1].startswith("prepare transaction")


def _table(session: psycopg.Connection[Any]) -> dict[str, int] | None:
    """OIDs of the table and its database, and the number of its file."""
    row = session.execute(
        "select c.oid::bigint, relfilenode::bigint, d.oid::bigint from pg_class c, pg_database d"
        " where c.oid = to_regclass(%s) and datname = current_database()",
        (TABLE,),
    ).fetchone()
    return dict(zip(("oid", "file", "database"), row, strict=True)) if row else None


def _told(lines: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The lines with the rows that came and went in each step in place of all rows."""
    before: list[list[str | None]] = []
    for line in lines:
        now = line.pop("rows")
        gone = [row for row in before if row not in now]
        came = [row for row in now if row not in before]
        yield {**line, "gone": gone, "came": came}
        before = now


def _rows(session: psycopg.Connection[Any]) -> list[list[str | None]]:
    """The table by COPY, in order of its key: each column's text, as the server writes it."""
    if not _one(session, f"select to_regclass('{TABLE}') is not null")[0]:
        return []
    query = f"copy (select {', '.join(COLUMNS)} from {TABLE} order by id) to stdout"
    with session.cursor().copy(_sql(query)) as out:
        return [[None if field is None else str(field) for field in row] for row in out.rows()]


def _restore(server: Postgres) -> None:
    """To the restore point ``before``, in the server's place: timeline 2."""
    server.data.rename(server.folder / "discarded")
    (server.folder / "base").rename(server.data)
    with (server.data / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.write(
            f"restore_command = 'cp {server.archive}/%f %p'\n"
            "recovery_target_name = 'before'\nrecovery_target_action = 'promote'\n"
        )
    (server.data / "recovery.signal").touch()
    server.move(STARTED + timedelta(days=3))
    server.start()
    while server.psql("select pg_is_in_recovery()").startswith("t"):
        time.sleep(0.1)


def _dumped(server: Postgres, names: Sequence[str]) -> bytes:
    """All of a timeline in pg_waldump's words; its complaint at the end of the log left out."""
    return subprocess.run(
        [server.bin / "pg_waldump", "-p", server.archive, names[0], names[-1]],
        env={"TZ": "UTC", "LC_ALL": "C"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
    ).stdout


def _dump(server: Postgres, target: Path) -> None:
    made = server.folder / target.name
    server.run("pg_dump", "-Fc", "-f", made, server.dsn)
    shutil.copyfile(made, target)


def _pack(raw: bytes, target: Path) -> None:
    target.write_bytes(zstandard.ZstdCompressor(level=19).compress(raw))


def _session(server: Postgres) -> psycopg.Connection[Any]:
    return psycopg.connect(
        host=str(server.folder), port=server.port, user=servers.USER, autocommit=True
    )


def _one(session: psycopg.Connection[Any], text: str) -> tuple[Any, ...]:
    row = session.execute(_sql(text)).fetchone()
    if row is None:
        raise LookupError(text)
    return tuple(row)


def _sql(text: str) -> psycopg.sql.SQL:
    from psycopg.sql import SQL

    return SQL(cast("LiteralString", text))


if __name__ == "__main__":
    for one in map(int, sys.argv[1:] or servers.MAJORS):
        make(one)
