"""The child process that typesets: one folder in, one PDF out, within limits.

Run as ``python -I compiler.py FOLDER``. The folder holds ``main.typ``, its data as JSON and
figures, and nothing else; ``job.json`` holds the timestamp. It writes ``out.pdf`` and
``pages.json``. It imports nothing of this project, so that it holds nothing worth taking.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

CPU_SECONDS = 120
MEMORY = 4 << 30
OUTPUT = 256 << 20


def main(folder: Path) -> int:
    """Compile ``folder/main.typ``; errors go to standard error, one line each."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (OUTPUT, OUTPUT))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    import typst

    timestamp = json.loads((folder / "job.json").read_bytes())["timestamp"]
    empty = folder / "none"
    empty.mkdir()
    # An empty package path and cache: the templates import nothing, and nothing is fetched.
    compiler = typst.Compiler(
        str(folder / "main.typ"),
        root=str(folder),
        font_paths=[],
        ignore_system_fonts=True,
        package_path=str(empty),
        package_cache_path=str(empty),
    )
    try:
        compiler.compile(
            output=str(folder / "out.pdf"),
            format="pdf",
            pdf_standards=["a-3b", "ua-1"],
            timestamp=timestamp,
        )
        pages = compiler.query("<pages>", field="value", one=True)
    except typst.TypstError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    (folder / "pages.json").write_text(pages, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
