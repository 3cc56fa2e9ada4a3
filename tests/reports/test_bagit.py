"""The manifests: independent readers agree, and every change is named."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import bagit as reader
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recon.exhibitor import Production
from reports import bagit


@pytest.fixture
def bag(production: Production, tmp_path: Path) -> Path:
    return Path(shutil.copytree(production.folder, tmp_path / "bag"))


def test_the_reference_reader_finds_the_bag_valid(production: Production):
    assert reader.Bag(str(production.folder)).validate()


@pytest.mark.parametrize("manifest", ["manifest-sha256.txt", "tagmanifest-sha256.txt"])
def test_sha256sum_passes_from_inside(production: Production, manifest: str):
    ran = subprocess.run(
        ["sha256sum", "--check", "--strict", manifest],
        cwd=production.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ": OK" in ran.stdout


def test_a_whole_bag_has_nothing_to_say(production: Production):
    assert bagit.recognises(production.folder)
    assert bagit.verify(production.folder) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_flipped_byte_is_found_and_named(production: Production, data: st.DataObject):
    files = sorted(p for p in production.folder.rglob("*") if p.is_file() and p.stat().st_size)
    path = data.draw(st.sampled_from(files))
    original = path.read_bytes()
    place = data.draw(st.integers(0, len(original) - 1))
    changed = bytearray(original)
    changed[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        path.write_bytes(bytes(changed))
        said = bagit.verify(production.folder)
    finally:
        path.write_bytes(original)
    name = path.relative_to(production.folder).as_posix()
    # A changed digest or path in the tag manifest shows as the file that it then does not fit.
    assert said
    assert name == bagit.TAGS or any(name in line for line in said)


def test_a_missing_and_an_extra_file_are_named(bag: Path):
    (bag / "data/DATA/items.txt").unlink()
    (bag / "data/DATA/added.txt").write_text("x", encoding="utf-8")
    said = bagit.verify(bag)
    assert "data/DATA/items.txt: expected by the manifest, not there" in said
    assert "'data/DATA/added.txt': there, and in no manifest" in said


def test_a_link_in_place_of_a_file_is_refused(bag: Path):
    path = bag / "data/DATA/items.txt"
    path.rename(bag.parent / "items.txt")
    path.symlink_to(bag.parent / "items.txt")
    assert any("items.txt: expected a regular file" in line for line in bagit.verify(bag))


def test_a_linked_folder_is_not_followed(bag: Path):
    (bag / "data/DATA").rename(bag.parent / "DATA")
    (bag / "data/DATA").symlink_to(bag.parent / "DATA")
    said = bagit.verify(bag)
    assert "'data/DATA': there, and in no manifest" in said
    assert any(line.startswith("data/DATA/items.txt: expected") for line in said)


@pytest.mark.parametrize(
    "line",
    [
        "../../../etc/passwd",
        "/etc/passwd",
        "data/../../x",
        "data/a b",
        "data/",
        "bagit.txt",
        "\x1b",
    ],
)
def test_a_manifest_that_leads_out_of_the_bag_is_not_followed(bag: Path, line: str):
    with (bag / bagit.PAYLOAD).open("a", encoding="utf-8") as file:
        file.write(f"{'0' * 64}  {line}\n")
    said = bagit.verify(bag)
    assert any(f"{bagit.PAYLOAD}, line" in each for each in said)
    assert not any("passwd" in each for each in said)


def test_a_folder_that_is_no_bag_says_what_is_missing(tmp_path: Path):
    assert not bagit.recognises(tmp_path)
    said = bagit.verify(tmp_path)
    assert any(line.startswith("manifest-sha256.txt: expected a manifest") for line in said)
