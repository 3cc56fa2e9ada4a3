"""Lines of JSON to columns of text, with each line's number and byte offset.

Three readers give the same columns. Lines of one shape are taken apart by a pattern made of one of
them (:mod:`collectors.shapes`). The next decodes whole columns, and gets only lines that a strict
expression has shown to be one JSON object each, in which every number is printed back as it was
written: the whole-column decoder joins lines into one array, so that a line ``{…},{…}`` would
shift all that follow. Everything else is read line by line with Python's ``json``: malformed,
deeply nested, with floats of many digits, with a key that stands twice.

Values become text: strings as they are, numbers as written, ``true`` and ``false``.
JSON by RFC 8259; bytes that are no UTF-8 are not read as anything else (section 8.1 there).
"""

from __future__ import annotations

import re
import sys
from codecs import BOM_UTF8
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from collectors.exactjson import decode_line
from collectors.reading import bare_columns, could_hold, digests
from collectors.shapes import Shape, read_shapes
from collectors.stretches import Stretch, stretches

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

CHUNK = 16 << 20
"""Bytes that are read at a time."""
LARGE = 64 << 20
"""Bytes from which on it is worth the second that numba takes."""
MAX_LINE = 1 << 20
"""Bytes of the longest line that is read. Kernel and shell logs stay far below."""

_MORE = 7
"""Bytes behind a stretch, so that eight can be looked at from each of its own on."""
_W = r"[ \t\r]*"
_BLANK = rf"^{_W}$"
_STRING = (
    r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]'
    r'|\\u(?:[0-9a-cefA-CEF][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2}))*"'
)
_KEY = r'"[^"\\\x00-\x1f]*"'
# Numbers whose shortest printing is what stands there: integers of 18 digits, decimals of 16.
_NUMBER = r"(?:0|-?[1-9][0-9]{0,17}|-?[1-9][0-9]{0,9}\.[0-9]{0,5}[1-9]|-?0\.[0-9]{0,2}[1-9])"
_SCALAR = rf"(?:{_STRING}|{_NUMBER}|true|false|null)"


def _object(value: str) -> str:
    return rf"\{{{_W}(?:{_KEY}{_W}:{_W}{value}{_W}(?:,{_W}{_KEY}{_W}:{_W}{value}{_W})*)?\}}"


def _array(value: str) -> str:
    return rf"\[{_W}(?:{value}{_W}(?:,{_W}{value}{_W})*)?\]"


_FLAT = rf"(?:{_SCALAR}|{_object(_SCALAR)}|{_array(_SCALAR)})"
_NESTED = rf"(?:{_SCALAR}|{_object(_FLAT)}|{_array(_FLAT)})"
_PLAIN = rf"^{_W}{_object(_NESTED)}{_W}$"
"""An object three deep, as Kubernetes and forges write them."""

_NONE = pl.lit(None, dtype=pl.String)
_NOT_UTF8 = "expected UTF-8; found other bytes"
_TOO_LONG = f"expected a line of at most {MAX_LINE} bytes; found a longer one"


def check_keys(keys: Sequence[str]) -> None:
    """Keys of which each is a value: ``ts``, ``actor.login``.

    Raises:
        ValueError: one is empty, or is read both as a value and as what holds another.
    """
    for key in keys:
        if not all(key.split(".")):
            raise ValueError(f"expected a key such as `ts` or `actor.login`; found {key!r}")
        if inside := [other for other in keys if other.startswith(f"{key}.")]:
            raise ValueError(f"{key!r} is read as a value, and {inside[0]!r} as within it")


