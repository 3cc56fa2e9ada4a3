"""Lines of JSON to columns of text, with each line's number and byte offset.

Two readers give the same columns. The fast one decodes whole columns, and gets only lines that a
strict expression has shown to be one JSON object each, in which every number is printed back as it
was written: the whole-column decoder joins lines into one array, so that a line ``{…},{…}`` would
shift all that follow. Everything else is read line by line with Python's ``json``: malformed,
deeply nested, with floats of many digits, with a key that stands twice.

Values become text: strings as they are, numbers as written, ``true`` and ``false``.
JSON by RFC 8259; bytes that are no UTF-8 are not read as anything else (section 8.1 there).
"""

from __future__ import annotations

import json
import mmap
import re
from codecs import BOM_UTF8
from typing import TYPE_CHECKING, Any, NoReturn

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

CHUNK = 32 << 20
"""Bytes that are read at a time."""
MAX_LINE = 1 << 20
"""Bytes of the longest line that is read. Kernel and shell logs stay far below."""

_W = r"[ \t\r]*"
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
    path: Path, keys: Sequence[str], chunk: int = CHUNK, *, after: tuple[int, int] = (0, 0)
) -> Iterator[pl.DataFrame]:
    """The records of a file of JSON lines, a frame for each stretch of it.

    As :func:`text_lines`, and one column of text for each of ``keys``, under the key's own name
    behind ``=``; ``problem`` says also why a line is no record, and ``odd`` names keys that stand
    twice, or are no text: such a value is null.
    """
    for frame in text_lines(path, chunk, after=after):
        yield _decode(frame, keys)


def text_lines(
    path: Path, chunk: int = CHUNK, *, after: tuple[int, int] = (0, 0)
) -> Iterator[pl.DataFrame]:
    """The lines of a file, a frame for each stretch of it; ``after``: bytes and lines to leave out.

    Columns: ``line`` (from 1), ``offset`` (bytes), ``text`` (null where it could not be read),
    ``ended`` (whether a line feed follows), ``problem`` (why it cannot be read; else null) and
    ``blank``.
    """
    if path.stat().st_size <= after[0]:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as bytes_:
        start, number = after[0], after[1] + 1
        while start < len(bytes_):
            cut = bytes_.rfind(b"\n", start, start + chunk) + 1
            if cut == 0:  # one line is longer than a chunk
                cut = bytes_.find(b"\n", start + chunk) + 1 or len(bytes_)
            elif start + chunk >= len(bytes_):
                cut = len(bytes_)
            if cut - start > chunk:
                frame = pl.DataFrame(
                    {"text": [None], "problem": [_TOO_LONG], "size": [cut - start]}
                )
            else:
                frame = _split(bytes_[start:cut])
            if start == 0 and bytes_[: len(BOM_UTF8)] == BOM_UTF8:
                # Editors and shells of Windows write one; RFC 8259, section 8.1: may be ignored.
                first = pl.int_range(pl.len()) == 0
                bare = pl.col("text").str.strip_prefix("\ufeff")
                frame = frame.with_columns(text=pl.when(first).then(bare).otherwise("text"))
            yield _placed(frame, start, number, ended=bytes_[cut - 1] == ord("\n"))
            number += frame.height
            start = cut


def _split(data: bytes) -> pl.DataFrame:
    """Lines of a stretch of bytes: ``text``, ``problem``, ``size`` with the line feed."""
    data = data.removesuffix(b"\n")
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


def _placed(frame: pl.DataFrame, start: int, number: int, *, ended: bool) -> pl.DataFrame:
    """With line number, byte offset and whether a line feed ends it."""
    rows = frame.height
    return frame.select(
        line=pl.int_range(number, number + rows, dtype=pl.UInt64),
        offset=(pl.col("size").cum_sum() - pl.col("size") + start).cast(pl.UInt64),
        text=pl.col("text").cast(pl.String),
        ended=(pl.int_range(rows) < rows - 1) | pl.lit(ended),
        problem=pl.col("problem").cast(pl.String),
    ).with_columns(blank=pl.col("text").str.strip_chars(" \t\r").eq("").fill_null(False))


def _decode(frame: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """Add the keys' columns, by the fast reader where it is safe and by the exact one elsewhere."""
    todo = pl.col("text").is_not_null() & ~pl.col("blank")
    frame = frame.with_columns(plain=todo & is_plain(keys), todo=todo)
    plain = frame.filter("plain")
    fast = decode_columns(plain, keys)
    if fast is None:
        frame, plain = frame.with_columns(plain=pl.lit(False)), plain.clear()
        fast = _columns([], keys).clear()
    slow = frame.filter(pl.col("todo") & ~pl.col("plain"))
    parts = [
        plain.drop("plain", "todo").hstack(fast.get_columns()),
        slow.drop("plain", "todo", "problem").hstack(
            _columns([decode_line(text, keys) for text in slow["text"]], keys).get_columns()
        ),
        frame.filter(~pl.col("todo")).drop("plain", "todo"),
    ]
    return pl.concat([p for p in parts if p.height], how="diagonal").sort("line")


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


class _Twice:
    """Stands for the value of a key that stands twice in its object: it says two things."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        found[key] = _Twice() if key in found else value
    return found


def _constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")


def decode_line(text: str, keys: Sequence[str]) -> dict[str, str | None]:
    """One line exactly: a value for each key, or ``problem``; odd values are named in ``odd``."""
    record = decode(text)
    return {"problem": record} if isinstance(record, str) else values(record, keys)


def decode(text: str) -> dict[str, Any] | str:
    """An object with its numbers as written, or why the text is none."""
    try:
        record = json.loads(
            text.removesuffix("\r"),
            object_pairs_hook=_pairs,
            parse_int=str,
            parse_float=str,
            parse_constant=_constant,
        )
    except RecursionError:
        return "expected a JSON object; found one nested too deep to read"
    except ValueError as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        at = f" at character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else ""
        return f"expected a JSON object; found text that is none ({reason}{at})"
    if not isinstance(record, dict):
        return "expected a JSON object; found another JSON value"
    return record


def values(
    record: dict[str, Any], keys: Sequence[str], *, flat: bool = False
) -> dict[str, str | None]:
    """The value of each key of a decoded object as text, and which of them are odd.

    ``flat``: a dot is a part of a key, and reaches into nothing.
    """
    out: dict[str, str | None] = {}
    odd: list[str] = []
    for key in keys:
        value: Any = record
        for part in [key] if flat else key.split("."):
            value = value.get(part) if isinstance(value, dict) else _inside(value)
        if isinstance(value, bool):
            value = "true" if value else "false"
        if value is not None and not _is_text(value):
            odd.append(key)
            value = None
        out["=" + key] = value
    if odd:
        out["odd"] = ", ".join(odd)
    return out


def _inside(value: object) -> object:
    """What lies within something that is no object: nothing, or the doubt of a key met twice."""
    return value if isinstance(value, _Twice) else None


def _is_text(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:  # half of a surrogate pair is no character
        return False
    return True
