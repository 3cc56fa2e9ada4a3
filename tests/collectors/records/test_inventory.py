"""Which server was patched on which day, according to whom: an inventory and its own scanner."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

import recon
from recon.case import Case
from recon.reconcile import witness
from recon.witnesses import distances
from recon.witnesses.principals import principals

CORPUS = Path(__file__).parents[2] / "corpus/records/inventory"
EXPECTED = json.loads((CORPUS / "expected.json").read_text())


@pytest.fixture
def case(tmp_path: Path) -> Case:
    shutil.copytree(CORPUS, tmp_path / "case")
    opened = recon.open(tmp_path / "case")
    assert not [one for one in opened.collect() if one.failures]
    return opened


def test_the_script_makes_the_tables(tmp_path: Path):
    subprocess.run([sys.executable, CORPUS / "make.py", tmp_path], check=True)
    for name in ("scanner.csv", "patch-log.csv", "expected.json"):
        assert (tmp_path / name).read_bytes() == (CORPUS / name).read_bytes()


def test_who_says_on_which_day_each_server_was_patched(case: Case):
    said: dict[str, dict[str, str]] = {}
    for one in case.asof():
        if one.attribute == "patched" and one.says_now:
            host = one.subject.removeprefix("server:")
            said.setdefault(host, {})[one.source] = str(one.says_now.value)
    assert said == EXPECTED["patched"]


def test_the_scanner_of_the_inventory_is_no_witness_of_it(case: Case):
    """By the domains of those who speak of the library's file on each server."""
    rows = case.timeline().filter(pl.col("attribute") == "jar").select("subject", "source")
    sources: dict[str, set[str]] = {}
    for subject, source in rows.unique().collect().iter_rows():
        sources.setdefault(subject.removeprefix("server:"), set()).add(source)
    pairs = distances(case.config, principals(case.config, case.timeline()))
    found = {host: witness(names, pairs) for host, names in sources.items()}
    assert found == EXPECTED["witness"]
    assert sources["app-03"] == {"inventory", "scanner"}


def test_the_server_on_which_they_disagree_and_no_other(case: Case):
    findings = case.findings()
    assert [one.subject for one in findings.findings] == EXPECTED["conflicts"]
    (incident,) = findings.incidents
    assert incident.ties == ()


def test_an_inventory_that_was_exported_again_tells_what_it_said_before(case: Case):
    """It moves app-02 to July, and has app-03 no more."""
    book = xlsxwriter.Workbook(case.root / "inventory.xlsx")
    sheet = book.add_worksheet("Servers")
    sheet.write_row(0, 0, ["Server", "Library", "Version", "SHA-256", "Patched on", "Checked by"])
    with (case.root / "scanner.csv").open() as file:
        jar = next(csv.DictReader(file))["SHA-256"]
    days = {"app-01": "2017-03-09", "app-02": "2017-07-29", "app-04": "2017-07-29"}
    for row, (host, day) in enumerate(days.items(), 1):
        sheet.write_row(row, 0, [host, "struts2-core", "2.3.32", jar, day, "inventory scanner"])
    book.close()
    before = datetime.now(UTC)
    again = list(case.collect(["inventory"], again=True))
    assert [one.held for one in again] == [1]
    answers = {
        one.subject.removeprefix("server:"): one
        for one in case.asof(before)
        if (one.source, one.attribute) == ("inventory", "patched")
    }
    said = {
        host: tuple(said and said.value for said in (one.said_then, one.says_now))
        for host, one in answers.items()
    }
    assert said == {
        "app-01": ("2017-03-09", "2017-03-09"),
        "app-02": ("2017-03-09", "2017-07-29"),
        "app-03": ("2017-03-09", None),
        "app-04": ("2017-07-29", "2017-07-29"),
    }
    changed = {host: one.change for host, one in answers.items() if one.changed}
    assert set(changed) == {"app-02", "app-03"}
    for change in changed.values():
        assert change.clock == "examiner"
        assert change.latest > before
    items = {one.sha256[:16] for one in case.items() if one.source == "inventory"}
    assert {str(one.said_then.event).split(":")[0] for one in answers.values()} <= items
