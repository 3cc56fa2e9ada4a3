r"""S3 server access logs: who asked for what, as S3 delivers it some time later, best effort.

A line, broken here (S3 User Guide, "Amazon S3 server access log format")::

    79a59df9 acme-models [08/Mar/2026:20:05:00 +0000] 192.0.2.3 arn:aws:iam::111122223333:user/dba
    3E57427F33A59F07 REST.DELETE.OBJECT m/2/model.bin "DELETE /m/2/model.bin?versionId=QUpfdndh
    HTTP/1.1" 204 - - 5 21 20 "-" "aws-cli/2.15" QUpfdndh s9lzHYrF= SigV4
    ECDHE-RSA-AES128-GCM-SHA256 AuthHeader acme-models.s3.amazonaws.com TLSv1.2 - -

What a lifecycle rule does stands there as ``S3.EXPIRE.OBJECT``, ``S3.CREATE.DELETEMARKER`` or
``S3.TRANSITION…``, which CloudTrail does not record. A record may come late, twice or never: the
log covers nothing. Its time is when the request was received.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

import polars as pl

from collectors.s3 import drafts, packed
from collectors.s3.kinds import ACCESS_LOG
from collectors.s3.listing import NotAListingError
from collectors.s3.times import SECOND
from recon.collector import Items, Sha256, Source, Warn
from recon.schema import DRAFT

if TYPE_CHECKING:
    from collections.abc import Sequence

_LINE = (
    r"^(?P<owner>\S+) (?P<bucket>\S+) \[(?P<time>[^\]]{26})\] (?P<ip>\S+) (?P<requester>\S+)"
    r" (?P<request>\S+) (?P<operation>[A-Z0-9]+(?:[._][A-Z0-9]+)*) (?P<key>\S+)"
    r' (?P<uri>-|".*?") (?P<status>\d{3}|-) (?P<error>\S+) (?P<sent>\S+) (?P<size>\S+)'
    r' (?P<total>\S+) (?P<turn>\S+) (?P<referer>-|".*?") (?P<agent>-|".*") (?P<version>\S+)'
    r"(?: .*)?$"
)
"""The agent is what the client wrote, quotes included: it ends at the last quote of the line."""
_FAILED = 400


def events(
    source: Source, items: Items, listed: pl.DataFrame, warnings: list[Warn]
) -> pl.DataFrame:
    """``log.OPERATION`` for each request that was done, ``log.failed`` for each that was not."""
    frames = [pl.DataFrame(schema=DRAFT)]
    # The same bytes under two names are one log.
    logs = {item.sha256: item for item in items.of(ACCESS_LOG)}
    known = set(listed["key"].unique()) if logs else set()
    for item in logs.values():
        try:
            lines = [line.rstrip(b"\r\n") for line in packed.lines(items.path(item))]
        except NotAListingError as error:
            text = f"{item.native}: {error}; not read"
            warnings.append(Warn(item.sha256, "", text, "error"))
            continue
        frames.append(_events(source, item.sha256, _lines(lines), known, warnings))
    return pl.concat(frames)


def _lines(lines: Sequence[bytes]) -> pl.DataFrame:
    """One row a line that is not empty: its number from 1, and its fields; null: it has none."""
    text = pl.Series("line", [line.decode("utf-8", "replace") for line in lines], pl.String)
    return (
        text.to_frame()
        .with_row_index("number", 1)
        .filter(pl.col("line") != "")
        .with_columns(pl.col("line").str.extract_groups(_LINE).struct.unnest())
        .with_columns(
            earliest=pl.col("time")
            .str.to_datetime("%d/%b/%Y:%H:%M:%S %z", time_unit="us", strict=False)
            .dt.convert_time_zone("UTC")
        )
    )


def _events(
    source: Source, item: Sha256, rows: pl.DataFrame, known: set[str], warnings: list[Warn]
) -> pl.DataFrame:
    if rows.is_empty():
        warnings.append(Warn(item, "", "expected records of an access log, found no line"))
    broken = rows.filter(pl.col("operation").is_null() | pl.col("earliest").is_null())
    if not broken.is_empty():
        place = f"line {broken['number'][0]}"
        text = f"expected a record of an access log, found other: {broken.height} lines left out"
        warnings.append(Warn(item, place, f"{text}, this one first", "error"))
    rows = rows.join(broken, on="number", how="anti").with_columns(item=pl.lit(item))
    keys = {key: _key(key, known) for key in rows["key"].unique()}
    rows = rows.with_columns(
        key=pl.col("key").replace_strict(keys, default=None, return_dtype=pl.String),
        version=pl.when(pl.col("version") != "-").then("version"),
    )
    bucket = source.options.bucket
    other = rows.filter(pl.col("bucket") != bucket)
    if not other.is_empty():
        place = f"line {other['number'][0]}"
        text = f"expected records of the bucket {bucket!r}, found {other['bucket'][0]!r}"
        warnings.append(Warn(item, place, f"{text}: {other.height} lines left out"))
    rows = rows.filter(pl.col("bucket") == bucket)
    failed = pl.col("status").cast(pl.Int32, strict=False).fill_null(0) >= _FAILED
    said = pl.format("{} {} {}", "operation", "status", "error")
    version = pl.when(pl.col("key").is_not_null() & pl.col("version").is_not_null()).then(
        drafts.version(bucket)
    )
    return drafts.draft(
        rows,
        kind=pl.when(failed)
        .then(pl.lit("log.failed"))
        .otherwise(pl.format("log.{}", pl.col("operation"))),
        citation=pl.format("line {}", "number"),
        subject=pl.when(pl.col("key").is_null())
        .then(pl.lit(f"s3:{bucket}"))
        .otherwise(pl.format("s3:{}/{}", pl.lit(bucket), pl.col("key").fill_null(""))),
        value=pl.when(failed).then(said).otherwise("version"),
        clock=pl.lit(f"s3:{source.id}/access-log"),
        basis=pl.lit("stamped"),
        earliest=pl.col("earliest"),
        latest=pl.col("earliest") + SECOND,
        actor=pl.when(pl.col("requester") != "-")
        .then("requester")
        .otherwise(pl.format("anonymous from {}", "ip")),
        names=pl.concat_list(pl.format("request:{}", "request"), version).list.drop_nulls(),
    )


def _key(key: str, known: set[str]) -> str | None:
    """A key as it is listed: the log encodes it once, and some characters a second time."""
    if key == "-":
        return None
    once = unquote_plus(key)
    twice = unquote_plus(once)
    return twice if once not in known and twice in known else once
