from __future__ import annotations

import pytest
from pydantic import ValidationError

from collectors.postgres.options import PostgresClaim, PostgresOptions


def test_one_path_or_several_are_the_same() -> None:
    assert PostgresOptions(dump="x.dump").dump == PostgresOptions(dump=["x.dump"]).dump


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "at least one of"),
        ({"dsn": "postgresql://u:secret@h/d"}, "Extra inputs"),
        ({"dsn_env": "postgresql://u:secret@h/d"}, "should match pattern"),
        ({"dump": "x", "dump_zone": "Mars/Olympus"}, "no such time zone"),
        ({"dump": "x", "dump_zone": "../../etc/passwd"}, "no such time zone"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        PostgresOptions.model_validate(options)


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ({"table": "lineage", "subject": "m:{a}"}, "schema.table"),
        ({"table": "a.b.c", "subject": "m:{a}"}, "schema.table"),
        ({"table": "a." + "b" * 64, "subject": "m:{a}"}, "schema.table"),
        ({"table": "a.b\n", "subject": "m:{a}"}, "schema.table"),
        ({"table": "a.b", "subject": "model"}, "without a"),
        ({"table": "a.b", "subject": "m:{a}", "attributes": {"x": ""}}, "name of a column"),
        ({"table": "a.b", "subject": "m:{a}", "key": "x"}, "Extra inputs"),
        ({"table": "a.b", "subject": "m:{a}", "attribute": "t.{k}"}, "found one"),
        ({"table": "a.b", "subject": "m:{a}", "epoch": "ms"}, "expected `time` beside"),
    ],
)
def test_wrong_claims_are_refused(claim: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        PostgresClaim.model_validate(claim)


def test_every_field_is_described() -> None:
    for model in (PostgresOptions, PostgresClaim):
        assert all(field.description for field in model.model_fields.values())
