"""Sentences from the steps of a finding. Data comes first; this is the one place that words it.

Each kind of step has one sentence in :data:`SENTENCES`. Events are called A, B, C … in the order
in which the finding lists them. Text of the evidence is cleaned here, so the sentences are safe
to print.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from recon.findings import Finding, Step
from recon.instants import show_interval, show_span
from recon.text import one_line
from recon.time.words import signed, within

VERDICTS = {
    "contradiction": "the records cannot all be true",
    "conflict": "two records state different things of one subject",
    "breach": "a declared norm was not kept",
    "missing": "the records cover it, and it is not there",
    "undetermined": "the evidence does not allow an answer",
    "observation": "nothing disagrees; a reader must know of it",
}

WITNESSES = {
    "none": "one source speaks of it; nothing else bears it out",
    "self": "several sources speak of it, of one domain or of such as are not known to be apart",
    "account": "sources of different accounts of one organisation speak of it",
    "organisation": "sources of different organisations speak of it",
}

Letters = Mapping[str, str]
_Data = Mapping[str, Any]


def _reads(at: Sequence[str], d: _Data) -> str:
    time = d["earliest"] if d["earliest"] == d["latest"] else f"{d['earliest']} to {d['latest']}"
    if d["latest"] and d["latest"] == d["earliest"].replace("Z", ".999999Z"):
        time = f"{d['earliest']} (to the second)"
    how = {
        "asserted": "a time that the writer supplied as data",
        "stamped": "a time that the medium wrote as it stored the record",
    }[d["basis"]]
    but = "But " * bool(d.get("but"))
    return f"{but}{at[0]} reads {time} on clock {d['clock']}: {how}."


def _later(at: Sequence[str], d: _Data) -> str:
    return f"So {at[1]} reads {show_span(d['seconds'])} later than {at[0]}."


def _bounded(_: Sequence[str], d: _Data) -> str:
    return (
        f"On {d['agreeing']} of {d['pairs']} other records that both clocks read, {d['second']} is "
        f"{show_span(d['low'])} to {show_span(d['high'])} ahead of {d['first']}."
    )


def _states(at: Sequence[str], d: _Data) -> str:
    seen = f" (snapshot of {d['seen']})" if d.get("seen") else ""
    return f"{at[0]} states that {d['attribute']} is {d['value']}{seen}."


def _no_commit(_: Sequence[str], d: _Data) -> str:
    whole = "is at hand whole" if d["whole"] == "yes" else f"is not at hand whole ({d['whole']})"
    return f"No commit of {d['repositories']} has the id {d['commit']}; its history {whole}."


def _replaced(at: Sequence[str], d: _Data) -> str:
    if d["act"].startswith("went on"):
        return f"By {at[0]} the cluster {d['act']}: what was written after that state is lost."
    return f"{at[0]} {d['act']}: rows that stand in {d['table']} since were written by it or later."


def _dated(at: Sequence[str], d: _Data) -> str:
    time = d["earliest"] if d["earliest"] == d["latest"] else f"{d['earliest']} to {d['latest']}"
    row, xid, by = at[0], d["xid"], f" {at[1]}" if len(at) > 1 else ""
    if d["basis"] == "commit record":
        return (
            f"{row} names transaction {xid}, which committed on {time} on clock {d['clock']}, by "
            f"its COMMIT record{by} in the log."
        )
    if d["basis"] in {"checkpoints", "captures"}:
        by = f" (as{by} shows)" if by else ""
        return (
            f"{row} names transaction {xid}, which by the {d['basis']} before and after it "
            f"committed within {time}{by}."
        )
    return (
        f"{row} names transaction {xid}, which is estimated to have committed within {time}, from "
        f"{d['basis']}: that is likely, and no proof."
    )


def _let(at: Sequence[str], d: _Data) -> str:
    said = [f"{one} be {one_line(what, 300)}" for one, what in zip(at, d["what"], strict=True)]
    return f"Let {', '.join(said[:-1])}, and {said[-1]}."


def _rewritten(at: Sequence[str], d: _Data) -> str:
    what = "ends before" if d["cut"] else "has other bytes from"
    on = "" if d["cut"] else " on"
    return (
        f"{at[0]}: the log as it was acquired by {d['until']} {what} {d['place']} of the log as it "
        f"was acquired at {d['since']}{on}."
    )


def _before(at: Sequence[str], d: _Data) -> str:
    why = (
        f"{at[1]}'s bytes contain {at[0]}'s digest, {d['because'].removeprefix('contains ')}"
        if d["law"] == "digest"
        else f"the medium has them in that order: {d['because']}"
        if d["law"] == "order"
        else f"of the law {d['law']}: {d['because']}"
    )
    where = f" ({d['citation']})" if d.get("citation") else ""
    return f"Then {at[0]} came before {at[1]}, because {why}{where}."


def _apart(d: _Data) -> str:
    low, high = d["low"], d["high"]
    if low is None or high is None:
        side = "at most" if low is None else "at least"
        bound = high if low is None else low
        return f"{d['other']} reads {side} {_signed(bound)} from {d['one']}"
    bounds = within(round(low * 1_000_000), round(high * 1_000_000))
    if low < 0 < high:
        return f"{d['one']} and {d['other']} agree within {bounds}"
    return f"{d['other']} reads {bounds} from {d['one']}"


def _signed(seconds: float) -> str:
    return signed(round(seconds * 1_000_000))


def _by(d: _Data) -> str:
    grounds = ", ".join(
        f"{one['pairs']} by "
        + {"law": "the law {}", "declared": "{}, declared", "proposed": "{}, assumed"}[
            one["basis"]
        ].format(one_line(one["name"], 160))
        for one in d["rests"]
    )
    pairs = f"{d['agreeing']} of {d['pairs']} pairs" if d["pairs"] else "pairs with other clocks"
    aside = f"; {len(d['dissent'])} that they exclude left out" if d["dissent"] else ""
    times = f" from {d['since']} to {d['until']}" if d["since"] != d["until"] else ""
    return f"by {pairs} of records{times}{f' ({grounds})' * bool(grounds)}{aside}"


def _denies(at: Sequence[str], d: _Data) -> str:
    apart, excess = d["apart"], show_span(d["excess"])
    if apart > 0:
        later = f"{at[0]} reads {show_span(apart)} later than {at[1]}"
    else:
        later = f"{at[0]} reads {show_span(-apart)} earlier than {at[1]}"
    if not d["measured"]:
        return f"So {later}, and both can be true only if the clocks were that far apart."
    both = "they cannot both be true" if d["firm"] else "both can be true only if a clock was set"
    if d["one_clock"]:
        return f"So {later}, by one clock: {both}."
    if apart > 0:
        return f"So {later}, {excess} more than the clocks can be apart: {both}."
    return f"So {later}, and {excess} later with the clocks' offset taken off: {both}."


def _restores(at: Sequence[str], d: _Data) -> str:
    if not at:
        return "No one of these, dropped alone, restores consistency: other records deny it too."
    dropped = [f"{one}'s time is not as recorded" for one in at]
    if d["bound"]:
        dropped.append("the clocks were farther apart just then")
    listed = f"{', '.join(dropped[:-1])}, or {dropped[-1]}" if len(dropped) > 1 else dropped[0]
    which = "any one of these alone" if len(dropped) > 1 else "this alone"
    return f"To restore consistency, {which} is enough: {listed}."


SENTENCES: dict[str, Callable[[Sequence[str], _Data], str]] = {
    "reads": _reads,
    "later": _later,
    "bounded": _bounded,
    "states": _states,
    "let": _let,
    "before": _before,
    "bounded-by": lambda _, d: f"And {_apart(d)}, {_by(d)}.",
    "offset": lambda _, d: f"{_apart(d)}, {_by(d)}.",
    "unbounded": lambda _, d: f"And no other record bounds {d['other']} against {d['one']}.",
    "one-clock": lambda _, d: f"Both are read on one clock, {d['clock']}.",
    "denies": _denies,
    "restores": _restores,
    "one-way": lambda at, d: (
        f"By the law {d['law']} {at[0]} came before {at[1]}, and reads {show_span(d['seconds'])} "
        "later."
    ),
    "between-them": lambda at, d: (
        f"{at[0]} came before {at[1]} in the order of their medium, with {d['count']} between them."
    ),
    "stepped": lambda _, d: (
        f"So between {d['after']} and {d['before']} "
        + (f"the clock {d['clock']}" if d["clock"] else f"{d['second']} or {d['first']}")
        + f" was set by {within(round(d['low'] * 1e6), round(d['high'] * 1e6))}"
        + (f", as {d['others']} more clocks show." if d["others"] else ".")
    ),
    "no-commit": _no_commit,
    "dated": _dated,
    "seen": lambda at, d: (
        f"{at[0]} stood in its source when the snapshot {at[1]} was taken, {d['seen']}."
    ),
    "same-record": lambda at, _: f"{at[0]} and {at[1]} are two readings of one record.",
    "one-transaction": lambda at, d: (
        f"{at[0]} and {at[1]} were made in one transaction, {d['xid']}: both records name it."
    ),
    "replaced": _replaced,
    "in-log": lambda at, d: (
        f"In the write-ahead log, whose order needs no clock, {at[0]} stands between a commit that "
        f"reads {d['previous']} and one that reads {d['next']}."
    ),
    "same-values": lambda at, d: f"{at[0]} and {at[1]} give the same values for {d['attributes']}.",
    "differs": lambda at, d: (
        f"{at[0]} gives {d['attribute']} as {d['was']}; {at[1]} gives it as {d['now']}."
    ),
    "absent": lambda at, d: (
        f"{at[0]}, a complete snapshot of {d['table']} ({d['seen']}), holds no {d['subject']}."
    ),
    "forked": lambda at, d: (
        f"{at[0]}: timeline {d['child']} goes on from LSN {d['lsn']} of timeline {d['parent']}"
        + (f" ({d['reason']})" if d["reason"] else "")
        + "; what stands there at or above it on the old one is not in it."
    ),
    "left-behind": lambda at, d: (
        f"{at[1]} is the COMMIT of a transaction that wrote {d['table']}, at or above the LSN at "
        f"which {at[0]} switched."
    ),
    "released": lambda at, d: f"{at[0]} is the release, {d['released']}.",
    "restored": lambda at, d: f"{at[0]} shows a restore, {d['when']}: later than {at[1]}.",
    "between": lambda at, _: f"{at[1]} falls between {at[0]} and {at[2]}.",
    "deleted": lambda at, d: f"{at[0]} records a delete by {d['actor']}.",
    "expired": lambda at, _: f"{at[0]} is S3's own record that a lifecycle rule expired it.",
    "due": lambda at, d: f"{at[0]}: by then it was due to be removed, by {d['why']}.",
    "bulk": lambda at, d: (
        f"{at[0]} and {at[1]} are the first and the last of {d['count']} delete markers, "
        f"{d['span']}."
    ),
    "by-rule": lambda at, d: (
        f"{d['count']} of the markers were put, or due, by the bucket's own lifecycle, as {at[0]} "
        "is."
    ),
    "locked-under": lambda at, d: (
        f"Under {d['count']} of the markers there is a locked version, as {at[0]} says."
    ),
    "rewritten": _rewritten,
    "stood-at": lambda at, d: (
        f"{at[0]} {'stands' if d['now'] else 'stood'} at {d['place']}"
        + (" now." if d["now"] else " then.")
    ),
    "numbers-missing": lambda at, d: (
        f"The log counts its records by {d['by']}; before {at[0]} those of the numbers "
        f"{d['numbers']} are not there"
        + (f", and so in {d['stretches'] - 1} more places." if d["stretches"] > 1 else ".")
    ),
    "log-missing": lambda at, d: (
        f"{at[0]} is the last commit before and {at[1]} the first one after a stretch that is not "
        f"there, {d['span']}."
    ),
    "digest-says": lambda at, d: f"{at[0]}: of {d['what']}, {d['why']}.",
    "logging-stopped": lambda at, d: f"{at[0]} records that {d['actor']} stopped logging.",
    "came": lambda at, d: f"By {at[0]} the row that {at[1]} gives was {d['how']}.",
    "no-row": lambda at, d: (
        f"No copy of {d['table']} holds a row of {d['key']}, which {at[0]} tells of; "
        + (
            "one of them is whole and from after it."
            if d["whole"]
            else "none is known to be whole and from after it."
        )
    ),
    "no-deploy": lambda at, d: (
        f"{at[0]} is a row of {d['key']}; of the logs of deploys ({d['logs']}) none has that."
    ),
    "not-listed": lambda at, d: (
        f"{at[0]} and all that is known of it ({d['read']}) do not hold {d['digest']}."
    ),
    "self-said": lambda at, d: (
        f"{at[0]} says {d['attribute']}; of {d['subjects']} subjects {d['alone']} have it from "
        f"{d['sources']} alone, of {d['domain']}."
    ),
    "gate-passes": lambda at, _: f"{at[0]} is not newer than {at[1]}: a gate on times passes.",
    "and-more": lambda _, d: f"The same holds of {d['count']} more.",
    "norm": lambda _, d: f"The case declares a norm, {d['rule']}: {d['promises']}.",
    "same-fact": lambda at, d: (
        f"{at[0]} and {at[1]} both speak of the {d['attribute']} of {d['subject']}."
    ),
    "domains": lambda at, d: f"The sources of {at[0]} and {at[1]} {d['how']}.",
    "one-backup": lambda at, d: f"{at[0]} is of a cluster that holds {d['tables']} as well.",
    "lacking": lambda at, d: (
        f"From before {at[0]} the evidence holds no {d['what']}"
        + ("; the case declares that it holds all of them." if d["complete"] == "yes" else ".")
    ),
    "unreachable": lambda at, d: f"{at[0]} is in {d['repository']}, and no ref reaches it.",
    "not-forward": lambda at, d: (
        f"{at[0]} moved {d['ref']} from a commit that has {at[1]} among its ancestors to one that "
        "has not."
    ),
    "deleted-branch": lambda at, d: (
        f"{at[0]} shows that {d['ref']} is no more, which had been at {d['name']}."
    ),
    "twin": lambda at, d: (
        f"{at[1]} has the author, the committer, both dates and the title of {at[0]}, with "
        f"{d['files']}, and another name; so it is with {d['count']}."
    ),
    "points": lambda at, d: f"{at[0]} shows {d['ref']} at {d['name']}.",
    "moved-tag": lambda at, d: (
        f"{at[0]} shows that {d['ref']} is at {d['new']}, which had been at {d['old']}."
    ),
    "more-tags": lambda at, d: (
        f"Besides {at[0]} there are records of {d['count']} more tags that came to {d['name']}."
    ),
    "signature": lambda at, d: (
        f"{at[0]} is a signature ({d['format']}) of the key {d['key']}: {d['because']}"
        + (f", as it is with {d['count'] - 1} more." if d["count"] > 1 else ".")
    ),
    "file-of": lambda at, d: (
        f"{at[0]} is {d['path']}, the first by name of {d['count']} of the sort: files {d['what']}."
    ),
    "made-of": lambda at, d: (
        f"{at[0]} says that it was made of commit {d['made']}; {at[1]} is at {d['commit']}."
    ),
    "unread": lambda at, _: f"{at[0]} could not be read to its end.",
    "apart": lambda at, d: (
        f"{at[0]} and {at[1]} are two clones of one repository; the first shows {d['ref']} with "
        f"{at[2]} among its commits, and the second without it."
    ),
}


def letters(finding: Finding) -> dict[str, str]:
    """A letter for each role, in the order of the finding's events: A to Z, then A1 and on."""
    return {
        role.role: chr(ord("A") + i % 26) + (str(i // 26) if i >= 26 else "")  # noqa: PLR2004
        for i, role in enumerate(finding.events)
    }


def sentence(step: Step, names: Letters) -> str:
    """One step in words, cleaned."""
    clean = {
        key: one_line(value, 300) if isinstance(value, str) else value
        for key, value in step.data.items()
    }
    return SENTENCES[step.step]([names[role] for role in step.events], clean)


def introductions(finding: Finding, events: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Each event of the finding as a line: letter, source, role, time, and where to look."""
    names = letters(finding)
    out = []
    for role in finding.events:
        event = events[role.event]
        time = show_interval(event["earliest"], event["latest"])
        says = event["kind"] if event["attribute"] is None else f"{event['attribute']} of"
        out.append(
            f"{names[role.role]} ({one_line(role.role)}): {one_line(event['source'])} records "
            f"{one_line(says)} {one_line(event['subject'])}, {time}, at {one_line(role.event)}"
        )
    return out


def argument(finding: Finding) -> list[str]:
    """The steps in words, in order."""
    names = letters(finding)
    return [sentence(step, names) for step in finding.steps]


def statement(finding: Finding) -> str:
    """The finding's statement, cleaned, with a full stop."""
    return one_line(finding.statement, 2000).rstrip(".") + "."
