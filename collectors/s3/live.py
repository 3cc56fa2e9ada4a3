"""Asking a bucket: version listing page by page, configuration, more of what the case selects.

1. What is asked, when, of whom: the plan, stored first, names the listing in all that follows.
2. Pages of ``ListObjectVersions``, each stored as the XML that came (:mod:`collectors.s3.paging`).
3. The bucket's configuration, refusals included.
4. Of the versions that the case selects: HEAD with checksums, parts, locks, and their bytes
   (:mod:`collectors.s3.selected`).
5. The listing once more, by the other of two ways: a listing is no snapshot, and two can be
   compared.

Interrupted anywhere, a second run goes on after the last item that was stored.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from collectors.s3.configuration import RESOURCES
from collectors.s3.kinds import CONFIGURATION, PLAN
from collectors.s3.run import Run
from collectors.s3.wire import CredentialsError, Wire
from recon.errors import ReconError

if TYPE_CHECKING:
    from collectors.s3.listing import Page
    from collectors.s3.options import S3Options
    from recon.collector import Acquisition

_AGAIN_UP_TO = 100
"""Pages: larger listings are made twice only where the case says so."""


def acquire(acquisition: Acquisition) -> None:
    """The five steps.

    Raises:
        UnreachableError: no answer, a refusal, no such bucket, or credentials that ended.
        BadInputError: what answers is no version listing.
    """
    from collectors.s3 import claims, paging, selected

    options: S3Options = acquisition.source.options
    wire = Wire(options)
    try:
        run = Run(acquisition, wire, options, _plan(acquisition, options))
        declared = acquisition.source.claims

        def select(page: Page) -> list[tuple[str, str]]:
            return claims.selected(page.versions, options.head, declared)

        is_none = options.head == "none" or (options.head == "claims" and not declared)
        walked = paging.walk(run, 1, None if is_none else select)
        _configuration(run)
        selected.acquire(run, walked.chosen)
        passes = options.passes or (2 if walked.pages <= _AGAIN_UP_TO else 1)
        if walked.whole and passes > 1:
            # The other way round: a server whose pages leave versions out would do so twice.
            other: Literal["prefixes", "pages"] = "pages" if walked.by_prefix else "prefixes"
            route = other if walked.pages > 1 else "pages"
            paging.walk(run, 2, None, route)
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


def _configuration(run: Run) -> None:
    """Step 3: each answer as it came; a refusal is an answer too."""
    for resource in RESOURCES:
        native = f"s3://{run.options.bucket}?{resource.name}&listing={run.listing}"
        if run.item(native):
            continue
        try:
            answer = run.ask(resource.command, {"Bucket": run.options.bucket})
        except CredentialsError:
            raise
        except ReconError as error:
            run.failed(native, error)
            continue
        meta = {**answer.about(), "resource": resource.name, "listing": run.listing}
        run.store(native, CONFIGURATION, answer.body, meta)
