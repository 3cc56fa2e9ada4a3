"""gittuf's reference state log: a chain of commits, each of which says where a ref was moved to.

A real sample (the message of a commit that ``refs/gittuf/reference-state-log`` reaches)::

    RSL Reference Entry

    ref: refs/heads/main
    targetID: 6a0b4f1e25a07a8f0cd80f3de1f2e6b6a8a6f1d3
    number: 5

Its parent is the entry before it, so their order needs no clock. An annotation (``RSL Annotation
Entry``) says of other entries that they are to be skipped; it moves no ref and is an event of its
own. The time is the committer's: whoever pushed says it.

Source: gittuf, docs/design-document.md, "Reference State Log (RSL)"; internal/rsl/rsl.go.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import polars as pl

from recon.schema import DRAFT, frame

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from recon.collector import Source

REF = "refs/gittuf/reference-state-log"
_ENTRY = re.compile(
    r"\n\nRSL (Reference|Propagation) Entry\n\nref: ([^\n]{1,4096})\n"
    r"targetID: ([0-9a-f]{64}|[0-9a-f]{40})(?:\n|\Z)"
)
_ANNOTATION = "\n\nRSL Annotation Entry\n"
_NAMED = re.compile(r"^entryID: ([0-9a-f]{64}|[0-9a-f]{40})$", re.MULTILINE)


def entries(raw: pl.DataFrame) -> pl.DataFrame:
    """Commits (column ``text``) that may be entries of a log."""
    return raw.filter(pl.col("text").str.contains("\n\nRSL ", literal=True))


def read(source: Source, logged: pl.DataFrame, tips: Sequence[str]) -> pl.DataFrame:
    """Entries of the chains behind the tips, as moves of refs.

    Args:
        source: of the repository.
        logged: :func:`entries`, with ``name``, ``parents``, ``item``, ``clock``, ``actor``,
            ``earliest``, ``latest``.
        tips: names of what the log's ref points to, in any clone.
    """
    known = {row["name"]: row for row in logged.iter_rows(named=True)}
    rows = [row for tip in dict.fromkeys(tips) for row in _chain(source, known, tip)]
    # A chain that one clone has in part is the beginning of another's.
    once = {row["citation"]: row for row in rows}
    return frame(once.values(), DRAFT)


def _chain(
    source: Source, known: Mapping[str, Mapping[str, Any]], tip: str
) -> Iterator[dict[str, Any]]:
    chain: list[Mapping[str, Any]] = []
    # A chain of hashes cannot come back to where it was.
    while tip in known:
        chain.append(known[tip])
        parents = known[tip]["parents"] or [""]
        tip = parents[0].removeprefix("git:")
    begun = bool(chain) and not chain[-1]["parents"]
    where: dict[str, str] = {}
    for entry in reversed(chain):
        moved = _ENTRY.search(entry["text"])
        if moved is not None:
            _, ref, target = moved.groups()
            # Of a chain without its beginning nothing says that the ref was not there before.
            old = where.get(ref, "0" * len(target) if begun else None)
            where[ref] = target
            value = None if old is None else f"{old} {target}"
            yield {
                **_event(source, entry, "entry", [target]),
                "subject": f"git:{source.id}/{ref}",
                "value": value,
            }
        elif _ANNOTATION in entry["text"]:
            yield _event(source, entry, "annotation", _NAMED.findall(entry["text"]))


def _event(
    source: Source, entry: Mapping[str, Any], word: str, names: Sequence[str]
) -> dict[str, Any]:
    there = [f"git:{name}" for name in names if name.strip("0")]
    return {
        "kind": f"gittuf.{word}",
        "subject": f"git:{source.id}/{REF}",
        "value": None,
        "digest": there[0] if word == "entry" and there else None,
        "clock": entry["clock"],
        "basis": "asserted",
        "earliest": entry["earliest"],
        "latest": entry["latest"],
        "actor": entry["actor"],
        "names": there,
        "item": entry["item"],
        "citation": f"commit {entry['name']}",
        "part": 2,
    }
