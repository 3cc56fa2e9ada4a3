"""The TSA that stamps what the tests of tokens read."""

from __future__ import annotations

import pytest

from tests.collectors.anchors.stamped import MADE
from tests.tsa import Authority, authority


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("tsa") / "one", MADE)
