"""What is counted of the corpus of incidents: recall, precision, and which verdict was given."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import marked, score
from tests.score import Story

GAP = ("log-gap", "missing", "log:a")
WRITTEN = ("log-rewritten", "conflict", "log:a")
OTHER = ("log-rewritten", "undetermined", "log:a")


def told(name: str, truth: set[score.Found], found: set[score.Found]) -> Story:
    return Story(name, "innocent" in name, frozenset(truth), frozenset(found))


STORIES = [
    told("log-gap-incident", {GAP}, {GAP}),
    told("log-gap-innocent", set(), {GAP}),
    told("log-rewritten-incident", {WRITTEN}, {OTHER}),
    told("log-rewritten-incident-cut", {WRITTEN}, set()),
    told("log-rewritten-innocent", set(), set()),
]


def test_recall_and_precision_are_of_each_rule():
    gap, rewritten = sorted(score.scores(STORIES), key=lambda one: one.rule)
    assert (gap.recall, gap.precision, gap.false, gap.twins) == (1.0, 0.5, 1, 1)
    assert (rewritten.recall, rewritten.precision, rewritten.due) == (0.0, 0.0, 2)


def test_another_verdict_is_missed_and_false_and_is_shown_as_that():
    counted = score.confusion(STORIES)
    assert counted["conflict", "undetermined"] == 1
    assert counted["conflict", score.SILENT] == 1
    assert counted[score.SILENT, "missing"] == 1


def test_what_is_wrong_is_named():
    text = score.report(STORIES)
    assert "Of 3 findings that must be made 1 are made" in text
    assert "2 are made that must not be, and 1 of the twins have a false report" in text
    assert "- `log-gap-innocent`: false" in text


def test_the_readme_has_the_marks():
    text = marked.README.read_text(encoding="utf-8")
    assert score.BEGIN in text
    assert score.END in text


def test_a_text_takes_the_place_of_what_stands_between_the_marks(tmp_path: Path):
    path = tmp_path / "page.md"
    path.write_text("a\n<b>\nold\n<e>\nz\n")
    marked.write("<b>", "<e>", "new\\1\n", path)
    assert path.read_text() == "a\n<b>\nnew\\1\n<e>\nz\n"
    with pytest.raises(SystemExit):
        marked.write("<none>", "<e>", "", path)
