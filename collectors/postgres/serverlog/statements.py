"""What a logged statement is, and which tables it names, as far as its text shows for certain.

No grammar of SQL: tokens, by PostgreSQL's documentation, "Lexical Structure". Reading stops where
the text could mean two things (a backslash before a quote, which ends a string or does not, by
``standard_conforming_strings``), and what was not understood is left out, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_TEXT = 1 << 16
"""Characters of a statement that are looked at."""
_MAX_PARTS = 50
UNREAD = "…"
"""Stands for statements of the same text that were not read."""

_TOKEN = re.compile(
    r"""
      (?P<space>[\ \t\n\r\f\v]+|--[^\n\r]*)
    | (?P<comment>/\*)
    | (?P<dollar>\$(?:[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_\x80-\U0010ffff]*)?\$)
    | (?P<escape>[eE]'(?:[^'\\]|\\.|'')*')
    | (?P<text>(?:[bBxXnN]|[uU]&)?'(?:[^']|'')*')
    | (?P<unicode>[uU]&"(?:[^"]|"")*")
    | (?P<quoted>"(?:[^"]|"")+")
    | (?P<word>[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_$\x80-\U0010ffff]*)
    | (?P<end>;)
    | (?P<other>[^'"])
    """,
    re.VERBOSE | re.DOTALL,
)
_MODIFIERS = frozenset(
    "OR REPLACE TEMP TEMPORARY UNLOGGED GLOBAL LOCAL UNIQUE RECURSIVE TRUSTED PROCEDURAL "  # noqa: SIM905  (a list of words reads as one)
    "CONSTRAINT DEFAULT".split()
)
_PAIRS = {
    ("MATERIALIZED", "VIEW"),
    ("FOREIGN", "TABLE"),
    ("EVENT", "TRIGGER"),
    ("PREPARE", "TRANSACTION"),
    ("COMMIT", "PREPARED"),
    ("ROLLBACK", "PREPARED"),
}
_TWO_WORDS = {"CREATE", "ALTER", "DROP", "REINDEX", "LOCK", "COMMENT"}
_BEFORE_NAME = frozenset(["IF", "NOT", "EXISTS", "ONLY", "CONCURRENTLY", "TABLE", "INTO", "FROM"])
_LISTS = {"DROP TABLE", "DROP MATERIALIZED VIEW", "DROP FOREIGN TABLE", "TRUNCATE"}
_RELATIONS = _LISTS | {
    "CREATE TABLE",
    "CREATE MATERIALIZED VIEW",
    "CREATE FOREIGN TABLE",
    "ALTER TABLE",
    "ALTER MATERIALIZED VIEW",
    "ALTER FOREIGN TABLE",
    "INSERT",
    "UPDATE",
    "DELETE",
    "MERGE",
    "COPY",
    "CLUSTER",
    "REINDEX TABLE",
}
"""Tags whose name, or list of names, of tables comes next."""

Name = tuple[str, str]
Token = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Read:
    """What was understood of a text."""

    tags: tuple[str, ...]
    """``DROP TABLE``, ``INSERT``, … of each statement of the text, in order."""
    tables: tuple[Name, ...]
    """(schema, table) of those named with their schema, each once."""
    words: frozenset[str] = frozenset()
    """Every keyword or unquoted name of the text, in capitals."""


def read_statement(text: str) -> Read:
    """Read a text of one or more statements; never raises."""
    tags: list[str] = []
    tables: dict[Name, None] = {}
    words: set[str] = set()
    for statement in _statements(text):
        if statement is None or len(tags) >= _MAX_PARTS:
            tags.append(UNREAD)
            break
        words.update(value.upper() for kind, value in statement if kind == "word")
        tag, at = _tag(statement)
        tags.append(tag)
        tables.update(dict.fromkeys(_tables(tag, statement, at)))
    return Read(tuple(tags), tuple(tables), frozenset(words))


def _statements(text: str) -> Iterator[list[Token] | None]:
    """Tokens of each statement; None where reading stopped."""
    statement: list[Token] = []
    for token in _tokens(text[:MAX_TEXT]):
        if token is None:
            # What was read of a statement that breaks off still shows what it begins as.
            if statement:
                yield statement
            yield None
            return
        if token[0] == "end":
            if statement:
                yield statement
            statement = []
        else:
            statement.append(token)
    if statement:
        yield statement
    if len(text) > MAX_TEXT:
        yield None


def _tokens(text: str) -> Iterator[Token | None]:
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            yield None
            return
        kind, value = str(match.lastgroup), match.group()
        at = match.end()
        if kind == "comment":
            end = _comment(text, at)
        elif kind == "dollar":
            end = text.find(value, at) + len(value) if value in text[at:] else None
        else:
            end = at
        if end is None or (kind == "text" and "\\'" in value):
            yield None
            return
        at = end
        if kind not in {"space", "comment"}:
            yield kind, value


def _comment(text: str, at: int) -> int | None:
    """End of a comment, which may hold others; None where it has none."""
    depth = 1
    for match in re.compile(r"/\*|\*/").finditer(text, at):
        depth += 1 if match.group() == "/*" else -1
        if depth == 0:
            return match.end()
    return None


def _tag(statement: list[Token]) -> tuple[str, int]:
    """The kind of a statement, and where its tokens go on."""
    first = _word(statement, 0)
    if first is None:
        return ("SELECT" if statement[0] == ("other", "(") else UNREAD), 1
    second = _word(statement, 1)
    if (first, second) in _PAIRS:
        return f"{first} {second}", 2
    if first not in _TWO_WORDS:
        return first, 1
    at = 1
    while (_word(statement, at) or "") in _MODIFIERS:
        at += 1
    kind, following = _word(statement, at), _word(statement, at + 1)
    if kind is None:
        return first, at
    if (kind, following) in _PAIRS:
        return f"{first} {kind} {following}", at + 2
    return f"{first} {kind}", at + 1


def _tables(tag: str, statement: list[Token], at: int) -> Iterator[Name]:
    if tag == "CREATE INDEX":
        while at < len(statement) and _word(statement, at) != "ON":
            at += 1
        at += 1
    elif tag not in _RELATIONS:
        return
    while True:
        while (_word(statement, at) or "") in _BEFORE_NAME:
            at += 1
        parts, at = _name(statement, at)
        if len(parts) == 2:  # noqa: PLR2004  (schema and table)
            yield parts[0], parts[1]
        if tag not in _LISTS:
            return
        if at < len(statement) and statement[at] == ("other", "*"):
            at += 1
        if at >= len(statement) or statement[at] != ("other", ","):
            return
        at += 1


def _name(statement: list[Token], at: int) -> tuple[list[str], int]:
    """The parts of a name; none where one of them is written in a way that is not read."""
    parts: list[str] = []
    while at < len(statement):
        kind, value = statement[at]
        if kind == "word":
            # PostgreSQL folds ASCII letters alone for certain; others depend on the server.
            parts.append(value.lower() if value.isascii() else value)
        elif kind == "quoted":
            parts.append(value[1:-1].replace('""', '"'))
        else:
            return [], at
        at += 1
        if at >= len(statement) or statement[at] != ("other", "."):
            break
        at += 1
    return parts, at


def _word(statement: list[Token], at: int) -> str | None:
    if at < len(statement) and statement[at][0] == "word":
        return statement[at][1].upper()
    return None
