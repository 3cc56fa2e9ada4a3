"""Audits kept in the case folder, ``audits/INSTANT.json``, for the next one to be compared with.

An audit is compared with the latest one of an earlier instant: run twice for one instant, it gives
the same bytes and the same exit code.
"""

from __future__ import annotations

import errno
import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recon.errors import BadInputError

if TYPE_CHECKING:
    from recon.audit import Audit

FOLDER = "audits"
_FORM = "%Y-%m-%dT%H%M%S.%fZ"
_MOST = 64 << 20
"""Bytes: more than any audit has."""


def before(case: Path, at: datetime) -> dict[str, Any] | None:
    """The latest audit that the case keeps of an earlier instant."""
    own = at.strftime(_FORM)
    names = [one for one in (case / FOLDER).glob("*.json") if one.stem < own]
    return read(max(names)) if names else None


def read(path: Path) -> dict[str, Any]:
    """An audit as ``recon audit --format json`` prints it.

    Raises:
        BadInputError: it is none.
    """
    expected, todo = "an audit as `recon audit --format json` prints it", "name another file"
    try:
        if path.stat().st_size > _MOST:
            raise BadInputError(expected, f"more than {_MOST >> 20} MiB", str(path), todo)
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise BadInputError(expected, error.strerror or str(error), str(path), todo) from error
    except (ValueError, RecursionError) as error:
        raise BadInputError(expected, f"no JSON ({error})", str(path), todo) from error
    concerns = found.get("concerns") if isinstance(found, dict) else None
    whole = isinstance(concerns, list) and all(
        isinstance(one, dict)
        and isinstance(one.get("key"), str)
        and isinstance(one.get("text"), str)
        for one in concerns
    )
    if not whole or not isinstance(found.get("at"), str):
        raise BadInputError(expected, "no `at` and `concerns`", str(path), todo)
    audit: dict[str, Any] = found
    return audit


def write(case: Path, audit: Audit) -> Path | None:
    """Keep an audit; ASCII alone. None where the case is read-only."""
    target = case / FOLDER / f"{audit.at.strftime(_FORM)}.json"
    try:
        target.parent.mkdir(exist_ok=True)
        temporary = target.with_suffix(".part")
        temporary.write_text(json.dumps(audit.to_json(), indent=1) + "\n", encoding="ascii")
        temporary.rename(target)
    except OSError as error:
        if error.errno not in {errno.EROFS, errno.EACCES}:
            raise
        return None
    return target
