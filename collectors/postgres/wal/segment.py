"""Checks of WAL segments by their first 40 bytes, before any reader sees them.

Neither a reader's exit code nor a file's name is proof of what a file is: ``pg_waldump`` says
nothing of a wrong timeline in the name, and "could not find a valid record" of another version.
So magic, version, timeline, page address, system id and size are held against the name here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from collectors.postgres.packing import packing_of
from collectors.postgres.wal.layout import (
    LONG,
    LONG_HEADER,
    MAGIC,
    PAGE_FLAGS,
    Geometry,
    read_name,
    segment_name,
    show_lsn,
)
from collectors.postgres.wal.model import Segment
from recon.collector import Warn

_PARTIAL = ".partial"


@dataclass(frozen=True, slots=True)
class Checked:
    """A segment whose header fits its name."""

    segment: Segment
    timeline: int
    """In its name."""
    number: int
    """Which segment of WAL it is, from 0."""
    major: int
    system_id: int
    geometry: Geometry
    begun_on: int
    """Timeline of its first page: lower than ``timeline`` in the first segment after a switch."""
    size: int
    """Bytes of the file; less than the geometry's where it was cut off."""

    @property
    def partial(self) -> bool:
        """Whether it was kept as ``.partial``: what follows its last record means nothing."""
        return self.segment.name.endswith(_PARTIAL)

    @property
    def start(self) -> int:
        """LSN of its first byte."""
        return self.number * self.geometry.segment

    @property
    def name(self) -> str:
        """Its name as PostgreSQL writes it."""
        return segment_name(self.timeline, self.number, self.geometry.segment)


@dataclass(frozen=True, slots=True)
class Archive:
    """Segments of one cluster, in runs without a gap."""

    runs: Sequence[Sequence[Checked]]
    """By timeline and number; each run is one timeline's, by file name."""
    system_id: int | None
    warnings: Sequence[Warn]


def order(segments: Sequence[Segment], system_id: int | None = None) -> Archive:
    """Check every segment, leave out what is not of this cluster, and order the rest.

    ``system_id``: the cluster that is meant; by default the one that most segments name.
    """
    checked: list[Checked] = []
    warnings: list[Warn] = []
    for segment in sorted(segments, key=lambda one: (one.name, one.sha256)):
        found = check(segment)
        (checked if isinstance(found, Checked) else warnings).append(found)  # type: ignore[arg-type]
    meant = system_id if system_id is not None else _common(checked)
    own: dict[tuple[int, int], Checked] = {}
    for one in checked:
        if one.system_id != meant:
            warnings.append(_warn(one.segment, _foreign(one, meant), "error"))
            continue
        twin = own.setdefault((one.timeline, one.number), one)
        if twin is not one:
            read, message = _twins(one, twin, checked)
            own[one.timeline, one.number] = read
            warnings += [message] if message else []
    for one in own.values():
        if one.size < one.geometry.segment:
            # Behind a SWITCH no reader would say so, and nothing need be lost.
            warnings.append(_warn(one.segment, _cut(one)))
    runs: list[list[Checked]] = []
    for one in sorted(own.values(), key=lambda one: (one.timeline, one.number)):
        last = runs[-1][-1] if runs else None
        if last and last.timeline == one.timeline and _joins(last, one):
            runs[-1].append(one)
            continue
        if last and last.timeline == one.timeline and last.number + 1 != one.number:
            warnings.append(_warn(one.segment, _gap(last, one)))
        runs.append([one])
    return Archive(runs, meant if own else None, warnings)


def check(segment: Segment) -> Checked | Warn:
    """One segment's header against its name and size."""
    with segment.path.open("rb") as file:
        head = file.read(LONG_HEADER.size)
        size = file.seek(0, 2)
    packing = packing_of(head)
    if packing:
        return _warn(
            segment,
            f"expected a WAL segment; found {packing.name}-packed bytes; unpack a copy with "
            f"`{packing.command}` and collect that",
            "error",
        )
    # What a timeline held when it ended, or what was being received: read as far as its records
    # prove themselves, since what lies behind them may be of another time.
    name = read_name(segment.name.removesuffix(_PARTIAL))
    if name is None:
        return _warn(
            segment,
            f"expected a name of 24 hexadecimal digits; found {segment.name!r}; not read",
            "error",
        )
    if len(head) < LONG_HEADER.size:
        return _warn(
            segment,
            f"expected a page header of {LONG_HEADER.size} bytes; found a file of {size}; not read",
            "error",
        )
    return _fits(segment, head, size, name)


