"""PostgreSQL's own programs: each of the right major version, or a clear word of how to get it."""

from __future__ import annotations

from pathlib import Path

import pytest

from collectors.postgres import binaries
from recon.errors import BadInputError
from tests.servers import MAJORS
from tests.servers import binaries as servers


@pytest.mark.parametrize("major", MAJORS)
def test_programs_of_every_major_version_are_found(major: int):
    found = binaries.need("pg_waldump", major, "WAL")
    assert f"(PostgreSQL) {major}." in binaries.version(found)


@pytest.mark.parametrize("major", MAJORS)
def test_a_server_of_every_major_version_can_be_started_by_the_tests(major: int):
    folder = servers(major)
    assert folder is not None
    assert (folder / "initdb").exists()


def test_a_program_of_another_major_version_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    build = tmp_path / "13" / "bin"
    build.mkdir(parents=True)
    (build / "pg_waldump").symlink_to(binaries.need("pg_waldump", 15, "WAL"))
    monkeypatch.setenv(binaries.FOLDER, str(tmp_path))
    assert binaries.find("pg_waldump", 13) is None


def test_what_lacks_is_named_with_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(binaries.FOLDER, str(tmp_path))
    with pytest.raises(BadInputError) as caught:
        binaries.need("postgres", 14, "base-2026-02-10")
    said = str(caught.value)
    assert "postgres of PostgreSQL 14" in said
    assert "python -m collectors.postgres.binaries 14" in said
    assert "base-2026-02-10" in said


def test_the_command_refuses_what_is_no_version(capsys: pytest.CaptureFixture[str]):
    assert binaries.main(["--evil"]) == 2
    assert "usage" in capsys.readouterr().err
    assert binaries.main(["9"]) == 3
    assert "14, 15, 16, 17, 18" in capsys.readouterr().err


def test_a_build_that_is_there_is_not_fetched_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(binaries, "_download", None)
    assert (binaries.fetch(16) / "postgres").exists()
