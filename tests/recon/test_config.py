"""A wrong case.toml is refused with the line, what was expected and what was found."""

from __future__ import annotations

from pathlib import Path

import pytest

import recon
from recon.config import load
from recon.errors import CaseError, UsageError
from recon.template import commented
from tests.cases import CASE, LOG

GOOD = CASE + LOG.format(id="deploys", domain="platform", path="x.jsonl")


def load_text(tmp_path: Path, text: str):
    path = tmp_path / "case.toml"
    path.write_text(text)
    return load(path)


def test_loads_a_good_one(tmp_path: Path):
    config = load_text(tmp_path, GOOD)
    assert config.id == "small"
    assert [source.id for source in config.sources] == ["deploys"]
    assert config.source("deploys").options.format == "jsonl"
    with pytest.raises(UsageError, match="deploys"):
        config.source("other")


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ('id = "small"', 'id = "Small Case"', 2, "case.id"),
        ("instant = 2026-03-08T12:00:00Z", "instant = 2026-03-08T12:00:00", 4, "zone"),
        ('title = "What was deployed?"', "", 1, "`case.title`; found nothing"),
        ('domain = "platform"', 'domain = "plattform"', 18, "'plattform'"),
        ('collector = "deploylog"', 'collector = "deploylogs"', 17, "'deploylogs'"),
        (
            'path = "x.jsonl"',
            'pth = "x.jsonl"',
            19,
            "(path, paths, append_only, format, fields, pattern, ",
        ),
        ('format = "jsonl"', 'format = "yaml"', 20, "yaml"),
        (
            'account = "2"',
            'acount = "2"',
            13,
            "cluster, team, writers); found `domain.other.acount`",
        ),
        (
            "[domain.other]",
            "[domains.other]",
            11,
            "(case, domain, source, norm, correspondence, anchor, retention, check, tolerance)",
        ),
        ('id = "small"', 'id = "S"', 2, "a short name of a-z, 0-9, '.', '_' and '-'; found 'S'"),
        ("2026-03-08T12:00:00Z", '"March 8"', 4, "a time such as 2026-03-08T12:00:00Z"),
        ("2026-03-08T12:00:00Z", '"2026-03-08"', 4, "one instant, such as"),
        ("2026-03-08T12:00:00Z", "2026-03-08", 4, "found 2026-03-08"),
        ('["model:*"]', '"model:*"', 5, 'a list, as in ["…"]'),
        ("[[source]]", "[source]", 15, "[[source]], in two brackets"),
        ('time = "ts"', "time = 3", 22, "source.0.fields.time"),
    ],
)
def test_refuses_with_the_line(tmp_path: Path, old: str, new: str, line: int, said: str):
    assert old in GOOD
    with pytest.raises(CaseError) as error:
        load_text(tmp_path, GOOD.replace(old, new, 1))
    assert f"line {line}:" in str(error.value)
    assert said in str(error.value)


def test_names_all_mistakes_at_once(tmp_path: Path):
    text = GOOD.replace('domain = "platform"', 'domain = "x"').replace('"jsonl"', '"yaml"')
    with pytest.raises(CaseError) as error:
        load_text(tmp_path, text)
    assert "line 18:" in str(error.value)
    assert "line 20:" in str(error.value)


def test_names_mistakes_of_the_frame_and_of_sources_at_once(tmp_path: Path):
    text = GOOD.replace('id = "small"', 'id = "S"').replace('"jsonl"', '"yaml"')
    with pytest.raises(CaseError) as error:
        load_text(tmp_path, text)
    assert "line 2:" in str(error.value)
    assert "line 20:" in str(error.value)


def test_names_a_time_of_a_norm_with_its_line(tmp_path: Path):
    norm = '[[norm]]\nrule = "manifest-after-artifact"\nsince = "soon"\n'
    with pytest.raises(CaseError, match=r"line 29: .*or a date; found 'soon'"):
        load_text(tmp_path, GOOD + norm)


