"""What ``case.toml`` may say, and claims over hostile keys."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from collectors.s3 import claims, collector
from collectors.s3.options import S3Claim, S3Options


@pytest.mark.parametrize(
    ("url", "bucket", "prefix"),
    [
        ("s3://acme-models", "acme-models", ""),
        ("s3://acme-models/", "acme-models", ""),
        ("s3://acme-models/a b/{c}", "acme-models", "a b/{c}"),
    ],
)
def test_url(url: str, bucket: str, prefix: str) -> None:
    options = S3Options(url=url)
    assert (options.bucket, options.prefix) == (bucket, prefix)


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "https://acme-models/"},
        {"url": "s3://"},
        {"url": "s3://a{b}/"},
        {"url": "s3://b00/" + "x" * 1025},
        {"url": "s3://b00/", "endpoint": "ftp://host"},
        {"url": "s3://b00/", "endpoint": "https://key:secret@host/"},
        {"url": "s3://b00/", "endpoint": "https://host/?X-Amz-Signature=1"},
        {"url": "s3://b00/", "exports": [{"path": "x", "taken": "last week"}]},
        {"url": "s3://b00/", "head": "some"},
        {"url": "s3://b00/", "secret": "x"},
    ],
)
def test_what_is_wrong_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        S3Options.model_validate(wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": "m/{a}/{a}", "subject": "model:{a}"},
        {"key": "m/{a}", "subject": "model:{b}"},
        {"key": "m/{a}"},
    ],
)
def test_a_claim_whose_subject_the_key_does_not_give_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        S3Claim.model_validate(wrong)


CLAIM = S3Claim(key="m/{model}/{version}/model.bin", subject="model:{model}@{version}")


@given(st.text(max_size=8), st.text(max_size=8), st.sampled_from(["", "\n", "/", ".", "x"]))
def test_a_claim_selects_whole_keys_and_fields_hold_no_slash(a: str, b: str, tail: str) -> None:
    key = f"m/{a}/{b}/model.bin{tail}"
    frame = pl.DataFrame({"key": [key]}, schema={"key": pl.String()})
    made = frame.select(claims.subject(CLAIM)).item()
    whole = a and b and "/" not in a + b and not tail
    assert made == (f"model:{a}@{b}" if whole else None)
    assert frame.select(claims.matches(CLAIM)).item() == (made is not None)


def test_a_key_without_fields_is_one_subject() -> None:
    claim = S3Claim(key="prod/model.bin", subject="model:prod")
    frame = pl.DataFrame({"key": ["prod/model.bin", "prod/model.bin.old"]})
    assert frame.select(claims.subject(claim)).to_series().to_list() == ["model:prod", None]


def test_the_example_is_what_the_models_take() -> None:
    [source] = tomllib.loads(collector.example)["source"]
    [claim] = source.pop("claim")
    for name in ("id", "collector", "domain"):
        source.pop(name)
    # Its comments are options too.
    commented = re.findall(r"^# (\w+ = .*)$", collector.example, re.MULTILINE)
    for line in commented:
        source |= tomllib.loads(line)
    assert collector.options.model_validate(source)
    assert collector.claim is not None
    assert collector.claim.model_validate(claim)
    assert len(commented) == 2


def test_importing_the_collector_imports_no_client() -> None:
    heavy = ("boto3", "botocore", "lxml", "moto")
    script = f"import sys, collectors.s3; print([m for m in {heavy!r} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert out.stdout.strip() == "[]"
