"""The two pages that guide a reader: ``README.txt`` and ``VERIFY.md``.

``VERIFY.md`` is for someone who distrusts us: every check in it uses stock tools alone.
Evidence text in it is escaped and stands in code blocks, which nothing in it can close.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from reports.exhibit import Told
from reports.glyphs import NAMED, printable, verbatim
from reports.natives import Produced
from reports.record import Record, converted

# PostgreSQL, "WAL Internals": a segment is named by 24 digits. Archives add `.partial`, pgBackRest
# a SHA-1, and each the suffix of its packing; no other name passes.
_SEGMENT = re.compile(
    r"([0-9A-F]{24})(?:\.partial)?(?:-[0-9a-f]{40})?(\.gz|\.zst|\.lz4|\.bz2|\.xz|)(?:\.partial)?"
)
_COPY = {
    "": ("cp", " "),
    ".gz": ("gzip -dc <", " > "),
    ".zst": ("zstd -dc <", " > "),
    ".lz4": ("lz4 -dc <", " > "),
    ".bz2": ("bzip2 -dc <", " > "),
    ".xz": ("xz -dc <", " > "),
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What the guides say of the production as a whole; every string is printable."""

    case: str
    title: str
    summary: str
    tool: str
    root: str
    head: str
    items: int
    custody: int
    methods: Sequence[str]
    not_produced: int
    changed_cells: int
    exhibits: Sequence[Told]
    natives: dict[str, Produced]


def readme(facts: Facts) -> str:
    """Reading order, contents, and what is not there."""
    exhibits = "".join(
        f"   data/PDF/{told.bates}.pdf   Exhibit {told.number}: {told.rule}, {told.verdict}\n"
        for told in facts.exhibits
    )
    none = "   (no finding)\n"
    produced = len(facts.natives)
    return f"""{facts.title}
Production of case {facts.case}, written by {facts.tool}.
Drafted by software; no person has certified anything in it.

READ IN THIS ORDER

1. data/PDF/{facts.summary}.pdf   the case: question, sources, findings, exceptions
2. The exhibits, one for each finding:
{exhibits or none}3. data/NATIVES/        the items as they were acquired, under their numbers
4. VERIFY.md            how to check all of it without any program of ours

WHAT IS WHERE

data/PDF/               documents; every page has its number in the footer
data/NATIVES/           {produced} of {facts.items} items: those that a finding cites or
                        an answer rests on, and siblings that a reader needs beside them
data/DATA/findings.json findings as data: records, steps, margins, innocent explanations
data/DATA/events.csv    the events that findings cite
data/DATA/timeline.parquet, coverage.parquet
                        all events, and what the sources prove to have recorded in full
data/DATA/natives.csv   number, SHA-256, source and native locator of every item produced
data/DATA/items.csv     the same of every item of the case; items.txt holds the hashes alone
data/DATA/bates.csv     every number used, with its pages
data/LOGS/custody.jsonl who fetched what, when and how; each entry holds the hash of the last
data/LOGS/exceptions.csv
                        what could not be read, could not be had, or was not run
bagit.txt, bag-info.txt, manifest-sha256.txt, tagmanifest-sha256.txt
                        BagIt 1.0 (RFC 8493)

WHAT TO KNOW

{facts.not_produced} items of the case are not produced; data/DATA/items.csv lists them.
In the CSV files {facts.changed_cells} cells are not as the source wrote them: one that begins with
= + - @ or a tab has an apostrophe before it, so that no spreadsheet computes it, and a character
that no terminal should be sent stands by its number, as ‹U+001B›.
The native files are as they were.
No file name here comes from the evidence. All times are UTC.
Evidence is hostile: open native files with tools that show bytes, not with programs that run them.
"""


def verify(facts: Facts) -> str:
    """How to check the bag, the evidence root, the custody log, and each finding."""
    parts = [
        _CHECK_BAG,
        _check_root(facts),
        _check_custody(facts),
        _reading(facts),
        *(_finding(told, facts.natives) for told in facts.exhibits),
    ]
    return "\n".join(parts)


_CHECK_BAG = """# How to check this production

You need no program of ours, and no trust in it.
Run the commands in a copy of the folder that holds this file: some make files of their own.
They use `sha256sum`, `sort`, `tail`, `git`, PostgreSQL's `pg_waldump` and `pg_restore`, and
`openssl`, each from your own system.
`pg_waldump` is often not on the path: Debian keeps it in `/usr/lib/postgresql/MAJOR/bin`.
What a command does to a native file is read it.

## 1. Nothing was changed, lost or added since the bag was made

```sh
sha256sum -c manifest-sha256.txt
sha256sum -c tagmanifest-sha256.txt
find data -type f | wc -l; wc -l < manifest-sha256.txt
```

Every line must say `OK`, and the two numbers must be the same.
This shows that the bag agrees with itself.
Whoever could replace all of it could replace its manifests too, so compare the next number with
one that reached you another way:

```sh
sha256sum tagmanifest-sha256.txt
openssl dgst -sha256 tagmanifest-sha256.txt
```
"""


