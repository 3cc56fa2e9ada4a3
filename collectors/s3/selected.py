"""What is asked of the versions that the case selects: checksums, parts, locks, bytes.

HEAD first. The parts' checksums only where the ETag is one of parts; locks only where the bucket
has Object Lock or did not say; bytes only where the case wants them. Each answer is an item, a
refusal too: *not allowed to see* is another answer than *not locked*.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from collectors.s3 import body, configuration
from collectors.s3.kinds import ATTRIBUTES, CONFIGURATION, HEAD, LEGAL_HOLD, RETENTION
from collectors.s3.wire import CredentialsError
from recon.errors import ReconError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collectors.s3.run import Run
    from collectors.s3.wire import Answer

LOCKS = (("get-object-retention", RETENTION), ("get-object-legal-hold", LEGAL_HOLD))
_IN_PARTS = re.compile(r'"?[0-9a-f]{32}-\d+"?')
_MOST_PARTS = 1000


def acquire(run: Run, chosen: Sequence[tuple[str, str]]) -> None:
    """Everything of every version; one that cannot be had does not stop the others.

    Raises:
        CredentialsError: the credentials ended: nothing more can be had.
    """
    is_locking = _may_lock(run)
    total = len(chosen)
    done = 0

    def one(version: tuple[str, str]) -> None:
        nonlocal done
        head = _head(run, *version)
        if head is not None:
            if any(k.lower() == "etag" and _IN_PARTS.fullmatch(v) for k, v in head):
                _attributes(run, *version)
            if is_locking:
                for command, kind in LOCKS:
                    _detail(run, command, kind, *version)
            if run.options.bytes:
                body.acquire(run, *version)
        with run.lock:
            done += 1
            count = done
        run.progress("versions", count, total)

    run.each(one, chosen)


def _may_lock(run: Run) -> bool:
    """Unless the bucket said that no Object Lock is configured."""
    native = f"s3://{run.options.bucket}?object-lock&listing={run.listing}"
    item = run.item(native)
    resource = configuration.by_name("object-lock")
    if item is None or item.kind != CONFIGURATION or resource is None:
        return True
    _, value, problem = configuration.read_answer(resource, run.acquisition.read(item))
    return value is not None or bool(problem)


def _head(run: Run, key: str, version: str) -> list[tuple[str, str]] | None:
    """Headers of an answered HEAD; null where there is none."""
    native = f"{run.version(key, version)}&listing={run.listing}"
    known = run.item(native)
    if known is not None:
        record = json.loads(run.acquisition.read(known))
        return [tuple(pair) for pair in record["headers"]] if record["status"] < 300 else None  # noqa: PLR2004  (HTTP)
    answer = _ask(run, "head-object", native, _of(run, key, version, ChecksumMode="ENABLED"))
    if answer is None:
        return None
    meta = {**answer.about(), "listing": run.listing}
    run.store(native, HEAD, _record(run.options.bucket, key, version, answer), meta)
    return list(answer.headers) if answer.ok else None


def _attributes(run: Run, key: str, version: str) -> None:
    """Parts with their checksums, all pages of them."""
    from collectors.s3.attributes import next_part

    marker = 0
    while True:
        more = {"PartNumberMarker": marker} if marker else {}
        item = _detail(
            run,
            "get-object-attributes",
            ATTRIBUTES,
            key,
            version,
            ObjectAttributes=["ETag", "Checksum", "ObjectParts", "ObjectSize"],
            MaxParts=_MOST_PARTS,
            **more,
        )
        following = next_part(item) if item is not None else None
        if following is None or following <= marker:
            return
        marker = following


def _detail(
    run: Run,
    command: str,
    kind: str,
    key: str,
    version: str,
    **more: Any,  # noqa: ANN401  (botocore's parameters)
) -> bytes | None:
    """A sub-resource of a version, as it came; its bytes, or null where it was no answer."""
    after = f"&after={more['PartNumberMarker']}" if "PartNumberMarker" in more else ""
    native = f"{run.version(key, version)}&{command}{after}&listing={run.listing}"
    known = run.item(native)
    if known is not None:
        return run.acquisition.read(known)
    answer = _ask(run, command, native, _of(run, key, version, **more))
    if answer is None:
        return None
    meta = {
        **answer.about(),
        "bucket": run.options.bucket,
        "key": key,
        "version": version,
        "listing": run.listing,
    }
    run.store(native, kind, answer.body, meta)
    return answer.body


def _ask(run: Run, command: str, native: str, parameters: dict[str, Any]) -> Answer | None:
    try:
        return run.ask(command, parameters)
    except CredentialsError:
        raise
    except ReconError as error:
        run.failed(native, error)
        return None


def _of(run: Run, key: str, version: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401  (as above)
    return {"Bucket": run.options.bucket, "Key": key, "VersionId": version, **more}


def _record(bucket: str, key: str, version: str, answer: Answer) -> bytes:
    """A HEAD has no body: what it said is its status and headers, as received."""
    record = {
        "bucket": bucket,
        "key": key,
        "versionId": version,
        "status": answer.status,
        "headers": [list(pair) for pair in answer.headers],
    }
    return json.dumps(record, indent=1, ensure_ascii=False).encode("utf-8", "backslashreplace")