def read(
    path: Path,
    keys: Sequence[str],
    chunk: int = CHUNK,
    *,
    after: tuple[int, int] = (0, 0),
    texts: bool = True,
) -> Iterator[pl.DataFrame]:
    """The records of a file of JSON lines, a frame for each stretch of it.

    As :func:`text_lines`, and one column of text for each of ``keys``, under the key's own name
    behind ``=``; ``problem`` says also why a line is no record, and ``odd`` names keys that stand
    twice, or are no text: such a value is null.

    What :func:`collectors.reading.names` gives for a line is in ``digests``, where ``digested``; or
    ``held`` names the columns, in order and with a carriage return between them, of which each is
    a bare digest of the line or null, and outside of which the line has none. Without ``texts``,
    ``text`` may be null where ``held`` is not.
    """
    known: list[Shape] = []
    # The loop reads numbers as they lie in memory.
    large = sys.byteorder == "little" and path.stat().st_size - after[0] >= LARGE
    number = after[1] + 1
    for one in stretches(path, chunk, after[0], _MORE if large else 0):
        quick = _apart(one, number, keys, known, texts=texts) if large else None
        frame = _decode(_lines(one, number), keys, known) if quick is None else quick
        yield frame
        number += frame.height


def text_lines(
    path: Path, chunk: int = CHUNK, *, after: tuple[int, int] = (0, 0)
) -> Iterator[pl.DataFrame]:
    """The lines of a file, a frame for each stretch of it; ``after``: bytes and lines to leave out.

    Columns: ``line`` (from 1), ``offset`` (bytes), ``text`` (null where it could not be read),
    ``ended`` (whether a line feed follows), ``problem`` (why it cannot be read; else null) and
    ``blank``.
    """
    number = after[1] + 1
    for one in stretches(path, chunk, after[0]):
        yield (frame := _lines(one, number))
        number += frame.height


def _lines(one: Stretch, number: int) -> pl.DataFrame:
    if one.raw is None:
        frame = pl.DataFrame({"text": [None], "problem": [_TOO_LONG], "size": [one.size]})
    else:
        frame = _split(one.raw[: one.last])  # the same bytes where there are no more
        if one.start == 0 and one.raw.startswith(BOM_UTF8):
            # Editors and shells of Windows write one; RFC 8259, section 8.1: may be ignored.
            first = pl.int_range(pl.len()) == 0
            bare = pl.col("text").str.strip_prefix("\ufeff")
            frame = frame.with_columns(text=pl.when(first).then(bare).otherwise("text"))
    return _placed(frame, one.start, number, ended=one.ended)


def _apart(
    one: Stretch, number: int, keys: Sequence[str], known: list[Shape], *, texts: bool
) -> pl.DataFrame | None:
    """The same as of :func:`_decode`, without a look at what has a shape; None where it cannot."""
    from collectors import apart

    if one.raw is None or (one.start == 0 and one.raw.startswith(BOM_UTF8)):
        return None
    if not one.raw.isascii():
        try:
            one.raw[: one.last].decode()
        except UnicodeDecodeError:
            return None
    rows = one.raw.count(b"\n", 0, one.last) + 1
    lines = apart.Lines.of(one.raw, one.last, rows)
    found, left = apart.read(lines, keys, known)
    if not found or (lines.ends - lines.starts).max() > MAX_LINE:
        return None
    shaped = _shaped(found, keys)
    whole = len(left) == 0 and shaped["at"].is_sorted()
    # Where other columns hold every digest of a line nobody looks for any in its text.
    text = None if "held" in shaped.columns and whole and not texts else lines.text(slice(None))
    placed = pl.DataFrame(
        {
            "line": pl.int_range(number, number + rows, dtype=pl.UInt64, eager=True),
            "offset": pl.Series((lines.starts + one.start).view(np.uint64)),
            "text": pl.repeat(None, rows, dtype=pl.String, eager=True) if text is None else text,
        }
    ).with_columns(
        ended=(pl.int_range(rows) < rows - 1) | pl.lit(one.ended),
        problem=_NONE,
        blank=pl.lit(False),
    )
    part = placed if whole else placed[shaped["at"]]
    part = part.hstack(shaped.drop("at").get_columns())
    if whole:
        return part
    others = placed[left]
    blank = others["text"].str.contains(_BLANK).alias("blank")
    others = others.with_columns(blank)
    parts = [part, others.filter(blank)]
    if not blank.all():
        parts.append(_others(others.filter(~blank), keys))
    return pl.concat([p for p in parts if p.height], how="diagonal").sort("line")


