"""GitHub: webhook payloads and what its API lists, of pushes, deployments, releases and runs.

A real sample (a push that deleted a tag, and a release, shortened; a delivery as the receiver kept
it, or an array as ``gh api`` prints one)::

    {"ref": "refs/tags/simple-tag", "before": "6113728f27ae82c7b1a177c8d03f9e96e0adf246",
     "after": "0000000000000000000000000000000000000000", "created": false, "deleted": true,
     "forced": false, "pusher": {"name": "Codertocat"},
     "repository": {"full_name": "Codertocat/Hello-World", "created_at": 1557933565,
                    "updated_at": "2019-05-15T15:20:41Z", "pushed_at": 1557933657}}
    {"id": 1296269, "before": "6dcb09b5b57875f334f61aebed695e2e4193db5e",
     "after": "827efc6d56897b048c772eb4087f854f46256132", "ref": "refs/heads/main",
     "timestamp": "2011-01-26T19:06:43Z", "activity_type": "force_push",
     "actor": {"login": "octocat"}}
    {"action": "published", "sender": {"login": "Codertocat"},
     "release": {"tag_name": "0.0.1", "created_at": "2019-05-15T15:19:25Z",
                 "published_at": "2019-05-15T15:20:53Z"},
     "repository": {"full_name": "Codertocat/Hello-World"}}

GitHub's own clock dates them, so they are stamped. Which time is the act's:

- a push: ``repository.pushed_at`` (an epoch in a webhook); ``updated_at`` is of the repository;
  in the list of a repository's activity ``timestamp``, and of a ``PushEvent`` its ``created_at``;
- a release: ``published_at``; its ``created_at`` is the date of the commit that it was made from;
- a deployment and each of its statuses: their own ``created_at``;
- a run of a workflow: ``updated_at`` once it is completed, ``run_started_at`` before.

Other acts on a release (edited, deleted) say no time, and are undated.
Payloads are of many clocks in one order of delivery: the order in the file makes no law.

Source: GitHub Docs, Webhook events and payloads; REST API, Deployments, Releases, Workflow runs,
Repository activities, GitHub event types.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from collectors.deploylog.formats.base import Format, how_moved, joined, key, moved
from collectors.deploylog.formats.documents import documents

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collectors.deploylog.options import DeployLogOptions

_LISTS = ("workflow_runs", "deployments", "releases")
_PUBLISHED = ("published", "released", "prereleased")
_ACTIVITIES = {
    "push": None, "force_push": "force", "branch_creation": "create", "branch_deletion": "delete",
}  # fmt: skip
"""Words of a repository's list of activity for what a webhook says by its flags."""
_KEYS = (
    "action", "ref", "before", "after", "created", "deleted", "forced", "pusher.name",
    "sender.login", "repository.full_name", "repository.pushed_at", "activity_type",
    "release.tag_name", "release.published_at", "release.author.login",
    "deployment.id", "deployment.created_at", "deployment.creator.login",
    "deployment_status.state", "deployment_status.created_at", "deployment_status.creator.login",
    "workflow_run.id", "workflow_run.updated_at", "workflow_run.run_started_at",
    "workflow_run.status", "workflow_run.conclusion",
)  # fmt: skip


def _records(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Of a page of the API, what it lists, each under the name that a webhook gives it."""
    for name in _LISTS:
        if isinstance(record.get(name), list):
            return [_named(one) if isinstance(one, dict) else {} for one in record[name]]
    return [_named(record)]


def _named(record: dict[str, Any]) -> dict[str, Any]:
    """An object of the API in the shape of a webhook; a webhook as it is."""
    url = record.get("url")
    parts = url.split("/repos/", 1)[-1].split("/") if isinstance(url, str) else []
    if "repository" not in record and len(parts) > 1:
        record = {**record, "repository": {"full_name": "/".join(parts[:2])}}
    pushed = _pushed(record)
    if pushed is not None:
        return pushed
    if "deployment_url" in record and "state" in record:
        return {"deployment_status": record, "repository": record.get("repository")}
    if "statuses_url" in record and "task" in record:
        return {"deployment": record, "repository": record.get("repository")}
    if "tag_name" in record and "assets_url" in record:
        # A list says that it was published by its time; a draft has none.
        action = "published" if record.get("published_at") else None
        return {"release": record, "action": action, "repository": record.get("repository")}
    if "run_number" in record and "head_sha" in record:
        return {
            "workflow_run": record, "action": record.get("status"),
            "repository": record.get("repository"),
        }  # fmt: skip
    return record


def _pushed(record: dict[str, Any]) -> dict[str, Any] | None:
    """A push that a list holds, in the shape of a webhook: activity, or a ``PushEvent``."""
    payload = record.get("payload")
    if "activity_type" in record and "timestamp" in record:
        push, name, time = record, None, record["timestamp"]
    elif record.get("type") == "PushEvent" and isinstance(payload, dict):
        given = record.get("repo")
        name = given.get("name") if isinstance(given, dict) else None
        push, time = {**payload, "after": payload.get("head")}, record.get("created_at")
    else:
        return None
    repository = {"full_name": name, "pushed_at": time}
    return {**push, "repository": repository, "sender": record.get("actor")}


def _derive(_: DeployLogOptions) -> Mapping[str, pl.Expr]:
    action, activity = key("action"), key("activity_type")
    status, deployment = key("deployment_status.created_at"), key("deployment.created_at")
    run = pl.coalesce(key("workflow_run.status"), action)
    release = key("release.tag_name").is_not_null()
    pushed = key("after").is_not_null() & key("ref").is_not_null()
    ran = key("workflow_run.id").is_not_null()

    def word(name: str, *more: pl.Expr) -> pl.Expr:
        return joined(".", pl.lit(f"github.{name}"), *more)

    how = (
        pl.when(key("deleted") == "true").then(pl.lit("delete"))
        .when(key("created") == "true").then(pl.lit("create"))
        .when(key("forced") == "true").then(pl.lit("force"))
        .when(activity.is_not_null()).then(activity.replace(_ACTIVITIES))
        .otherwise(how_moved(key("before"), key("after")))
    )  # fmt: skip
    return {
        "time": pl.when(status.is_not_null()).then(status)
        .when(deployment.is_not_null()).then(deployment)
        .when(ran & (run == "completed")).then(key("workflow_run.updated_at"))
        .when(ran).then(key("workflow_run.run_started_at"))
        .when(release & action.is_in(_PUBLISHED)).then(key("release.published_at"))
        .when(pushed).then(key("repository.pushed_at")),
        "kind": pl.when(status.is_not_null())
        .then(word("deployment_status", key("deployment_status.state")))
        .when(deployment.is_not_null()).then(word("deployment"))
        .when(ran).then(word("workflow_run", run, key("workflow_run.conclusion")))
        .when(release).then(word("release", action))
        .when(pushed).then(word("push", how))
        .otherwise(word("event", action)),
        "moved": pl.when(pushed).then(moved(key("before"), key("after"))),
        "actor": pl.coalesce(
            key("sender.login"), key("pusher.name"), key("deployment_status.creator.login"),
            key("deployment.creator.login"), key("release.author.login"),
        ),
        "subject": pl.concat_str(
            pl.lit("github:"),
            joined(
                "/", key("repository.full_name"),
                pl.when(pushed).then(key("ref"))
                .when(release).then("releases/" + key("release.tag_name")),
            ),
        ),
    }  # fmt: skip


FORMAT = Format(
    "github",
    "GitHub webhook payloads and REST objects",
    documents(_records),
    keys=_KEYS,
    derive=_derive,
    stamped=True,
    ordered=False,
    lines=False,
)
