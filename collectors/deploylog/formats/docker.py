r"""Docker's json-file logs: one JSON object a line, dated by the daemon to the nanosecond.

A real sample (the log of a container, as the daemon keeps it)::

    {"log":"started 2.3.1\n","stream":"stdout","time":"2016-01-07T16:49:10.237222729Z"}
    {"log":"\u001b[31mmissing\u001b[0m\r\n","stream":"stderr","time":"2016-01-07T16:49:10.2Z"}

The daemon dates a line as it takes it in, so its time is stamped; the text is the program's own.
Keys: ``log``, ``stream``, ``time``, ``attrs`` (labels that the daemon was told to keep).
A ``pattern`` of the case is matched with ``log``.
Two streams are copied side by side, so the order of lines is of arrival and makes no law.

Source: Docker documentation, JSON File logging driver; moby, ``daemon/logger/jsonfilelog``.
"""

from __future__ import annotations

import polars as pl

from collectors.deploylog.formats.base import Format, json_lines, key

FORMAT = Format(
    "docker",
    "Docker json-file",
    json_lines,
    keys=("time", "stream", "log"),
    derive=lambda _: {
        "time": key("time"),
        "kind": pl.concat_str(pl.lit("docker."), key("stream")),
    },
    message="log",
    stamped=True,
    ordered=False,
)
