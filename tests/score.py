"""``make score``: what recon finds of a corpus of incidents and of their innocent twins.

    python -m tests.score [NAME …]

The corpus: real PostgreSQL clusters (``tests/scenarios``), real buckets, logs, tables, trails and
repositories (``tests/incidents``), and the packaged case. Each says by itself what must be found;
whatever else is found is a false report. With names, only stories that begin so are played, and
the README stays as it is.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import recon
from recon.rules import rule_names
from tests import marked, s3_servers
from tests.incidents.play import incidents
from tests.incidents.play import play as play_incident
from tests.scenarios.play import play as play_scenario
from tests.scenarios.play import scenarios as all_scenarios

BEGIN, END = "<!-- scores: written by `make score` -->", "<!-- end of scores -->"
Found = tuple[str, str, str]
"""Rule, verdict, subject."""
SILENT = "silent"
_VERDICTS = ("contradiction", "conflict", "breach", "missing", "undetermined", "observation")


@dataclass(frozen=True, slots=True)
class Story:
    """One story of the corpus, played."""

    name: str
    innocent: bool
    truth: frozenset[Found]
    """All that must be found."""
    found: frozenset[Found]
    allowed: frozenset[Found] = frozenset()
    """Observations that may be found as well."""
    gaps: frozenset[Found] = frozenset()
    """What would be right to find, and the case does not ask for."""

    @property
    def missed(self) -> frozenset[Found]:
        """What should have been found."""
        return self.truth - self.found

    @property
    def false(self) -> frozenset[Found]:
        """What should not."""
        return self.found - self.truth - self.allowed


def played(begin: Sequence[str] = ("",)) -> Iterator[Story]:
    """Every story whose name begins with one of the words."""
    wanted = tuple(begin)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        folder.chmod(0o755)  # servers run as a user of their own
        if "march-8".startswith(wanted):
            yield _packaged(folder / "march-8")
        yield from _incidents(folder / "incidents", wanted)
        for scenario in all_scenarios():
            if scenario.name.startswith(wanted):
                one = play_scenario(scenario, folder)
                missed = {tuple(each) for each in one.result.missed}
                extra = {tuple(each) for each in (*one.result.extra, *one.result.closed)}
                truth = frozenset(tuple(each) for each in one.truth.findings)
                gaps = frozenset(tuple(gap.found) for gap in one.truth.gaps)
                yield Story(
                    scenario.name,
                    scenario.part.startswith("innocent"),
                    truth,
                    frozenset((truth - missed) | extra),
                    gaps=gaps,
                )


def _incidents(folder: Path, wanted: tuple[str, ...]) -> Iterator[Story]:
    chosen = [one for one in incidents() if one.name.startswith(wanted)]
    if not chosen:
        return
    os.environ.update(s3_servers.credentials())
    with s3_servers.moto(folder / "moto", datetime(2026, 3, 8, tzinfo=UTC)) as server:
        for one in chosen:
            done = play_incident(one, folder, server)
            yield Story(one.name, one.part.startswith("innocent"), done.truth, done.found)


def _packaged(folder: Path) -> Story:
    """The case of March 8, asked about every subject."""
    case = recon.demo(folder)
    path = folder / "case.toml"
    path.write_text(path.read_text().replace('["model:credit-risk@*"]', '["*"]'))
    list(case.collect())
    told = json.loads((files("recon") / "packaged/march_8/expected.json").read_text())
    must, may = (
        frozenset((one["rule"], one["verdict"], one["subject"]) for one in told[name])
        for name in ("must_find", "may_find")
    )
    found = recon.open(folder).findings().findings
    said = frozenset((one.rule, one.verdict, one.subject) for one in found)
    return Story("march-8", False, must, said, may)


@dataclass(frozen=True, slots=True)
class Score:
    """What is counted of one rule."""

    rule: str
    incidents: int
    """In which it has something to report."""
    due: int
    """Findings that must be reported, observations included."""
    right: int
    false: int
    """Reported, and not so: in incidents and in innocent twins."""
    twins: int
    """Innocent stories of an idea that is about it, in which it must accuse nobody."""

    @property
    def recall(self) -> float | None:
        """Of what must be reported, the part that is."""
        return self.right / self.due if self.due else None

    @property
    def precision(self) -> float | None:
        """Of what is reported, the part that is right."""
        said = self.right + self.false
        return self.right / said if said else None


def scores(stories: Sequence[Story]) -> list[Score]:
    """By rule, in the order of the catalogue; rules that no story is about are left out."""
    found = []
    for name in rule_names():
        of = [
            (
                {one for one in story.truth if one[0] == name},
                {one for one in story.found - story.allowed if one[0] == name},
                story,
            )
            for story in stories
        ]
        due = sum(len(truth) for truth, _, _ in of)
        right = sum(len(truth & said) for truth, said, _ in of)
        false = sum(len(said - truth) for truth, said, _ in of)
        ideas = {_idea(story.name) for truth, _, story in of if truth} | {name}
        twins = sum(story.innocent and _idea(story.name) in ideas for story in stories)
        if due or false:
            incidents_ = sum(bool(truth) and not story.innocent for truth, _, story in of)
            found.append(Score(name, incidents_, due, right, false, twins))
    return found


def _idea(name: str) -> str:
    """What a story and its twins share: the beginning of their names."""
    return name.split("-incident", maxsplit=1)[0].split("-innocent", maxsplit=1)[0]


def confusion(stories: Iterable[Story]) -> Counter[tuple[str, str]]:
    """Pairs of the verdict that is due and the one that is given, by rule and subject."""
    counted: Counter[tuple[str, str]] = Counter()
    for story in stories:
        due = {(rule, subject): verdict for rule, verdict, subject in story.truth}
        said = {(rule, subject): verdict for rule, verdict, subject in story.found - story.allowed}
        for key in due.keys() | said.keys():
            counted[due.get(key, SILENT), said.get(key, SILENT)] += 1
    return counted


def report(stories: Sequence[Story]) -> str:
    """The table of rules and the confusion table, as Markdown."""
    twins = sum(story.innocent for story in stories)
    false = sum(len(story.false) for story in stories)
    missed = sum(len(story.missed) for story in stories)
    due = sum(len(story.truth) for story in stories)
    of_twins = sum(bool(story.false) for story in stories if story.innocent)
    rules = scores(stories)
    open_ = [(story.name, one[0]) for story in stories for one in sorted(story.gaps)]
    gaps = [
        f"In `{name}` the corpus has a gap: no norm of {rule} is declared." for name, rule in open_
    ]
    parts = "`tests/scenarios`, `tests/incidents` and the packaged case"
    lines = [
        f"The corpus has {len(stories) - twins} incidents and {twins} innocent twins.",
        f"They are made from real parts under chosen clocks: {parts}.",
        f"Of {due} findings that must be made {due - missed} are made, each with its verdict.",
        f"{false} are made that must not be, and {of_twins} of the twins have a false report.",
        *gaps,
        "",
        "| rule | incidents | to report | reported | false | twins | recall | precision |",
        "| --- | --: | --: | --: | --: | --: | --: | --: |",
        *(
            f"| `{one.rule}` | {one.incidents} | {one.due} | {one.right} | {one.false} | "
            f"{one.twins} | {_percent(one.recall)} | {_percent(one.precision)} |"
            for one in rules
        ),
        "",
        "What is due of a rule and a subject, against what is said:",
        "",
        *_confused(confusion(stories)),
    ]
    without = sorted(set(rule_names()) - {one.rule for one in rules})
    if without:
        names = ", ".join(f"`{one}`" for one in without)
        lines += ["", f"No story of the corpus is about {names}; their tests are."]
    wrong = [story for story in stories if story.missed or story.false]
    for story in wrong:
        said = [f"missed {one}" for one in sorted(story.missed)]
        said += [f"false {one}" for one in sorted(story.false)]
        lines += ["", f"- `{story.name}`: {'; '.join(said)}"]
    return "\n".join(lines) + "\n"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}" if share in {0, 1} else f"{share:.1%}"


def _confused(counted: Counter[tuple[str, str]]) -> Iterator[str]:
    rows = [one for one in (*_VERDICTS, SILENT) if any(due == one for due, _ in counted)]
    heads = [one for one in (*_VERDICTS, SILENT) if any(one in pair for pair in counted)]
    yield f"| due \\ said | {' | '.join(heads)} |"
    yield f"| --- |{' --: |' * len(heads)}"
    for due in rows:
        cells = " | ".join(str(counted[due, said] or "") for said in heads)
        yield f"| {due} | {cells} |"


def main(begin: Sequence[str]) -> int:
    """Play, print, write; 1 where anything is missed or false."""
    stories = []
    for story in played(begin or ("",)):
        stories.append(story)
        state = "as it was" if not (story.missed or story.false) else "WRONG"
        print(f"{story.name}: {state}", file=sys.stderr, flush=True)
    text = report(stories)
    print(text)
    if not begin:
        marked.write(BEGIN, END, text)
    return int(any(story.missed or story.false for story in stories))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
