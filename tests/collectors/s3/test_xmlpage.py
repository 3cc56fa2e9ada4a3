"""Pages of XML: what they say, and that no page can say what its bytes do not."""

from __future__ import annotations

import re
from urllib.parse import quote_plus, unquote_plus
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.s3 import flat, xmlpage
from collectors.s3.cut import cut
from collectors.s3.listing import NotAListingError

NS = "http://s3.amazonaws.com/doc/2006-03-01/"
HEAD = f'<?xml version="1.0" encoding="UTF-8"?>\n<ListVersionsResult xmlns="{NS}">'
# What an S3 key may hold: any UTF-8 up to 1,024 bytes.
KEYS = st.text(min_size=1, max_size=40).filter(lambda key: not _has_surrogate(key))


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= c <= "\udfff" for c in text)


def _is_xml(text: str) -> bool:
    """Whether XML 1.0 allows the characters; S3 encodes keys that have others."""
    return all(c in "\t\n" or "\x20" <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" for c in text)


def version(key: str, number: str = "v1", tag: str = "Version", more: str = "") -> str:
    return (
        f"<{tag}><Key>{escape(key)}</Key><VersionId>{number}</VersionId>"
        f"<IsLatest>false</IsLatest><LastModified>2026-03-08T20:05:00.000Z</LastModified>{more}</{tag}>"
    )


def page(*elements: str, head: str = "<Name>b</Name><Prefix></Prefix>") -> bytes:
    return f"{HEAD}{head}{''.join(elements)}</ListVersionsResult>".encode()


@given(st.lists(KEYS, max_size=8))
def test_keys_are_decoded_exactly_once(keys: list[str]) -> None:
    encoded = [version(quote_plus(key)) for key in keys]
    read = xmlpage.read(page(*encoded, head="<EncodingType>url</EncodingType>"))
    assert read.versions["key"].to_list() == keys
    assert not read.notes


@given(st.lists(st.text("%+2aF4c/", min_size=1, max_size=12), max_size=8))
def test_keys_of_ascii_in_any_spelling_are_decoded_as_one_by_one(keys: list[str]) -> None:
    """All of a page at once where no escape is of several bytes."""
    keys = [key for key in keys if not re.search("%[a-fA-F]", key)]
    elements = [version(key) for key in keys]
    read = xmlpage.read(page(*elements, head="<EncodingType>url</EncodingType>"))
    assert read.versions["key"].to_list() == [unquote_plus(key) for key in keys]


def test_a_key_that_looks_encoded_is_left_alone_where_the_page_says_nothing_of_encoding() -> None:
    assert xmlpage.read(page(version("a%2Fb+c"))).versions["key"].to_list() == ["a%2Fb+c"]


def test_a_key_that_decodes_to_no_utf8_is_kept_as_it_stands_with_a_note() -> None:
    read = xmlpage.read(page(version("a%FFb"), head="<EncodingType>url</EncodingType>"))
    assert read.versions["key"].to_list() == ["a%FFb"]
    assert [note.citation for note in read.notes] == ["/ListVersionsResult/Version[1]"]


@given(st.lists(st.sampled_from(["Version", "DeleteMarker"]), max_size=12))
def test_a_citation_counts_siblings_of_its_name_and_leads_to_their_bytes(tags: list[str]) -> None:
    elements = [version("k", f"v{i}", tag) for i, tag in enumerate(tags)]
    data = page(*elements)
    read = xmlpage.read(data)
    cited = [cut(data, citation) for citation in read.versions["citation"]]
    assert cited == [element.encode() for element in elements]


@given(st.binary(max_size=300))
def test_bytes_that_are_no_page_are_refused_and_nothing_else_happens(data: bytes) -> None:
    with pytest.raises(NotAListingError):
        xmlpage.read(data)


@given(st.data())
def test_a_page_cut_anywhere_is_refused(data: st.DataObject) -> None:
    whole = page(version("a"), version("b"))
    with pytest.raises(NotAListingError):
        xmlpage.read(whole[: data.draw(st.integers(0, len(whole) - 1))])


@given(st.data())
def test_a_page_with_any_byte_changed_is_read_or_refused(data: st.DataObject) -> None:
    whole = bytearray(page(version("a", more="<ETag>&quot;x&quot;</ETag>"), version("b")))
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        read = xmlpage.read(bytes(whole))
    except NotAListingError:
        return
    for citation in read.versions["citation"]:
        assert cut(bytes(whole), citation) is not None


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
    "<ListVersionsResult><Version><Key>&b;</Key></Version></ListVersionsResult>"
)
FILE = (
    '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    "<ListVersionsResult><Version><Key>&f;</Key></Version></ListVersionsResult>"
)


@pytest.mark.parametrize("text", [BOMB, FILE])
def test_a_document_that_defines_entities_is_refused(text: str) -> None:
    with pytest.raises(NotAListingError, match="document type"):
        xmlpage.read(text.encode())
    assert cut(text.encode(), "/ListVersionsResult/Version[1]") is None


@pytest.mark.parametrize("root", ["ListBucketResult", "ListAllMyBucketsResult", "Error", "html"])
def test_another_answer_is_no_version_listing(root: str) -> None:
    with pytest.raises(NotAListingError, match=root):
        xmlpage.read(f"<{root}/>".encode())


def test_a_version_with_two_keys_is_left_out_and_named() -> None:
    read = xmlpage.read(page(version("a", more="<Key>b</Key>"), version("c")))
    assert read.versions["key"].to_list() == ["c"]
    assert [(n.citation, n.severity) for n in read.notes] == [
        ("/ListVersionsResult/Version[1]", "error")
    ]


