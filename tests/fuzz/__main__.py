"""Fuzz one target by its coverage, with Atheris: ``make fuzz TARGET=git-objects SECONDS=120``.

Without a target it lists them. What fails is written beside the corpus as ``crash-…``, and
``python -m tests.fuzz TARGET FILE`` runs it again.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path


def main() -> None:
    """Give the target honest samples, and then what comes of them."""
    import atheris  # from a folder of its own

    folder = Path(tempfile.mkdtemp(prefix="recon-fuzz-"))
    # What numba compiles it takes as it is written.
    loops = ["collectors.compiled", "collectors.letgo", "collectors.shapeloops"]
    with atheris.instrument_imports(
        include=["collectors"], exclude=loops, enable_loader_override=False
    ):
        from tests.fuzz.targets import TARGETS, seeds

        if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
            sys.stderr.write("targets: " + " ".join(TARGETS) + "\n")
            raise SystemExit(2)
        name = sys.argv.pop(1)
        corpus = folder / "corpus"
        corpus.mkdir()
        for number, seed in enumerate(seeds(name)):
            (corpus / f"seed-{number}").write_bytes(seed)
            # Much is imported where it is first used, and only here its coverage is seen.
            TARGETS[name](seed, folder)
    given = [one for one in sys.argv[1:] if not one.startswith("-")]
    arguments = [*sys.argv, f"-artifact_prefix={folder}/", *([] if given else [str(corpus)])]
    atheris.Setup(arguments, lambda data: TARGETS[name](data, folder))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
