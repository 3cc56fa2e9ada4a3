"""What the other media write down: a deploy log, a bucket, a repository."""

from __future__ import annotations

from typing import Self

from tests.stories.telling import Telling, at


class Media(Telling):
    """The sources ``deploys``, ``models``, ``code`` and ``forge``."""

    def deployed(self, time: str, model: str, **attributes: str) -> Self:
        item = self.item()
        subject = f"model:{model}@1"
        self.event(
            "deploys",
            "deploy.finish",
            subject,
            time,
            item=item,
            citation="line 1",
            clock="log:deploys",
            basis="asserted",
        )
        for part, (name, value) in enumerate(attributes.items(), 1):
            digest = value if ":" in value else None
            self.event(
                "deploys",
                "claim",
                subject,
                time,
                item=item,
                citation="line 1",
                part=part,
                attribute=name,
                value=value.split(":")[-1],
                digest=digest,
                clock="log:deploys",
                basis="asserted",
            )
        return self

    def stored(self, time: str, model: str, digest: str, attribute: str = "artifact") -> Self:
        return self.event(
            "models",
            "claim",
            f"model:{model}@1",
            time,
            attribute=attribute,
            value=digest.removeprefix("sha256:"),
            digest=digest,
            clock="s3:models",
            basis="stamped",
        )

    def listing(self, time: str, *versions: tuple[str, str, str], source: str = "models") -> Self:
        """A complete listing of the bucket: (key, version id, stored at)."""
        item = self.item()
        self.event(source, "snapshot", "s3:bucket", time, item=item, citation="")
        self.cover(source, "object.*", "s3:bucket/*", time, time, item)
        for key, version, stored in versions:
            self.event(
                source,
                "object.put",
                f"s3:bucket/{key}",
                stored,
                item=item,
                value=version,
                clock="s3:models",
                basis="stamped",
                names=[f"s3:bucket/{key}?versionId={version}"],
            )
        return self

    def committed(
        self,
        name: str,
        *parents: str,
        time: str = "01:00",
        tree: str | None = None,
        title: str = "",
        authored: str | None = None,
        who: str = "a@b",
    ) -> Self:
        """A commit; with ``tree`` as the collector gives it, with title, author and his time."""
        item, citation = self.item(), f"commit {commit(name)}"
        names = [f"git:{commit(one)}" for one in ([tree] if tree else []) + list(parents)]
        subject = f"git:code/commit/{commit(name)}"
        self.event(
            "code",
            "git.commit",
            subject,
            time,
            digest=f"git:{commit(name)}",
            value=f"parents={len(parents)} title={title}" if tree else None,
            names=names,
            clock=f"git:committer:{who}",
            basis="asserted",
            item=item,
            citation=citation,
        )
        if tree:
            author = {"clock": "git:author:a@b", "basis": "asserted", "part": 1}
            self.event(
                *("code", "git.author", subject, authored or time),
                item=item,
                citation=citation,
                **author,
            )
        return self

    def clone(self, value: str, since: str, until: str | None = None, **refs: str) -> Self:
        """A clone's refs, ``heads_main="c1"``, as of a time, or of some time between two."""
        item = self.item()
        self.event("code", "snapshot", "git:code", since, item=item, citation="", value=value)
        self.rows[-1] |= {"clock": "examiner", "latest": at(until or since)}
        for name, target in refs.items():
            ref = f"refs/{name.replace('_', '/')}"
            self.event(
                *("code", "git.ref", f"git:code/{ref}"),
                item=item,
                digest=f"git:{commit(target)}",
                citation=f"ref {ref}",
            )
        return self

    def pushed(
        self,
        time: str | None,
        ref: str,
        old: str | None,
        new: str | None,
        place: str = "github:a/b",
    ) -> Self:
        """A forge's record of a push."""
        sides = [commit(one) if one else "0" * 40 for one in (old, new)]
        return self.event(
            "forge",
            "github.push",
            f"{place}/{ref}",
            time,
            value=" ".join(sides),
            digest=f"git:{sides[1]}" if new else None,
            clock="log:forge",
            basis="stamped",
        )

    def tagged(self, ref: str, name: str, model: str) -> Self:
        """What the case reads out of a tag."""
        return self.event(
            "code",
            "claim",
            f"model:{model}@1",
            attribute="commit",
            value=commit(name),
            digest=f"git:{commit(name)}",
            citation=f"ref {ref}",
        )

    def ref(self, name: str, target: str) -> Self:
        return self.event(
            "code",
            "git.ref",
            f"git:code/{name}",
            digest=f"git:{commit(target)}",
            citation=f"ref {name}",
        )

    def moved(self, time: str, ref: str, old: str, new: str) -> Self:
        return self.event(
            "code",
            "git.reflog",
            f"git:code/{ref}",
            time,
            value=f"{commit(old)} {commit(new)}",
            digest=f"git:{commit(new)}",
            clock="git:code/reflog",
            basis="stamped",
        )

    def whole_history(self) -> Self:
        return self.cover("code", "git.commit", "git:code/*")


def commit(name: str) -> str:
    """A commit id for a name: ``c1`` is 40 digits that begin with its own hash."""
    import hashlib

    return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()
