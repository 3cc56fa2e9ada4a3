"""``log_line_prefix`` as an anchored regular expression.

The escapes are those of PostgreSQL's documentation, "Error Reporting and Logging",
``log_line_prefix``. A number between ``%`` and its letter pads: negative on the right, positive
on the left. What stands behind ``%q`` is left out by processes that serve no session.
The expression is the same for Python's ``re`` and for polars, and reads one line without its end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

_STAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}"
# A zone's abbreviation, or where it has none its offset (IANA tz database, theory.html).
_ZONE = r"[A-Za-z0-9<>+:/_-]{1,40}"
_GROUPS = {
    "m": ("m", rf"{_STAMP}\.[0-9]{{3}} {_ZONE}"),
    "t": ("t", rf"{_STAMP} {_ZONE}"),
    "n": ("n", r"[0-9]{1,11}\.[0-9]{3}"),
    "u": ("user", r".*?"),
    "d": ("database", r".*?"),
    "a": ("application", r".*?"),
    "h": ("host", r".*?"),
    "r": ("remote", r".*?"),
    "p": ("pid", r"[0-9]{1,10}"),
    "c": ("session", r"[0-9a-f]{1,16}\.[0-9a-f]{1,8}"),
    "x": ("xid", r"[0-9]{1,10}"),
    "v": ("vxid", r"(?:-?[0-9]{1,10}/[0-9]{1,20})?"),
    "e": ("state", r"[0-9A-Z]{5}"),
}
_OTHERS = {
    "b": r".*?",
    "L": r".*?",
    "i": r".*?",
    "P": r"[0-9]*",
    "l": r"[0-9]+",
    "s": rf"{_STAMP} {_ZONE}",
    "Q": r"-?[0-9]+",
}
_FREE = ("user", "database", "application", "host", "remote")
_ESCAPE = re.compile(r"%(-?[0-9]+)?(.)", re.DOTALL)
TIMES = ("m", "n", "t")
"""Groups that hold the time of the message, the finest first."""
# One word in any language, then a colon and two spaces (elog.c writes it so).
# Written so that the automaton stays small: \w of all Unicode makes it ten times slower.
_MESSAGE = "(?P<severity>[A-Za-z0-9\x80-\U0010ffff]+):  (?P<message>.*)$"


@dataclass(frozen=True, slots=True)
class Prefix:
    """A compiled ``log_line_prefix``."""

    text: str
    """As in ``postgresql.conf``."""
    pattern: str
    """Of the first line of a message, or of one of its parts (``DETAIL``)."""
    groups: tuple[str, ...]
    """Named groups of the pattern, ``severity`` and ``message`` among them."""
    free: tuple[str, ...]
    """Groups whose text a client chooses, so that it may look like what follows it."""
    ends: tuple[str, ...]
    """What follows each of them in the prefix: read up to where it first stands."""


@cache
def compile_prefix(text: str) -> Prefix:
    """The expression of a prefix; an escape that stands twice is read where it stands first."""
    out = ["^"]
    groups: list[str] = []
    ends: dict[str, str] = {}
    at, optional = 0, False
    matches = list(_ESCAPE.finditer(text))
    for match, following in zip(matches, [*matches[1:], None], strict=False):
        out.append(re.escape(text[at : match.start()]))
        at = match.end()
        padding, letter = match.group(1), match.group(2)
        if letter == "%":
            out.append("%")
        elif letter == "q":
            # Left out rather than read, where both are possible.
            out.append("" if optional else "(?:")
            optional = True
        else:
            known = len(groups)
            out.append(_escape(letter, padding, groups))
            if groups[known:] and groups[-1] in _FREE:
                ends[groups[-1]] = text[at : following.start() if following else None]
    out.append(re.escape(text[at:]))
    if optional:
        out.append(")??")
    groups += ["severity", "message"]
    return Prefix(text, "".join(out) + _MESSAGE, tuple(groups), tuple(ends), tuple(ends.values()))


def _escape(letter: str, padding: str | None, groups: list[str]) -> str:
    if letter in _GROUPS:
        name, body = _GROUPS[letter]
        if name in groups:
            body = f"(?:{body})"
        else:
            groups.append(name)
            body = f"(?P<{name}>{body})"
    elif letter in _OTHERS:
        body = f"(?:{_OTHERS[letter]})"
    else:
        return ""  # elog.c passes over what it does not know
    if padding is None:
        return body
    # A process without a session prints spaces alone.
    return rf"(?:{body} *| +)" if padding.startswith("-") else rf"(?: *{body}| +)"
