"""Lines held against the steps of a shape: the loop, compiled.

It does what the shape's regular expression does (:mod:`collectors.shapes`), byte by byte and
without a second try: behind each value stands a letter that no value goes on with.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from collectors.compiled import FLAG, FLAGS, INT, INT_ROWS, INTS, NUMBER_ROWS, READ, WORDS, compiled

LITERAL, TEXT, NUMBER, WORD = 0, 1, 2, 3
"""Kinds of steps: letters as they are; a text up to its quotes; a number; ``true`` or ``false``."""
SHORTEST, LONGEST, ODD = 0, 1, 2
"""Of a group over all lines: bytes of the shortest and of the longest, and how many are of 40 or
64 bytes and no digest in small letters."""
_WHOLE, _FRACTION, _EXPONENT = 31, 30, 4
"""Digits of a number, as in the expression."""
_SHA1, _SHA256 = 40, 64

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]
"""Eight bytes from each byte on."""
Ints = npt.NDArray[np.int64]


@compiled(INT(READ, INT, INT, INT), part=True)
def digits(data: Bytes, at: int, end: int, most: int) -> int:
    """Where a row of digits ends, which has no more than so many."""
    stop = min(end, at + most)
    while at < stop and 48 <= data[at] <= 57:
        at += 1
    return at


@compiled(INT(READ, INT, INT), part=True)
def number(data: Bytes, at: int, end: int) -> int:
    """Where a number ends; -1 where there is none."""
    if at < end and data[at] == 45:
        at += 1
    if at < end and data[at] == 48:
        at += 1
    else:
        start = at
        at = digits(data, at, end, _WHOLE)
        if at == start:
            return -1
    if at < end and data[at] == 46:
        start = at + 1
        at = digits(data, start, end, _FRACTION)
        if at == start:
            return -1
    if at < end and (data[at] == 69 or data[at] == 101):
        at += 1
        if at < end and (data[at] == 43 or data[at] == 45):
            at += 1
        start = at
        at = digits(data, start, end, _EXPONENT)
        if at == start:
            return -1
    return at


@compiled(INT(READ, INT, INT), part=True)
def word(data: Bytes, at: int, end: int) -> int:
    """Where ``true`` or ``false`` ends; -1 where neither stands."""
    if end - at >= 4 and data[at] == 116:
        whole = data[at + 1] == 114 and data[at + 2] == 117 and data[at + 3] == 101
        return at + 4 if whole else -1
    if end - at >= 5 and data[at] == 102:
        whole = data[at + 1] == 97 and data[at + 2] == 108 and data[at + 3] == 115
        return at + 5 if whole and data[at + 4] == 101 else -1
    return -1


@compiled(FLAG(READ, INT, INT), part=True)
def small_hex(data: Bytes, at: int, end: int) -> bool:
    """Whether all are hexadecimal digits, letters small."""
    good = True
    for place in range(at, end):
        one = data[place]
        good &= (48 <= one <= 57) | (97 <= one <= 102)
    return good


@compiled(INT(READ, WORDS, INT, INT), part=True)
def text_end(data: Bytes, words: Words, at: int, end: int) -> int:
    """The first quote, backslash or control character."""
    # Eight bytes at a time: of each the high bit is set where it is one of these (a subtraction
    # that borrows, as in Mycroft's test for a zero byte; a false one may stand behind a true one).
    while at + 8 <= end:
        eight = words[at]
        quote, slash = eight ^ np.uint64(0x2222222222222222), eight ^ np.uint64(0x5C5C5C5C5C5C5C5C)
        found = (quote - np.uint64(0x0101010101010101)) & ~quote
        found |= (slash - np.uint64(0x0101010101010101)) & ~slash
        found |= (eight - np.uint64(0x2020202020202020)) & ~eight
        if found & np.uint64(0x8080808080808080):
            break
        at += 8
    while at < end and data[at] != 34 and data[at] >= 32 and data[at] != 92:
        at += 1
    return at


@compiled(FLAG(READ, WORDS, INT, READ, WORDS, INT, INT), part=True)
def same(
    data: Bytes, words: Words, at: int, letters: Bytes, eights: Words, first: int, size: int
) -> bool:
    """Whether so many bytes are the same."""
    while size >= 8:
        if words[at] != eights[first]:
            return False
        at, first, size = at + 8, first + 8, size - 8
    for letter in range(size):
        if data[at + letter] != letters[first + letter]:
            return False
    return True


@compiled(INT(READ, WORDS, INT, INT, NUMBER_ROWS, INT), part=True)
def view(data: Bytes, words: Words, start: int, size: int, views: Words, row: int) -> int:
    """Arrow's view of a text; see :mod:`collectors.spans`."""
    low = np.uint64(0xFFFFFFFF)
    eight = words[start]
    if size > 12:
        views[row, 0] = np.uint64(size) | (eight & low) << np.uint64(32)
        views[row, 1] = np.uint64(start) << np.uint64(32)
        return row
    if size < 8:
        eight &= (np.uint64(1) << np.uint64(8 * size)) - np.uint64(1)
    views[row, 0] = np.uint64(size) | (eight & low) << np.uint64(32)
    rest = eight >> np.uint64(32)
    for place in range(8, size):
        rest |= np.uint64(data[start + place]) << np.uint64(8 * (place - 4))
    views[row, 1] = rest
    return row


