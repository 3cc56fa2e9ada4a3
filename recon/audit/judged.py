"""Norms and whether they were kept, and checks that nothing could make fail.

A check that checks nothing is worse than none: it is counted as one. So of each norm it is asked
what records it could judge at all, and of each rule whether any source of the case can hold what
it needs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from recon import registry
from recon.rules import RULES
from recon.subjects import glob

if TYPE_CHECKING:
    from recon.config import CaseConfig, Norm
    from recon.declared import Check
    from recon.reconcile import Findings
    from recon.rules import Rule, Timeline

Status = Literal["kept", "broken", "undetermined", "not run", "vacuous"]


@dataclass(frozen=True, slots=True)
class Judged:
    """A norm, a rule or a check of the company's own, and what came of it."""

    what: Literal["norm", "rule", "check"]
    name: str
    status: Status
    because: str
    judged: int | None
    """Subjects or records that could make it fail; None: not counted."""
    findings: Sequence[str] = ()
    """Ids of the findings that say so."""
    since: str | None = None

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


def judged(config: CaseConfig, timeline: Timeline, found: Findings) -> list[Judged]:
    """Every norm, every check of the company's own, and the rules that could not run."""
    kinds = set(timeline.events.select(pl.col("kind").unique()).collect()["kind"])
    by_name = {one.name: one for one in RULES}
    out = [
        _norm(norm, by_name[norm.rule], timeline, found, config, kinds)
        for norm in config.norms
        if norm.rule in by_name
    ]
    out += [_check(one, timeline) for one in config.checks]
    declared = {norm.rule for norm in config.norms}
    for one in found.not_run:
        rule = by_name[one["rule"]]
        if one["rule"] in declared or rule.is_norm:
            continue
        impossible = _impossible(rule.needs, config, kinds)
        why = f"no source of the case can hold {', '.join(impossible)}" if impossible else ""
        out.append(
            Judged("rule", rule.name, "vacuous" if impossible else "not run",
                   why or one["because"], None)
        )  # fmt: skip
    return out


def _norm(  # noqa: PLR0913, PLR0917  (each argument is a different thing)
    norm: Norm,
    rule: Rule,
    timeline: Timeline,
    found: Findings,
    config: CaseConfig,
    kinds: set[str],
) -> Judged:
    from recon.instants import show

    mine = [one for one in found.findings if one.rule == rule.name]
    broken = [one.finding for one in mine if one.verdict in {"breach", "conflict", "missing"}]
    open_ = [one.finding for one in mine if one.verdict == "undetermined"]
    since = show(norm.since) if norm.since else None
    count, what = population(norm, timeline)
    status: Status
    if broken:
        status, why = "broken", f"{_findings(broken)}; it judges {count} {what}"
    elif open_:
        status, why = "undetermined", f"{_findings(open_)}; it judges {count} {what}"
    elif impossible := _impossible(rule.needs, config, kinds):
        status, why = "vacuous", f"no source of the case can hold {', '.join(impossible)}"
    elif not count:
        status, why = "vacuous", f"it has judged nothing: there are no {what}"
    else:
        status, why = "kept", f"by all {count} {what}"
    return Judged("norm", rule.name, status, why, count, (*broken, *open_), since)


def _findings(ids: Sequence[str]) -> str:
    return "1 finding" if len(ids) == 1 else f"{len(ids)} findings"


def _impossible(needs: Iterable[str], config: CaseConfig, kinds: set[str]) -> list[str]:
    """Needed kinds that the timeline does not hold and that no collector of the case can give."""
    return [
        need
        for need in needs
        if not any(_matches(one, kind) for kind in kinds for one in need.split("|"))
        and not any(
            _can_give(registry.collector(name).kinds, one)
            for name in {one.collector for one in config.sources}
            for one in need.split("|")
        )
    ]


def _matches(pattern: str, kind: str) -> bool:
    return re.match(glob(pattern).replace(r"\z", r"\Z"), kind) is not None


def _can_give(patterns: Sequence[str], need: str) -> bool:
    """``patterns`` as :attr:`recon.collector.Collector.kinds`; a need may end in a star."""
    plain = need.removesuffix("*") + "x" * need.endswith("*")
    if any(_matches(one[1:], plain) for one in patterns if one.startswith("!")):
        return False
    return any(_matches(one, plain) for one in patterns if not one.startswith("!"))


# What a norm could judge


def population(norm: Norm, timeline: Timeline) -> tuple[int, str]:
    """How many things could break it, since it holds, and what they are."""
    parameters: Mapping[str, Any] = norm.model_extra or {}
    counted, what = _POPULATIONS.get(str(norm.rule), (_any_record, "records of the kinds it needs"))
    events = timeline.events
    if norm.since is not None:
        events = events.filter(pl.col("earliest") >= norm.since)
    frame = counted(events, parameters, str(norm.rule))
    named = what.format(
        **{"artifact": "artifact", "manifest": "manifest", "attribute": "artifact", **parameters}
    )
    return int(frame.select(pl.len()).collect(engine="streaming").item()), named


def _claims(events: pl.LazyFrame, attribute: object) -> pl.LazyFrame:
    return events.filter((pl.col("kind") == "claim") & (pl.col("attribute") == str(attribute)))


