"""The database as it stood: a base backup and archived WAL in a scratch server, paused there.

1. Decide what leads to the instant, or why nothing does (:mod:`.plan`).
2. Fill a closed folder with regular files of the backup and with log (:mod:`.fill`), and look
   through that log for what replay would do elsewhere (:mod:`.logcheck`).
3. Start a server over it that heeds no setting of the evidence (:mod:`.server`).
4. Ask plain tables, read-only (:mod:`.session`, :mod:`.guard`, :mod:`.ask`), and store what they
   hold as items.
5. End the server and remove the folder, also when this program is killed.

Guards, and their limit: the server runs as an unprivileged user without a network, on settings of
its own; libraries, event triggers, archive and restore commands of the evidence have no effect;
views, foreign tables and relations on which the evidence's functions hang are refused. A
catalogue whose built-in rows were edited by hand (``UPDATE pg_proc``) is not seen through: take
a machine for it that can be thrown away.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from collectors.postgres.parse import segments
from collectors.postgres.rehydrate import ask, guard, session
from collectors.postgres.rehydrate.fill import fill
from collectors.postgres.rehydrate.log import Archive
from collectors.postgres.rehydrate.logcheck import check_log
from collectors.postgres.rehydrate.plan import Plan, plan
from collectors.postgres.rehydrate.scratch import Scratch, scratch
from collectors.postgres.rehydrate.server import Server, options, running
from collectors.postgres.rehydrate.target import read_target
from collectors.postgres.wal import unpacked
from collectors.postgres.wal.layout import show_lsn
from recon.errors import BadInputError, UsageError
from recon.rehydrate import Rehydrated, Rehydration, Stood

if TYPE_CHECKING:
    from recon.collector import Acquisition, Items

KIND = "pg.rehydrated"
"""Rows of a table as it stood, in the form of a capture."""
ANSWER = "pg.rehydrated-query"
"""The answer of a query: a header, and one JSON array a row."""
_SHOWN = 50


def rehydrate(acquisition: Acquisition, items: Items, asked: Rehydration) -> Rehydrated:
    """See :attr:`recon.collector.Collector.rehydrate`."""
    source = acquisition.source
    tables = list(asked.tables) or ([] if asked.query else [one.table for one in source.claims])
    if not tables and asked.query is None:
        raise UsageError("a table or a query", "neither", source.id, "give --table or --query")
    for table in tables:
        if table.count(".") != 1:
            raise UsageError('a table as "schema.table"', repr(table), "--table")
    read_target(asked.at)
    acquisition.progress("read the log", 0, None)
    with unpacked(segments(items)) as (log, warned):
        chosen = plan(items, Archive(log, warned), source.id, asked)
        with acquisition.call(_command(source.id, asked)) as said, scratch() as made:
            acquisition.progress("restore the backup", 0, None)
            fill(made, chosen, lambda done: acquisition.progress("restore the backup", done, None))
            check_log(made, chosen)
            with running(chosen, made) as server:
                acquisition.progress("replay the log", 0, None)
                run = _Run(acquisition, chosen, server, said, [*chosen.notes])
                run.database = session.paused(server, chosen)
                answers = run.answers(list(dict.fromkeys(tables)), asked)
            notes = [*run.notes, *_refused(made)]
            said.update(_provenance(chosen))
            said.update(items=[one.item for one in answers], notes=notes)
    return Rehydrated(source.id, answers, _provenance(chosen), notes)


@dataclass(slots=True)
class _Run:
    """One server at its target."""

    acquisition: Acquisition
    plan: Plan
    server: Server
    said: dict[str, Any]
    notes: list[str]
    database: str = ""
    let_go: bool = False

    def answers(self, tables: Sequence[str], asked: Rehydration) -> list[Stood]:
        """Tables, or the query."""
        if asked.query is not None:
            database = asked.database or self._one_database()
            return [self._again(lambda: self._query(database, asked.query or ""))]
        out = []
        for table in tables:
            database = self._holder(table, asked.database)
            out.append(self._again(partial(self._table, database, table)))
        return out

    def _again(self, act: Callable[[], Stood]) -> Stood:
        """Once more, with recovery ended, where a lock of what was in flight is in the way."""
        try:
            return act()
        except TimeoutError as error:
            if self.let_go:
                found, where = str(error), "the scratch server"
                raise BadInputError("a table without another's lock", found, where) from error
        session.let_go(self.server, self.plan, self.database)
        self.let_go = True
        self.notes.append(
            "a transaction in flight at the target held a lock on what was asked: recovery was "
            "ended there, which undoes what had not committed, and the table read after"
        )
        try:
            return act()
        except TimeoutError as error:
            found, where = str(error), "the scratch server"
            raise BadInputError("a table without another's lock", found, where) from error

    def _table(self, database: str, table: str) -> Stood:
        schema, _, name = table.partition(".")
        with session.session(self.server, self.plan, database) as connection:
            found = guard.find(connection, schema, name)
            if found is None:
                raise UsageError("a table of that time", f"no {table}", database)
            if found.left_out:
                self.notes.append(
                    f"{table}: left out, as their types are not PostgreSQL's own: "
                    f"{', '.join(found.left_out)}"
                )
            texts, objects = ask.lines(connection, found)
            head = ask.header(connection, found, self._seen(), _provenance(self.plan))
        lines = [json.dumps(head), *texts, json.dumps({"end": "rows", "rows": len(texts)})]
        item = self._store(f"{database}/{table}", KIND, lines)
        names = [name for name, _ in found.columns]
        times = _times(self.plan)
        rows = [
            [
                one["ctid"],
                one["xmin"],
                one["committed"] or times.get(int(one["xmin"])),
                *(_shown(one["row"].get(name)) for name in names),
            ]
            for one in objects
        ]
        return Stood(table, ["ctid", "xmin", "committed", *names], rows, item)

    def _query(self, database: str, sql: str) -> Stood:
        with session.session(self.server, self.plan, database) as connection:
            names, rows = ask.query(connection, sql)
            head = ask.header(connection, None, self._seen(), _provenance(self.plan))
        lines = [json.dumps(head | {"query": sql, "columns": names})]
        lines += [json.dumps(row) for row in rows]
        lines.append(json.dumps({"end": "rows", "rows": len(rows)}))
        return Stood("query", names, rows, self._store(f"{database}/query", ANSWER, lines))

    def _store(self, name: str, kind: str, lines: Sequence[str]) -> str:
        data = "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")
        # Another question, or another backup, gives another item under a name of its own.
        short = hashlib.sha256(data).hexdigest()[:16]
        native = f"rehydrated/{self.plan.target}/{name}#{short}"
        meta = {"backup_item": self.plan.backup.native, "target": str(self.plan.target)}
        return self.acquisition.store(native, kind, data, meta=meta).sha256

    def _seen(self) -> str | None:
        """When the answer holds, by the log's clock; None: no commit dates it."""
        moment = self.plan.target.instant or self.plan.last
        return moment.isoformat(timespec="microseconds") if moment else None

    def _holder(self, table: str, database: str | None) -> str:
        schema, _, name = table.partition(".")
        if database is not None:
            return database
        with session.session(self.server, self.plan, self.database) as connection:
            names = ask.databases(connection)
        holders = []
        for one in names:
            with session.session(self.server, self.plan, one) as connection:
                if guard.find(connection, schema, name) is not None:
                    holders.append(one)
        if len(holders) != 1:
            found = ", ".join(holders) or f"none of {', '.join(names) or 'no database'}"
            raise UsageError(f"one database with {table} at that time", found, "--database")
        return holders[0]

    def _one_database(self) -> str:
        with session.session(self.server, self.plan, self.database) as connection:
            names = ask.databases(connection)
        own = [name for name in names if name != "postgres"] or names
        if len(own) != 1:
            raise UsageError("one database to ask", ", ".join(own), "--database", "name it")
        return own[0]


