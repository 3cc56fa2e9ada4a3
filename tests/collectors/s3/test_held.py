"""What a bucket held at an instant, and what keeps it, against what two servers really did."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import recon
from collectors.s3 import expiry, held, lifecycle, versions
from recon.cli import main
from tests import s3_servers
from tests.cases import bucket_source, write_buckets
from tests.collectors.s3.test_live import versioned

Make = Callable[..., Any]
ODD = "b/\u202e.."
START = datetime(2026, 9, 1, tzinfo=UTC)
SECOND = timedelta(microseconds=999_999)


def run(*arguments: str) -> int:
    """The command line, and its exit code."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "argv", ["recon", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
    return int(stopped.value.code or 0)


Act = tuple[str, str, int, bool, int]
"""Key, version, second, whether a delete marker, order among versions of the key."""


def frame(acts: list[Act]) -> pl.LazyFrame:
    return pl.LazyFrame(
        [
            {
                "key": key,
                "version": version,
                "deleted": deleted,
                "earliest": START + timedelta(seconds=second),
                "latest": START + timedelta(seconds=second) + SECOND,
                "order": order,
            }
            for key, version, second, deleted, order in acts
        ],
        schema={
            "key": pl.String,
            "version": pl.String,
            "deleted": pl.Boolean,
            "earliest": pl.Datetime("us", "UTC"),
            "latest": pl.Datetime("us", "UTC"),
            "order": pl.UInt64,
        },
    )


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9), st.booleans()), max_size=12),
    st.integers(0, 11),
)
def test_the_newest_version_put_by_then(story: list[tuple[str, int, bool]], second: int) -> None:
    """An oracle that goes through the acts one after another."""
    ordered = sorted(story, key=lambda act: act[1])
    acts = [(key, f"v{n}", second, gone, n) for n, (key, second, gone) in enumerate(ordered)]
    state: dict[str, tuple[str, str]] = {}
    for key, version, when, gone, _ in acts:
        if when < second:
            state[key] = ("deleted" if gone else "object", version)
    instant = START + timedelta(seconds=second)
    found = held.at(frame(acts), instant).collect()
    # As S3 lists them: key by key, newest first.
    listed = sorted(acts, key=lambda act: (act[0], -act[4]))
    assert held.at(frame(listed), instant).collect().sort("key").equals(found.sort("key"))
    sure = found.filter(certainty="certain")
    said = {r["key"]: (r["state"], r["version"]) for r in sure.iter_rows(named=True)}
    assert said.items() <= state.items()
    # What happens within the very second may have been before or after.
    within = {key for key, _, when, _, _ in acts if when == second}
    assert said == {k: v for k, v in state.items() if k not in within}


def test_what_is_listed_under_a_newer_version_counts_where_it_may_have_ended_later() -> None:
    acts = frame([("a", "2", 10, False, 1), ("a", "1", 0, False, 0)])
    for open_, certainty in ((False, "certain"), (True, "possible")):
        ends = pl.when(pl.lit(open_) & (pl.col("version") == "1")).then(None).otherwise("latest")
        rows = held.at(acts.with_columns(latest=ends), START + timedelta(minutes=1)).collect()
        [row] = rows.rows(named=True)
        assert (row["version"], row["certainty"]) == ("2", certainty)


def test_two_versions_of_one_second_without_an_order_are_possible() -> None:
    acts = frame([("a", "1", 0, False, 0), ("a", "2", 0, False, 0)])
    unordered = acts.with_columns(order=pl.lit(None, pl.UInt64))
    [row] = held.at(unordered, START + timedelta(minutes=1)).collect().rows(named=True)
    assert row["certainty"] == "possible"


def test_a_null_that_was_put_later_may_have_taken_the_place_of_an_older_one() -> None:
    acts = frame([("a", "1", 0, False, 0), ("a", "null", 90, False, 1)])
    [row] = held.at(acts, START + timedelta(minutes=1)).collect().rows(named=True)
    assert row["version"] == "1"
    assert row["certainty"] == "possible"
    assert "null" in row["because"]
    [row] = held.at(acts, START + timedelta(minutes=2)).collect().rows(named=True)
    assert (row["version"], row["certainty"]) == ("null", "certain")


