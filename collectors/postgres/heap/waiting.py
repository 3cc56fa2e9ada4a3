"""Changes of rows that were gathered and are not yet told, and which of them are told together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from collectors.postgres.heap.claimed import Claimed
from collectors.postgres.heap.told import Group, Telling
from collectors.postgres.heap.tuples import Decoder

_LARGE = 16 * 1024 * 1024
"""Bytes of values that are packed or outside their rows, once they are unpacked: the same."""
ALL = 2**62
"""Behind every record."""
Act = tuple[int, int, Callable[[], None]]
"""Record; 0: keeps chunks, 1: fetches a value."""


@dataclass(slots=True)
class Waiting:
    """What was gathered and is not yet told."""

    tuples: list[npt.NDArray[np.uint8]] = field(default_factory=list)
    bytes: int = 0
    """Of these."""
    records: int = 0
    """How many there were so far."""
    size: int = 0
    """Bytes of all that waits."""
    rows: int = 0
    acts: list[tuple[int, Callable[[], None]]] = field(default_factory=list)
    """Records, and what keeps their chunks of values outside the row."""
    _groups: dict[Decoder, tuple[Claimed, list[tuple[npt.NDArray[Any], ...]]]] = field(
        default_factory=dict
    )

    def add(
        self, claimed: Claimed, decoder: Decoder, columns: tuple[npt.NDArray[Any], ...]
    ) -> None:
        """Columns of a :class:`Group`."""
        self._groups.setdefault(decoder, (claimed, []))[1].append(columns)

    def whole(self) -> Iterator[Group]:
        """What was added, table by table."""
        for decoder, (claimed, parted) in self._groups.items():
            yield Group(claimed, decoder, *map(np.concatenate, zip(*parted, strict=True)))


def cuts(tellings: Sequence[Telling]) -> Iterator[int]:
    """Records up to which changes are told together, so that large values are not too many."""
    found = [large for one in tellings for large in one.large()]
    if sum(int(size.sum()) for _, size in found) > _LARGE:
        record, size = (np.concatenate(column) for column in zip(*found, strict=True))
        order = np.argsort(record, kind="stable")
        part = np.cumsum(size[order]) // _LARGE
        # A record's own values stay together.
        begun = record[order][1:][np.diff(part) > 0]
        yield from np.unique(begun[begun > record.min()]).tolist()
    yield ALL
