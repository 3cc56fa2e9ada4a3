"""Norms: a case can declare each one that a rule judges."""

from __future__ import annotations

import re

import pytest

from recon.config import Norm
from recon.norms import PARAMETERS, mistakes
from recon.rules import RULES


def test_every_rule_that_judges_norms_alone_can_be_declared():
    assert {rule.name for rule in RULES if rule.is_norm} <= set(PARAMETERS)


@pytest.mark.parametrize(
    "norm",
    [
        {"rule": "overwritten-artifact", "attribute": "weights", "since": "2026-01-01T00:00:00Z"},
        {"rule": "backdated-record", "table": "ml.lineage", "tolerance": 600},
        {"rule": "release-order", "artifact": "weights", "deployed": "promote.*"},
        {"rule": "manifest-after-artifact", "artifact": "weights", "manifest": "card"},
    ],
)
def test_what_a_rule_says_of_its_norm_can_be_declared(norm: dict[str, object]):
    assert list(mistakes(Norm.model_validate(norm))) == []


def test_every_parameter_is_in_the_definition_of_its_rule():
    definitions = {rule.name: rule.definition for rule in RULES}
    for rule, keys in PARAMETERS.items():
        for key in keys:
            assert re.search(rf"`{key}`", definitions[rule]), (rule, key)
