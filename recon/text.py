"""Evidence text made safe to show: the native keeps the bytes, and what is shown says so."""

from __future__ import annotations

import unicodedata

# Cc controls, Cf formats (bidi marks, zero-width), Cs lone surrogates, Co private use,
# Cn unassigned, Zl and Zp line and paragraph separators (Unicode general categories).
_UNSHOWN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def clean(text: str, *, keep: str = "", limit: int | None = None) -> str:
    """Text with every control, bidi mark and unassigned character as ``‹U+202E›``.

    A literal ``‹`` becomes an escape itself, so that no text can pass for one.

    Args:
        text: anything a source said.
        keep: characters left alone although they are controls, such as a newline and a tab.
        limit: at most this many characters of the source's text; what is cut is counted.
    """
    cut = 0
    if limit is not None and len(text) > limit:
        cut = len(text) - limit
        text = text[:limit]
    if not (text.isascii() and text.isprintable()):
        text = "".join(
            c
            if c in keep or (unicodedata.category(c) not in _UNSHOWN and c != "‹")
            else f"‹U+{ord(c):04X}›"
            for c in text
        )
    return f"{text}… ({cut} more characters)" if cut else text


def one_line(text: str, limit: int = 200) -> str:
    """Text for one line of a terminal or a table cell."""
    return clean(text, limit=limit)
