"""What takes long to make and is only read: made once for all workers of a run in parallel."""

from __future__ import annotations

import fcntl
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import recon

if TYPE_CHECKING:
    import pytest

T = TypeVar("T")


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], T]) -> T:
    """What ``make`` gives, by whichever worker comes first; the others wait for it.

    ``make`` is given a path in a folder that exists, and what it returns is pickled: it may name
    files, and nothing that lives in one process alone.
    """
    base = factory.getbasetemp()
    # A worker's own folder lies in that of the run.
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / f"once-{name}"
    folder.mkdir(exist_ok=True)
    told = folder / "told"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            made = pickle.dumps(make(folder / "made"))
            told.write_bytes(made)
    told_of: T = pickle.loads(told.read_bytes())  # noqa: S301  (written just above, by these tests)
    return told_of


def march_8(factory: pytest.TempPathFactory) -> recon.Case:
    """The packaged case, collected: a copy of one's own."""
    target = factory.mktemp("march-8") / "march-8"
    shutil.copytree(once(factory, "march-8", _collected), target, symlinks=True)
    return recon.open(target)


def _collected(folder: Path) -> Path:
    case = recon.demo(folder)
    assert [one.failures for one in case.collect()] == [()] * 4
    return folder