def _manifests(events: pl.LazyFrame, p: Mapping[str, Any], _: str) -> pl.LazyFrame:
    """Subjects with a stamped artifact and a stamped manifest."""
    stamped = events.filter(pl.col("basis") == "stamped")
    manifest = _claims(stamped, p.get("manifest", "manifest")).select("subject").unique()
    artifact = _claims(stamped, p.get("artifact", "artifact")).select("subject").unique()
    return artifact.join(manifest, on="subject", how="semi")


def _releases(events: pl.LazyFrame, p: Mapping[str, Any], _: str) -> pl.LazyFrame:
    """Subjects whose artifact is spoken of by more than one source, or was deployed too."""
    artifact = _claims(events, p.get("artifact", "artifact")).filter(pl.col("digest").is_not_null())
    kind = glob(str(p.get("deployed", "deploy.finish")))
    deployed = events.filter(pl.col("kind").str.contains(kind)).select("subject").unique()
    several = (
        artifact.group_by("subject").agg(pl.col("source").n_unique()).filter(pl.col("source") > 1)
    )
    both = artifact.select("subject").unique().join(deployed, on="subject", how="semi")
    return pl.concat([several.select("subject"), both]).unique()


def _keys(events: pl.LazyFrame, p: Mapping[str, Any], _: str) -> pl.LazyFrame:
    """Versions of objects that claim the attribute."""
    names = pl.col("names").list.eval(pl.element().str.contains("?versionId=", literal=True))
    claims = _claims(events, p.get("attribute", "artifact")).filter(names.list.any())
    return claims.select("source", "subject").unique()


def _rows(events: pl.LazyFrame, p: Mapping[str, Any], _: str) -> pl.LazyFrame:
    """Rows of databases whose asserted time is told by a column of a table."""
    clock = pl.col("clock").str.contains(glob(f"pg:*/{p.get('table', '*')}.*"))
    return events.filter((pl.col("kind") == "claim") & clock).select("source", "subject").unique()


def _stores(events: pl.LazyFrame, p: Mapping[str, Any], _: str) -> pl.LazyFrame:
    """Facts of the store of which another source speaks."""
    store = pl.col("source").str.contains(glob(str(p.get("store", "lineage*"))))
    facts = events.filter((pl.col("kind") == "claim") & pl.col("attribute").is_not_null())
    key = ["subject", "attribute"]
    others = facts.filter(~store).select(key).unique()
    return facts.filter(store).select(key).unique().join(others, on=key, how="semi")


def _migrations(events: pl.LazyFrame, p: Mapping[str, Any], _: str) -> pl.LazyFrame:
    from recon.rules.migration_signed_off import migrations

    return migrations(events, p)


def _any_record(events: pl.LazyFrame, p: Mapping[str, Any], rule: str) -> pl.LazyFrame:
    """Records of the kinds that a rule needs; none where no claim states an attribute it names."""
    needs = next((one.needs for one in RULES if one.name == rule), ())
    kinds = [kind for need in needs for kind in need.split("|")]
    wanted = [pl.col("kind").str.contains(glob(one)) for one in kinds] or [pl.lit(value=False)]
    named = sorted({str(p[key]) for key in _ATTRIBUTES if key in p})
    stated = (
        events.filter((pl.col("kind") == "claim") & pl.col("attribute").is_in(named))
        .select(pl.col("attribute").n_unique())
        .collect(engine="streaming")
        .item()
    )
    return events.filter(pl.any_horizontal(wanted), pl.lit(stated == len(named))).select("row")


_ATTRIBUTES = ("artifact", "attribute", "evaluated", "manifest")
"""Parameters of norms that name an attribute."""
_Counted = Callable[[pl.LazyFrame, Mapping[str, Any], str], pl.LazyFrame]
_POPULATIONS: Mapping[str, tuple[_Counted, str]] = {
    "manifest-after-artifact": (
        _manifests,
        "subjects with a stamped `{artifact}` and a stamped `{manifest}`",
    ),
    "release-order": (_releases, "subjects with two steps of a release"),
    "overwritten-artifact": (_keys, "objects that claim `{attribute}`"),
    "backdated-record": (_rows, "rows with a time of their own"),
    "store-apart": (_stores, "facts of the store of which another source speaks"),
    "migration-signed-off": (_migrations, "migrations"),
}
"""By rule: what it could judge, and in words. A rule that is not here: records it needs."""


def _check(one: Check, timeline: Timeline) -> Judged:
    """A check of the company's own, by its recorded outcomes."""
    outcome = pl.col("value")
    rows = _claims(timeline.events, one.attribute).filter(
        pl.col("source") == one.source,
        pl.col("subject").str.contains(glob(one.subject)),
        outcome.is_not_null(),
    )
    passed = pl.any_horizontal(outcome.str.contains(glob(each)) for each in one.passes)
    found = rows.select(all=pl.len(), passed=passed.sum()).collect(engine="streaming").row(0)
    total, good = int(found[0]), int(found[1] or 0)
    status: Status = "broken" if good < total else "kept"
    why = f"failed {total - good} of {total} times"
    if "*" in one.passes:
        status, why = (
            "vacuous",
            "every outcome counts as passed, so that no record can make it fail",
        )
    elif not total:
        status, why = "vacuous", "no record holds an outcome of it"
    elif good == total:
        status = "vacuous"
        why = f"passed {total} of {total} times: no record shows that it can fail"
    return Judged("check", one.name, status, why, total)
