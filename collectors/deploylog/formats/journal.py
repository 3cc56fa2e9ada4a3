"""The systemd journal, as ``journalctl -o json`` or ``-o export`` prints it.

A real sample of each (shortened; the JSON stands on one line)::

    {"__CURSOR": "s=e991dd5775894620914f2f7126aae6c1;i=372a;b=0dc874d3fbd44bdbb6fbcfaa27481492;…",
     "__REALTIME_TIMESTAMP": "1534860261221373", "_HOSTNAME": "imx6ul-medusa", "_UID": "0",
     "SYSLOG_IDENTIFIER": "python", "_SYSTEMD_UNIT": "gps.service", "MESSAGE": "longitude: 7.35"}

    __CURSOR=s=e991dd5775894620914f2f7126aae6c1;i=372b;…
    __REALTIME_TIMESTAMP=1534860261221373
    _HOSTNAME=imx6ul-medusa
    MESSAGE=latitude: 46.90
    <blank line>

``__REALTIME_TIMESTAMP`` (µs) is when the journal took the entry in, by the machine's clock: it is
stamped, by the clock ``log:ID/HOST``. ``_SOURCE_REALTIME_TIMESTAMP``, where there is one, is the
sender's reading of the same act, and not read beside it.
The cursor holds a number that the journal counts up (``i``, within ``s``): what is missing between
two entries is said. Most exports are of one unit, and then most numbers are not there.
A field that is no text (an array of bytes, a list) is left out and named.
A ``pattern`` of the case is matched with ``MESSAGE``.

Source: systemd, ``systemd.journal-fields(7)``, Journal Export Formats, Journal JSON Format.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

import polars as pl

from collectors.deploylog.formats.base import Format, Reading, batches, cited, joined, key
from collectors.jsonlines import MAX_LINE, read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collectors.deploylog.options import DeployLogOptions

_KEYS = (
    "__CURSOR", "__REALTIME_TIMESTAMP", "__SEQNUM", "__SEQNUM_ID", "_HOSTNAME", "_SYSTEMD_UNIT",
    "SYSLOG_IDENTIFIER", "MESSAGE",
)  # fmt: skip
MAX_ENTRY = 64 << 20
"""Bytes of the longest entry that is read."""
_SIZE = 8
"""Bytes of the length before a binary field, little-endian."""


def _records(reading: Reading) -> Iterator[pl.DataFrame]:
    with reading.path.open("rb") as file:
        head = file.read(4096).lstrip()
    if head.startswith(b"{") or not head:
        for frame in read(reading.path, reading.keys, after=reading.after):
            yield cited(frame)
        return
    with reading.path.open("rb") as file:
        file.seek(reading.after[0])
        # Entry by entry, as a binary field says its own length.
        yield from batches(_entries(file, reading.after[1] + 1, reading.keys), reading.keys)


def _entries(file: IO[bytes], line: int, keys: tuple[str, ...] | Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401
    start, number = file.tell(), line
    found: dict[str, list[bytes]] = {}
    shown: list[bytes] = []
    problem: str | None = None
    while True:
        if problem is None and file.tell() - start > MAX_ENTRY:
            problem = f"expected an entry of at most {MAX_ENTRY} bytes; found a longer one"
            found, shown = {}, []
        text = file.readline(MAX_LINE + 1)
        if text in {b"\n", b""}:
            if found or problem:
                end = file.tell() - len(text)
                yield _row(found, shown, keys, problem, (start, end, number, text == b"\n"))
            if not text:
                return
            start, number = file.tell(), line + 1
            found, shown, problem = {}, [], None
        elif problem is None:
            name, mark, value = text.partition(b"=")
            if len(text) > MAX_LINE:
                problem = f"expected a field of at most {MAX_LINE} bytes; found a longer one"
            elif mark and text.endswith(b"\n"):
                found.setdefault(name.decode("ascii", "replace"), []).append(value[:-1])
                shown.append(text)
            elif mark or not text.endswith(b"\n"):
                problem = "expected a field that ends; found the end of the file within it"
            else:
                problem, extra = _binary(file, name[:-1], found, shown)
                line += extra
        line += 1


def _binary(
    file: IO[bytes], name: bytes, found: dict[str, list[bytes]], shown: list[bytes]
) -> tuple[str | None, int]:
    """A field with its length before it: what is wrong with it, and the line feeds within."""
    head = file.read(_SIZE)
    size = int.from_bytes(head, "little")
    if len(head) < _SIZE or size > MAX_LINE:
        return (
            f"expected a field of at most {MAX_LINE} bytes; found {size}, or no length",
            head.count(b"\n"),
        )
    value = file.read(size)
    end = file.read(1)
    if len(value) < size or end != b"\n":
        return "expected a field that ends; found another length than it says", (
            head + value + end
        ).count(b"\n")
    found.setdefault(name.decode("ascii", "replace"), []).append(value)
    shown.append(name + b"=" + value + b"\n")
    return None, (head + value + end).count(b"\n")


def _row(
    found: dict[str, list[bytes]], shown: list[bytes], keys: Any, problem: str | None,  # noqa: ANN401
    place: tuple[int, int, int, bool],
) -> dict[str, Any]:  # fmt: skip
    start, end, line, ended = place
    row: dict[str, Any] = {
        "line": line,
        "offset": start,
        "text": None if problem else b"".join(shown).decode("utf-8", "replace"),
        "ended": ended,
        "problem": problem,
        "blank": False,
        "citation": f"bytes {start + 1}-{end}",
    }
    odd = []
    for name in keys if problem is None else ():
        values = found.get(name, [])
        if not values:
            continue
        try:
            text = values[0].decode()
        except UnicodeDecodeError:
            text = ""
        if len(values) > 1 or (values[0] and not text):
            odd.append(name)
        else:
            row[f"={name}"] = text
    row["odd"] = ", ".join(odd) or None
    return row


def _derive(_: DeployLogOptions) -> Mapping[str, pl.Expr]:
    counted = key("__CURSOR").str.extract(r";i=([0-9a-f]{1,15})(?:;|$)")
    return {
        "time": key("__REALTIME_TIMESTAMP"),
        "kind": joined(".", pl.lit("journal"), key("SYSLOG_IDENTIFIER")),
        "actor": key("_SYSTEMD_UNIT"),
        "host": key("_HOSTNAME"),
        "sequence": pl.coalesce(
            key("__SEQNUM"), counted.str.to_integer(base=16, strict=False).cast(pl.String)
        ),
        "run": pl.coalesce(
            key("__SEQNUM_ID"), key("__CURSOR").str.extract(r"(?:^|;)s=([0-9a-f]+)")
        ),
    }


FORMAT = Format(
    "journal",
    "systemd journal, JSON or export format",
    _records,
    keys=_KEYS,
    derive=_derive,
    message="MESSAGE",
    stamped=True,
    ordered=False,
)
