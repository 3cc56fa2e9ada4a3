"""Twelve runs of one pipeline: a commit each, made by git, and the line of the log that deploys it.

The commits are two hours apart, from 1 March at 10:00, and their authors wrote them eight years
before. One job appends to the log.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tests.collectors.git.repositories import ADA
from tests.incidents.code import hand_over, repository
from tests.incidents.stage import Stage, line

Off = Callable[[int], timedelta]
START = datetime(2026, 3, 1, 10, tzinfo=UTC)
APART, COUNT = timedelta(hours=2), 12
LOG = "clock:log:deploys"
_AUTHORED = datetime(2018, 1, 1, 10, tzinfo=UTC)
_SAID = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True, slots=True)
class Runs:
    """Names of the commits, in order."""

    commits: list[str]
    is_paired: bool

    def subject(self, number: int) -> str:
        """Of which the log's line of that run tells."""
        return f"git:code/commit/{self.commits[number]}" if self.is_paired else f"model:m{number}@1"


def never(_: int) -> timedelta:
    """A clock that is in step."""
    return timedelta()


def deployed(
    stage: Stage,
    off: Off = never,
    *,
    wait: int = 20,
    paired: bool = True,
    order: Callable[[int], int] = int,
    made: Off = never,
    beside: Callable[[list[str]], Mapping[int, Mapping[str, str]]] = lambda _: {},
    unlogged: Collection[int] = (),
) -> Runs:
    """All runs, handed over.

    Args:
        stage: the case.
        off: what the log's clock is ahead at a run.
        wait: seconds from the commit to its line, by clocks in step.
        paired: whether the case declares that a line comes within a minute of its commit.
        order: by which the lines stand in the log.
        made: what the committer's clock is ahead.
        beside: of the names of the commits, lines that stand after the line of a run.
        unlogged: runs that deploy nothing.
    """
    code = repository(stage)
    times = [START + number * APART for number in range(COUNT)]
    text = "".join(
        _commit(number, when + made(number), _AUTHORED + timedelta(days=number))
        for number, when in enumerate(times)
    )
    # The reflog's own line is of when the last one was made.
    done = f"{int((times[-1] + made(COUNT - 1)).timestamp())} +0000"
    code("fast-import", "--quiet", stdin=text.encode(), when=done)
    commits = code("rev-list", "--reverse", "main").splitlines()
    rows = [
        line(
            f"{when + timedelta(seconds=wait) + off(number):{_SAID}}",
            f"m{number}",
            commit=commits[number],
        )
        for number, when in enumerate(times)
    ]
    more = beside(commits)
    ordered = [
        one
        for number in sorted(set(range(COUNT)) - set(unlogged), key=order)
        for one in (rows[number], more.get(number))
        if one is not None
    ]
    subject = "git:code/commit/{sha}" if paired else "model:{model}@{version}"
    stage.log(*ordered, subject=subject, append_only=True)
    hand_over(stage, code)
    if paired:
        committed = {"source": "code", "kind": "git.commit", "clock": "git:committer:*"}
        stage.pair(committed, {"source": "deploys", "kind": "deploy.finish"}, 60)
    return Runs(commits, paired)


def _commit(number: int, made: datetime, authored: datetime) -> str:
    title = f"change {number}"
    return (
        f"commit refs/heads/main\n"
        f"author {ADA} {int(authored.timestamp())} +0000\n"
        f"committer {ADA} {int(made.timestamp())} +0000\n"
        f"data {len(title)}\n{title}\n"
        f"M 644 inline file\ndata {len(title)}\n{title}\n\n"
    )
