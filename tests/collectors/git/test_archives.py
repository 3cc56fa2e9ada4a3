"""Source archives against the tree of their tag, and what a hostile one does."""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from collectors.git import collector
from tests.collectors.git.repositories import Collected, Repository

REF = "refs/tags/v1"


@pytest.fixture
def tagged(work: Repository) -> Repository:
    """A tree with one of everything that an archive may hold otherwise."""
    files = {
        "src/pkg/__init__.py": "one\n",
        "docs/secret": "not for archives\n",
        "version.txt": "$Format:%H$ of $Format:%cd$\n",
        "id.c": "/* $Id$ */\n",
        "win.bat": "echo\n",
        "big.bin": f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 3\n",
        "pyproject.toml": "[project]\n",
        ".gitattributes": "docs/ export-ignore\nversion.txt export-subst\nid.c ident\n"
        "*.bat text eol=crlf\n*.bin filter=lfs\n",
    }
    for name, text in files.items():
        path = work.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (work.path / "link").symlink_to("pyproject.toml")
    work("add", ".")
    work("commit", "-q", "-m", "one")
    work("tag", "v1")
    return work


def compared(got: Collected) -> dict[str, set[str]]:
    """Paths of the archive that are the tree's, that are not, and that the tree has alone."""

    def names(*kinds: str) -> dict[str, set[str]]:
        rows = got.events.filter(got.events["kind"].is_in(kinds)).iter_rows(named=True)
        return {row["value"]: set(row["names"]) for row in rows}

    ours = names("archive.file")
    tree = names("tree.file", "tree.filtered", "tree.ignored")
    return {
        "same": {path for path in ours if ours[path] & tree.get(path, set())},
        "altered": {path for path in ours if path in tree and not ours[path] & tree[path]},
        "added": set(ours) - set(tree),
        "missing": set(names("tree.file")) - set(ours),
        "generated": set(names("archive.generated")),
    }


def collected(tmp_path: Path, name: str, **more: Any) -> Collected:
    archive = {"path": name, "ref": REF, **more}
    return Collected(tmp_path / "case", path="models", archives=(archive,))


@pytest.mark.parametrize("form", ["tar", "tar.gz", "zip"])
def test_what_git_archives_is_the_tree(tagged: Repository, tmp_path: Path, form: str):
    tagged("archive", f"--format={form}", "--prefix=m-1/", "-o", f"../m.{form}", "v1")
    got = collected(tmp_path, f"m.{form}")
    assert not got.failures
    found = compared(got)
    assert found["same"] == {
        "src/pkg/__init__.py", "version.txt", "id.c", "win.bat", "big.bin", "pyproject.toml",
        ".gitattributes", "link",
    }  # fmt: skip
    assert not (found["altered"] | found["added"] | found["missing"])
    (archive,) = got.kind("git.archive").iter_rows(named=True)
    assert archive["names"] == ["git:" + tagged("rev-parse", "v1")], "git writes down the commit"
    assert got.kind("tree.ignored")["value"].to_list() == ["docs/secret"]


def changed(source: Path, target: Path, mode: str) -> None:
    """One file with other bytes, one more, one fewer."""
    with tarfile.open(source) as old, tarfile.open(target, mode) as new:
        for info in old:
            data = old.extractfile(info).read() if info.isreg() else b""  # type: ignore[union-attr]
            if info.name == "m-1/pyproject.toml":
                continue
            if info.name == "m-1/src/pkg/__init__.py":
                data = b"two\n"
            info.size = len(data)
            new.addfile(info, io.BytesIO(data))
        more = tarfile.TarInfo("m-1/m4/build-to-host.m4")
        new.addfile(more, io.BytesIO(b""))


@pytest.mark.parametrize("form", ["gz", "xz", "bz2"])
def test_what_differs_is_told_file_by_file(tagged: Repository, tmp_path: Path, form: str):
    tagged("archive", "--prefix=m-1/", "-o", "../old.tar", "v1")
    changed(tmp_path / "old.tar", tmp_path / "m.tar", f"w:{form}")
    found = compared(collected(tmp_path, "m.tar"))
    assert found["altered"] == {"src/pkg/__init__.py"}
    assert found["added"] == {"m4/build-to-host.m4"}
    assert found["missing"] == {"pyproject.toml"}


def test_what_the_case_says_is_generated_is_told_apart(tagged: Repository, tmp_path: Path):
    tagged("archive", "--prefix=m-1/", "-o", "../old.tar", "v1")
    changed(tmp_path / "old.tar", tmp_path / "m.tar", "w")
    found = compared(collected(tmp_path, "m.tar", generated=("m4/*", "src/*")))
    assert found["generated"] == {"m4/build-to-host.m4"}
    assert found["altered"] == {"src/pkg/__init__.py"}, "a file of the tree is not generated"


