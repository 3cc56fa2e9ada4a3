"""What collectors of tables and logs read alike: digests within text, and subjects from cells.

It knows none of the collectors.
"""

from __future__ import annotations

import re

import polars as pl

RESERVED = (
    r"^(claim|snapshot|examiner|git\.(commit|author|tag|ref|reflog)"
    r"|(wal|row|table|timeline|object|bucket|backup)\..*)$"
)
"""Kinds by which rules know what a medium itself recorded; a log or table cannot give them."""
_HEX = r"\b(?:[0-9a-fA-F]{64}|[0-9a-fA-F]{40})\b"
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
