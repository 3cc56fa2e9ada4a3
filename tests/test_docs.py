"""Docs say what the code does: every command, rule, error and option is described."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from recon import registry
from recon.rules import RULES, Rule

ROOT = Path(__file__).resolve().parent.parent
SPEC = importlib.util.spec_from_file_location("generate_docs", ROOT / "scripts/generate_docs.py")
generate_docs = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(generate_docs)


@pytest.mark.parametrize("name", sorted(generate_docs.PAGES))
def test_the_page_is_what_the_code_says(name: str):
    written = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert written == generate_docs.PAGES[name](), "run `make docs`"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_has_its_sections_its_file_and_its_test(rule: Rule):
    text = rule.definition
    assert re.search(r"\biff\b", text.split("\n\n")[0]), "opens with the definition"
    for section in ("Undetermined", "Innocent:", "Source:"):
        assert section in text
    stem = rule.name.replace("-", "_")
    assert (ROOT / "recon/rules" / f"{stem}.py").is_file()
    assert (ROOT / "tests/recon/rules" / f"test_{stem}.py").is_file()


def test_every_option_is_described():
    for name in registry.collector_names():
        collector = registry.collector(name)
        for model in filter(None, (collector.options, collector.claim)):
            for key, field in model.model_fields.items():
                assert field.description, f"{name}: {key}"


def test_the_readme_names_every_command():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in re.findall(r"^## (\w+)$", generate_docs.commands(), re.MULTILINE):
        assert f"recon {command}" in readme


def test_the_readme_gives_the_two_commands():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make demo" in readme
    assert "make test" in readme


def test_nothing_names_a_place_of_one_machine():
    """Paths, registries and hosts of whoever builds this do not belong in the repository."""
    import subprocess

    out = subprocess.run(
        [
            "git",
            "grep",
            "-nIE",
            r"(^|[^A-Za-z0-9_./-])/(work|root|home)/[A-Za-z0-9_.-]+",
            "--",
            ".",
            # A prompt in a container's log, of another machine: evidence is left as it is.
            ":!tests/corpus/deploylog/formats/docker/container-json.log",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    places = [line for line in out.splitlines() if not line.startswith("tests/test_docs.py")]
    assert places == []
