"""Old workbooks (.xls), made by hand: cells as they are, and files that would fill the memory."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from collectors.records import excel, oldexcel
from collectors.records.workbook import NotAWorkbookError

Cells = Mapping[tuple[int, int], str | float]
END, FAT, FREE = 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF


def record(kind: int, data: bytes) -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def cell(row: int, column: int, value: str | float) -> bytes:
    place = struct.pack("<HHH", row, column, 0)
    if isinstance(value, str):
        return record(0x0204, place + struct.pack("<HB", len(value), 0) + value.encode("latin-1"))
    return record(0x0203, place + struct.pack("<d", value))


def xls(path: Path, *sheets: Cells) -> Path:
    """A workbook of BIFF8 ([MS-XLS]) in a compound file ([MS-CFB]) of one stream."""

    def begin(kind: int) -> bytes:
        return record(0x0809, struct.pack("<HHHHII", 0x0600, kind, 0x0DBB, 0x07CC, 0, 6))

    end = record(0x000A, b"")
    bodies = [
        begin(0x0010) + b"".join(cell(*at, value) for at, value in one.items()) + end
        for one in sheets
    ]
    names = [f"S{number}".encode() for number in range(len(sheets))]
    at = len(begin(5)) + len(end) + sum(4 + 8 + len(name) for name in names)
    bound = b""
    for name, body in zip(names, bodies, strict=True):
        bound += record(0x0085, struct.pack("<IBBBB", at, 0, 0, len(name), 0) + name)
        at += len(body)
    stream = begin(5) + bound + end + b"".join(bodies)
    stream += bytes(max(4096, -(-len(stream) // 512) * 512) - len(stream))
    count = len(stream) // 512
    chain = [FAT, END, *range(3, count + 2), END]
    assert len(chain) <= 128
    entries = b""
    for text, kind, child, start, size in (
        ("Root Entry", 5, 1, END, 0),
        ("Workbook", 2, FREE, 2, len(stream)),
    ):
        raw = text.encode("utf-16-le")
        entries += raw.ljust(64, b"\0") + struct.pack("<HBB", len(raw) + 2, kind, 1)
        entries += struct.pack("<III", FREE, FREE, child) + bytes(36)
        entries += struct.pack("<IQ", start, size)
    header = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16)
    header += struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, END, 0, END, 0)
    header += struct.pack("<109I", 0, *[FREE] * 108)
    table = struct.pack("<128I", *chain, *[FREE] * (128 - len(chain)))
    path.write_bytes(header + table + entries.ljust(512, b"\0") + stream)
    return path


def test_cells_are_read(tmp_path: Path):
    path = xls(tmp_path / "a.xls", {(0, 0): "server", (0, 1): "patch", (1, 0): "db1", (1, 1): 7.0})
    assert oldexcel.check(path, 100, 100) == ""
    assert excel.cells_of(path, "S0", 2) == ["db1", "7"]


def test_more_cells_or_text_than_any_table_is_refused(tmp_path: Path):
    path = xls(tmp_path / "a.xls", {(0, 0): 1.0, (9, 9): 2.0}, {(0, 0): "text" * 20})
    assert "10 rows and 10 columns" in oldexcel.check(path, 99, 100)
    assert "less text" in oldexcel.check(path, 101, 79)
    assert oldexcel.check(path, 101, 80) == ""


def test_two_cells_in_two_corners_of_many_sheets_fill_no_memory(tmp_path: Path):
    """A few kilobytes, of which the reader would make ten sheets of half a gigabyte each."""
    corners = {(0, 0): 1.0, (65_535, 255): 2.0}
    path = xls(tmp_path / "a.xls", *[corners] * 10)
    assert path.stat().st_size < 10_000
    script = (
        "import sys, resource; from pathlib import Path; from collectors.records import excel\n"
        "try:\n    excel.cells_of(Path(sys.argv[1]), 'S0', 1)\n"
        "except excel.NotAWorkbookError as error:\n    print(error)\n"
        # Of itself what it took since it runs this program, not what it was forked from.
        "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True
    )
    said, own, most = done.stdout.splitlines()
    assert said == "expected a workbook that is read in 1024 MiB and 60 s; found more"
    assert int(own) << 10 < oldexcel.ROOM // 2
    assert int(most) << 10 <= oldexcel.ROOM


def test_a_file_that_is_none_is_named_by_its_reader(tmp_path: Path):
    path = tmp_path / "a.xls"
    path.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600))
    assert oldexcel.check(path, 100, 100) == ""
    with pytest.raises(NotAWorkbookError, match="found a file that is none"):
        excel.cells_of(path, "S0", 1)


@pytest.mark.parametrize("name", ["collectors", "python_calamine"])
def test_nothing_of_the_folder_it_is_run_in_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
):
    """Evidence may have modules of the names that are imported."""
    path = xls(tmp_path / "a.xls", {(0, 0): 1.0})
    package = tmp_path / name / "records"
    package.mkdir(parents=True)
    mark = tmp_path / "ran"
    for file in (package.parent / "__init__.py", package / "__init__.py", package / "oldexcel.py"):
        file.write_text(f"open({str(mark)!r}, 'w').close()\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(oldexcel.__file__).parents[2]))
    run = [sys.executable, "-m", name]
    subprocess.run(run, check=False, capture_output=True, env={})
    assert mark.exists(), "the payload works"
    mark.unlink()
    assert oldexcel.check(path, 100, 100) == ""
    assert not mark.exists()
