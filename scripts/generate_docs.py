"""Write docs/*.md from the code: the catalogue of rules, the commands, the errors, the options.

Run by ``make docs``; a test fails where the files differ from what this writes.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from recon import errors, registry
from recon.cli import app
from recon.config import Norm
from recon.declared import Check, Retention
from recon.norms import PARAMETERS, PRESETS
from recon.prose import VERDICTS, WITNESSES
from recon.rules import RULES
from recon.time.laws import LAWS

if TYPE_CHECKING:
    from pydantic import BaseModel

DOCS = Path(__file__).resolve().parent.parent / "docs"
_CODES = (
    "Every command exits with 0 where nothing disagrees, 1 with findings, 2 for usage, "
    "3 for a bad case or input, 4 for a source that is unreachable or refuses, "
    "5 for evidence that does not match its hash, 70 for a fault in recon.\n"
)
_NOTE = "<!-- Written by `make docs` from the code. -->\n"


def rules() -> str:
    """The catalogue: a section per rule, of one form."""
    parts = [
        _NOTE,
        "# Rules\n",
        "A rule is a pure function from the timeline to findings.",
        "One whose kinds of events are not in the timeline is *not run*, which is never a pass.\n",
        "| verdict | means |\n| --- | --- |",
        *(f"| `{verdict}` | {means} |" for verdict, means in VERDICTS.items()),
        "",
        "| witness | means |\n| --- | --- |",
        *(f"| `{witness}` | {means} |" for witness, means in WITNESSES.items()),
    ]
    for rule in RULES:
        text = inspect.cleandoc(rule.definition)
        for word in ("Undetermined", "Observation", "Innocent", "Source", "Missing"):
            text = re.sub(rf"^({word})\b", r"\n**\1**", text, flags=re.MULTILINE)
        kind = "Judges a norm: runs where the case declares it." if rule.is_norm else ""
        parts += [
            f"\n## {rule.name}\n",
            re.sub(r"\n{3,}", "\n\n", text.replace("``", "`")),
            f"\n**Needs** {', '.join(_need(need) for need in rule.needs)}. {kind}".rstrip(),
        ]
    return "\n".join(parts) + "\n"


def _need(need: str) -> str:
    """One kind, or several of which one is enough."""
    return " or ".join(f"`{kind}`" for kind in need.split("|"))


def laws() -> str:
    """Every law: what is forced and by what, and where it is not."""
    parts = [
        _NOTE,
        "# Laws and norms\n",
        "A law is an order of two records that no clock can change: T(before) ≤ T(after).",
        "`timeline/relations.parquet` holds each pair once, with the law's name and its reason.",
        "Only what cryptography or the medium forces is a law.",
        "A proof rests on laws, and never on a norm.",
    ]
    for law in LAWS:
        text = inspect.cleandoc(law.definition)
        for word in ("Forced", "No law", "Source"):
            text = re.sub(rf"^({word})\b", r"\n**\1**", text, flags=re.MULTILINE)
        parts += [f"\n## {law.name}\n", re.sub(r"\n{3,}", "\n\n", text)]
    parts += [
        "\n## Norms\n",
        "A norm is what a policy promises, and is judged only where `case.toml` declares it.",
        "Its breach is unusual and never impossible; no clock is bounded by it.\n",
        _table("[[norm]]", Norm),
        "Parameters, by rule:\n",
        *(
            f"- `{rule}`: {', '.join(f'`{key}`' for key in keys)}"
            for rule, keys in PARAMETERS.items()
        ),
        "\nPresets:\n",
        *(f"- `{name}`: {', '.join(f'`{rule}`' for rule in own)}" for name, own in PRESETS.items()),
        "\n## Retention and checks\n",
        "What `recon audit` goes by ([the self-audit](audit.md)).\n",
        _table("[[retention]]", Retention),
        _table("[[check]]", Check),
    ]
    return "\n".join(parts) + "\n"


def commands() -> str:
    """Every command's help as the terminal shows it."""
    group = typer.main.get_command(app)
    parts = [
        _NOTE,
        "# Commands\n",
        _CODES,
    ]
    for name, command in sorted(group.commands.items()):  # type: ignore[attr-defined]
        context = typer.Context(command, info_name=f"recon {name}")
        context.terminal_width = context.max_content_width = 96
        text = command.get_help(context).strip()
        parts.append(f"## {name}\n\n```text\n{text}\n```\n")
    return "\n".join(parts)


def error_table() -> str:
    """Every error class with its exit code."""
    classes = [
        one
        for one in vars(errors).values()
        if inspect.isclass(one) and issubclass(one, errors.ReconError)
    ]
    rows = [
        f"| `{one.__name__}` | {one.exit_code} | {inspect.cleandoc(one.__doc__ or '')} |"
        for one in sorted(classes, key=lambda one: (one.exit_code, one.__name__))
    ]
    head = "A message says what was expected, what was found, where, and what to do.\n"
    table = "| error | exit code | means |\n| --- | --- | --- |"
    return "\n".join([_NOTE, "# Errors\n", head, table, *rows]) + "\n"


def collectors() -> str:
    """Every collector's options and claims, with its example."""
    parts = [_NOTE, "# Collectors\n"]
    for name in registry.collector_names():
        collector = registry.collector(name)
        parts += [f"## {name}\n", _table("[[source]]", collector.options)]
        if collector.claim is not None:
            parts.append(_table("[[source.claim]]", collector.claim))
        parts.append(f"```toml\n{collector.example.strip()}\n```\n")
    return "\n".join(parts)


def _table(title: str, model: type[BaseModel]) -> str:
    rows = [
        f"| `{name}` | {'yes' if field.is_required() else 'no'} | "
        f"{' '.join((field.description or '').split()).replace('|', chr(92) + '|')} |"
        for name, field in model.model_fields.items()
    ]
    return "\n".join([f"`{title}`\n", "| key | needed | means |\n| --- | --- | --- |", *rows, ""])


PAGES = {
    "rules.md": rules,
    "laws.md": laws,
    "commands.md": commands,
    "errors.md": error_table,
    "collectors.md": collectors,
}


def main() -> None:
    """Write all pages."""
    DOCS.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
