"""S3 Inventory in its three formats, true ones and ones whose manifest lies."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import polars as pl
import pytest
from pyarrow import orc

from collectors.s3 import packed
from collectors.s3.kinds import INVENTORY
from recon.collector import Item, Sha256
from recon.errors import BadInputError

Make = Callable[..., Any]
CREATED = datetime(2026, 3, 10, 1, 0, tzinfo=UTC)
SCHEMA = (
    "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag, StorageClass,"
    " IsMultipartUploaded, ObjectLockMode, ObjectLockRetainUntilDate, ObjectLockLegalHoldStatus"
)
MODEL = "models/credit-risk/2.3.1/model.bin"
ODD = 'größe & maß+1 100%,"x"\n../\x01é'


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 2, day, hour, tzinfo=UTC)


ROWS: list[dict[str, Any]] = [
    {"key": MODEL, "version_id": "v2", "is_latest": True, "is_delete_marker": True,
     "size": None, "last_modified_date": at(20), "e_tag": None},
    {"key": MODEL, "version_id": "v1", "is_latest": False, "is_delete_marker": False,
     "size": 5, "last_modified_date": at(14, 10), "e_tag": "5d41402abc4b2a76b9719d911017c592",
     "object_lock_mode": "COMPLIANCE",
     "object_lock_retain_until_date": datetime(2033, 1, 1, tzinfo=UTC),
     "object_lock_legal_hold_status": "ON"},
    {"key": ODD, "version_id": "v3", "is_latest": True, "is_delete_marker": False,
     "size": 9, "last_modified_date": at(15), "e_tag": f"{'a' * 32}-2",
     "is_multipart_uploaded": True},
]  # fmt: skip


def frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(
        [{"bucket": "b00", "storage_class": "STANDARD", **row} for row in rows],
        schema={
            "bucket": pl.String,
            "key": pl.String,
            "version_id": pl.String,
            "is_latest": pl.Boolean,
            "is_delete_marker": pl.Boolean,
            "size": pl.Int64,
            "last_modified_date": pl.Datetime("ms"),
            "e_tag": pl.String,
            "storage_class": pl.String,
            "is_multipart_uploaded": pl.Boolean,
            "object_lock_mode": pl.String,
            "object_lock_retain_until_date": pl.Datetime("ms"),
            "object_lock_legal_hold_status": pl.String,
        },
    )


def text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return "" if value is None else str(value)


def csv(rows: list[dict[str, Any]]) -> bytes:
    lines = []
    for row in frame(rows).iter_rows(named=True):
        encoded = {**row, "key": quote_plus(row["key"], safe="/")}
        lines.append(",".join(f'"{text(value)}"' for value in encoded.values()) + "\n")
    return gzip.compress("".join(lines).encode())


def report(
    folder: Path, form: str, rows: list[dict[str, Any]] | None = None, **manifest: Any
) -> Path:
    """A report as S3 delivers it; gives back its data file."""
    rows = ROWS if rows is None else rows
    folder.mkdir(parents=True)
    name = {"CSV": "9a5f.csv.gz", "ORC": "9a5f.orc", "Parquet": "9a5f.parquet"}[form]
    data = folder / name
    if form == "CSV":
        data.write_bytes(csv(rows))
    elif form == "ORC":
        table = frame(rows).to_arrow(compat_level=pl.CompatLevel.oldest())
        orc.write_table(table, str(data), compression="zlib")
    else:
        frame(rows).write_parquet(data)
    said = {
        "sourceBucket": "b00",
        "destinationBucket": "arn:aws:s3:::acme-inventory",
        "version": "2016-11-30",
        "creationTimestamp": str(int(CREATED.timestamp() * 1000)),
        "fileFormat": form,
        "fileSchema": SCHEMA,
        "files": [
            {
                "key": f"b00/daily/data/{name}",
                "size": data.stat().st_size,
                "MD5checksum": hashlib.md5(data.read_bytes()).hexdigest(),  # noqa: S324  (S3's)
            }
        ],
        **manifest,
    }
    body = json.dumps(said).encode()
    (folder / "manifest.json").write_bytes(body)
    (folder / "manifest.checksum").write_text(hashlib.md5(body).hexdigest())  # noqa: S324  (S3's)
    return data


@pytest.mark.parametrize("form", ["CSV", "ORC", "Parquet"])
def test_the_three_formats_say_the_same(make: Make, form: str) -> None:
    case = make(url="s3://b00/", exports=["x"])
    report(case.folder / "x", form)
    assert not case.acquire().failures
    assert not case.parse().warnings
    rows = case.events("object.put", "object.delete").sort("earliest")
    assert rows["subject"].to_list() == [f"s3:b00/{MODEL}", f"s3:b00/{ODD}", f"s3:b00/{MODEL}"]
    assert rows["kind"].to_list() == ["object.put", "object.put", "object.delete"]
    assert rows["value"].to_list() == ["v1", "v3", "v2"]
    assert rows["citation"].to_list() == ["row 2", "row 3", "row 1"]
    assert rows["earliest"].to_list() == [at(14, 10), at(15), at(20)]
    assert rows["latest"].to_list()[1] == CREATED, "in parts: begun then, there by the report"
    assert case.events("object.retention")["value"].to_list() == [
        "COMPLIANCE until 2033-01-01T00:00:00Z"
    ]
    assert "ON" in case.events("object.legal-hold")["value"].to_list()
    [seen] = case.events("snapshot")["earliest"]
    assert seen == CREATED
    assert case.parse().coverage.is_empty(), "a report follows the bucket late"
    case.quotable()


def test_a_quote_is_the_words_of_the_report(make: Make) -> None:
    from collectors.s3 import collector
    from collectors.s3.kinds import INVENTORY

    case = make(url="s3://b00/", exports=["x"])
    report(case.folder / "x", "CSV")
    case.acquire()
    [item] = case.items.of(INVENTORY)
    said = collector.quote(case.source, case.items, item, "row 2")
    assert said.how == "zcat ITEM | sed -n 2p"
    assert '"v1"' in said.text


LIES: dict[str, tuple[dict[str, Any], str]] = {
    "another MD5": ({"files": [{"key": "9a5f.csv.gz", "MD5checksum": "0" * 32}]}, "expected MD5"),
    "another size": ({"files": [{"key": "9a5f.csv.gz", "size": 1}]}, "expected 1 bytes"),
    "a file that is not there": (
        {"files": [{"key": "9a5f.csv.gz"}, {"key": "gone.csv.gz", "size": 1}]},
        "'1:gone.csv.gz'",
    ),
}


@pytest.mark.parametrize("lie", list(LIES))
def test_a_manifest_that_lies_is_named_and_the_rows_are_read(make: Make, lie: str) -> None:
    case = make(url="s3://b00/", exports=["x"])
    manifest, named = LIES[lie]
    report(case.folder / "x", "CSV", **manifest)
    case.acquire()
    messages = [w.message for w in case.parse().warnings]
    assert len(messages) == 1
    assert named in messages[0]
    assert case.events("object.put", "object.delete").height == 3


def test_a_changed_manifest_is_named_by_its_checksum(make: Make) -> None:
    case = make(url="s3://b00/", exports=["x"])
    report(case.folder / "x", "CSV")
    path = case.folder / "x/manifest.json"
    path.write_bytes(path.read_bytes().replace(b"acme-inventory", b"acme-inventorz"))
    case.acquire()
    [warning] = case.parse().warnings
    assert "manifest.checksum" in warning.message
    assert warning.severity == "error"


@pytest.mark.parametrize("form", ["CSV", "ORC", "Parquet"])
def test_a_damaged_file_is_named_and_the_other_report_is_read(make: Make, form: str) -> None:
    case = make(url="s3://b00/", exports=["x"])
    data = report(case.folder / "x/1", form)
    report(case.folder / "x/2", "Parquet" if form != "Parquet" else "ORC")
    data.write_bytes(data.read_bytes()[: data.stat().st_size // 2])
    case.acquire()
    assert any(w.severity == "error" and "not read" in w.message for w in case.parse().warnings)
    assert case.events("object.put", "object.delete").height == 3


def test_a_csv_has_the_columns_that_its_owner_chose(make: Make) -> None:
    """The fewest: bucket and key alone are not optional (S3 User Guide, "Amazon S3 Inventory")."""
    case = make(url="s3://b00/", exports=["x"])
    data = report(case.folder / "x", "CSV", fileSchema="Bucket, Key, LastModifiedDate", files=[
        {"key": "9a5f.csv.gz"}
    ])  # fmt: skip
    data.write_bytes(gzip.compress(b'"b00","m/1","2026-02-14T10:05:00.000Z"\n'))
    case.acquire()
    assert not case.parse().warnings
    assert case.events("object.put")["subject"].to_list() == ["s3:b00/m/1"]


@pytest.mark.parametrize("form", ["CSV", "ORC", "Parquet"])
def test_a_file_that_holds_more_rows_than_any_report_is_not_read(
    make: Make, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed, "MOST_ROWS", 2)
    case = make(url="s3://b00/", exports=["x"])
    report(case.folder / "x", form)
    case.acquire()
    assert case.events("object.put").is_empty()
    [warning] = case.parse().warnings
    assert "at most 2 rows, found 3" in warning.message


def test_a_csv_that_unpacks_to_more_than_any_report_is_not_read(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed, "MOST_UNPACKED", 100)
    case = make(url="s3://b00/", exports=["x"])
    report(case.folder / "x", "CSV")
    case.acquire()
    assert case.events("object.put").is_empty()
    [warning] = case.parse().warnings
    assert "at most 100 bytes unpacked" in warning.message


def test_parquet_that_unpacks_to_more_than_any_report_is_not_unpacked(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed, "MOST_UNPACKED", 1 << 20)
    case = make(url="s3://b00/", exports=["x"])
    data = report(case.folder / "x", "Parquet", [{**ROWS[0], "e_tag": "0" * (4 << 20)}])
    assert data.stat().st_size < 10_000
    case.acquire()
    assert case.events("object.put").is_empty()
    [warning] = [one for one in case.parse().warnings if one.severity == "error"]
    assert "expected at most 1048576 bytes unpacked, found more" in warning.message


def _turned(data: bytes) -> bytes:
    """Bytes within what is packed, so that gzip's header stays whole."""
    return data[:30] + bytes(byte ^ 0xFF for byte in data[30:40]) + data[40:]


