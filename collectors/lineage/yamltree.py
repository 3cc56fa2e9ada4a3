"""YAML as data: texts, lists and maps, bounded, with the lines on which each stands.

No tag is honoured, no alias followed (a few lines of aliases expand to gigabytes), no number, date
or truth value made of a text. The parser gives events one after another, so that depth is bounded
by what is built of them.

Source: YAML 1.1 and 1.2, 3.2.1 (representation graph); PyYAML's event API.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 4 << 20
"""Of a file; the largest ``dvc.lock`` seen in public repositories has a fifth of it."""
MAX_DEEP = 100


class NotYamlError(ValueError):
    """The text is no YAML that is read."""


class Twice:
    """Stands for the value of a key that stands twice in its map: it says two things."""


@dataclass(frozen=True, slots=True)
class Lines:
    """First and last line of a value, from 1."""

    first: int
    last: int

    def __str__(self) -> str:
        return (
            f"line {self.first}" if self.first == self.last else f"lines {self.first}-{self.last}"
        )


@dataclass(slots=True)
class Tree:
    """A document."""

    value: Any
    """Texts, lists and maps; a null is an empty text."""
    lines: dict[int, Lines] = field(default_factory=dict)
    """By ``id`` of a list or map: where it stands."""

    def where(self, value: object) -> Lines | None:
        """The lines of a list or map of the tree."""
        return self.lines.get(id(value))


def text_of(path: Path) -> str:
    """The text of a file.

    Raises:
        NotYamlError: it is larger than what is read.
        UnicodeDecodeError: it is no UTF-8.
    """
    if path.stat().st_size > MAX_BYTES:
        raise NotYamlError(f"more than {MAX_BYTES} bytes")
    return path.read_bytes().decode("utf-8-sig")


def read(data: str, first: int = 1) -> Tree:
    """The first document of a text whose first line has that number.

    Raises:
        NotYamlError: it is none, or is larger, deeper or more tangled than what is read.
    """
    import yaml

    tree = Tree(None)
    try:
        _build(data, first, tree)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = f" in line {mark.line + first}" if mark is not None else ""
        why = getattr(error, "problem", None) or type(error).__name__
        raise NotYamlError(f"text that is none ({why}{at})") from error
    except RecursionError as error:
        raise NotYamlError("one nested too deep to read") from error
    return tree


@dataclass(slots=True)
class _Open:
    """A list or map whose end has not come."""

    value: Any
    first: int
    key: str | None = None
    awaits: bool = False
    """Whether a key of it awaits its value."""


def _build(data: str, first: int, tree: Tree) -> None:
    import yaml

    stack: list[_Open] = []
    content = first  # the last line with something on it
    for event in yaml.parse(data, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader)):
        line = event.start_mark.line + first
        if isinstance(event, yaml.AliasEvent):
            raise NotYamlError(f"an alias (*{event.anchor[:40]}) in line {line}: not followed")
        if isinstance(event, yaml.DocumentEndEvent):
            return
        if isinstance(event, yaml.ScalarEvent):
            ended = event.end_mark.line + first - (event.end_mark.column == 0)
            content = max(content, line, ended)
            _put(event.value, stack, tree, line)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            if len(stack) >= MAX_DEEP:
                raise NotYamlError(f"one more than {MAX_DEEP} deep in line {line}")
            made: dict[str, Any] | list[Any] = (
                {} if isinstance(event, yaml.MappingStartEvent) else []
            )
            stack.append(_Open(made, line))
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            done = stack.pop()
            # In block style the end has no mark of its own, and lies where the next thing begins.
            if event.start_mark.index < event.end_mark.index:
                content = max(content, event.end_mark.line + first)
            tree.lines[id(done.value)] = Lines(done.first, max(content, done.first))
            _put(done.value, stack, tree, done.first)


def _put(value: object, stack: list[_Open], tree: Tree, line: int) -> None:
    if not stack:
        tree.value = value
        return
    top = stack[-1]
    if isinstance(top.value, list):
        top.value.append(value)
    elif not top.awaits:
        if not isinstance(value, str):
            raise NotYamlError(f"a key that is no text in line {line}")
        top.key, top.awaits = value, True
    else:
        key = top.key or ""
        top.value[key] = Twice() if key in top.value else value
        top.awaits = False
