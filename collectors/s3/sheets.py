"""Pages read from items, and put together to listings: what was listed at one time, in one order.

A listing is complete where its pages join without a gap, from the start to a page that is not
truncated. Only then does a version's absence say anything.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from collectors.s3 import clijson, times, xmlpage
from collectors.s3.exports import CLI_VERSIONS, UNKNOWN
from collectors.s3.listing import NotAListingError
from collectors.s3.live import PAGE, UNRECOGNISED
from recon.collector import Item, Items, Source, Warn

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from collectors.s3.listing import Page


@dataclass(frozen=True, slots=True)
class Seen:
    """When a state was read, and by whose clock."""

    earliest: datetime | None
    latest: datetime | None
    clock: str
    basis: Literal["stamped", "asserted"]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page with the item that it stands in."""

    item: Item
    page: Page
    seen: Seen


@dataclass(frozen=True, slots=True)
class Listing:
    """Pages that belong together, in order."""

    label: str
    """Tells listings of one source apart: when a live one began, or where an export stands."""
    again: bool
    """Whether it is the second pass of an acquisition: a check of the first."""
    sheets: Sequence[Sheet]
    complete: bool
    """Whether every version under the prefix was listed."""
    because: str
    """What shows that it is complete."""


def read(source: Source, items: Items) -> tuple[list[Listing], list[Warn]]:
    """All listings of a source, and what could not be read."""
    warnings = [
        Warn(
            item.sha256,
            "",
            f"{item.native}: expected a version listing of S3, found something else",
            "error",
        )
        for item in items.of(UNRECOGNISED)
    ]
    warnings += [
        Warn(
            item.sha256,
            "",
            f"{item.native}: expected list-object-versions*.json, head-object*.json,"
            " get-bucket-*.json, get-object-lock-configuration*.json or *.xml; not read",
        )
        for item in items.of(UNKNOWN)
    ]
    live: dict[tuple[str, int], list[Sheet]] = defaultdict(list)
    exported: dict[tuple[str, int], list[Sheet]] = defaultdict(list)
    for item in items.of(PAGE, CLI_VERSIONS):
        page = _page(source, items, item, warnings)
        if page is None:
            continue
        sheet = Sheet(item, page, seen(source, item, page))
        if "listing" in item.meta:
            live[str(item.meta["listing"]), int(item.meta["pass"])].append(sheet)
        else:
            exported[str(item.meta.get("folder", "")), item.acquisition].append(sheet)
    listings = [_live(label, number, live[label, number]) for label, number in sorted(live)]
    for key in sorted(exported):
        listings += _exported(exported[key])
    return listings, warnings


def seen(source: Source, item: Item, page: Page | None = None) -> Seen:
    """When the item's state was read: by the server's clock if it said so.

    An export that nobody dated was taken after the newest time in it and before it came here.
    """
    date = times.http_date(item.meta.get("date"))
    if date is not None:
        return Seen(*date, f"s3:{source.id}", "stamped")
    said = times.taken(item)
    if said is not None:
        return Seen(*said, "examiner", "asserted")
    newest: datetime | None = None
    if page is not None:
        newest = times.modified(page.versions["modified"])["earliest"].max()  # type: ignore[assignment]  # a column of instants
    return Seen(newest, times.acquired(item), "examiner", "asserted")


def _page(source: Source, items: Items, item: Item, warnings: list[Warn]) -> Page | None:
    reader = xmlpage.read if item.kind == PAGE else clijson.read
    try:
        page = reader(items.read(item))
    except NotAListingError as error:
        warnings.append(Warn(item.sha256, "", f"{item.native}: {error}; not read", "error"))
        return None
    bucket = source.options.bucket
    if page.bucket is not None and page.bucket != bucket:
        warnings.append(
            Warn(
                item.sha256,
                "",
                f"{item.native}: expected a listing of the bucket {bucket!r}, found one of"
                f" {page.bucket!r}; not read",
                "error",
            )
        )
        return None
    warnings += [Warn(item.sha256, n.citation, n.message, n.severity) for n in page.notes]
    return page


def _live(label: str, number: int, sheets: list[Sheet]) -> Listing:
    """Our own pages say which they are and what was asked for."""
    ordered = sorted(sheets, key=lambda s: int(s.item.meta["page"]))
    whole = [int(s.item.meta["page"]) for s in ordered] == list(range(1, len(ordered) + 1))
    return Listing(
        label=label,
        again=number > 1,
        sheets=ordered,
        complete=whole and ordered[-1].page.truncated is False,
        because=f"every page ({len(ordered)}) of the version listing, the last not truncated",
    )


def _exported(sheets: list[Sheet]) -> list[Listing]:
    """Files of one folder: those that follow one another are one listing."""
    rest = {id(sheet): sheet for sheet in sheets}
    starts = {s.page.markers: s for s in sheets if s.page.markers not in (None, ("", ""))}
    listings = []
    for sheet in sheets:
        if sheet.page.markers != ("", "") or id(sheet) not in rest:
            continue
        chain = [rest.pop(id(sheet))]
        while chain[-1].page.truncated:
            following = chain[-1].page.following
            after = starts.get(following) if following else None
            if after is None or rest.pop(id(after), None) is None:
                break
            chain.append(after)
        listings.append(_chained(chain))
    return listings + [_chained([sheet]) for sheet in rest.values()]


def _chained(chain: list[Sheet]) -> Listing:
    first, last = chain[0].page, chain[-1].page
    dated = all(times.taken(sheet.item) is not None for sheet in chain)
    if first.aggregated:
        # The CLI prints NextToken where it stopped early, but not where it was told to start.
        whole, because = not first.token, "the AWS CLI's output, which did not stop early"
    else:
        whole = first.markers == ("", "") and last.truncated is False
        because = f"{len(chain)} pages that join from the start to one that is not truncated"
    item = chain[0].item
    return Listing(
        label=f"{item.native}#{item.acquisition}",
        again=False,
        sheets=chain,
        complete=whole and dated and first.prefix is not None,
        because=f"{because}; dated by the case's author",
    )
