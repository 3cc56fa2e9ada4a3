"""What an S3 bucket keeps of a cluster: ``wal = "s3://…"`` and ``backups = ["s3://…"]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collectors.objectstore import Prefix
    from collectors.postgres.options import PostgresOptions
    from recon.collector import Acquisition


def acquire_remote(acquisition: Acquisition, key: str, url: str) -> None:
    """One prefix, under the key ``wal`` or ``backups`` of the case.

    Raises:
        UnreachableError: no answer, no credentials, a refusal.
        BadInputError: no S3 URL, or nothing there that is an archive's or a backup's.
    """
    from collectors.postgres.wal_files import acquire_wal_objects

    prefix = open_prefix(acquisition, url)
    try:
        if key == "wal":
            acquire_wal_objects(acquisition, prefix)
    finally:
        prefix.client.close()


def open_prefix(acquisition: Acquisition, url: str) -> Prefix:
    """The prefix, by the case's access: the source's ``s3_`` keys, and boto3's own chain.

    Raises:
        UnreachableError: boto3 cannot make a client, for want of the profile, say.
    """
    from botocore.exceptions import BotoCoreError

    from collectors.objectstore import Prefix, refused, s3_client

    options: PostgresOptions = acquisition.source.options
    try:
        client = s3_client(options.s3_endpoint, options.s3_region, options.s3_profile)
    except (BotoCoreError, ValueError) as error:
        raise refused(error, url) from error
    try:
        return Prefix.of(acquisition, client, url)
    except Exception:
        client.close()
        raise
