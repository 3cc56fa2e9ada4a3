"""Whose tokens are believed: roots, further certificates, and what a certificate is for."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.collectors.anchors.stamped import (
    MADE,
    NOON,
    case,
    collected,
    openssl,
    said,
    stamped,
    token,
)
from tests.tsa import Authority, authority, run


def test_a_token_without_certificate_needs_it_from_elsewhere(tmp_path: Path, tsa: Authority):
    made = collected(stamped(tmp_path / "without", tsa, certificate=False))
    assert token(made)["clock"] == "tsa:seals"
    assert not openssl(tmp_path / "without")
    options = {"tokens": ["log.tsr"], "roots": ["ca.pem"], "certificates": ["tsa.pem"]}
    folder = tmp_path / "with"
    made = case(folder, options)
    (folder / "ca.pem").write_bytes(tsa.root.read_bytes())
    (folder / "tsa.pem").write_bytes(tsa.certificate.read_bytes())
    tsa.stamp(folder / "deploys.jsonl", folder / "log.tsr", NOON, certificate=False)
    assert token(collected(made))["clock"] == "utc"
    assert openssl(folder, "log.tsr", "-untrusted", "tsa.pem")


def test_a_tsa_of_another_root_is_not_trusted_even_with_its_certificate(
    tmp_path: Path, tsa: Authority
):
    other = authority(tmp_path / "other", MADE, name="Other TSA")
    folder = tmp_path / "case"
    made = case(folder, {"tokens": ["log.tsr"], "roots": ["ca.pem"], "certificates": ["tsa.pem"]})
    (folder / "ca.pem").write_bytes(tsa.root.read_bytes())
    (folder / "tsa.pem").write_bytes(other.certificate.read_bytes())
    other.stamp(folder / "deploys.jsonl", folder / "log.tsr", NOON, certificate=False)
    assert token(collected(made))["clock"] == "tsa:seals"
    assert not openssl(folder, "log.tsr", "-untrusted", "tsa.pem")


def test_a_root_among_the_further_certificates_is_trusted_for_nothing(
    tmp_path: Path, tsa: Authority
):
    other = authority(tmp_path / "other", MADE, name="Other TSA")
    folder = tmp_path / "case"
    options = {"tokens": ["log.tsr"], "roots": ["ca.pem"], "certificates": ["other.pem"]}
    made = case(folder, options)
    (folder / "ca.pem").write_bytes(tsa.root.read_bytes())
    (folder / "other.pem").write_bytes(other.root.read_bytes())
    other.stamp(folder / "deploys.jsonl", folder / "log.tsr", NOON)
    assert token(collected(made))["clock"] == "tsa:seals"
    assert not openssl(folder, "log.tsr", "-untrusted", "other.pem")


def test_a_trusted_root_that_stands_among_the_further_certificates_too_is_trusted(
    tmp_path: Path, tsa: Authority
):
    from collectors.anchors import tokens

    (tmp_path / "data").write_bytes(b"bytes")
    tsa.stamp(tmp_path / "data", tmp_path / "own.tsr", NOON)
    roots = tokens.certificates(tsa.root.read_bytes())
    assert tokens.verify(tokens.read((tmp_path / "own.tsr").read_bytes()), roots, roots) == ""


def test_a_root_whose_issuer_is_written_otherwise_is_trusted_for_nothing(
    tmp_path: Path, tsa: Authority
):
    """OpenSSL takes names that differ in case alone for one, and so such a root for a root."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    from collectors.anchors import tokens

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    key = rsa.generate_private_key(65537, 2048)
    own = (
        x509.CertificateBuilder()
        .subject_name(name("other tsa"))
        .issuer_name(name("OTHER TSA"))
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(MADE - timedelta(days=1))
        .not_valid_after(MADE + timedelta(days=900))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "own.pem").write_bytes(own.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "own.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    (tmp_path / "data").write_bytes(b"bytes")
    response, bare, told = (tmp_path / one for one in ("log.tsr", "token", "told"))
    tsa.stamp(tmp_path / "data", response, NOON)
    run("openssl", "ts", "-reply", "-in", response, "-token_out", "-out", bare)
    run("openssl", "cms", "-verify", "-noverify", "-inform", "DER", "-in", bare, "-out", told)
    sign = ["openssl", "cms", "-sign", "-cades", "-binary", "-nodetach", "-outform", "DER"]
    sign += ["-econtent_type", "1.2.840.113549.1.9.16.1.4", "-in", str(told), "-out", str(bare)]
    run(*sign, "-signer", tmp_path / "own.pem", "-inkey", tmp_path / "own.key", at=NOON)
    read = tokens.read(bare.read_bytes())
    assert tokens.verify(read, [own], ()) == ""
    assert tokens.verify(read, tokens.certificates(tsa.root.read_bytes()), [own]) != ""


def test_without_a_root_nothing_is_verified(tmp_path: Path, tsa: Authority):
    made = case(tmp_path, {"tokens": ["log.tsr"]})
    tsa.stamp(tmp_path / "deploys.jsonl", tmp_path / "log.tsr", NOON)
    assert token(collected(made))["clock"] == "tsa:seals"
    assert "names no root" in said(made)


@pytest.mark.parametrize(("usage", "sound"), [("timeStamping", True), ("serverAuth", False)])
def test_a_certificate_for_another_purpose_stamps_nothing(
    tmp_path: Path, tsa: Authority, usage: str, *, sound: bool
):
    """`openssl ts -reply` refuses such a signer, so what a TSA said is signed anew by it."""
    from collectors.anchors import tokens

    stamped(tmp_path / "case", tsa)
    response, bare, told = (tmp_path / name for name in ("case/log.tsr", "token", "told"))
    run("openssl", "ts", "-reply", "-in", response, "-token_out", "-out", bare)
    run("openssl", "cms", "-verify", "-noverify", "-inform", "DER", "-in", bare, "-out", told)
    other = authority(tmp_path / "other", MADE, usage=f"critical,{usage}")
    sign = ["openssl", "cms", "-sign", "-cades", "-binary", "-nodetach", "-outform", "DER"]
    sign += ["-econtent_type", "1.2.840.113549.1.9.16.1.4", "-in", str(told), "-out", str(bare)]
    run(*sign, "-signer", other.certificate, "-inkey", other.folder / "tsa.key", at=NOON)
    why = tokens.verify(
        tokens.read(bare.read_bytes()), tokens.certificates(other.root.read_bytes()), ()
    )
    assert (why == "") == sound, why


def test_a_token_that_names_no_certificate_in_what_is_signed_is_no_anchor(
    tmp_path: Path, tsa: Authority
):
    """As `openssl cms` signs without `-cades`: whose certificate lies beside it, nobody signed."""
    folder = tmp_path / "case"
    made = stamped(folder, tsa)
    response, bare, told = folder / "log.tsr", tmp_path / "token", tmp_path / "told"
    run("openssl", "ts", "-reply", "-in", response, "-token_out", "-out", bare)
    run("openssl", "cms", "-verify", "-noverify", "-inform", "DER", "-in", bare, "-out", told)
    sign = ["openssl", "cms", "-sign", "-binary", "-nodetach", "-outform", "DER"]
    sign += ["-econtent_type", "1.2.840.113549.1.9.16.1.4", "-in", str(told), "-out", str(response)]
    run(*sign, "-signer", tsa.certificate, "-inkey", tsa.folder / "tsa.key", at=NOON)
    assert token(collected(made))["clock"] == "tsa:seals"
    assert "no signed attribute that names the TSA's certificate" in said(made)
    assert not openssl(folder, "log.tsr", "-token_in")


def test_a_certificate_put_in_the_place_of_the_one_that_is_named_is_not_believed(tmp_path: Path):
    """Its TSA's had expired in March; another, of the same key, issuer and number, had not."""
    short = authority(tmp_path / "tsa", MADE, days=30)
    folder = tmp_path / "case"
    made = case(folder, {"tokens": ["log.tsr"], "roots": ["ca.pem"], "certificates": ["tsa.pem"]})
    (folder / "ca.pem").write_bytes(short.root.read_bytes())
    number = run("openssl", "x509", "-in", short.certificate, "-noout", "-serial")
    sign = ["openssl", "x509", "-req", "-in", short.folder / "tsa.csr", "-CA", short.root]
    sign += ["-CAkey", short.folder / "ca.key", "-days", "365", "-extfile"]
    sign += [short.folder / "extensions", "-set_serial", f"0x{number.strip().split('=')[1]}"]
    run(*sign, "-out", folder / "tsa.pem", at=MADE)
    short.stamp(folder / "deploys.jsonl", folder / "log.tsr", NOON, certificate=False)
    assert token(collected(made))["clock"] == "tsa:seals"
    assert "another certificate than the one that the signed attributes name" in said(made)
    assert not openssl(folder, "log.tsr", "-untrusted", "tsa.pem")