def test_says_of_other_bytes_that_they_are_no_utf8(tmp_path: Path):
    (tmp_path / "case.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(CaseError, match="text in UTF-8; found other bytes at byte 0"):
        load(tmp_path / "case.toml")


def test_names_a_syntax_error_with_its_line(tmp_path: Path):
    with pytest.raises(CaseError, match="line 2"):
        load_text(tmp_path, '[case]\nid = "small\n')


def test_refuses_two_sources_of_one_id(tmp_path: Path):
    text = GOOD + LOG.format(id="deploys", domain="platform", path="y.jsonl")
    with pytest.raises(CaseError, match="no other source has"):
        load_text(tmp_path, text)


def test_refuses_a_norm_without_a_rule(tmp_path: Path):
    with pytest.raises(CaseError, match="manifest-after-artifact"):
        load_text(tmp_path, GOOD + '[[norm]]\nrule = "be-good"\n')


def test_a_preset_declares_its_norms_and_what_is_declared_alone_stands_for_itself(tmp_path: Path):
    preset = '[[norm]]\npreset = "ml-release"\nsince = 2026-01-01\ntolerance = 60\n'
    both = load_text(tmp_path, GOOD + preset).norms
    assert [norm.rule for norm in both] == ["manifest-after-artifact", "release-order"]
    assert {(norm.since, norm.tolerance) for norm in both} == {(both[0].since, 60.0)}
    own = '[[norm]]\nrule = "release-order"\ndeployed = "promote.*"\n'
    alone = load_text(tmp_path, GOOD + preset + own).norms
    assert [(norm.rule, norm.preset) for norm in alone] == [
        ("manifest-after-artifact", "ml-release"),
        ("release-order", None),
    ]


@pytest.mark.parametrize(
    ("norm", "line", "message"),
    [
        ('preset = "ml"', 2, "a preset that there is (ml-release, lineage-runbook); found 'ml'"),
        ("since = 2026-01-01", 1, "and not both; found neither"),
        ('rule = "release-order"\npreset = "ml-release"', 2, "and not both; found both"),
        ('preset = "ml-release"\ntolerence = 3', 3, "known here (artifact, deployed, manifest)"),
        ('rule = "release-order"\nmanifest = "card"', 3, "known here (artifact, deployed)"),
        ('preset = "ml-release"\ndeployed = 3', 3, "a text; found 3"),
        ('preset = "ml-release"\ntolerance = -1', 3, "tolerance"),
    ],
)
def test_refuses_a_norm_that_no_one_could_judge(tmp_path: Path, norm: str, line: int, message: str):
    with pytest.raises(CaseError) as error:
        load_text(tmp_path, f"{GOOD}[[norm]]\n{norm}\n")
    assert message in str(error.value)
    assert f"line {GOOD.count(chr(10)) + line}:" in str(error.value)


def test_says_how_to_make_one_where_there_is_none(tmp_path: Path):
    with pytest.raises(CaseError, match="recon init"):
        recon.open(tmp_path)


def test_init_writes_one_that_loads(tmp_path: Path):
    path = recon.init(tmp_path / "New Case!")
    config = load(path)
    assert config.id == "new-case"
    assert [source.collector for source in config.sources] == ["clock", "deploylog"]
    with pytest.raises(UsageError):
        recon.init(tmp_path / "New Case!")


def test_every_stanza_of_init_loads_when_its_comment_marks_are_taken_off(tmp_path: Path):
    text = recon.init(tmp_path / "case").read_text()
    stanza = False
    lines = []
    for line in text.splitlines():
        if line.startswith(("# [[source", "# [[norm", "# [[anchor", "# [tolerance")):
            stanza = not line.endswith(":")
        elif line.startswith("# [source."):
            stanza = True
        elif not line.startswith("#"):
            stanza = False
        prose = line.startswith(("# Records", "# Seconds"))
        lines.append(line.removeprefix("# ") if stanza and not prose else line)
    config = load_text(tmp_path, "\n".join(lines))
    assert {source.collector for source in config.sources} == {
        "anchors",
        "clock",
        "deploylog",
        "git",
        "lineage",
        "postgres",
        "records",
        "s3",
    }


SIDES = """
[[correspondence]]
first = { source = "deploys", kind = "deploy.finish" }
second = { source = "deploys", table = "ml.deployments", clock = "pg:*" }
within = 30
"""


def test_a_correspondence_is_read_with_its_latency_either_way(tmp_path: Path):
    (one,) = load_text(tmp_path, GOOD + SIDES).correspondences
    assert one.within == (-30.0, 30.0)
    assert one.name == "one act in deploys deploy.finish and deploys ml.deployments"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("within = 30", "within = [5, 0]", "seconds, or [least, most] in seconds"),
        ("within = 30", "within = true", "seconds, or [least, most] in seconds"),
        ("within = 30", "within = [0, inf]", "seconds, or [least, most] in seconds"),
        ("within = 30", 'within = "30"', "seconds, or [least, most] in seconds"),
        ("within = 30", "", "`correspondence.0.within`; found nothing"),
        ('source = "deploys", kind', 'source = "deplys", kind', "a source of this file (deploys)"),
        ('kind = "deploy.finish"', 'kind = "x", table = "y"', "a kind or a table, and not both"),
        ('clock = "pg:*"', 'clok = "pg:*"', "(source, kind, table, clock)"),
        ("[[correspondence]]", "[correspondence]", "[[correspondence]], in two brackets"),
    ],
)
def test_refuses_a_wrong_correspondence(tmp_path: Path, old: str, new: str, said: str):
    assert old in SIDES
    with pytest.raises(CaseError) as error:
        load_text(tmp_path, GOOD + SIDES.replace(old, new, 1))
    assert said in str(error.value)
    assert "line " in str(error.value)


def test_the_commented_correspondence_can_be_used(tmp_path: Path):
    """Taking the comment marks away leaves a stanza that is read."""
    text = commented("case")
    stanza = text.split("# [[correspondence]]\n", 1)[1].split("\n\n", 1)[0]
    used = "[[correspondence]]\n" + "".join(
        f"{line.removeprefix('# ')}\n" for line in stanza.splitlines()
    )
    used = used.replace('"lineage-db"', '"deploys"')
    (one,) = load_text(tmp_path, GOOD + used).correspondences
    assert (one.within, one.by) == ((0.0, 30.0), "run")


def test_the_runbook_is_a_preset(tmp_path: Path):
    preset = '[[norm]]\npreset = "lineage-runbook"\nstore = "lineage-db"\ncopy_hours = 12\n'
    found = load_text(tmp_path, GOOD + preset).norms
    assert [norm.rule for norm in found] == [
        "store-apart",
        "migration-signed-off",
        "manifest-after-artifact",
    ]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("copy_hours = 0", "a number above 0"),
        ("copy_hours = true", "a number above 0"),
        ('copy_hours = "12"', "a number above 0"),
        ('complete = "perhaps"', "one of yes, no"),
        ("owner = 3", "a text"),
    ],
)
def test_refuses_a_parameter_that_is_none(tmp_path: Path, key: str, said: str):
    with pytest.raises(CaseError, match=said):
        load_text(tmp_path, GOOD + f'[[norm]]\nrule = "migration-signed-off"\n{key}\n')
