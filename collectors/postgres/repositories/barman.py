"""Barman's catalogue: ``backup.info`` of each backup in ``base/``.

    wals/0000000100000000/000000010000000000000003      plain, or packed by what Barman was told
    wals/xlog.db
    base/20260210T030000/backup.info
    base/20260210T030000/data/…                         or data.tar, data.tar.gz (barman-cloud)

Lines of it (Barman 3.4)::

    begin_time=2026-02-10 03:00:00.118203+00:00
    begin_xlog=0/4000028
    status=DONE
    systemid=7712104578071552454
    timeline=1

Source: Barman's manual and ``barman/infofile.py``, held against real catalogues in the tests.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from collectors.postgres.packing import unread
from collectors.postgres.repositories.kinds import MAX_INFO, Act, event, moment_of, show
from recon.collector import Item, Warn

TOOL = "barman"
_WORDS = {"start": "begin", "stop": "end"}
_NUMBER = re.compile(r"[0-9]{1,20}")


def backup_events(item: Item, path: Path, source: str) -> Iterator[dict[str, Any] | Warn]:
    """Start and stop of the backup; a warning where it says that it is not whole."""
    with path.open("rb") as file:
        data = file.read(MAX_INFO)
    if told := unread(data[:16]):
        yield Warn(item.sha256, "", f"expected Barman's text; found {told}", "error")
        return
    fields: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        key, equals, value = line.partition("=")
        if equals:
            fields.setdefault(key, (number, value))
    label = PurePosixPath(item.native).parent.name
    if "begin_time" not in fields:
        yield Warn(item.sha256, "", "expected a line begin_time=…; found none; not read", "error")
        return
    status_line, status = fields.get("status", (1, ""))
    if status != "DONE":
        yield Warn(
            item.sha256,
            f"line {status_line}",
            f"backup {label}: expected status DONE; found {status!r}: not a whole backup",
        )
    for word, theirs in _WORDS.items():
        number, text = fields.get(f"{theirs}_time", (1, ""))
        earliest, latest = moment_of(text)
        if earliest is None and text not in {"", "None"}:
            message = f"expected a time; found {text!r}; left undated"
            yield Warn(item.sha256, f"line {number}", message)
        system = fields.get("systemid", (0, ""))[1]
        timeline = fields.get("timeline", (0, ""))[1]
        yield event(
            Act(
                word=word,
                tool=TOOL,
                label=show(label),
                type=show(fields.get("mode", (0, "full"))[1]),
                lsn=show(fields.get(f"{theirs}_xlog", (0, ""))[1]),
                timeline=int(timeline) if _NUMBER.fullmatch(timeline) else None,
                system_id=int(system) if _NUMBER.fullmatch(system) else None,
                citation=f"line {number}",
                earliest=earliest,
                latest=latest,
                more=f" status={show(status)}",
            ),
            item,
            source,
        )