def test_an_sdist_and_a_wheel_have_files_of_their_own(tagged: Repository, tmp_path: Path):
    with tarfile.open(tmp_path / "m-1.tar.gz", "w:gz") as sdist:
        for name in ("PKG-INFO", "setup.cfg", "src/m.egg-info/SOURCES.txt", "pyproject.toml"):
            data = (tagged.path / name).read_bytes() if name == "pyproject.toml" else b"x"
            info = tarfile.TarInfo(f"m-1/{name}")
            info.size = len(data)
            sdist.addfile(info, io.BytesIO(data))
    found = compared(collected(tmp_path, "m-1.tar.gz"))
    assert (found["same"], found["added"]) == ({"pyproject.toml"}, set())
    assert len(found["generated"]) == 3
    with zipfile.ZipFile(tmp_path / "m-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("pkg/__init__.py", "one\n")
        wheel.writestr("m-1.dist-info/RECORD", "")
    other = Collected(
        tmp_path / "wheel", path="models", archives=({"path": wheel.filename, "ref": REF},)
    )
    found = compared(other)
    assert (found["same"], found["added"]) == ({"src/pkg/__init__.py"}, set())


def test_the_lfs_file_is_the_one_that_its_pointer_names(work: Repository, tmp_path: Path):
    import hashlib

    digest = hashlib.sha256(b"weights").hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize 7\n"
    (work.path / "m.bin").write_text(pointer)
    (work.path / ".gitattributes").write_text("*.bin filter=lfs\n")
    work("add", ".")
    work("commit", "-q", "-m", "one")
    work("tag", "v1")
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        archive.writestr("m/m.bin", "weights")
    assert compared(collected(tmp_path, "m.zip"))["same"] == {"m.bin"}


def test_every_file_is_quoted(tagged: Repository, tmp_path: Path):
    tagged("archive", "--prefix=m-1/", "-o", "../m.tar.gz", "v1")
    got = collected(tmp_path, "m.tar.gz")
    items = {item.sha256: item for item in got.items}
    for row in got.events.iter_rows(named=True):
        if row["kind"].startswith(("tree.", "archive.")):
            quote = collector.quote(got.source, got.items, items[row["item"]], row["citation"])
            assert row["digest"].removeprefix("git:") in quote.text


def bomb(path: Path) -> None:
    """A pax header that claims to be 8 GiB long."""
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, 8 << 30
    with gzip.open(path, "wb") as file:
        file.write(info.tobuf() + bytes(64 << 20))


def greedy(path: Path) -> None:
    """An xz file that asks for a dictionary of 1 GiB."""
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 26}]
    data = bytearray(lzma.compress(b"x" * 5000, filters=filters))
    path.write_bytes(data[:40] + b"\xff" * 8 + data[48:])


