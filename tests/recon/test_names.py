"""What events name, in columns of its own: no more and no less than ``names`` says."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

import recon
from recon import schema, timeline
from recon.names import by_xid, plain

NAME = st.sampled_from(
    ["pg:db/ml/t", "pg:db/ml/t\nxid:1/9", "xid:1/7", "xid:1/8", "s3:b/k?versionId=v", "sha256:ab"]
) | st.text(max_size=3)


def events(names: list[list[str] | None]) -> pl.DataFrame:
    return schema.frame(
        [{"row": n, "kind": "k", "names": own} for n, own in enumerate(names)], schema.EVENTS
    )


def first(names: list[str] | None, part: str) -> str | None:
    meant = [name for name in names or () if part in name]
    return next((one for one in meant if part[0] == "?" or one.startswith(part)), None)


@given(st.lists(st.none() | st.lists(NAME, max_size=4), max_size=6))
def test_plain_columns_say_what_the_names_say(names: list[list[str] | None]):
    found = plain(events(names).lazy()).collect()
    assert found["named_table"].to_list() == [first(own, "pg:") for own in names]
    assert found["named_xid"].to_list() == [first(own, "xid:") for own in names]
    assert found["named_version"].to_list() == [first(own, "?versionId=") for own in names]
    told = by_xid(found.lazy()).select("row", "xid").collect()
    every = [(n, one) for n, own in enumerate(names) for one in own or () if one.startswith("xid:")]
    assert sorted(told.rows()) == sorted(every)


def test_columns_that_are_there_are_not_made_again():
    there = events([["pg:a"]]).with_columns(named_table=pl.lit("pg:b"))
    assert plain(there.lazy()).collect()["named_table"].to_list() == ["pg:b"]


def test_the_file_has_them_and_the_case_gives_the_events_alone(tmp_path: Path):
    case = recon.demo(tmp_path / "case")
    list(case.collect())
    case.built()
    own = pl.read_parquet(case.root / "timeline" / timeline.EVENTS)
    assert own.columns == [*schema.EVENTS, *schema.PLAIN, *schema.BESIDE]
    assert case.timeline().collect().equals(own.select(list(schema.EVENTS)))
    assert plain(case.timeline()).collect().equals(own.drop(*schema.BESIDE))
