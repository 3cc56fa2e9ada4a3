"""A record on the page: its words once, numbered as the source counts, its digest readable."""

from __future__ import annotations

import dataclasses
from base64 import b64encode
from datetime import UTC, datetime

from recon.collector import Item, Sha256
from reports.record import Record, converted, page

DIGEST = "e5ea0765354fda3c91061ef5e075a41fe8fb05c25b75a836559568be9a3b1045"
BASE64 = b64encode(bytes.fromhex(DIGEST)).decode()
AT = datetime(2026, 2, 14, 11, 29, 9, tzinfo=UTC)
ITEM = Item(Sha256("a" * 64), "models", "s3.head", "head.json", 12, "2026-11-20T10:00:00Z", 1)


def record(text: str, **event: object) -> Record:
    row = {
        "source": "models",
        "domain": "storage",
        "kind": "claim",
        "subject": "model:a@1",
        "clock": "s3:models",
        "basis": "stamped",
        "earliest": AT,
        "latest": AT,
        "citation": "line 7",
        "item": ITEM.sha256,
        **event,
    }
    return Record("A", "stored", row, text, "cat ITEM", verbatim=True, item=ITEM)


def facts(one: Record, same: Record | None = None) -> dict[str, str]:
    rows = page(one, lambda _: "data/NATIVES/X-1.json", same)["facts"]
    return {row["label"]: row["value"] for row in rows}


def test_lines_are_numbered_as_the_source_counts():
    shown = page(record("one\ntwo"), lambda _: "")
    assert shown["rows"] == [["7", "one"], ["8", "two"]]
    elsewhere = page(record("one", citation="lsn 0/16B3740"), lambda _: "")
    assert elsewhere["rows"] == [["1", "one"]]


def test_a_second_reading_of_one_place_refers_to_the_first():
    first = record("words")
    second = dataclasses.replace(first, label="B")
    shown = page(second, lambda _: "", first)
    assert shown["rows"] == []
    assert shown["note"] == "Same place as Record A"
    assert "Item SHA-256" not in facts(second, first)
    assert "Item SHA-256" in facts(first)


def test_a_stamped_time_says_who_wrote_it():
    told = facts(record("words"))["Time read"]
    assert told.startswith("2026-02-14T11:29:09Z by clock s3:models. Stamped: the medium wrote")
    assert "the client that uploads does not supply it" in told


def test_an_undated_record_says_so():
    told = facts(record("words", earliest=None, latest=None))["Time read"]
    assert told == "None: the record gives no time that can be read."


def test_a_digest_in_base64_is_given_in_hexadecimal():
    one = record(f'"ChecksumSHA256": "{BASE64}"', digest=f"sha256:{DIGEST}")
    assert converted(one) == (BASE64, DIGEST)
    assert facts(one)["Digest"] == f"base64 {BASE64} is hexadecimal {DIGEST}"


def test_a_digest_that_the_words_do_not_hold_is_not_claimed():
    assert converted(record("other words", digest=f"sha256:{DIGEST}")) is None
    assert converted(record(DIGEST, digest=f"sha256:{DIGEST}")) is None
    assert converted(record(BASE64, digest="md5:00")) is None
    assert converted(record(BASE64)) is None


def test_bytes_that_are_no_text_are_said_to_be_rendered():
    shown = page(dataclasses.replace(record("COMMIT …"), verbatim=False), lambda _: "")
    assert shown["note"] == (
        "A rendering of bytes that are not plain text. 1 characters here are not ASCII"
    )