def _command(source: str, asked: Rehydration) -> str:
    what = f"query {asked.query}" if asked.query else f"tables {', '.join(asked.tables) or 'all'}"
    return f"rehydrate {source} at {asked.at}: {what}"


def _provenance(chosen: Plan) -> dict[str, Any]:
    """What was restored to which point, and behind which guards; the same for every answer."""
    start = chosen.backup.label.start if chosen.backup.label else 0
    data = chosen.backup.of("pg.backup-tar")
    return {
        "target": str(chosen.target),
        "backup": chosen.backup.native,
        "backup_items": [item.sha256 for item in data or chosen.backup.of("pg.backup-label")],
        "backup_began": chosen.backup.label.time if chosen.backup.label else None,
        "passed_over": list(chosen.passed_over),
        "system_identifier": str(chosen.control.system_id),
        "major": chosen.major,
        "timeline": chosen.timeline,
        "replayed_from": show_lsn(start),
        "replayed_to": show_lsn(chosen.stop),
        "inclusive": chosen.inclusive,
        "last_commit": _iso(chosen.last),
        "log_goes_on_at": show_lsn(chosen.proof),
        "wal": [chosen.segments[0].name, chosen.segments[-1].name],
        "wal_items": [one.segment.sha256 for one in chosen.segments[:_SHOWN]],
        "guards": options(chosen.major),
    }


def _refused(made: Scratch) -> list[str]:
    if not made.refused:
        return []
    shown = "; ".join(made.refused[:_SHOWN])
    return [f"{len(made.refused)} files of the backup were not restored: {shown}"]


def _times(chosen: Plan) -> dict[int, str]:
    """Commit time by transaction, from the log that was replayed."""
    out: dict[int, str] = {}
    for xid, moment, subxids in chosen.commits.select("xid", "time", "subxids").iter_rows():
        for one in (xid, *(subxids or ())):
            out[one] = _iso(moment) or ""
    return out


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="microseconds") if moment else None


def _shown(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "t" if value else "f"
    return json.dumps(value, ensure_ascii=False)
