"""What changes say, letter by letter, held against Python's own JSON and strings."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from collectors.postgres.heap import replay
from collectors.postgres.heap.render import NULL, ODD, Raw
from collectors.postgres.heap.wording import cited, in_words, joined, named

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=140)
VALUES = st.none() | TEXTS | st.just(ODD)
NUMBERS = st.integers(0, 2**32 - 1)
PLACES = st.none() | st.tuples(NUMBERS, st.integers(1, 291))


@dataclass(frozen=True)
class Told:
    """A change: where, what is known of it, and of each column what it was and is."""

    ended: tuple[int, int] | None
    made: tuple[int, int] | None
    new: bool
    lost: bool
    values: list[tuple[str | int | None, str | int | None]]

    @property
    def known(self) -> bool:
        return bool(self.ended and self.made and self.new and not self.lost)

    def words(self, names: list[str]) -> str | None:
        """None: left out."""
        ended, made = ("({},{})".format(*one) if one else "" for one in (self.ended, self.made))
        no_new = "" if self.new else "; new row not in the archive"
        no_old = "; old row not in the archive" if self.lost else ""
        if not ended:
            return made + ("" if self.new else "; the row is not in the archive")
        if not made:
            return ended + no_old
        if not self.known:
            return f"{ended} to {made}{no_new}{no_old}"
        if any(ODD in pair for pair in self.values):
            return None
        pairs = zip(names, self.values, strict=True)
        said = [f"{name} {quoted(a)} to {quoted(b)}" for name, (a, b) in pairs if a != b]
        return f"{ended} to {made}: {', '.join(said) or 'no value changed'}"[:2000]


def quoted(value: str | int | None) -> str:
    if value is None:
        return "null"
    text = str(value)
    short = text if len(text) <= 120 else text[:120] + "…"
    return json.dumps(short, ensure_ascii=False)


def raw(values: list[str | int | None]) -> Raw:
    out, at, size = bytearray(), [], []
    for one in values:
        at.append(len(out))
        data = one.encode() if isinstance(one, str) else b""
        size.append(len(data) if isinstance(one, str) else NULL if one is None else ODD)
        out += data + b"\0"
    return Raw(
        np.frombuffer(bytes(out), np.uint8), np.array(at, np.int64), np.array(size, np.int64)
    )


def told(columns: int) -> st.SearchStrategy[Told]:
    pairs = st.tuples(VALUES, VALUES) | TEXTS.map(lambda one: (one, one))
    values = st.lists(pairs, min_size=columns, max_size=columns)
    return st.builds(Told, PLACES, PLACES, st.booleans(), st.booleans(), values)


LONG = Told((1, 2), (3, 4), True, False, [('é"\\\x1f' * 40, "\n\t\x7f" * 50)] * 25)
SAME = Told((0, 1), (2**32 - 1, 291), True, False, [("a", "a"), (None, None)])


@given(st.integers(0, 3).flatmap(lambda count: st.lists(told(count), min_size=1, max_size=8)))
@example([LONG])
@example([SAME])
@settings(deadline=None, max_examples=150)
def test_what_changes_say(changes: list[Told]):
    names = [f"naïve {number}" for number in range(len(changes[0].values))]
    updates = [one for one in changes if one.known]
    table = np.full((len(changes), replay.WIDTH), replay.NOTHING, np.int64)
    for row, one in zip(table, changes, strict=True):
        if one.ended:
            row[replay.ENDED_BLOCK], row[replay.ENDED_LINE] = one.ended
        if one.made:
            row[replay.MADE_BLOCK], row[replay.MADE_LINE] = one.made
        row[replay.NEW] = 0 if one.new else replay.NOTHING
    place = np.array([updates.index(one) if one.known else -1 for one in changes], np.int64)
    columns = range(len(names))
    after = joined([raw([one.values[at][1] for one in changes]) for at in columns])
    before = joined([raw([one.values[at][0] for one in updates]) for at in columns])
    differs = np.zeros((len(names), len(updates)), np.bool_)
    for at in columns:
        for index, one in enumerate(updates):
            was, now = one.values[at]
            differs[at, index] = was != now or was == ODD
    lost = np.array([one.lost for one in changes])
    said, odd = in_words(table, lost, place, names, (after, before, differs))
    due = [one.words(names) for one in changes]
    assert odd.tolist() == [row for row, one in enumerate(due) if one is None]
    assert said.to_list() == ["" if one is None else one for one in due]


@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 999), st.integers(-1, 1))))
@settings(deadline=None, max_examples=60)
def test_names_of_versions_and_citations(rows: list[tuple[int, int, int]]):
    lsn = np.array([one for one, _, _ in rows], np.uint64)
    number = np.array([one for _, one, _ in rows], np.int64)
    which = np.array([one for _, _, one in rows], np.int64)
    found = named(("version:1/", "ended:1/before/"), which, (lsn, lsn[::-1]), number)
    other = [one for one, _, _ in rows][::-1]
    assert found.to_list() == [
        None if how < 0 else f"version:1/{one:X}.{row}" if how == 0 else f"ended:1/before/{two:X}"
        for (one, row, how), two in zip(rows, other, strict=True)
    ]
    assert cited(lsn, number).to_list() == [
        f"lsn {one >> 32:X}/{one & 0xFFFFFFFF:X}" + (f" row {row + 1}" if row else "")
        for one, row, _ in rows
    ]
