"""A large case, made by arithmetic: what sources of a model registry record over a year.

Twenty events a model: a commit; a deploy that names commit and artifact; an object with its digest;
the row's transaction and the write to its table in the log; the row with its claims in two dumps
and in a capture of the live server; and commits that touch other tables. One model in ten
thousand has another artifact in the capture, and as many are gone from the second dump.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import polars as pl

from recon import schema

YEAR = 365 * 86_400_000_000
BEGIN = 1_740_787_200_000_000
TABLE = "pg:db/ml/ml.lineage"
EACH = 20
ODD = 10_000


def _digest(of: pl.Expr) -> pl.Expr:
    one = of.hash(7).cast(pl.String).str.pad_start(32, "0")
    return pl.concat_str(one, of.hash(8).cast(pl.String).str.pad_start(32, "0"))


def _commit(of: pl.Expr) -> pl.Expr:
    return pl.concat_str(_digest(of).str.slice(10, 40))


def _none(like: pl.Expr) -> pl.Expr:
    return pl.when(like.is_null()).then(like)


def parts(models: int) -> list[pl.LazyFrame]:
    """Events without ``row``, by kind; each frame has a row for a model."""
    n = pl.int_range(models, eager=True).alias("n")
    own = pl.DataFrame({"n": n}).lazy()
    number = pl.col("n")
    at = BEGIN + number * ((YEAR - 40 * 86_400_000_000) // models)
    bad = number % ODD == ODD // 2
    gone = number % ODD == ODD // 3
    good = _digest(number)
    model = pl.format("model:m{}@1", number)
    xid = pl.format("xid:1/{}", number + 1000)

    def event(
        source: str,
        kind: str,
        subject: pl.Expr,
        time: pl.Expr | int | None,
        item: str,
        *,
        clock: str | None = None,
        basis: str | None = None,
        citation: pl.Expr = number,
        part: int = 0,
        attribute: str | None = None,
        value: pl.Expr | None = None,
        digest: pl.Expr | None = None,
        names: list[pl.Expr] | None = None,
        stream: str | None = None,
        position: pl.Expr | None = None,
        where: pl.Expr | None = None,
    ) -> pl.LazyFrame:
        moment = pl.lit(None) if time is None else pl.lit(time) if isinstance(time, int) else time
        empty = pl.lit([], dtype=pl.List(pl.String))
        rows = own if where is None else own.filter(where)
        return rows.select(
            source=pl.lit(source),
            domain=pl.lit("d-" + source),
            kind=pl.lit(kind),
            subject=subject,
            attribute=pl.lit(attribute, pl.String),
            value=pl.lit(None, pl.String) if value is None else value,
            digest=pl.lit(None, pl.String) if digest is None else digest,
            clock=pl.lit(clock, pl.String),
            basis=pl.lit(basis).cast(schema.BASIS),
            earliest=moment.cast(pl.Int64).cast(schema.INSTANT),
            latest=moment.cast(pl.Int64).cast(schema.INSTANT),
            stream=pl.lit(stream, pl.String),
            position=pl.lit(None, pl.UInt64) if position is None else position.cast(pl.UInt64),
            actor=pl.lit("ci"),
            names=empty if names is None else pl.concat_list(names),
            item=pl.lit(item),
            citation=pl.format("line {}", citation),
            part=pl.lit(part, pl.UInt32),
        )

    def claims(
        source: str,
        time: pl.Expr | int | None,
        item: str,
        clock: str,
        first: int = 1,
        artifact: pl.Expr = good,
        basis: str = "asserted",
        **more: Any,
    ) -> list[pl.LazyFrame]:
        return [
            event(
                source,
                "claim",
                model,
                time,
                item,
                clock=clock,
                basis=basis,
                part=first,
                attribute="artifact",
                value=artifact,
                digest=pl.concat_str(pl.lit("sha256:"), artifact),
                **more,
            ),
            event(
                source,
                "claim",
                model,
                time,
                item,
                clock=clock,
                basis=basis,
                part=first + 1,
                attribute="commit",
                value=_commit(number),
                digest=pl.concat_str(pl.lit("git:"), _commit(number)),
                **more,
            ),
        ]

    git = pl.concat_str(pl.lit("git:"), _commit(number))
    sha = pl.concat_str(pl.lit("sha256:"), good)
    minute = 60_000_000
    out = [
        event(
            "code",
            "git.commit",
            pl.concat_str(pl.lit("git:code/commit/"), _commit(number)),
            at,
            "1" * 64,
            clock="git:committer:a@b",
            basis="asserted",
            digest=git,
            names=[pl.concat_str(pl.lit("git:"), _commit(number - 1))],
        ),
        event(
            "code",
            "git.ref",
            pl.lit("git:code/refs/heads/main"),
            None,
            "1" * 64,
            digest=git,
            citation=pl.lit("ref main"),
            where=number == models - 1,
        ),
        event(
            "deploys",
            "deploy.finish",
            model,
            at + 20 * minute,
            "2" * 64,
            clock="log:deploys",
            basis="asserted",
            names=[sha, git],
            stream="log:deploys",
            position=number,
        ),
        *claims("deploys", at + 20 * minute, "2" * 64, "log:deploys"),
        event(
            "models",
            "object.put",
            pl.format("s3:acme/models/m{}/model.bin", number),
            at + 10 * minute,
            "3" * 64,
            clock="s3:models",
            basis="stamped",
            value=pl.format("v{}", number),
            digest=sha,
            names=[pl.format("s3:acme/models/m{}/model.bin?versionId=v{}", number, number)],
        ),
        event(
            "models",
            "claim",
            model,
            at + 10 * minute,
            "3" * 64,
            clock="s3:models",
            basis="stamped",
            part=1,
            attribute="artifact",
            value=good,
            digest=sha,
            names=[pl.format("s3:acme/models/m{}/model.bin?versionId=v{}", number, number)],
        ),
        event(
            "db",
            "wal.commit",
            pl.lit("pg:db"),
            at + 15 * minute,
            "4" * 64,
            clock="pg:db/commit",
            basis="stamped",
            names=[xid],
            stream="pg:1/1",
            position=number * 64 + 32,
        ),
        event(
            "db",
            "table.write",
            pl.lit(TABLE),
            at + 15 * minute,
            "4" * 64,
            clock="pg:db/commit",
            basis="stamped",
            names=[xid, pl.lit(TABLE)],
            stream="pg:1/1",
            position=number * 64,
            part=1,
            value=pl.lit("delete=0 insert=1 update=0"),
        ),
        event(
            "db",
            "wal.commit",
            pl.lit("pg:db"),
            at + 16 * minute,
            "4" * 64,
            clock="pg:db/commit",
            basis="stamped",
            names=[pl.format("xid:1/{}", number + 100_000_000)],
            stream="pg:1/1",
            position=number * 64 + 48,
            part=2,
        ),
        event(
            "db",
            "table.write",
            pl.lit("pg:db/ml/ml.metrics"),
            at + 16 * minute,
            "4" * 64,
            clock="pg:db/commit",
            basis="stamped",
            part=3,
            stream="pg:1/1",
            position=number * 64 + 40,
            names=[pl.format("xid:1/{}", number + 100_000_000), pl.lit("pg:db/ml/ml.metrics")],
            value=pl.lit("delete=0 insert=1 update=0"),
        ),
    ]
    asserted = at + 15 * minute - 2_000_000
    clock = "pg:db/ml.lineage.registered_at"
    for item in ("5" * 64, "6" * 64):
        there = ~gone if item[0] == "6" else pl.lit(value=True)
        out += [
            event("db", "row.dumped", model, None, item, names=[sha, pl.lit(TABLE)], where=there)
        ]
        out += claims("db", asserted, item, clock, where=there, names=[sha, pl.lit(TABLE)])
    other = pl.when(bad).then(_digest(number + 1_000_000_000)).otherwise(good)
    captured = [pl.concat_str(pl.lit("sha256:"), other), pl.lit(TABLE), xid]
    out += [
        event(
            "db",
            "row.version",
            model,
            at + 15 * minute,
            "7" * 64,
            clock="pg:db/commit",
            basis="stamped",
            where=~gone,
            names=captured,
        ),
        *claims("db", asserted, "7" * 64, clock, artifact=other, where=~gone, names=captured),
    ]
    return out


def few() -> pl.DataFrame:
    """When each state was read."""
    seen = [
        ("db", "pg:db", "pg:db/dump", 359, "5"),
        ("db", "pg:db", "pg:db/dump", 361, "6"),
        ("db", "pg:db", "pg:db/dump", 364, "7"),
        ("models", "s3:acme", "s3:models", 364, "3"),
    ]
    return schema.frame(
        [
            {
                "source": source,
                "domain": f"d-{source}",
                "kind": "snapshot",
                "subject": subject,
                "clock": clock,
                "basis": "stamped",
                "earliest": BEGIN + day * 86_400_000_000,
                "latest": BEGIN + day * 86_400_000_000,
                "item": item * 64,
                "citation": "",
                "part": 0,
                "names": [],
                "actor": "ci",
            }
            for source, subject, clock, day, item in seen
        ],
        {
            **{k: v for k, v in schema.EVENTS.items() if k != "row"},
            "earliest": pl.Int64(),
            "latest": pl.Int64(),
        },
    ).with_columns(pl.col("earliest", "latest").cast(schema.INSTANT))


def covered() -> pl.DataFrame:
    """Whole dumps, a whole listing, a whole history, and the log from the first day."""
    rows = [
        {
            "source": "db",
            "kind": "claim",
            "subject": TABLE,
            "earliest": day,
            "latest": day,
            "item": item * 64,
        }
        for day, item in ((359, "5"), (361, "6"), (364, "7"))
    ]
    rows += [
        {
            "source": "models",
            "kind": "object.*",
            "subject": "s3:acme/*",
            "earliest": 364,
            "latest": 364,
            "item": "3" * 64,
        },
        {"source": "db", "kind": "table.*", "subject": "pg:db/*", "earliest": 0, "latest": 364},
        {"source": "code", "kind": "git.commit", "subject": "git:code/*"},
    ]
    whole = schema.frame(rows, {**schema.COVERAGE, "earliest": pl.Int64(), "latest": pl.Int64()})
    return whole.with_columns(
        (pl.col("earliest", "latest") * 86_400_000_000 + BEGIN).cast(schema.INSTANT)
    )


def make(folder: Path, count: int) -> None:
    """Parts, merged by :func:`recon.timeline.merge`, with coverage and relations."""
    from recon.time.relations import relations
    from recon.timeline import merge

    made = []
    names = [name for name in schema.EVENTS if name != "row"]
    for number, part in enumerate([*parts(count // EACH), few().lazy()]):
        made.append(folder / f"part{number:02}.parquet")
        part.select(names).sink_parquet(made[-1])
    merge(made, folder / "events.parquet")
    for one in made:
        one.unlink()
    covered().write_parquet(folder / "coverage.parquet")
    laws = relations(
        pl.scan_parquet(folder / "events.parquet"), pl.scan_parquet(folder / "coverage.parquet")
    )
    laws.sink_parquet(folder / "relations.parquet")


if __name__ == "__main__":
    make(Path(sys.argv[1]), int(sys.argv[2]))
