"""Folders of backup tools, made by the tools from one real server: pgBackRest and Barman of Debian.

WAL-G is packaged nowhere that the tests install from: its storage is laid out here by its
documentation and by the fields of ``backup_sentinel_dto.go``, from tar files of ``pg_basebackup``.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.servers import Postgres, postgres

START = datetime(2026, 2, 10, 3, 0, tzinfo=UTC)
STORY = """
create schema ml;
create table ml.lineage (model text, version text, registered_at timestamptz default now());
insert into ml.lineage values ('credit-risk', '2.3.1');
"""


@dataclass(frozen=True)
class Repositories:
    """Copies of what the tools made."""

    folder: Path
    system_id: int
    wal: Path
    """The server's own archive, plain: what all of them archived."""
    places: dict[str, str]
    """LSN behind the commit of a version, by the version."""

    @property
    def pgbackrest(self) -> Path:
        """Packed by zstd; a full backup, then an incremental one."""
        return self.folder / "pgbackrest"

    @property
    def bundled(self) -> Path:
        """Packed by lz4, small files in bundles; one full backup."""
        return self.folder / "bundled"

    @property
    def encrypted(self) -> Path:
        """With ``repo-cipher-type=aes-256-cbc``."""
        return self.folder / "encrypted"

    @property
    def barman(self) -> Path:
        """WAL packed by gzip; one backup."""
        return self.folder / "barman"

    @property
    def walg(self) -> Path:
        """Packed by lz4; a full backup and the sentinel of a delta."""
        return self.folder / "wal-g"


def make(folder: Path) -> Repositories:
    """One server, archived and backed up by each of the tools."""
    with postgres(None, {"wal_level": "replica"}, initdb=["--wal-segsize=1"]) as server:
        server.psql(STORY)
        stanzas = {
            "pgbackrest": "compress-type=zst\n",
            "bundled": "compress-type=lz4\nrepo1-bundle=y\n",
            "encrypted": "compress-type=gz\nrepo1-cipher-type=aes-256-cbc\n"
            "repo1-cipher-pass=unguessed\n",
        }
        pushes = [_pgbackrest(server, name, more) for name, more in stanzas.items()]
        barman = _barman(server)
        copies = [*pushes, f"cp %p {barman}/db/incoming/%f", f"cp %p {server.archive}/%f"]
        server.psql(f"alter system set archive_command = '{' && '.join(copies)}'")
        server.psql("select pg_reload_conf()")
        for name in stanzas:
            _run(server, name, "stanza-create")
        for name in stanzas:
            _run(server, name, "backup", "--type=full")
        server.psql("insert into ml.lineage values ('credit-risk', '2.4.0')")
        places = {"2.4.0": _place(server)}
        _run(server, "pgbackrest", "backup", "--type=incr")
        _barman_backup(server, barman)
        server.backup("tars", "-Ft", "-X", "none")
        server.psql("insert into ml.lineage values ('last', '1')")
        places["1"] = _place(server)
        server.psql("checkpoint")
        server.switch_wal()
        server.run("barman", "-c", barman / "barman.conf", "archive-wal", "db")
        system = int(server.psql("select system_identifier from pg_control_system()"))
        for name in stanzas:
            shutil.copytree(server.folder / name, folder / name, symlinks=True)
        shutil.copytree(barman / "db", folder / "barman", symlinks=True)
        shutil.copytree(server.archive, folder / "wal")
        _walg(server, folder / "wal-g", system)
    return Repositories(folder, system, folder / "wal", places)


def _place(server: Postgres) -> str:
    return str(server.psql("select pg_current_wal_insert_lsn()")).strip()


def _pgbackrest(server: Postgres, name: str, more: str) -> str:
    """Configure a repository; its ``archive_command``."""
    config = server.folder / f"{name}.conf"
    config.write_text(
        f"[global]\nrepo1-path={server.folder}/{name}\nlog-path={server.folder}\n"
        f"lock-path={server.folder}/{name}.lock\nspool-path={server.folder}/{name}.spool\n"
        f"log-level-file=off\nstart-fast=y\n{more}"
        f"[main]\npg1-path={server.data}\npg1-port={server.port}\n"
        f"pg1-socket-path={server.folder}\npg1-user=postgres\n",
        encoding="utf-8",
    )
    config.chmod(0o644)
    return f"pgbackrest --config={config} --stanza=main archive-push %p"


