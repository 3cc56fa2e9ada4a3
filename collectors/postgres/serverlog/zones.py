"""Times of a server log as intervals.

``%t``, ``%m``, csvlog and jsonlog print local time and the zone's abbreviation, and an
abbreviation is not an offset: CST is China, Cuba and the Middle West. Where the case says the
server's ``log_timezone`` the abbreviation only tells which of two autumn hours it is.
Elsewhere it stands for all offsets that it has had anywhere, and the interval covers them all.
"""

from __future__ import annotations

import polars as pl

OFFSETS: dict[str, tuple[int, ...]] = {
    "UTC": (0,),
    "UCT": (0,),
    "GMT": (0,),
    "ACDT": (630,),
    "ACST": (570,),
    "ADT": (-180,),
    "AEDT": (660,),
    "AEST": (600,),
    "AKDT": (-480,),
    "AKST": (-540,),
    "AST": (-240, 180),
    "AWDT": (540,),
    "AWST": (480,),
    "BST": (60, 360),
    "CAT": (120,),
    "CDT": (-300, -240, 630),
    "CEST": (120,),
    "CET": (60,),
    "CST": (-360, -300, 480, 570, 630),
    "ChST": (600,),
    "EAT": (180,),
    "EDT": (-240, 660),
    "EEST": (180,),
    "EET": (120,),
    "EST": (-300, 600, 660),
    "GST": (240, 600),
    "HDT": (-540,),
    "HKT": (480,),
    "HST": (-600,),
    "IDT": (180,),
    "IST": (60, 120, 330),
    "JST": (540,),
    "KST": (510, 540),
    "MDT": (-360,),
    "MEST": (120,),
    "MET": (60,),
    "MSD": (240,),
    "MSK": (180, 240),
    "MST": (-420,),
    "NDT": (-150,),
    "NST": (-210,),
    "NZDT": (780,),
    "NZST": (720,),
    "PDT": (-420,),
    "PKST": (360,),
    "PKT": (300,),
    "PST": (-480, 480),
    "SAST": (120,),
    "SST": (-660,),
    "WAT": (60,),
    "WEST": (60,),
    "WET": (0,),
    "WIB": (420,),
    "WIT": (540,),
    "WITA": (480,),
}
"""Minutes east of UTC of each abbreviation: every zone of the IANA tz database, 1996 to 2037.

To that are added what older releases of it, which an old server still has, called Australia's
zones (EST, EDT, CST, CDT; renamed in 2014f), and Arabia, Bengal and the Gulf (AST, BST, GST;
made numeric in 2017a).
"""
# The zones in use run from UTC-12 to UTC+14 (IANA tz database, theory.html, accuracy).
ANYWHERE = (-12 * 60, 14 * 60)
_MINUTE = "%Y-%m-%d %H:%M"
_NUMERIC = r"^<?([+-])([0-9]{2}):?([0-9]{2})?>?$"
_PARTS = (
    r"^(?P<minute>[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}):(?P<second>[0-9]{2})"
    r"(?:\.(?P<fraction>[0-9]{1,6}))? (?P<zone>\S{1,40})$"
)
_EPOCH = r"^([0-9]{1,11})\.([0-9]{3})$"
_US = 1_000_000


def add_interval(records: pl.DataFrame, log_timezone: str | None) -> pl.DataFrame:
    """Add ``earliest``, ``latest``, ``zone`` and ``zone_note`` to records with a text ``time``.

    ``zone_note`` is null, or ``unknown`` (no such abbreviation is known: 26 hours), ``several``
    (it has had several offsets), ``other`` (not one of ``log_timezone``; read without that),
    ``fold`` (either of two autumn hours), ``gap`` (no such local time in ``log_timezone``).
    """
    time = pl.col("time")
    parts = records.select(parts=time.str.extract_groups(_PARTS)).unnest("parts")
    offsets = _offsets(parts.select("minute", "zone").unique().drop_nulls(), log_timezone)
    digits = pl.col("fraction").str.len_bytes().cast(pl.Int64).fill_null(0)
    micros = pl.col("second").cast(pl.Int64) * _US + pl.col("fraction").str.pad_end(6, "0").cast(
        pl.Int64
    ).fill_null(0)
    width = pl.lit(10, dtype=pl.Int64).pow(6 - digits)
    read = parts.join(offsets, on=["minute", "zone"], how="left", maintain_order="left").select(
        "zone",
        "zone_note",
        # 60 is a leap second, which POSIX time has no room for.
        earliest=pl.when(pl.col("second") <= "60").then(pl.col("local") + micros - "east"),
        latest=pl.when(pl.col("second") <= "60").then(
            pl.col("local") + micros - pl.col("west") + width - 1
        ),
    )
    epoch = records.select(
        epoch=time.str.extract(_EPOCH, 1).cast(pl.Int64) * _US
        + time.str.extract(_EPOCH, 2).cast(pl.Int64) * 1000
    )
    instant = pl.Datetime("us", "UTC")
    found = read.hstack(epoch).select(
        "zone",
        "zone_note",
        earliest=pl.coalesce("epoch", "earliest").cast(instant),
        latest=pl.coalesce(pl.col("epoch") + 999, "latest").cast(instant),
    )
    return records.hstack(found)


