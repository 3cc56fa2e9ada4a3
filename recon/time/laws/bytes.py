"""Laws of what bytes hold: a digest that stands in them, and records that were fetched."""

from __future__ import annotations

import polars as pl

from recon.time.laws.base import Seen, latest, law
from recon.time.laws.texts import alike

_OBJECTS = ("git.commit", "git.tag", "attestation")
"""Kinds whose ``digest`` is one of bytes that hold all that the event says."""
_FETCHED = ("git.ref", "object.put", "object.delete", "row.version")
"""Kinds of what a fetch shows: a mirror's refs, a page of a listing, the rows of a live capture."""


@law("digest")
def DIGEST(seen: Seen) -> list[pl.LazyFrame]:  # noqa: N802  (a law is a constant)
    """What contains a digest came after the bytes that it is of.

    Forced by the hash function: to write a digest down, its bytes had to be there. The bytes are a
    git commit or tag, whose id covers its own dates, tree and parents; the payload of an
    attestation, whose SHA-256 an entry of a transparency log names; or an item of the evidence,
    whose SHA-256 covers every record in it. So a commit comes after its parents, a tag after what
    it names, a row, a log line, a manifest, an attestation or a trusted timestamp after what it
    names, and an object of a bucket, stored under its SHA-256, after the records in it.

    No law: that a bucket had *stored* the bytes whose digest a record names, as a digest can be
    computed before; an MD5 or an ETag, as two texts can be made with one MD5; when an item was
    fetched, as the same bytes (those of an empty file, say) may have been there long before; the
    parents that `refs/replace/` or grafts give a commit, as its id does not cover them.
    Source: R. Merkle, *A Certified Digital Signature* (1989); git's documentation,
    gitformat-signature and git-replace.
    """
    own = seen.sources(*_OBJECTS)
    objects = seen.events.filter(
        pl.col("kind").is_in(_OBJECTS if own else ()) & pl.col("digest").is_not_null()
    ).select("digest", before="row")
    if len(own) > 1:
        # The same bytes in two repositories: one event, told twice.
        objects = objects.group_by("digest").agg(pl.col("before").min())
    naming = (
        seen.events.filter(pl.col("names").list.len() > 0)
        .select("names", after="row")
        .explode("names", empty_as_null=True, keep_nulls=True)
        .collect(engine="streaming")
        # In one piece: rows are looked up in dozens of pieces for five times as much.
        .rechunk()
    )
    found = _naming(naming, objects).filter(pl.col("before") != pl.col("after"))
    parts = [found.lazy()]
    # Most names are of git's objects, and what all items are is asked where one may be named.
    named = naming.filter(pl.col("names").str.starts_with("sha256:"))
    if len(named):
        items = seen.events.select("item").unique().select(digest=pl.format("sha256:{}", "item"))
        of_items = _naming(named, items)
        parts += [_within(seen.events, of_items.lazy())] if len(of_items) else []
    return [
        part.select("before", "after", because=pl.format("contains {}", "names")) for part in parts
    ]


def _naming(naming: pl.DataFrame, known: pl.LazyFrame) -> pl.DataFrame:
    """Rows of ``names`` and ``after`` that name a known ``digest``, with its other columns.

    In the order of the timeline, in which what belongs together stands together. Names are what a
    timeline has most of: a number of each text is looked for, and texts of one number are told
    apart by themselves.
    """
    digests = known.collect(engine="streaming").rechunk()
    name, of = alike(naming["names"], digests["digest"])
    if len(name) != len(naming) or not (name[1:] > name[:-1]).all():
        # Else each is there once, and in its place.
        naming = naming[name]
    same = naming["names"] == digests["digest"][of]
    found = pl.concat([naming, digests.drop("digest")[of]], how="horizontal")
    return found if same.all() else found.filter(same)


def _within(events: pl.LazyFrame, naming: pl.LazyFrame) -> pl.LazyFrame:
    """``before``, ``after`` and ``names`` of records in items that others name."""
    item = pl.col("names").str.strip_prefix("sha256:")
    return (
        naming.with_columns(item=item)
        .join(latest(events, naming.select(item=item).unique()), on="item")
        .filter(pl.col("before") != pl.col("after"))
        .select("before", "after", "names")
    )


@law("held")
def HELD(seen: Seen) -> list[pl.LazyFrame]:  # noqa: N802  (a law is a constant)
    """What was fetched had been written before the fetch ended.

    Forced by the bytes being there: the commits behind a mirror's refs, the versions that a page
    of a listing shows, the rows of a live capture. Of the records of one clock in one item the
    latest are related.

    No law: of a dump, whose header is written before its rows are read; of what a row *asserts*,
    which may be a date to come.
    Source: RFC 9110, 6.6.1 (Date); git's documentation, git-ls-remote; PostgreSQL documentation,
    13.2.2 (a snapshot shows what was committed before it was taken).
    """
    if not seen.has("snapshot") or not seen.has(*_FETCHED):
        return []
    fetched = seen.events.filter(
        (pl.col("kind") == "snapshot") & (pl.col("citation") == "")
    ).select("source", "item", after="row")
    records = seen.events.filter(pl.col("kind").is_in(_FETCHED))
    refs = records.filter(pl.col("kind") == "git.ref").select("item", before="row")
    before = pl.concat(
        [refs, latest(records, fetched.select("item").unique()).select("item", "before")]
    )
    return [
        fetched.join(before, on="item").select(
            "before", "after", because=pl.lit("was there when it was fetched")
        )
    ]
