"""Items of a repository to events; the parts are put together here.

1. Objects of all items, each once: commits and tags (:mod:`collectors.git.history`).
2. Refs, the claims that case.toml draws from them, and when they were read
   (:mod:`collectors.git.refs`).
3. Reflogs (:mod:`collectors.git.reflogs`), and when a mirror last fetched
   (:mod:`collectors.git.fetched`).
4. Signatures, by the keys that the case gives (:mod:`collectors.git.signatures`).
5. Source archives and the trees of their refs (:mod:`collectors.git.archives`).
6. Coverage, where every parent of every commit that a ref reaches is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from collectors.git import archives, fetched, history, reflogs, refs, signatures
from recon.collector import Parsed, Warn
from recon.schema import DRAFT

if TYPE_CHECKING:
    from recon.collector import Items, Source


def read(source: Source, items: Items) -> Parsed:
    """All events of the repository, and what could not be read."""
    warnings: list[Warn] = []
    found = history.read(source, items, warnings)
    parts = [
        pl.LazyFrame(schema=DRAFT),
        *(part.lazy() for part in found.events),
        *(part.lazy() for part in reflogs.read(source, items, warnings)),
    ]
    parts.append(fetched.read(source, items, warnings).lazy())
    parts.append(signatures.read(source, items, found.signed, found.odd, warnings).lazy())
    parts.extend(part.lazy() for part in archives.read(source, items, warnings))
    referred = refs.read(source, items, found, warnings)
    parts.extend(part.lazy() for part in referred.events)
    versions = sorted({str(i.meta["git"]) for i in items.of("git.refs") if "git" in i.meta})
    methods = {"objects": f"{', '.join(versions) or 'git'}, cat-file --batch"}
    return Parsed(pl.concat(parts), referred.coverage, tuple(warnings), methods)
