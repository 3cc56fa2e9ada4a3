"""Order after clock correction: certainly, possibly, or not known.

A reading is never changed: what is known of the clocks is put beside it. :meth:`Corrected.apart`
and :meth:`Corrected.on` compare two readings by the bounds of these two clocks at these two times,
which are tighter than by way of a reference clock: two readings of one clock compare as they
stand, as its offset cancels.

``[tolerance]`` of the case widens a clock against all others, and never against itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from recon.schema import INSTANT
from recon.subjects import glob
from recon.time.between import BASES, ONE, Between
from recon.time.consensus import OPEN
from recon.time.known import Known

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Mask = NDArray[np.bool_]

BASIS = pl.Enum(BASES)
_SECOND = 1_000_000
_BOUND = pl.Struct({"low": pl.Int64(), "high": pl.Int64(), "basis": pl.UInt8()})


class Reading(NamedTuple):
    """Names of the columns of a frame that hold one reading."""

    clock: str
    earliest: str
    latest: str


READING = Reading("clock", "earliest", "latest")
"""An event's own."""


@dataclass(frozen=True, slots=True)
class Apart:
    """By how much a second event came after a first one."""

    first: str | None
    """Clock of the first; None: its clock is not known."""
    second: str | None
    least: int | None
    """µs; None: not bounded."""
    most: int | None
    low: int | None
    """µs; the bounds of D(second) − D(first) that were used, tolerance and all."""
    high: int | None
    basis: str
    """One of :data:`~recon.time.between.BASES`."""

    @property
    def before(self) -> bool | None:
        """Whether the first came before the second; None: undetermined."""
        if self.least is not None and self.least > 0:
            return True
        return False if self.most is not None and self.most < 0 else None

    @property
    def not_after(self) -> bool:
        """Whether the first certainly came before the second, or at one time."""
        return self.least is not None and self.least >= 0


