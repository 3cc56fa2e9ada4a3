"""Pairs that contradict each other throughout, each way of them at two sizes.

``RECON_BENCH_CONTRADICTIONS`` chooses the larger size; the smaller is a tenth of it. CPU seconds of
a process of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contradictions import KINDS

pytestmark = pytest.mark.bench
ROOT = Path(__file__).resolve().parents[2]
COUNT = int(os.environ.get("RECON_BENCH_CONTRADICTIONS", "1000000"))

_RUN = """
import resource, sys, time
from recon.time.bounds import bounds
from recon.time.settle import settle
from tests import contradictions
pairs = getattr(contradictions, sys.argv[1])(int(sys.argv[2])).collect().lazy()
start = time.process_time()
found = settle(pairs)
spent = time.process_time() - start
negative = bounds(found.offsets, only_measured=False).table.diagonal(axis1=1, axis2=2) < 0
assert not negative.any()
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(spent, memory, len(found.dissent), len(found.missed), len(found.contested))
"""


@pytest.mark.parametrize("kind", [kind.__name__ for kind in KINDS])
def test_contradictions_are_settled_in_bounded_time(kind: str):
    for count in (COUNT // 10, COUNT):
        done = subprocess.run(
            [sys.executable, "-c", _RUN, kind, str(count)],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
        assert done.returncode == 0, done.stderr
        spent, memory, dissent, missed, contested = done.stdout.split()
        print(
            f"\n{kind}, {count} pairs: {float(spent):.1f} CPU s, {memory} MiB; {dissent} dissent, "
            f"{missed} cycles broken, {contested} stretches left out"
        )
