"""What an order is said to rest on, where clocks are bound to UTC and where they are not."""

from __future__ import annotations

import re

import pytest

from recon.rules.alibis import alibi, ordered, rests
from recon.time import stretches
from recon.time.anchors import DeclaredAnchor
from recon.time.clocks import Ground
from tests.stories import Story, at

AHEAD = r"ahead by \+([0-9.]+) s to \+([0-9.]+) s"
SAYS = "as the case says: the"


def told(*anchors: DeclaredAnchor, later: str = "b") -> str:
    story = Story().measured("a", "b", 5.0)
    if anchors:
        story.anchors += anchors
    return alibi(story.timeline().measured, "a", later, at("2026-03-06 12:00"))


def test_a_proof_says_that_both_its_clocks_are_bound_to_utc_and_by_whose_word():
    text = told(
        DeclaredAnchor(clock="a", ahead=(3, 4), because="the storage team"),
        DeclaredAnchor(clock="b", ahead=(8, 9), because="the database team"),
    )
    assert "of a" in text
    said = re.search(rf"Against UTC, a is {AHEAD} \({SAYS} storage team\), and b is {AHEAD}", text)
    assert said
    # What the case declares, with room for drift over the days that are taken together.
    low_a, high_a, low_b, high_b = (float(one) for one in said.groups())
    assert 0 < low_a <= 3 < high_a < 7
    assert 5 < low_b <= 8 < high_b < 12
    assert "(as the case says: the database team)." in text


def test_one_clock_is_bound_and_the_other_through_it():
    text = told(DeclaredAnchor(clock="a", ahead=(3, 4), because="the storage team"))
    assert re.search(rf"a is {AHEAD} \({SAYS} storage team\), and b is {AHEAD} \(through", text)


def test_a_clock_that_nothing_binds_is_named():
    text = told(DeclaredAnchor(clock="a", ahead=(3, 4), because="the storage team"), later="c")
    assert text.startswith("Nothing in the case bounds c against a.")
    assert text.endswith("; nothing binds c to UTC at that time.")


def test_without_an_anchor_nothing_is_said_of_utc():
    assert "UTC" not in told()


@pytest.mark.parametrize(
    ("grounds", "said"),
    [
        ([("digest", "law")], "They rest on laws alone."),
        (
            [("NTP as chronyd tells it", "anchor")],
            "They rest on anchors (NTP as chronyd tells it).",
        ),
        (
            [("one act in a b and c d", "declared"), ("digest", "law")],
            "They rest on two records of one act, that the case declares, and on laws.",
        ),
        (
            [("as the case says: its keeper", "declared"), ("digest", "law")],
            "They rest on anchors (as the case says: its keeper), and on laws.",
        ),
        ([], ""),
    ],
)
def test_what_bounds_rest_on_is_named_for_what_it_is(grounds: list[tuple[str, str]], said: str):
    assert rests([Ground(name, basis, 3) for name, basis in grounds]).strip() == said


def test_what_is_measured_through_others_is_so_said_among_very_many_clocks(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(stretches, "MOST_CLOCKS", 2)
    found = Story().measured("a", "b", 5).measured("b", "c", 5).timeline().measured
    row = {"order_basis": "measured", "order_low": 8_000_000, "order_high": 12_000_000}
    told = ordered(found, row, "order", ("a", "c"), at("2026-03-01 00:00"))
    assert told.startswith("Records of the case hold c 10 s ahead of a")
    assert "Nothing in the case bounds" not in told
