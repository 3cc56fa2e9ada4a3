"""Damaged logs of every format: no parser fails, and no byte is lost without a word."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.deploylog import collector
from collectors.deploylog.options import NAMES
from recon import schema
from tests.collectors.deploylog.formats import Logs

CORPUS = Path(__file__).parents[2] / "corpus/deploylog/formats"
OURS = {"options.json", "expected.jsonl", "LICENSE-lnav.txt"}
SAMPLES = {
    name: [path.read_bytes() for path in sorted((CORPUS / name).iterdir()) if path.name not in OURS]
    for name in NAMES
    if name != "jsonl"
}
BITS = st.one_of(
    st.binary(max_size=6),
    st.sampled_from(
        [b"\n", b"\r\n", b'"', b"\\", b"{", b"}", b"[", b"]", b"\x00", b"\xff", b"\xef\xbb\xbf"]
    ),
    st.sampled_from([b"NaN", b"9" * 40, b"a" * 64, b"\x1b[2J", b"=", b" - ", b"<1>1 "]),
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn, name: str) -> bytes:
    """A sample of the format in which a few stretches are another."""
    data = draw(st.sampled_from(SAMPLES[name]))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        gone = draw(st.integers(0, 30))
        data = data[:at] + draw(BITS) + data[at + gone :]
    return data


def covered(logs: Logs, data: bytes) -> bytearray:
    """A one for each byte that some event cites."""
    seen = bytearray(len(data))
    starts = [0]
    while (at := data.find(b"\n", starts[-1])) >= 0:
        starts.append(at + 1)
    starts.append(len(data))
    for citation in logs.records()["citation"].unique():
        word, _, place = citation.partition(" ")
        if word == "line":
            first, last = starts[int(place) - 1], starts[int(place)]
        else:
            first, last = int(place.split("-")[0]) - 1, int(place.split("-")[1])
        seen[first:last] = b"\x01" * (last - first)
    return seen


@pytest.mark.parametrize("name", SAMPLES)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_byte_is_lost_in_silence(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
):
    """What no event cites is white space, or the brackets and commas around documents."""
    text = data.draw(damaged(name))
    options = json.loads((CORPUS / name / "options.json").read_text())
    logs = Logs(tmp_path_factory.mktemp("log"), {"a.log": text}, **options)
    seen = covered(logs, text)
    left = bytes(byte for byte, one in zip(text, seen, strict=True) if not one)
    assert (
        left.replace(b"\xef\xbb\xbf", b"").strip(b" \t\r\n[],\x0b\x0c\x1c\x1d\x1e\x1f\x85") == b""
    )
    schema.check(logs.parsed.events, schema.DRAFT, "test")
    ids = logs.events.select(schema.event_id())
    assert ids.n_unique() == ids.height
    again = collector.parse(logs.source, logs.items)
    assert again.events.collect().equals(logs.events)
    assert again.warnings == logs.parsed.warnings
