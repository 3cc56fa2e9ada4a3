"""What happened to tables and to the history itself, beyond what the log tells.

From captures, dumps and the small files of restores: acts on tables between two views of them, a
database that was moved whole, transactions that a restore left behind, traces of restores.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from collectors.postgres.history.forks import Fork, forks, lost_events, of_cluster
from collectors.postgres.history.logged import unlogged
from collectors.postgres.history.sightings import views
from collectors.postgres.history.tables import numbered, table_acts
from collectors.postgres.history.traces import label_traces, restore_traces, table_traces
from recon.schema import DRAFT, frame

if TYPE_CHECKING:
    from collectors.postgres.dumps import Dump
    from collectors.postgres.lines import Capture
    from recon.collector import Item

__all__ = ["history_events"]


def history_events(  # noqa: PLR0913  (each is named by the caller)
    *,
    captures: Sequence[tuple[Item, Capture]],
    dumps: Sequence[Dump],
    labels: Sequence[Item],
    events: Sequence[Mapping[str, Any]],
    logged: pl.LazyFrame | None,
    coverage: pl.DataFrame | None,
    tables: Collection[str],
    clusters: Sequence[int],
    source: str,
) -> pl.DataFrame:
    """Rows of :data:`recon.schema.DRAFT`.

    ``events``: those of the small files, ``timeline.fork`` among them. ``logged``, ``coverage``:
    those of the WAL at hand, which tells acts better where it has them. ``tables``: those that the
    case claims, "schema.table". ``clusters``: system identifiers of the source, most often one.
    """
    seen = views(captures, dumps, source)
    named = [(schema, name) for schema, _, name in (table.partition(".") for table in tables)]
    acts = table_acts(seen, named, source)
    log = pl.DataFrame(schema=DRAFT).lazy() if logged is None else logged
    rows = [
        *unlogged(acts, log, coverage),
        *table_traces(seen, source),
        *restore_traces(captures, source),
        *label_traces(labels, source),
    ]
    if len(clusters) > 1:
        theirs: list[tuple[int | None, list[Fork], pl.LazyFrame]] = [
            (one, *of_cluster(events, log, one)) for one in clusters
        ]
    else:
        theirs = [(clusters[0] if clusters else None, forks(events, log), log)]
    lost = [lost_events(switched, own, one, source) for one, switched, own in theirs]
    return pl.concat([frame(numbered(rows), DRAFT), *lost])
