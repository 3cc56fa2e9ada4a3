"""What could not be read of a log, or was read with a caveat, named by its place."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from collectors.caveats import Tally
from collectors.times import EPOCHS
from recon.collector import Warn
from recon.schema import INSTANT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collectors.deploylog.formats.base import Format
    from collectors.deploylog.options import DeployLogOptions
    from recon.collector import Item


class Watch:
    """Caveats of one item, from its blocks as :mod:`collectors.deploylog.events` reads them."""

    def __init__(self, item: Item, options: DeployLogOptions, format_: Format) -> None:
        self._item = item
        self._options = options
        self._format = format_
        self._tally = Tally(item)
        self._empty = True
        self._counts = {"blank": 0, "naive": 0, "back": 0, "miss": 0, "continued": 0, "yearless": 0}
        self._first: dict[str, str] = {}
        self._units: dict[str, int] = {}
        self._met: set[str] = set()
        self._read = 0
        self._ended: tuple[bool, str] = (True, "")
        self._newest: datetime | None = None
        self._runs: dict[str | None, tuple[int, datetime | None]] = {}
        self.gaps: list[pl.DataFrame] = []
        """Records after a number that is missing: ``citation``, ``before`` (the last number),
        ``sequence``, ``clock``, and ``earliest`` to ``latest``, between which the others were."""

    def see(self, block: pl.DataFrame) -> None:
        """One more block."""
        if block.is_empty():
            return
        self._empty = False
        fine = block["problem"].is_null() & ~block["blank"] & ~block["continued"]
        read = block if fine.all() else block.filter(fine)
        self._each(block, read)
        self._read += read.height
        self._count("blank", block.filter("blank"))
        self._count("continued", block.filter("continued"))
        self._count("miss", read.filter(~pl.col("hit")))
        self._count("naive", read.filter(pl.col("note") == "naive"))
        if "yearless" in read.columns:
            self._count("yearless", read.filter("yearless"))
        for unit, count in read["unit"].drop_nulls().value_counts(name="n").iter_rows():
            self._units[unit] = self._units.get(unit, 0) + count
        for attribute, key in self._options.fields.attributes.items():
            if read[f"={key}"].null_count() < read.height:
                self._met.add(attribute)
        if self._format.lines:
            self._ended = (bool(block["ended"][-1]), block["citation"][-1])
        self._order(read)
        self._sequence(read)

    def _each(self, block: pl.DataFrame, read: pl.DataFrame) -> None:
        add = self._tally.add
        broken = block.filter(pl.col("problem").is_not_null())
        add("broken", broken, pl.col("problem") + "; kept as an undated event", "error")
        odd = "expected one text or number in {}; found a key that stands twice, an object, a list"
        odd += " or half a character; the value is left out"
        add("odd", read.filter(pl.col("odd").is_not_null()), pl.format(odd, "odd"))
        add(
            "bare",
            read.filter(pl.col("lacking") & pl.col("hit")),
            pl.lit(
                f"expected the keys of the subject {self._options.fields.subject or 'its own'!r};"
                " found not all of them; the record is kept without subject and makes no claim"
            ),
        )
        kind = "expected a kind of the log's own; found one that is reserved; read as log.line"
        add("reserved", read.filter("reserved"), pl.lit(kind))
        time = self._options.fields.time
        where = f" in {time!r}" if time is not None else ""
        add(
            "timeless",
            read.filter(pl.col("time").is_null() & pl.col("odd").is_null()),
            pl.lit(f"expected a time{where}; found none; the event is undated"),
        )
        add(
            "undated",
            read.filter(pl.col("time").is_not_null() & pl.col("earliest").is_null()),
            pl.format(
                "expected a time (ISO 8601, or an epoch between 2001 and 2100"
                + self._further()
                + "); found {}; the event is undated",
                pl.col("time").str.slice(0, 80),
            ),
        )
        zone = self._options.zone
        twice = f"expected a time that came once in {zone}; found one that came twice; read as both"
        add("fold", read.filter(pl.col("note") == "fold"), pl.lit(twice))
        out = f"expected a time that was in {zone}; found one that its clocks left out; read as"
        out += " before and after"
        add("gap", read.filter(pl.col("note") == "gap"), pl.lit(out))

    def _further(self) -> str:
        if self._options.format == "syslog" and self._options.year is None:
            return "; `year` of the case says the year of times without one"
        return ", or a form of `time_formats`" if self._options.time_formats else ""

    def _count(self, sort: str, rows: pl.DataFrame) -> None:
        if rows.height:
            self._first.setdefault(sort, rows["citation"][0])
            self._counts[sort] += rows.height

    def _order(self, read: pl.DataFrame) -> None:
        """Lines whose time runs back: kept as they stand, and counted."""
        if not self._format.lines:
            return
        dated = read.filter(pl.col("latest").is_not_null())
        if dated.is_empty():
            return
        newest = pl.col("earliest").cum_max().shift(1)
        if self._newest is not None:
            newest = pl.max_horizontal(newest, pl.lit(self._newest).cast(pl.Datetime("us", "UTC")))
        self._count("back", dated.filter(pl.col("latest") < newest))
        last = dated["earliest"].max()
        if isinstance(last, datetime):
            self._newest = last if self._newest is None else max(self._newest, last)

    def _sequence(self, read: pl.DataFrame) -> None:
        """Numbers that do not follow the one before, within a run."""
        counted = read.filter(pl.col("sequence").is_not_null())
        if counted.is_empty():
            return
        if not self._format.lines:
            # A list has its newest first, or is in no order: its numbers are.
            counted = counted.sort("run", "sequence", nulls_last=True, maintain_order=True)
        carried = pl.DataFrame(
            [(run, *last) for run, last in self._runs.items()],
            schema={"run": pl.String, "carried": pl.UInt64, "since": INSTANT},
            orient="row",
        )
        number = pl.col("sequence").cast(pl.Int64)
        steps = counted.join(
            carried, on="run", how="left", nulls_equal=True, maintain_order="left"
        ).with_columns(
            before=pl.coalesce(number.shift(1).over("run"), pl.col("carried").cast(pl.Int64)),
            since=pl.coalesce(pl.col("earliest").shift(1).over("run"), "since"),
        )
        step = number - pl.col("before")
        dated = (pl.col("since") <= pl.col("latest")).fill_null(value=False)
        self.gaps.append(
            steps.filter(step > 1).select(
                *("citation", "before", "sequence", "clock"),
                earliest=pl.when(dated).then("since"),
                latest=pl.when(dated).then("latest"),
            )
        )
        self._tally.add(
            "missing",
            steps.filter(step > 1),
            pl.format(
                "expected number {} after {}; found {}; {} records are not here: lost, left out of"
                " what was exported, or taken away",
                pl.col("before") + 1, "before", "sequence", step - 1,
            ),
        )  # fmt: skip
        self._tally.add(
            "backward",
            steps.filter(step < 1),
            pl.format(
                "expected a number above {}; found {}; kept as it stands", "before", "sequence"
            ),
        )
        ends = pl.col("sequence", "earliest").last()
        for run, *last in counted.group_by("run", maintain_order=True).agg(ends).rows():
            self._runs[run] = (last[0], last[1])

    def warnings(self) -> Iterator[Warn]:
        """All of them."""
        if self._empty:
            yield self._warn(
                "", f"expected {self._format.method.split(',')[0]}; found an empty file"
            )
            return
        yield from self._tally.warnings()
        counts = self._counts
        if counts["blank"]:
            text = f"expected records; found {counts['blank']} blank lines"
            yield self._warn(self._first["blank"], text)
        if counts["continued"]:
            yield self._warn(
                self._first["continued"],
                f"expected records; found {counts['continued']} lines that begin like none: each"
                " goes on from the one before it, or is damaged; kept as an undated event",
            )
        if counts["miss"]:
            yield self._warn(
                self._first["miss"],
                f"expected texts that the pattern matches; found {counts['miss']} that it does not;"
                " read without its keys",
            )
        if not self._ended[0]:
            yield self._warn(
                self._ended[1],
                "expected a line feed at the end; found none; the log may have been cut while"
                " written",
            )
        yield from self._times()
        for attribute, key in self._options.fields.attributes.items():
            if self._read and attribute not in self._met:
                text = (
                    f"expected {key!r} (attribute {attribute!r}) in some record; found it in none"
                )
                yield self._warn("", text)

    def _times(self) -> Iterator[Warn]:
        # Where a format's own documents say that its time is an epoch, nothing is guessed.
        for unit in sorted(self._units) if self._options.fields.time else ():
            yield self._warn(
                "",
                f"expected times with a zone; found {self._units[unit]} plain numbers, which by"
                f" their size are {EPOCHS[unit]} since 1970; read as such",
            )
        if self._counts["yearless"]:
            yield self._warn(
                self._first["yearless"],
                f"expected times with a year; found {self._counts['yearless']} without; the first"
                f" is of {self._options.year}, as the case says, and a step back of two months or"
                " more begins the next year",
            )
        if self._counts["naive"]:
            yield self._warn(
                self._first["naive"],
                f"expected times with a zone; found {self._counts['naive']} without; each is read"
                " as the 26 hours that it covers somewhere on Earth",
            )
        if self._counts["back"]:
            yield self._warn(
                self._first["back"],
                "expected times that do not go back from line to line; found"
                f" {self._counts['back']} lines earlier than one before; kept as they stand",
            )

    def _warn(self, citation: str, text: str) -> Warn:
        return Warn(self._item.sha256, citation, text)
