"""What no finding depends on: order, sources that say nothing of it; and what may follow from less.

- Order of sources, events and rules never changes a finding.
- Adding a source that is about something else never removes one.
- Removing a source may only remove findings or turn them undetermined, but of rules whose very
  definition asks all sources of the case (:data:`ASKS_ALL`): what is in none of those that are
  left may be in the one that was removed.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import recon
from recon import schema
from recon.beside import beside
from recon.config import Norm
from recon.rules import RULES, Timeline
from recon.rules.base import Draft
from recon.time.relations import relations
from tests.recon.rules.test_shifted import told
from tests.stories import BAD, GOOD, Story, commit

NORMS = tuple(
    Norm.model_validate(one)
    for one in (
        {"rule": "manifest-after-artifact"},
        {"rule": "overwritten-artifact"},
        {"rule": "artifact-swapped-behind-name"},
        {"rule": "manifest-does-not-list-artifact"},
        {"rule": "release-order"},
        {"rule": "backdated-record"},
        {"rule": "deploy-without-record", "table": "ml.lineage"},
        {"rule": "record-without-deploy", "table": "ml.lineage"},
        {"rule": "evaluated-other-bytes", "evaluated": "artifact"},
        {"rule": "hotfix-window", "table": "ml.lineage", "service": "model:m3@*"},
        {"rule": "self-recorded", "domain": "platform"},
    )
)
ASKS_ALL = {
    "unbacked-deploy": "another repository may have the commit",
    "unlisted-version": "the bucket's own listings may show the version",
    "released-from-vanished-version": "another bucket may have the bytes",
    "manifest-after-artifact": "CloudTrail may know of an earlier upload",
    "manifest-does-not-list-artifact": "another source may have the manifest",
    "release-order": "another source may have an earlier record of the step",
    "deploy-without-record": "another table of that name may have the row",
    "record-without-deploy": "another log may have the deploy",
    "evaluated-other-bytes": "another source may have the evaluation",
    "self-recorded": "a source of another domain may be the witness",
}
"""By rule, what a source that was removed may have said against it."""
Told = Callable[[Story], object]
FEBRUARY = "2026-02-14 10:00"
ACTS: tuple[Told, ...] = (
    lambda story: story.deployed("09:00", "m1", artifact=GOOD, commit=f"git:{commit('c1')}"),
    lambda story: story.deployed("11:00", "m1", artifact=BAD, commit=f"git:{commit('c9')}"),
    lambda story: story.deployed("13:00", "m3", artifact=GOOD),
    lambda story: story.stored(FEBRUARY, "m1", GOOD),
    lambda story: story.stored("10:00", "m1", BAD),
    lambda story: story.stored("12:00", "m1", BAD, "manifest"),
    lambda story: story.snapshot("02:00", FEBRUARY, m1=GOOD, m2=GOOD),
    lambda story: story.snapshot("2026-03-09 02:00", FEBRUARY, m1=BAD),
    lambda story: story.capture("2026-04-02 09:00", ("m1", BAD, FEBRUARY, "19:12", 800)),
    lambda story: story.recreated("19:12", 800),
    lambda story: story.wrote("19:12", 800, insert=1, delete=1),
    lambda story: story.wrote("12:00", 790, update=1),
    lambda story: story.logged("2026-02-01 00:00", "2026-04-01 00:00"),
    lambda story: story.listing("2026-02-20 09:00", ("k", "v1", FEBRUARY), ("k", "v2", "10:00")),
    lambda story: story.listing("2026-04-02 09:00", ("k", "v2", "10:00")),
    lambda story: story.committed("c1").committed("c2", "c1").ref("refs/heads/main", "c2"),
    lambda story: story.whole_history(),
    lambda story: story.event(
        "bench", "claim", "model:m1@1", "14:00", attribute="artifact", digest=BAD, value=BAD[7:]
    ),
    lambda story: story.event("deploys", "log.gap", "log:deploys", "12:00", value="3 to 4"),
    lambda story: story.measured("log:deploys", "pg:lineage-db/commit", 0, every=200),
)
"""What a story is made of: true records and false ones."""
Rows = list[dict[str, Any]]
Key = tuple[str, str, str, str, tuple[tuple[str, tuple[Any, ...]], ...]]
_ORDER = ["earliest", "item", "citation", "part", "source", "kind", "attribute", "value"]
_ID = ("source", "item", "citation", "part", "kind")


def timeline(story: Story, rows: Rows, *, seed: int | None = None) -> Timeline:
    """As it is built, of some of the rows; with a seed the frames hold them in another order.

    And an odd seed leaves out what the file of a timeline has beside the events.
    """
    frame = schema.frame([{"row": 0, **row} for row in rows], schema.EVENTS).drop("row")
    frame = frame.sort(_ORDER, nulls_last=[name == "earliest" for name in _ORDER])
    events = frame.with_row_index("row").with_columns(pl.col("row").cast(pl.UInt64))
    kept = {row["source"] for row in rows}
    covered = [one for one in story.covered if one["source"] in kept]
    coverage = schema.frame(covered, schema.COVERAGE)
    laws = relations(events.lazy(), coverage.lazy())
    norms = list(NORMS)
    if seed is None or seed % 2 == 0:
        events = beside(events)
    if seed is not None:
        events, coverage = (
            one.sample(fraction=1, shuffle=True, seed=seed) for one in (events, coverage)
        )
        random.Random(seed).shuffle(norms)  # noqa: S311  (no secret)
    made = Timeline(events.lazy(), coverage.lazy(), norms, {}, laws, story.paired)
    if seed is None:
        made.locate()
    return made


def found(one: Timeline, seed: int | None = None) -> dict[Key, Draft]:
    """All findings, by what does not depend on the build: events by their ids."""
    rules = list(RULES)
    if seed is not None:
        random.Random(seed).shuffle(rules)  # noqa: S311  (as above)
    ids = {row["row"]: row for row in one.events.collect().to_dicts()}
    out: dict[Key, Draft] = {}
    for rule in rules:
        for draft in rule.check(one):
            events = tuple(
                (role, tuple(ids[row][name] for name in _ID)) for role, row in draft.events
            )
            out[rule.name, draft.verdict, draft.subject, draft.statement, events] = draft
    return out


def made(acts: list[Told]) -> Story:
    """A story of these acts, with an event at least."""
    story = Story().event("deploys", "deploy.start", "model:m9@1", "01:00", clock="log:deploys")
    for act in acts:
        act(story)
    return story


stories = st.lists(st.sampled_from(ACTS), min_size=4, max_size=len(ACTS), unique=True).map(made)
WHOLE = made(list(ACTS))


def order_changes_nothing(story: Story, seed: int = 1) -> None:
    """Order of sources, events, norms and rules never changes a finding."""
    expected = found(timeline(story, story.rows))
    turned = list(story.rows)
    random.Random(seed).shuffle(turned)  # noqa: S311  (as above)
    assert found(timeline(story, turned, seed=seed), seed) == expected


def unrelated(story: Story) -> Rows:
    """Records of another system, about other things, by another clock."""
    other = Story()
    for hour in (3, 9, 20):
        for kind, attribute, value in (("ticket.closed", None, None), ("claim", "state", "closed")):
            other.event(
                "tickets",
                kind,
                f"ticket:{hour}",
                f"{hour:02}:30",
                attribute=attribute,
                value=value,
                clock="records:tickets",
                basis="asserted",
                item="f" * 64,
                citation=f"row {hour}",
                part=int(kind == "claim"),
            )
            other.rows[-1]["domain"] = "service-desk"
    return [*story.rows, *other.rows]


def more_removes_nothing(story: Story) -> None:
    """Adding a source that is about something else never removes a finding."""
    before = found(timeline(story, story.rows))
    assert before.keys() <= found(timeline(story, unrelated(story))).keys()


def less_accuses_nobody(story: Story) -> None:
    """Removing a source may only remove findings or turn them undetermined."""
    whole = {key[:3] for key in found(timeline(story, story.rows))}
    for source in sorted({row["source"] for row in story.rows}):
        if source.startswith("acts"):
            continue  # what measures the clocks: see below
        left = [row for row in story.rows if row["source"] != source]
        if not left:
            continue
        for rule, verdict, subject in {key[:3] for key in found(timeline(story, left))}:
            if verdict not in {"undetermined", "observation"} and rule not in ASKS_ALL:
                assert (rule, verdict, subject) in whole, f"without {source}"


PROPERTIES = (order_changes_nothing, more_removes_nothing, less_accuses_nobody)


@pytest.mark.parametrize("holds", PROPERTIES)
def test_of_the_story_of_all_acts(holds: Callable[[Story], None]):
    holds(WHOLE)


@settings(max_examples=2)
@given(stories, st.sampled_from(PROPERTIES))
def test_of_any_story(story: Story, holds: Callable[[Story], None]):
    holds(story)


@pytest.mark.thorough
@settings(max_examples=30)
@given(stories, st.integers(0, 99))
@example(told(), 2)
def test_of_many_stories(story: Story, seed: int):
    order_changes_nothing(story, seed)
    more_removes_nothing(story)
    less_accuses_nobody(story)


@pytest.mark.thorough
def test_of_the_packaged_case(tmp_path: Path):
    """Each source of the case of March 8 removed in turn."""
    case = recon.demo(tmp_path / "case")
    list(case.collect())
    events, coverage = case.timeline().drop("row").collect(), case.coverage().collect()

    def without(source: str) -> set[tuple[str, ...]]:
        left = events.filter(pl.col("source") != source).with_row_index("row")
        covered = coverage.filter(pl.col("source") != source).lazy()
        rows = left.with_columns(pl.col("row").cast(pl.UInt64)).lazy()
        of = Timeline(rows, covered, case.config.norms, {}, relations(rows, covered))
        return {key[:3] for key in found(of)}

    whole = without("")
    assert len(whole) > 10
    for source in sorted(events["source"].unique()):
        for rule, verdict, subject in without(source):
            if verdict not in {"undetermined", "observation"} and rule not in ASKS_ALL:
                assert (rule, verdict, subject) in whole, f"without {source}"


def test_the_stories_have_findings_of_many_rules():
    """Else the properties would hold of nothing."""
    names = {key[0] for key in found(timeline(WHOLE, WHOLE.rows))}
    assert len(names) >= 10
    assert set(ASKS_ALL) <= {rule.name for rule in RULES}
