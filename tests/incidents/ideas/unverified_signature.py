"""A release is tagged with an SSH key, which the case gives."""

from __future__ import annotations

import subprocess
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.collectors.git.repositories import Repository
from tests.incidents.code import hand_over, repository
from tests.incidents.forge import RELEASES, TAG
from tests.incidents.stage import M1, Stage, Truth

IS_LONG = True
RULE = "unverified-signature"
_MADE, _SIGNED = "2026-02-14T09:30:00Z", "2026-02-14T10:00:00Z"


def made(path: Path) -> str:
    """Write a key that is the same each time, as what it signs then is; the public key.

    Among records of one time those with the lower hash come first, and are the ones told of.
    """
    key = Ed25519PrivateKey.from_private_bytes(b"a" * 32)
    form = PrivateFormat.OpenSSH
    path.write_bytes(key.private_bytes(Encoding.PEM, form, NoEncryption()))
    path.chmod(0o600)
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    path.with_suffix(".pub").write_text(public + "\n")
    return public + "\n"


def signed(stage: Stage, *, allowed: str = 'namespaces="git"') -> tuple[Repository, list[str]]:
    """Two commits, the first of which is signed and tagged by signature; how to sign more."""
    code = repository(stage)
    key = code.path.parent / "key"
    public = made(key)
    (stage.folder / "allowed").write_text(f"ada@acme.example {allowed} {public}")
    signing = ["-c", "gpg.format=ssh", "-c", f"user.signingkey={key}"]
    code(*signing, "commit", "-q", "--allow-empty", "-S", "-m", "one", when=_MADE)
    code(*signing, "tag", "-s", "-m", "m1 1", "m1-v1", when=_SIGNED)
    code.commit("two", "2026-02-15T09:30:00Z")
    return code, signing


def given(stage: Stage, code: Repository) -> None:
    hand_over(stage, code, keys=["allowed"], claims=[RELEASES])


def incident(stage: Stage) -> Truth:
    """The tag was made to name the second commit, with its signature and a date from before it."""
    code, _ = signed(stage)
    first, second = code("rev-parse", "main~1"), code("rev-parse", "main")
    text = code("cat-file", "tag", "m1-v1").replace(first, second) + "\n"
    forged = code.object("tag", text.encode())
    code("update-ref", TAG, forged, when="2026-03-09T09:30:00Z")
    given(stage, code)
    return {
        (RULE, "conflict", f"git:code/tag/{forged}"),
        ("impossible-order", "undetermined", M1),
    }


def incident_commit(stage: Stage) -> Truth:
    """The second commit has the signature of the first one."""
    code, _ = signed(stage)
    text = code("cat-file", "commit", "main~1").replace("\n\none", "\n\nnot one") + "\n"
    forged = code.object("commit", text.encode())
    code("update-ref", "refs/heads/main", forged, when="2026-03-09T09:30:00Z")
    given(stage, code)
    return {(RULE, "conflict", f"git:code/commit/{forged}")}


def innocent(stage: Stage) -> Truth:
    """The tag was set to the second commit, and signed anew."""
    code, signing = signed(stage)
    code(*signing, "tag", "-f", "-s", "-m", "m1 1", "m1-v1", "main", when="2026-03-09T09:30:00Z")
    given(stage, code)
    return set()


def innocent_expired_since(stage: Stage) -> Truth:
    """The key was one to sign with until the end of February."""
    code, _ = signed(stage, allowed='namespaces="git",valid-before="20260301Z"')
    given(stage, code)
    return set()


def innocent_two_keys(stage: Stage) -> Truth:
    """Two files of keys are given, for two people; each signed what is theirs."""
    code, _ = signed(stage)
    key = code.path.parent / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    (stage.folder / "others").write_text(
        f'ci@acme.example namespaces="git" {key.with_suffix(".pub").read_text()}'
    )
    signing = ("-c", "gpg.format=ssh", "-c", f"user.signingkey={key}")
    code(
        *signing, "commit", "-q", "--allow-empty", "-S", "-m", "three", when="2026-02-16T09:30:00Z"
    )
    hand_over(stage, code, keys=["allowed", "others"], claims=[RELEASES])
    return set()


def innocent_merged_in_the_forges_page(stage: Stage) -> Truth:
    """The forge signed a merge with a key of its own, which nobody gave: who knows."""
    code, _ = signed(stage)
    key = code.path.parent / "forge"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    signing = ("-c", "gpg.format=ssh", "-c", f"user.signingkey={key}")
    code(
        *signing, "commit", "-q", "--allow-empty", "-S", "-m", "merge", when="2026-02-16T09:30:00Z"
    )
    merge = code("rev-parse", "main")
    given(stage, code)
    return {(RULE, "undetermined", f"git:code/commit/{merge}")}
