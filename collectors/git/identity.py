"""Identity lines, ``Name <email> SECONDS ZONE``, as git itself reads them.

git takes the e-mail between the first ``<`` and the ``>`` behind it, and looks for the time behind
the last ``>`` of the line (``split_ident_line`` in ident.c). The time is seconds since 1970 in UTC
whatever the zone says, so that a malformed or missing zone takes nothing from it: met in public
repositories are ``+051800``, ``-700`` and ``-13068837``.
"""

from __future__ import annotations

import polars as pl

from recon.instants import read_epoch

_LAST = 253_402_300_799
"""9999-12-31T23:59:59Z: the last instant that RFC 3339 can write."""
_EMAIL = 254
"""Characters of an e-mail address, at most (RFC 5321, 4.5.3.1.3)."""


def seconds(line: pl.Expr) -> pl.Expr:
    """Seconds since 1970; null where git reads no time, or one past the year 9999.

    Behind the last ``>``; where no digits follow it, behind the first, as git's reader of commit
    dates for walks does (``parse_commit_date`` in commit.c).
    """
    digits = pl.coalesce(
        line.str.extract(r">[ \t]*([0-9]+)[^>]*$"), line.str.extract(r"^[^>]*>[ \t]*([0-9]+)")
    )
    number = digits.cast(pl.Int64, strict=False)
    return pl.when(number <= _LAST).then(number)


def when(number: pl.Expr) -> pl.Expr:
    """The interval of one second: struct of ``earliest`` and ``latest``."""
    return read_epoch(number, "s")


def clock(role: str, line: pl.Expr) -> pl.Expr:
    """``git:ROLE:EMAIL``; with nothing behind the colon where there is no e-mail."""
    email = line.str.extract(r"^[^<]*<([^>]*)>").str.strip_chars().str.slice(0, _EMAIL)
    return pl.when(line.is_not_null()).then(f"git:{role}:" + email.fill_null(""))


def actor(line: pl.Expr) -> pl.Expr:
    """``Name <email>``: the line without its time; all of it where there is no e-mail."""
    return pl.coalesce(
        line.str.extract(r"^(.*>)[ \t]*[0-9]*[^>]*$"), line.str.strip_chars()
    ).str.strip_chars()
