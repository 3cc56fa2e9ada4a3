"""From a line of a server log back to the whole message, and the command that shows it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from collectors.postgres.packing import packing_at
from collectors.postgres.serverlog import stderr
from collectors.postgres.serverlog.prefix import compile_prefix
from collectors.postgres.serverlog.read import format_of
from collectors.postgres.serverlog.unpack import Damage, pieces
from recon.collector import Item, Quote
from recon.errors import BadInputError

_CITATION = re.compile(r"(?:record [1-9]\d{0,11} )?line ([1-9]\d{0,11})\Z", re.ASCII)
_MAX_BYTES = 1 << 20
"""Bytes of a message that a quote shows."""


def quote_log(path: Path, item: Item, citation: str, prefixes: Sequence[str]) -> Quote | None:
    """The lines of the message at a citation; None where the log has no such line."""
    how_packed = packing_at(path)
    packed = f"{how_packed.command} < ITEM | " if how_packed else ""
    if not citation:
        text = f"{item.native}: a server log of {item.size} bytes"
        how = f"{packed}head" if packed else "head ITEM"
        return Quote(text, how, verbatim=False)
    match = _CITATION.match(citation)
    if not match:
        return None
    number = int(match.group(1))
    try:
        kind = format_of(path, item.native)
        lines = _message(_from(path, number), kind, prefixes)
    except OSError as error:
        raise BadInputError(
            "a log that can be read", str(error), f"item {item.sha256[:16]}", "copy it again"
        ) from error
    if not lines:
        return None
    last = number + len(lines) - 1
    span = f"{number}" if last == number else f"{number},{last}"
    how = f"{packed}sed -n {span}p" + ("" if packed else " ITEM")
    data = b"".join(lines).removesuffix(b"\n").removesuffix(b"\r")
    try:
        return Quote(data.decode("utf-8"), how)
    except UnicodeDecodeError:
        return Quote(data.decode("utf-8", "backslashreplace"), how, verbatim=False)


def _from(path: Path, number: int) -> Iterator[bytes]:
    """Lines from a number on."""
    rest, at = b"", 1
    try:
        for data in pieces(path, 1 << 20):
            *whole, rest = (rest + data).split(b"\n")
            for line in whole:
                if at >= number:
                    yield line + b"\n"
                at += 1
    except Damage:
        # What came out before it was read, and can be cited.
        pass
    if rest and at >= number:
        yield rest


def _message(lines: Iterator[bytes], kind: str, prefixes: Sequence[str]) -> list[bytes]:
    """The first line, and those that belong to it."""
    heads = [re.compile(compile_prefix(text).pattern) for text in prefixes]
    found: list[bytes] = []
    # Lines of others may stand between those of a message; they count only if more of it follow.
    pending: list[bytes] = []
    size, quotes = 0, 0
    for line in lines:
        text = line.rstrip(b"\r\n").decode("utf-8", "backslashreplace")
        if found and kind == "csvlog" and quotes % 2 == 0:
            break
        if found and kind == "jsonlog":
            break
        if found and kind == "stderr":
            if stderr.is_first(text, heads):
                break
            if not re.match(stderr.INDENT, text) and not _is_part(text, heads):
                pending.append(line)
                continue
        found += [*pending, line]
        pending = []
        quotes += line.count(b'"')
        size += len(line)
        if size > _MAX_BYTES:
            break
    return found


def _is_part(line: str, heads: Sequence[re.Pattern[str]]) -> bool:
    return any(head.match(line) for head in heads)
