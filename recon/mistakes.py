"""Mistakes in a ``case.toml``, in words of TOML: each with its line, all of them at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from pydantic import BaseModel, ValidationError

from recon import locate
from recon.errors import CaseError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

NAME = r"^[a-z0-9][a-z0-9._-]{0,63}$"


class Mistakes:
    """Mistakes collected with their lines, so that one run shows all of them."""

    def __init__(self, path: Path, found: Mapping[locate.Path, int]) -> None:
        self.path = path
        self.found = found
        self.all: list[tuple[int, str, str]] = []

    def add(self, at: Sequence[str | int], expected: str, value: str) -> None:
        """One mistake at a key, or at the nearest thing around it."""
        self.all.append((locate.line_of(at, self.found), expected, value))

    def add_all(
        self, error: ValidationError, model: type[BaseModel], prefix: Sequence[str | int] = ()
    ) -> None:
        """All that pydantic says of a table, which stands at ``prefix``."""
        for detail in error.errors(include_url=False):
            # pydantic names the branch of a union in the location; the file has no such key.
            at = [part for part in detail["loc"] if not re.search(r"[\[\](){} -]", str(part))]
            dotted = ".".join(str(part) for part in (*prefix, *at))
            if detail["type"] == "missing":
                self.add((*prefix, *at[:-1]), f"`{dotted}`", "nothing")
            elif detail["type"] == "extra_forbidden":
                known = f" ({keys})" if (keys := _keys(model, at)) else ""
                self.add((*prefix, *at), f"a key that is known here{known}", f"`{dotted}`")
            else:
                self.add((*prefix, *at), f"`{dotted}`: {_wanted(detail)}", _shown(detail["input"]))

    def stop(self) -> None:
        """Raise where there is any.

        Raises:
            CaseError: with every mistake, by line.
        """
        if not self.all:
            return
        self.all.sort()
        line, expected, value = self.all[0]
        rest = "".join(
            f"\n{self.path}, line {line}: expected {expected}; found {value}"
            for line, expected, value in self.all[1:]
        )
        raise CaseError(expected, value + rest, f"{self.path}, line {line}")


_SEVERAL = {
    (name,) for name in ("source", "norm", "correspondence", "anchor", "retention", "check")
}
"""Tables of which there may be several."""
_WANTED = {
    "tuple_type": 'a list, as in ["…"]',
    "string_type": "a text in quotes",
    "dict_type": "a table",
    "model_type": "a table",
    "float_parsing": "a number",
    "float_type": "a number",
}
"""What TOML should hold, where pydantic says it in Python's words."""


def _wanted(detail: ErrorDetails) -> str:
    if detail["loc"] in _SEVERAL and isinstance(detail["input"], dict):
        return f"[[{detail['loc'][0]}]], in two brackets: there may be several"
    if detail["type"] == "string_pattern_mismatch" and detail["ctx"]["pattern"] == NAME:
        return "a short name of a-z, 0-9, '.', '_' and '-'"
    said = detail["msg"].removeprefix("Value error, ")
    return _WANTED.get(detail["type"], said[0].lower() + said[1:])


def _shown(value: object) -> str:
    """A value about as the file writes it."""
    if isinstance(value, date):
        return value.isoformat()
    return "a table" if isinstance(value, dict) else repr(value)[:120]


def _keys(model: type[BaseModel], at: Sequence[str | int]) -> str:
    """Keys that are known at a place of a model; empty where it is not known."""
    for part in at[:-1]:
        field = model.model_fields.get(str(part))
        if field is None:
            continue  # an index, or a name that the author chose
        inner = [one for one in _parts(field.annotation) if issubclass(one, BaseModel)]
        if not inner:
            return ""
        model = inner[0]
    return ", ".join(model.model_fields)


def _parts(annotation: object) -> Iterator[type]:
    if isinstance(annotation, type):
        yield annotation
    for one in get_args(annotation):
        yield from _parts(one)
