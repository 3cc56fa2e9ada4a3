"""Frames that are spooled come back as they were, and leave nothing behind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from collectors import spool

if TYPE_CHECKING:
    import pytest


def test_spooled_frames_come_back_and_their_file_has_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(spool.FOLDER, str(tmp_path))
    monkeypatch.setattr(spool, "FEW", 3)
    frames = [pl.DataFrame({"n": [at, at + 1], "t": ["é", None]}) for at in range(5)]
    kept = spool.Spool()
    for frame in frames:
        kept.add(frame)
    assert list(tmp_path.iterdir()) == []  # a run that is killed here leaves nothing
    for _ in range(2):
        assert all(one.equals(other) for one, other in zip(kept, frames, strict=True))
