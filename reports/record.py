"""A record on the page: one event of a finding, in the words of its source."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recon import prose
from recon.errors import ReconError
from recon.instants import show_interval
from reports import words
from reports.glyphs import lines, printable

if TYPE_CHECKING:
    from recon.case import Case
    from recon.collector import Item
    from recon.findings import Finding

COLUMNS = 92
"""Characters of a quoted line that fit the page."""
ROWS = 40
"""Rows of a quote; what is left out is counted, and the native holds it."""
Native = Callable[["Item"], str]
"""Path of an item in the production, or an empty string where it is not produced."""


@dataclass(frozen=True, slots=True)
class Record:
    """One event of a finding with the words of its source."""

    label: str
    role: str
    event: Mapping[str, Any]
    text: str
    how: str
    verbatim: bool
    item: Item | None


def records(case: Case, finding: Finding, events: Mapping[str, Mapping[str, Any]]) -> list[Record]:
    """The finding's events, each with its source's words; what cannot be quoted says why."""
    out = []
    names = prose.letters(finding)
    for role in finding.events:
        said: tuple[str, str, bool, Item | None]
        try:
            quote, item = case.quote(role.source, role.event)
            said = (quote.text, quote.how, quote.verbatim, item)
        except ReconError as error:
            said = (f"(not quoted: {error})", "", False, None)
        # Two sources may hold the same bytes: the finding says which one it speaks of.
        domain = case.config.source(role.source).domain
        event = {
            **events[role.event],
            "source": role.source,
            "domain": domain,
            "id": role.event,
        }
        out.append(Record(names[role.role], role.role, event, *said))
    return out


def pair(label: str, value: str, *, mono: bool = False) -> dict[str, Any]:
    """A row of a list of labels and values."""
    return {"label": label, "value": value, "mono": mono}


def page(record: Record, native: Native, same: Record | None = None) -> dict[str, Any]:
    """Its heading, quote and facts, for the template; the words stand once for each place.

    Args:
        record: what is shown.
        native: where its item is in the production.
        same: an earlier record of the same place, whose words are shown there.
    """
    event = record.event
    rows, note = _quoted(record) if same is None else ([], f"Same place as Record {same.label}")
    facts = [
        pair("Source", printable(f"{event['source']}, domain {event['domain']}")),
        pair("Record", printable(_kind(event), limit=600)),
        pair("Time read", _time(event)),
    ]
    if (digest := converted(record)) is not None:
        facts.insert(2, pair("Digest", f"base64 {digest[0]} is hexadecimal {digest[1]}"))
    if event.get("stream") and event.get("position") is not None:
        facts.append(pair("Order", printable(f"{event['stream']} at {event['position']:,}")))
    if event.get("actor"):
        facts.append(pair("Said to be by", printable(event["actor"], limit=200)))
    return {
        "label": record.label,
        "heading": printable(f"{record.role}, as {event['source']} has it"),
        "rows": rows,
        "note": note,
        "facts": facts + (_place(record, native) if same is None else []),
    }


def converted(record: Record) -> tuple[str, str] | None:
    """A SHA-256 that the record's words hold in base64 alone, and the same in hexadecimal."""
    kind, _, digest = str(record.event.get("digest") or "").partition(":")
    if kind != "sha256" or digest in record.text:
        return None
    encoded = b64encode(bytes.fromhex(digest)).decode("ascii")
    return (encoded, digest) if encoded in record.text else None


def _quoted(record: Record) -> tuple[list[list[str]], str]:
    """The quote as rows, numbered as the source counts where its place is a line, and a note."""
    counted = re.fullmatch(r"line (\d{1,12})", str(record.event.get("citation")))
    first = int(counted.group(1)) if counted else 1
    rows, cut = lines(record.text, width=COLUMNS, limit=ROWS, first=first)
    foreign = sum(1 for c in record.text if ord(c) > 126)  # noqa: PLR2004  (end of ASCII)
    notes = [
        "" if record.verbatim else "A rendering of bytes that are not plain text",
        cut,
        f"{foreign:,} characters here are not ASCII" if foreign else "",
    ]
    return rows, ". ".join(filter(None, notes))


def _place(record: Record, native: Native) -> list[dict[str, Any]]:
    """Where the words stand, and how the item came here."""
    item = record.item
    place = pair("Place in item", printable(_citation(record.event), limit=400), mono=True)
    if item is None:
        return [place]
    return [
        place,
        pair("Item SHA-256", item.sha256, mono=True),
        pair("Native file", native(item) or "not produced", mono=True),
        pair("Kept at source as", printable(item.native, limit=400), mono=True),
        pair(
            "Fetched",
            f"{item.acquired} by the examiner's clock, acquisition {item.acquisition}, "
            f"{item.size:,} bytes",
        ),
    ]


def _kind(event: Mapping[str, Any]) -> str:
    said = f"{event['kind']} on {event['subject']}"
    if event.get("attribute"):
        said += f": {event['attribute']} = {event.get('value')}"
    return said


def _citation(event: Mapping[str, Any]) -> str:
    return str(event.get("citation") or "the item as a whole")


def _time(event: Mapping[str, Any]) -> str:
    if event.get("earliest") is None:
        return "None: the record gives no time that can be read."
    basis = event.get("basis") or "asserted"
    name = event.get("clock") or ""
    when = show_interval(event["earliest"], event["latest"])
    if not name:
        return f"{when}. {words.BASES[basis]} No clock showed it."
    return f"{when} by clock {printable(name)}. {words.BASES[basis]} {words.clock(name, basis)}"
