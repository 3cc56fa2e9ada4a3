"""Kubernetes audit logs: one event a line, as the API server writes them.

A real sample (shortened; in the file it stands on one line)::

    {"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Request","stage":"ResponseComplete",
     "auditID":"c5be68f4-80b8-4159-adc4-76ddb195334e","verb":"create",
     "user":{"username":"minikube-user","groups":["system:masters"]},
     "objectRef":{"resource":"deployments","namespace":"default","name":"nginx-deployment"},
     "responseStatus":{"code":201},"requestReceivedTimestamp":"2018-10-26T13:07:36.905144Z",
     "stageTimestamp":"2018-10-26T13:07:36.911442Z"}

``stageTimestamp`` dates the record: the server's clock as the stage was reached, so it is stamped.
One request may have several records (a stage each, one ``auditID``); a request that was refused
(``responseStatus.code`` from 400) has a record too, and its kind says so.
The subject is the object, ``k8s:NAMESPACE/RESOURCE/NAME``, unless the case says another.
Records are written in batches and by several servers: the order of lines makes no law.

Source: Kubernetes documentation, Auditing; ``audit.k8s.io/v1``, ``Event``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from collectors.deploylog.formats.base import NONE, Format, joined, key
from collectors.deploylog.formats.documents import documents

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from collectors.deploylog.options import DeployLogOptions


def _events(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Of the list that a webhook is sent, its events; else the record."""
    items = record.get("items")
    if record.get("kind") == "EventList" and isinstance(items, list):
        return [one if isinstance(one, dict) else {} for one in items]
    return [record]


def _derive(_: DeployLogOptions) -> Mapping[str, pl.Expr]:
    refused = key("responseStatus.code").cast(pl.Int64, strict=False) >= 400  # noqa: PLR2004  (RFC 9110, 15.5)
    reference = [key(f"objectRef.{one}") for one in ("namespace", "resource", "name")]
    return {
        "time": pl.coalesce(key("stageTimestamp"), key("requestReceivedTimestamp")),
        "kind": joined(
            ".",
            pl.lit("audit"),
            key("verb"),
            pl.when(refused).then(pl.lit("refused")).otherwise(NONE),
        ),
        "actor": pl.coalesce(key("impersonatedUser.username"), key("user.username")),
        "subject": pl.concat_str(pl.lit("k8s:"), joined("/", *reference)),
    }


FORMAT = Format(
    "kubernetes",
    "Kubernetes audit events, audit.k8s.io/v1",
    documents(_events),
    keys=(
        "stageTimestamp", "requestReceivedTimestamp", "verb", "user.username", "stage", "auditID",
        "impersonatedUser.username", "objectRef.namespace", "objectRef.resource", "objectRef.name",
        "responseStatus.code",
    ),
    derive=_derive,
    stamped=True,
    ordered=False,
)  # fmt: skip
