"""A record that a crash cut off, and that the server then declared void: laid out by hand."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from collectors.postgres.wal import read
from collectors.postgres.wal.crc import record_crc
from collectors.postgres.wal.layout import LONG_HEADER, PAGE_HEADER
from collectors.postgres.wal.waldump import find
from tests.collectors.postgres.wal.archives import segment

NAME, START, SIZE, PAGE, CLUSTER = "00000001000000000000000C", 0xC00000, 2**20, 8192, 77
COMMIT, NOOP, OVERWRITE = (1, 0x00), (0, 0x20), (0, 0xD0)
needs_tool = pytest.mark.skipif(find(15) is None, reason="pg_waldump 15 is not installed")


class Writer:
    """WAL as a server would write it, record by record."""

    def __init__(self) -> None:
        self.text = bytearray()
        self.prev = 0
        self.at: list[int] = []
        self._page(0, 0)

    def _page(self, flags: int, remains: int) -> None:
        address = START + len(self.text)
        if not self.text:
            self.text += LONG_HEADER.pack(0xD110, 2, 1, address, 0, CLUSTER, SIZE, PAGE)
        else:
            self.text += PAGE_HEADER.pack(0xD110, flags, 1, address, remains)

    def write(self, kind: tuple[int, int], main: bytes, *, cut: bool = False) -> None:
        """A record; ``cut``: no more of it than its first page holds."""
        head = (
            bytes([0xFF, len(main)]) if len(main) < 256 else b"\xfe" + struct.pack("<I", len(main))
        )
        rmgr, info = kind
        length = 24 + len(head) + len(main)
        record = struct.pack("<IIQBBxxI", length, 700, self.prev, info, rmgr, 0) + head + main
        record = record[:20] + struct.pack("<I", record_crc(record)) + record[24:]
        here = START + len(self.text)
        while record:
            room = PAGE - len(self.text) % PAGE
            if room == PAGE:
                self._page(1, len(record))
                continue
            if len(record) > room and cut:
                self.text += record[:room]
                self._page(8, 0)
                return
            self.text += record[:room]
            record = record[room:]
        self.text += bytes(-len(self.text) % 8)
        self.at.append(here)
        self.prev = here
        if len(self.text) % PAGE == 0:
            self._page(0, 0)

    def segment(self, folder: Path) -> Path:
        path = folder / NAME
        path.write_bytes(self.text + bytes(SIZE - len(self.text)))
        return path


def story() -> Writer:
    wal = Writer()
    wal.write(COMMIT, struct.pack("<q", 1_000_000))
    wal.write(NOOP, bytes(7000))
    wal.write(NOOP, bytes(20_000), cut=True)
    wal.write(OVERWRITE, struct.pack("<Qq", START, 2_000_000))
    wal.write(NOOP, bytes(20_000))
    wal.write(COMMIT, struct.pack("<q", 3_000_000))
    return wal


@pytest.mark.parametrize("prefer_tool", [False, pytest.param(True, marks=needs_tool)])
def test_reading_goes_on_behind_a_record_that_the_server_declared_void(
    tmp_path: Path,
    prefer_tool: bool,  # noqa: FBT001
):
    wal = story()
    found = read([segment(wal.segment(tmp_path))], source="db", prefer_tool=prefer_tool)
    assert found.warnings == []
    assert found.method.startswith("pg_waldump") is prefer_tool
    kept = found.records.select("op", "lsn").rows()
    assert kept == [
        ("COMMIT", wal.at[0]),
        ("OVERWRITE_CONTRECORD", wal.at[2]),
        ("COMMIT", wal.at[4]),
    ]
    assert [time.year for time in found.records["time"].drop_nulls()] == [2000, 2000]


def test_a_record_cut_off_without_a_word_ends_the_stretch(tmp_path: Path):
    wal = story()
    page = wal.at[2] - START - PAGE_HEADER.size
    # The flag that declares the record void is taken back.
    wal.text[page + 2] = 0
    found = read([segment(wal.segment(tmp_path))], source="db", prefer_tool=False)
    assert found.records["op"].to_list() == ["COMMIT"]
    assert "does not continue the record" in found.warnings[0].message
    assert NAME in found.warnings[0].message


def test_a_time_that_no_calendar_holds_is_no_event(tmp_path: Path):
    wal = Writer()
    wal.write(COMMIT, struct.pack("<q", 2**63 - 1))
    wal.write(COMMIT, struct.pack("<q", 1_000_000))
    found = read([segment(wal.segment(tmp_path))], source="db", prefer_tool=False)
    assert found.records["lsn"].to_list() == [wal.at[1]]
    assert "lengths that do not fit" in found.warnings[0].message
