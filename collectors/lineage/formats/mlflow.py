"""MLflow: its SQLite store, and what its REST API gives.

A real sample (``GET /api/2.0/mlflow/model-versions/search``, MLflow 3.17)::

    {"model_versions": [
      {"name": "credit-risk", "version": "1", "creation_timestamp": 1771063508120,
       "last_updated_timestamp": 1771063601904, "current_stage": "Production",
       "source": "models:/m-4cb8f71c72074501a3e424f670f4e1f1", "status": "READY",
       "run_id": "37e57f6f159c4caab71e8c697309debc", "aliases": ["champion"],
       "tags": [{"key": "artifact_sha256", "value": "0f343b0931126a20f133d67c2b018a3b5d0c…"}]}]}

Read are answers of ``registered-models``, ``model-versions``, ``logged-models``, ``runs`` and
``experiments``, each by ``get`` or ``search``; they become rows of the store's own tables, and
:mod:`collectors.mlflowstore` says what a row asserts. A row that has two times (made and last
changed) is two records. Nothing in the store stamps a time: all are asserted.

Source: MLflow REST API 2.0; MLflow's database models.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from collectors import mlflowstore
from collectors.lineage.documents import Document
from collectors.lineage.formats import mlflowdb
from collectors.lineage.formats.base import File, Format, of_json, unread
from collectors.lineage.record import Node, Record, Time, bare_digest, filled, words

Row = Mapping[str, str | None]
_TIMES = {
    "creation_timestamp": "creation_time",
    "last_updated_timestamp": "last_updated_time",
}
_LOGGED = {
    "creation_timestamp_ms": "creation_timestamp_ms",
    "last_updated_timestamp_ms": "last_updated_timestamp_ms",
    "artifact_uri": "artifact_location",
}
_LISTS = ("registered_models", "model_versions", "runs", "experiments", "models")
_SINGLE = {
    "registered_model": "registered_models", "model_version": "model_versions", "run": "runs",
    "experiment": "experiments", "model": "models",
}  # fmt: skip


def _read(file: File) -> Iterator[Record]:
    with file.path.open("rb") as opened:
        head = opened.read(len(mlflowdb.MAGIC))
    if head == mlflowdb.MAGIC:
        for place, table, row in mlflowdb.rows(file):
            yield from records(table, row, place)
    else:
        yield from of_json(_records)(file)


def records(table: str, row: Row, place: str) -> Iterator[Record]:
    """What one row of the store says; each record's words are the row."""
    whole = words(row)
    told = False
    for said in (one for one in mlflowstore.STORE if one.table == table):
        if told and (said.time is None or row.get(said.time) is None):
            continue
        subject, problem = _subject(said, row)
        record = Record(place, said.kind, subject, subject.partition(":")[2], text=whole)
        if problem is not None:
            record.problem = problem
            yield record
            return
        if said.time is not None:
            clock = f"{table}.{said.time}"
            record.time = Time(row.get(said.time), mlflowstore.EPOCH, clock)
        record.actor = row.get(said.actor) or None if said.actor else None
        for attribute, column in said.attributes.items():
            value = row.get(column) or None
            record.states(attribute, value, bare_digest(value))
        if said.pair is not None:
            prefix, key, value_of = said.pair
            value = row.get(value_of)
            if table == "metrics" and row.get("is_nan") in {"1", "true"}:
                value = "NaN"
            name = mlflowstore.attribute(prefix, row.get(key) or "")
            digest = bare_digest(value)
            if name == "artifact" and not (digest or "").startswith("sha256:"):
                name = f"{prefix}{row.get(key)}"
            record.states(name, value, digest)
        told = True
        yield record


def _subject(said: mlflowstore.Said, row: Row) -> tuple[str, str | None]:
    """The subject of a row, and what is wrong where it has none."""
    missing = [name for name in said.columns() if row.get(name) is None]
    if missing:
        word = ", ".join(missing)
        return f"mlflow:{said.table}", f"expected a row of {said.table} with its {word}; found none"
    subject = filled(said.subject, row) or ""
    workspace = row.get("workspace")
    if workspace not in {None, "", "default"}:
        # Names are unique within a workspace alone.
        sort, _, rest = subject.partition(":")
        subject = f"{sort}:{workspace}/{rest}"
    return subject, None


def _records(top: Node, document: Document, file: File) -> Iterator[Record]:
    here = document.citation if document.line else document.place("")
    if top.text("next_page_token"):
        file.said.warn(here, "expected all results; found a page after which there are more: those"
                       " are not here")  # fmt: skip
    empty = True
    for key in _LISTS:
        empty = empty and key not in top.value
        for one in top.nodes(key):
            _left_out(one, file)
            yield from _object(key, one, document, file)
    for single, key in _SINGLE.items():
        if single in top.value:
            empty = False
            _left_out(top.node(single), file)
            yield from _object(key, top.node(single), document, file)
    if empty:
        problem = f"expected one of {', '.join([*_LISTS, *_SINGLE])}; found none"
        yield unread(here, problem, file)
    elif all(not top.value.get(key) for key in (*_LISTS, *_SINGLE)):
        yield Record(here, "mlflow.none", f"lineage:{file.source}", text=words(top.value))


