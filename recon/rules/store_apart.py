"""Norm: the lineage store lies in a domain of its own, and has a backup window of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from recon.findings import Innocent, Verdict
from recon.rules.base import Draft, Timeline, rule, step
from recon.subjects import glob
from recon.witnesses.domains import Apart, Principals, apart

if TYPE_CHECKING:
    from recon.config import Domain, Norm

_STRONG = {"account": ("account", "organisation"), "organisation": ("organisation",)}


@rule("store-apart", needs=("claim",), is_norm=True)
def store_apart(timeline: Timeline) -> Iterator[Draft]:
    """The norm is broken iff a store shares its domain, or its base backups, with what it tells of.

    Its domain: another source speaks of a fact of which the store speaks, and the two domains are
    one, or declared to be of one account (``level = "organisation"``: of one organisation), or the
    case declares a principal who can write both. Its backups: with ``tables``, a base backup of the
    store's cluster, which is restored as a whole, and a claimed table in it that is none of these.
    Parameters of the norm: ``store`` (glob of sources, by default ``lineage*``), ``of`` (glob of
    the other sources), ``level`` (by default ``account``), ``tables`` (glob of the store's own),
    ``since`` (earlier records are not looked at).
    Undetermined where one of the two domains does not declare its account, so that nothing says
    whether it is another.
    Innocent: a domain that ``case.toml`` declares too coarsely; a store of which another account
    keeps a copy, which is a source of its own and bears the facts out.
    Source: design, section 7; the case's own ``case.toml`` declares it.
    """
    for norm in timeline.norms:
        if norm.rule == "store-apart":
            yield from _domains(timeline, norm)
            yield from _backups(timeline, norm)


def _parameter(norm: Norm, name: str, default: str) -> str:
    return str((norm.model_extra or {}).get(name, default))


def _since(frame: pl.LazyFrame, norm: Norm) -> pl.LazyFrame:
    return frame if norm.since is None else frame.filter(pl.col("earliest") >= norm.since)


def _domains(timeline: Timeline, norm: Norm) -> Iterator[Draft]:
    store, of = _parameter(norm, "store", "lineage*"), _parameter(norm, "of", "*")
    level = _parameter(norm, "level", "account")
    facts = (
        _since(timeline.kind("claim"), norm)
        .filter(pl.col("attribute").is_not_null())
        .select("source", "subject", "attribute", "row")
        .sort("row")
        .unique(["source", "subject", "attribute"], keep="first", maintain_order=True)
    )
    mine = facts.filter(pl.col("source").str.contains(glob(store)))
    others = facts.filter(
        pl.col("source").str.contains(glob(of)), ~pl.col("source").str.contains(glob(store))
    )
    pairs = (
        mine.join(others, on=["subject", "attribute"], suffix="_other")
        .sort("row", "row_other")
        .group_by("source", "source_other", maintain_order=True)
        .agg(pl.col("row", "row_other", "subject", "attribute").first(), facts=pl.len())
        .sort("source", "source_other")
        .collect()
    )
    for row in pairs.iter_rows(named=True):
        sides = [timeline.domains.get(row[name]) for name in ("source", "source_other")]
        if sides[0] is None or sides[1] is None:
            continue
        found = apart(_side(sides[0]), _side(sides[1]))
        if found.witness not in _STRONG.get(level, _STRONG["account"]):
            yield _together(row, (sides[0], sides[1]), found, level)


def _side(side: tuple[str, Domain]) -> tuple[str, Domain, Principals]:
    return (*side, Principals(dict.fromkeys(side[1].writers, "declared")))


def _together(
    row: Mapping[str, Any],
    sides: tuple[tuple[str, Domain], tuple[str, Domain]],
    found: Apart,
    level: str,
) -> Draft:
    (name, _), (other, _) = sides
    store, source = row["source"], row["source_other"]
    is_open = name != other and not found.shared and level in found.unknown
    verdict: Verdict = "undetermined" if is_open else "breach"
    if name == other:
        how = f"are in one domain, {name}"
    elif found.shared:
        how = f"are in domains {name} and {other}, both of which {found.shared[0]} can write"
    elif is_open:
        how = f"are in domains {name} and {other}, which do not both declare their {level}"
    else:
        how = f"are in domains {name} and {other}, of one {level}"
    return Draft(
        verdict=verdict,
        subject=f"source:{store}",
        statement=f"The store {store} and {source}, which speaks of {row['facts']} of the same "
        f"facts, {how}; the case's norm promises another {level}",
        events=[("store", row["row"]), ("other", row["row_other"])],
        steps=[
            step("norm", rule="store-apart", promises=f"the store's {level} is another"),
            step("same-fact", "store", "other", attribute=row["attribute"], subject=row["subject"]),
            step("domains", "store", "other", how=how),
        ],
        excuse=f"For the norm to be kept, {store} and {source} would have to be in domains of "
        f"different {level}s, which nobody can write together.",
        alibi="The domains are those that the case declares.",
        innocent=[
            Innocent(
                "The case declares the domain of one of them too coarsely.",
                None,
                "The accounts and their policies say; `recon domains` reads them.",
            ),
        ],
    )


def _backups(timeline: Timeline, norm: Norm) -> Iterator[Draft]:
    own = _parameter(norm, "tables", "")
    if not own:
        return
    store = _parameter(norm, "store", "lineage*")
    claimed = (
        timeline.coverage.filter(
            (pl.col("kind") == "claim")
            & pl.col("subject").str.starts_with("pg:")
            & pl.col("source").str.contains(glob(store))
        )
        .select("source", table=pl.col("subject").str.extract(r"([^/]+)$"))
        .unique()
        .filter(~pl.col("table").str.contains(glob(own)))
        .group_by("source")
        .agg(pl.col("table").sort())
    )
    backups = (
        _since(timeline.kind("backup.stop", "backup.start"), norm)
        .filter(pl.col("earliest").is_not_null())
        .sort("earliest", "row")
        .group_by("source", maintain_order=True)
        .agg(pl.col("row", "value").last())
    )
    for row in claimed.join(backups, on="source").sort("source").collect().iter_rows(named=True):
        tables = ", ".join(row["table"])
        yield Draft(
            verdict="breach",
            subject=f"source:{row['source']}",
            statement=f"A base backup of {row['source']} holds {tables} beside the store's tables, "
            "and is restored as a whole; the case's norm promises a backup window of its own",
            events=[("backup", row["row"])],
            steps=[
                step("norm", rule="store-apart", promises="the store has its own backups"),
                step("one-backup", "backup", tables=tables),
            ],
            excuse="For the norm to be kept, these tables would have to be in another cluster.",
            alibi="A base backup copies every table of its cluster.",
            innocent=[
                Innocent(
                    "The store is backed up by dumps of its own as well, and restored from these.",
                    None,
                    "Such dumps, with their dates, would say.",
                ),
            ],
        )
