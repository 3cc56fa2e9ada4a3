"""Lines of a large file are taken apart where they lie: what comes of them is the same."""

from __future__ import annotations

import random
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from collectors import apart, jsonlines, spans
from collectors.reading import bare_columns
from collectors.shapes import read_shapes, shape
from tests.collectors.deploylog.logs import Log

KEYS = ("ts", "event", "a.b", "n", "sha256")
DIGEST = "0f343b0931126a20f133d67c2b018a3b5d0c1f3b8a27c0e4e0a35f2d1b7f0a4f"
LINE = (
    f'{{"ts": "2026-02-14T09:31:07Z", "event":"deploy.start", "a": {{"b": "x", "c": null}},'
    f' "n": -12.5e3, "ok": true, "list": ["y", 1], "sha256": "{DIGEST}"}}'
)
ODD = [
    "", " \t", "{}", "[]", "null", "{" * 50, LINE + " ", LINE + "\t \r", " " + LINE, LINE + LINE,
    LINE + "x", LINE[:-1], LINE[:40], LINE + "\x0b", LINE.replace("-12.5e3", "012"),
    LINE.replace("-12.5e3", "-"), LINE.replace("-12.5e3", "1."), LINE.replace("-12.5e3", "1e"),
    LINE.replace("-12.5e3", "1e+4"), LINE.replace("-12.5e3", "0.25"),
    LINE.replace("-12.5e3", "1" * 31), LINE.replace("-12.5e3", "1" * 32),
    LINE.replace("-12.5e3", "1." + "3" * 30), LINE.replace("-12.5e3", "1." + "3" * 31),
    LINE.replace("-12.5e3", "1e12345"), LINE.replace("-12.5e3", '"12"'),
    LINE.replace("true", "false"), LINE.replace("true", "tru"), LINE.replace("true", "True"),
    LINE.replace("true", "null"), LINE.replace("null", "true"),
    LINE.replace('"x"', r'"x\n"'), LINE.replace('"x"', r'"\ud800"'), LINE.replace('"x"', '"x\x00"'),
    LINE.replace('"x"', '"x\x7f"'), LINE.replace('"x"', '"ü€😀"'), LINE.replace('"x"', '""'),
    LINE.replace('"x"', '"' + "z" * 13 + '"'), LINE.replace('"x"', '"' + "z" * 12 + '"'),
    LINE.replace('"x"', '"' + "z" * 70_000 + '"'), LINE.replace('"x"', f'"see {DIGEST}"'),
    LINE.replace('"x"', f'"{DIGEST[:40]}"'), LINE.replace(DIGEST, DIGEST.upper()),
    LINE.replace(DIGEST, "none"), LINE.replace('"ok"', '"ts"'), LINE.replace('"ok"', '"oK"'),
    LINE.replace('"event":', '"event": '), LINE.replace('{"b": "x", "c": null}', "3"),
    '{"ts": "1", "event": "x"}', '{"event": "x", "ts": "1"}', '{"ts": 1771061621}',
]  # fmt: skip