def _left_out(one: Node, file: File) -> None:
    """What a run read and gave is said to be there: no time and no whole digest stands with it."""
    if "info" in one.value and any(one.value.get(key) for key in ("inputs", "outputs")):
        file.said.warn(one.place, "expected a run's own words; found its inputs or outputs too:"
                       " these are not read", "note")  # fmt: skip


def _object(key: str, one: Node, document: Document, file: File) -> Iterator[Record]:
    here = document.citation if document.line else one.place
    for table, row in _ROWS[key](one):
        # What stands within a model (its latest versions) is a record of its own place.
        yield from records(table, row, here)
    if key == "registered_models":
        for version in one.nodes("latest_versions"):
            yield from _object("model_versions", version, document, file)


def _registered(one: Node) -> Iterator[tuple[str, Row]]:
    name = one.text("name")
    yield "registered_models", _row(one, _TIMES, "name", "description", "workspace")
    yield from _pairs(one, "tags", "registered_model_tags", {"name": name})
    for alias in one.nodes("aliases"):
        pair = {"alias": alias.text("alias"), "version": alias.text("version")}
        yield "registered_model_aliases", {"name": name, **pair}


def _version(one: Node) -> Iterator[tuple[str, Row]]:
    own = {"name": one.text("name"), "version": one.text("version")}
    columns = ("name", "version", "user_id", "current_stage", "description", "source", "run_id",
               "status", "storage_location", "workspace")  # fmt: skip
    yield "model_versions", _row(one, _TIMES, *columns)
    yield from _pairs(one, "tags", "model_version_tags", own)
    for alias in one.scalars("aliases"):
        row = {"name": own["name"], "alias": alias, "version": own["version"]}
        yield "registered_model_aliases", row


def _run(one: Node) -> Iterator[tuple[str, Row]]:
    info, data = one.node("info"), one.node("data")
    run = info.text("run_id") or info.text("run_uuid")
    columns = ("user_id", "status", "start_time", "end_time", "artifact_uri", "experiment_id",
               "lifecycle_stage")  # fmt: skip
    yield "runs", {**_row(info, {"run_name": "name"}, *columns), "run_uuid": run}
    for key, table in (("tags", "tags"), ("params", "params")):
        yield from _pairs(data, key, table, {"run_uuid": run})
    for metric in data.nodes("metrics"):
        yield "metrics", {**_row(metric, {}, "key", "value", "timestamp"), "run_uuid": run}


def _experiment(one: Node) -> Iterator[tuple[str, Row]]:
    own = one.text("experiment_id")
    columns = ("experiment_id", "name", "artifact_location", "lifecycle_stage", "creation_time",
               "last_update_time")  # fmt: skip
    yield "experiments", _row(one, {}, *columns)
    yield from _pairs(one, "tags", "experiment_tags", {"experiment_id": own})


def _logged(one: Node) -> Iterator[tuple[str, Row]]:
    info, data = one.node("info"), one.node("data")
    own = {"model_id": info.text("model_id")}
    columns = ("model_id", "name", "source_run_id", "status", "lifecycle_stage")
    yield "logged_models", _row(info, _LOGGED, *columns)
    for key, table, holder in (("tags", "logged_model_tags", info),
                               ("params", "logged_model_params", data)):  # fmt: skip
        word = key[:-1]
        for pair in holder.nodes(key):
            row = {f"{word}_key": pair.text("key"), f"{word}_value": pair.text("value")}
            yield table, {**own, **row}


_ROWS = {
    "registered_models": _registered,
    "model_versions": _version,
    "runs": _run,
    "experiments": _experiment,
    "models": _logged,
}


def _row(one: Node, renamed: Mapping[str, str], *columns: str) -> dict[str, str | None]:
    named = {column: one.text(key) for key, column in renamed.items()}
    return {**named, **{column: one.text(column) for column in columns}}


def _pairs(one: Node, key: str, table: str, own: Row) -> Iterator[tuple[str, Row]]:
    for pair in one.nodes(key):
        yield table, {**own, "key": pair.text("key"), "value": pair.text("value")}


def _is(head: dict[str, Any]) -> bool:
    # An answer has one key, and one more where there is a further page.
    keys = set(head) - {"next_page_token"}
    return len(keys) == 1 and bool(keys & {*_LISTS, *_SINGLE})


FORMAT = Format("mlflow", "MLflow store (SQLite), MLflow REST API 2.0, JSON", _read, _is)
