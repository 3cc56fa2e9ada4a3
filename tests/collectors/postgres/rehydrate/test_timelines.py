"""A restore to a point, and what was registered again after it: each instant has its own timeline.

What stood between the restore's target and the restore is gone today, and stood there then.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from recon.errors import BadInputError
from tests.collectors.postgres.conftest import Bench
from tests.collectors.postgres.rehydrate.clusters import (
    SETTINGS,
    SMALL,
    TABLE,
    Told,
    ask,
    at,
    case,
    restored_in_between,
    rows,
)
from tests.servers import postgres
from tests.versions import EACH

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def forked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bench, str]:
    folder = tmp_path_factory.mktemp("forked")
    lsn = restored_in_between(folder)
    made = case(folder / "case", backups=str(folder / "plain"), wal=str(folder / "archive"))
    return made, lsn


@pytest.mark.parametrize(
    ("time", "models", "timeline"),
    [
        ("3:30", ["a", "b"], 1),
        ("5:30", ["a", "b", "lost"], 1),
        ("9:30", ["a", "b", "b2"], 2),
    ],
)
def test_each_instant_has_its_own_timeline(
    forked: tuple[Bench, str], time: str, models: list[str], timeline: int
) -> None:
    answer = ask(forked[0], time)
    assert [row[0] for row in rows(answer, "model")] == models
    assert answer.provenance["timeline"] == timeline


def test_a_timeline_can_be_named(forked: tuple[Bench, str]) -> None:
    with pytest.raises(BadInputError):
        ask(forked[0], "5:30", timeline=7)
    assert [row[0] for row in rows(ask(forked[0], "5:30", timeline=2), "model")] == ["a", "b"]


@pytest.mark.parametrize("major", [one for one in EACH if one.values != (15,)])
def test_every_major_version_answers(tmp_path: Path, major: int) -> None:
    with postgres(None, SETTINGS, clock=at("0:30"), initdb=SMALL, major=major) as server:
        told = Told(server).then("1:00", TABLE)
        told.backup("2:00", "base", "-Ft", "-z")
        told.then("3:00", "insert into ml.lineage values ('b', 'two')")
        told.then("4:00", "delete from ml.lineage")
        server.switch_wal()
        told.export(tmp_path, "base", "archive")
    made = case(tmp_path / "case", backups=str(tmp_path / "base"), wal=str(tmp_path / "archive"))
    answer = ask(made, "3:30")
    assert rows(answer, "model", "sha") == [("a", "one"), ("b", "two")]
    assert answer.provenance["major"] == major
