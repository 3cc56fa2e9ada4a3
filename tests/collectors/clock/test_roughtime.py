"""Roughtime over real UDP: what a server signs binds the examiner's clock, and nothing else."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

import recon
from collectors.clock import roughtime
from recon.case import Case
from recon.examiner import said
from tests.roughtime_server import DRAFT, RFC, Roughtime, serving

HOUR = 3600
SECOND = 1_000_000
CASE = """\
[case]
id = "small"
title = "What time is it?"

[domain.examiner]
organisation = "us"

[[source]]
id = "clock"
collector = "clock"
domain = "examiner"
ntp = false
roughtime = [{servers}]
"""


def case(folder: Path, *servers: tuple[str, str, Roughtime]) -> Case:
    """Name, address and server each."""
    folder.mkdir(exist_ok=True)
    told = ", ".join(
        f'{{ name = "{name}", address = "{address}", key = "{server.public}" }}'
        for name, address, server in servers
    )
    (folder / "case.toml").write_text(CASE.format(servers=told))
    return recon.open(folder)


def collected(folder: Path, server: Roughtime) -> Case:
    with serving(server) as address:
        made = case(folder, ("one", address, server))
        list(made.collect())
    return made


def warned(made: Case) -> str:
    return " ".join(one["message"] for one in made.warnings())


@pytest.mark.parametrize("neighbours", [0, 1, 2, 5])
@pytest.mark.parametrize("ahead", [0, -HOUR])
@pytest.mark.parametrize("version", [RFC, DRAFT])
def test_what_it_signs_bounds_the_examiners_clock_from_both_sides(
    tmp_path: Path, neighbours: int, ahead: int, version: int
):
    """A server that is true while ours is fast looks as one that is behind while ours is true."""
    server = Roughtime(ahead=ahead, neighbours=neighbours, radius=2, version=version)
    made = collected(tmp_path, server)
    found = made.clocks()
    (one,) = found.ahead["examiner"]
    assert one.low is not None
    assert one.high is not None
    # Its second and its radius either way, and the time that the answer took.
    assert one.low <= -ahead * SECOND <= one.high
    assert one.high - one.low < 7 * SECOND
    assert [ground.name for ground in one.grounds] == ["Roughtime of one"]
    assert "Roughtime of one" in said(made)
    assert not made.warnings()


def test_a_version_of_other_rules_is_refused(tmp_path: Path):
    made = collected(tmp_path, Roughtime(version=0x8000000B))
    assert "version 1 or 0x8000000c" in warned(made)


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("other key", "a signature of the delegation that verifies"),
        ("altered", "a signature of the response that verifies"),
        ("other nonce", "the nonce that was sent"),
        ("other root", "a Merkle path from the request to the signed root"),
        ("expired", "within the time that the key was delegated for"),
        ("no radius", "a radius"),
    ],
)
def test_what_is_not_valid_binds_nothing_and_is_said(tmp_path: Path, fault: str, why: str):
    made = collected(tmp_path, Roughtime(fault=fault, neighbours=3))
    assert made.timeline().collect().is_empty()
    assert why in warned(made)
    assert "unmeasured" in said(made)


def test_whatever_byte_of_an_answer_is_altered_it_says_nothing_else(tmp_path: Path):
    server = Roughtime(neighbours=3)
    made = collected(tmp_path, server)
    (item,) = made.items()
    (one,) = json.loads(made.path_of(item.sha256).read_bytes())["roughtime"]
    asked, answer = (base64.b64decode(one[end]) for end in ("request", "response"))
    key = base64.b64decode(server.public)
    told = roughtime.verify(asked, answer, key)
    for at in range(len(answer)):
        altered = bytearray(answer)
        altered[at] ^= 0x04
        try:
            assert roughtime.verify(asked, bytes(altered), key) == told
        except ValueError:
            continue
        # Only what no signature covers and no check reads may change: there is no such byte.
        pytest.fail(f"byte {at} was altered and verified")
    other = bytearray(asked)
    other[-1] ^= 1
    with pytest.raises(ValueError, match="Merkle"):
        roughtime.verify(bytes(other), answer, key)


def test_of_several_servers_one_that_lies_is_outvoted_and_named(tmp_path: Path):
    true, lying = [Roughtime() for _ in range(4)], Roughtime(ahead=-9000)
    with (
        serving(true[0]) as a,
        serving(true[1]) as b,
        serving(true[2]) as c,
        serving(true[3]) as d,
        serving(lying) as x,
    ):
        named = [("a", a, true[0]), ("x", x, lying), ("b", b, true[1]), ("c", c, true[2])]
        made = case(tmp_path, *named, ("d", d, true[3]))
        list(made.collect())
    found = made.clocks()
    (one,) = found.ahead["examiner"]
    assert (one.agreeing, one.pairs, one.state) == (4, 5, "measured")
    assert one.low is not None
    assert one.high is not None
    assert one.low <= 0 <= one.high < 10 * SECOND
    (dissent,) = found.dissent
    assert dissent.law == "Roughtime of x"
    told = said(made)
    assert "by −" in told.partition("Roughtime")[0]
    assert "h" not in told.partition("UTC by")[2].partition(";")[0]
    assert told.endswith("; against Roughtime of x.")


def test_two_servers_that_exclude_each_other_leave_it_unmeasured(tmp_path: Path):
    one, other = Roughtime(), Roughtime(ahead=-9000)
    with serving(one) as a, serving(other) as b:
        made = case(tmp_path, ("a", a, one), ("b", b, other))
        list(made.collect())
    assert "exclude each other (Roughtime of a, Roughtime of b)" in said(made)
    (found,) = made.clocks().ahead["examiner"] or [None]
    assert found is None or found.state != "measured"


def test_a_server_that_is_silent_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from collectors.clock import measure

    monkeypatch.setattr(measure, "_PATIENCE", 0.2)
    silent, speaking = Roughtime(fault="silent"), Roughtime()
    with serving(silent) as a, serving(speaking) as b:
        made = case(tmp_path, ("silent", a, silent), ("speaking", b, speaking))
        list(made.collect())
    assert "a response, found none" in warned(made)
    assert [one.name for one in made.clocks().anchors] == ["Roughtime of speaking"]


def test_an_address_that_is_no_name_stops_nothing(tmp_path: Path):
    made = case(tmp_path, ("one", "a..b:2002", Roughtime()))
    assert [one.failures for one in made.collect() if one.failures] == []
    assert "a response, found none" in warned(made)


def test_a_key_that_the_case_does_not_trust_any_more_binds_nothing(tmp_path: Path):
    server = Roughtime()
    made = collected(tmp_path, server)
    text = (tmp_path / "case.toml").read_text()
    other = Roughtime().public
    (tmp_path / "case.toml").write_text(text.replace(server.public, other))
    assert recon.open(tmp_path).timeline().collect().is_empty()
    (tmp_path / "case.toml").write_text(text.replace('name = "one"', 'name = "two"'))
    assert "a name that the case has" in warned(recon.open(tmp_path))
    del made


def test_each_nonce_covers_the_answer_before_it(tmp_path: Path):
    one, two = Roughtime(), Roughtime()
    with serving(one) as a, serving(two) as b:
        made = case(tmp_path, ("a", a, one), ("b", b, two))
        list(made.collect())
    (item,) = made.items()
    first, second = json.loads(made.path_of(item.sha256).read_bytes())["roughtime"]
    nonce = roughtime.unpacked(base64.b64decode(second["request"]))[b"NONC"]
    parts = (base64.b64decode(first["response"]), base64.b64decode(second["rand"]))
    assert nonce == roughtime.digest(*parts)


@pytest.mark.parametrize(
    ("servers", "said"),
    [
        ('{ name = "a", address = "x", key = "AA==" }', "HOST:PORT"),
        ('{ name = "a", address = "x:2002", key = "AA==" }', "32 bytes in base64"),
        ('{ name = "a", address = "x:2002" }', "`source.0.roughtime.0.key`"),
        ("", "`ntp` or `roughtime`"),
    ],
)
def test_options_that_mean_nothing_are_refused(tmp_path: Path, servers: str, said: str):
    (tmp_path / "case.toml").write_text(CASE.format(servers=servers))
    with pytest.raises(recon.errors.CaseError, match=said.replace(".", r"\.")):
        recon.open(tmp_path)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"ROUGHTIM",
        b"ROUGHTIM\x00\x00\x00\x00",
        b"ROUGHTIM\x08\x00\x00\x00\xff\xff\xff\xff\x00\x00\x00\x00",
        b"ROUGHTIM\x10\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00SIG\x00NONC",
        b"ROUGHTIM" + b"\xff" * 4000,
    ],
)
def test_packets_that_are_none_are_refused_in_words(data: bytes):
    with pytest.raises(ValueError, match="a"):
        roughtime.unpacked(data)
