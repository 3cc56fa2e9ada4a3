"""What replay itself would do outside the scratch folder: make a tablespace where the log says.

``CREATE TABLESPACE`` is logged with the path of its folder, and whoever replays it writes there.
So the log is looked through before the server starts, by ``pg_waldump`` of its own version.
"""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from collectors.postgres.binaries import ENVIRONMENT, need
from collectors.postgres.wal.layout import segment_name, show_lsn
from recon.errors import BadInputError

if TYPE_CHECKING:
    from collectors.postgres.rehydrate.plan import Plan
    from collectors.postgres.rehydrate.scratch import Scratch

_SECONDS = 3600


def check_log(made: Scratch, plan: Plan) -> None:
    """Look through the records that will be replayed.

    Raises:
        BadInputError: one of them makes a tablespace, or they cannot all be read.
    """
    tool = need("pg_waldump", plan.major, "the log that is to be replayed")
    start = plan.backup.label.start if plan.backup.label else 0
    folder = made.folder / "look"
    folder.mkdir(mode=0o700)
    try:
        # Under one timeline's names: it follows no switch, and heeds the names alone.
        for one in plan.segments:
            name = segment_name(plan.timeline, one.number, one.geometry.segment)
            (folder / name).symlink_to(made.data / "pg_wal" / one.name)
        command = [str(tool), "-p", str(folder), "-t", str(plan.timeline)]
        limits = ["-s", show_lsn(start), "-e", show_lsn(plan.stop), "-r", "Tablespace"]
        done = subprocess.run(  # noqa: S603  (a fixed argument list)
            [*command, *limits],
            capture_output=True,
            check=False,
            env=ENVIRONMENT,
            timeout=_SECONDS,
        )
    finally:
        shutil.rmtree(folder)
    made_there = [line for line in done.stdout.splitlines() if b" CREATE " in line]
    if made_there:
        said = made_there[0].decode("utf-8", "replace")
        raise BadInputError(
            "a log that makes no tablespace",
            " ".join(said.split())[-200:],
            "the log that is to be replayed",
            "it is not replayed: it would write to that path of this machine; take a backup "
            "from after it",
        )
    if done.returncode:
        words = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise BadInputError(
            "log that can be read up to the target", "; ".join(words) or "nothing", str(tool)
        )