BROKEN: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "packed data that does not unpack": ("csv.gz", _turned),
    "a row over two lines": (
        "csv.gz",
        lambda data: gzip.compress(gzip.decompress(data).replace(b"STANDARD", b"STAN\nDARD", 1)),
    ),
    "an ETag that is a number": ("parquet", lambda _: _parquet(e_tag=1)),
    "a time that is a word": ("parquet", lambda _: _parquet(last_modified_date="x")),
    "a flag that is a word": ("parquet", lambda _: _parquet(is_delete_marker="x")),
}


def _parquet(**more: object) -> bytes:
    made = io.BytesIO()
    pl.DataFrame([{"bucket": "b00", "key": "a", **more}]).write_parquet(made)
    return made.getvalue()


@pytest.mark.parametrize("name", list(BROKEN))
def test_rows_that_s3_does_not_write_are_named_and_stop_nothing(make: Make, name: str) -> None:
    end, broken = BROKEN[name]
    case = make(url="s3://b00/", exports=["x"])
    form = "Parquet" if end == "parquet" else "CSV"
    data = report(case.folder / "x/1", form)
    data.write_bytes(broken(data.read_bytes()))
    report(case.folder / "x/2", "ORC")
    case.acquire()
    assert any(w.severity == "error" and "not read" in w.message for w in case.parse().warnings)
    assert case.events("object.put", "object.delete").height == 3


