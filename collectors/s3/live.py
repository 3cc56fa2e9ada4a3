"""Asking a bucket: version listing page by page, HEADs, configuration, and the listing again.

1. What is asked, when, of whom: the plan, stored first, names the listing in all that follows.
2. Pages of ``ListObjectVersions``, each stored as the XML that came.
3. HEAD with checksums of the versions that claims select.
4. The bucket's configuration, refusals included.
5. The listing once more, where it is small: a listing is no snapshot, and two can be compared.

Interrupted anywhere, a second run goes on after the last item that was stored.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from collectors.s3.configuration import RESOURCES
from collectors.s3.listing import NotAListingError
from collectors.s3.wire import Answer, Wire
from recon.errors import BadInputError, ReconError

if TYPE_CHECKING:
    from collectors.s3.listing import Page
    from collectors.s3.options import S3Options
    from recon.collector import Acquisition

PAGE = "s3.listing-page"
HEAD = "s3.head"
CONFIGURATION = "s3.configuration"
PLAN = "s3.plan"
UNRECOGNISED = "s3.unrecognised"
_AGAIN_UP_TO = 10
_MOST_PAGES = 10_000_000


@dataclass(frozen=True, slots=True)
class _Run:
    """What every step needs."""

    acquisition: Acquisition
    wire: Wire
    options: S3Options
    listing: str
    """When the plan was made: names this listing among those of other acquisitions."""

    @property
    def where(self) -> str:
        return f"s3://{self.options.bucket}/{quote(self.options.prefix)}"


def acquire(acquisition: Acquisition) -> None:
    """The five steps.

    Raises:
        UnreachableError: no answer, a refusal, or no such bucket.
        BadInputError: what answers is no version listing.
    """
    options: S3Options = acquisition.source.options
    wire = Wire(options)
    try:
        run = _Run(acquisition, wire, options, _plan(acquisition, options))
        pages, selected = _list(run)
        _heads(run, selected)
        _configuration(run)
        if pages <= _AGAIN_UP_TO:
            for _ in _pages(run, 2):
                pass
    finally:
        wire.close()


def _plan(acquisition: Acquisition, options: S3Options) -> str:
    """Step 1: the plan as it was made when this acquisition began."""
    native = f"s3://{options.bucket}/{quote(options.prefix)}?plan"
    known = acquisition.item(native)
    if known is not None:
        return str(known.meta["listing"])
    listing = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    plan = {
        "url": options.url,
        "endpoint": options.endpoint,
        "region": options.region,
        "head": options.head,
        "listing": listing,
    }
    data = json.dumps(plan, indent=1, ensure_ascii=False).encode()
    acquisition.store(native, PLAN, data, meta={"listing": listing})
    return listing


def _list(run: _Run) -> tuple[int, list[tuple[str, str]]]:
    """Step 2: number of pages, and (key, version id) of the versions to HEAD."""
    from collectors.s3.claims import selected

    pages = 0
    chosen: list[tuple[str, str]] = []
    for page in _pages(run, 1):
        pages += 1
        chosen += selected(page.versions, run.options.head, run.acquisition.source.claims)
    return pages, chosen


def _pages(run: _Run, number: int) -> Iterator[Page]:
    """The pages of one pass, asked for or, where they are stored, read."""
    marker = ("", "")
    seen = {marker}
    for count in range(1, _MOST_PAGES):
        page = _page(run, number, count, marker)
        run.acquisition.progress("listing pages", count)
        yield page
        if not page.truncated:
            return
        if page.following is None or page.following in seen:
            raise BadInputError(
                "a truncated page to say where the next one starts",
                "nothing, or a place that was listed before",
                f"{run.where}, page {count}",
                "tell who runs the server",
            )
        marker = page.following
        seen.add(marker)


def _page(run: _Run, number: int, count: int, marker: tuple[str, str]) -> Page:
    from collectors.s3 import xmlpage

    acquisition = run.acquisition
    native = f"{run.where}?versions&listing={run.listing}&pass={number}&page={count:06d}"
    known = acquisition.item(native)
    if known is not None:
        return xmlpage.read(acquisition.read(known))
    parameters = {
        "Bucket": run.options.bucket,
        "Prefix": run.options.prefix,
        "EncodingType": "url",
        "MaxKeys": 1000,
    }
    if marker != ("", ""):
        parameters["KeyMarker"] = marker[0]
        if marker[1]:
            parameters["VersionIdMarker"] = marker[1]
    with acquisition.call(_said("list-object-versions", parameters)) as said:
        answer = run.wire.ask("list_object_versions", parameters)
        said.update(answer.about())
        if not answer.ok:
            raise run.wire.refused(answer)
    meta = {
        **answer.about(),
        "listing": run.listing,
        "pass": number,
        "page": count,
        "parameters": parameters,
    }
    try:
        page = xmlpage.read(answer.body)
    except NotAListingError as error:
        acquisition.store(f"{native}&asked={answer.before}", UNRECOGNISED, answer.body, meta=meta)
        raise BadInputError(
            "a version listing of S3",
            str(error),
            native,
            "check `endpoint`; what came is kept as an item",
        ) from error
    acquisition.store(native, PAGE, answer.body, meta=meta)
    return page


def _heads(run: _Run, selected: list[tuple[str, str]]) -> None:
    """Step 3: one version that cannot be had does not stop the others."""
    for done, (key, version) in enumerate(selected, 1):
        native = (
            f"s3://{run.options.bucket}/{quote(key)}?versionId={quote(version, safe='')}"
            f"&listing={run.listing}"
        )
        run.acquisition.progress("checksums of versions", done, len(selected))
        if run.acquisition.has(native):
            continue
        parameters = {
            "Bucket": run.options.bucket,
            "Key": key,
            "VersionId": version,
            "ChecksumMode": "ENABLED",
        }
        try:
            with run.acquisition.call(_said("head-object", parameters)) as said:
                answer = run.wire.ask("head_object", parameters)
                said.update(answer.about())
        except ReconError as error:
            run.acquisition.failed(native, error)
            continue
        run.acquisition.store(
            native,
            HEAD,
            _record(run.options.bucket, key, version, answer),
            meta={**answer.about(), "listing": run.listing},
        )


def _record(bucket: str, key: str, version: str, answer: Answer) -> bytes:
    """A HEAD has no body: what it said is its status and headers, as received."""
    record = {
        "bucket": bucket,
        "key": key,
        "versionId": version,
        "status": answer.status,
        "headers": [list(pair) for pair in answer.headers],
    }
    return json.dumps(record, indent=1, ensure_ascii=False).encode("utf-8", "backslashreplace")


def _configuration(run: _Run) -> None:
    """Step 4: each answer as it came; a refusal is an answer too."""
    for resource in RESOURCES:
        native = f"s3://{run.options.bucket}?{resource.name}&listing={run.listing}"
        if run.acquisition.has(native):
            continue
        parameters = {"Bucket": run.options.bucket}
        try:
            with run.acquisition.call(_said(resource.command, parameters)) as said:
                answer = run.wire.ask(resource.command.replace("-", "_"), parameters)
                said.update(answer.about())
        except ReconError as error:
            run.acquisition.failed(native, error)
            continue
        meta = {**answer.about(), "resource": resource.name, "listing": run.listing}
        run.acquisition.store(native, CONFIGURATION, answer.body, meta=meta)


def _said(command: str, parameters: dict[str, Any]) -> str:
    """The call as the AWS CLI names it; parameters as JSON, so that no key can forge one."""
    return f"s3api {command} {json.dumps(parameters, ensure_ascii=True)}"
