"""Damaged files of every format: no parser fails, and no entry is lost without a word."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.lineage import collector
from collectors.lineage.options import NAMES
from recon import schema
from tests.collectors.lineage.lineages import Lineages

CORPUS = Path(__file__).parents[2] / "corpus/lineage"
OURS = {"options.json", "expected.jsonl"}
SAMPLES = {
    name: [
        path.read_bytes()
        for path in sorted((CORPUS / name).iterdir())
        if path.name not in OURS and path.suffix not in {".pem", ".crt"}
    ]
    for name in NAMES
}
BITS = st.one_of(
    st.binary(max_size=6),
    st.sampled_from(
        [b"\n", b"\r\n", b'"', b"\\", b"{", b"}", b"[", b"]", b"\x00", b"\xff", b"\xef\xbb\xbf",
         b"NaN", b"9" * 40, b"a" * 64, b"\x1b[2J", b"null", b"&a ", b"*a", b"- ", b": ", b"---\n",
         b"\\ud800", b"[" * 200]
    ),
)  # fmt: skip


_MORE = re.compile(r"the same sort of warning for (\d+) places from here on")


@st.composite
def damaged(draw: st.DrawFn, name: str) -> bytes:
    """A sample of the format in which a few stretches are another."""
    data = draw(st.sampled_from(SAMPLES[name]))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        gone = draw(st.integers(0, 30))
        data = data[:at] + draw(BITS) + data[at + gone :]
    return data


def spoken_of(read: Lineages) -> set[str]:
    """Every place that an event or a warning cites."""
    return {*read.records()["citation"], *(w.citation for w in read.parsed.warnings)}


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=7, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_file_is_read_in_silence(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
):
    text = data.draw(damaged(name))
    folder = tmp_path_factory.mktemp("lineage")
    read = Lineages(folder, {"a": text}, format=name)
    schema.check(read.parsed.events, schema.DRAFT, "test")
    ids = read.events.select(schema.event_id())
    assert ids.n_unique() == ids.height
    assert spoken_of(read)
    unread = read.own().filter(kind="lineage.unread")["citation"]
    said = {w.citation for w in read.parsed.warnings}
    # Of one sort so many are named, and the rest counted.
    counted = [_MORE.search(w.message) for w in read.parsed.warnings]
    assert len(set(unread) - said) <= sum(int(one[1]) for one in counted if one)
    again = collector.parse(read.source, read.items)
    assert again.events.collect().equals(read.events)
    assert again.warnings == read.parsed.warnings


LINES = ("openlineage", "otlp", "attestation")


@pytest.mark.parametrize("name", LINES)
@settings(max_examples=7, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_lines_read_are_events_and_warnings(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
):
    """Every line that holds something is cited by an event or a warning."""
    good = [line for one in SAMPLES[name] for line in one.split(b"\n") if line.startswith(b"{")]
    lines = data.draw(st.lists(st.one_of(st.sampled_from(good), BITS), min_size=2, max_size=6))
    lines = [one.replace(b"\n", b"") for one in lines]
    folder = tmp_path_factory.mktemp("lineage")
    # The first line is no JSON, so that the file is no document of several lines.
    read = Lineages(folder, {"a": b"\n".join([b"{x", *lines])}, format=name)
    wanted = {f"line {n}" for n, line in enumerate([b"{x", *lines], 1) if line.strip()}
    assert {one for one in spoken_of(read) if one} == wanted


LISTS = {
    "lakefs": ["results"],
    "cyclonedx": ["components", "dependencies"],
    "spdx": ["packages", "files", "relationships", "@graph"],
    "prometheus": ["data/result"],
    "mlflow": ["registered_models", "model_versions", "runs", "experiments", "models"],
}
"""Lists of a document whose elements are entries."""
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


def entries(value: Any, path: str) -> Iterator[str]:
    here = value
    for key in path.split("/"):
        here = here.get(key) if isinstance(here, dict) else None
    for number in range(len(here) if isinstance(here, list) else 0):
        yield f"/{path}/{number}"


@pytest.mark.parametrize("name", LISTS)
@settings(max_examples=7, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_entries_read_are_events_and_warnings(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
):
    """Every element of a format's lists is cited, whatever it is."""
    samples = [json.loads(one) for one in SAMPLES[name] if one.startswith(b"{")]
    value = data.draw(st.sampled_from(samples))
    value = json.loads(json.dumps(value))
    for path in LISTS[name]:
        *above, last = path.split("/")
        holder = value
        for key in above:
            holder = holder.get(key, {})
        if isinstance(holder.get(last), list):
            for entry in holder[last]:
                if isinstance(entry, dict) and entry and data.draw(st.booleans()):
                    entry[data.draw(st.sampled_from(sorted(entry)))] = data.draw(JSON)
            holder[last] += data.draw(st.lists(JSON, max_size=2))
    folder = tmp_path_factory.mktemp("lineage")
    text = json.dumps(value, indent=1).encode()
    read = Lineages(folder, {"a": text}, format=name)
    wanted = {place for path in LISTS[name] for place in entries(value, path)}
    # A document that is refused as a whole is said to be so.
    refused = {"/"} & {w.citation for w in read.parsed.warnings if w.severity == "error"}
    assert wanted <= spoken_of(read) or refused
