"""Whatever ends a run, its server ends and its folder goes; the command line from end to end."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors.postgres.rehydrate.scratch import PREFIX, scratch
from collectors.postgres.scratch import FOLDER, sweep
from tests.collectors.postgres.rehydrate.clusters import SETTINGS, SMALL, TABLE, Told, at
from tests.servers import postgres

CASE = """
[case]
id = "stood"
title = "What did it say?"
[domain.platform]
organisation = "acme"
[[source]]
id = "db"
collector = "postgres"
domain = "platform"
wal = "archive"
backups = ["base"]
[[source.claim]]
table = "ml.lineage"
subject = "model:{model}"
time = "at"
attributes = { artifact = "sha" }
"""
RECON = [str(Path(sys.executable).parent / "recon")]


@pytest.fixture(scope="module")
def stood(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collected case of one table and two of its rows."""
    folder = tmp_path_factory.mktemp("stood")
    with postgres(None, SETTINGS, clock=at("0:30"), initdb=SMALL) as server:
        told = Told(server).then("1:00", TABLE)
        told.backup("2:00", "base", "-Ft", "-z")
        told.then("3:00", "insert into ml.lineage values ('b', 'two')")
        told.then("4:00", "delete from ml.lineage")
        server.switch_wal()
        told.export(folder, "base", "archive")
    (folder / "case.toml").write_text(CASE)
    subprocess.run([*RECON, "collect", "--case", folder], check=True, capture_output=True)
    return folder


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder of scratch folders that every user can enter, and that is short."""
    folder = Path(tempfile.mkdtemp(prefix="scratch-"))
    folder.chmod(0o1777)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def run(folder: Path, root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*RECON, *arguments, "--case", str(folder)]
    environment = {**os.environ, FOLDER: str(root)}
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environment)


@pytest.mark.live
def test_the_command_answers_and_said_then_is_certain_of_it(stood: Path, root: Path) -> None:
    when = at("3:30").isoformat()
    done = run(stood, root, "rehydrate", "db", "--at", when, "--format", "json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert [row[3:5] for row in answer["answers"][0]["rows"]] == [["a", "one"], ["b", "two"]]
    shown = run(stood, root, "rehydrate", "db", "--at", when)
    assert re.search(r"^replayed to +0/", shown.stdout, re.MULTILINE)
    then = json.loads(run(stood, root, "asof", when, "--format", "json").stdout)
    said = {one["subject"]: one["said_then"] for one in then}
    assert said["model:b"]["value"] == "two"
    assert said["model:b"]["certainty"] == "certain"
    assert run(stood, root, "verify", str(stood)).returncode in {0, 2}
    assert list(root.iterdir()) == []


@pytest.mark.live
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["db", "--at", "yesterday"], 2, "or an LSN such as"),
        (["other", "--at", "2026-03-08T03:30Z"], 2, "other"),
        (["db", "--at", "2026-03-08T03:30Z", "--query", "select 1", "--table", "a.b"], 2, "both"),
        (["db", "--at", "2026-03-08T00:30Z"], 3, "from before"),
        (["db", "--at", "2026-04-08T00:30Z"], 3, "goes on past"),
    ],
)
def test_what_cannot_be_answered_has_its_words_and_its_code(
    stood: Path, root: Path, arguments: list[str], code: int, message: str
) -> None:
    done = run(stood, root, "rehydrate", *arguments)
    assert done.returncode == code
    assert message in done.stderr
    assert list(root.iterdir()) == []


@pytest.mark.live
@pytest.mark.parametrize(
    "number",
    [
        signal.SIGKILL,
        pytest.param(signal.SIGINT, marks=pytest.mark.thorough),
        pytest.param(signal.SIGTERM, marks=pytest.mark.thorough),
    ],
)
def test_killed_midway_the_server_ends_and_the_folder_goes(
    stood: Path, root: Path, number: signal.Signals
) -> None:
    command = [*RECON, "rehydrate", "db", "--at", at("3:30").isoformat(), "--case", str(stood)]
    started = subprocess.Popen(
        command,
        env={**os.environ, FOLDER: str(root)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    pid = None
    while pid is None and started.poll() is None:
        for path in root.glob(f"{PREFIX}*/pid"):
            text = path.read_text().strip()
            pid = int(text) if text else None
        time.sleep(0.005)
    assert pid is not None, "it was caught while its server ran"
    started.send_signal(number)
    started.wait()
    for _ in range(600):
        if not list(root.iterdir()) and not Path(f"/proc/{pid}").exists():
            break
        time.sleep(0.1)
    assert list(root.iterdir()) == []
    assert not Path(f"/proc/{pid}").exists()
    # And the next one answers.
    assert run(stood, root, "rehydrate", "db", "--at", at("3:30").isoformat()).returncode == 0


def test_what_a_dead_run_left_is_swept_and_a_living_ones_is_not(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER, str(root))
    dead, strange, outside = root / f"{PREFIX}dead", root / f"{PREFIX}new", root / "kept"
    for folder in (dead, strange, outside):
        folder.mkdir()
    (dead / "lock").touch()
    (outside / "file").touch()
    (root / f"{PREFIX}link").symlink_to(outside)
    with scratch() as living:
        assert not dead.exists()
        assert sweep(PREFIX, root) == []
        assert living.data.is_dir()
    assert not living.folder.exists()
    assert strange.exists(), "one without a lock may just be being made"
    assert (outside / "file").exists()
