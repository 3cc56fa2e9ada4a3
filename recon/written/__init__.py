"""When each row was really written: every basis that applies, as an interval, the best first.

A row's version names the transaction that wrote it. When that committed is told, best first, by

1. the commit timestamp that the server kept of it;
2. its COMMIT record in the log, by timeline and number;
3. checkpoints and control data: after which it got its number, by which it had ended;
4. captures: absent in one, present in the next;
5. dumps: absent in one, present in what was read later;
6. checkpoints alone: between which it got its number;
7. rows of other transactions whose commit the server dated, by the order of numbers;
8. rows of other transactions, by the times that their writers supplied.

The first four are *firm*: they hold whatever the transaction did, if the server's clock was right
and the records are whole. The others are estimates: a long transaction commits after later ones, a
dump may be of a standby that lagged, a writer may assert any time. A basis that is firm in general
is not where a number was given out twice, or where one cluster only seems upgraded from another.
"""

from __future__ import annotations

from recon.written.frame import BASES, FIRM, WRITTEN, written
from recon.written.verdict import best

__all__ = ["BASES", "FIRM", "WRITTEN", "best", "written"]
