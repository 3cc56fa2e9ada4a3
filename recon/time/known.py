"""What all that is said of a case's clocks is made from: its pairs, and what they settle to.

Made once for a timeline, and asked by whoever shows clocks, proves an order or compares times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from recon.time.anchors import DeclaredAnchor, anchor_pairs
from recon.time.correspondences import Proposal, propose
from recon.time.declared import Correspondence, Declared, match
from recon.time.offsets import OFFSETS, offsets
from recon.time.pairs import KEYS, PAIRS, act_pairs, law_pairs
from recon.time.settle import Settled, settle, untangled


@dataclass(frozen=True, slots=True)
class Known:
    """Pairs of a case, and the offsets that they leave."""

    pairs: pl.LazyFrame
    """Rows of :data:`~recon.time.pairs.PAIRS`: of laws, anchors, declared and proposed acts."""
    settled: Settled
    """By all of them."""
    firm: pl.DataFrame
    """Rows of :data:`~recon.time.offsets.OFFSETS` without what the tool itself proposes."""
    declared: Sequence[Declared]
    proposals: Sequence[Proposal]

    @classmethod
    def nothing(cls) -> Known:
        """Where nothing is known of any clock."""
        none = settle(pl.LazyFrame(schema=PAIRS))
        return cls(pl.LazyFrame(schema=PAIRS), none, pl.DataFrame(schema=OFFSETS), (), ())


def known(
    events: pl.LazyFrame,
    relations: pl.LazyFrame,
    correspondences: Sequence[Correspondence] = (),
    anchored: Sequence[DeclaredAnchor] = (),
    read: pl.DataFrame | None = None,
) -> Known:
    """From the timeline, its laws, what ties clocks to UTC, and what the case declares.

    ``read``: :func:`~recon.time.pairs.every_reading` of the events, where it was made already.
    What the tool itself proposes as two records of one act is an assumption. The clocks that it
    speaks of are settled with it and without it, all others once.
    """
    told, declared = match(events, correspondences)
    proposals, proposed = propose(events, {one.sides for one in correspondences})
    parts = [
        law_pairs(events, relations, read),
        _acts(events, declared),
        anchor_pairs(events, anchored),
    ]
    pairs = pl.concat(parts).collect(engine="streaming").lazy()
    more = _acts(events, proposed).collect(engine="streaming").lazy()
    speaks = more.select(KEYS).unique()
    found, dissent = offsets(pairs.join(speaks, on=KEYS, how="anti"))
    both = []
    own = pairs.join(speaks, on=KEYS, how="semi")
    for every, these in ((pairs, own), (pl.concat([pairs, more]), pl.concat([own, more]))):
        again, against = offsets(these)
        rows = pl.concat([found, again]).sort(*KEYS, "since", "until")
        both.append((every, rows, pl.concat([dissent, against])))
        if not proposals:
            break
    firm, settled = untangled(*both[0]), untangled(*both[-1]) if proposals else None
    return Known(both[-1][0], settled or firm, firm.offsets, told, proposals)


def _acts(events: pl.LazyFrame, pairs: pl.DataFrame) -> pl.LazyFrame:
    # As a rule there is none, and then no event need be read.
    return pl.LazyFrame(schema=PAIRS) if pairs.is_empty() else act_pairs(events, pairs.lazy())
