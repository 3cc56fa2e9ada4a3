"""What refs pointed to: as clones show them, and as reflogs, forges and gittuf's log moved them.

Branches and tags go by the name that the server has for them: a clone's ``refs/remotes/origin/x``
is the server's ``refs/heads/x``. A branch or tag of a working repository is its owner's own
(``is_local``): nobody else may ever have seen it.
"""

from __future__ import annotations

import re

import polars as pl

from recon.rules.base import Timeline

RANKS = {"mirror": 0, "bare": 1, "fetched": 2, "bundle": 3}
"""Which clone says how a repository stands: a mirror that was fetched by the examiner, else a
server's own, else a mirror that somebody fetched, else a bundle, else a working repository."""
_LAST = 4
_MOVES = re.compile(r"^git\.reflog$|^gittuf\.entry$|\.(?:tag_)?push(?:\.|$)")
_REMOTE = r"^refs/remotes/[^/]+/"
_SPLIT = r"^(.*?)([:/])(refs/[\s\S]*)$"
_BOTH = r"^([0-9a-f]{40,64}) ([0-9a-f]{40,64})$"


def moves(timeline: Timeline) -> pl.DataFrame:
    """Moves of branches and tags, in order of time: whoever keeps the record.

    Columns ``row``, ``source``, ``kind``, ``clock``, ``basis``, ``earliest``, ``latest``,
    ``place`` (the repository: ``git:code``, ``github:acme/models``), ``ref`` (the server's name),
    ``old``, ``new`` (names of objects; null for none), ``is_local``.
    """
    return timeline.once("moves", _moves)


def _moves(timeline: Timeline) -> pl.DataFrame:
    wanted = sorted(kind for kind in timeline.kinds if _MOVES.search(kind))
    sides = pl.col("value").str.extract_groups(_BOTH).struct
    at = pl.col("subject").str.extract_groups(_SPLIT).struct
    raw = at.field("3")
    # A list of one repository's activity need not say of which.
    unnamed = pl.format("log:{}", "source")
    return (
        timeline.kind(*wanted)
        .filter(pl.col("value").str.contains(_BOTH))
        .select(
            *("row", "source", "kind", "clock", "basis", "earliest", "latest"),
            place=pl.when(at.field("2") == "/").then(at.field("1")).otherwise(unnamed),
            ref=_server(raw),
            old=_there(sides.field("1")),
            new=_there(sides.field("2")),
            is_local=(pl.col("kind") == "git.reflog")
            & (pl.col("basis") == "asserted").fill_null(value=False)
            & ~raw.str.contains(_REMOTE),
        )
        .filter(pl.col("ref").str.contains("^refs/(?:heads|tags)/"))
        .collect(engine="streaming")
        .sort("earliest", "row", nulls_last=True)
    )


def _server(name: pl.Expr) -> pl.Expr:
    return name.str.replace(_REMOTE, "refs/heads/")


def _there(name: pl.Expr) -> pl.Expr:
    return pl.when(~name.str.contains("^0+$")).then(name)


def states(timeline: Timeline) -> pl.DataFrame:
    """Refs as each clone shows them.

    Columns ``row``, ``source``, ``place``, ``ref`` (the server's name of it), ``name`` (object),
    ``item``, ``clone`` (medium and name, null where no snapshot says), ``seen`` (row of the
    snapshot), ``seen_from``, ``seen_to``, ``is_local``, ``is_current``.

    Current is what the best clone of a repository shows, by :data:`RANKS`, as it was last acquired.
    """
    return timeline.once("states", _states)


def _states(timeline: Timeline) -> pl.DataFrame:
    seen = timeline.kind("snapshot").select(
        *("source", "item"),
        clone="value",
        seen="row",
        seen_from="earliest",
        seen_to="latest",
    )
    medium = pl.col("clone").str.extract(r"^(\S+) ")
    raw = pl.col("subject").str.extract(r"^git:[^/]+/([\s\S]*)$")
    found = (
        timeline.kind("git.ref")
        .join(seen, on=["source", "item"], how="left")
        .select(
            *("row", "source", "item", "clone", "seen", "seen_from", "seen_to"),
            place=pl.format("git:{}", "source"),
            ref=_server(raw),
            name=pl.col("digest").str.strip_prefix("git:"),
            is_local=(medium == "working").fill_null(value=False) & ~raw.str.contains(_REMOTE),
            rank=medium.replace_strict(RANKS, default=_LAST, return_dtype=pl.UInt8),
        )
        .collect(engine="streaming")
    )
    last = pl.col("seen_to").max().over("source", "clone")
    return (
        found.with_columns(
            is_current=(pl.col("rank") == pl.col("rank").min().over("source"))
            & pl.col("seen_to").eq_missing(last)
        )
        .drop("rank")
        .sort("source", "ref", "seen_to", "row", nulls_last=True)
    )


def tips(timeline: Timeline) -> list[str]:
    """Names of all objects to which refs of the repositories point today."""
    shown = states(timeline)
    return shown.filter("is_current")["name"].unique().sort().to_list()


def whole(timeline: Timeline) -> set[str]:
    """Sources of which the history behind the refs is at hand whole."""
    covered = timeline.coverage.filter(pl.col("kind") == "git.commit").select("source").unique()
    return set(covered.collect()["source"].to_list())


def named(timeline: Timeline) -> pl.DataFrame:
    """Commits and tags that records claim of subjects, once per source and subject.

    Columns ``row``, ``source``, ``subject``, ``attribute``, ``name``.
    """
    return timeline.once("named-commits", _named)


def _named(timeline: Timeline) -> pl.DataFrame:
    return (
        timeline.kind("claim")
        .filter(pl.col("digest").str.starts_with("git:"))
        .sort("row")
        .unique(["source", "subject", "digest"], keep="first", maintain_order=True)
        .select(
            *("row", "source", "subject", "attribute"),
            name=pl.col("digest").str.strip_prefix("git:"),
        )
        .collect()
    )
