"""Findings grouped by what they share: one transaction, one act, one record, one batch of deletes.

Two findings belong to one incident iff a record that both rest on ties them:

- *transaction*: records of both name the same transaction, or are rows that it wrote;
- *event*: both have the same act among their events (a restore's fork, a move of a ref, a drop);
- *record*: both have events of the same record of a source, such as one line of a log;
- *batch*: both are about deletes of one source by one principal within the first and the last
  delete of a bulk that a finding shows.

A snapshot ties nothing, nor does what a finding names only to compare with: two rows that one dump
holds were not changed by one act for that. What an incident shares is what its records share, and
says nothing of who did it or why.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from recon import schema
from recon.instants import say_interval, show
from recon.names import plain, xids

if TYPE_CHECKING:
    from recon.findings import Finding

COMPARED = frozenset(
    {
        *("asserted", "held", "seen", "absent", "earlier", "released", "named", "lacking"),
        *("listed", "listing", "artifact", "manifest", "commit"),
    }
)
"""Roles of events that a finding compares with: the state before, or after, or the other side."""
_NEVER = ("snapshot", "git.commit", "row.dumped")
"""Kinds that tie nothing: a state that was read, or what a name leads to."""
_ORDER = {name: place for place, name in enumerate(schema.VERDICTS)}
_WITNESSES = ("organisation", "account", "self", "none")
_DELETES = ("first", "last", "deleted", "expired", "marker")


@dataclass(frozen=True, slots=True)
class Tie:
    """What ties findings to each other."""

    by: str
    """``transaction``, ``event``, ``record`` or ``batch``."""
    what: str
    """The transaction's name, the event's or record's id, or source and principal of the batch."""
    sources: Sequence[str]
    """Whose records name it."""
    findings: Sequence[str]
    """Ids of the findings that it ties, those of the question alone."""


