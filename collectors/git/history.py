"""Commits and tags as events, from the raw objects by whole columns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from collectors.git import gittuf, headers, objects
from collectors.git.identity import when
from collectors.git.noting import named
from collectors.git.signatures import SIGNED
from recon.collector import Warn
from recon.schema import BASIS, DRAFT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from recon.collector import Item, Items, Source

KIND = "git.objects"
_SIGNED = re.compile(SIGNED.encode())


@dataclass(frozen=True, slots=True)
class Found:
    """What the objects of a repository say."""

    events: Sequence[pl.DataFrame]
    """Rows of :data:`recon.schema.DRAFT`."""
    commits: pl.DataFrame
    """``name``, ``parents`` (list of ``git:…``), ``earliest``: each commit once."""
    tags: pl.DataFrame
    """``name``, ``object``, ``called``, ``earliest``, ``latest``, ``clock``, ``actor``: each tag
    object once."""
    logged: pl.DataFrame
    """Commits that may be entries of gittuf's log; see :func:`collectors.git.gittuf.read`."""
    signed: pl.DataFrame
    """What may be signed: ``name``, ``type``, ``text``, ``item``, ``seconds``."""
    odd: Mapping[str, bytes]
    """Bytes of signed objects whose text is not their bytes."""
    held: Mapping[str, pl.Series]
    """By item: names of the commits and tags in it, those that another item has too."""


def read(source: Source, items: Items, warnings: list[Warn]) -> Found:
    """Every commit and tag of the source, each once, from the item that had it first."""
    frames = [pl.DataFrame(schema=_RAW)]
    held: dict[str, pl.Series] = {}
    odd: dict[str, bytes] = {}
    for item in sorted(items.of(KIND), key=lambda i: (i.acquisition, i.native, i.sha256)):
        with objects.opened(items.path(item)) as data:
            frames.append(_raw(data, item, (held, odd), warnings))
    raw = pl.concat(frames)
    signed = raw.filter(pl.col("text").str.contains(SIGNED))
    entries = gittuf.entries(raw).select("name", "text")
    commits, irregular = headers.commits(raw.filter(pl.col("type") == "commit").drop("type"))
    commits = commits.with_columns(time=when(pl.col("seconds"))).unnest("time")
    logged = commits.join(entries, on="name").with_columns(parents=pl.col("hashes").list.slice(1))
    tags = headers.tags(raw.filter(pl.col("type") == "tag").drop("type"))
    tags = tags.with_columns(time=when(pl.col("seconds"))).unnest("time")
    warnings.extend(_warn(irregular, tags))
    dated = [frame.select("name", "seconds") for frame in (commits, tags)]
    return Found(
        [
            _commit_events(commits, source),
            _author_events(commits, source),
            _tag_events(tags, source),
        ],
        commits.select("name", "earliest", parents=pl.col("hashes").list.slice(1)),
        tags.select("name", "object", "called", "earliest", "latest", "clock", "actor"),
        logged,
        signed.join(pl.concat(dated), on="name", how="left"),
        odd,
        held,
    )


_RAW = {"name": pl.String, "type": pl.String, "text": pl.String, "item": pl.String}


def _raw(
    data: objects.Buffer,
    item: Item,
    known: tuple[dict[str, pl.Series], dict[str, bytes]],
    warnings: list[Warn],
) -> pl.DataFrame:
    """Commits and tags whose bytes hash to their names; what the rest is, is said.

    Those that an item before this one has are left out, and stand in ``held``, the first part of
    what is known, all the same; the second part is what ``odd`` is of :class:`Found`.
    """
    held, odd = known
    names: list[str] = []
    types: list[str] = []
    texts: list[str] = []
    at = 0
    while at < len(data):
        at = objects.regular(data, at, names, types, texts)
        record = _record(data, at, item, warnings)
        if record is None:
            break
        at = record.end + (record.type != objects.GONE)
        content = data[record.start : record.end]
        if record.type == objects.GONE:
            said = f"expected object {record.name}; found that git had nothing to give; left out"
            warnings.append(Warn(item.sha256, "", said, "error"))
        elif objects.name_of(record.type, content, len(record.name)) != record.name:
            said = "expected bytes that hash to the object's name; found others; left out"
            warnings.append(Warn(item.sha256, f"{record.type} {record.name}", said, "error"))
        else:
            names.append(record.name)
            types.append(record.type)
            texts.append(objects.text_of(content))
            if _SIGNED.search(content) and texts[-1].encode("utf-8", "replace") != content:
                odd[record.name] = bytes(content)
    columns = {"name": names, "type": types, "text": texts, "item": [item.sha256] * len(names)}
    frame = pl.DataFrame(columns, schema=_RAW).filter(pl.col("type").is_in(["commit", "tag"]))
    if frame["name"].n_unique() < frame.height:
        frame = frame.unique("name", keep="first", maintain_order=True)
    others = list(held.values())
    held[item.sha256] = frame["name"]
    for other in others:
        frame = frame.join(other.to_frame(), on="name", how="anti", maintain_order="left")
    return frame


