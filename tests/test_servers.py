"""A version of PostgreSQL that is missing: skipped, or failed where it was said to be there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import MAJORS, needs

ROOT = Path(__file__).parents[1]
ABSENT = 14
"""Debian has 15; this one is nowhere but where RECON_POSTGRES says."""


@pytest.mark.parametrize(("needed", "outcome"), [("", pytest.skip), ("1", pytest.fail)])
def test_a_missing_version_is_skipped_unless_it_was_said_to_be_there(
    needed: str,
    outcome: type[pytest.skip.Exception],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("RECON_POSTGRES", str(tmp_path))
    monkeypatch.setenv("RECON_POSTGRES_NEEDED", needed)
    with pytest.raises(outcome.Exception, match=f"no server programs of PostgreSQL {ABSENT}"):
        needs(ABSENT)


@pytest.mark.parametrize("said", [True, False])
def test_whether_it_was_said_is_what_pytest_was_started_with(tmp_path: Path, *, said: bool):
    """And what its workers, which inherit a default, go by."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RECON_", "PYTEST_"))}
    given = {"RECON_POSTGRES": str(tmp_path)} if said else {}
    code = "import tests.conftest, os; print(repr(os.environ['RECON_POSTGRES_NEEDED']))"
    twice = f"{code}; import importlib; importlib.reload(tests.conftest); {code}"
    done = subprocess.run(
        [sys.executable, "-c", twice],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=kept | given,
    )
    assert done.stdout.split() == [repr("1" if said else "")] * 2


def test_every_version_is_there():
    needs(*MAJORS)
