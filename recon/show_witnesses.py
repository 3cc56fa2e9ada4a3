"""On a terminal: who could disagree with whom, and what has no witness but itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.text import Text

from recon.prose import WITNESSES
from recon.show import plain_table
from recon.text import one_line
from recon.witnesses import CLASSES, WEAK

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from recon.witnesses import Witnesses
    from recon.witnesses.domains import Apart

_STYLE = {"none": "bold red", "self": "bold yellow", "account": "cyan", "organisation": "green"}
_WIDEST = 7
"""Sources of a matrix that fits a page; of more, the pairs are listed."""
_MOST = 12
"""Lines of a table; JSON has all."""


def table(out: Console, found: Witnesses) -> None:
    """The sources, the matrix, the facts by class, what is self-recorded, what would help."""
    _sources(out, found)
    out.print()
    _pairs(out, found)
    out.print()
    _facts(out, found)
    out.print()
    _alone(out, found)
    _more(out, found)


def _sources(out: Console, found: Witnesses) -> None:
    out.print(Text("Sources, and who could have written them", "bold"))
    shown = plain_table(
        "source", "domain", "organisation", "account", "cluster", "team", "principals"
    )
    for source, levels in found.levels.items():
        who = found.principals[source].known
        cells = [one_line(value, 40) if value else "?" for value in levels.values()]
        names = ", ".join(one_line(name, 40) for name in list(who)[:4])
        more = f" and {len(who) - 4} more" if len(who) > 4 else ""  # noqa: PLR2004  (as cut)
        shown.add_row(one_line(source, 40), *cells, (names + more) or "?")
    out.print(shown)
    out.print(Text("? is not declared, and does not count as different.", "dim"))


def _pairs(out: Console, found: Witnesses) -> None:
    """A matrix where it fits, else the pairs that speak of most facts."""
    out.print(Text("Who could disagree with whom, and about how many facts", "bold"))
    names = list(found.levels)
    counts = {pair: sum(found.shared(*pair).values()) for pair in found.pairs}
    if len(names) <= _WIDEST:
        out.print(_matrix(found, names, counts))
    else:
        several = sorted(counts, key=lambda one: (-counts[one], one))
        shown = plain_table("", "", "facts", "witness", "attributes")
        for pair in several[:_MOST]:
            attributes = ", ".join(
                f"{one_line(name, 40)} {count}" for name, count in found.shared(*pair).items()
            )
            shown.add_row(*pair, str(counts[pair]), _word(found.pairs[pair]), attributes)
        out.print(shown)
        if len(several) > _MOST:
            out.print(Text(f"{_MOST} of {len(several)} pairs shown; --format json has all.", "dim"))
    for line in _notes(found.pairs):
        out.print(Padding(Text(line, "dim"), (0, 0, 0, 0)))


def _matrix(found: Witnesses, names: list[str], counts: Mapping[tuple[str, str], int]) -> Table:
    shown = plain_table("", *(one_line(name, 14) for name in names[1:]))
    for place, name in enumerate(names[:-1]):
        row: list[Text] = []
        for at, other in enumerate(names[1:], 1):
            pair = (name, other) if name < other else (other, name)
            if at <= place:
                row.append(Text(""))
            elif not counts[pair]:
                row.append(Text("no fact", "dim"))
            else:
                one = found.pairs[pair]
                row.append(Text(f"{counts[pair]} ") + _word(one))
        shown.add_row(Text(one_line(name, 40)), *row)
    return shown


def _word(one: Apart) -> Text:
    return Text(one.witness, _STYLE[one.witness])


def _notes(pairs: Mapping[tuple[str, str], Apart]) -> list[str]:
    """What is not known, and who could write both, each said once for all its pairs."""
    out = []
    sayings = {
        "shared": "could write both, and so makes one witness of",
        "perhaps": "is named on both sides, and may be one principal or two, in",
    }
    for field, words in sayings.items():
        each: dict[str, list[str]] = {}
        for pair, one in pairs.items():
            for name in getattr(one, field):
                each.setdefault(name, []).append(" and ".join(pair))
        for name, those in list(each.items())[:_MOST]:
            out.append(f"{one_line(name, 60)} {words} {_some('; ', those)}.")
    unknown: dict[str, list[str]] = {}
    for pair, one in pairs.items():
        if one.unknown:
            unknown.setdefault(", ".join(one.unknown), []).append("–".join(pair))
    for levels, those in unknown.items():
        out.append(f"Not declared on both sides ({_some(', ', those)}): {levels}.")
    return out


def _some(joint: str, names: list[str], most: int = 4) -> str:
    more = f"{joint}and {len(names) - most} more" if len(names) > most else ""
    return joint.join(one_line(name, 60) for name in names[:most]) + more


def _facts(out: Console, found: Witnesses) -> None:
    out.print(Text("Facts (one attribute of one subject) by their best witness", "bold"))
    shown = plain_table("attribute", "facts", *CLASSES)
    for column in range(1, len(CLASSES) + 2):
        shown.columns[column].justify = "right"
    rows = found.by_attribute
    for name, row in list(rows.items())[:_MOST]:
        shown.add_row(one_line(name, 40), str(sum(row.values())), *(_number(row, c) for c in row))
    total: dict[str, int] = {name: found.facts(name) for name in CLASSES}
    shown.add_row(Text("all", "bold"), str(found.facts()), *(_number(total, c) for c in total))
    out.print(shown)
    if len(rows) > _MOST:
        out.print(Text(f"{_MOST} of {len(rows)} attributes shown; --format json has all.", "dim"))
    for name in CLASSES:
        if total[name]:
            out.print(Text(f"{name}: {WITNESSES[name]}.", "dim"))


def _number(row: Mapping[str, int], name: str) -> Text:
    count = row[name]
    return Text(str(count), _STYLE[name]) if count else Text("–", "dim")


def _alone(out: Console, found: Witnesses) -> None:
    """What nobody outside one domain speaks of."""
    every = found.alone
    facts = sum(one.facts for one in every)
    out.print(
        Text("Self-recorded: nobody outside the domain that recorded it bears it out", "bold")
    )
    out.print(f"{facts} of {found.facts()} facts; of the systems themselves:")
    for one in found.systems:
        if one.witness in WEAK:
            who = " and ".join(one_line(name, 40) for name in one.events)
            out.print(f"  {one_line(one.name, 60)}: what befell it is told by {who} alone")
    shown = plain_table("attribute", "recorded by", "facts", "by their own actor", "such as")
    for place in (2, 3):
        shown.columns[place].justify = "right"
    for row in every[:_MOST]:
        shown.add_row(
            one_line(row.attribute, 40),
            ", ".join(one_line(name, 40) for name in row.sources),
            str(row.facts),
            str(row.own or "–"),
            one_line(row.example, 40),
        )
    out.print(shown)
    if len(every) > _MOST:
        out.print(Text(f"{_MOST} of {len(every)} lines shown; --format json has all.", "dim"))
    out.print(
        Text("By their own actor: a record names as its actor somebody who can write it.", "dim")
    )


def _more(out: Console, found: Witnesses) -> None:
    lines = copies(found)
    if lines:
        out.print()
        out.print(Text("One more source", "bold"))
    for line in lines:
        out.print(line)


def copies(found: Witnesses, most: int = 3) -> list[str]:
    """What one more source, where, would buy most."""
    helpful = [one for one in found.copies if one.after or one.raises][:most]
    if not helpful:
        return []
    homes = sorted({levels["organisation"] or "" for levels in found.levels.values()})
    apart = " or ".join(one_line(name, 40) for name in homes[:3])
    first, *others = helpful
    gives = (
        f"give {first.after} facts a second witness"
        if first.after
        else f"give {first.raises} facts a witness of another organisation"
    )
    return [
        (
            f"One mirror of {one_line(first.source, 40)}, fetched as it is written by another "
            f"organisation than {apart}, would {gives}."
        ),
        *(
            f"After that, one of {one_line(one.source, 40)}: {one.after} more."
            for one in others
            if one.after
        ),
    ]
