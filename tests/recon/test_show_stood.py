"""A database as it stood, in a terminal: its values are evidence, and hostile."""

from __future__ import annotations

import pytest

from recon import show
from recon.rehydrate import Rehydrated, Stood
from recon.show_stood import stood

EVIL = "[red]x[/red]\x1b[31m\x07\n\u202e"


def shown(capsys: pytest.CaptureFixture[str], *columns: str) -> str:
    row = [EVIL] * len(columns)
    answer = Stood(f"t{EVIL}", columns, [row], "0" * 64)
    stood(show.console(), Rehydrated("db", [answer], {"backup": EVIL}, [EVIL]))
    return capsys.readouterr().out


@pytest.mark.parametrize("columns", [1, 9])
def test_nothing_of_the_evidence_reaches_the_terminal_raw(
    columns: int, capsys: pytest.CaptureFixture[str]
):
    """As a table, and row by row where that is too wide."""
    text = shown(capsys, *(f"c{number}{EVIL}" for number in range(columns)))
    assert not set(text) & set("\x1b\x07\u202e")
    assert text.count("‹U+001B›") >= 2 * columns + 3
    assert "‹U+2039›" not in text, "escaped once"


def test_a_name_of_a_column_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]):
    """What markup would take for a style, and the escape of that, are letters like others."""
    text = shown(capsys, "[red]sum[/red]", r"a\[b]")
    assert "[red]sum[/red]" in text
    assert r"a\[b]" in text
    assert r"\[red]" not in text
