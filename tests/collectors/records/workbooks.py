"""Workbooks written by an independent program, XlsxWriter."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import xlsxwriter

HEAD = ["Server", "Package", "Version", "Checked"]


def workbook(write: Callable[[Any], None], **options: Any) -> bytes:
    """The bytes of a workbook that a function fills."""
    out = BytesIO()
    book = xlsxwriter.Workbook(out, options)
    write(book)
    book.close()
    return out.getvalue()
