"""What a bucket held at an instant, from an inventory of ten million rows, beside DuckDB."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from collectors.s3 import held, inventory

pytestmark = pytest.mark.bench
ROWS = int(os.environ.get("RECON_BENCH_ROWS", "10000000"))
PAIRS = 3
INSTANT = datetime(2026, 1, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys with four versions each, every sixteenth version a delete marker."""
    path = tmp_path_factory.mktemp("inventory") / "9a5f.parquet"
    number = pl.int_range(ROWS, eager=True)
    back = (3 - number % 4) * 2_000_000 + (number // 4) % 1_000_000
    pl.select(
        bucket=pl.lit("b00"),
        key=pl.format("models/m{}/{}/model.bin", number // 4000, (number // 4) % 1000),
        version_id=(number * 2654435761 % 2**40).cast(pl.String) + "L4kqtJlcpXroDTDmJrmSpXd3d",
        is_latest=number % 4 == 0,
        is_delete_marker=number % 16 == 0,
        size=pl.lit(434234),
        last_modified_date=(datetime(2026, 1, 1) + pl.duration(seconds=back)).cast(  # noqa: DTZ001  (as S3 writes it)
            pl.Datetime("ms")
        ),
        is_multipart_uploaded=number % 64 == 1,
        e_tag=pl.lit("fba9dede5f27731c9771645a39863328"),
    ).write_parquet(path)
    return path


def test_state_at_an_instant_beside_duckdb(report: Path) -> None:
    def ours() -> int:
        versions = inventory.scan(report)
        return held.at(versions, INSTANT).collect(engine="streaming").height

    def theirs() -> int:
        time_ = "last_modified_date"
        newest = ", ".join(
            f"arg_max({name}, {time_})"
            for name in ("version_id", "is_delete_marker", "is_multipart_uploaded")
        )
        query = f"""select key, {newest}, max({time_}) from '{report}'
            where {time_} <= timestamp '2026-01-30' group by key"""  # noqa: S608  (our own words)
        return duckdb.sql(query).pl().height

    ratios = []
    for _ in range(PAIRS):
        (mine, found), (peer, same) = _cpu(ours), _cpu(theirs)
        assert found == same
        ratios.append(mine / peer)
        print(
            f"\n{ROWS:,} rows, {found:,} keys, load {os.getloadavg()[0]:.1f}:"
            f" {mine:.1f} s of CPU, DuckDB {peer:.1f} s"
        )
    print(f"median of ratios: {statistics.median(ratios):.2f} of DuckDB's CPU")


def _cpu(work: Callable[[], int]) -> tuple[float, int]:
    start = time.process_time()
    result = work()
    return time.process_time() - start, result
