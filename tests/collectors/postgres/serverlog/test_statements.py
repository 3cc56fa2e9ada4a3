"""What a statement is and which tables it names; and that nothing is guessed."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.postgres.serverlog.messages import COUNTED_TAGS
from collectors.postgres.serverlog.sqltext import counts_alone, read_column
from collectors.postgres.serverlog.statements import read_statement

CASES = [
    ("drop table ml.lineage", "DROP TABLE", ["ml.lineage"]),
    ("DROP TABLE IF EXISTS ml.a, public.b CASCADE;", "DROP TABLE", ["ml.a", "public.b"]),
    ('create table "Ml"."Line""age" (a int)', "CREATE TABLE", ['Ml.Line"age']),
    ("create unlogged table if not exists ML.Lineage (a int)", "CREATE TABLE", ["ml.lineage"]),
    ("CREATE TABLE lineage (a int)", "CREATE TABLE", []),
    ("create table db.ml.lineage (a int)", "CREATE TABLE", []),
    ("alter table only ml.t add column x int", "ALTER TABLE", ["ml.t"]),
    ("create unique index concurrently i on ml.t (a)", "CREATE INDEX", ["ml.t"]),
    ("create or replace function f() returns void as $$ drop table ml.t; $$ language sql",
     "CREATE FUNCTION", []),
    ("do $x$ begin execute 'drop table ml.t'; end $x$", "DO", []),
    ("truncate ml.a, only ml.b", "TRUNCATE", ["ml.a", "ml.b"]),
    ("insert into ml.t values ('drop table ml.x; --')", "INSERT", ["ml.t"]),
    ("update only ml.t set a = 1", "UPDATE", ["ml.t"]),
    ("delete from ml.t where a = 'it''s'", "DELETE", ["ml.t"]),
    ("merge into ml.t using s on true when matched then delete", "MERGE", ["ml.t"]),
    ("copy ml.t (a, b) from stdin", "COPY", ["ml.t"]),
    ("/* drop table ml.x */ -- more\nselect 1", "SELECT", []),
    ("/* a /* nested */ comment */ drop table ml.t", "DROP TABLE", ["ml.t"]),
    ("/* drop table ml.x */ insert into /* y */ ml . t values (1)", "INSERT", ["ml.t"]),
    ("begin; insert into ml.t values (1); commit", "BEGIN; INSERT; COMMIT", ["ml.t"]),
    ("refresh materialized view ml.v", "REFRESH", []),
    ("drop materialized view ml.v", "DROP MATERIALIZED VIEW", ["ml.v"]),
    ("prepare transaction 'x'", "PREPARE TRANSACTION", []),
    ("insert into ml.t values ('b\\c')", "INSERT", ["ml.t"]),
    # Where the text could mean two things, what comes after is not read.
    (r"insert into ml.t values ('a\'); drop table ml.x; --')", "INSERT; …", ["ml.t"]),
    (r"insert into ml.t values (E'a\'); drop table ml.x; --')", "INSERT", ["ml.t"]),
    ("insert into ml.t values ('no end", "INSERT; …", ["ml.t"]),
    ('drop table U&"m\\006c".t', "DROP TABLE", []),
    ("", "", []),
    ("???", "…", []),
]  # fmt: skip


@pytest.mark.parametrize(("text", "tags", "tables"), CASES)
def test_kind_and_tables_of_a_statement(text: str, tags: str, tables: list[str]) -> None:
    read = read_statement(text)
    assert "; ".join(read.tags) == tags
    assert [f"{schema}.{table}" for schema, table in read.tables] == tables


def test_one_expression_reads_plain_statements_as_the_tokenizer_does() -> None:
    plain = [
        "insert into ml.t (a, b) values ('x', -1)",
        "INSERT  INTO\nMl.T values (1);",
        "update ml.t set a = 'it''s' where b = 2",
        "delete from ml.t",
        "select * from ml.t where a / 2 - 1 > 0",
        "begin",
        *(text for text, _, _ in CASES),
    ]
    column = read_column(pl.Series(plain))
    for text, attribute, tables, counted in column.iter_rows():
        read = read_statement(text)
        assert attribute == "; ".join(read.tags)
        assert (tables or []) == [f"{schema}.{table}" for schema, table in read.tables]
        assert counted == counts_alone(read), text


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        ("select 1", True),
        ("set search_path = ml", True),
        ("with x as (select 1) select * from x", True),
        ("with x as (delete from ml.t returning *) select * from x", False),
        ("select * into ml.copy from ml.t", False),
        ("explain analyze delete from ml.t", False),
        ("begin; drop table ml.t; commit", False),
        ("execute p", False),
        ("select 'no end", False),
        ("", True),
    ],
)
def test_only_what_reads_is_counted_alone(text: str, counted: bool) -> None:  # noqa: FBT001
    assert read_column(pl.Series([text]))["counted"].to_list() == [counted]
    assert "INSERT" not in COUNTED_TAGS


@given(st.text(alphabet="ab.;'\"$\\/*-eE \nU&", max_size=60))
def test_any_text_is_read_without_an_error_and_alike(text: str) -> None:
    read = read_statement(f"insert into ml.t {text}")
    column = read_column(pl.Series([f"insert into ml.t {text}"])).row(0, named=True)
    assert column["attribute"] == "; ".join(read.tags)
    assert (column["tables"] or []) == [f"{schema}.{table}" for schema, table in read.tables]