def _offsets(minutes: pl.DataFrame, log_timezone: str | None) -> pl.DataFrame:
    """For each minute and zone as written: ``local`` and the offsets ``east`` and ``west`` in µs.

    Every change of a zone's offset since 1972 falls on a whole minute of local time.
    """
    frame = _written(minutes)
    if log_timezone is not None:
        frame = _known(frame, log_timezone)
    return frame.select(
        "minute",
        "zone",
        "zone_note",
        local=pl.col("naive").cast(pl.Int64),
        east=pl.col("east").cast(pl.Int64) * 60 * _US,
        west=pl.col("west").cast(pl.Int64) * 60 * _US,
    )


def _written(minutes: pl.DataFrame) -> pl.DataFrame:
    """Offsets by what is written alone."""
    zone = pl.col("zone")
    table = pl.DataFrame(
        [(name, max(values), min(values)) for name, values in OFFSETS.items()],
        schema={"zone": pl.String, "east": pl.Int32, "west": pl.Int32},
        orient="row",
    )
    sign = pl.when(zone.str.extract(_NUMERIC, 1) == "-").then(-1).otherwise(1)
    number = sign * (
        zone.str.extract(_NUMERIC, 2).cast(pl.Int32) * 60
        + zone.str.extract(_NUMERIC, 3).cast(pl.Int32).fill_null(0)
    )
    west, east = ANYWHERE
    return (
        minutes.join(table, on="zone", how="left", maintain_order="left")
        .with_columns(
            naive=pl.col("minute").str.to_datetime(_MINUTE, time_unit="us", strict=False),
            east=pl.coalesce("east", number),
            west=pl.coalesce("west", number),
        )
        .with_columns(
            zone_note=pl.when(pl.col("east").is_null())
            .then(pl.lit("unknown"))
            .when(pl.col("east") != pl.col("west"))
            .then(pl.lit("several")),
            east=pl.col("east").fill_null(east),
            west=pl.col("west").fill_null(west),
        )
    )


def _known(frame: pl.DataFrame, log_timezone: str) -> pl.DataFrame:
    """Offsets by the server's zone, where what is written agrees with it."""
    for which in ("earliest", "latest"):
        aware = pl.col("naive").dt.replace_time_zone(
            log_timezone, ambiguous=pl.lit(which), non_existent="null"
        )
        frame = frame.with_columns(
            # The offset is what the local time is ahead of the same instant in UTC.
            (
                (pl.col("naive") - aware.dt.convert_time_zone("UTC").dt.replace_time_zone(None))
                .dt.total_minutes()
                .cast(pl.Int32)
            ).alias(f"{which}_offset"),
            aware.dt.strftime("%Z").alias(f"{which}_name"),
        )
    first, last = (pl.col("zone") == pl.col(f"{which}_name") for which in ("earliest", "latest"))
    early, late = pl.col("earliest_offset"), pl.col("latest_offset")
    gap = pl.col("naive").is_not_null() & early.is_null()
    return frame.with_columns(
        east=pl.when(first).then(early).when(last).then(late).otherwise("east"),
        west=pl.when(last).then(late).when(first).then(early).otherwise("west"),
        zone_note=pl.when(gap)
        .then(pl.lit("gap"))
        .when(~first & ~last)
        .then(pl.lit("other"))
        .when(first & last & (early != late))
        .then(pl.lit("fold")),
    )
