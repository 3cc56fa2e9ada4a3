"""GitLab: webhook payloads and what its API lists, of deployments, pipelines, releases and pushes.

A real sample (shortened, in the shape of GitLab's documentation)::

    {"object_kind": "deployment", "status": "success", "status_changed_at":
     "2021-04-28 21:50:00 +0200", "deployment_id": 15, "environment": "staging", "short_sha":
     "279484c0", "user": {"username": "root"},
     "project": {"path_with_namespace": "root/test-deployment-webhooks"}}
    {"object_kind": "pipeline", "object_attributes": {"id": 31, "status": "success", "sha":
     "bcbb5ec396a2c0f828686f14fac9b80b780504f2", "created_at": "2016-08-12 15:23:28 UTC",
     "finished_at": "2016-08-12 15:26:29 UTC"}, "user": {"username": "root"},
     "project": {"path_with_namespace": "gitlab-org/gitlab-test"}}
    {"id": 4, "project_id": 15, "action_name": "pushed to", "author_username": "root",
     "created_at": "2017-02-09T10:43:19.667Z", "push_data": {"commit_count": 1, "action": "pushed",
     "ref_type": "branch", "commit_from": "50d4420237a9de7be1304607147aec22e4a14af7",
     "commit_to": "c5feabde2d8cd023215af4d2ceeb7a64839fc428", "ref": "master"}}

GitLab's own clock dates them, so they are stamped. Which time is the act's:

- a deployment: ``status_changed_at``; in the API's list ``updated_at``, as its status may change;
- a pipeline: ``finished_at`` once it has one, else ``created_at``;
- a release: ``released_at``;
- a push or a tag: in the API's list of events ``created_at``; in a webhook none, so it is undated:
  the times of its commits are their authors'.

Deliveries are of many clocks in one order: the order in the file makes no law.

Source: GitLab Docs, Webhook events; REST API, Deployments, Pipelines, Releases, Events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from collectors.deploylog.formats.base import NOTHING, Format, how_moved, joined, key, moved
from collectors.deploylog.formats.documents import documents

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collectors.deploylog.options import DeployLogOptions


def _records(record: dict[str, Any]) -> list[dict[str, Any]]:
    """An object of the API in the shape of a webhook; a webhook as it is."""
    if "object_kind" in record:
        return [record]
    if "deployable" in record and "environment" in record:
        environment = record["environment"]
        named = environment.get("name") if isinstance(environment, dict) else environment
        return [
            {
                **record, "object_kind": "deployment", "environment": named,
                "status_changed_at": record.get("updated_at") or record.get("created_at"),
            }
        ]  # fmt: skip
    if "released_at" in record and "tag_name" in record:
        return [
            {
                **record,
                "object_kind": "release",
                "tag": record["tag_name"],
                "user": record.get("author"),
            }
        ]
    if isinstance(record.get("push_data"), dict):
        return [_pushed(record, record["push_data"])]
    if "sha" in record and "status" in record and "source" in record:
        return [
            {"object_kind": "pipeline", "object_attributes": record, "user": record.get("user")}
        ]
    return [record]


_FOLDERS = {"branch": "refs/heads", "tag": "refs/tags"}


def _pushed(event: dict[str, Any], push: dict[str, Any]) -> dict[str, Any]:
    """An event of the API in the shape of a push's webhook, with its time."""
    folder = _FOLDERS.get(str(push.get("ref_type")))
    return {
        "object_kind": "tag_push" if push.get("ref_type") == "tag" else "push",
        # A side that is nothing is null here.
        "before": push.get("commit_from") or NOTHING,
        "after": push.get("commit_to") or NOTHING,
        "ref": f"{folder}/{push.get('ref')}" if folder else push.get("ref"),
        "pushed_at": event.get("created_at"),
        "user_username": event.get("author_username"),
        "project": {"path_with_namespace": event.get("project_id")},
    }


def _derive(_: DeployLogOptions) -> Mapping[str, pl.Expr]:
    kind = key("object_kind")
    status = pl.coalesce(key("status"), key("object_attributes.status"), key("action"))
    about = pl.coalesce(key("ref"), "releases/" + key("tag"), "environments/" + key("environment"))
    push = kind.is_in(["push", "tag_push"])
    before, after = key("before"), key("after")
    pipeline = [key(f"object_attributes.{one}") for one in ("finished_at", "created_at")]
    return {
        "time": pl.when(kind == "deployment").then(key("status_changed_at"))
        .when(kind == "pipeline")
        .then(pl.coalesce(pipeline))
        .when(kind == "release").then(key("released_at"))
        .when(push).then(key("pushed_at")),
        "kind": joined(
            ".", pl.lit("gitlab"), kind, pl.when(push).then(how_moved(before, after))
            .otherwise(status),
        ),
        "moved": pl.when(push).then(moved(before, after)),
        "actor": pl.coalesce(key("user.username"), key("user_username")),
        "subject": pl.concat_str(
            pl.lit("gitlab:"),
            joined("/", key("project.path_with_namespace"), about),
        ),
    }  # fmt: skip


FORMAT = Format(
    "gitlab",
    "GitLab webhook payloads and REST objects",
    documents(_records),
    keys=(
        "object_kind", "before", "after", "pushed_at", "status", "action", "status_changed_at",
        "environment", "ref", "tag",
        "released_at", "user.username", "user_username", "project.path_with_namespace",
        "object_attributes.status", "object_attributes.created_at", "object_attributes.finished_at",
    ),
    derive=_derive,
    stamped=True,
    ordered=False,
    lines=False,
)  # fmt: skip
