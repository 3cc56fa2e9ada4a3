"""From a citation back to words, and a stock command that shows the same."""

from __future__ import annotations

import json
import re
from typing import Any, cast

import pytest
from lxml import etree

from collectors.s3 import collector
from recon.collector import Item
from recon.errors import BadInputError
from recon.evidence import CaseItems
from tests.corpus.s3 import expected


@pytest.fixture(scope="module")
def one_second(tmp_path_factory: pytest.TempPathFactory) -> tuple[CaseItems, dict[str, Item]]:
    _, items = expected.read("one-second", tmp_path_factory.mktemp("case"))
    return items, {item.kind: item for item in items}


def test_an_element_stands_as_its_bytes(one_second: tuple[CaseItems, dict[str, Item]]) -> None:
    items, by_kind = one_second
    item = by_kind["s3.listing-page"]
    quoted = collector.quote(
        expected.source("one-second"), items, item, "/ListVersionsResult/DeleteMarker[1]"
    )
    assert quoted.verbatim
    assert quoted.text.startswith("<DeleteMarker><Key>manifests/credit-risk.json</Key>")
    assert quoted.text.encode() in items.read(item)


def test_the_stock_command_leads_to_the_same_element(
    one_second: tuple[CaseItems, dict[str, Item]],
) -> None:
    items, by_kind = one_second
    item = by_kind["s3.listing-page"]
    quoted = collector.quote(
        expected.source("one-second"), items, item, "/ListVersionsResult/Version[2]"
    )
    [path] = re.findall(r'^xmllint --xpath "(.*)" ITEM$', quoted.how)
    root = etree.fromstring(items.read(item))
    [element] = cast("list[Any]", root.xpath(path))
    number = element.findtext("{*}VersionId")
    assert f"<VersionId>{number}</VersionId>" in quoted.text


def test_a_json_value_is_laid_out(one_second: tuple[CaseItems, dict[str, Item]]) -> None:
    items, by_kind = one_second
    item = by_kind["s3.cli-versions"]
    quoted = collector.quote(expected.source("one-second"), items, item, "/Versions/3")
    assert json.loads(quoted.text)["VersionId"] == "null"
    assert quoted.how == "jq --indent 4 '.Versions[3]' ITEM"


def test_a_page_as_a_whole_is_told_in_short(one_second: tuple[CaseItems, dict[str, Item]]) -> None:
    items, by_kind = one_second
    quoted = collector.quote(expected.source("one-second"), items, by_kind["s3.listing-page"], "")
    assert not quoted.verbatim
    assert "versions and delete markers: 5" in quoted.text


@pytest.mark.parametrize(
    "citation", ["/Versions/4", "/Versions/-1", "/Versions/0/Key/x", "/ListVersionsResult"]
)
def test_a_place_that_is_not_there(
    one_second: tuple[CaseItems, dict[str, Item]], citation: str
) -> None:
    items, by_kind = one_second
    with pytest.raises(BadInputError):
        collector.quote(expected.source("one-second"), items, by_kind["s3.cli-versions"], citation)
