"""The self-audit on one page of a terminal."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.text import Text

from recon.audit import goes
from recon.instants import say_interval
from recon.show import plain_table
from recon.show_witnesses import copies
from recon.text import one_line
from recon.witnesses import CLASSES

if TYPE_CHECKING:
    from rich.console import Console

    from recon.audit import Audit, Concern
    from recon.audit.lockin import LockIn

_MOST = 8
"""Lines of a part; JSON has all."""
_STATUS = {
    "kept": "green",
    "broken": "bold red",
    "undetermined": "bold yellow",
    "vacuous": "bold yellow",
    "not run": "dim",
}
_MEANS = {
    "object-lock": "lock",
    "token": "token",
    "digest": "digest",
    "copy": "copy",
    "case": "this case",
}


def page(out: Console, found: Audit) -> None:
    """All parts, what is new last: it stands above the prompt."""
    out.print(Text(f"Self-audit of {found.case} as of {say_interval(found.at, found.at)}", "bold"))
    out.print()
    _vanishing(out, found)
    _witnesses(out, found)
    _lock_in(out, found)
    _judged(out, found)
    _covered(out, found)
    _news(out, found)


def _lines(out: Console, lines: Sequence[str | Text], what: str) -> None:
    for line in lines[:_MOST]:
        out.print(Padding(line, (0, 0, 0, 2)))
    if len(lines) > _MOST:
        note = f"{_MOST} of {len(lines)} {what} shown; --format json has all."
        out.print(Padding(Text(note, "dim"), (0, 0, 0, 2)))


def _vanishing(out: Console, found: Audit) -> None:
    days = round(found.horizon.total_seconds() / 86_400)
    out.print(Text(f"What vanishes within {days} days", "bold"))
    style = {"gone": "dim", "going": "bold yellow"}
    soon = [one for one in found.vanishing if one.state != "later"]
    soon.sort(key=lambda one: one.state == "gone")
    lines = [
        Text(goes(one, found.at), style[one.state]).append(
            f"; {one_line(one.because, 80)}", "not bold dim"
        )
        for one in soon
    ]
    _lines(out, lines or ["nothing that is known of"], "lines")
    later = [one for one in found.vanishing if one.state == "later"]
    if later:
        text = f"later: {goes(later[0], found.at)}" + f", and {len(later) - 1} more" * (
            len(later) > 1
        )
        out.print(Padding(Text(text, "dim"), (0, 0, 0, 2)))
    silent = _silent(found)
    if silent:
        text = f"for how long {', '.join(silent)} keep what they hold is not declared"
        out.print(Padding(Text(text, "dim"), (0, 0, 0, 2)))
    out.print()


def _silent(found: Audit) -> list[str]:
    """Sources of which nothing says when anything goes."""
    known = {one.source for one in found.vanishing}
    return [one_line(one, 40) for one in found.witnesses.levels if one not in known]


def _witnesses(out: Console, found: Audit) -> None:
    seen = found.witnesses
    alone = sum(one.facts for one in seen.alone)
    out.print(Text("Witnesses", "bold"))
    counts = ", ".join(f"{name} {seen.facts(name)}" for name in CLASSES)
    lines: list[str | Text] = [
        Text(f"{alone} of {seen.facts()} facts are witnessed only by themselves").append(
            f" ({counts})", "dim"
        )
    ]
    by_source: dict[str, list[str]] = {}
    for one in seen.alone:
        who = ", ".join(one_line(name, 30) for name in one.sources)
        by_source.setdefault(who, []).append(f"{one_line(one.attribute, 30)} {one.facts}")
    lines += [f"{who} alone: {', '.join(what)}" for who, what in by_source.items()]
    _lines(out, lines, "lines")
    systems = [one.name for one in seen.systems if one.witness in {"none", "self"}]
    if systems:
        text = f"tell of themselves alone: {', '.join(one_line(name, 40) for name in systems)}"
        out.print(Padding(text, (0, 0, 0, 2)))
    for line in copies(seen, 1):
        out.print(Padding(line, (0, 0, 0, 2)))
    out.print()


def _lock_in(out: Console, found: Audit) -> None:
    out.print(Text("Lock-in: when records left the control of their writer", "bold"))
    table = plain_table(
        "source", "records", "left it", "by", "within", "not known", "who can write"
    )
    for place in (1, 2, 5):
        table.columns[place].justify = "right"
    for one in found.lock_in:
        left = one.records - one.alterable
        by = ", ".join(f"{_MEANS[name]} {count}" for name, count in one.out.items())
        table.add_row(
            one_line(one.source, 30),
            str(one.records),
            str(left),
            by or "–",
            _lag(one),
            Text(str(one.alterable), "bold yellow" if one.alterable else "green"),
            _some(one.writers, 3) or f"not declared for {one_line(one.domain, 30)}",
        )
    out.print(Padding(table, (0, 0, 0, 2)))
    note = "by a lock, a token, or what a source that its writers cannot write holds"
    out.print(Padding(Text(note, "dim"), (0, 0, 0, 2)))
    for one in found.lock_in:
        if one.locks:
            words = ", ".join(f"{name} {count}" for name, count in one.locks.items())
            text = f"locks on versions in {one_line(one.source, 40)}, as last read: {words}"
            out.print(Padding(Text(text, "dim"), (0, 0, 0, 2)))
    out.print()


def _lag(one: LockIn) -> str:
    if one.half is None or one.most is None:
        return "unknown"
    half, most = _short(one.half), _short(one.most)
    return half if half == most else f"{most}, half in {half}"


def _short(seconds: float) -> str:
    """A length of time by its largest unit, rounded up; JSON has the seconds."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{math.ceil(seconds / size)} {unit}"
    return f"{math.ceil(seconds)} s"


