"""Model cards: Markdown whose front matter, as YAML, says what the model is.

A real sample (as model hubs keep it in ``README.md``)::

    ---
    license: apache-2.0
    model_name: credit-risk
    version: 2.3.1
    datasets:
    - acme/credit-2026-02
    base_model: acme/credit-risk
    created: 2026-02-14
    sha256: 0f343b0931126a20f133d67c2b018a3b5d0c1f3b8a27c0e4e0a35f2d1b7f0a4f
    ---
    # Credit risk
    Trained on the applications of February.

The front matter is one record: every text, and every text of a list or map in it, is what the card
asserts of its model. No key of a card is a time by any standard: ``time`` of a claim names it.
Digests of the prose below are named by the record too.

Source: Hugging Face, Model Cards (metadata); M. Mitchell et al., *Model Cards for Model Reporting*.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from collectors.lineage import yamltree
from collectors.lineage.formats.base import File, Format, unread
from collectors.lineage.record import Record, bare_digest

_FENCE = "---"
_MOST = 2000
"""Values of one card; more are told of."""


def _read(file: File) -> Iterator[Record]:
    try:
        whole = yamltree.text_of(file.path)
        lines = whole.split("\n")
        end = _end(lines)
        tree = yamltree.read("\n".join(lines[1 : end - 1]), 2)
    except (yamltree.NotYamlError, UnicodeDecodeError) as error:
        expected = "expected front matter in YAML between two lines ---"
        yield unread("line 1", f"{expected}; found {error}", file)
        return
    here = f"lines 1-{end}"
    if not isinstance(tree.value, dict):
        yield unread(here, "expected a map as front matter; found another value", file)
        return
    record = Record(here, "card", f"card:{file.native}", file.native, text=whole)
    for number, (key, value) in enumerate(_values(tree.value, here, file)):
        if number >= _MOST:
            file.said.warn(here, f"expected at most {_MOST} values; found more; left out", "error")
            break
        record.states(key, value, bare_digest(value))
    yield record


def _end(lines: list[str]) -> int:
    """The number of the line that ends the front matter."""
    if lines[0].rstrip() != _FENCE:
        raise yamltree.NotYamlError("a first line that is another")
    for number, line in enumerate(lines[1:], 2):
        if line.rstrip() == _FENCE:
            return number
    raise yamltree.NotYamlError("no second one")


def _values(value: dict[str, Any], here: str, file: File) -> Iterator[tuple[str, str]]:
    """Keys, joined by dots, and texts; the values of a list under one key."""
    left: list[tuple[str, Any]] = list(reversed(value.items()))
    while left:
        key, one = left.pop()
        if isinstance(one, dict):
            left += reversed([(f"{key}.{name}", within) for name, within in one.items()])
        elif isinstance(one, list):
            left += reversed([(key, within) for within in one])
        elif isinstance(one, yamltree.Twice):
            file.said.warn(here, f"expected {key[:80]!r} once; found it twice; left out")
        elif one:
            yield key, one


FORMAT = Format("modelcard", "Markdown with front matter in YAML", _read)
