r"""Base backups as items, whatever their packing: what they are, and the files in them.

    for backup in base_backups(items):
        for member in backup.members():
            if member.path == "global/1262":
                with member.open() as file: …

Two packings are read here: the plain folder of ``pg_basebackup -Fp`` (one item a file), and the
tar files of ``pg_basebackup -Ft`` (``base.tar``, ``pg_wal.tar``, ``OID.tar`` of a tablespace, each
plain or packed with gzip, zstd or lz4), or a tar that someone made of the plain folder.

A member is a regular file or a folder with a safe relative path. What else there is (``../``, an
absolute path, a link, a device, a second member of one name) is refused, and named to whoever asks
with ``refused=``; nothing of it is ever extracted.

An incremental backup (17 and later) says so in its label, ``INCREMENTAL FROM LSN: 0/3000028``.
It holds changed blocks alone: it stands for nothing without the backups before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from collectors.postgres import repositories
from collectors.postgres.backups import MAX_TEXT
from collectors.postgres.label import Label, read_label
from collectors.postgres.members import Member, Refused, safe, tar_folder, tar_members
from collectors.postgres.packing import unpacked
from collectors.postgres.repositories.kinds import BARMAN, MANIFEST, WALG_METADATA
from recon.collector import Item, Items

FILE = "pg.backup-file"
"""Kind of a file of a plain backup that has no kind of its own."""
TAR = "pg.backup-tar"
"""Kind of a tar file of a backup."""
KINDS = (
    *(FILE, TAR, "pg.wal", "pg.history", "pg.backup-history"),
    *("pg.backup-label", "pg.backup-manifest", "pg.control-file"),
    *(MANIFEST, BARMAN, WALG_METADATA),
)
"""Kinds of the items that a backup can consist of."""


@dataclass(frozen=True, slots=True)
class BaseBackup:
    """One base backup of the source."""

    native: str
    """As ``case.toml`` names it: its folder or file."""
    items: Sequence[Item]
    """All items of it."""
    label: Label | None
    """None where there is no label that can be read: a copy of a stopped server has none."""
    source: Items = field(repr=False)

    @property
    def incremental(self) -> bool:
        """Whether it holds changed blocks alone."""
        named = any("/INCREMENTAL." in item.native for item in self.items)
        if any(repositories.incremental(item, self.source) for item in self.of(MANIFEST)):
            return True
        if repositories.is_delta(self.native, self.source):
            return True
        return named or (self.label is not None and self.label.incremental_from is not None)

    @property
    def whole(self) -> bool:
        """Whether the data files are there, and not only label, manifest and control file."""
        kinds = {item.kind for item in self.items}
        return TAR in kinds or FILE in kinds

    def of(self, kind: str) -> list[Item]:
        """Its items of one kind: ``pg.control-file``, ``pg.backup-manifest``."""
        return [item for item in self.items if item.kind == kind]

    def members(self, refused: Callable[[Refused], object] | None = None) -> Iterator[Member]:
        """Every file and folder, each path once; what is refused goes to ``refused``.

        Of tar files they come in the order of the archive, front to back, unpacked once.

        Raises:
            BadInputError: a tar that is damaged or cut off; what came before was given.
        """
        seen: set[str] = set()
        tell = refused or (lambda _: None)
        for one in _members(self, tell):
            if one.kind == "folder":
                if one.path:
                    yield one
            elif one.path in seen:
                tell(Refused(one.path, "a second member of one name"))
            else:
                seen.add(one.path)
                yield one


def base_backups(items: Items) -> list[BaseBackup]:
    """All base backups of a source, by their native names."""
    groups: dict[str, dict[str, Item]] = {}
    for item in items.of(*KINDS):
        backup = item.meta.get("backup")
        if not backup:
            continue
        # A backup that was acquired twice: of each file, what was there at last.
        held = groups.setdefault(str(backup), {})
        before = held.get(item.native)
        if before is None or before.acquisition < item.acquisition:
            held[item.native] = item
    return [
        BaseBackup(native, tuple(held.values()), _label(items, tuple(held.values())), items)
        for native, held in sorted(groups.items())
    ]


def _members(backup: BaseBackup, tell: Callable[[Refused], object]) -> Iterator[Member]:
    manifests = backup.of(MANIFEST)
    if manifests:
        from collectors.postgres.repositories.members import manifest_members

        yield from manifest_members(backup, manifests[0], tell)
        return
    tars = backup.of(TAR)
    for item in tars:
        path = backup.source.path(item)
        with unpacked(path, item.native) as stream:
            yield from tar_members(stream, item.native, tar_folder(item.native), tell)
    for item in backup.items:
        # What was read out of a tar comes with it.
        if item.kind in {TAR, BARMAN, WALG_METADATA} or item.meta.get("inside"):
            continue
        place = safe(str(item.meta.get("path") or item.native.removeprefix(f"{backup.native}/")))
        if not place:
            tell(Refused(item.native, "a path that leaves the folder"))
            continue
        file = backup.source.path(item)
        yield Member(
            path=place,
            kind="file",
            size=item.size,
            mode=0,
            mtime=_iso(item.meta.get("modified")),
            opened=lambda file=file: file.open("rb"),  # type: ignore[misc]
        )


def _label(items: Items, held: Sequence[Item]) -> Label | None:
    # A restored server keeps the label of its own backup under another name.
    named = sorted(
        (item for item in held if item.kind == "pg.backup-label"),
        key=lambda item: item.native.endswith(".old"),
    )
    for item in named:
        with items.path(item).open("rb") as file:
            label = read_label(file.read(MAX_TEXT))
        if label is not None and not item.native.endswith(".old"):
            return label
    return None


def _iso(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None
