"""What only the other events tell of an event, in columns of their own behind a timeline's.

What laws and claims say would else be compared anew whenever rules are run, word by word.
"""

from __future__ import annotations

import polars as pl

_READING = ("source", "clock", "latest")
_PLACE = ("earliest", "item", "citation")
NUMBERED = ("claim", "row.version", "row.dumped")
"""Kinds of events of which the subjects are compared, and so have numbers."""
_AT_ONCE = 8_000_000
"""Claims that are compared at a time, some 150 bytes each."""


def beside(events: pl.DataFrame) -> pl.DataFrame:
    """A timeline of one piece, in its order, with the columns of :data:`recon.schema.BESIDE`."""
    own = events.with_columns(record_back(events), subject_number(events, no_subjects()))
    claims = own.lazy().filter(pl.col("kind") == "claim")
    rows = differing(claims, "row", by="subject_number")
    return own.with_columns(may_differ=pl.col("row").is_in(rows.implode()))


def record_back(events: pl.DataFrame) -> pl.Series:
    """How many rows before it the first event stands of its record with its reading.

    Args:
        events: in the order of a timeline, with those of one place side by side.

    Undated events stand for themselves, and have 0.
    """
    import numpy as np

    began = events.select(
        ~pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in _PLACE)
    ).to_series()
    began = began.fill_null(value=True)
    place = began.arg_true().gather(began.cast(pl.UInt32).cum_sum() - 1)
    # As a rule they have one reading; those without the first one's are looked at closer.
    alike = (pl.col(name).eq_missing(pl.col(name).gather(pl.lit(place))) for name in _READING)
    rest = (
        events.select(*_READING, alike=pl.all_horizontal(alike))
        .with_columns(began=place)
        .with_row_index("place")
        .filter(~pl.col("alike"))
        .select("place", one=pl.col("place").min().over("began", *_READING))
    )
    one = place.to_numpy().copy()
    one[rest["place"].to_numpy()] = rest["one"].to_numpy()
    dated = events.select(pl.col("clock").is_not_null() & pl.col("earliest").is_not_null())
    back = np.where(dated.to_series().to_numpy(), np.arange(len(one)) - one, 0)
    return pl.Series("record_back", back.astype(np.uint32))


def no_subjects() -> pl.Series:
    """No subject yet. What it names lives as long as it does."""
    return pl.Series([], dtype=pl.Categorical(pl.Categories.random()))


def subject_number(events: pl.DataFrame, known: pl.Series) -> pl.Series:
    """Of events of the kinds that have one, the number of the subject; of others null.

    ``known``: what :func:`no_subjects` gave. New subjects are numbered as they come, so that the
    same timeline has the same numbers.
    """
    meant = pl.col("kind").is_in(NUMBERED)
    subjects = events.select(pl.when(meant).then("subject")).to_series().rechunk()
    return subjects.cast(known.dtype).to_physical().rename("subject_number")


def differing(claims: pl.LazyFrame, name: str, *, by: str = "subject") -> pl.Series:
    """What ``name`` says of claims with another value or digest than the first like them.

    That is the first of their subject, told ``by`` a column, and attribute. One of another may be
    among them, as equal numbers may stand for several of these: it is looked at closer in vain.
    """
    count: int = claims.select(pl.len()).collect(engine="streaming").item()
    parts = 1 + count // _AT_ONCE
    number = pl.col(by).hash(1) + pl.col("attribute").hash(2)
    found = []
    for part in range(parts):
        own = claims.select(name, "value", "digest", number=number)
        if parts > 1:
            own = own.filter(pl.col("number") % parts == part)
        # In memory: comparing words to the first of theirs is three times as fast as to the least
        # and the greatest of a group.
        read = own.collect(engine="streaming").with_row_index("place")
        first = read.select(pl.col("place").min().over("number")).to_series()
        differs = pl.any_horizontal(
            pl.col(word).ne_missing(pl.lit(read[word].gather(first)))
            for word in ("value", "digest")
        )
        found.append(read.filter(differs)[name])
    return pl.concat(found)
