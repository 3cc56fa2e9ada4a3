"""What a PostgreSQL server writes down: its log, dumps, captures."""

from __future__ import annotations

from typing import Any, Self

from tests.stories.telling import TABLE, Telling


class Database(Telling):
    """The source ``lineage-db``, and its one table."""

    def on(self, line: int, *, system: str | None = None, lsn: int | None = None) -> Self:
        """From here on, another timeline, or another cluster; its log goes on at an LSN."""
        self.line = line
        self.system = system or self.system
        self.lsn = self.lsn if lsn is None else lsn
        return self

    def forked(self, parent: int, child: int, lsn: int) -> Self:
        value = f"timeline={child} parent={parent} switch=0/{lsn:X} reason=no reason"
        return self.event("lineage-db", "timeline.fork", "pg:lineage-db", value=value)

    def checkpoint(
        self,
        time: str,
        next_xid: int,
        running: int = 0,
        *,
        kind: str = "wal.checkpoint",
        first: bool = False,
        **more: Any,
    ) -> Self:
        """A checkpoint in the log, or (``kind``) in the control data of a copy of the cluster.

        ``first``: nothing is before it in the log.
        """
        self.lsn += 16
        return self.event(
            "lineage-db",
            kind,
            "pg:lineage-db",
            time,
            value=f"next_xid={next_xid} oldest_running_xid={running} online" + " prev=0/0" * first,
            clock="pg:lineage-db/server",
            basis="stamped",
            stream=f"pg:{self.system}/{self.line}",
            position=self.lsn,
            **more,
        )

    def wal(self, kind: str, time: str, xid: int, subject: str = TABLE, value: str | None = None):
        self.lsn += 16
        return self.event(
            "lineage-db",
            kind,
            subject,
            time,
            value=value,
            clock="pg:lineage-db/commit",
            basis="stamped",
            stream=f"pg:{self.system}/{self.line}",
            position=self.lsn,
            names=[f"xid:{self.system}/{xid}", subject],
        )

    def commit(self, time: str, xid: int, value: str | None = None) -> Self:
        return self.wal("wal.commit", time, xid, "pg:lineage-db", value=value)

    def recreated(self, time: str, xid: int) -> Self:
        return self.commit(time, xid).wal("table.recreate", time, xid)

    def truncated(self, time: str, xid: int) -> Self:
        return self.commit(time, xid).wal("table.truncate", time, xid)

    def rewritten(self, time: str, xid: int) -> Self:
        return self.commit(time, xid).wal("table.rewrite", time, xid, value="vacuum full")

    def wrote(self, time: str, xid: int, insert: int = 0, update: int = 0, delete: int = 0):
        value = f"delete={delete} insert={insert} update={update}"
        return self.commit(time, xid).wal("table.write", time, xid, value=value)

    def updated(self, time: str, xid: int, model: str, digest: str, asserted: str) -> Self:
        """As :meth:`wrote` of one update, with the row as the log has it after it."""
        self.wrote(time, xid, update=1)
        self.wal("row.update", time, xid, f"model:{model}@1")
        self.rows[-1]["names"] = [f"xid:{self.system}/{xid}", TABLE]
        return self.event(
            "lineage-db",
            "claim",
            f"model:{model}@1",
            asserted,
            item=self.rows[-1]["item"],
            citation=self.rows[-1]["citation"],
            part=1,
            attribute="artifact",
            value=digest.removeprefix("sha256:"),
            digest=digest,
            clock="pg:lineage-db/ml.lineage.registered_at",
            basis="asserted",
        )

    def logged(self, since: str, until: str) -> Self:
        return self.cover("lineage-db", "table.*", "pg:lineage-db/*", since, until)

    def snapshot(self, time: str, asserted: str | None = None, **rows: str) -> Self:
        """A dump: every row of the table, ``m1="a…"`` (artifact) by subject ``model:m1@1``.

        ``asserted``: the time that each of them gives.
        """
        item = self.item()
        self.event("lineage-db", "snapshot", "pg:lineage-db", time, item=item, citation="")
        self.cover("lineage-db", "claim", TABLE, time, time, item)
        for model, digest in rows.items():
            self._row(item, model, digest, "row.dumped", asserted)
        return self

    def capture(
        self,
        time: str,
        *rows: tuple[str, str, str | None, str | None, int],
        count: tuple[int, int] | None = None,
        told: bool = False,
    ) -> Self:
        """A live capture: rows of (model, artifact, asserted time, commit time, xid).

        ``count``: the oldest running and the next transaction; ``told``: control data were read
        with it, and say the timeline.
        """
        item = self.item()
        value = f"rows system={self.system} snapshot={count[0]}:{count[1]}:" if count else None
        self.event(
            "lineage-db", "snapshot", "pg:lineage-db", time, item=item, citation="", value=value
        )
        if told:
            control = self.item()
            self.event("lineage-db", "snapshot", "pg:lineage-db", time, item=control, citation="")
            stream = f"pg:{self.system}/{self.line}"
            self.event(
                "lineage-db", "control.checkpoint", "pg:lineage-db", item=control, stream=stream
            )
        self.cover("lineage-db", "claim", TABLE, time, time, item)
        for model, digest, asserted, written, xid in rows:
            self._row(item, model, digest, "row.version", asserted, written, xid)
        return self

    def _row(
        self,
        item: str,
        model: str,
        digest: str,
        kind: str,
        asserted: str | None,
        written: str | None = None,
        xid: int | None = None,
    ) -> None:
        subject = f"model:{model}@1"
        citation = f"line {model}"
        names = [digest, TABLE] + ([f"xid:{self.system}/{xid}"] if xid else [])
        more = {"clock": "pg:lineage-db/commit", "basis": "stamped"} if xid else {}
        self.event(
            "lineage-db", kind, subject, written, item=item, citation=citation, names=names, **more
        )
        self.event(
            "lineage-db",
            "claim",
            subject,
            asserted,
            item=item,
            citation=citation,
            part=1,
            attribute="artifact",
            value=digest.removeprefix("sha256:"),
            digest=digest,
            clock="pg:lineage-db/ml.lineage.registered_at",
            basis="asserted",
        )
