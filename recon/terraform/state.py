"""Resources of ``terraform show -json``: of a state, or of a plan's state before it.

::

    {"format_version": "1.0", "terraform_version": "1.9.5", "values": {"root_module": {
      "resources": [{"address": "aws_s3_bucket.models", "mode": "managed", "type": "aws_s3_bucket",
                     "name": "models", "values": {"bucket": "acme-models", …}}],
      "child_modules": [{"address": "module.storage", "resources": […]}]}}}

A plan has the same below ``prior_state``. Source: HashiCorp, "JSON Output Format".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recon.errors import BadInputError

_MOST = 128 << 20
"""Bytes of a file: a state of some ten thousand resources has a tenth of it."""
_MOST_RESOURCES = 200_000
_NAMED = 20
"""Resources that are named one by one, of those that are left out."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource, as far as it has a form."""

    address: str
    """``module.storage.aws_s3_bucket.models``."""
    type: str
    module: str
    """Address of its module; empty for the root."""
    values: Mapping[str, Any]

    def text(self, *names: str) -> str | None:
        """The first of these attributes that is a text, and not empty."""
        for name in names:
            value = self.values.get(name)
            if isinstance(value, str) and value:
                return value
        return None

    def number(self, name: str) -> float | None:
        """An attribute that is a number, and no truth value."""
        value = self.values.get(name)
        if not isinstance(value, int | float) or isinstance(value, bool):
            return None
        return float(value) if abs(value) < 2**53 else None

    def blocks(self, name: str) -> list[Mapping[str, Any]]:
        """A nested block: Terraform prints a list of tables, of one or of several."""
        value = self.values.get(name)
        listed = value if isinstance(value, list) else [value]
        return [one for one in listed if isinstance(one, dict)]


def read(path: Path, warnings: list[str]) -> list[Resource]:
    """All resources of a file; one without a form is named and left out.

    Raises:
        BadInputError: it is no output of ``terraform show -json``.
    """
    top = _load(path)
    prior = top.get("prior_state")
    values = (prior if isinstance(prior, dict) else top).get("values")
    root = values.get("root_module") if isinstance(values, dict) else None
    if not isinstance(root, dict):
        raise BadInputError(
            "a state as `terraform show -json` prints it",
            "no values.root_module",
            str(path),
            "run `terraform show -json > state.json` where the state is",
        )
    out: list[Resource] = []
    bad = 0
    for module, raw in _raw(root):
        if len(out) >= _MOST_RESOURCES:
            warnings.append(f"{path}: more than {_MOST_RESOURCES} resources; the rest is left out")
            break
        one = _resource(module, raw)
        if one is not None:
            out.append(one)
            continue
        bad += 1
        if bad <= _NAMED:
            place = f"resource {len(out) + bad} of {module or 'the root module'}"
            warnings.append(f"{path}, {place}: expected address, type and values; left out")
    if bad > _NAMED:
        warnings.append(f"{path}: {bad - _NAMED} more resources without a form; left out")
    return out


def _load(path: Path) -> dict[str, Any]:
    expected, todo = "a state as `terraform show -json` prints it", "name another file"
    try:
        if path.stat().st_size > _MOST:
            raise BadInputError(expected, f"more than {_MOST >> 20} MiB", str(path), todo)
        top = json.loads(path.read_bytes())
    except OSError as error:
        raise BadInputError(expected, error.strerror or str(error), str(path), todo) from error
    except (ValueError, RecursionError) as error:
        raise BadInputError(expected, f"no JSON ({error})", str(path), todo) from error
    if not isinstance(top, dict):
        raise BadInputError(expected, f"a JSON {type(top).__name__}", str(path), todo)
    return top


def _raw(root: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """Module and resource; modules lie in each other to any depth, so that no call nests."""
    left: list[Mapping[str, Any]] = [root]
    while left:
        module = left.pop()
        address = module.get("address")
        listed = module.get("resources")
        for one in listed if isinstance(listed, list) else ():
            yield address if isinstance(address, str) else "", one
        children = module.get("child_modules")
        inner = children if isinstance(children, list) else []
        left += [one for one in reversed(inner) if isinstance(one, dict)]


def _resource(module: str, raw: object) -> Resource | None:
    if not isinstance(raw, dict):
        return None
    address, kind, values = raw.get("address"), raw.get("type"), raw.get("values")
    if not isinstance(address, str) or not isinstance(kind, str) or not isinstance(values, dict):
        return None
    return Resource(address, kind, module, values)
