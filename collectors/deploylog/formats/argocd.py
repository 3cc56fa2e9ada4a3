"""Argo CD: applications with their history of syncs, as ``argocd`` or ``kubectl`` print them.

A real sample (shortened; ``argocd app get guestbook -o json``)::

    {"metadata": {"name": "guestbook", "namespace": "argocd"},
     "spec": {"source": {"repoURL": "https://example.org/apps.git", "path": "guestbook"}},
     "status": {"sync": {"status": "Synced"},
       "history": [{"id": 3, "revision": "53e28ff20cc530b9ada2173fbbd64d48338583ba",
                    "deployStartedAt": "2024-01-10T09:15:31Z", "deployedAt": "2024-01-10T09:15:32Z",
                    "initiatedBy": {"username": "ada"}, "source": {"path": "guestbook"}}]}}

Each entry of the history is a record: ``argocd.sync``, dated by ``deployedAt``, by the controller's
clock as it stored the sync, so it is stamped. The history keeps the last ten syncs alone
(``spec.revisionHistoryLimit``), and their ``id`` counts up: what is missing before the first, or
between two, is said. Keys: those of an entry, and ``app.name``, ``app.namespace``, ``app.repoURL``.
The subject is ``argocd:NAMESPACE/NAME``, unless the case says another. An application without
history is one undated record, ``argocd.application``.

Source: Argo CD documentation, Application specification; ``argoproj.io/v1alpha1``,
``RevisionHistory``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from collectors.deploylog.formats.base import Format, joined, key
from collectors.deploylog.formats.documents import documents

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collectors.deploylog.options import DeployLogOptions


def _records(record: dict[str, Any]) -> list[dict[str, Any]]:
    """The entries of the history of each application."""
    items = record.get("items")
    applications = items if isinstance(items, list) else [record]
    return [
        entry for one in applications for entry in _history(one if isinstance(one, dict) else {})
    ]


def _history(application: dict[str, Any]) -> list[dict[str, Any]]:
    app = {
        **_table(application.get("metadata")),
        "repoURL": _table(_table(application.get("spec")).get("source")).get("repoURL"),
    }
    history = _table(application.get("status")).get("history")
    if not isinstance(history, list) or not history:
        return [{"app": app}]
    return [{**_table(entry), "app": app} for entry in history]


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _derive(_: DeployLogOptions) -> Mapping[str, pl.Expr]:
    whose = joined("/", key("app.namespace"), key("app.name"))
    return {
        "time": key("deployedAt"),
        "kind": pl.when(key("deployedAt").is_not_null())
        .then(pl.lit("argocd.sync"))
        .otherwise(pl.lit("argocd.application")),
        "actor": key("initiatedBy.username"),
        "subject": pl.concat_str(pl.lit("argocd:"), whose),
        "sequence": key("id"),
        "run": whose,
    }


FORMAT = Format(
    "argocd",
    "Argo CD applications, argoproj.io/v1alpha1",
    documents(_records),
    keys=("id", "deployedAt", "initiatedBy.username", "app.name", "app.namespace"),
    derive=_derive,
    stamped=True,
    ordered=False,
    lines=False,
)
