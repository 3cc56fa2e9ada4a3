"""One record in the words of ``pg_waldump``, from the bytes, by our own reader.

Source: ``pg_waldump.c`` (``XLogDumpDisplayRecord``), ``xactdesc.c``, ``xlogdesc.c``,
``smgrdesc.c``, ``standbydesc.c``, ``dbasedesc.c``; held against the tool in the tests.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import UTC, datetime

from collectors.postgres.wal import decode
from collectors.postgres.wal.fetch import Fetch
from collectors.postgres.wal.layout import (
    DATABASE,
    OP_MASK,
    RMGRS,
    STANDBY,
    STORAGE,
    TRANSACTION,
    XLOG,
    op_of,
)
from collectors.postgres.wal.layout import show_lsn as show
from collectors.postgres.wal.model import Segment
from collectors.postgres.wal.packed import copy_command
from collectors.postgres.wal.record import Block, Cursor, Malformed, Record, split
from collectors.postgres.wal.segment import Checked, check

_FORKS = ("main", "fsm", "vm", "init")
_HEAP_WORDS = {0x00: "INSERT", 0x10: "DELETE", 0x20: "UPDATE", 0x40: "HOT_UPDATE"}
_SYNC = 1 << 31
_STATS_SINCE = 15
_FRESH_RELCACHE = 1 << 30
# Catalogue versions, which name a tablespace's folder (``catalog/catversion.h``).
_CATALOGUE = {
    13: "PG_13_202007201",
    14: "PG_14_202107181",
    15: "PG_15_202209061",
    16: "PG_16_202307071",
    17: "PG_17_202406281",
    18: "PG_18_202506291",
}
_PATH_SPACES = {1663: "base/{}", 1664: "global"}


_LEVEL_SINCE = 17
"""Checkpoint records have the wal_level from this version on (catalog/pg_control.h)."""
_LEVELS = {0: "minimal", 1: "replica", 2: "logical"}


def words(segments: Sequence[Segment], item: str, lsn: int) -> tuple[str, str] | None:
    """See :func:`collectors.postgres.wal.describe`."""
    found = [one for segment in segments if isinstance(one := check(segment), Checked)]
    here = [one for one in found if one.segment.sha256 == item]
    if not here or lsn // here[0].geometry.segment != here[0].number:
        return None
    one = here[0]
    after = [
        other
        for other in found
        if (other.system_id, other.geometry) == (one.system_id, one.geometry)
        and other.number > one.number
    ]
    # What runs on, runs on in the same timeline's segment, or in a later one's first.
    after.sort(key=lambda other: (other.timeline != one.timeline, other.timeline), reverse=True)
    with Fetch.of([*after, one]) as fetch:
        text = fetch.record(lsn)
    record = split(text, one.major) if text else None
    if record is None:
        return None
    copy = copy_command(one.segment, one.name)
    how = (
        f"{copy} && TZ=UTC pg_waldump -s {show(lsn)} -n 1 {one.name}  "
        f"# pg_waldump of PostgreSQL {one.major}"
    )
    return line(record, lsn, one.major), how


def line(record: Record, lsn: int, major: int) -> str:
    """The record as one line, without a space at its end."""
    images = sum(len(block.image or b"") for block in record.blocks)
    name = RMGRS[record.rmgr] if record.rmgr < len(RMGRS) else f"custom{record.rmgr:03d}"
    try:
        desc = _desc(record, major)
    except (Malformed, struct.error, OverflowError):
        desc = f"UNREADABLE ({record.info & 0xF0:#04x})"
    blocks = "".join(_block(block) for block in record.blocks)
    return (
        f"rmgr: {name:<11} len (rec/tot): {record.length - images:6}/{record.length:6}, "
        f"tx: {record.xid:10}, lsn: {_wide(lsn)}, prev {_wide(record.prev)}, desc: {desc}{blocks}"
    ).rstrip()


def _wide(lsn: int) -> str:
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:08X}"


def _block(block: Block) -> str:
    fork = "" if block.fork == 0 else f" fork {_FORKS[block.fork & 3]}"
    image = " FPW" if block.image is not None else ""
    file = decode.file_text(block.file)
    return f", blkref #{block.number}: rel {file}{fork} blk {block.page}{image}"


def _desc(record: Record, major: int) -> str:
    op = op_of(record.rmgr, record.info, major)
    if op is None:
        low = record.info & OP_MASK.get(record.rmgr, 0xF0)
        if RMGRS[record.rmgr : record.rmgr + 1] == ("Heap",) and low in _HEAP_WORDS:
            return _HEAP_WORDS[low] + ("+INIT" if record.info & 0x80 else "")
        return f"info {record.info & 0xF0:#04x}"
    return f"{op} {_BODIES[record.rmgr](record, op, major)}".rstrip()


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f} UTC"


def _transaction(record: Record, op: str, major: int) -> str:
    if op == "PREPARE":
        found = decode.row(record, major)
        end, begin = (54, 72) if major >= _STATS_SINCE else (46, 64)
        (length,) = struct.unpack_from("<H", record.main, end)
        if found is None:
            raise Malformed
        gid = record.main[begin : begin + length].split(b"\0", 1)[0].decode("utf-8", "replace")
        return f"gid {gid}: {_time(found['time'])}"
    parts = decode.outcome(record, major)
    out = f"{parts['xid']}: " if op.endswith("PREPARED") else ""
    out += _time(parts["time"])
    files = " ".join(_path(file, major) for file in parts["files"])
    below = " ".join(map(str, parts["subxids"]))
    gone = " ".join("{}/{}/{}".format(*entry) for entry in parts["stats_raw"])
    invals = " ".join(_inval(entry) for entry in parts["invals"])
    out += f"; rels: {files}" if files else ""
    out += f"; subxacts: {below}" if below else ""
    out += f"; dropped stats: {gone}" if gone else ""
    if parts["info"] & _FRESH_RELCACHE and parts["database"]:
        out += "; relcache init file inval dbid {} tsid {}".format(*parts["database"])
    out += f"; inval msgs: {invals}" if invals else ""
    out += "; sync" if parts["info"] & _SYNC else ""
    if parts["origin"] and op.startswith("COMMIT"):
        lsn, moment = parts["origin"]
        out += f"; origin: node {record.origin or 0}, lsn {show(lsn)}, at {_time(moment)}"
    return out


def _path(file: str, major: int) -> str:
    space, database, number = (int(part) for part in file.split("/"))
    where = _PATH_SPACES.get(space, f"pg_tblspc/{space}/{_CATALOGUE.get(major)}/{{}}").format(
        database
    )
    return f"{where}/{number}"


def _inval(message: bytes) -> str:
    kind, first, second = struct.unpack_from("<b3xII", message)
    if kind >= 0:
        return f"catcache {kind}"
    return {
        -1: f"catalog {second}",
        -2: f"relcache {second}",
        -3: "smgr",
        -4: f"relmap db {first}",
        -5: f"snapshot {second}",
    }.get(kind, f"unrecognized id {kind}")


def _storage(record: Record, op: str, major: int) -> str:
    if op == "CREATE":
        space, database, number, fork = struct.unpack_from("<IIIi", record.main)
        suffix = f"_{_FORKS[fork & 3]}" if fork else ""
        return _path(f"{space}/{database}/{number}", major) + suffix
    blocks, space, database, number, flags = struct.unpack_from("<IIIIi", record.main)
    return f"{_path(f'{space}/{database}/{number}', major)} to {blocks} blocks flags {flags}"


def _standby(record: Record, _: str, __: int) -> str:
    cursor = Cursor(record.main)
    locks = [struct.unpack("<III", cursor.take(12)) for _ in range(min(cursor.u32(), 1 << 16))]
    return " ".join("xid {} db {} rel {}".format(*lock) for lock in locks)


def _xlog(record: Record, op: str, major: int) -> str:
    main = record.main
    if op.startswith("CHECKPOINT"):
        level = ""
        if major >= _LEVEL_SINCE:
            (number,) = struct.unpack_from("<i", main, 20)
            level = f"wal_level {_LEVELS.get(number, '?')}; "
        redo, tli, prev, full = struct.unpack_from("<QII?", main)
        numbers = struct.unpack_from("<IIIIIIIII", main, 24)
        (oldest_commit, newest_commit, active) = struct.unpack_from("<III", main, 72)
        low, epoch, oid, multi, offset, oldest, oldest_db, oldest_multi, multi_db = numbers
        return (
            f"redo {show(redo)}; tli {tli}; prev tli {prev}; fpw {str(full).lower()}; {level}"
            f"xid {epoch}:{low}; oid {oid}; multi {multi}; offset {offset}; "
            f"oldest xid {oldest} in DB {oldest_db}; oldest multi {oldest_multi} in DB {multi_db}; "
            f"oldest/newest commit timestamp xid: {oldest_commit}/{newest_commit}; "
            f"oldest running xid {active}; "
            + ("shutdown" if op == "CHECKPOINT_SHUTDOWN" else "online")
        )
    if op == "END_OF_RECOVERY":
        at, tli, prev = struct.unpack_from("<qII", main)
        return f"tli {tli}; prev tli {prev}; time {_time(decode.timestamp(at))}"
    if op == "RESTORE_POINT":
        return main[8:].split(b"\0", 1)[0].decode("utf-8", "replace")
    if op == "BACKUP_END":
        return show(struct.unpack_from("<Q", main)[0])
    if op == "OVERWRITE_CONTRECORD":
        lsn, at = struct.unpack_from("<Qq", main)
        return f"lsn {show(lsn)}; time {_time(decode.timestamp(at))}"
    return ""


def _database(record: Record, op: str, _: int) -> str:
    cursor = Cursor(record.main)
    if op == "DROP":
        database, count = cursor.u32(), cursor.u32()
        return "dir" + "".join(f" {cursor.u32()}/{database}" for _ in range(min(count, 1 << 16)))
    database, space = cursor.u32(), cursor.u32()
    if op == "CREATE_WAL_LOG":
        return f"create dir {space}/{database}"
    template, of = cursor.u32(), cursor.u32()
    return f"copy dir {of}/{template} to {space}/{database}"


_BODIES = {
    TRANSACTION: _transaction,
    STORAGE: _storage,
    STANDBY: _standby,
    XLOG: _xlog,
    DATABASE: _database,
}