def _check_root(facts: Facts) -> str:
    return f"""## 2. The exhibits speak of these items

Every exhibit prints the root of the evidence, one hash over the hashes of all items:

```sh
sha256sum data/DATA/items.txt
```

must print `{facts.root}`.
Each native file must have a hash that is in that list; the next command must print nothing:

```sh
find data/NATIVES -type f -exec sha256sum {{}} + | cut -c1-64 | sort -u |
  comm -23 - data/DATA/items.txt
```
"""


def _check_custody(facts: Facts) -> str:
    return f"""## 3. The custody log is whole

Each of its {facts.custody} lines holds, as `previous`, the SHA-256 of the line before it without
its newline; the first holds 64 zeros.
This prints every line that breaks the chain, and must print nothing:

```sh
previous=$(printf '0%.0s' $(seq 64))
while IFS= read -r line; do
  case $line in *"\\"previous\\":\\"$previous\\""*) ;; *) printf '%s\\n' "$line" ;; esac
  previous=$(printf '%s' "$line" | sha256sum | cut -c1-64)
done < data/LOGS/custody.jsonl
```

The hash of the last line must be `{facts.head}`:

```sh
tail -n 1 data/LOGS/custody.jsonl | tr -d '\\n' | sha256sum
```
"""


def _reading(facts: Facts) -> str:
    methods = "".join(f"- {each}\n" for each in facts.methods)
    tab = "\t"
    none = "- its own readers alone\n"
    return f"""## 4. How native files are read

The tool read the items with:

{methods or none}
{_segments(facts)}`git clone --mirror FILE.bundle FOLDER` opens a git bundle and checks no file out.
An escape such as {NAMED[tab]} or ‹U+202E› in a command stands for a character that must not
be pasted; such a command is to be read, not run.
"""


def _segments(facts: Facts) -> str:
    """Commands that give WAL segments the names that ``pg_waldump`` wants, where there are any."""
    copies = [
        f"{command} {one.path}{to}wal-{one.item.source}/{name[1]}\n"
        for one in facts.natives.values()
        if (name := _SEGMENT.fullmatch(one.item.native.rpartition("/")[2]))
        for command, to in [_COPY[name[2] or ""]]
    ]
    if not copies:
        return ""
    folders = " ".join(sorted({copy.split()[-1].partition("/")[0] for copy in copies}))
    return f"""`pg_waldump` wants a WAL segment under the name that it had.
To read more than single records, give it the neighbours too:

```sh
mkdir -p {folders}
{"".join(copies)}```

"""


def _finding(told: Told, natives: dict[str, Produced]) -> str:
    lines = [
        f"## Exhibit {told.number} ({told.bates}): {told.rule}, {told.verdict}",
        "",
        f"Finding `{told.finding}`, on:",
        "",
        *_code([told.subject]),
        "The tool states:",
        "",
        *_code([told.statement]),
    ]
    for record in told.records:
        lines += _record(record, natives)
    return "\n".join(lines)


def _record(record: Record, natives: dict[str, Produced]) -> list[str]:
    head = [f"### Record {record.label}: {printable(record.role)}", ""]
    produced = natives.get(record.item.sha256) if record.item else None
    if record.item is None or produced is None:
        return [*head, "Its item could not be read, and is not produced.", ""]
    commands = [f"echo '{record.item.sha256}  {produced.path}' | sha256sum -c -"]
    if record.how:
        commands += command(record.how, produced).split("\n")
    if (digest := converted(record)) is not None:
        commands.append(f"printf %s {digest[0]} | base64 -d | od -An -v -t x1 | tr -d ' \\n'")
    return [
        *head,
        f"Stands at the following place of `{produced.path}`, and the commands show it:",
        "",
        *_code([verbatim(str(record.event.get("citation") or "the whole item"))]),
        *_code([verbatim(line) for line in commands]),
    ]


def command(how: str, produced: Produced) -> str:
    """A collector's stock command for an item, for the file as it is named here."""
    return how.replace("ITEM", shlex.quote(produced.path))


def _code(lines: Sequence[str]) -> list[str]:
    """An indented code block: it ends where the indentation does, whatever the lines hold."""
    return [*(f"    {line}" for line in lines), ""]
