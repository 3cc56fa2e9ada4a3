"""RFC 3161 tokens of a real TSA: which are anchors, which mere assertions, and what they bind."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import recon
from tests.cases import LOG, line
from tests.collectors.anchors.stamped import (
    MADE,
    NOON,
    ROOM,
    SECOND,
    case,
    collected,
    openssl,
    said,
    stamped,
    token,
)
from tests.tsa import Authority, authority, run


def test_a_verified_token_is_utc_as_far_as_its_accuracy(tmp_path: Path, tsa: Authority):
    made = collected(stamped(tmp_path, tsa))
    row = token(made)
    assert (row["clock"], row["basis"]) == ("utc", "stamped")
    assert (row["earliest"], row["latest"]) == (NOON - ROOM, NOON + SECOND + ROOM)
    assert row["actor"] == "CN=Example TSA,O=Example"
    assert openssl(tmp_path)
    assert not said(made)


def test_it_bounds_the_clock_of_what_it_stamps_from_one_side(tmp_path: Path, tsa: Authority):
    """11:59:50 was written before 12:00:02.5 UTC: the log is no more than 12.5 s behind."""
    found = collected(stamped(tmp_path, tsa)).clocks()
    (one,) = found.ahead["log:deploys"]
    assert one.high is None
    assert one.low is not None
    assert -12_500_000 <= one.low + 1_000 < -12_400_000
    assert [ground.name for ground in one.grounds] == ["timestamp"]
    assert found.ahead["examiner"] == []


def test_a_log_that_is_stamped_before_it_was_written_is_ahead(tmp_path: Path, tsa: Authority):
    """Records of noon in bytes that a TSA saw at eleven: the log's clock is an hour ahead."""
    found = collected(stamped(tmp_path, tsa, NOON - timedelta(hours=1))).clocks()
    (one,) = found.ahead["log:deploys"]
    assert one.low is not None
    assert one.low > 3580 * 1_000_000


def test_a_token_over_other_bytes_binds_nothing(tmp_path: Path, tsa: Authority):
    made = stamped(tmp_path, tsa)
    with (tmp_path / "deploys.jsonl").open("a") as log:
        log.write(json.dumps(line("2026-03-08T11:59:55Z", version="3")) + "\n")
    found = collected(made).clocks()
    assert found.ahead["log:deploys"] == []
    assert [(one.count, one.used) for one in found.anchors] == [(1, 0)]
    assert not openssl(tmp_path)


def test_a_certificate_that_had_expired_makes_no_anchor(tmp_path: Path):
    made = collected(stamped(tmp_path / "case", authority(tmp_path / "tsa", MADE, days=30)))
    assert (token(made)["clock"], token(made)["basis"]) == ("tsa:seals", "asserted")
    assert "certificate has expired" in said(made).lower() or "verify error" in said(made).lower()
    assert not openssl(tmp_path / "case")
    assert made.clocks().ahead["log:deploys"] == []


def test_one_that_has_expired_since_is_one(tmp_path: Path):
    """Certificates of January for ninety days: they held in March, whatever they do now."""
    made = collected(stamped(tmp_path / "case", authority(tmp_path / "tsa", MADE, days=90)))
    assert token(made)["clock"] == "utc"
    assert openssl(tmp_path / "case")


def test_whatever_byte_is_altered_nothing_else_is_verified(tmp_path: Path, tsa: Authority):
    from collectors.anchors import tokens

    made = stamped(tmp_path, tsa)
    del made
    data = (tmp_path / "log.tsr").read_bytes()
    roots = tokens.certificates(tsa.root.read_bytes())
    whole = tokens.read(data)
    assert tokens.verify(whole, roots, ()) == ""
    refused = 0
    for at in range(0, len(data), 23):
        altered = bytearray(data)
        altered[at] ^= 0x01
        try:
            found = tokens.read(bytes(altered))
        except ValueError:
            refused += 1
            continue
        if tokens.verify(found, roots, ()):
            refused += 1
        else:
            same = ("algorithm", "imprint", "generated", "accuracy", "serial", "policy")
            assert all(getattr(found, name) == getattr(whole, name) for name in same), at
    assert refused > 50


def test_an_altered_token_is_told_and_stops_nothing(tmp_path: Path, tsa: Authority):
    made = stamped(tmp_path, tsa)
    data = bytearray((tmp_path / "log.tsr").read_bytes())
    data[-20] ^= 0xFF
    (tmp_path / "log.tsr").write_bytes(data)
    collected(made)
    assert token(made)["clock"] == "tsa:seals"
    assert "signature" in said(made)
    assert not openssl(tmp_path)


@pytest.mark.parametrize("year", [b"0001", b"9999"])
def test_a_token_at_the_end_of_the_calendar_is_told_and_stops_nothing(
    tmp_path: Path, tsa: Authority, year: bytes
):
    made = stamped(tmp_path, tsa)
    response = tmp_path / "log.tsr"
    response.write_bytes(response.read_bytes().replace(b"20260308120000Z", year + b"0308120000Z"))
    collected(made)
    assert f"a token of the year {int(year)}" in said(made)


