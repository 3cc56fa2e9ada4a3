"""Each target of the fuzzer holds for the honest samples from which it begins, and cut ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS, seeds


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_holds_for_its_seeds(name: str, tmp_path: Path):
    samples = list(seeds(name))
    assert any(samples)
    for sample in samples:
        TARGETS[name](sample, tmp_path)
        TARGETS[name](sample[: len(sample) * 2 // 3], tmp_path)
    assert not list(tmp_path.iterdir())
