"""Reflogs: ``OLD NEW Name <email> SECONDS ZONE<TAB>message``, a line each time that a ref moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from collectors.git import fetched
from collectors.git.identity import actor, seconds, when
from recon.collector import Warn
from recon.schema import BASIS, DRAFT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.collector import Item, Items, Source

KIND = "git.reflog"
_MOVE = r"^([0-9a-f]{64}|[0-9a-f]{40}) ([0-9a-f]{64}|[0-9a-f]{40}) ([^\t]*)"
_NAMED = 100
"""Lines of one item that are named one by one."""


def read(source: Source, items: Items, warnings: list[Warn]) -> Iterator[pl.DataFrame]:
    """The moves of every ref that kept a log.

    The server wrote a bare repository's reflog as a side effect of a push: stamped. In a working
    repository the person who asserts the commits writes the reflog too: asserted. A mirror's was
    written as it fetched, by the clock of the mirror's host, which is not the server's.
    """
    for item in items.of(KIND):
        ref = str(item.meta.get("ref", ""))
        table = _lines(items.read(item))
        bad = table.filter(pl.col("old").is_null() | pl.col("new").is_null())
        undated = table.filter(pl.col("old").is_not_null() & pl.col("earliest").is_null())
        warnings.extend(_warn(bad, item, ref, "OLD NEW IDENTITY TIME", "left out"))
        warnings.extend(_warn(undated, item, ref, "a time that git reads", "undated"))
        yield _events(table.filter(pl.col("old").is_not_null()), source, item, ref)


def _lines(data: bytes) -> pl.DataFrame:
    lines = data.removesuffix(b"\n").split(b"\n") if data else []
    sizes = [len(line) + 1 for line in lines]
    texts = [line.decode("utf-8", "backslashreplace") for line in lines]
    move = pl.col("text").str.extract_groups(_MOVE).struct
    return (
        pl.DataFrame({"text": texts, "size": sizes}, schema={"text": pl.String, "size": pl.Int64})
        .with_row_index("line", 1)
        .with_columns(
            offset=(pl.col("size").cum_sum() - pl.col("size")).cast(pl.UInt64),
            old=move.field("1"),
            new=move.field("2"),
            identity=move.field("3").str.slice(0, 1000),
        )
        .with_columns(time=when(seconds(pl.col("identity"))))
        .with_columns(
            earliest=pl.col("time").struct.field("earliest"),
            latest=pl.col("time").struct.field("latest"),
        )
    )


def _events(table: pl.DataFrame, source: Source, item: Item, ref: str) -> pl.DataFrame:
    text = pl.lit(None, dtype=pl.String)
    is_none = pl.element().str.contains("^git:0+$")
    clone = item.native.removesuffix(f"#logs/{ref}")
    bare, mirrors = item.meta.get("medium") == "bare", bool(item.meta.get("mirrors"))
    return table.select(
        "earliest",
        "latest",
        kind=pl.lit("git.reflog"),
        subject=pl.lit(f"git:{source.id}/{ref}"),
        attribute=text,
        value=pl.format("{} {}", "old", "new"),
        digest=pl.when(~pl.col("new").str.contains("^0+$")).then("git:" + pl.col("new")),
        clock=pl.lit(fetched.clock(source, clone) if mirrors else f"git:{source.id}/reflog"),
        basis=pl.lit("stamped" if bare else "asserted").cast(BASIS),
        stream=pl.lit(f"git:{item.sha256[:16]}"),
        position="offset",
        actor=actor(pl.col("identity")),
        names=pl.concat_list("git:" + pl.col("old"), "git:" + pl.col("new")).list.eval(
            pl.element().filter(~is_none)
        ),
        item=pl.lit(item.sha256),
        citation=pl.format("reflog {} line {}", pl.lit(ref), "line"),
        part=pl.lit(0, dtype=pl.UInt32),
    ).select(list(DRAFT))


def _warn(lines: pl.DataFrame, item: Item, ref: str, expected: str, then: str) -> Iterator[Warn]:
    for number, text in lines.head(_NAMED).select("line", "text").iter_rows():
        message = f"expected {expected}; found {text[:200]!r}; {then}"
        yield Warn(item.sha256, f"reflog {ref} line {number}", message)
    if lines.height > _NAMED:
        number = lines["line"][_NAMED]
        message = f"expected {expected}; found {lines.height - _NAMED} more lines without; {then}"
        yield Warn(item.sha256, f"reflog {ref} line {number}", message)
