"""Cases told in a few lines: who holds what, and who says what of which subject."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recon.collector import Source
from recon.config import CaseConfig, Domain, Norm
from tests.stories import Story

if TYPE_CHECKING:
    import polars as pl

DOMAINS = {
    "platform": Domain(organisation="acme", account="1"),
    "storage": Domain(organisation="acme", account="2"),
    "auditor": Domain(organisation="auditors", account="9"),
}


def config(
    sources: Mapping[str, str],
    domains: Mapping[str, Domain] = DOMAINS,
    norms: tuple[Norm, ...] = (),
    **more: Any,
) -> CaseConfig:
    """``sources``: by id the domain of each."""
    return CaseConfig(
        "told",
        "Told",
        None,
        ("*",),
        domains,
        [Source(name, "records", domain, None, (), Path()) for name, domain in sources.items()],
        norms,
        **more,
    )


def said(story: Story, source: str, attribute: str, *subjects: str, **more: Any) -> Story:
    """A claim of each subject, ``m1`` for ``model:m1@1``."""
    for subject in subjects:
        story.event(
            source, "claim", f"model:{subject}@1", "10:00", attribute=attribute, value="x", **more
        )
    return story


def events(story: Story) -> pl.LazyFrame:
    return story.timeline().events
