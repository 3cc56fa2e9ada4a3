"""The formats of lineage by name, one a file, each with a real sample in its docstring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collectors.lineage.documents import documents
from collectors.lineage.formats import (
    attestation,
    cyclonedx,
    dvc,
    lakefs,
    mlflow,
    mlflowdb,
    modelcard,
    openlineage,
    otlp,
    prometheus,
    spdx,
)
from collectors.lineage.formats.base import Format

if TYPE_CHECKING:
    from pathlib import Path

FORMATS: dict[str, Format] = {
    one.FORMAT.name: one.FORMAT
    for one in (
        mlflow, openlineage, dvc, lakefs, modelcard, cyclonedx, spdx, attestation, prometheus, otlp,
    )
}  # fmt: skip
"""In the order in which they are listed."""
_HEAD = 4096


def told(path: Path, native: str) -> str | None:
    """The name of the format of a file, by its first bytes, its name or its first object."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith(mlflowdb.MAGIC):
        return mlflow.FORMAT.name
    if dvc.is_file(native):
        return dvc.FORMAT.name
    if head.removeprefix(b"\xef\xbb\xbf").startswith((b"---\n", b"---\r\n")):
        return modelcard.FORMAT.name
    for document in documents(path):
        if document.problem is None:
            known = (one.name for one in FORMATS.values() if one.recognises(document.value))
            return next(known, None)
    return None
