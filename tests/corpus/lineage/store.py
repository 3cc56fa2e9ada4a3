"""Make the MLflow store of the corpus, by a real MLflow in an environment of its own::

    uv venv programs && VIRTUAL_ENV=programs uv pip install mlflow==3.17.2
    programs/bin/python store.py sqlite:///store.db

A tracking server over it (``mlflow server --backend-store-uri …``) then gives the answers beside
it: ``registered-models``, ``model-versions``, ``logged-models``, ``runs`` and ``experiments``, each
by ``search``, and ``experiments/get``. The same in PostgreSQL, by ``pg_dump``, is ``postgres.sql``.

Given the URL of a server and a folder, it registers the folder's ``model.bin`` there.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

COMMIT = "5d0c1f3b8a27c0e4e0a35f2d1b7f0a4f6ad1c9e2"
DIGEST = "0f343b0931126a20f133d67c2b018a3b5d0c1f3b8a27c0e4e0a35f2d1b7f0a4f"


def register(uri: str, folder: Path | None = None) -> None:
    """A run, a model, its version with the digest of its bytes, in production."""
    import mlflow
    from mlflow import MlflowClient

    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    client = MlflowClient()
    location = "s3://models/mlflow" if folder is None else None
    digest = DIGEST
    if folder is not None:
        digest = hashlib.sha256((folder / "model.bin").read_bytes()).hexdigest()
    experiment = client.create_experiment("credit-risk", artifact_location=location)
    tags = {"mlflow.source.git.commit": COMMIT, "mlflow.user": "ci"}
    run = client.create_run(experiment, tags=tags, run_name="train").info.run_id
    client.log_param(run, "seed", "42")
    client.log_metric(run, "auc", 0.81)
    client.log_metric(run, "auc", float("nan"))
    client.set_terminated(run)
    client.create_registered_model("credit-risk", tags={"owner": "risk"}, description="d")
    made = client.create_logged_model(
        experiment, name="credit-risk", source_run_id=run, tags={"artifact_sha256": digest}
    )
    if folder is not None:
        client.log_model_artifacts(made.model_id, str(folder))
    client.finalize_logged_model(made.model_id, "READY")
    version = client.create_model_version(
        "credit-risk",
        source=f"models:/{made.model_id}",
        run_id=run,
        model_id=made.model_id,
        tags={"artifact_sha256": digest},
    ).version
    client.transition_model_version_stage("credit-risk", version, "Production")
    client.set_registered_model_alias("credit-risk", "champion", version)


if __name__ == "__main__":
    register(sys.argv[1], *map(Path, sys.argv[2:]))
