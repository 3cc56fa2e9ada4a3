"""The laws, one file for each kind, in the order in which a pair that two of them force is told."""

from __future__ import annotations

from recon.time.laws.acts import BACKUP, RUN
from recon.time.laws.base import Law, Seen
from recon.time.laws.bytes import DIGEST, HELD
from recon.time.laws.forks import FORK
from recon.time.laws.media import ORDER
from recon.time.laws.stamps import TIMESTAMP

LAWS: tuple[Law, ...] = (TIMESTAMP, DIGEST, HELD, ORDER, FORK, BACKUP, RUN)

__all__ = ["LAWS", "Law", "Seen"]
