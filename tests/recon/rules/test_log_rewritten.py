"""log-rewritten: a log that is acquired again no longer begins as it did."""

from __future__ import annotations

from recon.rules.log_rewritten import log_rewritten
from tests.stories import Story


def read(story: Story, item: str, *numbers: int, stream: str = "lines:1") -> Story:
    """Lines of a log as one acquisition shows them."""
    for number in numbers:
        story.event(
            "deploys",
            "deploy.finish",
            f"model:m{number}@1",
            f"0{number}:00",
            item=item,
            citation=f"line {number}",
            stream=stream,
            position=number,
        )
    return story


def rewritten(story: Story, before: str, after: str, value: str) -> Story:
    story.event(
        "deploys",
        "log.rewritten",
        "log:deploys",
        "12:00",
        item=after,
        value=value,
        citation="" if value.startswith("ends") else value,
        part=2**31,
        names=[f"item:{before}"],
        clock="examiner",
        basis="stamped",
    )
    return story


def test_fires_on_other_bytes_and_names_what_stood_there():
    story = read(read(Story(), "a", 1, 2, 3), "b", 1, 2, 3, stream="lines:2")
    (draft,) = rewritten(story, "a", "b", "line 2").judged(log_rewritten)
    assert draft.verdict == "conflict"
    assert draft.events == [("rewritten", 6), ("held", 1), ("stands", 4)]
    assert "model:m2@1" in draft.statement


def test_a_line_that_an_earlier_acquisition_has_is_found_there():
    """What the second item shares with the first is read of the first alone."""
    story = read(read(Story(), "a", 1, 2), "b", 3)
    read(story, "c", 1, stream="lines:2")
    (draft,) = rewritten(story, "b", "c", "line 2").judged(log_rewritten)
    assert ("held", 1) in draft.events


def test_fires_on_an_end_that_was_taken_away():
    story = read(read(Story(), "a", 1, 2), "b", 1, stream="lines:2")
    (draft,) = rewritten(story, "a", "b", "ends before line 2").judged(log_rewritten)
    assert draft.verdict == "missing"
    assert draft.events == [("rewritten", 3), ("held", 1)]


def test_undetermined_where_nothing_of_it_is_left():
    """The innocent twin: it was rotated, to where nobody looked."""
    story = read(read(Story(), "a", 1), "b", 1, stream="lines:2")
    for value in ("line 1", "ends before line 1"):
        (draft,) = rewritten(story, "a", "b", value).judged(log_rewritten)
        assert draft.verdict == "undetermined"
        assert draft.innocent[0].ruled_out is None
        story.rows.pop()


def test_silent_on_a_log_that_goes_on():
    assert read(read(Story(), "a", 1, 2), "b", 3).judged(log_rewritten) == []
