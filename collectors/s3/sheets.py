"""Pages read from items, and put together to listings: what was listed at one time, in one order.

A listing is complete where its pages join without a gap, from the start to a page that is not
truncated. Only then does a version's absence say anything.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from collectors.s3 import clijson, times, xmlpage
from collectors.s3.kinds import CLI_VERSIONS, PAGE, UNKNOWN, UNRECOGNISED
from collectors.s3.listing import NotAListingError
from recon.collector import Item, Items, Source, Warn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
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
    """Whether it is a check of another: the second pass of an acquisition, or a page of the first
    that was asked for again under its prefixes."""
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
    for item, page in _pages(source, items, warnings):
        sheet = Sheet(item, page, seen(source, item, page))
        if "listing" in item.meta:
            live[str(item.meta["listing"]), int(item.meta["pass"])].append(sheet)
        else:
            exported[str(item.meta.get("folder", "")), item.acquisition].append(sheet)
    listings = [
        one for label, number in sorted(live) for one in _live(label, number, live[label, number])
    ]
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


def _pages(source: Source, items: Items, warnings: list[Warn]) -> Iterator[tuple[Item, Page]]:
    """Those that can be read, in the order of their items."""
    found = items.of(PAGE, CLI_VERSIONS)
    # Read ahead by a few, as many pages together are read faster than one after another.
    xml = xmlpage.pages(items.read(item) for item in found if item.kind == PAGE)
    for item in found:
        try:
            page = next(xml) if item.kind == PAGE else clijson.read(items.read(item))
            if isinstance(page, NotAListingError):
                raise page
        except NotAListingError as error:
            warnings.append(Warn(item.sha256, "", f"{item.native}: {error}; not read", "error"))
            continue
        if _is_ours(source, item, page, warnings):
            yield item, page


def _is_ours(source: Source, item: Item, page: Page, warnings: list[Warn]) -> bool:
    """Whether it is a listing of the bucket; with what must be known of it."""
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
        return False
    warnings += [Warn(item.sha256, n.citation, n.message, n.severity) for n in page.notes]
    return True


def _live(label: str, number: int, sheets: list[Sheet]) -> list[Listing]:
    """Our own pages say which they are and what was asked for.

    One chain of pages, or levels with what is below them: then the first page, asked for to see
    how much there is, is a check of the others.
    """
    chains: dict[tuple[str, str], list[Sheet]] = defaultdict(list)
    for sheet in sorted(sheets, key=lambda s: int(s.item.meta["page"])):
        chains[_asked(sheet)].append(sheet)
    root = min(prefix for prefix, _ in chains)
    again = number > 1
    because = "every page ({}) of the version listing, the last not truncated"
    plain = chains.get((root, ""), [])
    if plain and (len(chains) == 1 or _whole(plain)):
        rest = [s for key in sorted(chains) if key != (root, "") for s in chains[key]]
        listing = Listing(label, again, plain, _whole(plain), because.format(len(plain)))
        return [listing, *([Listing(label, True, rest, False, "")] if rest else [])]
    used, complete = _tree(chains, root)
    ordered = [sheet for key in used for sheet in chains[key]]
    aside = [s for key in sorted(chains) if key not in used for s in chains[key]]
    because = "every page ({}) of the version listings of a level and of the prefixes below it"
    return [
        Listing(label, again, ordered, complete, because.format(len(ordered))),
        *([Listing(label, True, aside, False, "")] if aside else []),
    ]


def _asked(sheet: Sheet) -> tuple[str, str]:
    """Prefix and delimiter that the page was asked for."""
    parameters = sheet.item.meta.get("parameters") or {}
    return str(parameters.get("Prefix", "")), str(parameters.get("Delimiter", ""))


def _tree(
    chains: Mapping[tuple[str, str], list[Sheet]], root: str
) -> tuple[list[tuple[str, str]], bool]:
    """Which chains make up the listing, from the root on, and whether they are whole.

    A level that is not truncated stands for its own versions, and names the prefixes below it.
    """
    used: list[tuple[str, str]] = []
    complete = True
    front = [root]
    while front:
        prefix = front.pop()
        level = chains.get((prefix, "/"), [])
        plain = chains.get((prefix, ""), [])
        if plain and (_whole(plain) or prefix != root):
            used.append((prefix, ""))
            complete &= _whole(plain)
        elif level and _whole(level):
            used.append((prefix, "/"))
            # Longer ones alone: a level that names itself would be gone through for ever.
            below = level[0].page.prefixes
            front += [one for one in reversed(below) if len(one) > len(prefix)]
            complete &= all(one.startswith(prefix) and one != prefix for one in below)
        elif plain or level:
            used.append((prefix, "") if plain else (prefix, "/"))
            complete = False
        else:
            complete = False
    return used, complete


def _whole(sheets: Sequence[Sheet]) -> bool:
    numbers = [int(sheet.item.meta["page"]) for sheet in sheets]
    return numbers == list(range(1, len(sheets) + 1)) and sheets[-1].page.truncated is False


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
