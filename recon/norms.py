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
}
"""By rule: the keys of a norm beside ``rule``, ``preset``, ``since`` and ``tolerance``."""

PRESETS: Mapping[str, Sequence[str]] = {
    "ml-release": ("manifest-after-artifact", "release-order"),
}
"""By name: the rules whose norms it declares. ``ml-release``: a release of a model is uploaded
before it is registered, registered before it is deployed, and its manifest is not newer than its
artifact."""


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
        elif not isinstance(value, str) or not value:
            yield key, "a text", repr(value)
