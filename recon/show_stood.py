"""For people: a database as it stood, in a terminal."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from recon.show import cell, plain_table
from recon.text import one_line

if TYPE_CHECKING:
    from rich.console import Console

    from recon.rehydrate import Rehydrated, Stood

_GAP = 2
_STAMP = re.compile(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?(\+00:00|Z)$")
_NOT_FOR_PEOPLE = ("guards",)
"""Said in the custody log and in JSON."""


def stood(out: Console, given: Rehydrated) -> None:
    """Tables as they stood, and where that is known from."""
    for answer in given.answers:
        out.print(Text(one_line(answer.name, 200), "bold"))
        _answer(out, answer)
        rows = f"{len(answer.rows)} row" + ("" if len(answer.rows) == 1 else "s")
        out.print(Text(f"{rows}; item {answer.item}", "dim"))
        out.print()
    known = {name: _told(value) for name, value in given.provenance.items()}
    known = {name: text for name, text in known.items() if text and name not in _NOT_FOR_PEOPLE}
    width = max(map(len, known), default=0)
    for name, text in known.items():
        label = name.replace("_", " ")
        out.print(Text.assemble((f"{label:<{width + _GAP}}", "dim"), text), overflow="fold")
    for note in given.notes:
        out.print(f"note: {one_line(note, 2000)}", markup=False)


def _answer(out: Console, answer: Stood) -> None:
    """As a table where it fits, else row by row, so that no value is broken into pieces."""
    columns = [one_line(column, 60) for column in answer.columns]
    rows = [["" if one is None else _short(str(one)) for one in row] for row in answer.rows]
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    if sum(widths) + _GAP * len(widths) <= out.width:
        table = plain_table(*columns)
        for row in rows:
            table.add_row(*row)
        out.print(table)
        return
    label = max(map(len, columns), default=0)
    for row in rows:
        out.print(Text("·", "dim"))
        for name, value in zip(columns, row, strict=True):
            out.print(Text.assemble((f"  {name:<{label + _GAP}}", "dim"), value), overflow="fold")


def _short(text: str) -> str:
    """A value for reading: digests by their first digits, times to the second."""
    found = _STAMP.match(text)
    return f"{found[1]} {found[2]}Z" if found else cell(text, 80)


def _told(value: object) -> str:
    """Provenance in a line: hashes of items by their first digits."""
    many = isinstance(value, Sequence) and not isinstance(value, str)
    text = ", ".join(map(str, value)) if many else str(value)  # type: ignore[call-overload]
    return "" if value is None else cell(text, 400)
