"""What is proposed as two records of one act, and beside it what looks like it and is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from recon.time.correspondences import Proposal, propose, records
from tests.stories import Story

if TYPE_CHECKING:
    import polars as pl


def log(story: Story, source: str, kind: str, time: str, attribute: str, value: str) -> None:
    at = {"item": story.item(), "citation": "line 1", "clock": f"log:{source}", "basis": "asserted"}
    story.event(source, kind, "model:m@1", time, **at)
    story.event(source, "claim", "model:m@1", time, part=1, attribute=attribute, value=value, **at)


def proposed(story: Story) -> tuple[list[Proposal], pl.DataFrame]:
    return propose(story.timeline().events)


def both(
    count: int = 10,
    *,
    kinds: tuple[str, str] = ("deploy.finish", "deployment.recorded"),
    attribute: str = "run",
    minutes: Callable[[int], int] = lambda _: 2,
) -> Story:
    """Acts an hour apart; the second source tells of each some minutes later."""
    story = Story()
    for number in range(count):
        log(story, "ci", kinds[0], f"{number:02}:00", attribute, f"r{number}")
    for number in range(count):
        log(story, "cd", kinds[1], f"{number:02}:{minutes(number):02}", attribute, f"r{number}")
    return story


def test_one_run_in_two_sources_is_proposed_and_bounds_both_sides():
    (found,), pairs = proposed(both())
    assert (found.first, found.second) == (
        "cd deployment.recorded by log:cd",
        "ci deploy.finish by log:ci",
    )
    assert (found.pairs, found.close, found.spread) == (10, 10, 0)
    assert pairs["least"].to_list() == [-found.within] * 10
    assert pairs["most"].to_list() == [found.within] * 10


def test_a_subject_that_is_a_run_names_it_as_well():
    story = both(attribute="other")
    for row in story.rows:
        if row["kind"] == "claim":
            row["subject"] = f"run:{row['value']}"
    assert len(proposed(story)[0]) == 1


def test_a_request_names_one_act_whatever_it_is_called():
    kinds = ("REST.PUT.OBJECT", "stored")
    assert len(proposed(both(kinds=kinds, attribute="request_id"))[0]) == 1
    # A run is of many acts, and these two words are of none that is known.
    assert not proposed(both(kinds=kinds))[0]


@pytest.mark.parametrize(
    "story",
    [
        both(7),
        both(kinds=("deploy.finish", "train.finish")),
        both(attribute="host"),
        both(minutes=lambda number: 5 * number),
    ],
    ids=["too few", "two acts of one run", "no name of an act", "no steady interval"],
)
def test_what_is_not_proposed(story: Story):
    assert proposed(story)[0] == []


def test_a_run_with_a_start_and_a_finish_leaves_open_which_is_meant():
    story = both()
    for number in range(10):
        log(story, "ci", "deploy.start", f"{number:02}:01", "run", f"r{number}")
    found, pairs = proposed(story)
    assert found == []
    assert pairs.is_empty()


def test_a_run_that_was_tried_again_is_left_out():
    story = both()
    for number in (3, 4):
        log(story, "ci", "deploy.finish", f"{number:02}:30", "run", f"r{number}")
    (found,), _ = proposed(story)
    assert found.pairs == 8


def test_an_act_or_a_name_of_one_source_alone_is_not_looked_at():
    acts = both(kinds=("deploy.finish", "stored"))
    names = both()
    for row in names.rows:
        if row["source"] == "cd" and row["kind"] == "claim":
            row["value"] += " again"
    one = both()
    for row in one.rows:
        row["source"] = "ci"
    for story in (acts, names, one):
        assert records(story.timeline().events).collect().is_empty()
    assert len(records(both().timeline().events).collect()) == 20


def test_of_a_record_that_names_its_request_twice_neither_is_taken():
    story = both(kinds=("REST.PUT.OBJECT", "upload"), attribute="request")
    assert len(proposed(story)[0]) == 1
    # Uploads are told by one source alone; its requests are not.
    for number in range(10):
        at = {"item": f"{number:064}", "citation": "line 1", "clock": "log:cd", "basis": "asserted"}
        story.event("cd", "upload", "model:m@1", f"{number:02}:02", **at)
        more = {"attribute": "run", "value": f"r{number}"}
        story.event("cd", "claim", "model:m@1", f"{number:02}:02", part=1, **more, **at)
    assert proposed(story)[0] == []
