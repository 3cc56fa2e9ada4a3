"""The ``case.toml`` that ``recon init`` writes: commented, with a stanza for each collector."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from recon import registry

if TYPE_CHECKING:
    from pydantic import BaseModel

_HEAD = """\
# A case of recon: one inquiry, and the only file in it that a person writes.
# A line that begins with '#' is a comment; take the '#' away to use it.

[case]
id = {id}
title = "What did our records say?"
# The instant the question asks about, with its zone.
# instant = 2026-03-08T12:00:00Z
# What the question is about: globs of subjects.
subjects = ["model:*"]

# Administrative domains: everyone who could write or delete a source's records.
# Two sources are witnesses of each other only as far as their domains differ.
[domain.platform]
organisation = "acme"
# account = "aws:111122223333"
# cluster = "eu-1"
# team = "ml-platform"
# Principals who can write, where they are known.
# writers = ["ci@acme"]

[domain.storage]
organisation = "acme"

# Whoever runs recon; their clock is measured whenever evidence is acquired.
[domain.examiner]
organisation = "the examiner"
"""

_TAIL = """\
# A norm is what a policy promises. Breaking one is a breach, never an impossibility.
# `ml-release`: an artifact is uploaded before it is registered, registered before it is deployed,
# and its manifest is not newer than it is. Or one norm alone, by its `rule`.
# [[norm]]
# preset = "ml-release"            # or "lineage-runbook", with store = "lineage-db"
# Records from before this day are not judged by it.
# since = 2026-01-01
# Seconds by which it may be broken and is not called a breach.
# tolerance = 60

# For how many days a source keeps records of some kinds: `recon audit` says what goes on which day.
# [[retention]]
# source = "lineage-db"
# kind = "backup.*"
# days = 30
# because = "repo1-retention-full = 30"

# A check that people rely on, whose outcomes are claims of a source. One that never failed is
# reported as vacuous: nothing shows that it can.
# [[check]]
# name = "lineage is healthy"
# source = "monitor"
# attribute = "lineage"
# passes = ["ok"]

# Two records of one act: they bound two clocks from both sides, where laws bound one alone.
# A side is a source and a kind of its records, or a table; `clock` chooses one of several.
# `within`: seconds by which they can lie apart, or [least, most] by which the second comes later.
# `by`: the attribute that names the act, such as a run id; else subject and digest.
# [[correspondence]]
# first = { source = "deploys", kind = "deploy.finish" }
# second = { source = "lineage-db", table = "ml.deployments", clock = "pg:lineage-db/commit" }
# within = [0, 30]
# by = "run"

# How far a clock is ahead of UTC, in seconds (± that, or [least, most]), as someone answers for it.
# docs/anchors.md says what binds a clock to UTC without anyone's word.
# [[anchor]]
# clock = "s3:models"
# ahead = 1.0
# because = "the provider's agreement on time synchronisation"

# Seconds by which a clock is known to be uncertain: widens it, never narrows it.
# [tolerance]
# "log:deploys" = 2.0
"""


def commented(name: str) -> str:
    """The text for a case whose folder has this name.

    It can be loaded as it stands once one source is filled in: the deploy log is not commented
    out, as a case has at least one source, nor is the examiner's clock, which nobody should trust.
    """
    case_id = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._") or "case"
    parts = [_HEAD.format(id=json.dumps(case_id[:64]))]
    for one in registry.collector_names():
        collector = registry.collector(one)
        stanza = collector.example.strip() + "\n"
        if one not in {"clock", "deploylog"}:
            stanza = "".join(f"# {line}".rstrip() + "\n" for line in stanza.splitlines())
        parts.append(
            f"# Source: {one}. Options:\n{_options(collector.options)}"
            + (_claims(collector.claim) if collector.claim else "")
            + stanza
        )
    parts.append(_TAIL)
    return "\n".join(parts)


def _options(model: type[BaseModel]) -> str:
    lines = []
    for name, field in model.model_fields.items():
        optional = "" if field.is_required() else " (optional)"
        lines.append(f"#   {name}: {_described(field.description)}{optional}\n")
    return "".join(lines)


def _claims(model: type[BaseModel]) -> str:
    return "# [[source.claim]] says what its records assert about which subject:\n" + _options(
        model
    )


def _described(text: str | None) -> str:
    return " ".join((text or "").split()).rstrip(".")
