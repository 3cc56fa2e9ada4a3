"""What holds records: buckets, databases, clusters, logs, and for how long it keeps them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recon.terraform.accounts import Accounts
    from recon.terraform.state import Resource


@dataclass(frozen=True, slots=True)
class Holding:
    """One bucket, database, cluster or log."""

    address: str
    """In the state."""
    what: str
    """``bucket``, ``database``, ``cluster``, ``log``, ``trail`` or ``backups``."""
    name: str
    account: str | None
    cluster: str | None
    arn: str
    """By which policies name it; empty where it has none."""
    days: float | None
    """For how long it keeps its backups, or its records."""
    window: str | None
    """When backups are made, or what else is said of keeping: ``03:00-04:00``."""


_DATABASES = {
    "aws_db_instance": ("identifier", "backup_retention_period", "backup_window"),
    "aws_rds_cluster": (
        "cluster_identifier",
        "backup_retention_period",
        "preferred_backup_window",
    ),
    "aws_docdb_cluster": (
        "cluster_identifier",
        "backup_retention_period",
        "preferred_backup_window",
    ),
    "azurerm_postgresql_flexible_server": ("name", "backup_retention_days", ""),
    "azurerm_postgresql_server": ("name", "backup_retention_days", ""),
}
"""By type: the attributes of its name, of the days of its backups, and of their window."""
_CLUSTERS = ("aws_eks_cluster", "aws_ecs_cluster", "google_container_cluster",
             "azurerm_kubernetes_cluster")  # fmt: skip
_BUCKETS = {"aws_s3_bucket": "bucket", "google_storage_bucket": "name"}


def holdings(resources: Sequence[Resource], accounts: Accounts) -> list[Holding]:
    """Everything in the states that holds records, by address."""
    owners = _owners(resources)
    locks = _locks(resources)
    out: list[Holding] = []
    for one in resources:
        account = accounts.of(one)
        if one.type in _BUCKETS:
            name = one.text(_BUCKETS[one.type], "id") or one.address
            arn = one.text("arn") or ""
            out.append(
                Holding(one.address, "bucket", name, owners.get(name, account), None, arn, None,
                        locks.get(name))
            )  # fmt: skip
        elif one.type in _DATABASES or one.type == "google_sql_database_instance":
            out.append(_database(one, account))
        elif one.type in _CLUSTERS:
            name = one.text("name", "id") or one.address
            arn = one.text("arn") or ""
            out.append(Holding(one.address, "cluster", name, account, name, arn, None, None))
        else:
            out += _logs(one, account)
    return sorted(out, key=lambda one: one.address)


def _owners(resources: Sequence[Resource]) -> dict[str, str]:
    """Accounts of buckets, as their own configurations name them: an S3 ARN names none."""
    out: dict[str, str] = {}
    for one in resources:
        bucket, owner = one.text("bucket"), one.text("expected_bucket_owner")
        if bucket and owner and owner.isdigit():
            out[bucket] = f"aws:{owner}"
    return out


def _locks(resources: Sequence[Resource]) -> dict[str, str]:
    """Object Lock by bucket, where its default is in the state."""
    out: dict[str, str] = {}
    for one in resources:
        bucket = one.text("bucket")
        if one.type != "aws_s3_bucket_object_lock_configuration" or not bucket:
            continue
        for rule in one.blocks("rule"):
            for kept in _blocks(rule, "default_retention"):
                amount = kept.get("days") or f"{kept.get('years')} years of"
                out[bucket] = f"Object Lock by default {kept.get('mode')}, {amount} days"
    return out


def _blocks(table: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = table.get(name)
    listed = value if isinstance(value, list) else [value]
    return [one for one in listed if isinstance(one, dict)]


def _database(one: Resource, account: str | None) -> Holding:
    arn = one.text("arn") or ""
    if one.type == "google_sql_database_instance":
        name = one.text("name") or one.address
        return Holding(one.address, "database", name, account, name, arn, None, _google(one))
    name_of, days, window = _DATABASES[one.type]
    name = one.text(name_of, "id") or one.address
    # An instance of a cluster is of that cluster's hands.
    cluster = one.text("replicate_source_db", "cluster_identifier") or name
    return Holding(
        *(one.address, "database", name, account, cluster, arn),
        *(one.number(days) or None, one.text(window) if window else None),
    )


def _google(one: Resource) -> str | None:
    for settings in one.blocks("settings"):
        for backup in _blocks(settings, "backup_configuration"):
            for kept in _blocks(backup, "backup_retention_settings"):
                return f"from {backup.get('start_time')}, {kept.get('retained_backups')} kept"
    return None


def _logs(one: Resource, account: str | None) -> Iterator[Holding]:
    name = one.text("name", "id") or one.address
    arn = one.text("arn") or ""
    if one.type == "aws_cloudwatch_log_group":
        days = one.number("retention_in_days") or None
        window = None if days else "kept for ever"
        yield Holding(one.address, "log", name, account, None, arn, days, window)
    elif one.type == "aws_cloudtrail":
        into = one.text("s3_bucket_name")
        kept = f"written to s3:{into}" if into else None
        yield Holding(one.address, "trail", name, account, None, arn, None, kept)
    elif one.type == "aws_backup_plan":
        for rule in one.blocks("rule"):
            life = next(iter(_blocks(rule, "lifecycle")), {})
            days = life.get("delete_after")
            is_number = isinstance(days, int | float) and not isinstance(days, bool) and days > 0
            yield Holding(
                *(one.address, "backups", f"{name}/{rule.get('rule_name')}", account, None, arn),
                *(float(days) if is_number else None, str(rule.get("schedule") or "") or None),  # type: ignore[arg-type]
            )
