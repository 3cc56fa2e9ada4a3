"""What a format is: how a file of it is told, and how it is read to records."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collectors.lineage.documents import TOP, Document, documents
from collectors.lineage.record import UNREAD, Node, Record, Said, words

if TYPE_CHECKING:
    from pathlib import Path

    from collectors.lineage.keys import Keys
    from collectors.lineage.options import LineageOptions


@dataclass(frozen=True, slots=True)
class File:
    """One file that is read."""

    path: Path
    native: str
    """Its path as the case gives it."""
    source: str
    """The source's name."""
    options: LineageOptions
    keys: Keys
    """That signatures are checked with."""
    said: Said


@dataclass(frozen=True, slots=True)
class Format:
    """One way in which lineage is written."""

    name: str
    """As in ``format = "…"`` of ``case.toml``."""
    method: str
    """Its definition, for the exhibit."""
    read: Callable[[File], Iterator[Record]]
    recognises: Callable[[dict[str, Any]], bool] = lambda _: False
    """Whether the first JSON object of a file is of this format."""


Expand = Callable[[Node, Document, File], Iterator[Record]]


def of_json(expand: Expand) -> Callable[[File], Iterator[Record]]:
    """A reader of JSON documents: ``expand`` gives the records of each.

    A document that gives none is told of; a record without words of its own has its document's.
    """

    def read(file: File) -> Iterator[Record]:
        found = False
        for document in documents(file.path):
            found = True
            if document.problem is not None:
                yield unread(document.citation, document.problem, file)
                continue
            place = document.citation if document.citation != TOP else ""
            node = Node(document.value, place, file.said)
            if document.line:
                node = Node(document.value, document.citation, _Placed(file.said, document))
            empty = True
            whole = ""
            for record in expand(node, document, file):
                empty = False
                if not record.text and record.problem is None:
                    whole = whole or words(document.value)
                    record.text = whole
                yield record
            if empty:
                yield unread(
                    document.citation,
                    "expected a document of this format; found one that holds nothing of it",
                    file,
                )
        if not found:
            file.said.warn("", "expected JSON; found an empty file", "error")

    return read


class _Placed(Said):
    """What is said of places within a line is said of the line."""

    __slots__ = ("_document", "_said")

    def __init__(self, said: Said, document: Document) -> None:
        super().__init__()
        self._said = said
        self._document = document

    def warn(self, citation: str, message: str, severity: str = "warning") -> None:
        within = citation.removeprefix(self._document.citation)
        where = f"at {within[:120]}: " if within else ""
        self._said.warn(self._document.citation, where + message, severity)


def unread(citation: str, problem: str, file: File) -> Record:
    """What stands there and could not be read."""
    return Record(citation, UNREAD, f"lineage:{file.source}", problem=problem)
