"""Streams of a cluster's log: one for each of its timelines."""

from __future__ import annotations

import polars as pl


def stream_parts(column: str = "stream") -> dict[str, pl.Expr]:
    """``system`` and ``timeline`` of a stream ``pg:SYSTEM/TIMELINE``."""
    parts = pl.col(column).str.strip_prefix("pg:").str.split("/")
    return {
        "system": parts.list.first(),
        "timeline": parts.list.last().cast(pl.Int64, strict=False),
    }
