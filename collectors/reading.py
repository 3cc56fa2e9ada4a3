"""What collectors of tables and logs read alike: digests within text, and subjects from cells.

It knows none of the collectors.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import combinations

import polars as pl

RESERVED = (
    r"^(claim|snapshot|examiner|attestation|git\.(commit|author|tag|ref|reflog|fetch)"
    r"|log\.(rewritten|gap)|(wal|row|table|database|timeline|object|bucket|backup)\..*)$"
)
"""Kinds by which rules know what a medium itself recorded; a log or table cannot give them."""
_HEX = r"\b(?:[0-9a-fA-F]{64}|[0-9a-fA-F]{40})\b"
_ALONE = r"^(?:[0-9a-fA-F]{64}|[0-9a-fA-F]{40})$"
_SHA256, _SHA1 = 64, 40
"""Hexadecimal digits of the two digests."""


def digest(value: pl.Expr) -> pl.Expr:
    """``sha256:…`` of 64 hexadecimal digits, ``git:…`` of 40, by their length; null for others."""
    plain = value.str.to_lowercase().str.extract(r"^(?:sha256:|git:|sha1:)?([0-9a-f]{40,64})$")
    return _prefixed(plain)


def _prefixed(digits: pl.Expr) -> pl.Expr:
    size = digits.str.len_bytes()
    return (
        pl.when(size == _SHA256).then("sha256:" + digits).when(size == _SHA1).then("git:" + digits)
    )


def names(text: pl.Expr) -> pl.Expr:
    """Digests that the text holds, each once, in the order in which they stand; null if none."""
    # No regular expression and no sort within lists: each takes ten times as long as the rest.
    found = text.str.extract_all(_HEX).list.eval(_prefixed(pl.element().str.to_lowercase()))
    return pl.when(found.list.len() > 0).then(found.list.unique(maintain_order=True))


def digests(texts: Sequence[pl.Series], height: int) -> tuple[pl.Series, pl.Series]:
    """The same from the strings of each line, and where it is sure: strings that are a digest.

    Not sure is a line with a digest inside a longer string.
    """
    sure = pl.repeat(True, height, dtype=pl.Boolean, eager=True)
    found: list[pl.Series] = []
    for text in texts:
        size = text.str.len_bytes()
        if not (size >= _SHA1).any():
            continue
        if (bare := _bare(text)) is not None:
            found.append(bare)
            continue
        alone = (text.str.contains(_ALONE)).fill_null(False)
        sure &= alone | (size < _SHA1).fill_null(True) | ~text.str.contains(_HEX).fill_null(False)
        if alone.any():
            digits = text.zip_with(alone, text.clear(len(text)))
            if digits.str.contains("[A-F]").any():
                digits = digits.str.to_lowercase()
            found.append(pl.DataFrame({"d": digits}).select(_prefixed(pl.col("d"))).to_series())
    return beside(found, height), sure


def beside(found: Sequence[pl.Series], height: int) -> pl.Series:
    """Digests with their prefix, column beside column: of each row a list, each once; or null."""
    if not found or height == 0:
        return pl.repeat(None, height, dtype=pl.List(pl.String), eager=True)
    # Column beside column, row by row: building lists of rows directly takes ten times as long.
    places = pl.DataFrame({"at": pl.int_range(height * len(found), eager=True)}).select(
        (pl.col("at") % len(found)) * height + pl.col("at") // len(found)
    )
    rows = pl.concat(found).gather(places.to_series()).reshape((height, len(found)))
    lists = rows.arr.to_list()
    gaps = any(one.null_count() for one in found)
    same = any((one == other).any() for one, other in combinations(found, 2))
    if gaps:
        lists = lists.list.drop_nulls()
    if same:
        lists = lists.list.unique(maintain_order=True)
    if gaps:
        lists = pl.select(pl.when(lists.list.len() > 0).then(lists)).to_series()
    return lists


def bare_columns(texts: Sequence[pl.Series]) -> list[str] | None:
    """Names of the columns that are bare digests all through; None where others hold a digest."""
    found = []
    for text in texts:
        size = text.str.len_bytes()
        if not (size >= _SHA1).any():
            continue
        if size.max() == size.min() and not text.null_count() and _is_hex(text, size.max()):
            found.append(text.name)
        elif has_digest(text):
            return None
    return found


def has_digest(text: pl.Series) -> bool:
    """Whether a digest stands in some text."""
    return bool(text.str.contains(_HEX).any())


def could_hold(texts: Iterable[pl.Series]) -> bool:
    """Whether some text is as long as a digest, and so may be taken for one by its length."""
    return any((text.str.len_bytes() >= _SHA1).any() for text in texts)


def digest_of(value: pl.Series) -> pl.Series:
    """As :func:`digest`, of a column whose values are mostly bare digests in small letters."""
    if (bare := _bare(value)) is not None:
        return bare
    frame = pl.DataFrame({"v": value})
    if value.str.contains("^(?:[0-9a-f]{64}|[0-9a-f]{40})$").all():
        return frame.select(_prefixed(pl.col("v"))).to_series()
    return frame.select(digest(pl.col("v"))).to_series()


def prefixed(value: pl.Series) -> pl.Series:
    """Bare digests in small letters, or null, with their prefix."""
    size = value.str.len_bytes()
    digits = size.min()
    if digits in {_SHA1, _SHA256} and digits == size.max():
        prefix = "git:" if digits == _SHA1 else "sha256:"
        return pl.DataFrame({"v": value}).select(prefix + pl.col("v")).to_series()
    return pl.DataFrame({"v": value}).select(_prefixed(pl.col("v"))).to_series()


def _bare(value: pl.Series) -> pl.Series | None:
    """With their prefix, where all are bare digests of one length in small letters; else None."""
    size = value.str.len_bytes()
    digits = size.min()
    if digits is None or digits != size.max() or value.null_count() or not _is_hex(value, digits):
        return None
    return prefixed(value)


def _is_hex(value: pl.Series, digits: object) -> bool:
    """Whether all, which have so many characters, are digests in small letters."""
    if digits not in {_SHA1, _SHA256}:
        return False
    return bool(value.str.contains(f"^[0-9a-f]{{{digits}}}$").all())


def plain_template(subject: str) -> tuple[str, dict[str, str]]:
    """A subject's template with plain names for its keys, and the key of each name.

    Keys of records and headings of tables may hold what a field's name may not: ``{actor.login}``.
    """
    found: dict[str, str] = {}

    def plain(match: re.Match[str]) -> str:
        key = match.group(1)
        name = next((name for name, known in found.items() if known == key), f"f{len(found)}")
        found[name] = key
        return "{" + name + "}"

    text = re.sub(r"\{([^{}]+)\}", plain, subject)
    return text, found
