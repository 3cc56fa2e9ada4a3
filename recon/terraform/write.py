"""Domains as TOML to paste into ``case.toml``; every name of the state is escaped."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from recon.text import one_line

if TYPE_CHECKING:
    from recon.terraform import Domains, Found
    from recon.terraform.holdings import Holding

_KEPT = {"database": "backup.*", "backups": "backup.*", "log": "*"}
"""By what a holding is: kinds of the records whose days the state tells."""


def quoted(text: str) -> str:
    """A basic string of TOML 1.0: what is not shown is escaped, a lone surrogate is replaced."""
    out = []
    for char in text:
        if char in '"\\':
            out.append("\\" + char)
        elif "\ud800" <= char <= "\udfff":
            out.append("\\uFFFD")
        elif unicodedata.category(char)[0] in "CZ" and char != " ":
            out.append(f"\\U{ord(char):08X}")
        else:
            out.append(char)
    return f'"{"".join(out)}"'


def toml(found: Domains, paths: Sequence[str]) -> str:
    """All domains, what each holds as comments, and the retention that the state tells."""
    files = ", ".join(one_line(one, 80) for one in paths)
    parts = [
        f"# Domains as Terraform's state has them: {files}.",
        "# Writers are whom IAM's allowing statements let write, at the most: what denies or sets",
        "# conditions is not subtracted, and what was made by hand is not in the state.",
    ]
    parts += [f"# VPC: {one_line(one, 120)}" for one in found.networks]
    for one in found.domains:
        parts += ["", *_domain(one)]
    kept = [(one, held) for one in found.domains for held in one.holdings if held.days]
    if kept:
        parts += ["", "# For how long records are kept: name the source that reads them."]
    for _, held in kept:
        parts += _retention(held)
    return "\n".join(parts) + "\n"


def _domain(one: Found) -> Iterator[str]:
    yield f"[domain.{one.name}]"
    yield f"organisation = {quoted(one.organisation)}"
    if one.account:
        yield f"account = {quoted(one.account)}"
    else:
        yield '# account = "…"          # the state does not say it'
    if one.cluster:
        yield f"cluster = {quoted(one.cluster)}"
    if one.writers:
        yield "writers = ["
        yield from (f"    {quoted(name)}," for name in one.writers)
        yield "]"
    for held in one.holdings:
        said = f"; {one_line(held.window, 80)}" if held.window else ""
        yield f"# holds {held.what} {one_line(held.name, 80)} ({one_line(held.address, 80)}){said}"


def _retention(held: Holding) -> Iterator[str]:
    window = f", made {held.window}" if held.window else ""
    because = f"Terraform: {one_line(held.address, 120)}{one_line(window, 60)}"
    yield "# [[retention]]"
    yield f'# source = "…"          # that reads {held.what} {one_line(held.name, 80)}'
    yield f"# kind = {quoted(_KEPT.get(held.what, '*'))}"
    yield f"# days = {held.days:g}"
    yield f"# because = {quoted(because)}"
