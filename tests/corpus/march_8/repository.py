"""The repository ``code``: one training commit a release, tags by CI, a rebased branch."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from tests.corpus.march_8 import story

Person = tuple[str, str, str]


@dataclass(slots=True)
class Repository:
    """A working repository whose every commit is dated by us."""

    folder: Path

    @classmethod
    def create(cls, folder: Path, when: datetime) -> Repository:
        """An empty repository with a first commit."""
        folder.mkdir(parents=True)
        repository = cls(folder)
        repository.git("init", "-q", "-b", "main")
        repository.commit("README.md", "# Models of acme\n", "Start", story.MINA, when)
        return repository

    def git(self, *arguments: str, environment: dict[str, str] | None = None) -> str:
        """One git command without anyone's configuration."""
        alone = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "LC_ALL": "C",
            "TZ": "UTC",
        }
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env=alone | (environment or {}),
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def commit(self, file: str, text: str, message: str, who: Person, when: datetime) -> str:
        """Write a file and commit it, authored some minutes earlier; returns the hash."""
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        self.git("add", "--", file)
        dated = _dated(who, when, when - timedelta(minutes=7))
        self.git("commit", "-q", "-m", message, environment=dated)
        return self.git("rev-parse", "HEAD")

    def train(self, release: story.Release, when: datetime) -> str:
        """The training commit of a release."""
        text = (
            f"version: {release.version}\nseed: {release.run[-4:]}\n"
            f"dataset: {release.dataset()}\nauthor: {release.author[1]}\n"
        )
        message = f"{release.model}: train {release.version}"
        return self.commit(f"{release.model}/train.yaml", text, message, release.author, when)

    def tag(self, release: story.Release, commit: str, when: datetime) -> None:
        """CI's annotated tag."""
        message = f"{release.model} {release.version}"
        dated = _dated(story.CI, when, when)
        self.git("tag", "-a", release.tag, commit, "-m", message, environment=dated)

    def feature(self, when: datetime) -> None:
        """Two commits on a branch, off the main line."""
        self.git("checkout", "-q", "-b", "feature/calibration")
        for number, step in enumerate(("Draw the reliability curve", "Fit isotonic regression")):
            self.commit(
                f"calibration/step{number}.py",
                f'"""{step}."""\n',
                step,
                story.MINA,
                when + timedelta(hours=5 * number),
            )
        self.git("checkout", "-q", "main")

    def rebase(self, when: datetime) -> None:
        """Innocent: the branch is rebased; its authors' dates stay, its committer's are new."""
        dated = _dated(story.MINA, when, None)
        self.git("rebase", "-q", "main", "feature/calibration", environment=dated)
        self.git("checkout", "-q", "main")

    def bundle(self, file: Path) -> None:
        """Every ref and what it reaches, as one file."""
        self.git("bundle", "create", "-q", str(file), "--all")


def _dated(who: Person, when: datetime, author: datetime | None) -> dict[str, str]:
    """Environment that names committer and author and their dates, in the person's zone."""
    name, email, zone = who
    dated = {
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": email,
        "GIT_COMMITTER_DATE": f"{int(when.timestamp())} {zone}",
    }
    if author is not None:
        dated |= {
            "GIT_AUTHOR_NAME": name,
            "GIT_AUTHOR_EMAIL": email,
            "GIT_AUTHOR_DATE": f"{int(author.timestamp())} {zone}",
        }
    return dated
