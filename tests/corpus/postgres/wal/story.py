"""What happens in the WAL corpus: each step with what its author knows of it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

STARTED = datetime(2026, 3, 8, 0, 0, tzinfo=UTC)
TABLE = "ml.lineage"
COLUMNS = [
    *("id", "model", "version", "artifact", "passed", "score", "loss", "size", "registered_at"),
    *("day", "run", "tags", "labels", "notes"),
]
_CREATE = """create table ml.lineage (
    id integer not null, model text not null, version varchar(20), artifact bytea,
    passed boolean, score numeric(10, 4), loss double precision, size bigint,
    registered_at timestamptz default now(), day date, run uuid, tags text[], labels jsonb,
    notes text, constraint lineage_pkey primary key (id))"""
_FULL = (
    "'credit-risk', '2.3.1', decode(repeat('ab', 32), 'hex'), true, 0.8125, 1e-9, 9007199254740993,"
    " '2026-02-14 11:01:30.123456+00', '2026-02-14', '0f0e0d0c-0b0a-0908-0706-050403020100',"
    " array['a b', null, 'ü'], '{\"z\": [1, 2.50], \"a\": null}'"
)


def _noise(length: int) -> str:
    """Letters that no compression shortens much: a value of their length goes out of line."""
    pick = random.Random(8)  # noqa: S311  (the same each time, and no secret)
    return "".join(pick.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", k=length))


class Writes(NamedTuple):
    """Rows of the table that a transaction left written in the log, by kind."""

    insert: int = 0
    update: int = 0
    delete: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One act."""

    name: str
    statements: Sequence[str]
    acts: Sequence[str] = ()
    """On the table, by the collector's words."""
    writes: Writes | None = None
    aborted: bool = False
    ends_previous: bool = False
    """Whether it ends the transaction that the step before it prepared."""
    catalogue: bool = False
    """Whether its transaction is the one that wrote the table's row of ``pg_class``."""

    @property
    def in_block(self) -> bool:
        """Whether it is a transaction of several statements, which can ask for its own number."""
        return self.statements[:1] == ("begin",)


def _block(name: str, *statements: str, end: str = "commit", **more: object) -> Step:
    return Step(name, ("begin", *statements, end), aborted=end == "rollback", **more)  # type: ignore[arg-type]


_COPY = "copy ml.lineage (id, model, notes) from stdin\n" + "".join(
    f"{number}\tcopied\trow {number} of a multi-insert\n" for number in range(20, 60)
)

