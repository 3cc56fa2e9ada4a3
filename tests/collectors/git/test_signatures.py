"""Signed commits and tags: verified with the keys that the case gives, and no others.

Keys are made by gpg, ssh-keygen and openssl; git itself signs, and verifies what we do.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.git.signatures import openpgp, split, ssh
from tests.collectors.git.repositories import Collected, Repository
from tests.tsa import run as openssl


class Signer:
    """Keys of all three sorts, in a home of their own."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "signer"
        self.home.mkdir(mode=0o700)
        self.gpg("--passphrase", "", "--quick-gen-key", "Ada <ada@acme.example>", "ed25519", "sign")
        (folder / "ada.asc").write_bytes(self.gpg("--armor", "--export", "ada"))
        self.ssh = self.home / "ssh"
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.ssh)]
        subprocess.run(words, check=True)
        public = self.ssh.with_suffix(".pub").read_text()
        (folder / "allowed").write_text(f'ada@acme.example namespaces="git" {public}')

    def gpg(self, *words: str) -> bytes:
        command = ["gpg", "--homedir", str(self.home), "--batch", "--quiet", *words]
        return subprocess.run(command, check=True, capture_output=True).stdout

    def end(self) -> None:
        words = ["gpgconf", "--homedir", str(self.home), "--kill", "all"]
        subprocess.run(words, check=False)


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory):
    # Sockets of gpg's agent have short paths.
    one = Signer(tmp_path_factory.mktemp("k"))
    yield one
    one.end()


@pytest.fixture
def signed(work: Repository, signer: Signer) -> Repository:
    """A commit by OpenPGP, a tag by OpenPGP, a commit and a tag by SSH, one that is not signed."""
    for name in ("ada.asc", "allowed"):
        (work.path.parent / name).write_bytes((signer.home.parent / name).read_bytes())
    gpg = work.path.parent / "gpg"
    gpg.write_text(f'#!/bin/sh\nexec gpg --homedir {signer.home} "$@"\n')
    gpg.chmod(0o755)
    pgp = ("-c", f"gpg.program={gpg}", "-c", "user.signingkey=ada@acme.example")
    own = ("-c", "gpg.format=ssh", "-c", f"user.signingkey={signer.ssh}")
    work.commit("plain", "2026-02-14T09:00:00Z")
    work(*pgp, "commit", "-q", "--allow-empty", "-S", "-m", "by gpg", when="2026-02-15T09:00:00Z")
    work(*pgp, "tag", "-s", "-m", "by gpg", "v1", when="2026-02-15T10:00:00Z")
    work(*own, "commit", "-q", "--allow-empty", "-S", "-m", "by ssh", when="2026-02-16T09:00:00Z")
    work(*own, "tag", "-s", "-m", "by ssh", "v2", when="2026-02-16T10:00:00Z")
    return work


def statuses(got: Collected) -> list[str]:
    values = got.kind("git.signature").sort("subject")["value"]
    return sorted(value.split(" key=")[0] for value in values)


@pytest.mark.usefixtures("signed")
def test_signatures_are_verified_with_the_keys_that_are_given(tmp_path: Path):
    got = Collected(tmp_path / "case", path="models", keys=("ada.asc", "allowed"))
    assert not got.failures
    assert statuses(got) == ["status=good format=openpgp"] * 2 + ["status=good format=ssh"] * 2
    rows = list(got.kind("git.signature").iter_rows(named=True))
    assert {row["actor"] for row in rows} == {"Ada <ada@acme.example>", "ada@acme.example"}
    dated = [row for row in rows if "openpgp" in row["value"]]
    assert all(row["earliest"] and row["basis"] == "asserted" for row in dated)


@pytest.mark.usefixtures("signed")
def test_without_its_key_a_signature_is_unknown(tmp_path: Path):
    got = Collected(tmp_path / "case", path="models")
    assert statuses(got) == ["status=unknown format=openpgp"] * 2 + [
        "status=unknown format=ssh"
    ] * 2  # fmt: skip
    assert all(" key=" in value for value in got.kind("git.signature")["value"])


def test_a_signature_of_other_bytes_is_bad(signed: Repository, tmp_path: Path):
    """The signature of each object stands in another with a word changed; git says so too."""
    changed = []
    for kind, name in (("commit", "HEAD~1"), ("commit", "HEAD"), ("tag", "v1"), ("tag", "v2")):
        text = signed("cat-file", kind, name).replace("by ", "not by ") + "\n"
        changed.append(signed.object(kind, text.encode()))
        allowed = ("-c", f"gpg.ssh.allowedSignersFile={signed.path.parent / 'allowed'}")
        gpg = ("-c", f"gpg.program={signed.path.parent / 'gpg'}")
        signed(*gpg, *allowed, f"verify-{kind}", name)
        with pytest.raises(AssertionError):
            signed(*gpg, *allowed, f"verify-{kind}", changed[-1])
    got = Collected(tmp_path / "case", path="models", keys=("ada.asc", "allowed"))
    told = got.kind("git.signature")
    # These letters are hexadecimal digits too.
    bad = told.filter(told["value"].str.starts_with("status=bad "))
    assert sorted(row.rpartition("/")[2] for row in bad["subject"]) == sorted(changed)