def test_damage_within_the_certificate_of_a_token_stops_nothing(tmp_path: Path, tsa: Authority):
    from collectors.anchors import tokens

    (tmp_path / "data").write_bytes(b"bytes")
    tsa.stamp(tmp_path / "data", tmp_path / "own.tsr", NOON)
    data = (tmp_path / "own.tsr").read_bytes()
    certificate = tokens.read(data).response.signed_data.certificates.pop()
    start = data.index(certificate)
    for at in range(start, start + len(certificate)):
        altered = data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :]
        try:
            read = tokens.read(altered)
        except ValueError:
            continue
        assert tokens.signer(read, ())


def test_bytes_that_are_no_token_are_named_and_the_rest_is_read(tmp_path: Path, tsa: Authority):
    made = stamped(tmp_path, tsa)
    (tmp_path / "log.tsr").write_bytes(b"\x1b[31mno token")
    collected(made)
    assert "expected an RFC 3161 response or token in DER" in said(made)
    assert made.timeline().filter(pl.col("source") == "deploys").collect().height > 0


def test_a_token_that_does_not_say_how_accurate_it_is_needs_someone_who_does(tmp_path: Path):
    tsa = authority(tmp_path / "tsa", MADE, accuracy="")
    made = collected(stamped(tmp_path / "case", tsa))
    assert token(made)["clock"] == "tsa:seals"
    assert "how accurate its time is" in said(made)
    told = tmp_path / "case" / "case.toml"
    told.write_text(told.read_text() + "accuracy = 1.5\n")
    made = recon.open(tmp_path / "case")
    row = token(made)
    assert (row["clock"], row["latest"]) == ("utc", NOON + SECOND + ROOM)


def test_a_bare_token_says_what_its_response_does(tmp_path: Path, tsa: Authority):
    made = stamped(tmp_path, tsa)
    response = tmp_path / "log.tsr"
    run("openssl", "ts", "-reply", "-in", response, "-token_out", "-out", tmp_path / "log.tst")
    response.write_bytes((tmp_path / "log.tst").read_bytes())
    row = token(collected(made))
    assert (row["clock"], row["latest"]) == ("utc", NOON + SECOND + ROOM)
    quote, _ = made.quote("seals", f"{row['item'][:16]}:{row['citation']}#{row['part']}")
    shown = run("bash", "-c", quote.how.replace("ITEM", str(made.path_of(row["item"]))))
    assert "Mar  8 12:00:00 2026 GMT" in shown


@pytest.mark.parametrize("digest", ["sha256", "sha512"])
def test_a_list_of_digests_that_is_stamped_stamps_what_it_lists(
    tmp_path: Path, tsa: Authority, digest: str
):
    made = case(tmp_path, {"tokens": ["log.tsr"], "roots": ["ca.pem"], "data": ["SHA256SUMS"]})
    (tmp_path / "ca.pem").write_bytes(tsa.root.read_bytes())
    sums = run("sha256sum", tmp_path / "deploys.jsonl")
    (tmp_path / "SHA256SUMS").write_text(sums)
    tsa.stamp(tmp_path / "SHA256SUMS", tmp_path / "log.tsr", NOON, digest=digest)
    found = collected(made).clocks()
    assert [one.low is not None for one in found.ahead["log:deploys"]] == [True]
    assert [(one.count, one.used) for one in found.anchors] == [(1, 1)]


def test_a_token_over_a_sha1_is_no_anchor(tmp_path: Path, tsa: Authority):
    made = collected(stamped(tmp_path, tsa, digest="sha1"))
    assert token(made)["clock"] == "tsa:seals"
    assert "sha1" in said(made)


def test_the_timeline_is_the_same_bytes_each_time(tmp_path: Path, tsa: Authority):
    made = collected(stamped(tmp_path, tsa))
    assert made.build().files == made.build().files


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "`tokens` or `ntp`"),
        ({"tokens": ["a.tsr"], "accuracy": 0}, "greater than 0"),
        ({"tokens": ["a.tsr", "a.tsr"]}, "each file once"),
        ({"tokens": ["a.tsr"], "root": ["ca.pem"]}, "a key that is known here"),
    ],
)
def test_options_that_mean_nothing_are_refused(tmp_path: Path, options: dict[str, Any], said: str):
    with pytest.raises(recon.errors.CaseError, match=said):
        case(tmp_path, options)


def test_a_file_that_is_not_there_is_one_failure_and_the_rest_is_read(
    tmp_path: Path, tsa: Authority
):
    made = stamped(tmp_path, tsa)
    (tmp_path / "ca.pem").unlink()
    failures = [one for each in made.collect() for one in each.failures]
    assert [native for native, _ in failures] == ["ca.pem"]
    assert token(made)["clock"] == "tsa:seals"


def test_a_record_that_names_the_token_came_after_it(tmp_path: Path, tsa: Authority):
    """`deploys` is stamped at noon; a second log, an hour behind, notes the token's digest."""
    made = stamped(tmp_path, tsa)
    digest = run("sha256sum", tmp_path / "log.tsr").split()[0]
    (tmp_path / "notes.jsonl").write_text(json.dumps(line("2026-03-08T11:00:10Z", digest)) + "\n")
    text = (tmp_path / "case.toml").read_text()
    notes = LOG.format(id="notes", domain="other", path="notes.jsonl")
    (tmp_path / "case.toml").write_text(text + notes)
    found = collected(recon.open(tmp_path)).clocks()
    del made
    (one,) = found.ahead["log:notes"]
    assert one.low is None
    assert one.high is not None
    # Written after 11:59:58.5 UTC, and read as 11:00:10 and the second that this covers.
    assert -3590 * 1_000_000 < one.high < -3580 * 1_000_000
