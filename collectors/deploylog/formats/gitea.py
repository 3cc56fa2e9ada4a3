r"""Gitea and Forgejo: webhook payloads of pushes, and a repository's activity as the API lists it.

A real sample (shortened, in the shape of Gitea's documentation and of its API)::

    {"ref": "refs/heads/develop", "before": "28e1879d029cb852e4844d9c718537df08844e03",
     "after": "bffeb74224043ba2feb48d137756c8a9331c449a", "pusher": {"login": "gitea"},
     "repository": {"full_name": "gitea/webhooks", "updated_at": "2017-03-13T13:52:11-04:00"},
     "sender": {"login": "gitea"}}
    {"id": 7, "op_type": "commit_repo", "act_user": {"login": "ada"}, "repo": {"full_name":
     "acme/models"}, "ref_name": "refs/heads/main", "created": "2026-03-01T10:00:00Z",
     "content": "{\"HeadCommit\":{\"Sha1\":\"bffeb74224043ba2feb48d137756c8a9331c449a\"},
     \"CompareURL\":\"acme/models/compare/28e1879d029cb852e4844d9c718537df08844e03...
     bffeb74224043ba2feb48d137756c8a9331c449a\",\"Len\":1}"}

The forge's own clock dates an activity (``created``), so it is stamped. A webhook's push says no
time of its own (``repository.updated_at`` is that of any change of the repository), and is undated.
An activity's ``content`` is JSON within a text; the old side is in the address that compares both.
Deliveries are of many clocks in one order: the order in the file makes no law.

Source: Gitea documentation, Webhooks; Gitea API, ``repoListActivityFeeds``; Gitea's
``modules/repository/commits.go`` (PushCommits).
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import polars as pl

from collectors.deploylog.formats.base import NOTHING, Format, how_moved, joined, key, moved
from collectors.deploylog.formats.documents import documents

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collectors.deploylog.options import DeployLogOptions

_NAME = "[0-9a-f]{64}|[0-9a-f]{40}"
_COMPARED = re.compile(rf"/compare/({_NAME})\.\.\.({_NAME})$")
_MOST = 1 << 20
"""Characters of a content that are read; Gitea lists five commits of a push at most."""
_PUSHES = ("commit_repo", "push_tag", "delete_tag", "delete_branch", "mirror_sync_push")


def _records(record: dict[str, Any]) -> list[dict[str, Any]]:
    """An activity of the API in the shape of a webhook; a webhook as it is."""
    if "op_type" not in record:
        return [record]
    old, new = _sides(record)
    return [
        {
            "op_type": record["op_type"], "ref": record.get("ref_name"), "before": old,
            "after": new, "created": record.get("created"), "sender": record.get("act_user"),
            "repository": record.get("repo"),
        }
    ]  # fmt: skip


def _sides(record: dict[str, Any]) -> tuple[str | None, str | None]:
    """What the ref pointed to before and after, as far as the content says."""
    text = record.get("content")
    try:
        content = json.loads(text) if isinstance(text, str) and len(text) <= _MOST else None
    except (ValueError, RecursionError):
        content = None
    deleted = NOTHING if str(record["op_type"]).startswith("delete_") else None
    if not isinstance(content, dict):
        return None, deleted
    compared = _COMPARED.search(str(content.get("CompareURL") or ""))
    if compared:
        return compared[1], compared[2]
    head = content.get("HeadCommit")
    new = head.get("Sha1") if isinstance(head, dict) else None
    return None, str(new) if new else deleted


def _derive(_: DeployLogOptions) -> Mapping[str, pl.Expr]:
    operation, before, after = key("op_type"), key("before"), key("after")
    is_push = operation.is_in(_PUSHES) | (operation.is_null() & key("ref").is_not_null())
    return {
        "time": key("created"),
        "kind": pl.when(is_push & after.is_not_null())
        .then(joined(".", pl.lit("gitea.push"), how_moved(before, after)))
        .otherwise(joined(".", pl.lit("gitea"), pl.coalesce(operation, pl.lit("event")))),
        "moved": pl.when(is_push).then(moved(before, after)),
        "actor": pl.coalesce(key("sender.login"), key("pusher.login")),
        "subject": pl.concat_str(
            pl.lit("gitea:"), joined("/", key("repository.full_name"), key("ref"))
        ),
    }


FORMAT = Format(
    "gitea",
    "Gitea and Forgejo webhook payloads and REST objects",
    documents(_records),
    keys=(
        "op_type", "ref", "before", "after", "created", "sender.login", "pusher.login",
        "repository.full_name",
    ),
    derive=_derive,
    stamped=True,
    ordered=False,
    lines=False,
)  # fmt: skip