def _run(server: Postgres, name: str, *arguments: str) -> None:
    config = server.folder / f"{name}.conf"
    server.run("pgbackrest", f"--config={config}", "--stanza=main", *arguments)


def _barman(server: Postgres) -> Path:
    home = server.folder / "barman"
    server.run("mkdir", "-p", home / "db" / "incoming")
    connection = f"host={server.folder} port={server.port} user=postgres dbname=postgres"
    (server.folder / "barman.conf").write_text(
        f"[barman]\nbarman_home = {home}\nbarman_user = postgres\nlog_file = {home}/log\n"
        f"compression = gzip\n[db]\ndescription = the server\nconninfo = {connection}\n"
        f"streaming_conninfo = {connection}\nbackup_method = postgres\narchiver = on\n"
        f"path_prefix = {server.bin}\n",
        encoding="utf-8",
    )
    server.run("cp", server.folder / "barman.conf", home / "barman.conf")
    return home


def _barman_backup(server: Postgres, home: Path) -> None:
    # Barman wants one segment in its archive before it takes a backup.
    server.switch_wal()
    config = home / "barman.conf"
    server.run("barman", "-c", config, "archive-wal", "db")
    server.run("barman", "-c", config, "backup", "--immediate-checkpoint", "db")


def _walg(server: Postgres, target: Path, system: int) -> None:
    """``wal_005`` and ``basebackups_005``, as WAL-G lays them out."""
    wal, backups = target / "wal_005", target / "basebackups_005"
    wal.mkdir(parents=True)
    for path in sorted(server.archive.iterdir()):
        if len(path.name) == 24:
            _lz4(path, wal / f"{path.name}.lz4")
    base = server.folder / "tars" / "base.tar"
    with tarfile.open(base) as tar:
        label = tar.extractfile("backup_label")
        assert label
        fields = dict(
            line.split(": ", 1) for line in label.read().decode().splitlines() if ": " in line
        )
    high, low = fields["START WAL LOCATION"].split(" ")[0].split("/")
    segment = fields["START WAL LOCATION"].partition("(file ")[2].rstrip(")")
    name = f"base_{segment}"
    parts = backups / name / "tar_partitions"
    parts.mkdir(parents=True)
    _lz4(base, parts / "part_001.tar.lz4")
    start = int(high, 16) << 32 | int(low, 16)
    sentinel = {
        "LSN": start,
        "Timeline": 1,
        "PgVersion": 150000,
        "FinishLSN": start + 0x100,
        "SystemIdentifier": system,
        "UncompressedSize": base.stat().st_size,
        "CompressedSize": 1,
        "Spec": None,
        "Version": 2,
        "StartTime": "2026-02-10T03:00:00.118203Z",
        "FinishTime": "2026-02-10T03:00:04.2Z",
        "DateFmt": "%Y-%m-%dT%H:%M:%S.%fZ",
        "Hostname": "db1",
        "DataDir": "/var/lib/postgresql/15/main",
        "IsPermanent": False,
    }
    (backups / f"{name}_backup_stop_sentinel.json").write_text(json.dumps(sentinel))
    metadata = {
        "start_time": sentinel["StartTime"],
        "finish_time": sentinel["FinishTime"],
        "start_lsn": start,
        "finish_lsn": start + 0x100,
        "system_identifier": system,
        "timeline": 1,
    }
    (backups / name / "metadata.json").write_text(json.dumps(metadata))
    delta = {"DeltaLSN": start, "DeltaFrom": name, "DeltaFullName": name, "DeltaCount": 1}
    later = f"base_{segment[:-1]}F_D_{segment[8:]}"
    (backups / f"{later}_backup_stop_sentinel.json").write_text(json.dumps(sentinel | delta))


def _lz4(path: Path, target: Path) -> None:
    with target.open("wb") as out:
        subprocess.run(["lz4", "-c", path], stdout=out, stderr=subprocess.DEVNULL, check=True)
