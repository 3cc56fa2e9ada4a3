"""VERIFY.md gives WAL segments the names that pg_waldump wants, unpacked where they are not."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from recon.collector import Item, Sha256
from reports import guide
from reports.natives import Produced

NAME = "00000001000000000000000C"
SHA1 = "af1a9e926dafd83c80dd033e62652cefc02ec4c7"
PROGRAMS = {"": "cat", ".gz": "gzip", ".zst": "zstd", ".lz4": "lz4", ".bz2": "bzip2", ".xz": "xz"}


def commands(*natives: str) -> str:
    produced = {
        native: Produced(
            Item(Sha256(f"{at:064x}"), "db", "pg.wal", native, 1, "2026-01-01T00:00:00Z", 1),
            f"R{at:07}",
            f"R{at:07}.wal",
            "cited",
        )
        for at, native in enumerate(natives, 1)
    }
    facts = guide.Facts("c", "t", "s", "v", "r", "h", 1, 1, (), 0, 0, (), produced)
    return guide._segments(facts)  # noqa: SLF001  (the rest of the guide needs a whole production)


@pytest.mark.parametrize("suffix", PROGRAMS)
@pytest.mark.parametrize("named", ["", f"-{SHA1}", ".partial"])
def test_a_packed_segment_is_unpacked_under_its_own_name(tmp_path: Path, suffix: str, named: str):
    text = commands(f"repo/{NAME}{named}{suffix}")
    folder = tmp_path / "data" / "NATIVES"
    folder.mkdir(parents=True)
    with (folder / "R0000001.wal").open("wb") as out:
        command = [PROGRAMS[suffix], *([] if suffix == "" else ["-c"])]
        subprocess.run(command, input=b"records", stdout=out, check=True)
    (block,) = text.split("```sh\n")[1:]
    subprocess.run(["bash", "-ec", block.partition("```")[0]], cwd=tmp_path, check=True)
    assert (tmp_path / "wal-db" / NAME).read_bytes() == b"records"


def test_a_name_that_is_no_segment_gives_no_command():
    assert commands(f"x/{NAME};rm -rf ~", f"x/$(reboot){NAME}.gz", "x/README") == ""
