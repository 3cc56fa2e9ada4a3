"""Frames that are spooled come back as they were, and leave nothing behind."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from collectors import spool


@pytest.mark.parametrize("packed", [True, False])
def test_spooled_frames_come_back_and_their_file_has_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, packed: bool
):
    monkeypatch.setenv(spool.FOLDER, str(tmp_path))
    monkeypatch.setattr(spool, "FEW", 3)
    texts = [["é", None], ["é", "é"], [None, None], ["", ""], ["a", "b"]]
    frames = [
        pl.DataFrame(
            {"n": [at, at + 1], "t": text, "u": [at, at], "l": [["a"], None], "e": [[], []]},
            schema_overrides={"t": pl.String, "u": pl.UInt32, "e": pl.List(pl.String)},
        )
        for at, text in enumerate(texts)
    ]
    # All of one value; no row; both.
    frames += [pl.DataFrame({"n": [1, 1]}), frames[0].clear(), pl.DataFrame({"n": []})]
    kept = spool.Spool(packed=packed)
    for frame in frames:
        kept.add(frame)
    assert list(tmp_path.iterdir()) == []  # a run that is killed here leaves nothing
    for _ in range(2):
        for one, other in zip(kept, frames, strict=True):
            assert_frame_equal(one, other)
