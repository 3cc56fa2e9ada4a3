"""A figure of four lanes of 5,000 events: one collection a lane, beside one artist an event."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import pytest

from reports.figure import draw, svg
from tests.reports.test_figure import MARKS, events

if TYPE_CHECKING:
    from collections.abc import Callable


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@pytest.mark.bench
def test_figure():
    frame = events(5000)

    def apart() -> None:
        figure, axes = plt.subplots()
        lanes = {name: at for at, name in enumerate(sorted(set(frame["source"])))}
        for row in frame.iter_rows(named=True):
            axes.plot([row["earliest"], row["latest"]], [lanes[row["source"]]] * 2)
        svg(figure)
        plt.close(figure)

    svg(draw(frame, MARKS).figure)  # the first figure of a process finds its fonts
    ours = min(seconds(lambda: svg(draw(frame, MARKS).figure)) for _ in range(3))
    peer = seconds(apart)
    print(
        f"\n{frame.height:,} events: {ours:.2f} s, one artist each {peer:.2f} s, {ours / peer:.3f}"
    )
    assert frame.height > 0