def _fits(segment: Segment, head: bytes, size: int, name: tuple[int, int, int]) -> Checked | Warn:
    magic, info, timeline, address, _, system_id, length, page = LONG_HEADER.unpack(head)
    geometry = Geometry(length, page)
    named, high, low = name
    problem = None
    if not any(head):
        problem = "expected a WAL page; found zeros: a segment made ready and never written"
    elif magic not in MAGIC:
        problem = f"expected the magic of PostgreSQL 12 to 18; found {magic:#06x}"
    elif not info & LONG or info & ~PAGE_FLAGS:
        problem = f"expected a long page header; found flags {info:#06x}"
    elif not geometry.valid():
        problem = f"expected a segment and page size; found {length} and {page} bytes"
    elif low >= 2**32 // length:
        problem = f"expected a number below {2**32 // length:08X} in the name; found {low:08X}"
    elif address != (number := high * (2**32 // length) + low) * length:
        kept = segment_name(timeline, address // length, length)
        problem = (
            f"expected the page address {show_lsn(number * length)}, by its name; "
            f"found {show_lsn(address)}, that of {kept}: renamed, or recycled and not yet written"
        )
    elif timeline > named or timeline == 0:
        problem = f"expected timeline {named}, by its name; found {timeline} in the page header"
    elif size > length:
        problem = f"expected {length} bytes, by its header; found {size}"
    if problem:
        return _warn(segment, f"{problem}; not read", "error")
    return Checked(
        segment=segment,
        timeline=named,
        number=number,
        major=MAGIC[magic],
        system_id=system_id,
        geometry=geometry,
        begun_on=timeline,
        size=size,
    )


def _foreign(one: Checked, meant: int | None) -> str:
    return (
        f"expected the cluster with system identifier {meant}; found {one.system_id}: "
        "another cluster's WAL; not read"
    )


def _twins(one: Checked, other: Checked, every: Sequence[Checked]) -> tuple[Checked, Warn | None]:
    """Which of two files of one segment is read, and what to say of the other."""
    from collectors.postgres.wal.twins import better, differ, same

    if same(one, other):
        return other, None
    after = [following for following in every if _joins(one, following)][:1]
    read = better(one, other, after)
    left = other if read is one else one
    said = differ(left, read)
    if said is None:
        return read, None
    message = f"a second file {left.name} {said}; not read: compare the two by hand"
    return read, _warn(left.segment, message, "error")


def _joins(last: Checked, one: Checked) -> bool:
    return (
        (last.timeline, last.number + 1) == (one.timeline, one.number)
        and (last.major, last.geometry) == (one.major, one.geometry)
        and one.begun_on == one.timeline
    )


def _cut(one: Checked) -> str:
    end = show_lsn(one.start + one.size - one.size % one.geometry.page)
    return (
        f"expected {one.geometry.segment} bytes, by its header; found {one.size}: cut off; "
        f"read as far as whole pages go, to {end}"
    )


def _gap(last: Checked, one: Checked) -> str:
    size = one.geometry.segment
    first = segment_name(last.timeline, last.number + 1, size)
    final = segment_name(last.timeline, one.number - 1, size)
    count = one.number - last.number - 1
    names = first if count == 1 else f"{first} to {final}"
    return f"{count} segment(s) before this one are missing: {names}; what they held is not known"


def _common(checked: Sequence[Checked]) -> int | None:
    counts = Counter(one.system_id for one in checked)
    return min(counts, key=lambda one: (-counts[one], one)) if counts else None


def _warn(segment: Segment, message: str, severity: str = "warning") -> Warn:
    return Warn(segment.sha256, "", f"{segment.name}: {message}", severity)
