"""The whole path over real connections: PostgreSQL, SeaweedFS, a bare repository, a log file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import recon
from tests import s3_servers, servers
from tests.corpus.march_8 import live

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("live")
    with (
        servers.postgres(settings=live.SETTINGS) as database,
        s3_servers.seaweedfs(folder / "s3") as s3,
    ):
        path = live.stage(folder / "case", database, s3)
        patch = pytest.MonkeyPatch()
        with patch.context() as patched:
            for name, value in live.environment(database).items():
                patched.setenv(name, value)
            for name, value in s3_servers.credentials().items():
                patched.setenv(name, value)
            yield path.parent


def test_the_disagreement_is_found_over_real_connections(staged: Path):
    case = recon.open(staged)
    results = list(case.collect())
    assert {one.source: one.failures for one in results} == {
        source.id: () for source in case.sources
    }
    found = {(f.rule, f.verdict, f.subject) for f in case.findings().disagreements}
    assert found == {
        ("re-registered", "conflict", "model:credit-risk@2.3.1"),
        ("digest-conflict", "conflict", "model:credit-risk@2.3.1"),
        ("vanished-row", "missing", "model:credit-risk@2.3.0-hotfix1"),
    }
    assert case.verify() == []
    assert case.exhibits().documents


def test_a_second_collect_stores_nothing_twice(staged: Path):
    case = recon.open(staged)
    list(case.collect())
    before = [(item.source, item.native) for item in case.items()]
    assert all(one.skipped for one in case.collect())
    assert [(item.source, item.native) for item in case.items()] == before


def test_no_password_reaches_the_case(staged: Path):
    case = recon.open(staged)
    list(case.collect())
    secrets = [servers.PASSWORD, s3_servers.SECRET_KEY]
    for path in [case.evidence.custody.path, *case.evidence.items_folder.glob("*/*")]:
        raw = path.read_bytes()
        for secret in secrets:
            assert secret.encode() not in raw, path
            assert secret.replace(" ", "%20").encode() not in raw, path


def test_one_source_out_of_reach_does_not_stop_the_others(staged: Path, tmp_path: Path):
    text = (staged / "case.toml").read_text()
    case_folder = tmp_path / "case"
    case_folder.mkdir()
    for path in staged.iterdir():
        if path.name not in ("case.toml", "evidence", "timeline", "findings.json", "productions"):
            (case_folder / path.name).symlink_to(path)
    (case_folder / "case.toml").write_text(text)
    patch = pytest.MonkeyPatch()
    with patch.context() as patched:
        patched.setenv(live.DSN_ENV, "postgresql://nobody@127.0.0.1:9/none?connect_timeout=2")
        case = recon.open(case_folder)
        results = {one.source: one for one in case.collect()}
    assert [error.exit_code for _, error in results["lineage-db"].failures] == [4]
    assert all(not results[name].failures for name in results if name != "lineage-db")
    # It goes on where it stopped, once the server is back.
    again = {one.source: one for one in recon.open(case_folder).collect()}
    assert not again["lineage-db"].failures
    assert all(again[name].skipped for name in again if name != "lineage-db")
