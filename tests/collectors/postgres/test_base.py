"""Base backups of real servers, plain and in tar files: every file of them, and nothing beside."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import lz4.frame
import pytest
import zstandard

from collectors.postgres.base import BaseBackup, base_backups
from collectors.postgres.label import read_label
from collectors.postgres.members import Refused, safe
from tests.collectors.postgres.conftest import Bench, Make
from tests.servers import Postgres, postgres

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    ".gz": gzip.compress,
    ".zst": lambda data: zstandard.ZstdCompressor().compress(data),
    ".lz4": lz4.frame.compress,
}


def packed(folder: Path, members: list[tarfile.TarInfo | tuple[str, bytes]], name: str) -> Path:
    """A backup's folder with one tar file of these members."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for one in members:
            if isinstance(one, tarfile.TarInfo):
                archive.addfile(one)
            else:
                info = tarfile.TarInfo(one[0])
                info.size = len(one[1])
                archive.addfile(info, io.BytesIO(one[1]))
    folder.mkdir(exist_ok=True)
    suffix = name.partition(".tar")[2]
    (folder / name).write_bytes(PACKERS[suffix](target.getvalue()))
    return folder


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def contents(backup: BaseBackup) -> dict[str, bytes]:
    """Every file's bytes, by path."""
    out = {}
    for member in backup.members():
        if member.kind == "file":
            with member.open() as file:
                out[member.path] = file.read()
            assert len(out[member.path]) == member.size
    return out


def only(case: Bench) -> BaseBackup:
    (backup,) = base_backups(case.items)
    return backup