def test_a_report_of_another_bucket_is_refused(make: Make) -> None:
    case = make(url="s3://other/", exports=["x"])
    report(case.folder / "x", "Parquet")
    case.acquire()
    assert case.events("object.put").is_empty()
    assert any("'other'" in w.message for w in case.parse().warnings)


def test_a_csv_without_a_manifest_has_no_columns(make: Make) -> None:
    case = make(url="s3://b00/", exports=["x"])
    report(case.folder / "x", "CSV")
    (case.folder / "x/manifest.json").unlink()
    case.acquire()
    assert any("names the columns" in w.message for w in case.parse().warnings)


@pytest.mark.parametrize("form", ["ORC", "Parquet"])
def test_a_text_that_stands_once_and_is_named_by_every_row_does_not_fill_the_memory(
    make: Make, form: str
) -> None:
    rows = [{**ROWS[0], "key": "k" * 5000}] * 2000
    case = make(url="s3://b00/", exports=["x"])
    data = report(case.folder / "x", form, rows)
    assert data.stat().st_size < 100_000
    assert not case.acquire().failures
    [warning] = [one for one in case.parse().warnings if one.severity == "error"]
    assert (
        "expected at most 4096 bytes in a value, found 5000 in 'key'; not read" in warning.message
    )


def test_a_row_of_parquet_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    """A column chunk of no values in a group of nine rows: its reader panics."""
    path = tmp_path / "9a5f.parquet"
    pl.DataFrame({"key": ["a"] * 9}).write_parquet(path)
    whole = path.read_bytes()
    item = Item(Sha256("0" * 64), "models", INVENTORY, path.name, 1, "2026-03-08T12:00:00Z", 1)
    assert packed.quote(path, item, "row 9").text == "key: a"
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    rows, chunk, rest = whole[footer:].split(b"\x16\x12", 2)
    path.write_bytes(whole[:footer] + rows + b"\x16\x12" + chunk + b"\x16\x00" + rest)
    with pytest.raises(BadInputError):
        packed.quote(path, item, "row 1")
