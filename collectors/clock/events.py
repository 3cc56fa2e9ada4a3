"""Measurements of the examiner's clock to events: what bounds it to UTC, and by whose word."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from collectors.clock import roughtime
from collectors.clock.measure import KIND
from collectors.clock.status import Status, tracking, variables
from recon.collector import Parsed, Warn
from recon.errors import BadInputError
from recon.instants import interval
from recon.readings import EXAMINER, TRUE_TIME, Reading, one_instant
from recon.schema import DRAFT, frame

if TYPE_CHECKING:
    from collectors.clock.options import ClockOptions
    from recon.collector import Item, Items, Source

_STEP = 0.1
"""Seconds by which wall and monotonic clock may part without a word."""
_SLEW = 1000e-6
"""How fast a daemon may slew a wall clock against a monotonic one, relative: twice the kernel's."""

_MOST_COUNT = 1 << 63
"""Nanoseconds that a monotonic clock can count."""


def parse(source: Source, items: Items) -> Parsed:
    """Two readings of one instant for each word that counts; warnings where none does."""
    rows: list[dict[str, Any]] = []
    warnings: list[Warn] = []
    read = []
    for item in items.of(KIND):
        try:
            measured = _read(items.read(item))
        except ValueError as error:
            warnings.append(
                Warn(item.sha256, "", f"expected a measurement of a clock; found {error}", "error")
            )
            continue
        read.append((item, measured))
        found: list[list[dict[str, Any]]] = []
        for one in (*_daemons(item, measured), *_servers(source.options, item, measured)):
            if isinstance(one, Warn):
                warnings.append(one)
            else:
                found.append(one)
        if not found:
            warnings.append(
                Warn(
                    item.sha256,
                    "",
                    "expected an NTP daemon that is synchronised, or a Roughtime server; found "
                    "neither: the examiner's clock is unmeasured",
                )
            )
        rows += [event for events in found for event in events]
    warnings += _steps(read)
    return Parsed(frame(rows, DRAFT).lazy(), None, tuple(warnings))


def _read(data: bytes) -> dict[str, Any]:
    """A measurement.

    Raises:
        ValueError: it is none.
    """
    try:
        found: dict[str, Any] = json.loads(data)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    for name in ("commands", "roughtime"):
        listed = found.get(name) if isinstance(found, dict) else None
        if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
            raise ValueError(f"no list of {name}")
    return found


_Told = Iterator[list[dict[str, Any]] | Warn]


def _daemons(item: Item, measured: Mapping[str, Any]) -> _Told:
    """What NTP daemons say: the clock lacks so much to UTC, give or take."""
    for number, one in enumerate(measured["commands"]):
        status, at = _status(one), _wall(one.get("before"))
        if isinstance(status, str):
            if status:
                yield Warn(item.sha256, f"/commands/{number}", status)
        elif at is not None:
            low, high = (status.lacks + side * status.within for side in (-1, 1))
            yield one_instant(
                (Reading(EXAMINER, at, at), Reading(TRUE_TIME, _plus(at, low), _plus(at, high))),
                item=item.sha256,
                citation=f"/commands/{number}",
                by=f"NTP as {_DAEMONS[one['argv'][0]]} of the examiner tells it",
            )


def _servers(options: ClockOptions, item: Item, measured: Mapping[str, Any]) -> _Told:
    """What Roughtime servers signed between two readings of the clock."""
    for number, one in enumerate(measured["roughtime"]):
        try:
            before, after, told = _answer(options, one)
        except ValueError as error:
            said = f"expected an answer of a Roughtime server with {error}"
            yield Warn(item.sha256, f"/roughtime/{number}", said)
            continue
        middle = datetime.fromtimestamp(told.midpoint, UTC)
        room = timedelta(seconds=told.radius)
        yield one_instant(
            (Reading(EXAMINER, before, after), Reading(TRUE_TIME, middle - room, middle + room)),
            item=item.sha256,
            citation=f"/roughtime/{number}",
            by=f"Roughtime of {one['name']}",
        )


def _answer(
    options: ClockOptions, one: Mapping[str, Any]
) -> tuple[datetime, datetime, roughtime.Told]:
    """Our readings around a valid answer, and what it says; else ValueError: what it lacks.

    The key that is trusted is the one that the case names now.
    """
    keys = {server.name: server.raw_key for server in options.roughtime}
    key = keys.get(str(one.get("name")))
    if key is None:
        raise ValueError("a name that the case has in `roughtime`")
    if "response" not in one:
        raise ValueError(f"a response, found none: {str(one.get('failed'))[:100]}")
    told = roughtime.verify(_packet(one, "request"), _packet(one, "response"), key)
    before, after = _wall(one.get("before")), _wall(one.get("after"))
    if before is None or after is None or after < before:
        raise ValueError("two readings of our clock around it, in order")
    return before, after, told


_DAEMONS = {"chronyc": "chronyd", "ntpq": "ntpd"}


def _packet(one: Mapping[str, Any], end: str) -> bytes:
    return base64.b64decode(str(one.get(end)), validate=True)


def _status(one: Mapping[str, Any]) -> Status | str:
    """What a command says; text: why it says nothing, empty where there is nothing to say."""
    argv, text = one.get("argv"), one.get("stdout")
    if not isinstance(argv, list) or not argv or not isinstance(text, str) or one.get("exit") != 0:
        return ""
    if argv[0] == "chronyc" and argv[-1] == "tracking":
        return tracking(text)
    if argv[0] == "ntpq" and argv[-1] == "rv":
        return variables(text)
    return ""


def _plus(at: datetime, seconds: float) -> datetime:
    return at + timedelta(seconds=seconds)


def _wall(reading: object) -> datetime | None:
    """The wall clock's reading."""
    if not isinstance(reading, dict):
        return None
    try:
        at = interval(str(reading.get("wall")))[0]
    except BadInputError:
        return None
    # Room for the longest offset on either side, within what a calendar holds.
    return at if 1970 < at.year < 9990 else None  # noqa: PLR2004


def _steps(read: list[tuple[Item, dict[str, Any]]]) -> Iterator[Warn]:
    """Where the wall clock and the monotonic one parted between two readings of one boot."""
    places: dict[str, list[tuple[int, datetime, Item]]] = {}
    for item, measured in read:
        boot = measured.get("boot")
        for name in ("begun", "ended"):
            one = measured.get(name)
            at = _wall(one)
            counted = one.get("monotonic_ns") if isinstance(one, dict) else None
            if not isinstance(counted, int) or not 0 <= counted < _MOST_COUNT:
                continue
            if isinstance(boot, str) and at is not None:
                places.setdefault(boot, []).append((counted, at, item))
    for _, found in sorted(places.items()):
        found.sort(key=lambda one: one[:2])
        for (count, at, _), (later, after, item) in pairwise(found):
            passed = (later - count) / 1e9
            parted = (after - at).total_seconds() - passed
            if abs(parted) > _STEP + _SLEW * passed:
                yield Warn(
                    item.sha256,
                    "",
                    f"expected the examiner's clock to run on from {at:%Y-%m-%d %H:%M:%S} UTC; "
                    f"found that it was set by {parted:+.3f} s by {after:%Y-%m-%d %H:%M:%S} UTC",
                )