@pytest.fixture(scope="module")
def tars(server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One plain backup and, for each packing, a tar of its very files."""
    folder = tmp_path_factory.mktemp("tars")
    made = server.backup("for-tar", "-X", "stream")
    subprocess.run(["cp", "-r", made, folder / "plain"], check=True)
    for suffix, pack in PACKERS.items():
        target = io.BytesIO()
        with tarfile.open(fileobj=target, mode="w") as archive:
            archive.add(folder / "plain", ".")
        (folder / f"made{suffix or '.tar'}").mkdir()
        path = folder / f"made{suffix or '.tar'}" / f"base.tar{suffix}"
        path.write_bytes(pack(target.getvalue()))
    return folder


@pytest.mark.live
@pytest.mark.parametrize("suffix", list(PACKERS))
def test_a_tar_gives_the_files_of_the_folder_it_was_made_of(
    bench: Make, tars: Path, suffix: str
) -> None:
    case = bench(backups=str(tars / f"made{suffix or '.tar'}"))
    assert case.acquire().failures == []
    found = contents(only(case))
    plain = tars / "plain"
    files = {str(p.relative_to(plain)): p.read_bytes() for p in plain.rglob("*") if p.is_file()}
    assert found == files
    assert len(found) > 500


@pytest.mark.live
def test_plain_and_tar_say_the_same_of_label_control_file_and_wal(bench: Make, tars: Path) -> None:
    plain, tar = (bench(backups=str(tars / name)) for name in ("plain", "made.gz"))
    for case in (plain, tar):
        assert case.acquire().failures == []
        assert case.acquire().stored == 0
    assert contents(only(plain)) == contents(only(tar))
    assert only(plain).label == only(tar).label
    label = only(tar).label
    assert label is not None
    assert label.timeline == 1
    columns = ["kind", "subject", "value", "earliest", "stream", "position", "names"]
    same = [case.events().select(columns).sort(columns[:-1]) for case in (plain, tar)]
    assert same[0].equals(same[1])
    kinds = set(same[0]["kind"])
    assert {"backup.start", "backup.manifest", "control.checkpoint"} <= kinds
    folders = {m.path for m in only(tar).members() if m.kind == "folder"}
    assert {"pg_wal", "pg_notify", "base/1"} <= folders


@pytest.mark.live
@pytest.mark.parametrize("options", [["-Ft"], ["-Ft", "-z"], ["-Ft", "-X", "none"]])
def test_what_pg_basebackup_packs_is_read(
    bench: Make, server: Postgres, tmp_path: Path, options: list[str]
) -> None:
    made = server.backup(f"t{abs(hash(tuple(options)))}", *options)
    target = tmp_path / "backup"
    subprocess.run(["cp", "-r", made, target], check=True)
    case = bench(backups=str(target))
    assert case.acquire().failures == []
    found = contents(only(case))
    assert found["PG_VERSION"] == b"15\n"
    assert found["backup_label"].startswith(b"START WAL LOCATION")
    segments = [path for path in found if path.startswith("pg_wal/0")]
    assert bool(segments) == ("none" not in options)
    assert {item.kind for item in case.items} >= {"pg.backup-label", "pg.control-file"}
    assert case.events("control.checkpoint").height == 1


@pytest.mark.live
def test_tablespaces_in_tars_of_their_own_lie_under_pg_tblspc(bench: Make, tmp_path: Path) -> None:
    with postgres(None, {}) as server:
        server.run("mkdir", server.folder / "space")
        server.psql(f"create tablespace aside location '{server.folder}/space'")
        server.psql("create table t tablespace aside as select 1 as a")
        oid = server.psql("select oid from pg_tablespace where spcname = 'aside'").strip()
        file = server.psql("select pg_relation_filepath('t')").strip()
        made = server.backup("tars", "-Ft")
        subprocess.run(["cp", "-r", made, tmp_path / "tars"], check=True)
    case = bench(backups=str(tmp_path / "tars"))
    assert case.acquire().failures == []
    found = contents(only(case))
    assert file.startswith(f"pg_tblspc/{oid}/")
    assert len(found[file]) == 8192
    assert found["tablespace_map"].startswith(oid.encode())


@pytest.mark.live
def test_an_incremental_backup_says_that_it_is_one(bench: Make, tmp_path: Path) -> None:
    with postgres(None, {"summarize_wal": "on", "wal_level": "replica"}, major=17) as server:
        full = server.backup("full")
        server.psql("create table t as select generate_series(1, 1000) a; checkpoint")
        option = f"--incremental={full}/backup_manifest"
        for name, *options in (("plain",), ("tar", "-Ft")):
            made = server.backup(name, option, *options)
            subprocess.run(["cp", "-r", made, tmp_path / name], check=True)
        subprocess.run(["cp", "-r", full, tmp_path / "full"], check=True)
    backups = [str(tmp_path / name) for name in ("full", "plain", "tar")]
    case = bench(backups=backups, backup_files="headers")
    assert case.acquire().failures == []
    said = {Path(one.native).name: one.incremental for one in base_backups(case.items)}
    assert said == {"full": False, "plain": True, "tar": True}


def test_what_leaves_the_folder_is_refused_and_named(bench: Make, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("not part of the backup")
    members: list[tarfile.TarInfo | tuple[str, bytes]] = [
        ("PG_VERSION", b"15\n"),
        ("../outside", b"x"),
        ("/etc/passwd", b"x"),
        ("base/../../outside", b"x"),
        special("base/1", tarfile.DIRTYPE),
        special("base/link", tarfile.SYMTYPE, str(secret)),
        special("base/hard", tarfile.LNKTYPE, "../secret"),
        special("base/null", tarfile.CHRTYPE),
        special("base/disk", tarfile.BLKTYPE),
        special("base/pipe", tarfile.FIFOTYPE),
        ("global/\x1b[31m", b"x"),
        ("PG_VERSION", b"14\n"),
        (f"base/{'deep/' * 1000}", b"x"),
        ("base/last", b"kept"),
    ]
    case = bench(backups=str(packed(tmp_path / "b", members, "base.tar.gz")))
    assert case.acquire().failures == []
    refused: list[Refused] = []
    found = {m.path: m.kind for m in only(case).members(refused.append)}
    assert found == {"PG_VERSION": "file", "base/1": "folder", "base/last": "file"}
    assert contents(only(case))["PG_VERSION"] == b"15\n"
    why = {one.name: one.why for one in refused}
    assert len(refused) == 11
    assert why["../outside"] == why["/etc/passwd"] == "a path that leaves the folder"
    assert str(secret) in why["base/link"]
    assert why["PG_VERSION"] == "a second member of one name"
    assert "character device" in why["base/null"]
    said = [json.loads(line) for line in case.custody().splitlines()]
    (call,) = [one["said"] for one in said if one["action"] == "call"]
    assert call["refused_count"] == 10
    assert any("../outside" in name for name in call["refused"])


@pytest.mark.parametrize("cut", [100, 700, 1600, 5000])
def test_a_tar_cut_off_is_said_and_what_came_before_stays(
    bench: Make, tmp_path: Path, cut: int
) -> None:
    label = b"START WAL LOCATION: 0/3000028 (file 000000010000000000000003)\nSTART TIMELINE: 1\n"
    members: list[tarfile.TarInfo | tuple[str, bytes]] = [
        ("backup_label", label),
        ("base/1/2", b"x" * 9000),
    ]
    folder = packed(tmp_path / "b", members, "base.tar")
    data = (folder / "base.tar").read_bytes()
    (folder / "base.tar").write_bytes(data[:cut])
    case = bench(backups=str(folder))
    ((native, error),) = case.acquire().failures
    assert native.endswith("base.tar")
    assert "the end of the file" in str(error)
    assert bool(case.items.of("pg.backup-label")) == (cut > 600)  # the label ends at byte 591


@pytest.mark.parametrize("suffix", [".gz", ".zst", ".lz4"])
def test_a_damaged_packing_is_said(bench: Make, tmp_path: Path, suffix: str) -> None:
    members: list[tarfile.TarInfo | tuple[str, bytes]] = [("PG_VERSION", bytes(range(256)) * 400)]
    folder = packed(tmp_path / "b", members, f"base.tar{suffix}")
    path = folder / f"base.tar{suffix}"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    case = bench(backups=str(folder))
    ((_, error),) = case.acquire().failures
    assert error.exit_code == 3


def test_a_header_that_asks_for_much_memory_is_refused(bench: Make, tmp_path: Path) -> None:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 1 << 40
    folder = tmp_path / "b"
    folder.mkdir()
    (folder / "base.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT))
    ((_, error),) = bench(backups=str(folder)).acquire().failures
    assert "extended header of at most" in str(error)


def test_headers_alone_where_the_case_says_so(bench: Make, tmp_path: Path) -> None:
    label = b"START WAL LOCATION: 0/3000028 (file 000000010000000000000003)\n"
    members: list[tarfile.TarInfo | tuple[str, bytes]] = [
        ("backup_label", label),
        ("base/1/2", b"x" * 9000),
    ]
    folder = packed(tmp_path / "b", members, "base.tar.zst")
    case = bench(backups=str(folder), backup_files="headers")
    assert case.acquire().failures == []
    assert [item.kind for item in case.items] == ["pg.backup-label"]
    assert not only(case).whole


def test_a_tar_of_the_folder_is_as_one_made_in_it(bench: Make, tmp_path: Path) -> None:
    label = b"START WAL LOCATION: A/3000028 (file 000000010000000A00000003)\nSTART TIMELINE: 1\n"
    around: list[tarfile.TarInfo | tuple[str, bytes]] = [
        special("weekly", tarfile.DIRTYPE),
        ("weekly/backup_label", label),
        ("weekly/global/1262", b"x"),
        ("beside", b"x"),
    ]
    folder = packed(tmp_path / "b", around, "base.tar")
    (folder / "base.tar").rename(tmp_path / "weekly.tar")
    case = bench(backups=str(tmp_path / "weekly.tar"))
    assert case.acquire().failures == []
    refused: list[Refused] = []
    assert {m.path for m in only(case).members(refused.append)} == {"backup_label", "global/1262"}
    assert [one.name for one in refused] == ["beside"]
    read = only(case).label
    assert read is not None
    assert read.start == 0xA03000028


def test_a_path_is_safe_or_none() -> None:
    assert safe("./a//b/./c") == "a/b/c"
    assert safe("./") == ""
    for name in ("/a", "a/../b", "..", "a\x00b", "a\nb", "x/" * 4000):
        assert safe(name) is None, name


def test_a_label_without_an_lsn_is_none() -> None:
    assert read_label(b"START TIME: 2026-01-01\n") is None
    assert read_label(b"\xff\xfe") is None