def both(path: Path, data: bytes, chunk: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Every line by the patterns, and by the loop."""
    path.write_bytes(data)
    out = []
    for large in (1 << 40, 0):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(jsonlines, "LARGE", large)
            frames = list(jsonlines.read(path, KEYS, chunk))
        out.append(pl.concat(frames, how="diagonal") if frames else pl.DataFrame())
    return out[0], out[1]


def alike(one: pl.DataFrame, other: pl.DataFrame) -> None:
    """Which columns hold the digests may be said in two ways, and both be right."""
    aside = ("digests", "digested", "held")
    columns = [n for n in one.columns if n not in aside and not n.startswith("~")]
    assert_frame_equal(one.select(columns), other.select(columns))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("chunk", [400, 3000, 1 << 20])
def test_the_loop_reads_what_the_patterns_read(tmp_path: Path, seed: int, chunk: int):
    rng = random.Random(seed)  # noqa: S311
    lines = [rng.choice(ODD) if rng.random() < 0.3 else LINE for _ in range(120)]
    data = "\n".join(lines).encode() + rng.choice([b"", b"\n"])
    if seed == 1:
        data = b"\xef\xbb\xbf" + data
    if seed == 2:
        data = data.replace(b"deploy", b"depl\xffy", 2)
    alike(*both(tmp_path / "x", data, chunk))


@pytest.mark.parametrize("line", ODD)
def test_a_line_has_a_shape_by_the_loop_as_by_the_pattern(line: str):
    if "\n" in line:
        return
    rows = [LINE, line, LINE]
    data = "\n".join(rows).encode()
    lines = apart.Lines.of(data + bytes(7), len(data), len(rows))
    found, left = apart.read(lines, KEYS, [one for one in [shape(LINE, KEYS)] if one])
    known = [one for one in [shape(LINE, KEYS)] if one]
    expected, rest = read_shapes(pl.Series("text", rows), KEYS, known)
    assert left.tolist() == rest.to_list()
    assert len(found) == len(expected)
    for (one, frame, bare), (same, other) in zip(found, expected, strict=True):
        assert one == same
        assert_frame_equal(frame, other.drop(" ", strict=False), check_dtypes=False)
        assert bare == (bare_columns([other[n] for n in one.texts]) if one.whole else None)


def test_events_of_a_large_log_are_those_of_a_small_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    line = (
        '{{"ts": "2026-02-14T09:{n:02}:07.1Z", "event": "deploy.start", "user": "ci", '
        f'"model": "m", "version": "1.{{n}}", "sha256": "{DIGEST}"}}}}'
    )
    rows = [line.format(n=n) for n in range(40)]
    rows[7:7] = ["", '{"ts": 1', rows[3].replace("ci", f"see {DIGEST[:40]}"), rows[4][:-1] + ","]
    data = "\n".join(rows).encode()
    small = Log(tmp_path / "small", data)
    monkeypatch.setattr(jsonlines, "LARGE", 0)
    large = Log(tmp_path / "large", data)
    assert_frame_equal(
        large.events.drop("earliest", "latest"), small.events.drop("earliest", "latest")
    )
    assert_frame_equal(large.records(), small.records())
    assert large.said() == small.said()
    assert any("found text that is none" in said for said in large.said())


@given(st.text(max_size=60).filter(lambda text: "\n" not in text), st.data())
def test_texts_by_their_places_are_the_texts(text: str, data: st.DataObject):
    letters = [one.encode() for one in text]
    ends = np.cumsum([0, *(len(one) for one in letters)])
    places = data.draw(
        st.lists(st.tuples(*(st.integers(0, len(letters)),) * 2).map(sorted), max_size=8)
    )
    first = np.array([ends[a] for a, _ in places], np.int64)
    length = np.array([ends[b] - ends[a] for a, b in places], np.int64)
    found = spans.texts(np.frombuffer(text.encode(), np.uint8), first, length)
    expected = pl.Series([text[a:b] for a, b in places], dtype=pl.String)
    assert found.to_list() == expected.to_list()
    assert (found == expected).all()


def test_a_place_outside_of_the_bytes_is_refused():
    data = np.frombuffer(b"abcdefghijklmnop", np.uint8)
    for first, length in ((10, 7), (-1, 2), (3, -1), (17, 0)):
        with pytest.raises(ValueError, match="places"):
            spans.texts(data, np.array([first]), np.array([length]))


def test_bytes_are_let_go_with_the_last_column_of_them():
    data = np.frombuffer(b"x" * 99, np.uint8)
    gone = weakref.ref(data)
    found = spans.texts(data, np.array([1]), np.array([90]))
    del data
    kept = found.head(1)
    del found
    spans.sweep()
    assert gone() is not None
    assert kept[0] == "x" * 90
    del kept
    spans.sweep()
    assert gone() is None


def test_threads_that_make_and_sweep_lose_nothing():
    def some(_: int) -> tuple[list[pl.Series], list[weakref.ref[Any]]]:
        kept, alive = [], []
        for turn in range(300):
            data = np.frombuffer(f"{turn} and more than twelve".encode(), np.uint8)
            place = np.array([0]), np.array([len(data)])
            spans.texts(data.copy(), *place)
            kept.append(spans.texts(data, *place))
            alive.append(weakref.ref(data))
        return kept, alive

    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(some, range(8)))
    finally:
        sys.setswitchinterval(usual)
    spans.sweep()
    assert all(one() is not None for _, alive in found for one in alive)


def test_an_error_that_takes_columns_with_it_arrives():
    """What is called as a column goes must not run into the error that is on its way."""
    found = spans.texts(np.frombuffer(b"x" * 99, np.uint8), np.array([1]), np.array([90]))
    with pytest.raises(pl.exceptions.PolarsError):
        found.to_frame("x").with_columns(x=pl.lit(False)).select(pl.col("x").str.len_bytes())
    del found
    with pytest.raises(pl.exceptions.PolarsError):
        spans.texts(np.frombuffer(b"x" * 99, np.uint8), np.array([1]), np.array([90])).cast(
            pl.Int64
        )