@compiled(
    INT(READ, WORDS, INT, INTS, INTS, READ, WORDS, INT_ROWS, FLAGS, NUMBER_ROWS, INT_ROWS, INT_ROWS)
)
def taken_apart(  # noqa: C901, PLR0912  (a branch for each kind of step)
    data: Bytes,
    words: Words,
    size: int,
    starts: Ints,
    ends: Ints,
    letters: Bytes,
    eights: Words,
    steps: Ints,
    hits: npt.NDArray[np.bool_],
    views: Words,
    places: Ints,
    facts: Ints,
) -> int:
    """How many lines have the shape.

    ``size``: that of all lines, whose ``starts`` and ``ends`` are then to be found; else 0.
    ``words`` and ``eights`` are the bytes again, eight from each on; behind the last lines and
    letters there are seven more bytes.
    ``steps``: kind, first letter, number of letters, group or -1. ``views`` of the lines that have
    it: as many for each group as there are lines. ``places`` and ``facts``: a row for each group;
    the one to work with, the other to be filled by :data:`SHORTEST` and so on.
    """
    found, following = 0, 0
    for line in range(len(starts)):
        if size > 0:
            starts[line], ends[line] = following, size
        at, end = starts[line], ends[line]
        good = True
        for step in range(len(steps)):
            kind, first, count, group = (
                steps[step, 0], steps[step, 1], steps[step, 2], steps[step, 3],
            )  # fmt: skip
            start = at
            if kind == LITERAL:
                good = end - at >= count
                if good:
                    good = same(data, words, at, letters, eights, first, count)
                    at += count
            elif kind == TEXT:
                at = text_end(data, words, at, end)
            elif kind == NUMBER:
                at = number(data, at, end)
            else:
                at = word(data, at, end)
            good &= at >= 0
            if not good:
                break
            if group >= 0:
                places[group, 0], places[group, 1] = start, at - start
        if good:
            while at < end and (data[at] == 32 or data[at] == 9 or data[at] == 13):
                at += 1
            good = at == end or (size > 0 and data[at] == 10)
        if size > 0:
            if not good:
                at = starts[line]
                while at < end and data[at] != 10:
                    at += 1
            ends[line], following = at, at + 1
        hits[line] = good
        if not good:
            continue
        for group in range(len(places)):
            start, length = places[group, 0], places[group, 1]
            view(data, words, start, length, views, group * len(starts) + found)
            facts[group, SHORTEST] = min(facts[group, SHORTEST], length)
            facts[group, LONGEST] = max(facts[group, LONGEST], length)
            if length == _SHA1 or length == _SHA256:
                facts[group, ODD] += not small_hex(data, start, start + length)
        found += 1
    return found