def _split(data: bytes) -> pl.DataFrame:
    """Lines of bytes without the last line feed: ``text``, ``problem``, ``size`` with it."""
    if (quick := _quickly(data)) is not None:
        return quick
    try:
        text = pl.Series("text", [data.decode("utf-8")]).str.split("\n").explode()
        return pl.DataFrame({"text": text}).select(
            text=pl.when(pl.col("text").str.len_bytes() <= MAX_LINE).then("text"),
            problem=pl.when(pl.col("text").str.len_bytes() > MAX_LINE).then(pl.lit(_TOO_LONG)),
            size=pl.col("text").str.len_bytes().cast(pl.Int64) + 1,
        )
    except UnicodeDecodeError:
        pass
    # Line by line, as only Python says which lines of a block are not UTF-8.
    texts: list[str | None] = []
    problems: list[str | None] = []
    lines = data.split(b"\n")
    for line in lines:
        text_, problem = None, None
        if len(line) > MAX_LINE:
            problem = _TOO_LONG
        else:
            try:
                text_ = line.decode("utf-8")
            except UnicodeDecodeError as error:
                problem = f"{_NOT_UTF8} at byte {error.start + 1} of the line"
        texts.append(text_)
        problems.append(problem)
    return pl.DataFrame(
        {"text": texts, "problem": problems, "size": [len(line) + 1 for line in lines]},
        schema={"text": pl.String, "problem": pl.String, "size": pl.Int64},
    )


def _quickly(data: bytes) -> pl.DataFrame | None:
    """The same by polars' own reader of lines, where it gives every byte back."""
    if b"\r" in data:
        return None
    try:
        text = pl.read_lines(BytesIO(data)).to_series().rename("text")
    except pl.exceptions.PolarsError:
        return None
    size = text.str.len_bytes().cast(pl.Int64) + 1
    if text.is_empty() or text.null_count() or size.sum() != len(data) + 1:
        return None
    frame = pl.DataFrame({"text": text, "size": size})
    return frame.select(
        text=pl.when(pl.col("size") <= MAX_LINE + 1).then("text"),
        problem=pl.when(pl.col("size") > MAX_LINE + 1).then(pl.lit(_TOO_LONG)),
        size="size",
    )


def _placed(frame: pl.DataFrame, start: int, number: int, *, ended: bool) -> pl.DataFrame:
    """With line number, byte offset and whether a line feed ends it."""
    rows = frame.height
    return frame.select(
        line=pl.int_range(number, number + rows, dtype=pl.UInt64),
        offset=(pl.col("size").cum_sum() - pl.col("size") + start).cast(pl.UInt64),
        text=pl.col("text").cast(pl.String),
        ended=(pl.int_range(rows) < rows - 1) | pl.lit(ended),
        problem=pl.col("problem").cast(pl.String),
        # Stripping would copy every line.
        blank=pl.col("text").cast(pl.String).str.contains(_BLANK).fill_null(False),
    )


def _decode(
    frame: pl.DataFrame, keys: Sequence[str], known: list[Shape] | None = None
) -> pl.DataFrame:
    """Add the keys' columns: by shape, by whole columns where that is safe, or exactly."""
    todo = pl.col("text").is_not_null() & ~pl.col("blank")
    whole = frame.select(todo.all()).item()
    lines = frame if whole else frame.filter(todo)
    found, left = read_shapes(lines["text"], keys, [] if known is None else known)
    parts = []
    if found:
        bare = [
            bare_columns([frame[name] for name in shape.texts]) if shape.whole else None
            for shape, frame in found
        ]
        shaped = _shaped([(*f, b) for f, b in zip(found, bare, strict=True)], keys)
        all_ = left.is_empty() and shaped["at"].is_sorted()
        part = (lines if all_ else lines[shaped["at"]]).hstack(shaped.drop("at").get_columns())
        if all_ and whole:
            return part
        parts.append(part)
    if len(left):
        parts.append(_others(lines[left], keys))
    if not whole:
        parts.append(frame.filter(~todo))
    return pl.concat([p for p in parts if p.height], how="diagonal").sort("line")


