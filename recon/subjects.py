"""Subjects: the names of what records are about, and the templates that make them.

A template such as ``model:{model}@{version}`` is filled from columns; a pattern such as
``models/{model}/{version}/model.bin`` is matched against a key and gives the fields.
"""

from __future__ import annotations

import re
from fnmatch import translate

import polars as pl

_FIELD = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


def fields(template: str) -> list[str]:
    """Names of the fields of a template, in order, each once."""
    return list(dict.fromkeys(_FIELD.findall(template)))


def fill(template: str, columns: dict[str, pl.Expr] | None = None) -> pl.Expr:
    """A column of subjects; null where any of its fields is null.

    ``columns`` maps field names to expressions; by default each field is the column of its name.
    """
    parts: list[pl.Expr] = []
    last = 0
    for match in _FIELD.finditer(template):
        name = match.group(1)
        parts.append(pl.lit(template[last : match.start()]))
        parts.append(columns[name] if columns is not None else pl.col(name))
        last = match.end()
    parts.append(pl.lit(template[last:]))
    return pl.concat_str(parts, ignore_nulls=False)


def pattern(template: str) -> str:
    """A regular expression with one named group a field; a field holds no ``/``.

    The same syntax for Python's ``re`` and polars' ``str.extract_groups``.
    A field that stands twice must match any text the second time; compare the groups yourself.
    """
    out: list[str] = []
    seen: set[str] = set()
    last = 0
    for match in _FIELD.finditer(template):
        out.append(re.escape(template[last : match.start()]))
        name = match.group(1)
        out.append("[^/]+" if name in seen else f"(?P<{name}>[^/]+)")
        seen.add(name)
        last = match.end()
    out.append(re.escape(template[last:]))
    return "^" + "".join(out) + "$"


def glob(text: str) -> str:
    """A shell glob as a regular expression that polars reads (``*``, ``?``, ``[abc]``)."""
    # fnmatch.translate gives (?s:…)\Z (or \z from 3.14); the Rust engine wants \z. Between stars
    # it puts an atomic group, which that engine has not, and need not: it never goes back.
    body = translate(text).replace("(?>", "(?:")
    return "^" + re.sub(r"\\Z$|\\z$", "", body) + r"\z"
