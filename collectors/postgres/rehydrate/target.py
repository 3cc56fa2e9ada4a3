"""The point that was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from collectors.postgres.wal.layout import read_lsn, show_lsn
from recon.errors import BadInputError, UsageError
from recon.instants import moment


@dataclass(frozen=True, slots=True)
class Target:
    """What was asked: an instant, or an LSN."""

    instant: datetime | None
    lsn: int | None

    def __str__(self) -> str:
        return show_lsn(self.lsn) if self.lsn is not None else str(self.instant)


def read_target(text: str) -> Target:
    """An instant or an LSN, as the command line has it.

    Raises:
        UsageError: neither.
    """
    lsn = read_lsn(text.strip())
    if lsn is not None:
        return Target(None, lsn)
    try:
        return Target(moment(text, "--at"), None)
    except BadInputError as error:
        expected = f"{error.expected}, or an LSN such as 0/16B3740"
        raise UsageError(expected, error.found, "--at", error.todo) from error
