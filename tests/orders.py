"""A pipeline told as a story: each run is a commit, a line of the deploy log, and a row.

The log names the commit (a law), and the row that the same run wrote is declared to be of one act
with it, so the log's clock is measured against the database's.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from recon.rules import Draft, Rule
from recon.time.declared import Correspondence
from tests.stories import Story, commit

START = datetime(2026, 3, 1, 10, tzinfo=UTC)
LOG, DATABASE = "log:deploys", "pg:lineage-db/commit"
ONE_ACT = Correspondence.model_validate(
    {
        "first": {"source": "deploys", "kind": "deploy.finish"},
        "second": {"source": "lineage-db", "kind": "row.insert"},
        "within": [0, 5],
        "by": "run",
    }
)


class Pipeline(Story):
    """Runs two hours apart."""

    def __init__(self, *, declared: bool = True, digests: bool = False) -> None:
        """``digests``: both records of a run give its artifact, by which they can be paired."""
        super().__init__()
        self.digests = digests
        self.paired = [ONE_ACT] if declared else []
        self.log = "log:" + "1" * 16
        self.lines = 0

    def runs(
        self,
        count: int,
        off: Callable[[int], float] = lambda _: 0.0,
        *,
        late: float = 0.0,
        begin: int = 0,
    ) -> Pipeline:
        """``off``: seconds that the log's clock is ahead at a run; ``late``: of the row."""
        for number in range(begin, begin + count):
            when = START + timedelta(hours=2 * number)
            self.committed_at(f"c{number}", when - timedelta(minutes=30))
            self.finished(number, when + timedelta(seconds=off(number)), f"c{number}")
            self.inserted(number, when + timedelta(seconds=1 + late))
        return self

    def committed_at(self, name: str, when: datetime, *parents: str) -> Pipeline:
        self.committed(name, *parents, time=f"{when:%Y-%m-%d %H:%M:%S}")
        return self

    def finished(self, number: int, when: datetime, *names: str, subject: str = "") -> Pipeline:
        """A line of the log; its place is where it is told."""
        self.lines += 1
        self.event(
            "deploys",
            "deploy.finish",
            subject or f"run:{number}",
            f"{when:%Y-%m-%d %H:%M:%S}",
            item="1" * 64,
            citation=f"line {self.lines}",
            clock=LOG,
            basis="asserted",
            stream=self.log,
            position=100 * self.lines,
            names=[f"git:{commit(name)}" for name in names],
        )
        return self._artifact(number)

    def inserted(self, number: int, when: datetime) -> Pipeline:
        self.wal("row.insert", f"{when:%Y-%m-%d %H:%M:%S}", 700 + number, f"run:{number}")
        self.rows[-1]["names"] = [f"xid:1/{700 + number}", "pg:lineage-db/ml/ml.deployments"]
        return self._artifact(number)

    def _artifact(self, number: int) -> Pipeline:
        """A claim of the record told last."""
        if self.digests:
            record = self.rows[-1]
            digest = f"sha256:{number:064x}"
            more = {"kind": "claim", "subject": f"model:m@{number}", "part": 1, "stream": None}
            value = {"attribute": "artifact", "value": digest[7:], "digest": digest}
            self.rows.insert(-1, record | more | value | {"position": None})
        return self

    def all_of(self, *rules: Rule) -> dict[str, list[Draft]]:
        """What each rule says of one timeline."""
        timeline = self.timeline()
        return {rule.name: list(rule.check(timeline)) for rule in rules}


def hours(number: float) -> float:
    return 3600 * number
