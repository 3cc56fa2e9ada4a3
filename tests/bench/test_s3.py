"""100,000 versions of a listing: our parser beside boto3's, on the same pages and server."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from collectors.s3 import collector
from collectors.s3.kinds import PAGE
from recon.collector import Source
from recon.evidence import Acquiring, CaseItems, Evidence
from tests import s3_servers

pytestmark = pytest.mark.bench
T = TypeVar("T")
PAGES = 100
A_PAGE = 1000
NS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def page(number: int) -> bytes:
    """A page as S3 gives it: 250 keys with four versions each."""
    rows = "".join(
        f"<Version><Key>models/m{number:04d}/{i // 4:04d}/model.bin</Key>"
        f"<VersionId>{number:04d}{i:04d}L4kqtJlcpXroDTDmJrmSpXd3dIbrHY</VersionId>"
        f"<IsLatest>{'true' if i % 4 == 0 else 'false'}</IsLatest>"
        f"<LastModified>2026-03-08T20:{59 - i % 4:02d}:00.000Z</LastModified>"
        "<ETag>&quot;fba9dede5f27731c9771645a39863328&quot;</ETag><Size>434234</Size>"
        "<ChecksumAlgorithm>SHA256</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>"
        "<StorageClass>STANDARD</StorageClass><Owner><ID>75aa57f09aa0c8caeab4f8c24e99d10f</ID>"
        "</Owner></Version>"
        for i in range(A_PAGE)
    )
    truncated = "true" if number < PAGES else "false"
    return (
        f"<ListVersionsResult {NS}><Name>b00</Name><Prefix></Prefix><KeyMarker></KeyMarker>"
        f"<EncodingType>url</EncodingType><IsTruncated>{truncated}</IsTruncated>{rows}"
        "</ListVersionsResult>"
    ).encode()


def source(base: Path, **options: Any) -> Source:
    model = collector.options.model_validate({"url": "s3://b00/", "head": "none", **options})
    return Source("models", "s3", "storage", model, (), base)


def test_parse_100k_versions(tmp_path: Path) -> None:
    evidence = Evidence(tmp_path)
    acquiring = Acquiring(evidence, source(tmp_path))
    bodies = [page(number) for number in range(1, PAGES + 1)]
    for number, body in enumerate(bodies, 1):
        meta = {
            "listing": "2026-03-09T00:00:00.000000Z",
            "pass": 1,
            "page": number,
            "date": "Mon, 09 Mar 2026 00:00:00 GMT",
        }
        acquiring.store(f"s3://b00/?versions&page={number:06d}", PAGE, body, meta=meta)

    items = CaseItems(evidence, "models")
    ours, height = _timed(lambda: collector.parse(source(tmp_path), items).events.collect().height)
    assert height == PAGES * A_PAGE + PAGES

    from botocore.parsers import create_parser
    from botocore.session import get_session

    model = get_session().get_service_model("s3").operation_model("ListObjectVersions")
    shape: Any = model.output_shape
    parser = create_parser("rest-xml")
    few = bodies[:10]
    theirs, count = _timed(
        lambda: sum(
            len(parser.parse({"body": body, "headers": {}, "status_code": 200}, shape)["Versions"])
            for body in few
        )
    )
    assert count == len(few) * A_PAGE
    rate, peer = height / ours, count / theirs
    print(f"\nparse, pages to events: {rate:,.0f} versions/s; botocore's parser: {peer:,.0f}")


@pytest.mark.live
def test_list_beside_boto3s_paginator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3_servers.credentials().items():
        monkeypatch.setenv(name, value)
    with s3_servers.seaweedfs(tmp_path / "weed") as server:
        s3 = s3_servers.client(server)
        s3.create_bucket(Bucket="b00")
        s3.put_bucket_versioning(Bucket="b00", VersioningConfiguration={"Status": "Enabled"})
        count = 3000
        for number in range(count):
            s3.put_object(Bucket="b00", Key=f"models/{number:05d}/model.bin", Body=b"")
        pages = s3.get_paginator("list_object_versions")
        theirs, found = _timed(
            lambda: sum(len(p["Versions"]) for p in pages.paginate(Bucket="b00"))
        )
        evidence = Evidence(tmp_path / "case")
        asked = source(tmp_path, endpoint=server.endpoint)
        acquiring = Acquiring(evidence, asked)
        ours, _ = _timed(lambda: acquiring.run(collector.acquire))
        parsing, listed = _timed(
            lambda: (
                collector.parse(asked, CaseItems(evidence, "models"))
                .events.filter(kind="object.put")
                .collect()
                .height
            )
        )
    assert found == listed == count
    print(
        f"\n{count} versions from SeaweedFS: two passes, configuration and storing {ours:.2f} s,"
        f" parsing {parsing:.2f} s; boto3's paginator, one pass, nothing kept {theirs:.2f} s"
    )


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result
