"""What an S3 bucket keeps of a cluster: ``wal = "s3://…"`` and ``backups = ["s3://…"]``.

Segments are streamed into the case one by one. Backups are recognised by how they lie in folders,
so their objects are first fetched into a scratch folder, and taken from there as any others: the
item's ``meta`` says what the server told of the object, and not when the scratch file was made.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from collectors.postgres.scratch import FOLDER, need_room, root, scratch_folder
from recon.errors import BadInputError, ReconError

if TYPE_CHECKING:
    from collectors.objectstore import Prefix
    from collectors.postgres.options import PostgresOptions
    from recon.collector import Acquisition, Item


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
        else:
            _backups(acquisition, prefix)
    finally:
        prefix.client.close()


def _backups(acquisition: Acquisition, prefix: Prefix) -> None:
    from collectors.postgres.files import acquire_backups

    native = prefix.url.rstrip("/")
    with scratch_folder("recon-s3-", root()) as folder:
        # A folder of its own for the objects: the lock is no file of theirs.
        scratch = folder / "objects"
        scratch.mkdir()
        told = _mirror(acquisition, prefix, native, scratch)
        if not told:
            raise BadInputError("a base backup", "no objects", native, "mend `backups`")
        mirrored = cast("Acquisition", _Mirrored(acquisition, told))
        acquire_backups(mirrored, native, scratch)


def _mirror(
    acquisition: Acquisition, prefix: Prefix, native: str, scratch: Path
) -> dict[Path, dict[str, Any]]:
    """Every object as a file, and what the server says of it; one failure is its own."""
    from collectors.postgres.members import safe

    told: dict[Path, dict[str, Any]] = {}
    found = list(prefix.objects())
    size = sum(one.size for one in found)
    need_room(scratch, size, f"for a copy of {native}", f"name another disk's folder in {FOLDER}")
    for done, one in enumerate(found):
        acquisition.progress(native, done, len(found))
        place = one.key.removeprefix(prefix.prefix)
        where = f"{native}/{place}"
        target = scratch / place
        try:
            if not place or safe(place) != place:
                raise BadInputError("a key that is a path", repr(place), prefix.native(one.key))
            held = acquisition.item(where)
            if held is not None:
                # From before an interruption.
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(acquisition.path(held), target)
                told[target] = dict(held.meta)
                continue
            with prefix.opened(one.key) as (chunks, meta):
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as file:
                    file.writelines(chunks)
                told[target] = meta
        except ReconError as error:
            target.unlink(missing_ok=True)
            acquisition.failed(prefix.native(one.key), error)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            clash = BadInputError("a key that is a path", "a file that is a folder too", where)
            acquisition.failed(prefix.native(one.key), clash)
    return told


class _Mirrored:
    """The acquisition, but that files of the scratch folder are stored as the objects they are."""

    def __init__(self, acquisition: Acquisition, told: Mapping[Path, Mapping[str, Any]]) -> None:
        self._acquisition = acquisition
        self._told = told

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  (whatever the acquisition has)
        return getattr(self._acquisition, name)

    def store_file(
        self, native: str, kind: str, path: Path, *, meta: Mapping[str, Any] | None = None
    ) -> Item:
        """Store the object's bytes with what the server told of it."""
        told = {**self._told.get(path, {}), **(meta or {})}
        with path.open("rb") as file:
            return self._acquisition.store(native, kind, file, meta=told)


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