@dataclass(frozen=True, slots=True)
class Incident:
    """Findings that rest on something that they share, or one alone."""

    incident: str
    """16 hexadecimal digits of SHA-256 over the ids of its findings."""
    verdict: str
    """The gravest of its findings."""
    statement: str
    """One neutral sentence. Evidence text in it is raw: whoever shows it escapes it."""
    ties: Sequence[Tie]
    """Empty where it has one finding and nothing that others share."""
    earliest: str | None
    """From when, by the stamped events that tie it (RFC 3339); None: they are not dated."""
    latest: str | None
    actors: Sequence[str]
    """Whom these events name."""
    subjects: Sequence[str]
    findings: Sequence[str]
    """Ids, in the order in which findings are listed."""
    outside: int
    """Findings that the same ties lead to, about subjects that the question is not about."""

    def to_json(self) -> dict[str, Any]:
        """As in ``findings.json``."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain


@dataclass(frozen=True, slots=True)
class Member:
    """A finding, or one about a subject outside the question, and the rows of its events."""

    finding: Finding | None
    """None: it is outside the question, and only counted."""
    rule: str
    rows: Sequence[tuple[str, int]]
    """(role, row of the timeline)."""


def incidents(events: pl.LazyFrame, members: Sequence[Member]) -> list[Incident]:
    """Incidents of the findings, what matters most first.

    By the gravest verdict, then by how far apart the domains of its witnesses are, then by its
    widest margin and the number of its findings. Each finding of the question is in one of them.
    """
    if not any(one.finding for one in members):
        return []
    keys = _keys(plain(events), members)
    groups = _joined(len(members), keys)
    ties: dict[int, list[_Key]] = {}
    group_of = {number: at for at, group in enumerate(groups) for number in group}
    for key, tied in sorted(keys.members.items()):
        if len(tied) > 1:
            ties.setdefault(group_of[tied[0]], []).append(key)
    made = [
        _incident({n: members[n] for n in group}, ties.get(at, []), keys)
        for at, group in enumerate(groups)
        if any(members[n].finding for n in group)
    ]
    return [one for _, one in sorted(made, key=lambda pair: pair[0])]


_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Shared:
    """Members by key, and the events that have it."""

    members: dict[_Key, list[int]]
    events: dict[_Key, list[Mapping[str, Any]]]


def _keys(events: pl.LazyFrame, members: Sequence[Member]) -> _Shared:
    """What members could share, by (kind of tie, what)."""
    rows = {row for one in members for _, row in one.rows}
    wanted = pl.Series("row", sorted(rows), dtype=pl.UInt64)
    columns = ("row", "source", "kind", "subject", "item", "citation", "actor")
    found = (
        events.filter(pl.col("row").is_in(wanted.implode()))
        .select(*columns, *_XIDS, "earliest", "latest", "basis", id=schema.event_id())
        .collect(engine="streaming")
        .pipe(_with_xids, events)
    )
    known = {row["row"]: row for row in found.iter_rows(named=True)}
    written = _transactions(events, found)
    shared = _Shared({}, {})
    batches = _batches(members, known)
    for number, one in enumerate(members):
        for role, row in one.rows:
            event = known[row]
            if role in COMPARED or event["kind"] in _NEVER:
                continue
            place = event["source"], event["item"], event["citation"]
            keys = [("transaction", name) for name in {*event["xids"], *written.get(place, ())}]
            if event["citation"]:
                keys.append(("record", f"{event['item'][:16]}:{event['citation']}"))
            if event["kind"] != "claim":
                keys.append(("event", event["id"]))
            if role in _DELETES:
                keys += [("batch", name) for name, span in batches if _within(event, name, span)]
            for key in keys:
                of_key = shared.members.setdefault(key, [])
                if number not in of_key:
                    of_key.append(number)
                shared.events.setdefault(key, []).append(event)
    return shared


def _transactions(
    events: pl.LazyFrame, found: pl.DataFrame
) -> dict[tuple[str, str, str], list[str]]:
    """By place of a claim the transactions that wrote its row version."""
    place = ["source", "item", "citation"]
    claimed = found.filter(pl.col("kind") == "claim").select(place).unique()
    if claimed.is_empty():
        return {}
    rows = (
        events.filter(
            pl.col("kind").is_in(["row.version", "row.insert", "row.update"])
            & pl.col("item").is_in(claimed["item"].unique().implode())
            & pl.col("citation").is_in(claimed["citation"].unique().implode())
        )
        .join(claimed.lazy(), on=place, how="semi")
        .select(*place, "row", *_XIDS)
        .collect(engine="streaming")
        .pipe(_with_xids, events)
    )
    out: dict[tuple[str, str, str], list[str]] = {}
    for row in rows.iter_rows(named=True):
        out.setdefault((row["source"], row["item"], row["citation"]), []).extend(row["xids"])
    return out


_XIDS = ("named_xid", "several_xids")


def _with_xids(found: pl.DataFrame, events: pl.LazyFrame) -> pl.DataFrame:
    """With ``xids``, all transactions that an event names: of most it is one or none."""
    alone = pl.concat_list("named_xid").list.drop_nulls()
    several = found.filter(pl.col("several_xids").fill_null(value=False))["row"]
    if several.is_empty():
        return found.with_columns(xids=alone)
    listed = (
        events.filter(pl.col("row").is_in(several.implode()))
        .select("row", xids=xids())
        .collect(engine="streaming")
    )
    return found.join(listed, on="row", how="left", maintain_order="left").with_columns(
        xids=pl.coalesce("xids", alone)
    )


_Span = tuple[datetime, datetime]


def _batches(
    members: Sequence[Member], known: Mapping[int, Mapping[str, Any]]
) -> list[tuple[str, _Span]]:
    """Source and principal of each bulk of deletes, from its first to its last."""
    out = []
    for one in members:
        ends = {role: known[row] for role, row in one.rows if role in {"first", "last"}}
        if one.rule != "bulk-delete" or len(ends) < 2 or not ends["first"]["actor"]:  # noqa: PLR2004
            continue
        span = ends["first"]["earliest"], ends["last"]["latest"]
        out.append((f"{ends['first']['source']} by {ends['first']['actor']}", span))
    return out


def _within(event: Mapping[str, Any], name: str, span: _Span) -> bool:
    if not event["actor"] or event["earliest"] is None or None in span:
        return False
    same = name == f"{event['source']} by {event['actor']}"
    return same and span[0] <= event["earliest"] <= span[1]


def _joined(count: int, shared: _Shared) -> list[list[int]]:
    """Members that keys tie to each other, directly or by way of others; in order."""
    lead = list(range(count))

    def find(one: int) -> int:
        while lead[one] != one:
            lead[one] = lead[lead[one]]
            one = lead[one]
        return one

    for tied in shared.members.values():
        for one in tied[1:]:
            first, other = sorted((find(tied[0]), find(one)))
            lead[other] = first
    groups: dict[int, list[int]] = {}
    for one in range(count):
        groups.setdefault(find(one), []).append(one)
    return list(groups.values())


def _incident(
    members: Mapping[int, Member], keys: Sequence[_Key], shared: _Shared
) -> tuple[tuple[Any, ...], Incident]:
    """The incident, and what it is sorted by."""
    findings = [one.finding for one in members.values() if one.finding]
    ties = []
    for by, what in keys:
        own = [one for n in shared.members[by, what] if (one := members[n].finding)]
        sources = sorted({event["source"] for event in shared.events[by, what]})
        ties.append(Tie(by, what, tuple(sources), tuple(one.finding for one in own)))
    ties = _fewest(ties)
    events = [e for tie in ties for e in shared.events[tie.by, tie.what]]
    stamped = [e for e in events if e["basis"] == "stamped" and e["earliest"] and e["latest"]]
    earliest = min((e["earliest"] for e in stamped), default=None)
    latest = max((e["latest"] for e in stamped), default=None)
    ids = [one.finding for one in findings]
    outside = len(members) - len(findings)
    incident = Incident(
        incident=hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()[:16],
        verdict=findings[0].verdict,
        statement=_statement(findings, ties, (earliest, latest), outside),
        ties=tuple(ties),
        earliest=show(earliest) if earliest else None,
        latest=show(latest) if latest else None,
        actors=tuple(sorted({e["actor"] for e in stamped if e["actor"]})),
        subjects=tuple(sorted({one.subject for one in findings})),
        findings=tuple(ids),
        outside=outside,
    )
    margins = [one.margin_seconds for one in findings if one.margin_seconds is not None]
    return (
        _ORDER[findings[0].verdict],
        min(_WITNESSES.index(one.witness) for one in findings),
        -max(margins, default=0.0),
        -len(findings),
        ids[0],
    ), incident


_FIRST = ("transaction", "batch", "event", "record")


def _fewest(ties: Sequence[Tie]) -> list[Tie]:
    """Without those that tie no other findings than a tie of an earlier kind does."""
    kept: list[Tie] = []
    for tie in sorted(ties, key=lambda one: (_FIRST.index(one.by), -len(one.findings), one.what)):
        if not any(set(tie.findings) <= set(other.findings) for other in kept):
            kept.append(tie)
    return kept


def _statement(
    findings: Sequence[Finding],
    ties: Sequence[Tie],
    when: tuple[datetime | None, datetime | None],
    outside: int,
) -> str:
    rules: dict[str, int] = {}
    for one in findings:
        rules[one.rule] = rules.get(one.rule, 0) + 1
    by_rule = ", ".join(f"{rule} {count}" for rule, count in rules.items())
    subjects = len({one.subject for one in findings})
    about = f"{subjects} subjects" if subjects > 1 else findings[0].subject
    if len(findings) == 1 and not outside:
        return f"One finding about {about} ({by_rule}), which shares no act with another"
    named = [_named(tie) for tie in ties[:3]]
    on = " and ".join(named) + (f" and {len(ties) - 3} more" if len(ties) > 3 else "")  # noqa: PLR2004
    time = f", {say_interval(*when)}" if when[0] else ""
    count = "One finding rests" if len(findings) == 1 else f"{len(findings)} findings rest"
    more = f"; so do {outside} about subjects outside the question" if outside else ""
    return f"{count} on {on}{time}: {by_rule}, about {about}{more}"


def _named(tie: Tie) -> str:
    if tie.by == "transaction":
        number = tie.what.removeprefix("xid:").rpartition("/")[2]
        return f"transaction {number} of {' and '.join(tie.sources)}"
    return {
        "event": f"the act {tie.what}",
        "record": f"the record {tie.what}",
        "batch": f"the deletes of {tie.what}",
    }[tie.by]
