"""The bytes of a version, streamed into the case and hashed on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collectors.s3.kinds import OBJECT
from collectors.s3.wire import CredentialsError
from recon.errors import ReconError

if TYPE_CHECKING:
    from collectors.s3.run import Run


def acquire(run: Run, key: str, version: str) -> None:
    """One object; cut off or refused, it is named, and nothing of it is stored."""
    native = f"{run.version(key, version)}&bytes&listing={run.listing}"
    if run.item(native):
        return
    parameters = {"Bucket": run.options.bucket, "Key": key, "VersionId": version}
    try:
        with run.call("get-object", parameters) as said, run.wire.body(parameters) as answer:
            said.update(answer.about())
            meta = {
                **answer.about(),
                "bucket": run.options.bucket,
                "key": key,
                "version": version,
                "listing": run.listing,
            }
            # Streamed under no lock: hashing and writing take as long as the network.
            item = run.acquisition.store(native, OBJECT, answer.chunks, meta=meta)
            said["sha256"] = item.sha256
    except CredentialsError:
        raise
    except ReconError as error:
        run.failed(native, error)
