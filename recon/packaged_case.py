"""The packaged case of March 8: raw evidence made from real parts, ready to be collected."""

from __future__ import annotations

import shutil
from importlib.resources import as_file, files
from pathlib import Path

from recon.case import CASE_FILE, Case, open_case
from recon.errors import UsageError

PACKAGED = "packaged/march_8"


def demo(folder: str | Path) -> Case:
    """A fresh copy of the packaged case in ``folder``, nothing collected yet.

    Raises:
        UsageError: the folder holds something that is not an earlier copy of the case.
    """
    target = Path(folder)
    with as_file(files("recon").joinpath(PACKAGED)) as packaged:
        if target.exists() and any(target.iterdir()):
            same = (target / CASE_FILE).is_file() and (
                (target / CASE_FILE).read_bytes() == (packaged / CASE_FILE).read_bytes()
            )
            if not same:
                raise UsageError(
                    "an empty folder, or an earlier run of the demo",
                    "other files",
                    str(target),
                    "name another folder",
                )
            shutil.rmtree(target)
        shutil.copytree(packaged, target)
    return open_case(target)
