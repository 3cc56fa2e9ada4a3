"""Changes of rows in an event's own words: places, and what an update changed."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from collectors.postgres.heap.model import Gap, Value
from collectors.postgres.heap.said import Said, Texts

SHOWN, SHOWN_ALL = 120, 2000
"""Characters of one value, and of all, that an event's own words show."""
_JSON = json.JSONEncoder(ensure_ascii=False).encode
_ESCAPED = r'[\x00-\x1f"\\]'
Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def places(block: Numbers, line: Numbers) -> pl.Series:
    """Blocks and line pointers as ``ctid`` shows them."""
    columns = pl.DataFrame({"block": block, "line": line})
    return columns.select(pl.format("({},{})", "block", "line")).to_series()


def words(rows: pl.DataFrame) -> pl.Series:
    """Places, and what updates changed of which both rows are known.

    Columns of ``rows``: ``ended`` and ``made``, places; ``differ``, what :func:`changed` says.
    """
    return rows.select(_cut(rows["differ"])).to_series()


def _cut(differ: pl.Series) -> pl.Expr:
    """An update in words, cut short where that is long: which few are."""
    said = pl.format("{} to {}: {}", "ended", "made", "differ")
    longest = int(differ.str.len_bytes().max() or 0)  # type: ignore[arg-type]
    return said.str.slice(0, SHOWN_ALL) if longest > SHOWN_ALL // 2 else said


def changed(old: Said, new: Sequence[Texts], differs: Flags, rows: Numbers) -> pl.Series:
    """What updates changed. ``new``: the live columns of all rows; ``rows``: those that are asked.

    ``differs``: of each column of the table and these rows, whether the stored bytes differ.
    """
    said: list[pl.Series] = []
    for (column, name), texts in zip(old.decoder.live, new, strict=True):
        which = np.flatnonzero(differs[column])
        if not len(which):
            continue
        before, theirs = old.texts(column, rows[which]), rows[which]
        shown = _one(name, before.text, texts.text.gather(theirs))
        odd = np.flatnonzero(np.isin(theirs, list(texts.gaps)) if texts.gaps else theirs < 0)
        odd = np.union1d(odd, np.array(list(before.gaps), np.int64))
        if len(odd):
            again = [_said(name, before.at(at), texts.at(int(theirs[at]))) for at in odd.tolist()]
            shown = shown.scatter(odd, pl.Series(again, dtype=pl.String))
        spread = np.full(len(rows), -1, np.int64)
        spread[which] = np.arange(len(which))
        said.append(shown.gather(where(spread)))
    nothing = pl.Series(["no value changed"]).new_from_index(0, len(rows))
    if not said:
        return nothing
    both = pl.select(pl.concat_str(said, separator=", ", ignore_nulls=True)).to_series()
    return both.set(both == "", "no value changed")


def where(places: Numbers) -> pl.Series:
    """Places to gather from; below 0: null."""
    found = pl.Series(places)
    return found.set(found < 0, None)


def _one(name: str, before: pl.Series, after: pl.Series) -> pl.Series:
    """What changed in one column; null where the values are the same after all."""
    said = pl.concat_str(pl.lit(f"{name} "), _shown(before), pl.lit(" to "), _shown(after))
    return pl.select(pl.when(before.ne_missing(after)).then(said)).to_series()


def _said(name: str, before: Value, after: Value) -> str | None:
    """The same of two values, where one of them cannot be said."""
    shown = [
        f"[{one.reason}]" if isinstance(one, Gap) else _shown(pl.Series([one], dtype=pl.String))[0]
        for one in (before, after)
    ]
    return None if before == after else f"{name} {shown[0]} to {shown[1]}"


def _shown(text: pl.Series) -> pl.Series:
    """As a string in JSON, cut short where it is long."""
    if int(text.str.len_bytes().max() or 0) > SHOWN:  # type: ignore[arg-type]
        short = pl.concat_str(text.str.slice(0, SHOWN), pl.lit("…"))
        long = text.str.len_chars() > SHOWN
        text = pl.select(pl.when(long).then(short).otherwise(text)).to_series()
    quoted = pl.select(pl.concat_str(pl.lit('"'), text, pl.lit('"')).fill_null("null")).to_series()
    odd = np.flatnonzero(text.str.contains(_ESCAPED).fill_null(value=False).to_numpy())
    if not len(odd):
        return quoted
    return quoted.scatter(odd, pl.Series([_JSON(one) for one in text.gather(odd).to_list()]))