def _shaped(
    found: Sequence[tuple[Shape, pl.DataFrame, list[str] | None]], keys: Sequence[str]
) -> pl.DataFrame:
    """Lines of shapes as one frame, with ``at``; see :func:`read` for what holds digests."""
    kept = ["at", *(f"={key}" for key in keys)]
    bare = [one for _, _, one in found]
    names = _one_order([one for one in bare if one is not None])
    if names is not None and all(
        own is not None and not could_hold(frame[n] for n in names if n in frame and n not in own)
        for own, (_, frame, _) in zip(bare, found, strict=True)
    ):
        frames = [
            frame.select(*kept, *(n for n in names if n in frame.columns and n not in kept))
            for _, frame, _ in found
        ]
        shaped = frames[0] if len(frames) == 1 else pl.concat(frames, how="diagonal")
        return shaped.with_columns(odd=_NONE, held=pl.lit("\r".join(names)))
    parts = []
    for shape, frame, _ in found:
        lists, sure = digests([frame[name] for name in shape.texts], frame.height)
        parts.append(frame.select(*kept, odd=_NONE, digests=lists, digested=shape.whole & sure))
    return pl.concat(parts)


def _one_order(lists: Sequence[Sequence[str]]) -> list[str] | None:
    """Every name once, in an order that is that of each list; None where there is none such."""
    names = list(dict.fromkeys(name for one in lists for name in one))
    same = all([name for name in names if name in one] == list(one) for one in lists)
    return names if same else None


def _others(lines: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """Lines that have no shape."""
    lines = lines.with_columns(plain=is_plain(keys))
    plain = lines.filter("plain")
    fast = decode_columns(plain, keys)
    if fast is None:
        lines, plain = lines.with_columns(plain=pl.lit(False)), plain.clear()
        fast = _columns([], keys).clear()
    slow = lines.filter(~pl.col("plain"))
    exact = _columns([decode_line(text, keys) for text in slow["text"]], keys)
    parts = [
        plain.drop("plain").hstack(fast.get_columns()),
        slow.drop("plain", "problem").hstack(exact.get_columns()),
    ]
    return pl.concat([p for p in parts if p.height], how="diagonal")


def is_plain(keys: Sequence[str]) -> pl.Expr:
    """Whether the fast reader gives for this line what the exact one does."""
    text = pl.col("text")
    plain = text.str.contains(_PLAIN)
    names = {part for key in keys for part in key.split(".")}
    for name in sorted(names):
        plain &= text.str.count_matches(f'"{re.escape(name)}"{_W}:') <= 1
    for parent in sorted({key[:at] for key in keys for at in _dots(key)}):
        plain &= ~text.str.contains(f'"{re.escape(parent.split(".")[-1])}"{_W}:{_W}[^{{ \\t\\r]')
    for leaf in sorted({key.split(".")[-1] for key in keys}):
        plain &= ~text.str.contains(f'"{re.escape(leaf)}"{_W}:{_W}[\\[{{]')
    return plain.fill_null(False)


def _dots(key: str) -> list[int]:
    return [at for at, letter in enumerate(key) if letter == "."]


def decode_columns(plain: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame | None:
    """The keys' columns of plain lines; None where the decoder does not agree that they are."""
    tree: dict[str, Any] = {}
    for key in keys:
        node = tree
        *parents, leaf = key.split(".")
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = pl.String
    try:
        rows = plain["text"].str.json_decode(_struct(tree))
    except pl.exceptions.ComputeError:
        return None
    if rows.len() != plain.height:
        return None
    columns = []
    for key in keys:
        first, *rest = key.split(".")
        value = pl.col("row").struct.field(first)
        for part in rest:
            value = value.struct.field(part)
        columns.append(value.alias("=" + key))
    return pl.DataFrame({"row": rows}).select(*columns, pl.lit(None, dtype=pl.String).alias("odd"))


def _struct(tree: dict[str, Any]) -> pl.Struct:
    return pl.Struct({k: _struct(v) if isinstance(v, dict) else v for k, v in tree.items()})


def _columns(rows: list[dict[str, str | None]], keys: Sequence[str]) -> pl.DataFrame:
    names = [*("=" + key for key in keys), "odd", "problem"]
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String()))