@dataclass(frozen=True, slots=True)
class Corrected:
    """What is known of the clocks of a case, for whoever compares times."""

    between: Between
    tolerance: Mapping[str, float] = field(default_factory=dict)
    """Seconds by glob of clock."""

    @classmethod
    def of(cls, known: Known, tolerance: Mapping[str, float] | None = None) -> Corrected:
        """From what the pairs of a timeline settle to, and what the case declares.

        What the tool itself proposes as two records of one act is an assumption: it measures no
        clock, and makes it doubtful that two clocks agree.
        """
        return cls(Between.of(known.firm, known.settled.offsets), tolerance or {})

    @classmethod
    def nothing(cls, tolerance: Mapping[str, float] | None = None) -> Corrected:
        """Where nothing is known of any clock."""
        return cls.of(Known.nothing(), tolerance)

    @property
    def plain(self) -> bool:
        """Whether nothing is known of any clock, so that all readings compare as they stand."""
        return not self.between.clocks and not self.tolerance

    def bound(
        self, frame: pl.LazyFrame, first: Reading, second: Reading, name: str
    ) -> pl.LazyFrame:
        """With the bounds of D(second) − D(first), µs: ``NAME_low``, ``NAME_high``, ``NAME_basis``.

        Null: not bounded.
        """
        one = (pl.col(first.clock) == pl.col(second.clock)).fill_null(value=False)
        if not self.between.clocks:
            found = pl.struct(
                low=pl.lit(0, pl.Int64()),
                high=pl.lit(0, pl.Int64()),
                basis=pl.when(one).then(pl.lit(ONE)).otherwise(pl.lit(2)).cast(pl.UInt8),
            )
        else:
            found = pl.struct(
                first=self._number(first.clock),
                second=self._number(second.clock),
                begin=_at(first),
                end=_at(second),
                one=one,
            ).map_batches(self._bound, return_dtype=_BOUND, is_elementwise=True)
        wide = self._wide(pl.col(first.clock)) + self._wide(pl.col(second.clock))
        wide = pl.when(one).then(0).otherwise(wide)
        own = pl.col(f"{name}_bound").struct
        names = pl.lit(pl.Series(BASES, dtype=BASIS))
        return (
            frame.with_columns(found.alias(f"{name}_bound"))
            .with_columns(
                (own.field("low") - wide).alias(f"{name}_low"),
                (own.field("high") + wide).alias(f"{name}_high"),
                names.gather(own.field("basis").cast(pl.UInt32)).alias(f"{name}_basis"),
            )
            .drop(f"{name}_bound")
        )

    def apart(
        self, frame: pl.LazyFrame, first: Reading, second: Reading, name: str
    ) -> pl.LazyFrame:
        """With what :meth:`bound` adds, and ``NAME_least`` to ``NAME_most``.

        By so many µs the second event came after the first; null: not bounded.
        """
        low, high = pl.col(f"{name}_low"), pl.col(f"{name}_high")
        begin, end = (pl.col(one.earliest).dt.epoch("us") for one in (first, second))
        until, last = (pl.col(one.latest).dt.epoch("us") for one in (first, second))
        return self.bound(frame, first, second, name).with_columns(
            (end - until - high).alias(f"{name}_least"), (last - begin - low).alias(f"{name}_most")
        )

    def on(self, frame: pl.LazyFrame, first: Reading, second: Reading, name: str) -> pl.LazyFrame:
        """With what :meth:`bound` adds, and ``NAME_from`` to ``NAME_to``.

        That is the first reading as the second clock would show it, to be held against the second
        reading as it stands; null: not bounded.
        """
        return self.bound(frame, first, second, name).with_columns(
            _moved(first.earliest, pl.col(f"{name}_low")).alias(f"{name}_from"),
            _moved(first.latest, pl.col(f"{name}_high")).alias(f"{name}_to"),
        )

    def compare(
        self,
        first: tuple[str | None, datetime | None, datetime | None],
        second: tuple[str | None, datetime | None, datetime | None],
    ) -> Apart:
        """Two readings (clock, earliest, latest), as :meth:`apart` compares columns."""
        return self.compared([first], [second])[0]

    def compared(
        self,
        first: Iterable[tuple[str | None, datetime | None, datetime | None]],
        second: Iterable[tuple[str | None, datetime | None, datetime | None]],
    ) -> list[Apart]:
        """The same of several."""
        frames = [
            pl.LazyFrame(
                list(those),
                schema={f"c{n}": pl.String(), f"e{n}": INSTANT, f"l{n}": INSTANT},
                orient="row",
            )
            for n, those in enumerate((first, second))
        ]
        both = pl.concat(frames, how="horizontal")
        found = self.apart(both, Reading("c0", "e0", "l0"), Reading("c1", "e1", "l1"), "x")
        columns = ("c0", "c1", "x_least", "x_most", "x_low", "x_high", "x_basis")
        return [Apart(*row) for row in found.select(columns).collect().iter_rows()]

    @property
    def numbers(self) -> dict[str, int]:
        """Of each clock that anything is known of, its number in :attr:`between`."""
        return {clock: place for place, clock in enumerate(self.between.clocks)}

    def allowed(self, clock: str) -> int:
        """µs of tolerance that the case declares for a clock."""
        import re

        names = ((re.compile(glob(one).replace(r"\z", r"\Z")), s) for one, s in _sorted(self))
        return max([0, *(round(s * _SECOND) for one, s in names if one.match(clock))])

    def _bound(self, both: pl.Series) -> pl.Series:
        import numpy as np

        part = {one: _filled(both.struct.field(one)) for one in ("first", "second", "begin", "end")}
        one = both.struct.field("one").to_numpy()
        low, high, basis = self.between.bound(
            (part["first"], part["begin"]), (part["second"], part["end"]), one.astype(np.bool_)
        )
        return _bounds(low, high, basis)

    def _number(self, clock: str) -> pl.Expr:
        """Clocks by number; null for those of which nothing is known."""
        known = pl.Enum(self.between.clocks)
        return pl.col(clock).cast(known, strict=False).to_physical().cast(pl.Int64)

    def _wide(self, clock: pl.Expr) -> pl.Expr:
        """µs of tolerance, by clock."""
        if not self.tolerance:
            return pl.lit(0, pl.Int64())
        each = [
            pl.when(clock.str.contains(glob(one))).then(round(seconds * _SECOND)).otherwise(0)
            for one, seconds in _sorted(self)
        ]
        return pl.max_horizontal(pl.lit(0, pl.Int64()), *each)


def before(name: str) -> pl.Expr:
    """Whether the first of :meth:`Corrected.apart` came before the second; null: undetermined."""
    return (
        pl.when(pl.col(f"{name}_least") > 0)
        .then(statement=True)
        .when(pl.col(f"{name}_most") < 0)
        .then(statement=False)
    )


def certainly_before(name: str) -> pl.Expr:
    """Whether it did whatever the clocks within their bounds."""
    return (pl.col(f"{name}_least") > 0).fill_null(value=False)


def possibly_before(name: str) -> pl.Expr:
    """Whether it can have come before the second."""
    return (pl.col(f"{name}_most") > 0).fill_null(value=True)


def _sorted(corrected: Corrected) -> list[tuple[str, float]]:
    return sorted(corrected.tolerance.items())


def _at(reading: Reading) -> pl.Expr:
    return pl.coalesce(reading.earliest, reading.latest).dt.epoch("us")


def _moved(column: str, by: pl.Expr) -> pl.Expr:
    return (pl.col(column).dt.epoch("us") + by).cast(INSTANT)


def _filled(numbers: pl.Series) -> Ints:
    import numpy as np

    found: Ints = numbers.fill_null(-1).to_numpy().astype(np.int64)
    return found


def _bounds(low: Ints, high: Ints, basis: Ints) -> pl.Series:
    """A series of :data:`_BOUND`; what is not bounded is null."""
    frame = pl.DataFrame({"low": low, "high": high}).with_columns(
        low=pl.when(pl.col("low") > -OPEN // 2).then("low"),
        high=pl.when(pl.col("high") < OPEN // 2).then("high"),
        basis=pl.Series(basis).cast(pl.UInt8),
    )
    return frame.select("low", "high", "basis").to_struct()
