"""Traces that a single view holds of what a table or a cluster went through.

``table.trace`` says what is unusual of a table's parts, ``table.counters`` that the server's
counters and its rows do not add up, ``table.subscribed`` that a subscription fills it,
``restore.trace`` what a restore leaves in settings and data folder. Each has innocent causes, and
no rule accuses from one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from collectors.postgres.captures import table_subject
from collectors.postgres.history.sightings import FIRST_XID, Sighting, View

if TYPE_CHECKING:
    from collectors.postgres.lines import Capture
    from recon.collector import Item

Row = dict[str, Any]


def table_traces(views: Sequence[View], source: str) -> Iterator[Row]:
    """Of the tables of captures."""
    for view in views:
        for (schema, name), one in view.tables.items():
            subject = table_subject(source, view.database, schema, name)
            seen: Row = {
                "subject": subject,
                "clock": view.clock,
                "basis": "stamped",
                "earliest": view.earliest,
                "latest": view.latest,
                "names": [subject],
                "item": one.item,
                "citation": one.citation,
            }
            for text in _parts(name, one):
                yield seen | {"kind": "table.trace", "value": text}
            counters = _counters(one)
            if counters:
                yield seen | {"kind": "table.counters", "value": counters}
            for subscription, citation in one.subscriptions.items():
                value = f"filled by subscription {subscription}: its rows are another server's"
                yield seen | {"kind": "table.subscribed", "value": value, "citation": citation}


def _parts(name: str, one: Sighting) -> Iterator[str]:
    creator = one.creator
    older = [xid for xid in one.writers or () if creator and FIRST_XID <= xid < creator]
    if older:
        yield (
            f"rows of transaction {min(older)} are older than transaction {creator}, which wrote "
            "the table's system columns: as pg_upgrade leaves a table"
        )
    for constraint, oid in sorted(one.constraints.items()):
        if oid < one.oid:
            yield f"constraint {constraint} has oid {oid}, below the table's own {one.oid}"
        # ChooseIndexName (indexcmds.c) adds a digit to TABLE_pkey where that name is taken.
        made = re.fullmatch(r"(.+)_pkey(\d*)", constraint, re.DOTALL)
        if made and made[1] == name and made[2]:
            yield f"constraint {constraint}: {name}_pkey was another table's as it was named"
        elif made and made[1] != name:
            yield f"constraint {constraint} is named after a table {made[1]}"


def _counters(one: Sighting) -> str | None:
    """Rows against rows inserted less rows deleted; rolled-back inserts are counted as well."""
    if one.counted is None or one.writers is None:
        return None
    rows, live = one.writers.total(), one.counted.inserted - one.counted.deleted
    said = f"rows={rows} n_tup_ins={one.counted.inserted} n_tup_del={one.counted.deleted}"
    if rows > live:
        return f"{said}: more rows than counted; the counters begin later than the rows"
    if rows < live:
        return f"{said}: fewer rows than counted; truncated, or inserts were rolled back"
    return None


def restore_traces(captures: Sequence[tuple[Item, Capture]], source: str) -> Iterator[Row]:
    """Targets of a recovery that stand in the settings of a running server."""
    control = [pair for pair in captures if pair[1].header.capture == "control"]
    for item, capture in control:
        for number, line in capture.lines:
            name = str(line.get("name"))
            if line.get("what") != "setting" or not name.startswith("recovery_target"):
                continue
            if line.get("setting") and line.get("source") != "default":
                yield {
                    "kind": "restore.trace",
                    "subject": f"pg:{source}",
                    "value": f"{name}={line['setting']} stands in the server's settings",
                    "clock": f"pg:{source}/server",
                    "basis": "stamped",
                    "earliest": capture.header.started,
                    "latest": capture.header.read,
                    "item": item.sha256,
                    "citation": f"line {number}",
                }


def label_traces(items: Sequence[Item], source: str) -> Iterator[Row]:
    """``backup_label.old``: the server renames the label when it starts from a backup."""
    for item in items:
        if item.native.endswith("backup_label.old"):
            yield {
                "kind": "restore.trace",
                "subject": f"pg:{source}",
                "value": "backup_label.old: the data folder was started from this backup",
                "item": item.sha256,
                "citation": "line 1",
            }
