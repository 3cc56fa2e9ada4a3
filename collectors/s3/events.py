"""Items of a bucket to events.

1. Pages to listings (:mod:`collectors.s3.sheets`), HEADs to digests (:mod:`…digests`).
2. Versions: ``object.put`` and ``object.delete``, each page's bytes once.
3. Pages that were asked for again, as a second pass, against the first: only what differs.
4. HEADs: ``object.head``, and a ``claim`` for each declared attribute that its checksum proves;
   the same of objects whose bytes are here; locks and metadata of versions.
5. Snapshots, configuration, coverage.
"""

from __future__ import annotations

from glob import escape
from typing import TYPE_CHECKING, Any

import polars as pl

from collectors.s3 import (
    accesslog,
    bodies,
    claims,
    clierror,
    configuration,
    details,
    digests,
    drafts,
    expected,
    inventoried,
    inventory,
    locks,
    readings,
    sheets,
    versions,
)
from collectors.s3.kinds import CLI_CONFIGURATION, CLI_ERROR, CONFIGURATION
from collectors.s3.listing import NotAListingError
from collectors.s3.trail import records, told
from recon.collector import Item, Items, Parsed, Source, Warn
from recon.schema import DRAFT_COVERAGE, INSTANT, frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collectors.s3.sheets import Listing


def parse(source: Source, items: Items) -> Parsed:
    """Events, coverage and warnings of all acquisitions and exports of one bucket."""
    listings, warnings = sheets.read(source, items)
    first = [listing for listing in listings if not listing.again]
    listed = versions.table(source, first, warnings)
    again = versions.table(source, [listing for listing in listings if listing.again], [])
    more = _compare(listed, again, _compared(listings), warnings)
    doubtful = _doubtful(first, more, warnings)
    shown = versions.once(pl.concat([listed, more]))
    heads = digests.table(source, items, shown, warnings)
    shown = digests.join(shown, heads, warnings)
    own = bodies.table(source, items, shown, heads, warnings)
    shown = bodies.join(shown, own)
    reports = inventory.read(source, items, warnings)
    small = _snapshots(source, first) + _configuration(source, items, warnings)
    small += readings.readings(source, items)
    said = pl.concat(
        [
            inventoried.events(source, reports),
            details.events(source, items, shown, heads, warnings),
        ]
    )
    events = pl.concat(
        [
            versions.events(source, shown),
            digests.events(source, heads),
            bodies.events(source, own),
            accesslog.events(source, items, shown, warnings),
            records.events(source, items, warnings),
            told.events(source, items, warnings),
            said,
            expected.events(source, items, shown, said),
            drafts.numbered(small),
        ]
    )
    _without_digest(source, shown, warnings)
    return Parsed(
        events=events.lazy(),
        coverage=_coverage(source, [one for one in first if one.label not in doubtful]),
        warnings=warnings,
        methods=_methods(listings),
    )


def _compared(listings: Sequence[Listing]) -> list[str]:
    """Listings that were made twice to their ends: what only the first pass shows is a change."""
    whole = {x.label for x in listings if not x.again and x.complete}
    return [x.label for x in listings if x.again and x.complete and x.label in whole]


def _compare(
    first: pl.DataFrame, again: pl.DataFrame, compared: Sequence[str], warnings: list[Warn]
) -> pl.DataFrame:
    """Versions that only pages asked for again list; both sides' differences are named."""
    same = ["listing", "kind", "key", "version", "modified", "etag"]
    extra = again.join(first.select(same), on=same, how="anti", nulls_equal=True)
    checked = first.filter(pl.col("listing").is_in(compared))
    lost = checked.join(again.select(same), on=same, how="anti", nulls_equal=True)
    for rows, only in ((extra, "second"), (lost, "first")):
        if rows.is_empty():
            continue
        one = rows.row(0, named=True)
        warnings.append(
            Warn(
                one["item"],
                one["citation"],
                f"{rows.height} versions are listed only in the {only} of two passes of one"
                f" acquisition, such as {one['key']!r} {one['version']}: the bucket changed"
                " meanwhile, or the server's pages leave some out",
            )
        )
    # Two passes have no common order; what only the second shows keeps none.
    extra = extra.unique(same, keep="first", maintain_order=True)
    return extra.with_columns(stream=pl.lit(None, pl.String()), position=pl.lit(None, pl.UInt64()))


def _doubtful(listings: Sequence[Listing], more: pl.DataFrame, warnings: list[Warn]) -> set[str]:
    """Listings that left out what was there before they began: their silence proves nothing.

    SeaweedFS pages by folders: with markers, it passes over keys such as ``a-b`` beside ``a/b``.
    """
    begun = pl.DataFrame(
        [
            {"listing": one.label, "begun": one.sheets[0].seen.earliest}
            for one in listings
            if one.complete
        ],
        schema={"listing": pl.String(), "begun": INSTANT},
    )
    older = more.join(begun, on="listing").filter(pl.col("latest") < pl.col("begun"))
    warnings += [
        Warn(
            row["item"],
            row["citation"],
            f"expected a listing of all that was there, found that it left out"
            f" {row['key']!r} {row['version']}, which is older: it proves nothing missing",
        )
        for row in older.unique("listing", keep="first", maintain_order=True).iter_rows(named=True)
    ]
    return set(older["listing"])


