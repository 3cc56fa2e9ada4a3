"""What most pairs of two clocks agree on, and which dissent.

Each pair bounds the offset δ between two clocks from one side or both: low ≤ δ ≤ high. One forged
or broken record must not move the estimate, so δ is where most pairs are satisfied, and the
others are named, never averaged in.

Source: K. Marzullo, *Maintaining the Time in a Distributed System* (1984), the interval that most
sources agree on; D. Mills, RFC 5905, 11.2.1, its use in NTP.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Micros = NDArray[np.int64]
    Mask = NDArray[np.bool_]

OPEN = 2**60
"""µs that stand for no bound: 36,000 years."""
ENOUGH = 3
"""Pairs that must agree before an offset is called measured."""


@dataclass(frozen=True, slots=True)
class Consensus:
    """Where most pairs are satisfied."""

    low: int
    """µs; the greatest low among the pairs that agree; −OPEN: not bounded from below."""
    high: int
    """µs; the least high among them; OPEN: not bounded from above."""
    agreeing: int
    """Pairs that are satisfied throughout."""
    dissent: Mask
    """Of each pair whether it is outside; where no side has the most, all that are in doubt."""
    clear: bool
    """Whether one place has more pairs than any other."""


def consensus(low: Micros, high: Micros, *, least: bool = False) -> Consensus:
    """Of pairs of one stretch of time; ``low`` and ``high`` in µs, ∓OPEN where there is none.

    Where two places that exclude each other satisfy equally many, none is taken: the pairs that
    are not satisfied in both dissent, and the bounds are those of the rest. With ``least`` the
    least of these places is taken, to look for what else there is.
    """
    import numpy as np

    tightest_low, tightest_high = int(low.max()), int(high.min())
    if tightest_low <= tightest_high:
        nobody = np.zeros(len(low), dtype=bool)
        return Consensus(tightest_low, tightest_high, len(low), nobody, clear=True)
    lows, highs = np.sort(low), np.sort(high)
    # Between two lows the count only falls, so its maximum begins at a low.
    satisfied = np.searchsorted(lows, lows, "right") - np.searchsorted(highs, lows, "left")
    best = lows[satisfied == satisfied.max()]
    # A place reaches from its low to the next high. Of several, what all of them satisfy counts:
    # what satisfies the first and the last of them satisfies those between.
    outside = (low > best[0]) | (high < (best[0] if least else best[-1]))
    inside = ~outside
    return Consensus(
        low=int(low[inside].max(initial=-OPEN)),
        high=int(high[inside].min(initial=OPEN)),
        agreeing=int(inside.sum()),
        dissent=outside,
        clear=bool(best[0] == best[-1]),
    )


def certain(low: Micros, high: Micros) -> tuple[int, int]:
    """Bounds of δ that hold as long as on each side less than half of the pairs are false.

    Among more than half of the pairs on a side at least one is true, and the true offset is
    within its bound: so the lower median of the highs is no less than it, the upper median of
    the lows no greater. µs; ∓OPEN where a side has no pair.
    """
    import numpy as np

    highs = np.sort(high[high < OPEN])
    lows = np.sort(low[low > -OPEN])
    return (
        int(lows[len(lows) // 2]) if len(lows) else -OPEN,
        int(highs[(len(highs) - 1) // 2]) if len(highs) else OPEN,
    )
