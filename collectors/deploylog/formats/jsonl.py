"""JSON lines by the case's own mapping: see :mod:`collectors.deploylog` for a sample."""

from __future__ import annotations

from collectors.deploylog.formats.base import Format, json_lines

FORMAT = Format("jsonl", "JSON lines, RFC 8259", json_lines)