def _record(
    data: objects.Buffer, at: int, item: Item, warnings: list[Warn]
) -> objects.Record | None:
    try:
        return next(objects.walk(data, at), None)
    except objects.BrokenError as error:
        expected, where = error.args
        message = f"expected {expected} at byte {where}; found other bytes; the rest is not read"
        warnings.append(Warn(item.sha256, "", message, "error"))
        return None


def _common(kind: str, source: Source, what: str, part: int) -> dict[str, pl.Expr]:
    text = pl.lit(None, dtype=pl.String)
    return {
        "kind": pl.lit(kind),
        "subject": pl.format(f"git:{{}}/{what}/{{}}", pl.lit(source.id), pl.col("name")),
        "attribute": text,
        "value": text,
        "digest": "git:" + pl.col("name"),
        "basis": pl.lit("asserted").cast(BASIS),
        "stream": text,
        "position": pl.lit(None, dtype=pl.UInt64),
        "citation": pl.format(f"{what} {{}}", pl.col("name")),
        "part": pl.lit(part, dtype=pl.UInt32),
    }


def _commit_events(commits: pl.DataFrame, source: Source) -> pl.DataFrame:
    """Value: how many parents it has, which stand in ``names`` behind the tree, and its title."""
    value = pl.format("parents={} title={}", headers.parents(), "title")
    common = {**_common("git.commit", source, "commit", 0), "value": value}
    return commits.select(
        "clock",
        "earliest",
        "latest",
        "actor",
        "item",
        names=headers.named(),
        **common,
    ).select(list(DRAFT))


def _author_events(commits: pl.DataFrame, source: Source) -> pl.DataFrame:
    """When its author says the change was made: before the commit, maybe before its parents.

    So it names nothing and has no digest: a rebase gives an old change new parents.
    """
    common = _common("git.author", source, "commit", 1)
    time = when(pl.col("author_seconds"))
    return commits.select(
        "item",
        clock="author_clock",
        earliest=time.struct.field("earliest"),
        latest=time.struct.field("latest"),
        actor="author_actor",
        names=pl.lit(None, dtype=pl.List(pl.String)),
        **{**common, "digest": pl.lit(None, dtype=pl.String)},
    ).select(list(DRAFT))


def _tag_events(tags: pl.DataFrame, source: Source) -> pl.DataFrame:
    """Value: the name within the object, which need not be that of a ref to it."""
    common = {**_common("git.tag", source, "tag", 0), "value": pl.col("called")}
    dated = pl.col("tagger").is_not_null()
    common["basis"] = pl.when(dated).then(pl.lit("asserted").cast(BASIS))
    return tags.select(
        "clock", "earliest", "latest", "actor", "item", names=headers.named(), **common
    ).select(list(DRAFT))


def _warn(commits: pl.DataFrame, tags: pl.DataFrame) -> Iterator[Warn]:
    """What is wrong with headers. A regular commit has a tree, one author and readable times."""
    undated = "expected a time that git reads in the {} line; found {}; the event is undated"
    several = "expected one {} line; found several; the first is read"
    headless = "expected {} in the first line; found none; git does not read it as a {}"
    for frame, what, word, time in (
        (commits, "commit", "committer", "seconds"),
        (commits, "commit", "author", "author_seconds"),
        # A tag without a tagger is an old one, or a mere pointer.
        (tags.filter(pl.col("tagger").is_not_null()), "tag", "tagger", "seconds"),
    ):
        shown = pl.col(word).str.slice(0, 200).fill_null("no such line")
        bad = frame.filter(pl.col(time).is_null())
        yield from named(bad, what, pl.format(undated, pl.lit(word), shown))
        more = frame.filter(pl.col("head").str.count_matches(rf"(?m)^{word} ") > 1)
        yield from named(more, what, pl.lit(several.format(word)))
    for frame, what, first in ((commits, "commit", "a tree"), (tags, "tag", "an object")):
        none = frame.filter(pl.col("hashes").list.len() == 0)
        yield from named(none, what, pl.lit(headless.format(first, what)))
