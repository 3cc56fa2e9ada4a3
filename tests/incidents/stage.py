"""Where an incident is made: the evidence that a reviewer is handed, as its writers leave it.

    def incident(stage: Stage) -> Truth:
        stage.log(line("09:00", digest=GOOD))
        stage.collect()
        stage.log(line("09:00", digest=BAD))
        return {("log-rewritten", "undetermined", "log:deploys")}

What is returned is all that must be found, observations included; nothing else may be.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import recon
from tests import s3_servers

Found = tuple[str, str, str]
"""Rule, verdict, subject."""
Truth = AbstractSet[Found]

DAY = "2026-03-08"
M1 = "model:m1@1"
_CASE = """\
[case]
id = "incident"
title = "What was so?"
instant = 2026-03-08T12:00:00Z
subjects = ["*"]
"""
_DOMAINS = {"platform": "1", "storage": "2", "audit": "3"}
"""Accounts, by domain: those that can be named."""


def sha(text: str) -> str:
    """SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


GOOD, BAD = sha("as trained"), sha("trained again")


def when(time: str) -> str:
    """``09:00`` is of 8 March."""
    text = time if " " in time else f"{DAY} {time}"
    return f"{text.replace(' ', 'T')}{':00' if text.count(':') == 1 else ''}Z"


def line(time: str, model: str = "m1", event: str = "deploy.finish", **more: str) -> dict[str, str]:
    """A line of the deploy log; ``digest`` is the artifact's, ``commit`` the commit's."""
    named = {"digest": "sha256", "commit": "sha"}
    told = {named.get(key, key): value for key, value in more.items()}
    return {"ts": when(time), "event": event, "model": model, "version": "1", **told}


@dataclass(slots=True)
class Stage:
    """The folder of one case."""

    folder: Path
    server: s3_servers.Server | None = None
    """Where the incident is one of a bucket."""
    sources: dict[str, str] = field(default_factory=dict)
    """Tables of ``case.toml`` by source."""
    norms: list[Mapping[str, Any]] = field(default_factory=list)
    pairs: list[Mapping[str, Any]] = field(default_factory=list)
    text: str = ""
    """A whole case, where there is one already."""

    def log(
        self,
        *lines: Mapping[str, Any],
        name: str = "deploys",
        domain: str = "platform",
        fields: Mapping[str, Any] | None = None,
        subject: str = "model:{model}@{version}",
        attributes: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        """A log of JSON lines; told of again, the file is another."""
        text = "".join(json.dumps(one) + "\n" for one in lines)
        (self.folder / f"{name}.jsonl").write_text(text)
        mapped = {
            "time": "ts",
            "kind": "event",
            "actor": "user",
            "subject": subject,
            "attributes": attributes or {"artifact": "sha256", "commit": "sha", "run": "run"},
            **(fields or {}),
        }
        self.source(
            name,
            "deploylog",
            domain,
            path=f"{name}.jsonl",
            format="jsonl",
            fields=mapped,
            **options,
        )

    def table(
        self,
        *rows: Mapping[str, str],
        name: str,
        columns: Mapping[str, Any],
        domain: str = "platform",
        **options: Any,
    ) -> None:
        """A table that a system exports, as CSV."""
        heads = list(dict.fromkeys(key for row in rows for key in row))
        out = [heads, *([row.get(key, "") for key in heads] for row in rows)]
        text = "".join(",".join(cells) + "\r\n" for cells in out)
        (self.folder / f"{name}.csv").write_text(text)
        self.source(
            name, "records", domain, path=f"{name}.csv", format="csv", columns=columns, **options
        )

    def source(self, name: str, collector: str, domain: str, **options: Any) -> None:
        """A source of the case, with its options; ``claims`` are its claims."""
        claims: Iterable[Mapping[str, str]] = options.pop("claims", ())
        head = {"id": name, "collector": collector, "domain": domain, **options}
        text = "[[source]]\n" + _keys(head)
        self.sources[name] = text + "".join("[[source.claim]]\n" + _keys(one) for one in claims)

    def norm(self, rule: str, **parameters: Any) -> None:
        """A norm that the case declares."""
        self.norms.append({"rule": rule, **parameters})

    def pair(self, first: Mapping[str, str], second: Mapping[str, str], within: int) -> None:
        """Two records of one act, the second within so many seconds, as the case declares."""
        self.pairs.append({"first": first, "second": second, "within": [0, within]})

    def packaged(self) -> None:
        """The evidence of March 8, to be changed, and its case, asked about every subject."""
        recon.demo(self.folder / "march-8")
        self.folder = self.folder / "march-8"
        text = (self.folder / "case.toml").read_text()
        self.text = text.replace('["model:credit-risk@*"]', '["*"]')

    def collect(self) -> recon.Case:
        """Acquire what is there now."""
        (self.folder / "case.toml").write_text(self._toml())
        case = recon.open(self.folder)
        failures = [one for done in case.collect(again=True) for one in done.failures]
        if failures:
            raise AssertionError(failures)
        return case

    def _toml(self) -> str:
        domains = "".join(
            f'[domain.{name}]\norganisation = "acme"\naccount = "{account}"\n'
            for name, account in _DOMAINS.items()
        )
        norms = "".join("[[norm]]\n" + _keys(one) for one in self.norms)
        pairs = "".join("[[correspondence]]\n" + _keys(one) for one in self.pairs)
        return "\n".join([self.text or _CASE + domains, *self.sources.values(), norms, pairs])


def _keys(table: Mapping[str, Any]) -> str:
    return "".join(f"{key} = {_value(value)}\n" for key, value in table.items())


def _value(value: Any) -> str:
    """A value as TOML has it."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{json.dumps(key)} = {_value(one)}" for key, one in value.items())
        return f"{{ {inner} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(one) for one in value)}]"
    return json.dumps(value)
