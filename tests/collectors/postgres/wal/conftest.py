import pytest

from tests.collectors.postgres.wal import archives
from tests.once import once


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> archives.Archive:
    return once(tmp_path_factory, "wal", archives.make)
