"""A client of an S3 bucket, as any collector may need one: credentials by boto3's own chain.

It knows no source and no collector. The collector ``s3`` reads a bucket's history with it; others
fetch what somebody else keeps in one: an archive of WAL, base backups.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from recon.errors import BadInputError, UnreachableError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

    from recon.collector import Acquisition

# Bucket names in use, those from before 2018 with capitals and underscores included.
URL = re.compile(
    r"^s3://(?P<bucket>[A-Za-z0-9][A-Za-z0-9._-]{1,254})(?:/(?P<prefix>.*))?$", re.DOTALL
)
_CHUNK = 1 << 20
READ_TIMEOUT = 60.0
"""Seconds without a byte after which a request is made again."""


def checked_endpoint(value: str | None) -> str | None:
    """Credentials in a URL would end up in the custody log: they come by boto3's own chain.

    Raises:
        ValueError: as Pydantic's validators do.
    """
    if value is None:
        return None
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("an http:// or https:// URL")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("a URL without credentials or query (use a profile or AWS_… variables)")
    return value


def s3_client(
    endpoint: str | None,
    region: str | None,
    profile: str | None,
    *,
    connections: int = 10,
    validate: bool = True,
) -> S3Client:
    """A client that retries as boto3's standard mode does.

    Args:
        endpoint: the server's URL, where it is not AWS.
        region: else as boto3 finds it.
        profile: else credentials as boto3 finds them.
        connections: how many requests can run beside each other.
        validate: whether bytes that do not match their checksum are an error.

    Raises:
        BotoCoreError, ValueError: the profile is not there, or boto3 cannot make a client.
    """
    import boto3
    from botocore.config import Config

    session = boto3.Session(profile_name=profile, region_name=region)
    return session.client(
        "s3",
        endpoint_url=endpoint,
        config=Config(
            connect_timeout=10,
            read_timeout=READ_TIMEOUT,
            retries={"mode": "standard"},
            max_pool_connections=connections,
            response_checksum_validation="when_supported" if validate else "when_required",
            s3={"addressing_style": "path" if endpoint else "auto"},
        ),
    )


@dataclass(frozen=True, slots=True)
class Found:
    """One object of a listing."""

    key: str
    size: int
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Prefix:
    """What lies under one ``s3://bucket/prefix``; every call is entered in the custody log."""

    acquisition: Acquisition
    client: S3Client
    url: str
    bucket: str
    prefix: str

    @classmethod
    def of(cls, acquisition: Acquisition, client: S3Client, url: str) -> Prefix:
        """The prefix as the name of a folder: it ends at a slash.

        Raises:
            BadInputError: no S3 URL.
        """
        match = URL.fullmatch(url)
        if match is None:
            raise BadInputError("an S3 URL: s3://bucket/prefix", url, url, "mend it in case.toml")
        prefix = match["prefix"] or ""
        folder = prefix if not prefix or prefix.endswith("/") else f"{prefix}/"
        return cls(acquisition, client, url, match["bucket"], folder)

    def native(self, key: str) -> str:
        """Where the source keeps an object."""
        return f"s3://{self.bucket}/{quote(key)}"

    def objects(self) -> Iterator[Found]:
        """The current objects, by key; without the markers that stand for folders.

        Raises:
            UnreachableError: no answer, a refusal, or no such bucket.
        """
        parameters: dict[str, Any] = {"Bucket": self.bucket, "Prefix": self.prefix}
        while True:
            with self._call("list-objects-v2", parameters) as said:
                page = self.client.list_objects_v2(**parameters)
                said.update(_about(page))
                said["objects"] = len(page.get("Contents", []))
            for one in page.get("Contents", []):
                if not one["Key"].endswith("/"):
                    yield Found(one["Key"], int(one["Size"]))
            token = page.get("NextContinuationToken")
            if not page.get("IsTruncated") or not token:
                return
            parameters["ContinuationToken"] = token

    @contextmanager
    def opened(self, key: str) -> Iterator[tuple[Iterator[bytes], dict[str, Any]]]:
        """An object's bytes as they come, and what the server says of them.

        Raises:
            UnreachableError: no answer, a refusal, cut off, or other bytes than its checksum.
        """
        parameters = {"Bucket": self.bucket, "Key": key, "ChecksumMode": "ENABLED"}
        with self._call("get-object", parameters) as said:
            answer = self.client.get_object(**parameters)  # type: ignore[arg-type]
            meta = _told(answer)
            said.update(_about(answer), **meta)
            yield self._chunks(answer["Body"], key, int(answer["ContentLength"])), meta

    def _chunks(self, body: Any, key: str, length: int) -> Iterator[bytes]:  # noqa: ANN401
        taken = 0
        for chunk in body.iter_chunks(_CHUNK):
            taken += len(chunk)
            yield chunk
        if taken != length:
            raise UnreachableError(
                f"{length} bytes", f"{taken}", self.native(key), "try again: it goes on there"
            )

    @contextmanager
    def _call(self, command: str, parameters: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """As the AWS CLI names it; parameters as JSON, so that no key can forge one."""
        from botocore.exceptions import BotoCoreError, ClientError

        shown = f"s3api {command} {json.dumps(parameters, ensure_ascii=True)}"
        where = self.native(str(parameters.get("Key", self.prefix)))
        with self.acquisition.call(shown) as said:
            try:
                yield said
            except (ClientError, BotoCoreError) as error:
                raise refused(error, where) from error


def refused(error: Exception, where: str) -> UnreachableError:
    """What boto3 raised, as an error that a person can act on; it holds no credential."""
    found = " ".join(str(error).split())[:500] or type(error).__name__
    todo = "check the endpoint, the name and the rights (s3:ListBucket, s3:GetObject)"
    return UnreachableError("an answer of the S3 server", found, where, todo)


def _told(answer: Any) -> dict[str, Any]:  # noqa: ANN401  (botocore's)
    """Version, ETag, checksums and date of an object, as the server tells them."""
    modified = answer.get("LastModified")
    told = {
        "version_id": answer.get("VersionId"),
        "etag": answer.get("ETag"),
        "last_modified": modified.isoformat() if modified else None,
        "checksum_type": answer.get("ChecksumType"),
        "storage_class": answer.get("StorageClass"),
        **{
            name: answer.get(f"Checksum{name.upper()}")
            for name in ("crc32", "crc32c", "crc64nvme", "sha1", "sha256")
        },
    }
    return {name: value for name, value in told.items() if value is not None}


def _about(answer: Any) -> dict[str, Any]:  # noqa: ANN401  (botocore's)
    """Ids that the server's owner can look up, and its date."""
    meta = answer.get("ResponseMetadata", {})
    headers = meta.get("HTTPHeaders", {})
    said = {
        "status": meta.get("HTTPStatusCode"),
        "request_id": meta.get("RequestId"),
        "id_2": meta.get("HostId"),
        "date": headers.get("date"),
        "server": headers.get("server"),
    }
    return {name: value for name, value in said.items() if value}
