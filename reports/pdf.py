"""PDF/A-3b and PDF/UA-1 from a constant template and data. The same input gives the same bytes.

1. A fresh folder of regular files: the template, the data as JSON, the figures.
2. A child process with limits on time and memory typesets it (:mod:`reports.compiler`).
3. The PDF's dates are the case's, never the clock's; its fonts are the compiler's own.

No value is ever part of a template's source: templates read ``json("data.json")``, and what
stands there is text, whatever it looks like.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from recon.errors import BadInputError

WALL_SECONDS = 180
"""A document that takes longer is refused; one of 200 pages takes a few seconds."""
_ERROR_LIMIT = 800


@dataclass(frozen=True, slots=True)
class Document:
    """A typeset document."""

    data: bytes
    """The PDF."""
    pages: int


def render(
    template: str,
    data: Mapping[str, Any],
    *,
    created: datetime,
    figures: Mapping[str, bytes] | None = None,
) -> Document:
    """Typeset one document.

    Args:
        template: name of a template in ``reports/templates``, without ``.typ``.
        data: JSON values; every string in it went through :func:`reports.glyphs.printable`.
        created: what the PDF gives as its date, aware.
        figures: files that the template names, such as ``timeline.svg``.

    Raises:
        BadInputError: it could not be typeset within its limits.
    """
    with tempfile.TemporaryDirectory(prefix="recon-pdf-") as name:
        folder = Path(name).resolve()
        templates = files("reports") / "templates"
        source = templates / f"{template}.typ"
        if not source.is_file():
            raise BadInputError("a template of reports", template, "template", "report the case")
        (folder / "main.typ").write_bytes(source.read_bytes())
        (folder / "common.typ").write_bytes((templates / "common.typ").read_bytes())
        (folder / "data.json").write_text(
            json.dumps(data, ensure_ascii=True, sort_keys=True), encoding="ascii"
        )
        for figure, content in (figures or {}).items():
            (folder / figure).write_bytes(content)
        (folder / "job.json").write_text(
            json.dumps({"timestamp": int(created.timestamp())}), encoding="ascii"
        )
        _compile(folder, template)
        pages = json.loads((folder / "pages.json").read_text(encoding="utf-8"))
        return Document((folder / "out.pdf").read_bytes(), int(pages))


def _compile(folder: Path, template: str) -> None:
    """Run the child; its own environment is empty but for a home that is the folder."""
    compiler = str(files("reports") / "compiler.py")
    try:
        ran = subprocess.run(  # noqa: S603  (our own interpreter and file, fixed arguments)
            [sys.executable, "-I", compiler, str(folder)],
            cwd=folder,
            env={"HOME": str(folder), "TMPDIR": str(folder), "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=WALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BadInputError(
            f"a page layout within {WALL_SECONDS} s", "a longer one", template, "report the case"
        ) from error
    if ran.returncode:
        said = ran.stderr.decode("utf-8", "replace").strip()[-_ERROR_LIMIT:]
        raise BadInputError(
            "a document that can be typeset",
            said or f"the compiler ended with {ran.returncode}",
            f"template {template}",
            "report the case; the other documents are not touched",
        )
