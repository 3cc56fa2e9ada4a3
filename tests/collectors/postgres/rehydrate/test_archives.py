"""As archives really lie there: packed segments, and the folders that backup tools keep."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from recon.errors import BadInputError
from tests.collectors.postgres.conftest import Bench
from tests.collectors.postgres.rehydrate.clusters import (
    ask,
    case,
    restored_in_between,
    rows,
)
from tests.collectors.postgres.repositories import Repositories

pytestmark = [pytest.mark.live, pytest.mark.slow]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    restored_in_between(folder)
    return folder


def gzip(path: Path) -> None:
    subprocess.run(["gzip", path], check=True)


def zstd(path: Path) -> None:
    subprocess.run(["zstd", "-q", "--rm", path], check=True)


def lz4(path: Path) -> None:
    subprocess.run(["lz4", "-q", "--rm", path, f"{path}.lz4"], check=True)


def pgbackrest(path: Path) -> None:
    """``NAME-SHA1.gz``; what is no segment lies there plain."""
    if len(path.name) == 24:
        digest = subprocess.run(["sha1sum", path], check=True, capture_output=True, text=True)
        gzip(path.rename(f"{path}-{digest.stdout[:40]}"))


def barman(path: Path) -> None:
    """Packed, under the plain name."""
    gzip(path)
    path.with_name(f"{path.name}.gz").rename(path)


@pytest.mark.parametrize("pack", [gzip, zstd, lz4, pgbackrest, barman])
def test_packed_log_leads_to_the_same_rows(
    exported: Path, tmp_path: Path, pack: Callable[[Path], None]
) -> None:
    packed = Path(shutil.copytree(exported / "archive", tmp_path / "archive"))
    for path in sorted(packed.iterdir()):
        pack(path)
    made = case(tmp_path / "case", backups=str(exported / "base"), wal=str(packed))
    answer = ask(made, "3:30")
    assert rows(answer, "model", "sha") == [("a", "one"), ("b", "two")]
    # The second timeline's own history file is packed as the segments are.
    later = ask(made, "9:30")
    assert later.provenance["timeline"] == 2
    assert rows(later, "model") == [("a",), ("b",), ("b2",)]


def test_damage_within_a_packed_segment_is_refused(exported: Path, tmp_path: Path) -> None:
    packed = Path(shutil.copytree(exported / "archive", tmp_path / "archive"))
    cut = 0
    for path in sorted(packed.iterdir()):
        if len(path.name) == 24 and path.name.startswith("00000001"):
            gzip(path)
            target = path.with_name(f"{path.name}.gz")
            # Most of each is a switch's zeros: what is cut off is the log's own part.
            target.write_bytes(target.read_bytes()[:400])
            cut += 1
    assert cut
    made = case(tmp_path / "case", backups=str(exported / "base"), wal=str(packed))
    with pytest.raises(BadInputError):
        ask(made, "3:30")
    assert not [item for item in made.items if item.kind == "pg.rehydrated"]


def test_a_segment_that_is_not_what_was_archived_leads_nowhere(
    exported: Path, tmp_path: Path
) -> None:
    """By the SHA-1 in pgBackRest's name; its records' checksums fit."""
    packed = Path(shutil.copytree(exported / "archive", tmp_path / "archive"))
    for path in sorted(packed.iterdir()):
        if len(path.name) == 24:
            gzip(path.rename(f"{path}-{'0' * 40}"))
    made = case(tmp_path / "case", backups=str(exported / "base"), wal=str(packed))
    with pytest.raises(BadInputError) as raised:
        ask(made, "3:30")
    assert f"SHA-1 {'0' * 40} of the segment" in str(raised.value)


def test_a_segment_packed_in_a_way_that_is_not_read_is_named(
    exported: Path, tmp_path: Path
) -> None:
    packed = Path(shutil.copytree(exported / "archive", tmp_path / "archive"))
    for path in sorted(packed.iterdir()):
        if len(path.name) == 24:
            path.with_name(f"{path.name}.br").write_bytes(b"brotli has no signature of its own")
            path.unlink()
    made = case(tmp_path / "case", backups=str(exported / "base"), wal=str(packed))
    with pytest.raises(BadInputError) as raised:
        ask(made, "3:30")
    assert "brotli" in str(raised.value)


def of_tool(made: Repositories, tool: str, folder: Path) -> Bench:
    path = str(getattr(made, tool))
    folder.mkdir()
    claim = {"table": "ml.lineage", "subject": "model:{model}", "attributes": {"v": "version"}}
    bench = Bench(folder, {"wal": path, "backups": path}, (claim,))
    assert bench.acquire().failures == []
    return bench


@pytest.mark.parametrize("tool", ["pgbackrest", "bundled", "barman", "walg"])
def test_a_backup_tools_folder_leads_to_the_rows(
    made: Repositories, tmp_path: Path, tool: str
) -> None:
    bench = of_tool(made, tool, tmp_path / "case")
    answer = ask(bench, made.places["1"])
    expected = [("credit-risk", "2.3.1"), ("credit-risk", "2.4.0"), ("last", "1")]
    assert rows(answer, "model", "version") == expected
    assert answer.provenance["system_identifier"] == str(made.system_id)
    passed = answer.provenance["passed_over"]
    assert bool(passed) == (tool == "pgbackrest")
    assert all("expected a full backup, found an incremental one" in one for one in passed)


def test_the_point_lies_between_the_full_backup_and_the_end(
    made: Repositories, tmp_path: Path
) -> None:
    answer = ask(of_tool(made, "pgbackrest", tmp_path / "case"), made.places["2.4.0"])
    assert rows(answer, "version") == [("2.3.1",), ("2.4.0",)]


def test_an_incremental_backup_alone_and_an_encrypted_one_say_why_not(
    made: Repositories, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(made.pgbackrest, tmp_path / "alone", symlinks=True))
    (full,) = [path for path in (copy / "backup" / "main").iterdir() if path.name.endswith("F")]
    shutil.rmtree(full)
    (tmp_path / "case").mkdir()
    bench = Bench(tmp_path / "case", {"wal": str(copy), "backups": str(copy)})
    bench.acquire()
    with pytest.raises(BadInputError) as raised:
        ask(bench, made.places["1"], tables=("ml.lineage",))
    assert "found an incremental one" in str(raised.value)
    (tmp_path / "second").mkdir()
    path = str(made.encrypted)
    bench = Bench(tmp_path / "second", {"wal": path, "backups": path})
    bench.acquire()
    with pytest.raises(BadInputError) as raised:
        ask(bench, made.places["1"], tables=("ml.lineage",))
    assert "a base backup" in str(raised.value)
