"""Each target of the fuzzer holds for the honest samples from which it begins, and cut ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.fuzz import held, targets
from tests.fuzz.targets import TARGETS, seeds


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_holds_for_its_seeds(name: str, tmp_path: Path):
    samples = list(seeds(name))
    assert any(samples)
    for sample in samples:
        TARGETS[name](sample, tmp_path)
        TARGETS[name](sample[: len(sample) * 2 // 3], tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_reads_its_seeds(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What refuses every input, or makes no event of it, would hold for anything."""
    found: list[held.Read | None] = []

    def read(*given: Any, **more: Any) -> held.Read | None:
        found.append(held.read(*given, **more))
        return found[-1]

    monkeypatch.setattr(targets, "read", read)
    for sample in seeds(name):
        TARGETS[name](sample, tmp_path)
    assert any(one is not None and one.records().height for one in found)
