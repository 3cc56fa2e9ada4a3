"""S3 Inventory: a report of all versions, with its manifest, as CSV, ORC or Parquet.

::

    {"sourceBucket": "acme-models", "destinationBucket": "arn:aws:s3:::acme-inventory",
     "version": "2016-11-30", "creationTimestamp": "1772992800000", "fileFormat": "CSV",
     "fileSchema": "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, …",
     "files": [{"key": "acme-models/daily/data/9a5f.csv.gz", "size": 104, "MD5checksum": "f1…"}]}

A line of the CSV, its key URL-encoded::

    "acme-models","m/2/gr%C3%B6%C3%9Fe.bin","QUpfdndh","true","false","1","2026-02-14T10:05:00.000Z"

``manifest.checksum`` holds the MD5 of the manifest. The report is begun at ``creationTimestamp``
and follows the bucket late (S3 User Guide, "Amazon S3 Inventory": eventual consistency), so what
it lists was there, and what it does not list may have been there too: it covers nothing.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from collectors import parquetpages
from collectors.s3 import clijson, packed, times
from collectors.s3.kinds import INVENTORY, MANIFEST, MANIFEST_CHECKSUM
from collectors.s3.listing import NotAListingError
from collectors.s3.xmlpage import decoded
from recon.collector import Item, Items, Source, Warn
from recon.schema import INSTANT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

STORED: dict[str, pl.DataType] = {
    "kind": pl.String(),
    "key": pl.String(),
    "version": pl.String(),
    "latest_version": pl.Boolean(),
    "etag": pl.String(),
    "size": pl.Int64(),
    "storage": pl.String(),
    "in_parts": pl.Boolean(),
    "lock_mode": pl.String(),
    "lock_until": INSTANT,
    "legal_hold": pl.String(),
    "earliest": INSTANT,
    "latest": INSTANT,
    "number": pl.UInt32(),
}
"""One row a version of a report. ``number`` counts its rows from 1; the rest is as in listings."""

_COLUMNS = {
    "bucket": pl.String(),
    "key": pl.String(),
    "version_id": pl.String(),
    "is_latest": pl.Boolean(),
    "is_delete_marker": pl.Boolean(),
    "size": pl.Int64(),
    "last_modified_date": INSTANT,
    "e_tag": pl.String(),
    "storage_class": pl.String(),
    "is_multipart_uploaded": pl.Boolean(),
    "object_lock_mode": pl.String(),
    "object_lock_retain_until_date": INSTANT,
    "object_lock_legal_hold_status": pl.String(),
}
"""As ORC and Parquet name them; a CSV names them in its manifest's ``fileSchema``."""
_LONGEST = 4096
"""Bytes of a value. A key has 1,024 at most (S3 User Guide, "Naming objects"), three times as many
where it is URL-encoded."""
_SPELLED = {"etag": "e_tag"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a manifest says of its report."""

    item: Item
    bucket: str
    created: datetime | None
    format: str
    """``CSV``, ``ORC`` or ``Parquet``."""
    columns: tuple[str, ...]
    """Of a CSV, in their order, as ORC and Parquet name them."""
    files: tuple[tuple[str, int | None, str], ...]
    """Key, size in bytes and MD5 of each."""


@dataclass(frozen=True, slots=True)
class Report:
    """One file of a report, with the manifest that names it."""

    item: Item
    manifest: Manifest | None
    rows: pl.DataFrame
    """Rows of :data:`STORED`."""


def read(source: Source, items: Items, warnings: list[Warn]) -> list[Report]:
    """Every file of every report, each against its manifest; what does not match is named."""
    manifests = _manifests(items, warnings)
    named: dict[str, tuple[Manifest, int | None, str]] = {}
    for one in manifests:
        for key, size, md5 in one.files:
            named[_place(one.item, key)] = (one, size, md5)
    reports = []
    for item in items.of(INVENTORY):
        manifest, size, md5 = named.pop(_place(item, item.native), (None, None, ""))
        _check(items, item, size, md5, warnings)
        try:
            rows = _rows(items.path(item), item.native, manifest, source.options.bucket)
        except NotAListingError as error:
            warnings.append(Warn(item.sha256, "", f"{item.native}: {error}; not read", "error"))
            continue
        reports.append(Report(item, manifest, rows))
    warnings += [
        Warn(one.item.sha256, "", f"expected the file {key!r} that the manifest names, found none")
        for key, (one, _, _) in sorted(named.items())
    ]
    return reports


def _place(item: Item, name: str) -> str:
    """Files of a report have names of their own; two acquisitions may hold the same report."""
    return f"{item.acquisition}:{name.rsplit('/', 1)[-1]}"


def _manifests(items: Items, warnings: list[Warn]) -> list[Manifest]:
    checksums = {
        (item.acquisition, item.native.rpartition("/")[0]): (item, items.read(item))
        for item in items.of(MANIFEST_CHECKSUM)
    }
    found = []
    for item in items.of(MANIFEST):
        data = items.read(item)
        checksum = checksums.get((item.acquisition, item.native.rpartition("/")[0]))
        made = hashlib.md5(data, usedforsecurity=False).hexdigest()
        if checksum is not None and checksum[1].strip().lower() != made.encode():
            text = f"expected MD5 {checksum[1][:40]!r} by manifest.checksum, found {made}"
            warnings.append(Warn(item.sha256, "", f"{item.native}: {text}", "error"))
        try:
            found.append(_manifest(item, data))
        except NotAListingError as error:
            warnings.append(Warn(item.sha256, "", f"{item.native}: {error}; not read", "error"))
    return found


def _manifest(item: Item, data: bytes) -> Manifest:
    top = clijson.load(data)
    files = top.get("files")
    if not isinstance(files, list) or clijson.text(top.get("sourceBucket")) is None:
        raise NotAListingError(f"expected sourceBucket and files, found {sorted(top)[:5]}")
    schema = clijson.text(top.get("fileSchema")) or ""
    created = str(top.get("creationTimestamp") or "")
    is_number = created.isascii() and created.isdigit() and len(created) < 15  # noqa: PLR2004  (ms, 5138 AD)
    return Manifest(
        item=item,
        bucket=str(top["sourceBucket"]),
        created=_EPOCH + timedelta(milliseconds=int(created)) if is_number else None,
        format=clijson.text(top.get("fileFormat")) or "",
        columns=tuple(snake(name) for name in schema.split(",")),
        files=tuple(
            (key, size if type(size := one.get("size")) is int else None, _md5(one))
            for one in files
            if isinstance(one, dict) and (key := clijson.text(one.get("key")))
        ),
    )


def _md5(one: dict[str, Any]) -> str:
    return (clijson.text(one.get("MD5checksum")) or "").lower()


def snake(name: str) -> str:
    """``LastModifiedDate`` as ORC and Parquet spell it."""
    made = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.strip()).lower()
    return _SPELLED.get(made, made)


def scan(path: Path) -> pl.LazyFrame:
    """A report in Parquet as versions for :func:`collectors.s3.held.at`, read as it is needed."""
    known = pl.read_parquet_schema(path)
    instant = pl.col("last_modified_date").cast(INSTANT).dt.truncate("1s")
    version = pl.col("version_id") if "version_id" in known else pl.lit(None, pl.String)
    marker = pl.col("is_delete_marker") if "is_delete_marker" in known else pl.lit(False)
    # Of an upload in parts it is the initiation: where it ended no report says.
    in_parts = pl.lit(False)
    if "is_multipart_uploaded" in known:
        in_parts = pl.col("is_multipart_uploaded")
    elif "e_tag" in known:
        in_parts = pl.col("e_tag").str.contains("-", literal=True)
    return pl.scan_parquet(path).select(
        key="key",
        version=version.fill_null("null"),
        deleted=marker.fill_null(False),
        earliest=instant,
        latest=pl.when(in_parts.fill_null(False)).then(None).otherwise(instant + times.SECOND),
        order=pl.lit(None, pl.UInt64),
    )


def _check(items: Items, item: Item, size: int | None, md5: str, warnings: list[Warn]) -> None:
    """A file against the size and MD5 that its manifest gives; its rows are read all the same."""
    if not md5 and size is None:
        return
    with items.path(item).open("rb") as file:
        made = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if size not in (None, item.size):
        text = f"expected {size} bytes by its manifest, found {item.size}"
        warnings.append(Warn(item.sha256, "", f"{item.native}: {text}", "error"))
    elif md5 and md5 != made:
        text = f"expected MD5 {md5} by its manifest, found {made}"
        warnings.append(Warn(item.sha256, "", f"{item.native}: {text}", "error"))


def _rows(path: Path, native: str, manifest: Manifest | None, bucket: str) -> pl.DataFrame:
    name = native.lower()
    is_csv = not name.endswith((".parquet", ".orc"))
    try:
        if is_csv:
            frame = _csv(path, manifest)
        else:
            frame = _orc(path) if name.endswith(".orc") else _parquet(path)
        # Columns of other types than S3's end here too.
        return stored(frame, bucket, is_csv=is_csv)
    except (
        pl.exceptions.PolarsError,
        pl.exceptions.PanicException,
        OSError,
        ValueError,
    ) as error:
        raise NotAListingError(f"expected a file of S3 Inventory ({error})"[:500]) from error


def _present(names: Sequence[str] | dict[str, Any]) -> list[str]:
    return [name for name in names if name in _COLUMNS]


def _parquet(path: Path) -> pl.DataFrame:
    rows = pl.scan_parquet(path, glob=False)
    _bound(rows.select(pl.len()).collect().item())
    present = _present(rows.collect_schema().names())
    parquetpages.check(path, present, packed.MOST_UNPACKED, packed.MOST_ROWS)
    _short(rows, rows.collect_schema())
    return pl.read_parquet(path, columns=present)


def _bound(rows: int) -> None:
    if rows > packed.MOST_ROWS:
        raise NotAListingError(f"expected at most {packed.MOST_ROWS} rows, found {rows}")


def _orc(path: Path) -> pl.DataFrame:
    try:
        from pyarrow import ArrowException, orc
    except ImportError as error:
        raise NotAListingError(
            "expected pyarrow, which reads ORC, found none: install recon-forensics[orc]"
        ) from error
    try:
        file = orc.ORCFile(path)
        _bound(file.nrows)
        parts = list(packed.stripes(path, _present(file.schema.names)))
    except ArrowException as error:
        # Not all of them are OSError or ValueError.
        raise OSError(str(error)) from error
    frame = pl.concat(parts) if parts else pl.DataFrame(schema=["key"])
    _short(frame.lazy(), frame.schema)
    return frame


def _short(rows: pl.LazyFrame, schema: Mapping[str, pl.DataType]) -> None:
    """A text that stands in a dictionary once may stand in millions of rows: none is that long."""
    texts = [name for name in _present(list(schema)) if schema[name] == pl.String()]
    if not texts:
        return
    longest = rows.select(pl.col(texts).str.len_bytes().max()).collect(engine="streaming")
    for name in longest.columns:
        found = longest[name][0]
        if found is not None and found > _LONGEST:
            raise NotAListingError(
                f"expected at most {_LONGEST} bytes in a value, found {found} in {name!r}"
            )


def _csv(path: Path, manifest: Manifest | None) -> pl.DataFrame:
    """Lines by the columns that the manifest names: the file itself has no header."""
    if manifest is None or "key" not in manifest.columns:
        raise NotAListingError("expected a manifest that names the columns, found none")
    data: Any = path
    if packed.is_packed(path):
        data = packed.unpacked(path)
        lines = data.count(b"\n") + (not data.endswith(b"\n"))
    else:
        lines = sum(1 for _ in packed.lines(path))
    _bound(lines)
    frame = pl.read_csv(
        data,
        has_header=False,
        new_columns=list(manifest.columns),
        schema_overrides=[pl.String()] * len(manifest.columns),
    )
    if frame.height != lines:
        # A row is cited by its line.
        raise NotAListingError(
            f"expected a line a row, as S3 writes them, found {frame.height} rows in {lines} lines"
        )
    return frame


def stored(frame: pl.DataFrame, bucket: str, *, is_csv: bool) -> pl.DataFrame:
    """Rows of :data:`STORED` from a report's own columns; rows of other buckets are left out.

    Raises:
        NotAListingError: it has no key, or none of this bucket.
    """
    if "key" not in frame.columns:
        raise NotAListingError(f"expected a column key, found {frame.columns[:5]}")
    frame = frame.select(_present(frame.columns))
    if is_csv:
        frame = _typed(frame)
    frame = frame.with_row_index("number", 1).with_columns(
        pl.lit(None, dtype).alias(name)
        for name, dtype in _COLUMNS.items()
        if name not in frame.columns
    )
    of_bucket = frame.filter(pl.col("bucket").is_null() | (pl.col("bucket") == bucket))
    if of_bucket.is_empty() and not frame.is_empty():
        raise NotAListingError(
            f"expected rows of the bucket {bucket!r}, found {frame['bucket'][0]!r}"
        )
    instant = pl.col("last_modified_date").cast(INSTANT, strict=False)
    second = instant.dt.truncate("1s")
    made = of_bucket.select(
        kind=pl.when(pl.col("is_delete_marker").fill_null(False))
        .then(pl.lit("object.delete"))
        .otherwise(pl.lit("object.put")),
        key="key",
        # A report of current versions alone has no ids; of an unversioned bucket they are empty.
        version=pl.when(pl.col("version_id").fill_null("") != "")
        .then("version_id")
        .otherwise(pl.lit("null")),
        latest_version="is_latest",
        etag=pl.col("e_tag").str.strip_chars('"'),
        size="size",
        storage="storage_class",
        in_parts=pl.coalesce("is_multipart_uploaded", pl.col("e_tag").str.contains(r"-\d+$")),
        lock_mode=pl.when(pl.col("object_lock_mode").fill_null("") != "").then("object_lock_mode"),
        lock_until=pl.col("object_lock_retain_until_date").cast(INSTANT, strict=False),
        legal_hold="object_lock_legal_hold_status",
        earliest=second,
        latest=second + times.SECOND,
        number="number",
    )
    return made.cast(STORED)  # type: ignore[arg-type]  # types by name, as a schema is


def _typed(frame: pl.DataFrame) -> pl.DataFrame:
    """Text of a CSV as its columns' types; keys decoded, those alone that are encoded.

    Which columns it has the bucket's owner chose.
    """
    marked = frame["key"].str.contains("[%+]").fill_null(False)
    keys = frame["key"]
    if marked.any():
        plain, _ = decoded(keys.filter(marked).to_list(), is_encoded=True)
        keys = keys.scatter(marked.arg_true(), plain)
    types = {name: _COLUMNS[name] for name in frame.columns}
    dates = {
        name: times.modified(frame[name])["earliest"]
        for name, dtype in types.items()
        if dtype == INSTANT
    }
    lower = {"true": True, "false": False}
    return frame.with_columns(
        keys.alias("key"),
        *(
            pl.col(name).cast(dtype, strict=False)
            for name, dtype in types.items()
            if dtype == pl.Int64()
        ),
        *(series.alias(name) for name, series in dates.items()),
        *(
            pl.col(name).str.to_lowercase().replace_strict(lower, default=None)
            for name, dtype in types.items()
            if dtype == pl.Boolean()
        ),
    )
