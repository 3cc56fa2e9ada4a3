"""``make worlds``: the tool's error rates over seeded worlds, written into the README.

python -m tests.error_rates --count 2000
"""

from __future__ import annotations

import argparse
import sys

from tests import marked
from tests.judged import judged, visible
from tests.worlds import world

BEGIN, END = "<!-- error rates: written by `make worlds` -->", "<!-- end of error rates -->"
_BATCH = 10


def measured(count: int) -> dict[str, int]:
    """Counts over ``count`` worlds without falsehood and as many with one or two."""
    told = dict.fromkeys(("worlds", "false", "doubtful", "lies", "visible", "named", "firm"), 0)
    for begin in range(0, count, _BATCH):
        seeds = range(begin, min(begin + _BATCH, count))
        for one in judged([world(seed, steps=seed % 2 == 1) for seed in seeds]).each:
            told["worlds"] += 1
            told["false"] += bool(one.firm)
            told["doubtful"] += bool(one.proofs) and not one.firm
        lied = [world(seed, steps=False, drift=False, lies=1 + seed % 2) for seed in seeds]
        for seed, one in zip(seeds, judged(lied, 0.0).each, strict=True):
            for false in one.world.false:
                told["lies"] += 1
                if visible(one.world, false):
                    told["visible"] += 1
                    told["named"] += false in one.shown
                    told["firm"] += false in one.firm
                    if false not in one.shown:
                        print(f"not named: world {seed}, event {false}", file=sys.stderr)
    return told


def paragraph(told: dict[str, int]) -> str:
    """The counts in words."""
    return (
        f"In {told['worlds']:,} made-up worlds without falsehood, half of them with clocks that "
        f"step, {told['false']} had a firm proof against a true record, and {told['doubtful']} "
        "something undetermined.\n"
        f"In as many worlds with one or two false records, {told['visible']:,} of "
        f"{told['lies']:,} contradict the rest at all (as linear programming says), "
        f"{told['named']:,} of these are among the few records that recon names, and "
        f"{told['firm']:,} stand in a proof that no single step of a clock explains.\n"
        "The others are not named: the world's other false record hides them, and each is named "
        "once that one is true; or they alone bound two clocks, on days when nothing else ties "
        "these two, so that a clock that was set would explain them, and then recon names another "
        "record in their stead or none.\n"
    )


def main() -> None:
    """Measure, and replace what stands between the marks."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=2000)
    told = measured(options.parse_args().count)
    marked.write(BEGIN, END, paragraph(told))


if __name__ == "__main__":
    main()