def _some(names: Iterable[str], most: int) -> str:
    every = [one_line(name, 40) for name in names]
    return ", ".join(every[:most]) + f" and {len(every) - most} more" * (len(every) > most)


def _judged(out: Console, found: Audit) -> None:
    out.print(Text("Norms and checks", "bold"))
    order = list(_STATUS)
    rows = sorted(found.judged, key=lambda one: (one.what == "rule", -order.index(one.status)))
    lines = [
        Text(f"{one.status:<13}", _STATUS[one.status])
        .append(f"{one.what} {one_line(one.name, 60)}: ", "not bold default")
        .append(one_line(one.because, 200), "not bold dim")
        for one in rows
    ]
    _lines(out, lines or ["the case declares none"], "lines")
    counts = Counter(one.verdict for one in found.findings)
    said = ", ".join(f"{verdict} {count}" for verdict, count in counts.items())
    out.print(Padding(f"findings about all subjects: {said or 'none'}", (0, 0, 0, 2)))
    out.print()


def _covered(out: Console, found: Audit) -> None:
    out.print(Text("Where silence would mean something", "bold"))
    by_source: dict[str, list[str]] = {one: [] for one in found.witnesses.levels}
    for row in found.coverage:
        ends = [str(row[end])[:10] if row[end] else "open" for end in ("earliest", "latest")]
        when = ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"
        single = row["kind"] == "claim" and row["stretches"] > 1
        parts = f", at {row['stretches']} moments" if single else ""
        by_source.setdefault(row["source"], []).append(f"{one_line(row['kind'], 30)} {when}{parts}")
    _lines(
        out,
        [
            f"{one_line(source, 40)}: {'; '.join(what) or 'nowhere'}"
            for source, what in by_source.items()
        ],
        "sources",
    )
    out.print()


def _news(out: Console, found: Audit) -> None:
    since = f"since the audit of {one_line(found.against, 40)}" if found.against else "first audit"
    out.print(Text(f"New ({since}): {len(found.new)} of {len(found.concerns)}", "bold"))
    _signed(out, "+", found.new, "bold yellow")
    if found.ended:
        _signed(out, "−", found.ended, "green")
    if not found.new and not found.ended:
        out.print("  nothing")


def _signed(out: Console, sign: str, concerns: Sequence[Concern], style: str) -> None:
    _lines(
        out,
        [Text(f"{sign} ", style).append(one_line(one.text, 150), "default not bold")
         for one in concerns],
        "lines",
    )  # fmt: skip