def test_checksum_algorithms_may_repeat() -> None:
    more = "<ChecksumAlgorithm>SHA256</ChecksumAlgorithm>" * 2
    assert not xmlpage.read(page(version("a", more=more))).notes


def test_a_version_of_another_namespace_is_counted_but_not_believed() -> None:
    foreign = '<x:Version xmlns:x="urn:x"><x:Key>forged</x:Key></x:Version>'
    data = page(foreign, version("real"))
    read = xmlpage.read(data)
    assert read.versions["key"].to_list() == ["real"]
    assert read.versions["citation"].to_list() == ["/ListVersionsResult/Version[2]"]
    assert len(read.notes) == 1


def test_markers_are_decoded_and_empty_ones_are_none() -> None:
    head = (
        "<Name>b</Name><Prefix>a%2Bb</Prefix><KeyMarker></KeyMarker><VersionIdMarker/>"
        "<NextKeyMarker>m+1</NextKeyMarker><NextVersionIdMarker>v%2F</NextVersionIdMarker>"
        "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
    )
    read = xmlpage.read(page(head=head))
    assert (read.bucket, read.prefix, read.markers) == ("b", "a+b", ("", ""))
    assert read.following == ("m 1", "v%2F"), "S3 encodes keys, not version ids"
    assert read.truncated is True


def test_an_empty_element_is_cut_whole() -> None:
    assert cut(b'<?xml version="1.0"?>\n<A x="1"/>', "/A") == b'<A x="1"/>'
    assert cut(b"<A><B/><B>2</B></A>", "/A/B[1]") == b"<B/>"
    assert cut(b"<A><B/><C><B>no</B></C><B>2</B></A>", "/A/B[2]") == b"<B>2</B>"


@pytest.mark.parametrize("path", ["", "/", "/A/B[0]", "/A/B[9]", "/A//B", "/X", "/A/B[1]/C", "A'"])
def test_a_path_to_nothing_cuts_nothing(path: str) -> None:
    assert cut(b"<A><B/></A>", path) is None


# What a version may hold, regular or not: each line as the server might write it.
PIECES = st.sampled_from(
    [
        "<Owner><ID>75aa</ID><DisplayName>ops</DisplayName></Owner>",
        "<Owner><ID>75aa</ID></Owner>",
        "<Owner><DisplayName/><ID>75aa</ID></Owner>",
        "<Owner/>",
        "<Size>12</Size>",
        "<Size>-1</Size>",
        "<Size/>",
        "<Size>1<b>2</b></Size>",
        "<ETag>&quot;x\x7fy&quot;</ETag>",
        "<ETag>&quot;x\ny&quot;</ETag>",
        "<StorageClass><![CDATA[A]]>B</StorageClass>",
        "<StorageClass>A<!-- c -->B</StorageClass>",
        "<ChecksumAlgorithm>SHA256</ChecksumAlgorithm>",
        "<Type>Normal</Type>",
        "<Type>N<b/></Type>",
        "<RestoreStatus><IsRestoreInProgress>true</IsRestoreInProgress></RestoreStatus>",
        '<x:Key xmlns:x="urn:x">forged</x:Key>',
        "<Unknown/>",
        "<Key>again</Key>",
    ]
)


@given(st.lists(st.tuples(KEYS.filter(_is_xml), st.lists(PIECES, max_size=4)), max_size=5))
def test_both_readers_of_a_page_give_the_same(versions: list[tuple[str, list[str]]]) -> None:
    """The quick one reads a page only where it says what going through the elements says."""
    elements = [
        version(key, f"v{i}", tag, "".join(more))
        for i, (key, more) in enumerate(versions)
        for tag in ("Version", "DeleteMarker")
    ]
    data = page(*elements, "<CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes>")
    quick = xmlpage.read(data)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(xmlpage.flat, "cut", lambda _: None)
        slow = xmlpage.read(data)
    assert quick.versions.equals(slow.versions)
    assert (quick.notes, quick.prefixes) == (slow.notes, slow.prefixes)


@pytest.mark.parametrize(
    "written", ["<ChecksumType>FULL_OBJECT</ChecksumType>", "<Type>Normal</Type>"]
)
def test_a_page_as_s3_or_ceph_writes_it_is_read_by_columns_and_one_with_a_forged_row_is_not(
    written: str,
) -> None:
    more = f"<Owner><ID>75aa</ID></Owner>{written}"
    (regular,) = flat.columns([flat.cut(page(version("a", more=more)))])
    assert regular is not None
    assert regular["owner"].to_list() == ["75aa"]
    row = "<Version><Key>forged</Key><VersionId>v9</VersionId></Version>"
    assert flat.cut(page(f"<!-- {row} -->")) is None
    assert flat.cut(page(f"<?x {row} ?>")) is None
    assert flat.cut(page(f"<Within>{row}</Within>")) is None
    assert flat.cut(page(f"<Name>{version('a')}</Name>", head="")) is None
    assert flat.columns([flat.cut(page(version("a"), "<Name>b</Name>", row))]) == [None]


def test_one_page_in_a_batch_that_is_not_regular_changes_no_other() -> None:
    bodies = [page(version("a"), version("b")), page(version("c", more="<Key>d</Key>")), b"none"]
    first, second, third, fourth = xmlpage.pages([*bodies, page(version("e"), version("f"))])
    assert not isinstance(first, NotAListingError)
    assert not isinstance(second, NotAListingError)
    assert isinstance(third, NotAListingError)
    assert not isinstance(fourth, NotAListingError)
    assert first.versions.equals(xmlpage.read(bodies[0]).versions)
    assert second.versions.is_empty()
    assert fourth.versions["key"].to_list() == ["e", "f"]
    assert fourth.versions["citation"][0] == "/ListVersionsResult/Version[1]"
