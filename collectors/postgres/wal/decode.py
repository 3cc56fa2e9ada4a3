"""What records of the kept kinds say.

Source: ``xactdesc.c`` (``ParseCommitRecord``, ``ParseAbortRecord``),
``twophase.c`` (``TwoPhaseFileHeader``), ``pg_control.h`` (``CheckPoint``).
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from typing import Any

from collectors.postgres.wal.layout import (
    DATABASE,
    HAS_INFO,
    RMGRS,
    STANDBY,
    STORAGE,
    TRANSACTION,
    XLOG,
    op_of,
)
from collectors.postgres.wal.record import Cursor, Malformed, Record

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_UNIX = datetime(1970, 1, 1, tzinfo=UTC)
# xinfo of a commit or abort (xact.h).
_DATABASE, _SUBXACTS, _FILES, _INVALS, _TWO_PHASE, _ORIGIN_INFO = 1, 2, 4, 8, 16, 32
_GID, _STATS = 128, 256
_STATS_OF_RELATION = 2
_STATS_SINCE = 15
_STATS_WIDE_SINCE = 18
_MAIN_FORK, _INIT_FORK = 0, 3
"""``relpath.h`` (``ForkNumber``)."""


def row(record: Record, major: int) -> dict[str, Any] | None:
    """Columns of :data:`~collectors.postgres.wal.model.RECORDS` that a record of a kept kind fills.

    None for other kinds, and for what cannot be read.
    """
    op = op_of(record.rmgr, record.info, major)
    if op is None:
        return None
    try:
        columns = _READ[record.rmgr](record, op, major)
    except (Malformed, struct.error, OverflowError):
        return None
    return {
        "prev": record.prev,
        "xid": record.xid,
        "rmgr": RMGRS[record.rmgr],
        "op": op,
        **columns,
    }


def timestamp(value: int) -> datetime:
    """A TimestampTz: µs since 2000-01-01 UTC.

    Raises:
        OverflowError: it lies outside the years that a datetime holds.
    """
    return _EPOCH + timedelta(microseconds=value)


def file_text(file: tuple[int, int, int]) -> str:
    """``TABLESPACE/DATABASE/RELFILENODE``."""
    return "{}/{}/{}".format(*file)


def _transaction(record: Record, op: str, major: int) -> dict[str, Any]:
    if op == "PREPARE":
        (xid,) = struct.unpack_from("<I", record.main, 8)
        (at,) = struct.unpack_from("<q", record.main, 16)
        return {"xid": xid, "time": timestamp(at)}
    parts = outcome(record, major)
    return {
        "xid": parts["xid"] if op.endswith("PREPARED") else record.xid,
        "time": parts["time"],
        "files": parts["files"] or None,
        "stats": parts["stats"] or None,
        "subxids": parts["subxids"] or None,
        "origin": record.origin if parts["origin"] and op.startswith("COMMIT") else None,
    }


def outcome(record: Record, major: int) -> dict[str, Any]:
    """A COMMIT or ABORT, prepared or not, in full.

    Raises:
        Malformed: its lengths do not fit together.
    """
    cursor = Cursor(record.main)
    (at,) = struct.unpack("<q", cursor.take(8))
    found: dict[str, Any] = {
        "time": timestamp(at),
        "xid": record.xid,
        "files": [],
        "stats": [],
        "stats_raw": [],
        "subxids": [],
        "invals": [],
        "gid": None,
        "database": None,
        "origin": None,
    }
    info = cursor.u32() if record.info & HAS_INFO else 0
    found["info"] = info
    if info & _DATABASE:
        found["database"] = (cursor.u32(), cursor.u32())
    if info & _SUBXACTS:
        found["subxids"] = [entry[0] for entry in _entries(cursor, "<I")]
    if info & _FILES:
        found["files"] = [file_text(entry) for entry in _entries(cursor, "<III")]
    if info & _STATS and major >= _STATS_SINCE:
        layout = "<iIII" if major >= _STATS_WIDE_SINCE else "<iII"
        for kind, database, low, *high in _entries(cursor, layout):
            oid = low | (high[0] << 32 if high else 0)
            found["stats_raw"].append((kind, database, oid))
            if kind == _STATS_OF_RELATION:
                found["stats"].append(f"{database}/{oid}")
    if info & _INVALS:
        found["invals"] = [entry[0] for entry in _entries(cursor, "<16s")]
    if info & _TWO_PHASE:
        found["xid"] = cursor.u32()
        found["gid"] = _text(cursor) if info & _GID else None
    if info & _ORIGIN_INFO:
        # Where the COMMIT stood on the server that it was applied from, and when that was.
        lsn, moment = struct.unpack("<Qq", cursor.take(16))
        found["origin"] = lsn, timestamp(moment)
    return found


def _text(cursor: Cursor) -> bytes:
    """Bytes up to a zero, which is passed over."""
    end = cursor.text.find(b"\0", cursor.at)
    return cursor.take(end - cursor.at + 1)[:-1] if end >= 0 else cursor.take(-1)


def _entries(cursor: Cursor, layout: str) -> list[tuple[Any, ...]]:
    one = struct.Struct(layout)
    count = cursor.u32()
    return list(one.iter_unpack(cursor.take(count * one.size)))


def _storage(record: Record, op: str, _: int) -> dict[str, Any]:
    if op == "CREATE":
        *file, fork = struct.unpack_from("<IIIi", record.main)
        # Free space and visibility make no new relation. Of an unlogged one nothing but the fork is
        # logged that it begins anew with after a crash.
        new = fork in {_MAIN_FORK, _INIT_FORK}
        return {"created": file_text((file[0], file[1], file[2])) if new else None}
    _, *file = struct.unpack_from("<IIII", record.main)
    return {"created": file_text((file[0], file[1], file[2]))}


def _standby(record: Record, _: str, __: int) -> dict[str, Any]:
    held = _entries(Cursor(record.main), "<III")
    # A lock is logged by its own transaction when it is taken; the server's snapshots of running
    # transactions list it again, under no transaction, and add nothing.
    return {
        "locks": [f"{db}/{oid}" for xid, db, oid in held if xid == record.xid and xid] or None,
    }


def _xlog(record: Record, op: str, _: int) -> dict[str, Any]:
    main = record.main
    if op.startswith("CHECKPOINT"):
        redo, tli, prev_tli = struct.unpack_from("<QII", main)
        (next_xid, next_oid) = struct.unpack_from("<QI", main, 24)
        (at, oldest, _, running) = struct.unpack_from("<qIII", main, 64)
        return {
            "time": _UNIX + timedelta(seconds=at),
            "redo": redo,
            "tli": tli,
            "prev_tli": prev_tli,
            "next_xid": next_xid,
            "next_oid": next_oid,
            "oldest_commit_xid": oldest,
            # Zero of a shutdown: then none runs but those that are prepared.
            "oldest_running_xid": running,
        }
    if op == "END_OF_RECOVERY":
        at, tli, prev_tli = struct.unpack_from("<qII", main)
        return {"time": timestamp(at), "tli": tli, "prev_tli": prev_tli}
    if op == "RESTORE_POINT":
        return {"time": timestamp(struct.unpack_from("<q", main)[0])}
    if op == "BACKUP_END":
        return {"redo": struct.unpack_from("<Q", main)[0]}
    return {}


def _database(record: Record, op: str, _: int) -> dict[str, Any]:
    if op in {"DROP", "CREATE_WAL_LOG"}:
        return {"database": struct.unpack_from("<II", record.main)[0]}
    database, space, template, of = struct.unpack_from("<IIII", record.main)
    moved = f"{of}/{space}" if database == template else None
    return {"database": database, "template": template, "moved": moved}


_READ = {
    XLOG: _xlog,
    TRANSACTION: _transaction,
    STORAGE: _storage,
    STANDBY: _standby,
    DATABASE: _database,
}
