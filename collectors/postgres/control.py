"""``global/pg_control``: which cluster it is, and where its last checkpoint stood.

The file is the C structure ``ControlFileData`` (PostgreSQL, src/include/catalog/pg_control.h) of a
little-endian 64-bit server, filled with zeros to 8192 bytes. ``pg_controldata`` prints the same::

    pg_control version number:            1300
    Database system identifier:           7605065949603614561
    Latest checkpoint location:           0/2000060
    Latest checkpoint's NextXID:          0:733
    Time of latest checkpoint:            Tue Feb 10 03:00:01 2026
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime

from recon.errors import BadInputError

# pg_control_version of each major version read here, and where its checksum stands: in 18 a field
# more (default_char_signedness) comes before the nonce.
_CRC_AT = {1201: 288, 1300: 288, 1700: 288, 1800: 292}
_STATES = (
    "starting up",
    "shut down",
    "shut down in recovery",
    "shutting down",
    "in crash recovery",
    "in archive recovery",
    "in production",
)
# From offset 0: system identifier, versions, state, (pad), time, checkpoint, and its copy:
# redo, timelines, full_page_writes and padding, next xid, next oid, multixacts, oldest xid …
_HEAD = struct.Struct("<QIIi4xqQ")
_COPY = struct.Struct("<QII8xQIIIIIII4xqIII")
_SETTINGS = struct.Struct("<i?3xiiiii?")
_SETTINGS_AT = 172
_SIZES = struct.Struct("<IIII")
_SIZES_AT = 216
_POLYNOMIAL = 0x82F63B78  # CRC-32C, Castagnoli, reflected (RFC 3720, appendix B.4)
_WORD = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class ControlFile:
    """What the file says; LSNs as integers, times in UTC to the second."""

    system_id: int
    control_version: int
    catalog_version: int
    state: str
    written: datetime
    """When the server last wrote the file."""
    checkpoint: int
    redo: int
    timeline: int
    previous_timeline: int
    next_xid: int
    """With its epoch in the upper 32 bits."""
    next_oid: int
    oldest_xid: int
    checkpoint_time: datetime
    oldest_commit_ts_xid: int
    newest_commit_ts_xid: int
    oldest_running_xid: int
    """At the checkpoint; 0 where none is told, as of a shutdown."""
    max_connections: int
    max_worker_processes: int
    max_wal_senders: int
    max_prepared_transactions: int
    max_locks_per_transaction: int
    track_commit_timestamp: bool
    segment_size: int
    """Of WAL, in bytes."""

    @property
    def next_xid_shown(self) -> str:
        """As PostgreSQL prints it: ``0:733``."""
        return f"{self.next_xid >> 32}:{self.next_xid & _WORD}"


def lsn(value: int) -> str:
    """``0/2000060``, as PostgreSQL prints it."""
    return f"{value >> 32:X}/{value & _WORD:X}"


def read_control(data: bytes, where: str = "pg_control") -> ControlFile:
    """Read the file's bytes.

    Raises:
        BadInputError: too short, of another version or byte order, or its CRC does not match.
    """
    if len(data) < max(_CRC_AT.values()) + 4:
        raise BadInputError("8192 bytes", f"{len(data)} bytes", where, "copy the file again")
    system_id, version, catalog, state, written, checkpoint = _HEAD.unpack_from(data)
    if version not in _CRC_AT:
        raise BadInputError(
            f"a pg_control version of {sorted(_CRC_AT)} (PostgreSQL 12 to 18, little-endian)",
            str(version),
            where,
            "read it with pg_controldata of its own version",
        )
    at = _CRC_AT[version]
    stored = int.from_bytes(data[at : at + 4], "little")
    if crc32c(data[:at]) != stored:
        raise BadInputError(
            f"CRC-32C {stored:08x}, as the file says of itself",
            f"{crc32c(data[:at]):08x}",
            where,
            "the bytes were changed or torn; copy the file again",
        )
    copy = _COPY.unpack_from(data, _HEAD.size)
    redo, timeline, previous, next_xid, next_oid, _, _, oldest_xid = copy[:8]
    checkpoint_time, oldest_commit, newest_commit, oldest_running = copy[11:15]
    settings = _SETTINGS.unpack_from(data, _SETTINGS_AT)
    return ControlFile(
        system_id=system_id,
        control_version=version,
        catalog_version=catalog,
        state=_STATES[state] if 0 <= state < len(_STATES) else f"state {state}",
        written=_moment(written, where),
        checkpoint=checkpoint,
        redo=redo,
        timeline=timeline,
        previous_timeline=previous,
        next_xid=next_xid,
        next_oid=next_oid,
        oldest_xid=oldest_xid,
        checkpoint_time=_moment(checkpoint_time, where),
        oldest_commit_ts_xid=oldest_commit,
        newest_commit_ts_xid=newest_commit,
        oldest_running_xid=oldest_running,
        max_connections=settings[2],
        max_worker_processes=settings[3],
        max_wal_senders=settings[4],
        max_prepared_transactions=settings[5],
        max_locks_per_transaction=settings[6],
        track_commit_timestamp=settings[7],
        segment_size=_SIZES.unpack_from(data, _SIZES_AT)[3],
    )


def render(control: ControlFile) -> str:
    """In the words of pg_controldata."""
    lines = {
        "pg_control version number": control.control_version,
        "Catalog version number": control.catalog_version,
        "Database system identifier": control.system_id,
        "Database cluster state": control.state,
        "pg_control last modified": control.written.isoformat(),
        "Latest checkpoint location": lsn(control.checkpoint),
        "Latest checkpoint's REDO location": lsn(control.redo),
        "Latest checkpoint's TimeLineID": control.timeline,
        "Latest checkpoint's PrevTimeLineID": control.previous_timeline,
        "Latest checkpoint's NextXID": control.next_xid_shown,
        "Latest checkpoint's NextOID": control.next_oid,
        "Latest checkpoint's oldestXID": control.oldest_xid,
        "Latest checkpoint's oldestCommitTsXid": control.oldest_commit_ts_xid,
        "Latest checkpoint's newestCommitTsXid": control.newest_commit_ts_xid,
        "Latest checkpoint's oldestActiveXID": control.oldest_running_xid,
        "Time of latest checkpoint": control.checkpoint_time.isoformat(),
        "track_commit_timestamp setting": "on" if control.track_commit_timestamp else "off",
        "Bytes per WAL segment": control.segment_size,
    }
    return "\n".join(f"{name}: {value}" for name, value in lines.items())


def crc32c(data: bytes) -> int:
    """CRC-32C, bit by bit: the file's checksum covers 288 bytes."""
    state = _WORD
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = (state >> 1) ^ (_POLYNOMIAL if state & 1 else 0)
    return state ^ _WORD


def _moment(seconds: int, where: str) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise BadInputError(
            "seconds since 1970", str(seconds), where, "read it with pg_controldata"
        ) from None
