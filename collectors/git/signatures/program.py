"""Running a verifier so that it sees nothing of the examiner's own keys and settings."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from recon.errors import UnreachableError

if TYPE_CHECKING:
    from pathlib import Path

_SECONDS = 60
"""A verifier that takes longer hangs."""


def run(
    scratch: Path, *command: str | Path, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """What it prints and how it ends; its home is a folder of ours.

    Raises:
        UnreachableError: there is no such program here.
    """
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(scratch),
        "GNUPGHOME": str(scratch),
        "LC_ALL": "C",
        "TZ": "UTC",
        "OPENSSL_CONF": os.devnull,
    }
    try:
        return subprocess.run(  # noqa: S603  (our own words, no shell)
            [str(word) for word in command],
            input=stdin,
            capture_output=True,
            check=False,
            cwd=scratch,
            env=environment,
            timeout=_SECONDS,
        )
    except OSError as error:
        program = str(command[0])
        raise UnreachableError(
            f"{program}, which verifies signatures with the keys that the case gives",
            error.strerror or str(error),
            "the path",
            f"install {program}, or take `keys` out of the source",
        ) from error
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess([], 1, b"", b"it took more than a minute")
