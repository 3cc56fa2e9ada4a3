"""The packaged case: what its production says, stock tools repeat."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from recon.case import Case
from recon.exhibitor import Production
from reports.bag import exhibitor
from tests.once import march_8

# Debian keeps the tools of each PostgreSQL version in a folder of its own.
PATH = f"/usr/lib/postgresql/15/bin:{os.environ['PATH']}"


@pytest.fixture(scope="module")
def march(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return march_8(tmp_path_factory)


@pytest.fixture(scope="module")
def bag(march: Case) -> Production:
    return exhibitor.produce(march, march.root / "productions/one", lambda _w, _d, _t: None)


def shell(script: str, folder: Path) -> str:
    return subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": PATH, "LC_ALL": "C.UTF-8"},
    ).stdout


def test_each_record_is_shown_by_the_stock_command_beside_it(
    march: Case, bag: Production, tmp_path: Path
):
    """A copy, as VERIFY.md asks: some commands make files beside the bag's own."""
    copy = Path(shutil.copytree(bag.folder, tmp_path / "copy"))
    guide = (copy / "VERIFY.md").read_text(encoding="utf-8")
    parts = [p for p in re.split(r"\n## |\n### Record ", guide) if re.match(r"[A-Z]\d*: ", p)]
    roles = [role for finding in march.findings().findings for role in finding.events]
    assert len(parts) == len(roles) > 5
    tools = set()
    for part, role in zip(parts, roles, strict=True):
        commands = [line[4:] for line in part.splitlines() if line.startswith("    ")][1:]
        assert shell(commands[0], copy).endswith(": OK\n")
        shown = shell(commands[1], copy).rstrip("\n")
        quote, _ = march.quote(role.source, role.event)
        # pg_restore lists more than the rendering of a table of contents quotes.
        if "pg_restore -l" not in commands[1]:
            assert shown == quote.text.rstrip("\n"), commands[1]
        tools |= set(re.findall(r"sed|pg_waldump|pg_restore|cat", commands[1]))
    assert {"sed", "pg_waldump", "pg_restore"} <= tools


def test_a_digest_that_s3_writes_in_base64_is_converted_by_the_command(bag: Production):
    guide = (bag.folder / "VERIFY.md").read_text(encoding="utf-8")
    commands = re.findall(r"^    (printf %s \S+ \| base64 -d .*)$", guide, re.MULTILINE)
    assert commands
    for command in commands:
        assert shell(command, bag.folder) in guide


def test_the_same_case_gives_the_same_bytes(march: Case, bag: Production):
    again = exhibitor.produce(march, march.root / "productions/two", lambda _w, _d, _t: None)
    names = sorted(p.relative_to(bag.folder) for p in bag.folder.rglob("*") if p.is_file())
    assert names == sorted(
        p.relative_to(again.folder) for p in again.folder.rglob("*") if p.is_file()
    )
    for name in names:
        assert (bag.folder / name).read_bytes() == (again.folder / name).read_bytes(), name


def test_one_flipped_byte_of_a_native_is_named(bag: Production, tmp_path: Path):
    copy = Path(shutil.copytree(bag.folder, tmp_path / "copy"))
    assert exhibitor.verify(copy) == []
    native = min((copy / "data/NATIVES").glob("*.wal"))
    data = bytearray(native.read_bytes())
    data[len(data) // 2] ^= 1
    native.write_bytes(bytes(data))
    (line,) = exhibitor.verify(copy)
    assert line.startswith(f"data/NATIVES/{native.name}: expected SHA-256 ")
