"""What the tables of an MLflow store say: which row asserts what of which model, run or experiment.

The store is the same in PostgreSQL and SQLite: made by MLflow's own migrations. Times are counts of
milliseconds since 1970 that the tracking server, or the client, wrote as data.
It knows none of the collectors.

Source: MLflow 1.0 to 3.17, ``mlflow/store/tracking/dbmodels/models.py``,
``mlflow/store/model_registry/dbmodels/models.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MARKS = frozenset({"alembic_version", "experiments", "runs", "registered_models", "model_versions"})
"""Tables that all stand in one schema of an MLflow store, and hardly anywhere else together."""
ARTIFACT_TAGS = ("artifact", "artifact_sha256", "artifact.sha256", "model_sha256")
"""Keys of tags under which teams note the SHA-256 of the model's bytes; MLflow has no column for
it. Such a tag is the attribute ``artifact``, as a bucket and a manifest have it."""
COMMIT_TAG = "mlflow.source.git.commit"
"""The tag in which MLflow's clients note the commit of the code that they run in."""
EPOCH = "ms"
_RENAMED = {
    **dict.fromkeys(ARTIFACT_TAGS, "artifact"),
    COMMIT_TAG: "commit",
}


@dataclass(frozen=True, slots=True)
class Said:
    """What the rows of one table say at one of their times."""

    table: str
    kind: str
    """Kind of the record where the medium gives none of its own."""
    subject: str
    """Template, filled from columns."""
    time: str | None = None
    """Column; null: the row does not say when."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Attribute = column."""
    actor: str | None = None
    pair: tuple[str, str, str] | None = None
    """Prefix of the attribute, column of its name, column of its value: ``tag.``, key, value."""

    def columns(self) -> list[str]:
        """Those that it needs to say anything: of its subject, and the name of a pair."""
        from recon import subjects

        pair = () if self.pair is None else self.pair[1:2]
        return list(dict.fromkeys([*subjects.fields(self.subject), *pair]))


_VERSION = "model:{name}@{version}"
_MODEL = "model:{name}"
_RUN = "run:{run_uuid}"
_LOGGED = "logged-model:{model_id}"
_TAG = ("tag.", "key", "value")

STORE: tuple[Said, ...] = (
    Said(
        "model_versions", "model-version.created", _VERSION, "creation_time",
        {"run": "run_id", "source": "source", "storage": "storage_location"}, "user_id",
    ),
    Said(
        "model_versions", "model-version.updated", _VERSION, "last_updated_time",
        {"stage": "current_stage", "status": "status", "description": "description"},
    ),
    Said("model_version_tags", "model-version.tag", _VERSION, pair=_TAG),
    Said(
        "registered_models", "registered-model.created", _MODEL, "creation_time",
    ),
    Said(
        "registered_models", "registered-model.updated", _MODEL, "last_updated_time",
        {"description": "description"},
    ),
    Said("registered_model_tags", "registered-model.tag", _MODEL, pair=_TAG),
    Said("registered_model_aliases", "registered-model.alias", _MODEL,
         pair=("alias.", "alias", "version")),
    Said(
        "logged_models", "logged-model.created", _LOGGED, "creation_timestamp_ms",
        {"run": "source_run_id", "storage": "artifact_location", "name": "name"},
    ),
    Said(
        "logged_models", "logged-model.updated", _LOGGED, "last_updated_timestamp_ms",
        {"status": "status", "lifecycle": "lifecycle_stage"},
    ),
    Said("logged_model_tags", "logged-model.tag", _LOGGED, pair=("tag.", "tag_key", "tag_value")),
    Said("logged_model_params", "logged-model.param", _LOGGED,
         pair=("param.", "param_key", "param_value")),
    Said(
        "runs", "run.started", _RUN, "start_time",
        {"run": "run_uuid", "name": "name", "storage": "artifact_uri",
         "experiment": "experiment_id"}, "user_id",
    ),
    Said("runs", "run.ended", _RUN, "end_time", {"status": "status"}),
    Said("runs", "run.deleted", _RUN, "deleted_time", {"lifecycle": "lifecycle_stage"}),
    Said("tags", "run.tag", _RUN, pair=_TAG),
    Said("params", "run.param", _RUN, pair=("param.", "key", "value")),
    Said("metrics", "run.metric", _RUN, "timestamp", pair=("metric.", "key", "value")),
    Said(
        "experiments", "experiment.created", "experiment:{experiment_id}", "creation_time",
        {"name": "name", "storage": "artifact_location"},
    ),
    Said(
        "experiments", "experiment.updated", "experiment:{experiment_id}", "last_update_time",
        {"lifecycle": "lifecycle_stage"},
    ),
    Said("experiment_tags", "experiment.tag", "experiment:{experiment_id}", pair=_TAG),
)  # fmt: skip
"""In the order in which they are told."""

TABLES: tuple[str, ...] = tuple(dict.fromkeys(one.table for one in STORE))


def attribute(prefix: str, key: str) -> str:
    """The attribute of a key: those that other sources have too go by their common name."""
    return _RENAMED.get(key, f"{prefix}{key}") if prefix == "tag." else f"{prefix}{key}"