def test_a_key_that_is_allowed_at_another_time_leaves_it_open(signed: Repository, tmp_path: Path):
    allowed = signed.path.parent / "allowed"
    text = allowed.read_text().replace("namespaces", 'valid-before="20200101",namespaces')
    allowed.write_text(text)
    got = Collected(tmp_path / "case", path="models", keys=("allowed",))
    assert statuses(got).count("status=doubtful format=ssh") == 2
    assert "at other times alone" in got.said()


@pytest.mark.usefixtures("signed")
def test_the_users_own_keys_are_not_heard(
    signer: Signer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GNUPGHOME", str(signer.home))
    monkeypatch.setenv("HOME", str(signer.home))
    got = Collected(tmp_path / "case", path="models")
    assert {value.split()[0] for value in got.kind("git.signature")["value"]} == {"status=unknown"}


def test_x509_is_verified_against_the_roots_that_are_given(work: Repository, tmp_path: Path):
    ca, key = tmp_path / "ca.pem", tmp_path / "key.pem"
    new = ("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-x509", "-days", "3650")
    openssl(*new, "-keyout", key, "-out", ca, "-subj", "/CN=Ada")
    work.commit("one", "2027-02-14T09:00:00Z")
    good = with_cms(work, ca, key, "2027-02-14T09:00:00Z")
    bad = work.object("commit", good.replace(b"signed", b"forgot"))
    name = work.object("commit", good)
    got = Collected(tmp_path / "case", path="models", keys=("ca.pem",))
    found = dict(got.kind("git.signature").select("subject", "value").iter_rows())
    assert found[f"git:code/commit/{name}"].startswith("status=good format=x509 key=")
    assert found[f"git:code/commit/{bad}"] == "status=bad format=x509"
    without = Collected(tmp_path / "other", path="models")
    values = dict(without.kind("git.signature").select("subject", "value").iter_rows())
    assert values[f"git:code/commit/{name}"].startswith("status=unknown format=x509 key=")


def with_cms(work: Repository, certificate: Path, key: Path, when: str) -> bytes:
    """A commit as gpgsm and smimesign sign it."""
    tree = work("rev-parse", "HEAD^{tree}")
    name = work("commit-tree", "-m", "signed", tree, when=when)
    text = (work("cat-file", "commit", name) + "\n").encode()
    (work.path / "text").write_bytes(text)
    words = ("openssl", "cms", "-sign", "-binary", "-outform", "PEM", "-in", work.path / "text")
    pem = openssl(*words, "-signer", certificate, "-inkey", key)
    armor = pem.replace("CMS", "SIGNED MESSAGE").strip().replace("\n", "\n ")
    head, _, body = text.partition(b"\n\n")
    return head + b"\ngpgsig " + armor.encode() + b"\n\n" + body


def test_what_is_no_signature_and_no_key_is_said(work: Repository, tmp_path: Path):
    one = work.commit("one", "2026-02-14T09:00:00Z")
    text = (work("cat-file", "commit", one) + "\n").encode()
    for word in ("nonsense", "-----BEGIN PGP SIGNATURE-----", "-----BEGIN SSH SIGNATURE-----"):
        work.object("commit", text.replace(b"\n\n", f"\ngpgsig {word}\n\n".encode(), 1))
    (tmp_path / "text").write_text("hello")
    got = Collected(tmp_path / "case", path="models", keys=("text", "none"))
    assert [name for name, _ in got.failures] == ["none"]
    assert "found neither" in got.said()
    values = got.kind("git.signature")["value"].to_list()
    assert len(values) == 3
    assert all(value.startswith("status=doubtful") for value in values)


def test_a_signature_in_another_encoding_is_of_the_bytes(signed: Repository, tmp_path: Path):
    gpg = signed.path.parent / "gpg"
    words = ("-c", f"gpg.program={gpg}", "-c", "user.signingkey=ada@acme.example")
    words += ("-c", "i18n.commitEncoding=ISO-8859-1")
    message = signed.path.parent / "message"
    message.write_bytes(b"Zo\xeb\n")
    signed(*words, "commit", "-q", "--allow-empty", "-S", "-F", os.fspath(message))
    name = signed("rev-parse", "HEAD")
    got = Collected(tmp_path / "case", path="models", keys=("ada.asc",))
    (row,) = got.kind("git.signature").filter(subject=f"git:code/commit/{name}").rows(named=True)
    assert row["value"].startswith("status=good")


@given(st.binary(max_size=300))
def test_no_bytes_break_the_readers(data: bytes):
    assert isinstance(openpgp.issuer_of(data), str)
    ssh.public_key(data)
    split("tag", b"object x\n\n" + data, None)
    split("commit", b"tree x\ngpgsig " + data, None)