def _snapshots(source: Source, listings: Sequence[Listing]) -> list[dict[str, Any]]:
    """One a page: what was listed, when, and which listing it is part of."""
    return [
        {
            "kind": "snapshot",
            "subject": f"s3:{source.options.bucket}",
            "clock": sheet.seen.clock,
            "basis": sheet.seen.basis,
            "earliest": sheet.seen.earliest,
            "latest": sheet.seen.latest,
            "stream": _stream(source, listing),
            "position": number,
            "names": [],
            "item": sheet.item.sha256,
            "citation": "",
        }
        for listing in listings
        for number, sheet in enumerate(listing.sheets, 1)
    ]


def _stream(source: Source, listing: Listing) -> str:
    """Joins the pages of one listing with what they cover."""
    return f"listing:{source.id}/{listing.label}"


def _coverage(source: Source, listings: Sequence[Listing]) -> pl.DataFrame:
    """What a complete listing proves: at that time there were no other versions."""
    rows = []
    for listing in listings:
        first = listing.sheets[0]
        begun = [sheet.seen.earliest for sheet in listing.sheets if sheet.seen.earliest]
        ended = [sheet.seen.latest for sheet in listing.sheets if sheet.seen.latest]
        if not listing.complete or not begun:
            continue
        prefix = first.page.prefix
        if "listing" in first.item.meta:
            # Not every server repeats what was asked for.
            prefix = str(first.item.meta.get("parameters", {}).get("Prefix", prefix or ""))
        rows.append(
            {
                "kind": "object.*",
                "subject": escape(f"s3:{source.options.bucket}/{prefix}") + "*",
                "earliest": min(begun),
                "latest": max(ended, default=None),
                "stream": _stream(source, listing),
                "item": first.item.sha256,
                "because": listing.because,
            }
        )
    return frame(rows, DRAFT_COVERAGE)


def _configuration(source: Source, items: Items, warnings: list[Warn]) -> list[dict[str, Any]]:
    """What was set is undated, as no answer says since when; that it was so when read is dated."""
    rows: list[dict[str, Any]] = []
    for item in items.of(CONFIGURATION, CLI_CONFIGURATION, CLI_ERROR):
        subject = f"s3:{source.options.bucket}"
        found = _refusal(items, item) if item.kind == CLI_ERROR else _setting(items, item)
        if found is None:
            continue
        resource, citation, value, problem = found
        seen = sheets.seen(source, item)
        read: dict[str, Any] = {
            "clock": seen.clock,
            "basis": seen.basis,
            "earliest": seen.earliest,
            "latest": seen.latest,
            "names": [],
            "item": item.sha256,
        }
        if problem:
            # Not allowed to see, or no answer: not the same as nothing configured.
            warnings.append(Warn(item.sha256, citation, f"{item.native}: {problem}"))
            more = {"attribute": resource.name, "value": problem, "citation": citation}
            rows.append({**read, **more, "kind": "bucket.unseen", "subject": subject})
            continue
        rows += [
            {
                **read,
                "kind": "snapshot",
                "subject": f"{subject}?{resource.name}",
                "citation": "",
            },
            {
                "kind": "bucket.configuration",
                "subject": subject,
                "attribute": resource.name,
                "value": value,
                "names": [],
                "item": item.sha256,
                "citation": citation,
            },
        ]
    return rows


def _setting(
    items: Items, item: Item
) -> tuple[configuration.Resource, str, str | None, str] | None:
    resource = configuration.by_name(str(item.meta.get("resource")))
    if resource is None:
        return None
    data = items.read(item)
    if item.kind == CONFIGURATION:
        return resource, *configuration.read_answer(resource, data)
    try:
        return resource, "", configuration.read_cli(resource, data), ""
    except NotAListingError as error:
        return resource, "", None, str(error)


def _refusal(
    items: Items, item: Item
) -> tuple[configuration.Resource, str, str | None, str] | None:
    """What the AWS CLI wrote instead of a configuration; of versions it is read elsewhere."""
    said = clierror.find(items.read(item))
    if said is not None and said.operation in locks.OF_OPERATION:
        return None
    what = said.operation if said is not None else ""
    resource = configuration.by_operation(what) or configuration.by_file(item.native)
    refused = f"{what or 'a call'} was refused with {said.code!r}" if said else "no error is in it"
    if resource is None:
        resource = configuration.Resource("unknown", "", ())
    elif said is not None and said.code in configuration.NONE:
        refused = ""
    return resource, "", None, refused


def _without_digest(source: Source, shown: pl.DataFrame, warnings: list[Warn]) -> None:
    """Claimed keys whose bytes no checksum names: counted in one warning a source."""
    wanted = shown.filter(
        (pl.col("kind") == "object.put") & pl.col("sha256").is_null() & claims.any_of(source.claims)
    ).unique(["key", "version"], keep="first", maintain_order=True)
    if wanted.is_empty():
        return
    one = wanted.row(0, named=True)
    warnings.append(
        Warn(
            one["item"],
            one["citation"],
            f"expected a HEAD with the SHA-256 of the whole object for {wanted.height} claimed"
            f" versions, found none (such as {one['key']!r} {one['version']}): they claim nothing",
        )
    )


def _methods(listings: Sequence[Listing]) -> dict[str, str]:
    """Which reader read the pages."""
    if not listings:
        return {}
    from lxml import etree

    return {"xml": f"lxml {etree.__version__}", "json": "Python's json"}
