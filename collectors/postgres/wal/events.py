"""Events of the timeline from WAL records: transactions, checkpoints, and what befell tables.

All events of a transaction stand at its COMMIT: the same item and citation, told apart by part.
The medium's own event is part 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
import polars as pl

from collectors.postgres.lists import listed
from collectors.postgres.wal import databases
from collectors.postgres.wal.acts import Act, acts
from collectors.postgres.wal.lsntext import lsns
from collectors.postgres.wal.model import Relation, Wal
from collectors.postgres.wal.naming import named
from collectors.postgres.wal.piece import Piece, in_order, with_items
from collectors.postgres.wal.shelf import whole
from collectors.postgres.wal.transactions import Known, placed
from collectors.postgres.wal.written import ACTS, Arriving, Pending, outcomes
from recon.schema import BASIS, DRAFT

_KINDS = {
    "COMMIT": "wal.commit",
    "COMMIT_PREPARED": "wal.commit",
    "ABORT": "wal.abort",
    "ABORT_PREPARED": "wal.abort",
    "PREPARE": "wal.prepare",
    "CHECKPOINT_SHUTDOWN": "wal.checkpoint",
    "CHECKPOINT_ONLINE": "wal.checkpoint",
    "END_OF_RECOVERY": "timeline.end-of-recovery",
    "BACKUP_END": "backup.stop",
}


def events(wal: Wal, relations: Sequence[Relation], source: str) -> pl.LazyFrame:
    """Rows of :data:`recon.schema.DRAFT`, by timeline, LSN and part.

    They are made when they are asked for, some ten thousand at a time.
    """
    from polars.io.plugins import register_io_source

    relations = placed(relations, wal.told)
    known = Known.of(relations)
    told = [*relations, *named(relations, wal.defined)]
    found = acts(wal.told, wal.defined, told, wal.major or 0).acts
    # Rows are counted for the tables that were known as the log was read.
    of_acts = _acts(found, Known.of(told), source).sort(
        "timeline", "lsn", "kind", "subject", "value"
    )

    def rows(
        columns: list[str] | None, predicate: pl.Expr | None, count: int | None, _size: int | None
    ) -> Iterator[pl.DataFrame]:
        for frame in _frames(wal, of_acts, known, source):
            kept = frame if predicate is None else frame.filter(predicate)
            kept = kept if columns is None else kept.select(columns)
            yield kept if count is None else kept.head(count)
            count = None if count is None else count - kept.height
            if count is not None and count <= 0:
                return

    return register_io_source(rows, schema=DRAFT, is_pure=True)


def _frames(wal: Wal, of_acts: pl.DataFrame, known: Known, source: str) -> Iterator[pl.DataFrame]:
    pending: dict[int, Pending] = {}
    for timeline, piece in in_order(wal.pieces):
        waiting = pending.setdefault(timeline, Pending.of(wal, known))
        acts_here = of_acts.filter(pl.col("timeline") == timeline)
        piles = Arriving(piece, wal.counted)
        for end, plain, rest in piece.parted(timeline):
            arrived, tables = piles.until(end, timeline), ACTS
            if acts_here.height or arrived.height or waiting.any:
                ended = outcomes(timeline, plain, rest)
                written = waiting.ended(arrived, ended)
                tables = pl.concat([acts_here.join(ended, on="lsn", how="semi"), written])
            # Nearly all commits say no more than when: these have a shorter way.
            alone = plain["xid"].to_numpy() > 0
            if tables.height:
                alone &= np.isin(plain["lsn"].to_numpy(), tables["lsn"].to_numpy(), invert=True)
            shorter = plain if alone.all() else plain.filter(alone)
            every = _plain_events(wal.system_id, piece, timeline, shorter, source)
            if rest.height or shorter.height < plain.height:
                few = piece.label(pl.concat([whole(plain.filter(~alone)), rest]).sort("lsn"))
                # By LSN; of one record, by part as they are.
                every = pl.concat([every, _events(wal, few, tables, source)])
                every = every[np.argsort(every["position"].to_numpy(), kind="stable")]
            yield every


def _plain_events(
    system_id: int | None, piece: Piece, timeline: int, plain: pl.DataFrame, source: str
) -> pl.DataFrame:
    """The events of rows of PLAIN with which no table was touched."""
    xid = plain.select(pl.format(f"xid:{system_id}/{{}}", "xid")).to_series()
    given: dict[str, pl.Expr | pl.Series] = {
        "kind": pl.when("commit").then(pl.lit("wal.commit")).otherwise(pl.lit("wal.abort")),
        "subject": pl.lit(f"pg:{source}"),
        "clock": pl.lit(f"pg:{source}/commit"),
        "basis": pl.lit("stamped", dtype=BASIS),
        **dict.fromkeys(("earliest", "latest"), pl.col("time")),
        "stream": pl.lit(f"pg:{system_id}/{timeline}"),
        "position": pl.col("lsn"),
        "names": listed([xid]),
        "item": pl.col("item"),
        "citation": pl.concat_str(pl.lit("lsn "), lsns(plain["lsn"].to_numpy())),
        "part": pl.lit(0, pl.UInt32),
    }
    return with_items(plain, piece.run).select(
        given.get(name, pl.lit(None, kind)).alias(name) for name, kind in DRAFT.items()
    )


def _events(wal: Wal, every: pl.DataFrame, of_tables: pl.DataFrame, source: str) -> pl.DataFrame:
    """The events of some records, and of what befell tables at them."""
    records = _media(every, source)
    records = records.with_columns(part=pl.lit(0, dtype=pl.UInt32))
    if of_tables.height:
        tables = (
            of_tables.sort("lsn", "kind", "subject", "value")
            .join(
                records.select("timeline", "lsn", "time", "item", "xid", "subxids", "stamp"),
                on=["timeline", "lsn"],
                how="inner",
                maintain_order="left",
            )
            .with_columns(
                part=pl.int_range(1, pl.len() + 1, dtype=pl.UInt32).over("timeline", "lsn")
            )
        )
        records = pl.concat([records, tables], how="diagonal")
    return (
        _names(records, wal.system_id)
        .select(
            "kind",
            "subject",
            pl.lit(None, dtype=pl.String).alias("attribute"),
            "value",
            pl.lit(None, dtype=pl.String).alias("digest"),
            clock=pl.when(pl.col("stamp") == "server")
            .then(pl.lit(f"pg:{source}/server"))
            .otherwise(pl.lit(f"pg:{source}/commit")),
            basis=pl.lit("stamped", dtype=BASIS),
            earliest="time",
            # A checkpoint's time is in whole seconds.
            latest=pl.when(pl.col("kind") == "wal.checkpoint")
            .then(pl.col("time") + pl.duration(microseconds=999_999))
            .otherwise("time"),
            stream=pl.format(f"pg:{wal.system_id}/{{}}", "timeline"),
            position="lsn",
            actor=pl.lit(None, dtype=pl.String),
            names="names",
            item="item",
            citation=_citation(),
            part="part",
        )
        .select(list(DRAFT))
    )


def _media(records: pl.DataFrame, source: str) -> pl.DataFrame:
    """One row per record that is an event itself."""
    op = pl.col("op")
    turned = op.str.starts_with("CHECKPOINT") & (pl.col("tli") != pl.col("prev_tli"))
    kind = op.replace_strict(_KINDS, default=None, return_dtype=pl.String)
    kind = pl.when(turned).then(pl.lit("timeline.end-of-recovery")).otherwise(kind)
    checkpoint = pl.format(
        "redo={} next_xid={} next_oid={} oldest_commit_xid={} oldest_running_xid={} {}{}",
        _lsn(pl.col("redo")),
        "next_xid",
        "next_oid",
        "oldest_commit_xid",
        "oldest_running_xid",
        pl.when(op == "CHECKPOINT_SHUTDOWN").then(pl.lit("shutdown")).otherwise(pl.lit("online")),
        # The log begins there: made by initdb, or anew by pg_resetwal, as pg_upgrade does.
        pl.when(pl.col("prev") == 0).then(pl.lit(" prev=0/0")).otherwise(pl.lit("")),
    )
    ends = pl.format("timeline={} from={}", "tli", "prev_tli")
    return (
        records.with_columns(kind=kind)
        .filter(pl.col("kind").is_not_null())
        .select(
            *("timeline", "lsn", "time", "item", "xid", "subxids", "kind"),
            subject=pl.lit(f"pg:{source}"),
            value=pl.when(kind_is("timeline.end-of-recovery"))
            .then(ends)
            .when(kind_is("wal.checkpoint"))
            .then(checkpoint)
            .when(kind_is("wal.commit") & pl.col("origin").is_not_null())
            # Applied by a subscription: what it wrote comes from another server.
            .then(pl.format("origin={}", "origin"))
            .when(kind_is("backup.stop"))
            .then(pl.format("start={}", _lsn(pl.col("redo")))),
            stamp=pl.when(pl.col("rmgr") == "Transaction")
            .then(pl.lit("commit"))
            .otherwise(pl.lit("server")),
        )
    )


def kind_is(kind: str) -> pl.Expr:
    """Rows of a kind."""
    return pl.col("kind") == kind


def _acts(found: Sequence[Act], known: Known, source: str) -> pl.DataFrame:
    rows = [
        {
            "timeline": act.timeline,
            "lsn": act.lsn,
            "kind": act.kind,
            "relation": act.relation,
            "subject": _subject(act.relation, known, source),
            "value": act.value,
        }
        for act in found
    ]
    return pl.DataFrame(rows, schema=ACTS.schema, orient="row")


def _subject(relation: str, known: Known, source: str) -> str:
    if databases.of_database(relation):
        # By its OID where nothing names it, as a relation.
        named_ = databases.named(relation, known)
        return named_ or f"pg:{source}/oid/{relation.split('/', maxsplit=1)[0]}"
    return known.subject(relation) or unnamed(relation, source)


def unnamed(relation: str, source: str) -> str:
    """The subject of a relation that nothing names: its OID. Equal in copies of a database."""
    return f"pg:{source}/oid/{relation.split('/')[1]}"


def _names(rows: pl.DataFrame, system_id: int | None) -> pl.DataFrame:
    """The transaction and its subtransactions, then the table: ids that the record contains."""
    none = pl.lit([], dtype=pl.List(pl.String))
    xid = f"xid:{system_id}/{{}}"
    own = pl.concat_list(pl.format(xid, "xid"))
    # Most events name one transaction and no more.
    plain = (pl.col("xid") > 0) & pl.col("subxids").is_null() & (pl.col("part") == 0)
    simple = rows.filter(plain).with_columns(names=own)
    below = pl.col("subxids").list.eval(pl.format(xid, pl.element())).fill_null(none)
    table = pl.when(pl.col("part") > 0).then(pl.concat_list("subject")).otherwise(none)
    top = pl.when(pl.col("xid") > 0).then(own).otherwise(none)
    rest = rows.filter(~plain).with_columns(names=pl.concat_list(top, below, table))
    return pl.concat([simple, rest]).sort("timeline", "lsn", "part")


def _lsn(lsn: pl.Expr) -> pl.Expr:
    """An LSN as PostgreSQL prints it."""
    return pl.concat_str(_hex(lsn // 2**32), pl.lit("/"), _hex(lsn & 0xFFFFFFFF))


def _hex(number: pl.Expr) -> pl.Expr:
    """Upper-case hexadecimal without leading zeros, of 32 bits."""
    table = pl.lit(_four_digits())
    high = table.gather((number // 2**16).cast(pl.UInt32))
    low = table.gather((number & 0xFFFF).cast(pl.UInt32))
    text = pl.concat_str(high, low).str.strip_chars_start("0")
    return pl.when(text == "").then(pl.lit("0")).otherwise(text)


@cache
def _four_digits() -> pl.Series:
    return pl.Series([f"{number:04X}" for number in range(2**16)], dtype=pl.String)


def _citation() -> pl.Expr:
    return pl.concat_str(pl.lit("lsn "), _lsn(pl.col("lsn")))
