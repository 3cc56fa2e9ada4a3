"""What a bucket was set to over time: versioning, locks, lifecycle, replication, and the rest.

From the timeline alone. No answer of S3 says since when something is set: a setting is known for
when it was read, and between two readings that agree it may have been another. Where an access log
or CloudTrail records who set it, that is a row of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from recon.schema import INSTANT

if TYPE_CHECKING:
    from recon.rules import Timeline

SETTINGS: dict[str, pl.DataType] = {
    "setting": pl.String(),
    "first": INSTANT,
    "last": INSTANT,
    "state": pl.String(),
    "value": pl.String(),
    "times": pl.UInt32(),
    "by": pl.String(),
}
"""A row a state of a setting.

``state``: ``set`` or ``not set`` as it was read, ``times`` in a row from ``first`` to ``last``;
``not known`` where the answer was a refusal or none; ``changed`` where a log records that somebody,
``by``, set it, which was done and not refused. ``value`` is what it was, or what was answered.
"""

_NAMES = {
    "Versioning": "versioning",
    "ObjectLockConfiguration": "object-lock",
    "Lifecycle": "lifecycle",
    "LifecycleConfiguration": "lifecycle",
    "Replication": "replication",
    "Logging": "logging",
    "Policy": "policy",
    "InventoryConfiguration": "inventory",
}
_TOLD = {
    f"trail.{act}Bucket{name}": setting
    for name, setting in _NAMES.items()
    for act in ("Put", "Delete")
}
_TOLD["trail.PutObjectLockConfiguration"] = "object-lock"
_LOGGED = {"VERSIONING": "versioning", "LIFECYCLE": "lifecycle", "REPLICATION": "replication"}
_LOGGED |= {"LOGGING_STATUS": "logging", "BUCKETPOLICY": "policy"}
_TOLD |= {
    f"log.REST.{act}.{name}": setting
    for name, setting in _LOGGED.items()
    for act in ("PUT", "DELETE")
}
"""Records of a change, by the setting (CloudTrail and Amazon S3 User Guides)."""


def of_timeline(timeline: Timeline, source: str, bucket: str) -> pl.LazyFrame:
    """Rows of :data:`SETTINGS` of a source's bucket, in no order."""
    events = timeline.events
    own = events.filter(pl.col("source") == source)
    seen = own.filter(pl.col("kind") == "snapshot").select(
        "item", "earliest", "latest", setting=pl.col("subject").str.extract(r"\?([a-z-]+)$")
    )
    read = (
        own.filter(pl.col("kind") == "bucket.configuration")
        .select("item", "value", setting="attribute")
        .join(seen, on=["item", "setting"])
        .with_columns(
            state=pl.when(pl.col("value").is_null())
            .then(pl.lit("not set"))
            .otherwise(pl.lit("set"))
        )
    )
    unseen = own.filter(pl.col("kind") == "bucket.unseen").select(
        "item", "value", "earliest", "latest", setting="attribute", state=pl.lit("not known")
    )
    runs = (
        pl.concat([read, unseen], how="diagonal")
        .sort("setting", "latest", "earliest", "state", "value", nulls_last=True)
        .with_columns(
            run=(
                (pl.col("state") != pl.col("state").shift(1))
                | pl.col("value").ne_missing(pl.col("value").shift(1))
            )
            .fill_null(value=True)
            .cum_sum()
            .over("setting")
        )
        .group_by("setting", "run")
        .agg(
            pl.col("state", "value").first(),
            first=pl.col("earliest").min(),
            last=pl.col("latest").max(),
            times=pl.len(),
            by=pl.lit(None, pl.String),
        )
    )
    # CloudTrail may be a source of its own, and name the same bucket.
    changed = events.filter(
        pl.col("kind").is_in(list(_TOLD)), pl.col("subject") == f"s3:{bucket}"
    ).select(
        setting=pl.col("kind").cast(pl.String).replace_strict(_TOLD),
        first="earliest",
        last="latest",
        state=pl.lit("changed"),
        value="value",
        times=pl.lit(1),
        by="actor",
    )
    columns = [pl.col(name).cast(dtype) for name, dtype in SETTINGS.items()]
    return pl.concat([runs.select(columns), changed.select(columns)])
