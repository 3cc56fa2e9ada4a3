"""Texts of the README that a target writes, between two marks."""

from __future__ import annotations

import re
import sys
from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"


def write(begin: str, end: str, text: str, path: Path = README) -> None:
    """Replace what stands between the marks; ends the program where they are not there."""
    old = path.read_text(encoding="utf-8")
    marks = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not marks.search(old):
        sys.exit(f"{path}: expected {begin} and {end}")
    path.write_text(marks.sub(lambda _: f"{begin}\n{text}{end}", old), encoding="utf-8")
