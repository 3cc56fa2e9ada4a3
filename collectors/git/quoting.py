"""From a citation back to the repository's own words."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from collectors.git import fetched, history, members, objects, refs, trees
from recon.collector import Quote
from recon.errors import BadInputError

if TYPE_CHECKING:
    from recon.collector import Item, Items, Source


def find(source: Source, items: Items, item: Item, citation: str) -> Quote:
    """The raw object, the line of a ref or of a reflog; for no citation, the item in a line.

    Raises:
        BadInputError: the item holds no such thing.
    """
    del source
    word, _, name = citation.partition(" ")
    quote: Quote | None = None
    if not citation:
        quote = Quote(f"{item.native}: {item.size} bytes", "wc -c ITEM", verbatim=False)
    elif word in {"commit", "tag"} and item.kind == history.KIND:
        quote = _object(items, item, word, name)
    elif word == "ref" and item.kind == refs.KIND:
        quote = _ref(items, item, name)
    elif word == "file" and item.kind in {trees.TREE, trees.ARCHIVE}:
        quote = _file(items, item, name)
    elif citation == fetched.CITATION and item.kind == fetched.KIND:
        quote = _quote(items.read(item), "cat ITEM")
    elif word == "reflog" and item.kind == "git.reflog":
        quote = _reflog(items, item, name.rpartition(" line ")[2])
    if quote is None:
        raise BadInputError(
            "a citation of this item (`commit HASH`, `tag HASH`, `ref NAME`, `reflog NAME line N`, "
            "`file PATH`)",
            repr(citation),
            f"item {item.sha256[:16]} ({item.kind})",
        )
    return quote


def _object(items: Items, item: Item, kind: str, name: str) -> Quote | None:
    with objects.opened(items.path(item)) as data:
        try:
            for record in objects.walk(data):
                if record.name == name and record.type == kind:
                    content = data[record.start : record.end]
                    how = f"tail -c +{record.start + 1} ITEM | head -c {len(content)}"
                    return _quote(content, f"{how}; in the repository: git cat-file -p {name}")
        except objects.BrokenError:
            return None
    return None


def _quote(content: bytes, how: str) -> Quote:
    try:
        return Quote(content.decode("utf-8"), how)
    except UnicodeDecodeError:
        return Quote(objects.text_of(content), how, verbatim=False)


def _ref(items: Items, item: Item, name: str) -> Quote | None:
    """The line, and the tag object that it names: that is where its date stands."""
    for ref in refs.lines(items.read(item)):
        if isinstance(ref, refs.Ref) and ref.name == name:
            number = items.read(item).split(b"\n").index(ref.line) + 1
            line = _quote(ref.line, f"sed -n {number}p ITEM")
            for other in items.of(history.KIND):
                tag = _object(items, other, "tag", ref.target)
                if tag is not None:
                    shown = shlex.quote(name)
                    how = f"{line.how}; in the repository: git cat-file -p {shown}"
                    return Quote(f"{line.text}\n\n{tag.text}", how, verbatim=False)
            return line
    return None


def _file(items: Items, item: Item, path: str) -> Quote | None:
    """The line of a tree; of an archive what stands there, by size, mode or digest alone."""
    if item.kind == trees.TREE:
        for entry in items.read(item).split(b"\0"):
            if entry.partition(b"\t")[2].decode("utf-8", "backslashreplace") == path:
                return _quote(entry, "tr '\\0' '\\n' < ITEM")
        return None
    how = f"tar -xOf ITEM {shlex.quote(path)} | git hash-object --stdin (zip: unzip -p)"
    try:
        for one in members.read(items.path(item)):
            if isinstance(one, members.Member) and one.path == path:
                return Quote(f"{path}: blob {one.sha1}, sha256 {one.digest}", how, verbatim=False)
    except members.ERRORS:
        pass
    return None


def _reflog(items: Items, item: Item, number: str) -> Quote | None:
    lines = items.read(item).split(b"\n")
    if not number.isascii() or not number.isdigit() or not 0 < int(number) <= len(lines):
        return None
    return _quote(lines[int(number) - 1], f"sed -n {int(number)}p ITEM")
