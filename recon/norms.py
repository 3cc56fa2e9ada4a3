"""Norms by name: what a ``[[norm]]`` may say, and presets that declare several at once.

A norm is a promise of a policy, and is unusual where it is broken, never impossible: it has no
part in laws, clocks or proofs. It is judged only where ``case.toml`` declares it, and only on
records from ``since`` on, if that is given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recon.config import Norm

PARAMETERS: Mapping[str, Sequence[str]] = {
    "manifest-after-artifact": ("artifact", "manifest"),
    "release-order": ("artifact", "deployed"),
    "overwritten-artifact": ("attribute",),
    "backdated-record": ("table",),
    "artifact-swapped-behind-name": ("attribute",),
    "manifest-does-not-list-artifact": ("artifact", "manifest"),
    "deploy-without-record": ("table", "by", "deployed"),
    "record-without-deploy": ("table", "by", "deployed"),
    "evaluated-other-bytes": ("evaluated", "artifact", "deployed"),
    "hotfix-window": ("service", "table", "evaluated", "deployed", "artifact", "manifest"),
    "self-recorded": ("subjects", "domain", "attribute"),
    "store-apart": ("store", "of", "level", "tables"),
    "migration-signed-off": ("table", "signoff", "owner", "copy_hours", "days", "complete"),
}
"""By rule: the keys of a norm beside ``rule``, ``preset``, ``since`` and ``tolerance``."""

NUMBERS: Mapping[str, float] = {"copy_hours": 87_840.0, "days": 3660.0}
"""Parameters that are numbers above nothing, with the largest; all others are texts."""
CHOICES: Mapping[str, Sequence[str]] = {
    "level": ("account", "organisation"),
    "complete": ("yes", "no"),
}
"""Parameters of which there are few values."""

PRESETS: Mapping[str, Sequence[str]] = {
    "ml-release": ("manifest-after-artifact", "release-order"),
    "lineage-runbook": ("store-apart", "migration-signed-off", "manifest-after-artifact"),
}
"""By name: the rules whose norms it declares. ``ml-release``: a release of a model is uploaded
before it is registered, registered before it is deployed, and its manifest is not newer than its
artifact. ``lineage-runbook``: the lineage store lies in another domain and has its own backups, a
schema migration has a copy and a sign-off before it, and a release whose manifest is newer than its
artifact is refused."""


def expanded(norms: Sequence[Norm]) -> Iterator[Norm]:
    """Each preset as the norms that it declares, less those that the case declares for itself."""
    own = {norm.rule for norm in norms if norm.preset is None}
    for norm in norms:
        if norm.preset is None:
            yield norm
            continue
        for rule in PRESETS[norm.preset]:
            if rule not in own:
                yield norm.model_copy(update={"rule": rule})


def mistakes(norm: Norm) -> Iterator[tuple[str, str, str]]:
    """What is wrong with one: key, what was expected, what was found."""
    if (norm.rule is None) == (norm.preset is None):
        yield (
            "rule",
            f"`rule` ({', '.join(PARAMETERS)}) or `preset` ({', '.join(PRESETS)}), and not both",
            "both" if norm.rule else "neither",
        )
        return
    if norm.preset is not None and norm.preset not in PRESETS:
        yield "preset", f"a preset that there is ({', '.join(PRESETS)})", repr(norm.preset)
        return
    if norm.rule is not None and norm.rule not in PARAMETERS:
        yield "rule", f"a rule that judges a norm ({', '.join(PARAMETERS)})", repr(norm.rule)
        return
    rules = [norm.rule] if norm.rule is not None else PRESETS[norm.preset or ""]
    known = sorted({key for rule in rules for key in PARAMETERS[rule]})
    for key, value in (norm.model_extra or {}).items():
        if key not in known:
            yield key, f"a parameter that is known here ({', '.join(known)})", f"`{key}`"
        elif wrong := _wrong(key, value):
            yield key, wrong, repr(value)


def _wrong(key: str, value: object) -> str:
    """What was expected of a parameter's value; empty where it is that."""
    if key in NUMBERS:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        is_inside = is_number and 0 < value <= NUMBERS[key]  # type: ignore[operator]  # a number
        return "" if is_inside else f"a number above 0 and up to {NUMBERS[key]:g}"
    if not isinstance(value, str) or not value:
        return "a text"
    if key in CHOICES and value not in CHOICES[key]:
        return f"one of {', '.join(CHOICES[key])}"
    return ""
