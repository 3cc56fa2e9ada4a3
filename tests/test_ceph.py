"""A Ceph for tests that does not come up is started anew, and then says what it waited for."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import ceph, s3_servers

pytestmark = [pytest.mark.live, pytest.mark.thorough]


@pytest.fixture
def folder() -> Iterator[Path]:
    """One with a short path, as those of sockets are."""
    if ceph.root() is None:
        pytest.skip("Ceph is not installed: scripts/system radosgw ceph-mon ceph-osd")
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


def broken(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """The store ends as soon as it is started, so often."""
    left = [times]

    def started(
        command: list[str], log: Path, environment: dict[str, str]
    ) -> subprocess.Popen[bytes]:
        if command[0].endswith("ceph-osd") and left[0]:
            left[0] -= 1
            command = ["sh", "-c", "echo no room on the disk; exit 7"]
        return s3_servers.start(command, log, environment)

    monkeypatch.setattr(ceph, "start", started)


def test_one_that_fails_is_started_anew(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken(monkeypatch, 1)
    with ceph.ceph(folder) as server:
        assert server.process.poll() is None
    said = capsys.readouterr().err
    assert "osd: ended with 7" in said
    assert "no room on the disk" in said


def test_one_that_always_fails_says_what_was_waited_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch, 2)
    with pytest.raises(ceph.NotStartedError, match="no room on the disk"), ceph.ceph(folder):
        pass
