"""The bytes of one XML element as they stand, by a path that counts siblings."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.parsers import expat

_STEP = re.compile(r"([A-Za-z_][\w.-]*)(?:\[(\d{1,9})\])?")


class _RefusedError(Exception):
    """A document type, with which one document can stand for another."""


def cut(data: bytes, path: str) -> bytes | None:
    """The element at a path such as ``/A/B[3]``, from ``<`` to ``>``; null if there is none.

    Each step counts among siblings of that name, from 1, whatever their namespace, as
    ``*[local-name()='B'][3]`` does in XPath. expat tells the offsets, which lxml does not keep.
    """
    steps = [_STEP.fullmatch(step) for step in path.removeprefix("/").split("/")]
    wanted = [(m[1], int(m[2] or 1)) for m in steps if m]
    if len(wanted) != len(steps):
        return None
    parser = expat.ParserCreate()
    walk = _Walk(parser, data, wanted)
    parser.StartElementHandler = walk.start
    parser.EndElementHandler = walk.end
    parser.StartDoctypeDeclHandler = walk.refuse
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, _RefusedError, ValueError):
        return None
    return data[walk.begins : walk.ends] if walk.ends else None


@dataclass(slots=True)
class _Walk:
    """Where in the document the parser is, and how many steps of the path lead there."""

    parser: expat.XMLParserType
    data: bytes
    wanted: list[tuple[str, int]]
    depth: int = 0
    matched: int = 0
    counts: dict[int, int] = field(default_factory=dict)
    """Siblings of the wanted name seen so far, by depth."""
    begins: int = 0
    ends: int = 0

    def start(self, name: str, _attributes: object) -> None:
        """One step further where the element is the one that the path wants here."""
        if self.matched == self.depth < len(self.wanted):
            wanted, number = self.wanted[self.depth]
            if name.rpartition(":")[2] == wanted:
                self.counts[self.depth] = self.counts.get(self.depth, 0) + 1
                if self.counts[self.depth] == number:
                    self.matched += 1
                    self.counts[self.matched] = 0
                    self.begins = self.parser.CurrentByteIndex
        self.depth += 1

    def end(self, _name: str) -> None:
        """One step back. An end tag ends at its ``>``; after ``<Key/>`` expat stands already."""
        self.depth -= 1
        if self.matched > self.depth:
            if self.matched == len(self.wanted) and not self.ends:
                at = self.parser.CurrentByteIndex
                is_tag = self.data.startswith(b"</", at)
                self.ends = self.data.index(b">", at) + 1 if is_tag else at
            self.matched = self.depth

    def refuse(self, *_: object) -> None:
        """S3 sends no document type."""
        raise _RefusedError
