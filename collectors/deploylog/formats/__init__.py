"""The formats of logs by name, one a file, each with a real sample in its docstring."""

from __future__ import annotations

from collectors.deploylog.formats import (
    argocd,
    docker,
    gitea,
    github,
    gitlab,
    jenkins,
    journal,
    jsonl,
    kubernetes,
    logfmt,
    otlp,
    syslog,
    text,
)
from collectors.deploylog.formats.base import Format

FORMATS: dict[str, Format] = {
    one.FORMAT.name: one.FORMAT
    for one in (
        jsonl, github, gitlab, gitea, argocd, kubernetes, jenkins, journal, syslog, docker, logfmt,
        otlp, text,
    )
}  # fmt: skip
"""In the order in which they are listed."""
