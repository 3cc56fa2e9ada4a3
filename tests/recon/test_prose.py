"""Sentences from steps: each kind of step that a rule gives has one, and none accuses."""

from __future__ import annotations

import re
from pathlib import Path

import recon.rules
from recon.config import CaseConfig
from recon.prose import SENTENCES, argument, letters, statement
from recon.reconcile import reconcile
from recon.rules.re_registered import re_registered
from tests.recon.rules.test_re_registered import incident
from tests.stories import PLATFORM

ACCUSING = re.compile(
    r"\b(forg(ed|ery|er)|fraud|tamper|falsif|lie[sd]?\b|malicious|guilt|blame|culprit|attack)",
    re.IGNORECASE,
)


def test_every_step_of_every_rule_has_a_sentence_and_every_sentence_a_step():
    folder = Path(recon.rules.__file__).parent
    text = "".join(path.read_text() for path in folder.glob("*.py"))
    used = set(re.findall(r"\bstep\(\s*\"([a-z-]+)\"", text))
    assert used == set(SENTENCES)


def test_the_argument_of_a_re_registered_row_reads_as_prose():
    story = incident()
    timeline = story.timeline()

    config = CaseConfig(
        id="c",
        title="?",
        instant=None,
        subjects=("*",),
        domains={"platform": PLATFORM},
        sources=(),
        norms=(),
    )
    (finding,) = reconcile(config, "0" * 64, timeline, [re_registered]).findings
    lines = argument(finding)
    assert letters(finding) == {
        "asserted": "A",
        "written": "B",
        "replaced": "C",
        "earlier": "D",
        "seen": "E",
    }
    assert lines[0].startswith("A reads 2026-02-14T10:00:00Z")
    assert "So B reads 22 d 09 h 12 m later than A." in lines
    assert any(line.startswith("B and C were made in one transaction, 800") for line in lines)
    assert any(line.startswith("D gives artifact as aaaa") for line in lines)
    assert statement(finding).endswith(".")


def test_no_rule_says_who_did_it_or_why():
    folder = Path(recon.rules.__file__).parent
    for path in [*folder.glob("*.py"), Path(recon.prose.__file__)]:
        text = re.sub(r'""".*?"""', "", path.read_text(), flags=re.DOTALL)
        assert not ACCUSING.search(text), path.name