STORY: Sequence[Step] = (
    _block("create", "create schema ml", _CREATE, acts=["table.create"]),
    _block(
        "insert",
        f"insert into ml.lineage values (1, {_FULL}, null)",
        "insert into ml.lineage (id, model, version, score) values (2, 'churn', '', 'NaN')",
        "insert into ml.lineage (id, model, loss, day) values (3, 'x', '-Infinity', 'infinity')",
        writes=Writes(insert=3),
    ),
    _block(
        "out of line",
        f"insert into ml.lineage (id, model, notes) values (4, 'toast', '{_noise(5000)}')",
        "insert into ml.lineage (id, model, notes)"
        f" values (5, 'packed', repeat('{_noise(40)}', 99))",
        writes=Writes(insert=2),
    ),
    _block("multi-insert", _COPY, writes=Writes(insert=40)),
    _block(
        "update in place",
        "update ml.lineage set passed = false where id between 2 and 3",
        writes=Writes(update=2),
    ),
    _block(
        "update of the key",
        "update ml.lineage set id = 102, version = '3.2.0' where id = 2",
        writes=Writes(update=1),
    ),
    _block(
        "update of a row out of line",
        "update ml.lineage set passed = true where id = 4",
        writes=Writes(update=1),
    ),
    _block("delete", "delete from ml.lineage where id >= 50 and id < 60", writes=Writes(delete=10)),
    _block(
        "rolled back",
        "insert into ml.lineage (id, model) values (900, 'never')",
        "delete from ml.lineage where id = 1",
        end="rollback",
    ),
    _block(
        "subtransactions",
        "insert into ml.lineage (id, model) values (61, 'outer')",
        "savepoint kept",
        "insert into ml.lineage (id, model) values (62, 'kept')",
        "savepoint gone",
        "insert into ml.lineage (id, model) values (63, 'gone')",
        "rollback to gone",
        writes=Writes(insert=2),
    ),
    Step("checkpoint", ("checkpoint",)),
    _block(
        "with images of pages",
        "update ml.lineage set score = 0.5 where id = 1",
        "insert into ml.lineage (id, model) values (64, 'after the checkpoint')",
        writes=Writes(insert=1, update=1),
    ),
    Step("checkpoint again", ("checkpoint",)),
    _block(
        "with packed images of pages",
        "set local wal_compression = on",
        "update ml.lineage set score = 0.25 where id = 1",
        "delete from ml.lineage where id = 20",
        writes=Writes(update=1, delete=1),
    ),
    _block(
        "prepared",
        "insert into ml.lineage (id, model) values (65, 'prepared')",
        end="prepare transaction 'one'",
    ),
    Step(
        "commit prepared", ("commit prepared 'one'",), writes=Writes(insert=1), ends_previous=True
    ),
    _block(
        "prepared and rolled back",
        "insert into ml.lineage (id, model) values (66, 'prepared')",
        end="prepare transaction 'two'",
    ),
    Step("rollback prepared", ("rollback prepared 'two'",), aborted=True, ends_previous=True),
    Step("vacuum full", ("vacuum full ml.lineage",), acts=["table.rewrite"], catalogue=True),
    _block(
        "after vacuum full",
        "insert into ml.lineage (id, model) values (67, 'in the new file')",
        writes=Writes(insert=1),
    ),
    _block(
        "new column that rewrites",
        "alter table ml.lineage alter column size type numeric",
        acts=["table.rewrite"],
    ),
    _block(
        "column dropped and added",
        "alter table ml.lineage drop column loss, add column loss double precision default 0.5",
    ),
    _block(
        "after the columns",
        "insert into ml.lineage (id, model) values (68, 'with the default')",
        "update ml.lineage set notes = 'changed' where id = 30",
        writes=Writes(insert=1, update=1),
    ),
    _block(
        "truncate and load",
        "truncate ml.lineage",
        "copy ml.lineage (id, model) from stdin\n1\tloaded\n2\tloaded\n",
        acts=["table.truncate"],
        writes=Writes(insert=2),
    ),
    _block(
        "recreate",
        "drop table ml.lineage",
        _CREATE,
        f"insert into ml.lineage values (1, {_FULL}, 'written again')",
        f"insert into ml.lineage values (2, {_FULL}, null)",
        acts=["table.create", "table.drop", "table.recreate"],
        writes=Writes(insert=2),
    ),
    Step("backup", ("checkpoint",)),
    _block(
        "after the backup",
        "insert into ml.lineage (id, model) values (3, 'restored')",
        writes=Writes(insert=1),
    ),
    Step("restore point", ("select pg_create_restore_point('before')",)),
    _block(
        "lost by the restore",
        "insert into ml.lineage (id, model) values (4, 'lost')",
        "update ml.lineage set score = 0.75 where id = 1",
        writes=Writes(insert=1, update=1),
    ),
)
"""On timeline 1; a base backup is taken at ``backup``."""

RESTORED = Step("restored", ())
"""What the table holds as timeline 2 begins: as at the restore point ``before``."""

AFTER: Sequence[Step] = (
    _block(
        "on timeline 2",
        "insert into ml.lineage (id, model) values (4, 'again')",
        writes=Writes(insert=1),
    ),
    _block(
        "updated on timeline 2",
        "update ml.lineage set score = 0.125 where id in (1, 2)",
        writes=Writes(update=2),
    ),
)
"""On timeline 2, which goes on from the restore point ``before``."""
