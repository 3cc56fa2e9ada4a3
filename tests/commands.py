"""The commands, within the process of a test or as programs of their own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import pytest

from recon.cli import main

RECON = str(Path(sys.executable).parent / "recon")


class Said(NamedTuple):
    stdout: str
    stderr: str


def run(*arguments: str | Path, code: int = 0) -> Said:
    """The command within this process: to start one takes longer than most of what it does."""
    raw = io.BytesIO(), io.BytesIO()
    out, error = (io.TextIOWrapper(one, "utf-8", newline="", write_through=True) for one in raw)
    with (
        mock.patch.object(sys, "argv", [RECON, *map(str, arguments)]),
        mock.patch.dict(os.environ, COLUMNS="100"),
        redirect_stdout(out),
        redirect_stderr(error),
        pytest.raises(SystemExit) as stop,
    ):
        main()
    said = Said(*(one.getvalue().decode("utf-8") for one in raw))
    assert (stop.value.code or 0) == code, said.stderr + said.stdout
    return said


def started(*arguments: str | Path, code: int = 0) -> Said:
    """The command as a program of its own."""
    out = subprocess.run([RECON, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert out.returncode == code, out.stderr + out.stdout
    return Said(out.stdout, out.stderr)
