"""What an exhibit says of a finding, apart from its records."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from recon.findings import Finding, Innocent, Step
from recon.schema import COVERAGE
from reports import exhibit, words

FINDING = Finding(
    finding="0" * 16,
    rule="unbacked-deploy",
    verdict="missing",
    subject="model:m@1",
    statement="deploys records a deploy; no commit of code has that id",
    events=(),
    steps=(Step("no-commit", (), {"repositories": "code, other", "commit": "1", "whole": "yes"}),),
    margin_seconds=None,
    excuse="an excuse",
    alibi="an alibi",
    witness="none",
    innocent=(Innocent("a cause", None, "because"),),
    as_of=None,
)


def covered(*sources: str) -> pl.DataFrame:
    row = dict.fromkeys(COVERAGE)
    return pl.DataFrame(
        [{**row, "source": one, "because": "all of it"} for one in sources], schema=COVERAGE
    )


def test_what_was_searched_in_vain_is_shown_with_what_it_covers():
    """A finding of an absence has no event of the source that it was absent from."""
    shared = exhibit.Shared(pl.DataFrame(), covered("code", "third"), (), (), ())
    shown = exhibit.bounds(FINDING, (), shared)
    assert [row[0] for row in shown["coverage"]] == ["code"]


def test_the_definition_has_no_marks_of_its_docstring():
    lines = exhibit.definition("unbacked-deploy")
    assert lines
    assert not [line for line in lines if "`" in line]


def test_an_observation_has_nothing_to_be_made_innocent():
    assert exhibit.doubt_heading(FINDING) == "What would make it innocent"
    seen = exhibit.doubt_heading(replace(FINDING, verdict="observation"))
    assert seen == "What could explain it"


def test_the_time_of_a_dump_says_that_its_zone_is_declared():
    assert "without a zone" in words.clock("pg:lineage-db/dump", "stamped")
