"""What the bucket's owner set for all of it: versioning, locks, expiry, replication, logging."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from collectors.s3 import clijson
from collectors.s3.listing import NotAListingError
from collectors.s3.xmlpage import local, root_of

if TYPE_CHECKING:
    from lxml import etree

_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Resource:
    """One sub-resource of a bucket."""

    name: str
    """As in the URL: ``?versioning``. The event's attribute."""
    command: str
    """Of ``aws s3api``."""
    roots: tuple[str, ...]
    """Roots of an answer; some servers answer what they do not know with a listing."""
    field: str | None = None
    """The one element that says it all, where there is one."""
    entry: str = ""
    """Of a list: what stands in it, where it is not empty. Ceph's RGW answers with a replication
    of no rules where none is configured."""


RESOURCES = (
    Resource(
        "location", "get-bucket-location", ("LocationConstraint", "CreateBucketConfiguration")
    ),
    Resource(
        "versioning",
        "get-bucket-versioning",
        ("VersioningConfiguration", "GetBucketVersioningResponse"),
        "Status",
    ),
    Resource("object-lock", "get-object-lock-configuration", ("ObjectLockConfiguration",)),
    Resource(
        "lifecycle",
        "get-bucket-lifecycle-configuration",
        ("LifecycleConfiguration", "BucketLifecycleConfiguration"),
    ),
    Resource("replication", "get-bucket-replication", ("ReplicationConfiguration",), entry="Rule"),
    Resource("logging", "get-bucket-logging", ("BucketLoggingStatus",)),
    Resource("policy", "get-bucket-policy", ()),
    Resource(
        "inventory",
        "list-bucket-inventory-configurations",
        (
            "ListInventoryConfigurationsResult",
            "ListBucketInventoryConfigurationsOutput",
            "ListBucketInventoryConfigurationsResponse",
        ),
        entry="InventoryConfiguration",
    ),
    Resource("uploads", "list-multipart-uploads", ("ListMultipartUploadsResult",), entry="Upload"),
)
"""Sources: Amazon S3 API Reference; the second roots are those of moto and SeaweedFS."""

# "Nothing is configured" is said by these codes; any other error says nothing of the configuration.
NONE = frozenset(
    {
        "ObjectLockConfigurationNotFoundError",
        "NoSuchLifecycleConfiguration",
        "ReplicationConfigurationNotFoundError",
        "NoSuchBucketPolicy",
    }
)


def by_name(name: str) -> Resource | None:
    """The sub-resource of that name."""
    return next((r for r in RESOURCES if r.name == name), None)


def by_operation(name: str) -> Resource | None:
    """The one that an operation of the API Reference gives: ``GetBucketPolicy``."""
    plain = name.lower()
    return next((r for r in RESOURCES if r.command.replace("-", "") == plain), None)


def by_file(native: str) -> Resource | None:
    """The one whose command a file is named after."""
    name = native.rsplit("/", 1)[-1].lower()
    return next((r for r in RESOURCES if name.startswith(r.command)), None)


def read_answer(resource: Resource, data: bytes) -> tuple[str, str | None, str]:
    """Citation, value, and why the answer does not say what is configured (empty if it does).

    The value is the text of the field that says it all, else the answer as it stands, cut after
    2,000 characters. It is null where the answer says that nothing is configured.
    """
    if not resource.roots and _is_json(data):
        return "", short(data), ""
    try:
        root = root_of(data)
    except NotAListingError as error:
        return "", None, str(error)
    name = local(root.tag)
    citation = f"/{name}"
    code = root.findtext("{*}Code") or ""
    if name == "Error":
        refused = f"refused with {code!r}: what is configured is not known"
        return citation, None, "" if code in NONE else refused
    if name not in resource.roots:
        return citation, None, f"expected {' or '.join(resource.roots)}, found {name!r}"
    return citation, _value(resource, root, data), ""


def _value(resource: Resource, root: etree._Element, data: bytes) -> str | None:
    if resource.field is not None:
        return root.findtext("{*}" + resource.field) or None
    if resource.name == "location":
        return "".join(str(text) for text in root.itertext()).strip() or None
    if resource.entry:
        return short(data) if root.find("{*}" + resource.entry) is not None else None
    return short(data) if len(root) else None


def _is_json(data: bytes) -> bool:
    try:
        clijson.load(data)
    except NotAListingError:
        return False
    return True


def read_cli(resource: Resource, data: bytes) -> str | None:
    """The value from the AWS CLI's output; null where it says that nothing is configured.

    Raises:
        NotAListingError: it is no JSON object.
    """
    top = clijson.load(data)
    if resource.field is not None:
        return clijson.text(top.get(resource.field)) or None
    if resource.name == "location":
        return clijson.text(top.get("LocationConstraint")) or None
    if resource.name == "replication":
        said = top.get("ReplicationConfiguration")
        return short(data) if isinstance(said, dict) and said.get("Rules") else None
    if resource.entry:
        lists = {"inventory": "InventoryConfigurationList", "uploads": "Uploads"}
        return short(data) if top.get(lists[resource.name]) else None
    return short(data) if top else None


def short(data: bytes) -> str:
    """The answer as text, cut where it is long."""
    text = data.decode("utf-8", "replace").strip()
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
