"""A version listing page by page, and over several prefixes beside each other.

1. The first page. Where it is all, that is the listing.
2. Levels: with a delimiter, one page names the prefixes below (and lists the versions beside
   them). Where a level does not fit into one page it is not used: not every server pages levels
   without a gap.
3. Each prefix page after page, several prefixes at a time.

Where levels are of no use, the first page is followed to the end. What each page was asked for
stands in its item's ``meta``; from that alone :mod:`collectors.s3.sheets` says what is complete.
Interrupted anywhere, a second run reads what is stored and asks for the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from collectors.s3.kinds import PAGE, UNRECOGNISED
from collectors.s3.listing import NotAListingError
from collectors.s3.wire import CredentialsError
from recon.errors import BadInputError, ReconError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from collectors.s3.listing import Page
    from collectors.s3.run import Run

DELIMITER = "/"
_MOST_PAGES = 10_000_000
_DEEPEST = 4
_PER_WORKER = 2
# How often a page that is no listing is asked for, in the middle of a listing that was one.
_TRIES = 3


@dataclass(frozen=True, slots=True)
class _Branch:
    """Pages that follow one another."""

    number: int
    """Of the pass."""
    prefix: str
    delimiter: str = ""
    rows: bool = True
    """Whether their versions are of use here, and not only where the next page starts."""


@dataclass(slots=True)
class Walked:
    """What one pass over the listing came to."""

    pages: int = 0
    chosen: list[tuple[str, str]] = field(default_factory=list)
    """(key, version id) of the versions that are asked for more."""
    by_prefix: bool = False
    """Whether it was listed by prefixes."""
    whole: bool = True
    """Whether every prefix was listed to its end."""


def walk(
    run: Run,
    number: int,
    select: Callable[[Page], list[tuple[str, str]]] | None,
    route: Literal["either", "prefixes", "pages"] = "either",
) -> Walked:
    """One pass over all versions under the prefix; ``number`` is 1 or 2.

    ``select``: which versions of a page are asked for more; none where it is null.
    ``route``: by prefixes or page after page, where there is more than a page of them.
    A prefix that cannot be listed to its end is recorded as failed; the others go on.

    Raises:
        ReconError: not even the first page could be had, or the credentials ended.
    """
    walked = Walked()

    def noted(page: Page) -> Page:
        rows = select(page) if select else []
        with run.lock:
            walked.pages += 1
            walked.chosen += rows
            done = walked.pages
        run.progress("listing pages", done)
        return page

    root = run.options.prefix
    branches = [root]
    if route != "prefixes":
        first = _page(run, _Branch(number, root, rows=select is not None), 1, ("", ""))
        if not first.truncated:
            noted(first)
            return walked
    if route == "prefixes" or (route == "either" and run.options.parallel > 1):
        branches = _branches(run, number, noted, rows=select is not None)
    walked.by_prefix = branches != [root]
    rows = select is not None
    ended = run.each(
        lambda prefix: _follow(run, _Branch(number, prefix, rows=rows), noted), branches
    )
    walked.whole = all(ended)
    return walked


def _branches(run: Run, number: int, noted: Callable[[Page], Page], *, rows: bool) -> list[str]:
    """Prefixes that together, with the levels above them, hold every key."""
    leaves: list[str] = []
    front = [run.options.prefix]
    for _ in range(_DEEPEST):
        pages = run.each(
            lambda prefix: _level(run, _Branch(number, prefix, DELIMITER, rows)), front
        )
        below: list[str] = []
        for prefix, page in zip(front, pages, strict=True):
            if page is None or page.truncated is not False:
                leaves.append(prefix)
            else:
                noted(page)
                below += page.prefixes
        front = below
        if not front or len(leaves) + len(front) >= _PER_WORKER * run.options.parallel:
            break
    return leaves + front


def _level(run: Run, level: _Branch) -> Page | None:
    """The page of one level; null where the server does not give one."""
    try:
        return _page(run, level, 1, ("", ""))
    except CredentialsError:
        raise
    except ReconError as error:
        run.failed(_native(run, level, 1), error)
        return None


def _follow(run: Run, branch: _Branch, noted: Callable[[Page], Page]) -> bool:
    """Whether one prefix was listed to its end; what stops it is recorded, and stops no other."""
    try:
        for page in _pages(run, branch):
            noted(page)
    except CredentialsError:
        raise
    except ReconError as error:
        run.failed(_native(run, branch, 0), error)
        return False
    return True


def _pages(run: Run, branch: _Branch) -> Iterator[Page]:
    """The pages of one prefix, asked for or, where they are stored, read."""
    marker = ("", "")
    seen = {marker}
    for count in range(1, _MOST_PAGES):
        page = _page(run, branch, count, marker)
        yield page
        if not page.truncated:
            return
        if page.following is None or page.following in seen:
            raise BadInputError(
                "a truncated page to say where the next one starts",
                "nothing, or a place that was listed before",
                _native(run, branch, count),
                "tell who runs the server",
            )
        marker = page.following
        seen.add(marker)


def _native(run: Run, branch: _Branch, count: int) -> str:
    below = branch.prefix.removeprefix(run.options.prefix)
    more = f"&below={quote(below, safe='')}" if below else ""
    more += f"&delimiter={quote(branch.delimiter, safe='')}" if branch.delimiter else ""
    return f"{run.where}?versions&listing={run.listing}&pass={branch.number}{more}&page={count:06d}"


def _page(run: Run, branch: _Branch, count: int, marker: tuple[str, str]) -> Page:
    """A page; one that is no listing is kept, and in the middle of a listing asked for again.

    Raises:
        UnreachableError: no answer, or a refusal.
        BadInputError: what answers is no version listing, or one of other keys.
    """
    from collectors.s3 import xmlpage

    native = _native(run, branch, count)
    known = run.item(native)
    if known is not None:
        page = xmlpage.read(run.acquisition.read(known), rows_wanted=branch.rows)
        _check(page, branch.prefix, native)
        return page
    parameters: dict[str, Any] = {
        "Bucket": run.options.bucket,
        "Prefix": branch.prefix,
        "EncodingType": "url",
        "MaxKeys": 1000,
    }
    if branch.delimiter:
        parameters["Delimiter"] = branch.delimiter
    if marker != ("", ""):
        parameters["KeyMarker"] = marker[0]
        if marker[1]:
            parameters["VersionIdMarker"] = marker[1]
    for left in reversed(range(_TRIES if count > 1 else 1)):
        answer = run.ask("list-object-versions", parameters, refuse=True)
        meta = {
            **answer.about(),
            "listing": run.listing,
            "pass": branch.number,
            "page": count,
            "parameters": parameters,
        }
        try:
            page = xmlpage.read(answer.body, rows_wanted=branch.rows)
        except NotAListingError as error:
            run.store(f"{native}&asked={answer.before}", UNRECOGNISED, answer.body, meta)
            if left:
                continue
            raise BadInputError(
                "a version listing of S3",
                str(error),
                native,
                "check `endpoint`; what came is kept as an item",
            ) from error
        break
    run.store(native, PAGE, answer.body, meta)
    _check(page, branch.prefix, native)
    return page


def _check(page: Page, prefix: str, native: str) -> None:
    """A server that lists other keys than it was asked for would be asked for ever."""
    strange = page.versions["key"].str.starts_with(prefix).not_()
    others = page.versions.filter(strange)["key"].head(1).to_list()
    others += [one for one in page.prefixes if one == prefix or not one.startswith(prefix)]
    if others:
        raise BadInputError(
            f"keys that start with {prefix!r}, and longer prefixes",
            f"{others[0]!r}",
            native,
            "check `endpoint`",
        )
