import pytest

from tests.collectors.postgres.wal import archives


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> archives.Archive:
    return archives.make(tmp_path_factory.mktemp("wal") / "archive")
