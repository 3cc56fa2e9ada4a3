"""Timelines told as stories: each call is one record of one source, at a time of one day.

``story.at("10:05")`` is 2026-03-08T10:05:00Z; ``"2026-02-14 10:05"`` another day.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from recon import schema
from recon.config import Domain, Norm
from recon.rules import Draft, Rule, Timeline
from recon.time.anchors import DeclaredAnchor
from recon.time.declared import Correspondence, Side
from recon.time.relations import relations

DAY = "2026-03-08"
TABLE = "pg:lineage-db/ml/ml.lineage"
GOOD = "sha256:" + "a" * 64
BAD = "sha256:" + "b" * 64
PLATFORM = Domain(organisation="acme", account="1")


def at(time: str) -> datetime:
    text = time if " " in time else f"{DAY} {time}"
    form = "%Y-%m-%d %H:%M:%S" if text.count(":") == 2 else "%Y-%m-%d %H:%M"
    return datetime.strptime(text, form).replace(tzinfo=UTC)


class Story:
    """Events and coverage, in the order in which they are told."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.covered: list[dict[str, Any]] = []
        self.lsn = 0
        self.items = 0
        self.paired: list[Correspondence] = []
        self.tolerance: dict[str, float] = {}
        self.anchors: tuple[DeclaredAnchor, ...] = ()
        self.system = "1"
        """The cluster that is told of, and the timeline that it is on."""
        self.line = 1
        self.laws: list[dict[str, Any]] = []

    def event(
        self, source: str, kind: str, subject: str, time: str | None = None, **more: Any
    ) -> Story:
        moment = at(time) if time else None
        item = more.pop("item", None) or self.item()
        self.rows.append(
            {
                "source": source,
                "domain": "platform",
                "kind": kind,
                "subject": subject,
                "earliest": moment,
                "latest": moment,
                "item": item,
                "citation": more.pop("citation", f"line {len(self.rows) + 1}"),
                "part": more.pop("part", 0),
                "names": more.pop("names", []),
                **more,
            }
        )
        return self

    def measured(
        self,
        first: str,
        second: str,
        ahead: float,
        *,
        since: str = "2026-02-01 00:00",
        until: str = "2026-04-10 00:00",
        wide: float = 2.0,
        every: int = 6,
    ) -> Story:
        """Records of one act by two clocks, every so many hours by the first one.

        ``ahead``: seconds by which the second clock is ahead of the first. ``wide``: seconds by
        which the two records may lie apart, as the case declares it.
        """
        number = len(self.paired)
        sides = [Side(source=f"acts{number}-{end}", kind="act") for end in (1, 2)]
        self.paired.append(
            Correspondence(first=sides[0], second=sides[1], within=(-wide / 2, wide / 2), by="run")
        )
        moment, run = at(since), 0
        while moment <= at(until):
            for side, clock, shift in zip(sides, (first, second), (0.0, ahead), strict=True):
                self.event(
                    *(side.source, "act", f"run:{number}-{since}-{run}"),
                    clock=clock,
                    basis="stamped",
                )
                reading = moment + timedelta(seconds=shift)
                self.rows[-1] |= {"earliest": reading, "latest": reading}
            moment, run = moment + timedelta(hours=every), run + 1
        return self

    def ahead(self, clock: str, seconds: float, since: str | None = None) -> Story:
        """All that was told so far, with what a clock read moved by as much, from a time on."""
        for row in self.rows:
            if row.get("clock") == clock and (since is None or row["earliest"] >= at(since)):
                for end in ("earliest", "latest"):
                    row[end] = row[end] and row[end] + timedelta(seconds=seconds)
        return self

    def item(self) -> str:
        self.items += 1
        # Distinct in the digits that an event's id has of it.
        return f"{self.items:016x}" * 4

    # Postgres

    def on(self, line: int, *, system: str | None = None, lsn: int | None = None) -> Story:
        """From here on, another timeline, or another cluster; its log goes on at an LSN."""
        self.line = line
        self.system = system or self.system
        self.lsn = self.lsn if lsn is None else lsn
        return self

    def forked(self, parent: int, child: int, lsn: int) -> Story:
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
    ) -> Story:
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

    def commit(self, time: str, xid: int, value: str | None = None) -> Story:
        return self.wal("wal.commit", time, xid, "pg:lineage-db", value=value)

    def recreated(self, time: str, xid: int) -> Story:
        return self.commit(time, xid).wal("table.recreate", time, xid)

    def truncated(self, time: str, xid: int) -> Story:
        return self.commit(time, xid).wal("table.truncate", time, xid)

    def rewritten(self, time: str, xid: int) -> Story:
        return self.commit(time, xid).wal("table.rewrite", time, xid, value="vacuum full")

    def wrote(self, time: str, xid: int, insert: int = 0, update: int = 0, delete: int = 0):
        value = f"delete={delete} insert={insert} update={update}"
        return self.commit(time, xid).wal("table.write", time, xid, value=value)

    def updated(self, time: str, xid: int, model: str, digest: str, asserted: str) -> Story:
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

    def logged(self, since: str, until: str) -> Story:
        return self.cover("lineage-db", "table.*", "pg:lineage-db/*", since, until)

    def snapshot(self, time: str, asserted: str | None = None, **rows: str) -> Story:
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
    ) -> Story:
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

    # Others

    def deployed(self, time: str, model: str, **attributes: str) -> Story:
        item = self.item()
        subject = f"model:{model}@1"
        self.event(
            "deploys",
            "deploy.finish",
            subject,
            time,
            item=item,
            citation="line 1",
            clock="log:deploys",
            basis="asserted",
        )
        for part, (name, value) in enumerate(attributes.items(), 1):
            digest = value if ":" in value else None
            self.event(
                "deploys",
                "claim",
                subject,
                time,
                item=item,
                citation="line 1",
                part=part,
                attribute=name,
                value=value.split(":")[-1],
                digest=digest,
                clock="log:deploys",
                basis="asserted",
            )
        return self

    def stored(self, time: str, model: str, digest: str, attribute: str = "artifact") -> Story:
        return self.event(
            "models",
            "claim",
            f"model:{model}@1",
            time,
            attribute=attribute,
            value=digest.removeprefix("sha256:"),
            digest=digest,
            clock="s3:models",
            basis="stamped",
        )

    def listing(self, time: str, *versions: tuple[str, str, str]) -> Story:
        """A complete listing of the bucket: (key, version id, stored at)."""
        item = self.item()
        self.event("models", "snapshot", "s3:bucket", time, item=item, citation="")
        self.cover("models", "object.*", "s3:bucket/*", time, time, item)
        for key, version, stored in versions:
            self.event(
                "models",
                "object.put",
                f"s3:bucket/{key}",
                stored,
                item=item,
                value=version,
                clock="s3:models",
                basis="stamped",
                names=[f"s3:bucket/{key}?versionId={version}"],
            )
        return self

    def committed(
        self,
        name: str,
        *parents: str,
        time: str = "01:00",
        tree: str | None = None,
        title: str = "",
        authored: str | None = None,
        who: str = "a@b",
    ) -> Story:
        """A commit; with ``tree`` as the collector gives it, with title, author and his time."""
        item, citation = self.item(), f"commit {commit(name)}"
        names = [f"git:{commit(one)}" for one in ([tree] if tree else []) + list(parents)]
        subject = f"git:code/commit/{commit(name)}"
        self.event(
            "code",
            "git.commit",
            subject,
            time,
            digest=f"git:{commit(name)}",
            value=f"parents={len(parents)} title={title}" if tree else None,
            names=names,
            clock=f"git:committer:{who}",
            basis="asserted",
            item=item,
            citation=citation,
        )
        if tree:
            author = {"clock": "git:author:a@b", "basis": "asserted", "part": 1}
            self.event(
                *("code", "git.author", subject, authored or time),
                item=item,
                citation=citation,
                **author,
            )
        return self

    def clone(self, value: str, since: str, until: str | None = None, **refs: str) -> Story:
        """A clone's refs, ``heads_main="c1"``, as of a time, or of some time between two."""
        item = self.item()
        self.event("code", "snapshot", "git:code", since, item=item, citation="", value=value)
        self.rows[-1] |= {"clock": "examiner", "latest": at(until or since)}
        for name, target in refs.items():
            ref = f"refs/{name.replace('_', '/')}"
            self.event(
                *("code", "git.ref", f"git:code/{ref}"),
                item=item,
                digest=f"git:{commit(target)}",
                citation=f"ref {ref}",
            )
        return self

    def pushed(
        self,
        time: str | None,
        ref: str,
        old: str | None,
        new: str | None,
        place: str = "github:a/b",
    ) -> Story:
        """A forge's record of a push."""
        sides = [commit(one) if one else "0" * 40 for one in (old, new)]
        return self.event(
            "forge",
            "github.push",
            f"{place}/{ref}",
            time,
            value=" ".join(sides),
            digest=f"git:{sides[1]}" if new else None,
            clock="log:forge",
            basis="stamped",
        )

    def tagged(self, ref: str, name: str, model: str) -> Story:
        """What the case reads out of a tag."""
        return self.event(
            "code",
            "claim",
            f"model:{model}@1",
            attribute="commit",
            value=commit(name),
            digest=f"git:{commit(name)}",
            citation=f"ref {ref}",
        )

    def ref(self, name: str, target: str) -> Story:
        return self.event(
            "code",
            "git.ref",
            f"git:code/{name}",
            digest=f"git:{commit(target)}",
            citation=f"ref {name}",
        )

    def moved(self, time: str, ref: str, old: str, new: str) -> Story:
        return self.event(
            "code",
            "git.reflog",
            f"git:code/{ref}",
            time,
            value=f"{commit(old)} {commit(new)}",
            digest=f"git:{commit(new)}",
            clock="git:code/reflog",
            basis="stamped",
        )

    def whole_history(self) -> Story:
        return self.cover("code", "git.commit", "git:code/*")

    def cover(
        self,
        source: str,
        kind: str,
        subject: str,
        since: str | None = None,
        until: str | None = None,
        item: str | None = None,
    ) -> Story:
        self.covered.append(
            {
                "source": source,
                "kind": kind,
                "subject": subject,
                "earliest": at(since) if since else None,
                "latest": at(until) if until else None,
                "item": item,
            }
        )
        return self

    def timeline(self, *norms: Norm) -> Timeline:
        rows = [{"row": i, **row} for i, row in enumerate(self.rows)]
        events = schema.frame(rows, schema.EVENTS).lazy()
        coverage = schema.frame(self.covered, schema.COVERAGE).lazy()
        more = schema.frame(self.laws, schema.RELATIONS).lazy()
        laws = pl.concat([relations(events, coverage), more]).sort("before", "after", "law")
        known = laws, self.paired, self.anchors
        return Timeline(events, coverage, norms, self.tolerance, *known)

    def law(self, before: int, after: int, because: str) -> Story:
        """A law between two events, by their places in the story (−1: the last told)."""
        count = len(self.rows)
        ends = {"before": before % count, "after": after % count}
        self.laws.append({**ends, "law": "receipt", "because": because})
        return self

    def judged(self, rule: Rule, *norms: Norm) -> list[Draft]:
        return list(rule.check(self.timeline(*norms)))


def commit(name: str) -> str:
    """A commit id for a name: ``c1`` is 40 digits that begin with its own hash."""
    import hashlib

    return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()
