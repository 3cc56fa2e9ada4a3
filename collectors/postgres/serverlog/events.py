"""Messages of a server log as events."""

from __future__ import annotations

import polars as pl

from collectors.postgres.serverlog.caveats import Seen
from collectors.postgres.serverlog.messages import CONNECTION, DISCONNECTION, STATEMENT, told
from collectors.postgres.serverlog.sqltext import read_column
from collectors.postgres.serverlog.zones import add_interval
from recon.schema import BASIS, DRAFT

MAX_VALUE = 4000
"""Characters of a message that an event's value holds; the citation leads to the rest."""
_PARTS = {
    "detail": "DETAIL",
    "hint": "HINT",
    "internal_query": "QUERY",
    "context": "CONTEXT",
    "statement": "STATEMENT",
}
_HEX = r"\b(?:[0-9a-fA-F]{64}|[0-9a-fA-F]{40})\b"
# In the messages of connections; read only where nothing in it can be of the name before it.
_OF_USER = r'^[^\n]*?\buser=([^\s="]+)(?: |$)'
_OF_DATABASE = r'^[^\n]*?\bdatabase=([^\s="]+)(?: |$)'


def events(
    records: pl.DataFrame,
    source: str,
    log_timezone: str | None,
    system_id: int | None,
    seen: Seen,
) -> pl.DataFrame:
    """Events of some messages, without their item; what they showed is added to ``seen``."""
    found = told(add_interval(records, log_timezone))
    sql = found["sql"]
    read = read_column(sql.filter(sql.is_not_null()))
    at = found.select(at=pl.arg_where(pl.col("sql").is_not_null()).cast(pl.UInt32)).to_series()
    found = found.with_columns(at=pl.int_range(pl.len(), dtype=pl.UInt32)).join(
        read.drop("sql").rename({"attribute": "tags"}).with_columns(at=at),
        on="at",
        how="left",
        maintain_order="left",
    )
    counted = pl.col("counted").fill_null(False)
    found = found.with_columns(kind=pl.when(~counted).then("kind"))
    seen.take(found)
    found = _people(found.filter(pl.col("kind").is_not_null()))
    about = pl.format("pg:{}/{}", pl.lit(source), pl.col("database"))
    found = _tables(found.with_columns(about=about))
    text = pl.coalesce("sql", "message")
    value = pl.concat_str(
        text,
        *(
            pl.concat_str(pl.lit(f"\n{word}:  "), pl.col(name)).fill_null("")
            for name, word in _PARTS.items()
        ),
    )
    more = value.str.len_chars().cast(pl.Int64) - MAX_VALUE
    is_csv = pl.col("record").is_not_null()
    return found.select(
        kind="kind",
        subject=pl.coalesce("about", pl.lit(f"pg:{source}")),
        attribute=pl.when(pl.col("kind") == STATEMENT).then("tags").otherwise("attribute"),
        value=pl.when(more > 0)
        .then(pl.format("{}… ({} more characters)", value.str.slice(0, MAX_VALUE), more))
        .otherwise(value),
        digest=pl.lit(None, dtype=pl.String),
        clock=pl.lit(f"pg:{source}/log"),
        basis=pl.lit("stamped").cast(BASIS),
        earliest="earliest",
        latest="latest",
        stream=pl.lit(None, dtype=pl.String),
        position="offset",
        actor="actor",
        names=_names(value, system_id),
        item=pl.lit(None, dtype=pl.String),
        citation=pl.when(is_csv)
        .then(pl.format("record {} line {}", pl.col("record"), pl.col("line")))
        .otherwise(pl.format("line {}", pl.col("line"))),
        part=pl.lit(0, dtype=pl.UInt32),
    ).select(pl.col(name).cast(dtype) for name, dtype in DRAFT.items())


def _people(found: pl.DataFrame) -> pl.DataFrame:
    """Add ``actor``; user and database from the prefix, else from the message of a connection."""
    about = pl.col("kind").is_in([CONNECTION, DISCONNECTION])
    message = pl.col("message")
    twice = pl.any_horizontal(
        message.str.count_matches(rf"\b{word}=") > 1 for word in ("user", "database")
    )
    for name, pattern in (("user", _OF_USER), ("database", _OF_DATABASE)):
        own = pl.when(about & ~twice).then(message.str.extract(pattern, 1))
        told_ = pl.when(~pl.col("ambiguous")).then(name)
        found = found.with_columns(pl.coalesce(told_, own).alias(name))
    user, database = pl.col("user"), pl.col("database")
    return found.with_columns(
        actor=pl.when(database.is_null()).then(user).otherwise(user + "@" + database)
    )


def _names(value: pl.Expr, system_id: int | None) -> pl.Expr:
    """What the message names: tables, transaction, digests, session."""
    none = pl.lit([], dtype=pl.List(pl.String))
    of_tables = pl.coalesce("of_tables", none)
    digests = value.str.to_lowercase().str.extract_all(_HEX)
    digests = digests.list.eval(
        pl.when(pl.element().str.len_bytes() == 64)  # noqa: PLR2004  (SHA-256 in hexadecimal)
        .then("sha256:" + pl.element())
        .otherwise("git:" + pl.element())
    ).fill_null([])
    xid = pl.coalesce("stopped", "xid")
    of_xid = (
        none
        if system_id is None
        else pl.when((xid != "0") & xid.is_not_null())
        .then(pl.concat_list(pl.format("xid:{}/{}", pl.lit(str(system_id)), xid)))
        .otherwise(none)
    )
    session = pl.coalesce("session:" + pl.col("session"), "pid:" + pl.col("pid"))
    of_session = pl.when(session.is_not_null()).then(pl.concat_list(session)).otherwise(none)
    return pl.concat_list(of_tables, of_xid, digests, of_session).list.unique(maintain_order=True)


def _tables(found: pl.DataFrame) -> pl.DataFrame:
    """Add ``of_tables``: ``pg:SOURCE/DATABASE/schema.table`` of each table that is named."""
    frame = found.drop("at").with_row_index("at")
    named = (
        frame.filter((pl.col("tables").list.len() > 0) & pl.col("database").is_not_null())
        .select("at", "about", "tables")
        .explode("tables", empty_as_null=True, keep_nulls=True)
        .group_by("at", maintain_order=True)
        .agg(of_tables=pl.col("about") + "/" + pl.col("tables"))
    )
    return frame.join(named, on="at", how="left", maintain_order="left")