def lying(path: Path) -> None:
    """A zip whose directory says that a file is longer than it is."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("m/x", "abc")
    path.write_bytes(out.getvalue().replace(b"\x03\0\0\0\x03\0\0\0", b"\x03\0\0\0\x09\0\0\0"))


def text(path: Path) -> None:
    path.write_text("no archive")


def cut(path: Path) -> None:
    with tarfile.open(path, "w:gz") as archive:
        info = tarfile.TarInfo("m/x")
        info.size = 5000
        archive.addfile(info, io.BytesIO(bytes(range(200)) * 25))
    path.write_bytes(path.read_bytes()[:-60])


@pytest.mark.parametrize("make", [bomb, greedy, lying, text, cut])
@pytest.mark.usefixtures("tagged")
def test_a_broken_archive_is_said_and_the_rest_is_read(tmp_path: Path, make: Any):
    make(tmp_path / "m.tar.gz")
    got = collected(tmp_path, "m.tar.gz")
    assert "expected an archive that can be read" in got.said()
    assert got.kind("git.archive")["value"].str.starts_with("form=broken").all()
    assert got.kind("git.commit").height == 1


@pytest.mark.usefixtures("tagged")
def test_nothing_is_unpacked(tmp_path: Path):
    with tarfile.open(tmp_path / "m.tar", "w") as archive:
        for name in ("../../escaped", "/tmp/recon-escaped", "m/../../x"):  # noqa: S108
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    found = compared(collected(tmp_path, "m.tar"))
    assert len(found["added"]) == 3
    assert not [path for path in tmp_path.parent.rglob("*") if path.name == "escaped"]
    assert not Path("/tmp/recon-escaped").exists()  # noqa: S108


def test_filters_that_the_tree_names_are_not_run(tagged: Repository, tmp_path: Path):
    marker = tmp_path / "MARKER"
    config = tagged.path / ".git/config"
    config.write_text(
        config.read_text()
        + f'[filter "lfs"]\n\tsmudge = touch {marker}\n\tprocess = touch {marker}\n'
        f"\tclean = touch {marker}\n[core]\n\tattributesFile = {marker}\n"
        f"\tfsmonitor = touch {marker}\n"
    )
    with tarfile.open(tmp_path / "m.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("m/x"), io.BytesIO())
    got = collected(tmp_path, "m.tar")
    assert got.kind("tree.file").height
    assert not marker.exists()


@pytest.mark.usefixtures("tagged")
def test_an_archive_that_is_not_there_is_named(tmp_path: Path):
    got = collected(tmp_path, "none.tar")
    assert [name for name, _ in got.failures] == ["none.tar"]
    assert got.kind("git.commit").height == 1


def odd_tar(path: Path, *, behind: bytes = b"") -> None:
    """A file whose name is no UTF-8, a pipe, and a hard link to nothing that stands before it."""
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        for name, kind in (("m/\udcff", tarfile.REGTYPE), ("m/pipe", tarfile.FIFOTYPE),
                           ("m/link", tarfile.LNKTYPE)):  # fmt: skip
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "m/later" if kind == tarfile.LNKTYPE else ""
            archive.addfile(info)
    if behind:
        data = path.read_bytes().rstrip(b"\0")
        path.write_bytes(data + b"\0" * (-len(data) % 512) + b"\0" * 512 + behind)


def test_what_an_archive_has_beside_files_is_told_of(tagged: Repository, tmp_path: Path):
    """No reader of ours goes on behind an empty block; others may, and so it is said."""
    odd_tar(tmp_path / "a.tar")
    got = collected(tmp_path, "a.tar")
    files = got.kind("archive.file")
    assert files["citation"].to_list() == ["file m/\\xff"]
    assert "found 2 others: 'm/pipe', a device" in got.said()
    assert "'m/link', a link to a file that does not stand before it" in got.said()
    assert "behind the archive's end" not in got.said()
    tagged("archive", "--prefix=m/", "-o", "../more.tar", "v1")
    odd_tar(tmp_path / "b.tar", behind=(tmp_path / "more.tar").read_bytes())
    assert "behind the archive's end" in collected(tmp_path / "b", "../b.tar").said()


def test_what_hides_where_the_build_writes_is_held_against_the_tree(
    tagged: Repository, tmp_path: Path
):
    """`*.dist-info` at the top alone, and of `*.data` what the tree has as well."""
    own = (tagged.path / "pyproject.toml").read_bytes()
    with zipfile.ZipFile(tmp_path / "m-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("m-1.dist-info/METADATA", "x")
        wheel.writestr("m/evil.dist-info/evil.py", "x")
        wheel.writestr("m-1.data/purelib/evil.pth", "import evil")
        wheel.writestr("m-1.data/data/pyproject.toml", own)
    got = collected(tmp_path, "m-1-py3-none-any.whl")
    assert set(got.kind("archive.generated")["citation"]) == {
        "file m-1.dist-info/METADATA", "file m-1.data/data/pyproject.toml",
    }  # fmt: skip
    assert set(got.kind("archive.file")["citation"]) == {
        "file m/evil.dist-info/evil.py", "file m-1.data/purelib/evil.pth",
    }  # fmt: skip


@pytest.mark.parametrize("where", ["before", "behind", "between", "nowhere"])
def test_files_that_the_directory_of_a_zip_does_not_list_are_told_of(
    tagged: Repository, tmp_path: Path, where: str
):
    """A program that reads from the start unpacks them; git's own archive has no room for any."""
    tagged("archive", "--prefix=m/", "-o", "../good.zip", "v1")
    good = (tmp_path / "good.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        archive.writestr("m/evil.py", "x")
    evil = (tmp_path / "more.zip").read_bytes()
    evil = evil[: evil.index(b"PK\1\2")]
    at = good.index(b"PK\1\2")
    end = good.rindex(b"PK\5\6")
    moved = int.from_bytes(good[end + 16 : end + 20], "little") + len(evil)
    data = {
        "before": evil + good,
        "behind": good + evil,
        "between": good[:at] + evil + good[at : end + 16]
        + moved.to_bytes(4, "little") + good[end + 20 :],
        "nowhere": good,
    }[where]  # fmt: skip
    (tmp_path / "a.zip").write_bytes(data)
    got = collected(tmp_path, "a.zip")
    assert ("which some programs read as more files" in got.said()) == (where != "nowhere")
    assert "file m/evil.py" not in set(got.kind("archive.file")["citation"])
    assert compared(got)["same"]