def test_an_upload_in_parts_is_possible_until_it_was_seen() -> None:
    acts = frame([("a", "1", 0, False, 0), ("a", "2", 10, False, 1)]).with_columns(
        latest=pl.when(pl.col("version") == "2")
        .then(pl.lit(START + timedelta(days=1)).dt.cast_time_unit("us"))
        .otherwise("latest")
    )
    [row] = held.at(acts, START + timedelta(seconds=30)).collect().rows(named=True)
    assert row["certainty"] == "possible"
    [row] = held.at(acts, START + timedelta(days=2)).collect().rows(named=True)
    assert (row["version"], row["certainty"]) == ("2", "certain")


@pytest.mark.live
def test_each_days_listing_is_what_a_later_one_says_of_that_day(
    moto: s3_servers.Server,
    bucket: str,
    make: Make,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What S3 itself lists as current on each evening, against what the last listing says of it."""
    s3 = versioned(moto, bucket)
    acts: list[tuple[int, str, str | None]] = [
        (1, "a", "1"), (1, ODD, "1"), (2, "a", "2"), (3, "a", None), (4, ODD, "2"),
        (5, "a", "3"), (5, "c", "1"), (6, "c", None), (6, ODD, None), (7, ODD, "3"),
    ]  # fmt: skip
    days: dict[int, dict[str, str]] = {}
    for number, (day, key, body) in enumerate(acts):
        s3_servers.set_clock(moto, START + timedelta(days=day, minutes=number))
        if body is None:
            s3.delete_object(Bucket=bucket, Key=key)
        else:
            s3.put_object(Bucket=bucket, Key=key, Body=body.encode())
        current = s3.list_object_versions(Bucket=bucket).get("Versions", [])
        days[day] = {v["Key"]: v["VersionId"] for v in current if v["IsLatest"]}
    s3_servers.set_clock(moto, START + timedelta(days=9))
    case = make(url=f"s3://{bucket}/", endpoint=moto.endpoint)
    write_buckets(case.folder, bucket_source("models", bucket, moto.endpoint, head="none"))
    case.acquire()
    case.evidence.custody.close()
    for day, current in days.items():
        evening = START + timedelta(days=day, hours=20)
        arguments = ["held", "models", evening.isoformat(), "--case", str(case.folder)]
        assert run(*arguments, "--format", "json") == 0
        rows = json.loads(capsys.readouterr().out)
        objects = {row["key"]: row["version"] for row in rows if row["state"] == "object"}
        assert objects == current
        assert {row["certainty"] for row in rows} == {"certain"}
    assert run("held", "models", "2026-09-08T20:00Z", "--case", str(case.folder)) == 0
    shown = capsys.readouterr().out
    assert "\u202e" not in shown
    assert run("held", "nobody", "--case", str(case.folder)) == 2


# Lifecycle: each line is a rule, versions (day, hour, marker), and what goes when.

DAY = datetime(2026, 3, 1, tzinfo=UTC)


def listed(*acts: tuple[int, int, bool], size: int = 10, key: str = "m/x") -> pl.DataFrame:
    """Versions v1, v2, … of one key, oldest first."""
    rows = [
        {
            "kind": "object.delete" if gone else "object.put",
            "key": key,
            "version": f"v{n}",
            "size": size,
            "earliest": DAY + timedelta(days=day, hours=hour),
            "latest": DAY + timedelta(days=day, hours=hour) + SECOND,
            "position": n,
        }
        for n, (day, hour, gone) in enumerate(acts, 1)
    ]
    return pl.DataFrame(rows, schema=versions.LISTED, orient="row")


def due(
    rule: dict[str, Any], rows: pl.DataFrame, versioning: str | None = "Enabled"
) -> dict[tuple[str, str], int]:
    """Version and act, and the day of it, counted from 1 March."""
    data = json.dumps({"Rules": [{"ID": "r", "Status": "Enabled", **rule}]}).encode()
    found = expiry.table(rows, lifecycle.read(data), versioning)
    return {
        (r["version"], r["what"]): (r["earliest"] - DAY).days for r in found.iter_rows(named=True)
    }


NONCURRENT = {"NoncurrentVersionExpiration": {"NoncurrentDays": 30}}
CURRENT = {"Expiration": {"Days": 3}}


def test_a_noncurrent_version_goes_at_the_midnight_after_its_successors_days() -> None:
    rows = listed((0, 10, False), (5, 10, False))
    assert due({"Filter": {}, **NONCURRENT}, rows) == {("v1", "removed"): 36}


def test_the_example_of_amazons_guide() -> None:
    """Created on 15 January at 10:30 with three days: it expires on 19 January at midnight."""
    start = datetime(2014, 1, 15, 10, 30, tzinfo=UTC)
    rows = listed((0, 0, False)).with_columns(
        earliest=pl.lit(start).dt.cast_time_unit("us"), latest=pl.lit(start + SECOND)
    )
    data = json.dumps({"Rules": [{"Status": "Enabled", "Prefix": "", **CURRENT}]}).encode()
    found = expiry.table(rows.cast(versions.LISTED), lifecycle.read(data), None)
    assert found["earliest"].to_list() == [datetime(2014, 1, 19, tzinfo=UTC)]
    assert found["what"].to_list() == ["removed"]


def test_a_current_version_is_marked_and_goes_as_a_noncurrent_one() -> None:
    rows = listed((0, 10, False))
    assert due({"Filter": {}, **CURRENT}, rows) == {("v1", "marked"): 4}
    both = due({"Filter": {}, **CURRENT, **NONCURRENT}, rows)
    assert both == {("v1", "marked"): 4, ("v1", "removed"): 35}
    assert due({"Filter": {}, **CURRENT}, rows, None) == {("v1", "removed"): 4}


def test_newer_noncurrent_versions_are_kept() -> None:
    rows = listed((0, 10, False), (1, 10, False), (2, 10, False), (3, 10, False))
    kept = {"NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 2}}
    assert due({"Filter": {}, **kept}, rows) == {("v1", "removed"): 4}


@pytest.mark.parametrize(
    ("where", "chosen"),
    [
        ({"Filter": {"Prefix": "m/"}}, True),
        ({"Filter": {"Prefix": "n/"}}, False),
        ({"Prefix": "m/x"}, True),
        ({"Filter": {"And": {"Prefix": "m/", "ObjectSizeGreaterThan": 9}}}, True),
        ({"Filter": {"ObjectSizeGreaterThan": 10}}, False),
        ({"Filter": {"ObjectSizeLessThan": 10}}, False),
        ({"Filter": {"ObjectSizeGreaterThan": 5_000_000_000_000}}, False),
        ({"Filter": {"ObjectSizeLessThan": 5_000_000_000_000}}, True),
        ({"Filter": {"ObjectSizeGreaterThan": "10 GB"}}, False),
        ({"Filter": {"Prefix": "\ud800"}}, False),
        ({"Filter": {"Prefix": ["m/"]}}, False),
        ({"Filter": {}, "Status": "Disabled"}, False),
    ],
)
def test_what_a_rule_selects(where: dict[str, Any], chosen: bool) -> None:  # noqa: FBT001
    rows = listed((0, 10, False), (5, 10, False))
    assert bool(due({**NONCURRENT, **where}, rows)) == chosen


@pytest.mark.parametrize("days", [(1 << 31) - 1, 999_999_999])
def test_a_day_after_every_calendars_end_is_never(days: int) -> None:
    rows = listed((0, 10, False), (5, 10, False))
    for rule in (
        {"Expiration": {"Days": days}},
        {"NoncurrentVersionExpiration": {"NoncurrentDays": days}},
        {"Expiration": {"Date": "\ud800"}},
    ):
        assert not due({"Filter": {}, **rule}, rows)


def test_xml_and_json_say_the_same() -> None:
    xml = (
        b'<LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Rule><ID>r</ID>'
        b"<Filter><And><Prefix>m/</Prefix><Tag><Key>a</Key><Value>b</Value></Tag>"
        b"<ObjectSizeGreaterThan>5</ObjectSizeGreaterThan></And></Filter><Status>Enabled</Status>"
        b"<Expiration><Days>3</Days></Expiration><NoncurrentVersionExpiration><NoncurrentDays>30"
        b"</NoncurrentDays></NoncurrentVersionExpiration></Rule></LifecycleConfiguration>"
    )
    both = {"Prefix": "m/", "Tags": [{"Key": "a", "Value": "b"}], "ObjectSizeGreaterThan": 5}
    rule = {"ID": "r", "Status": "Enabled", "Filter": {"And": both}, **CURRENT, **NONCURRENT}
    [first], [second] = lifecycle.read(xml), lifecycle.read(json.dumps({"Rules": [rule]}).encode())
    from dataclasses import replace

    assert replace(first, citation=second.citation) == second
    assert first.citation == "/LifecycleConfiguration/Rule[1]"
    assert first.tagged


def test_retention_puts_it_off_and_a_legal_hold_keeps_it() -> None:
    rows = listed((0, 10, False), (5, 10, False), (6, 10, False))
    data = json.dumps({"Rules": [{"Status": "Enabled", "Filter": {}, **NONCURRENT}]}).encode()
    found = expiry.table(rows, lifecycle.read(data), "Enabled")
    locks = pl.DataFrame(
        {
            "key": ["m/x", "m/x"],
            "version": ["v1", "v2"],
            "until": [DAY + timedelta(days=100), None],
            "held": [False, True],
        },
        schema_overrides={"until": pl.Datetime("us", "UTC")},
    )
    kept = expiry.kept(found, locks)
    assert kept["version"].to_list() == ["v1"]
    assert kept["earliest"].to_list() == [DAY + timedelta(days=100)]
    assert "put off" in kept["why"].item()


@pytest.mark.live
def test_what_keeps_each_version_and_locked_is_not_current(
    weed: s3_servers.Server,
    bucket: str,
    make: Make,
    capsys: pytest.CaptureFixture[str],
) -> None:
    s3 = s3_servers.client(weed)
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    until = (datetime.now(UTC) + timedelta(days=40)).replace(microsecond=0)
    for mode in ("GOVERNANCE", "COMPLIANCE"):
        s3.put_object(
            Bucket=bucket,
            Key=f"m/{mode}",
            Body=b"1",
            ObjectLockMode=mode,
            ObjectLockRetainUntilDate=until,
        )
    s3.delete_object(Bucket=bucket, Key="m/COMPLIANCE")
    old = s3.put_object(Bucket=bucket, Key="m/free", Body=b"1")["VersionId"]
    s3.put_object(Bucket=bucket, Key="m/free", Body=b"2")
    rule = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "m/"}, **NONCURRENT}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    case = make(url=f"s3://{bucket}/", endpoint=weed.endpoint, head="all")
    write_buckets(case.folder, bucket_source("models", bucket, weed.endpoint, head="all"))
    assert not case.acquire().failures
    case.evidence.custody.close()
    assert run("kept", "models", "--case", str(case.folder), "--format", "json") == 0
    rows = {(r["key"], r["version"]): r for r in json.loads(capsys.readouterr().out)}
    by_key = {key: row for (key, _), row in rows.items()}
    assert by_key["m/COMPLIANCE"]["lock"].startswith("COMPLIANCE until")
    assert by_key["m/COMPLIANCE"]["current"] is False, "a marker lies over it"
    assert by_key["m/COMPLIANCE"]["expires"][:10] == f"{until:%Y-%m-%d}", "put off by its lock"
    assert by_key["m/GOVERNANCE"]["bypass"] is True
    assert by_key["m/GOVERNANCE"]["current"] is True
    gone = datetime.now(UTC) + timedelta(days=31)
    assert rows["m/free", old]["expires"][:10] == f"{gone:%Y-%m-%d}"
    assert "rule 'old'" in rows["m/free", old]["by"]
    due = recon.open(case.folder).select(kinds=["object.expires"]).collect()
    assert due["earliest"].null_count() == 0
    assert due["clock"].null_count() == due.height, "no clock has shown a day to come"
    assert run("clocks", "--case", str(case.folder), "--format", "json") == 0
    assert "lifecycle" not in capsys.readouterr().out
    case.quotable()


def test_an_error_cannot_write_to_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("held", "models", "--case", str(tmp_path / "\x1b[31mcase"))
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert "‹U+001B›" in said
