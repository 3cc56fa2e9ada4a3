"""The documents: standard, searchable, the same bytes, and no evidence text that runs."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import pikepdf
import pypdfium2
import pytest

from recon import prose
from recon.case import Case
from recon.errors import BadInputError
from recon.exhibitor import Production
from reports.glyphs import drawable, printable
from reports.pdf import render

WHEN = datetime(2026, 3, 8, tzinfo=UTC)
PAGE = "case"


def text_of(path: Path) -> str:
    with pypdfium2.PdfDocument(path) as document:
        pages = [page.get_textpage().get_text_bounded() for page in document]
    return " ".join(" ".join(pages).split())


def squeezed(text: str) -> str:
    """Without any white space: lines break where the page does."""
    return "".join(text.split())


def test_each_is_pdf_a_and_pdf_ua_with_all_fonts_inside(production: Production):
    assert len(production.documents) == 3
    for path in production.documents:
        with pikepdf.open(path) as pdf:
            assert pdf.check_pdf_syntax() == []
            with pdf.open_metadata() as meta:
                assert meta["pdfaid:part"] == "3"
                assert meta["pdfaid:conformance"] == "B"
                assert meta["pdfuaid:part"] == "1"
            assert pdf.Root.OutputIntents[0].S == "/GTS_PDFA1"
            assert pdf.Root.Lang == "en-US"
            assert pdf.Root.MarkInfo.Marked
            assert "/OpenAction" not in pdf.Root
            fonts = [
                font
                for font in pdf.objects
                if isinstance(font, pikepdf.Dictionary) and font.get("/Type") == "/FontDescriptor"
            ]
            assert fonts
            assert all("/FontFile3" in font or "/FontFile2" in font for font in fonts)


def test_the_figure_has_its_words(production: Production):
    with pikepdf.open(production.documents[1]) as pdf:
        alts = [
            str(each["/Alt"])
            for each in pdf.objects
            if isinstance(each, pikepdf.Dictionary) and each.get("/S") == "/Figure"
        ]
    assert len(alts) == 1
    assert alts[0].startswith("Timeline with one lane for each source.")


def test_the_exhibit_states_the_finding_and_quotes_the_record(case: Case, production: Production):
    for number, finding in enumerate(case.findings().findings, start=1):
        text = squeezed(text_of(production.documents[number]))
        assert squeezed(printable(prose.statement(finding))) in text
        assert finding.finding in text
        assert case.evidence_root() in text
        for role in finding.events:
            quote, item = case.quote(role.source, role.event)
            assert item.sha256 in text
            assert quote.text[:60].replace(" ", "") in text


def test_commands_of_the_typesetter_in_evidence_are_text(production: Production):
    exhibits = squeezed(" ".join(text_of(path) for path in production.documents[1:]))
    assert '#read("/etc/passwd")' in exhibits.replace("\\", "")
    assert "root:x:0:0" not in exhibits
    assert "‹U+202E›" in exhibits
    assert "‹U+6F22›" in exhibits


def test_no_document_holds_a_character_that_hides_or_reorders(production: Production):
    for path in production.documents:
        found = {c for c in text_of(path) if c not in drawable()}
        # The typesetter's own variation selector behind an arrow is all that may be added.
        assert {unicodedata.name(c) for c in found} <= {"VARIATION SELECTOR-15"}


def test_the_title_page_counts_and_the_report_lists(case: Case, production: Production):
    text = text_of(production.documents[0])
    assert "What did the deploy logs say on March 8?" in text
    assert "2 findings: 2 conflicts." in text
    assert "Said then, says now" in text
    assert "gone.jsonl" in text
    left = len(case.findings().not_run)
    assert left > 5
    assert f"Rules not run on this case, which is no pass: {left}." in text


def test_every_drawable_character_can_be_typeset():
    characters = sorted(drawable())
    lines = ["".join(characters[i : i + 80]) for i in range(0, len(characters), 80)]
    row = ["x", "x", *(" ".join(lines),) * 2]
    document = render(
        PAGE, _page(findings=[row], short_answer=lines), created=WHEN, figures={"timeline.svg": SVG}
    )
    assert document.pages > 1


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>'


def _page(**changed: object) -> dict[str, object]:
    """The least that the template of the report needs."""
    texts = (
        "title heading running short description tool notice bates reading inference_by "
        "findings_caption omitted asof_note asof_caption sources_caption methods_caption "
        "warnings_caption failed_caption not_run_caption items_caption counsel escapes"
    )
    lists = (
        "head short_answer findings asof asof_same sources methods warnings failed not_run "
        "custody items"
    )
    figure = {"alt": "a", "caption": "c", "table": [], "table_caption": "t"}
    return {
        **dict.fromkeys(texts.split(), "text"),
        **{name: [] for name in lists.split()},
        "figure": figure,
        **changed,
    }


def test_a_page_is_the_same_bytes_twice():
    first, second = (
        render(PAGE, _page(), created=WHEN, figures={"timeline.svg": SVG}) for _ in range(2)
    )
    assert first == second
    assert first.data.startswith(b"%PDF-1.7")


def test_the_date_is_the_one_given():
    document = render(PAGE, _page(), created=WHEN, figures={"timeline.svg": SVG})
    assert b"20260308000000" in document.data


def test_what_cannot_be_typeset_is_an_error_that_says_so():
    with pytest.raises(BadInputError, match="template case"):
        render(PAGE, _page(heading="\u6f22"), created=WHEN, figures={"timeline.svg": SVG})
    with pytest.raises(BadInputError, match="template case"):
        render(PAGE, {}, created=WHEN)


def test_no_document_ends_on_a_page_that_holds_the_note_for_counsel_alone(production: Production):
    """The note stands before what is long: the commands, and the answers that did not change."""
    for path in production.documents[1:]:
        text = text_of(path)
        assert text.index("Note for counsel.") < text.index("How to repeat it")
    report = text_of(production.documents[0])
    assert report.index("Note for counsel.") < report.index("Answers that did not change")
